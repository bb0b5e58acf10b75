//! A whole failover of Proseware, as its users see it, and the same world made again from its ledger.

use super::{
    web::{create_page, publish},
    *,
};
use crate::sim::Sees;

const PROFILE: &str = "Microsoft.Network/trafficManagerProfiles/tm-proseware";
const TRAFFIC: &str = "?api-version=2022-04-01";
const WEB: &str = "?api-version=2024-04-01";
const POSTGRES: &str = "?api-version=2024-08-01";

fn endpoint(client: &mut Client, name: &str, properties: &Value) {
    let path = format!("{PROFILE}/azureEndpoints/{name}{TRAFFIC}");
    let answer = client.change(Method::PATCH, &path, &json!({ "properties": properties }));
    assert_eq!(answer.status(), StatusCode::OK, "{name}: {answer:?}");
}

fn accepted(answer: &Response) {
    assert!(answer.status().is_success(), "{answer:?}");
}

/// Everything up to the app in the other region, behind the maintenance page.
fn fail_over(client: &mut Client) {
    create_page(client);
    let rewrite = ("web.config", "<action type=\"Rewrite\" url=\"index.html\"/>");
    accepted(&publish(client, &[("index.html", "<h1>Back soon</h1>"), rewrite]));
    client.wait("20s");
    let page = format!("{GROUP}/Microsoft.Web/sites/app-maintenance");
    endpoint(client, "primary-region", &json!({ "targetResourceId": page }));
    accepted(&client.arm(Method::POST, &format!("Microsoft.Web/sites/app-east/stop{WEB}"), ""));
    let server = "Microsoft.DBforPostgreSQL/flexibleServers";
    let parameter =
        format!("{server}/pg-east/configurations/default_transaction_read_only{POSTGRES}");
    let on = json!({ "properties": { "value": "on", "source": "user-override" } });
    accepted(&client.wait("60s").change(Method::PATCH, &parameter, &on));
    accepted(&client.wait("30s").arm(
        Method::POST,
        &format!("{STORAGE}/failover?api-version=2023-05-01"),
        "",
    ));
    let promotion = json!({ "properties": { "replica": { "promoteMode": "switchover", "promoteOption": "forced" } } });
    accepted(&client.change(Method::PATCH, &format!("{server}/pg-west{POSTGRES}"), &promotion));
    let settings = json!({ "properties": { "DB_HOST": "pg-west.postgres.database.azure.com" } });
    accepted(&client.change(
        Method::PUT,
        &format!("Microsoft.Web/sites/app-west/config/appsettings{WEB}"),
        &settings,
    ));
    client.wait("70m");
    accepted(&client.arm(Method::POST, &format!("Microsoft.Web/sites/app-west/start{WEB}"), ""));
    let health = client.wait("20s").get_url("https://app-west.azurewebsites.net/health");
    assert_eq!(health.status(), StatusCode::OK, "{health:?}");
}

fn shift(client: &mut Client) {
    endpoint(client, "primary-region", &json!({ "weight": 1_000 }));
    endpoint(client, "secondary-region", &json!({ "weight": 1, "endpointStatus": "Enabled" }));
    let weighted = json!({ "properties": { "trafficRoutingMethod": "Weighted" } });
    accepted(&client.change(Method::PATCH, &format!("{PROFILE}{TRAFFIC}"), &weighted));
    for share in [20, 60] {
        endpoint(client, "secondary-region", &json!({ "weight": share }));
        endpoint(client, "primary-region", &json!({ "weight": 100 - share }));
        client.wait("2m");
    }
    endpoint(client, "primary-region", &json!({ "endpointStatus": "Disabled" }));
    client.wait("2m").get(&format!("{PROFILE}{TRAFFIC}"));
}

#[test]
fn users_see_failures_then_the_page_then_the_other_region() {
    let folder = tempfile::tempdir().unwrap();
    let cloud = Cloud::seeded(&plan(), Outage::Data, start());
    let mut client = Client::of(World::create(folder.path(), cloud).unwrap());
    fail_over(&mut client);
    shift(&mut client);

    let users = client.world.cloud().users();
    let mostly = |sees: &Sees| {
        let most = |sample: &crate::sim::Sample| {
            let most = sample.shares.iter().max_by(|a, b| a.1.total_cmp(&b.1));
            most.is_some_and(|(seen, _)| seen == sees)
        };
        users.iter().position(most)
    };
    let order =
        [Sees::Failure, Sees::Page, Sees::Region("westus".to_owned())].map(|sees| mostly(&sees));
    assert!(order[0] < order[1] && order[1] < order[2], "{order:?}");
    let last = users.last().unwrap();
    assert_eq!(last.shares, [(Sees::Region("westus".to_owned()), 1.0)]);

    let mut again = World::open(folder.path()).unwrap();
    again.cloud_mut().advance(client.now);
    let [left, made] =
        [client.world.cloud(), again.cloud()].map(|cloud| serde_json::to_value(cloud).unwrap());
    assert_eq!(left, made);
}
