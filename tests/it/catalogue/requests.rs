//! A row for a request to something that has no actions of its own, and what is known of one that nobody can see.

use super::{
    done,
    rows::{Deed, Ground, Row},
};
use crate::{core::run::in_virtual_time, drill::run::Drill};
use failover::{
    engine::Ask,
    run::{Question, StepOutcome},
    sim::{Fault, Mishap, Outage},
};
use http::Method;

/// A service that takes notes.
pub const REQUESTS: Ground = Ground {
    head: r"
failover: 1
runbook: row
summary: One row of the catalogue
default_mode: planned
lock: row
secrets: { TOKEN: { env: TOKEN } }
regions: { east: {}, west: {} }
steps:
",
    way: ["east", "west"],
    world: |plan| Drill::new(plan, Outage::None),
};

fn forget(drill: &Drill) {
    drill.cloud.with_world(|world| world.cloud_mut().forget_requests());
}

pub const ROWS: [Row; 1] = [Row {
    ground: &REQUESTS,
    kind: "http.request",
    scene: Deed::Nothing,
    step: r#"
  - id: note
    action: http.request
    with:
      url: https://notes.example.net:8443/incidents
      body: '{"text":"it begins"}'
      bearer: ${{ secrets.TOKEN }}
      observe: https://notes.example.net/incidents/current
      observe_contains: begun
      harmless: true
"#,
    back: Deed::ByHand(forget),
}];

const UNSEEN: &str = r"
  - id: note
    action: http.request
    with: { url: 'https://notes.example.net/incidents', body: hello, bearer: '${{ secrets.TOKEN }}' }
";

#[test]
fn a_request_that_nobody_can_see_is_sent_once() {
    in_virtual_time(async {
        let drill = REQUESTS.drill(UNSEEN);
        done(&drill).await;
        assert_eq!(drill.changes(), ["POST /incidents"]);
        assert_eq!(drill.outcome("note"), Some(StepOutcome::Succeeded));
    });
    in_virtual_time(async {
        let drill = REQUESTS.drill(UNSEEN);
        drill.cloud.fault(Fault {
            method: Some(Method::POST),
            path: "/incidents".to_owned(),
            nth: 1,
            mishap: Mishap::LostAnswer,
        });
        done(&drill).await;
        let asked = drill.asked.lock().unwrap().clone();
        let says = "POST https://notes.example.net/incidents";
        let happened = |ask: &Ask| matches!(&ask.question, Question::Happened { says: about, .. } if about == says);
        assert!(asked.iter().any(happened), "{asked:?}");
        assert_eq!(drill.changes(), ["POST /incidents"], "it had happened, and is not sent again");
    });
}
