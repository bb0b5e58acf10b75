//! An endpoint that is pointed from a web app to a host outside Azure, and back: it changes its type.

use super::{azure::AZURE, changes, done, seen};
use crate::{core::run::in_virtual_time, drill::run::Drill};
use failover::{action::Answer, engine::Ending};
use http::Method;

const OUTSIDE: &str = r"
  - id: outside
    action: azure.traffic_manager.endpoint
    with: { profile: tm-proseware, endpoint: '${{ from.endpoint }}', external: page.proseware.example }
";
const BACK: &str = r"
  - id: back
    action: azure.traffic_manager.endpoint
    with: { profile: tm-proseware, endpoint: '${{ from.endpoint }}', target: '${{ from.app }}' }
";

/// The type, the status, and the priority of the endpoint.
fn endpoint(drill: &Drill) -> (String, bool, i64) {
    let cloud = drill.cloud.with_world(|world| serde_json::to_value(world.cloud()).unwrap());
    let all = cloud["profiles"][0]["endpoints"].as_array().unwrap().clone();
    let it = all.iter().find(|one| one["name"] == "primary-region").unwrap();
    let kind = it["kind"].as_str().unwrap().to_owned();
    (kind, it["is_enabled"].as_bool().unwrap(), it["priority"].as_i64().unwrap())
}

fn sent(drill: &Drill) -> Vec<(Method, String)> {
    let end = |path: &str| {
        let path = path.split('?').next().unwrap();
        path.rsplit('/').take(2).collect::<Vec<_>>().join(" of ")
    };
    let all = changes(drill).into_iter();
    all.map(|exchange| (exchange.method, end(&exchange.path_and_query))).collect()
}

#[test]
fn it_is_deleted_and_made_anew_as_it_stood() {
    in_virtual_time(async {
        let drill = AZURE.drill(OUTSIDE);
        done(&drill).await;
        assert_eq!(endpoint(&drill), ("externalEndpoints".to_owned(), true, 1));
        let anew = |method, kind| (method, format!("primary-region of {kind}"));
        assert_eq!(
            sent(&drill),
            [anew(Method::DELETE, "azureEndpoints"), anew(Method::PUT, "externalEndpoints")]
        );
        let drill = AZURE.carry_on(drill, BACK);
        done(&drill).await;
        assert_eq!(endpoint(&drill), ("azureEndpoints".to_owned(), true, 1));
        assert_eq!(seen(&drill).await, Answer::AsDesired);
        assert_eq!(drill.breaches(), [""; 0]);
    });
}

#[test]
fn a_run_that_dies_in_between_makes_it_as_it_stood() {
    let points = in_virtual_time(async {
        let drill = AZURE.drill(OUTSIDE);
        done(&drill).await;
        drill.fuse.passed()
    });
    for point in 0..points {
        in_virtual_time(async {
            let drill = AZURE.drill(OUTSIDE);
            drill.fuse.set(point);
            assert_eq!(drill.process().await, None, "point {point} was not reached");
            let story = || format!("point {point}\n{}", drill.story());
            assert_eq!(drill.until_done(3).await, Ending::Done, "{}", story());
            assert_eq!(endpoint(&drill), ("externalEndpoints".to_owned(), true, 1), "{}", story());
        });
    }
}
