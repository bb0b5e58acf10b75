//! Taking a maintenance page down again, once no user is sent there.

use super::{
    OnAzure, absent,
    arm::{Arm, Sent, unapplied},
    call::Call,
    examine::Need,
    id::Id,
    profile::{GLOBAL, PROFILE, Profile},
    site::{Farm, MADE_APP, MADE_PLAN, Site},
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Kind, Look, Observation,
        Parameter, Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Diagnostic, Evidence, Resource},
};
use async_trait::async_trait;
use http::StatusCode;
use std::{sync::Arc, time::Duration};

pub(crate) static REMOVE: Kind = Kind {
    name: "azure.app_service.remove",
    summary: "Take a maintenance page down: its site and its plan",
    parameters: &[
        Parameter::required("app", MADE_APP, "The site that shows the page"),
        Parameter::required("plan", MADE_PLAN, "The plan that the site runs on"),
        Parameter::required("region", Shape::Text, "Where it runs"),
        Parameter::required("profile", PROFILE, "The profile that must not send users there"),
        Parameter::optional("tag", Shape::Text, "The mark that both must bear").or(Default::Lock),
    ],
    observed: &["state", "host"],
    planes: &[Plane::Control("app"), GLOBAL],
    permissions: &[
        "Microsoft.Web/sites/Read",
        "Microsoft.Web/sites/Delete",
        "Microsoft.Web/serverfarms/Read",
        "Microsoft.Web/serverfarms/Delete",
        "Microsoft.Network/trafficManagerProfiles/read",
    ],
    // Two deletions that answer within seconds.
    usual: Duration::from_secs(30),
    shows_within: Duration::from_mins(1),
    deadline: Duration::from_mins(5),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const SITE_NEEDS: [&str; 2] = ["Microsoft.Web/sites/Read", "Microsoft.Web/sites/Delete"];
const PLAN_NEEDS: [&str; 2] =
    ["Microsoft.Web/serverfarms/Read", "Microsoft.Web/serverfarms/Delete"];
const PROFILE_NEEDS: [&str; 1] = ["Microsoft.Network/trafficManagerProfiles/read"];
/// How soon a plan is tried again from which Azure has not yet taken the site off.
const PLAN_IS_LEFT_WITHIN: Duration = Duration::from_secs(15);

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let action = Remove {
        arm: Arm::new(clients),
        app: params.resource("app")?,
        plan: params.resource("plan")?,
        profile: params.resource("profile")?,
        tag: params.text("tag")?,
    };
    Ok(action.into_action())
}

struct Remove {
    arm: Arm,
    app: Resource,
    plan: Resource,
    profile: Resource,
    tag: String,
}

#[async_trait]
impl OnAzure for Remove {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        vec![
            Need::new(&self.app, &SITE_NEEDS),
            Need::new(&self.plan, &PLAN_NEEDS),
            Need::new(&self.profile, &PROFILE_NEEDS),
        ]
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(profile) = Profile::find(&self.arm, &self.profile).await? else {
            let answer = absent("Traffic Manager profile", &self.profile);
            return Ok(Observation::new(answer, Evidence::new()));
        };
        let site = Site::find(&self.arm, &self.app).await?;
        let plan = Farm::find(&self.arm, &self.plan).await?;
        let evidence = site.as_ref().map(Site::evidence).unwrap_or_default();
        let app = &self.app.name;
        let answer = if let Some(by) = self.leads_there(&profile, site.as_ref()) {
            let why = format!("users may still be sent to `{app}`, by {by}");
            Answer::NotYet { why, look_again: Duration::from_secs(15) }
        } else if site.as_ref().is_some_and(|site| !site.bears(&self.tag)) {
            let why = format!(
                "the app `{app}` does not bear the tag failover={}: it is not ours to remove",
                self.tag
            );
            Answer::Never { why }
        } else {
            let mut missing = Vec::new();
            if site.is_some() {
                missing.push(Change::harmless("site", Sign::Changes, format!("remove site {app}")));
            }
            // A plan that somebody else made is left as it was found.
            if plan.is_some_and(|plan| plan.bears(&self.tag)) {
                let says = format!("remove plan {}", self.plan.name);
                missing.push(Change::harmless("plan", Sign::Changes, says));
            }
            if missing.is_empty() { Answer::AsDesired } else { Answer::Missing(missing) }
        };
        Ok(Observation::new(answer, evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        match change.id.as_str() {
            // Left out, the second parameter would let Azure delete the plan as well.
            "site" => Ok(Call::delete(&Id::of(&self.app))
                .query("deleteMetrics", "true")
                .query("deleteEmptyServerFarm", "false")),
            "plan" => Ok(Call::delete(&Id::of(&self.plan))),
            _ => Err(unknown_change(change)),
        }
    }

    async fn apply(&self, change: &Change, permit: &Permit) -> Result<Applied, Unapplied> {
        let call = self.request(change).await?;
        match self.arm.try_change(&call, permit).await? {
            Sent::Accepted(response) => Ok(self.arm.accepted(&call, &response)),
            // Azure counts a site on its plan for a while after it is gone.
            Sent::Rejected(error, wait)
                if error.status == StatusCode::CONFLICT && change.id.as_str() == "plan" =>
            {
                let why = format!("{} answered {error}", call.says());
                Err(Unapplied::Deferred { why, wait: wait.unwrap_or(PLAN_IS_LEFT_WITHIN) })
            }
            Sent::Rejected(error, wait) => Err(unapplied(&call, &error, wait)),
        }
    }
}

impl Remove {
    /// What may still send users to the site: an endpoint of the profile, or another profile's public name.
    fn leads_there(&self, profile: &Profile, site: Option<&Site>) -> Option<String> {
        let host = site.and_then(Site::host);
        if let Some(endpoint) = profile.targeting(&Id::of(&self.app), host) {
            return Some(format!("the endpoint `{}`", endpoint.name));
        }
        let name = site?.public_names().first()?;
        Some(format!("the name {name}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{
        super::profile::sample::{endpoint, profile},
        *,
    };
    use crate::model::Node;
    use crate::provider::testing::*;
    use serde_json::{Value, json};

    fn remove(script: &Arc<Script>) -> Arc<dyn Action> {
        let made = |kind: &str, name: &str| Resource {
            made_by_the_run: true,
            ..resource(kind, name, Some("centralus"))
        };
        let with = [
            ("app", node(&made("Microsoft.Web/sites", "page"))),
            ("plan", node(&made("Microsoft.Web/serverfarms", "farm"))),
            ("region", Node::text("centralus")),
            ("profile", node(&resource("Microsoft.Network/trafficManagerProfiles", "tm", None))),
            ("tag", Node::text("proseware")),
        ];
        bound(&REMOVE, script, with)
    }

    fn found(endpoints: &[Value], names: &Value) -> Arc<Script> {
        let tags = json!({ "failover": "proseware" });
        let site = json!({
            "location": "centralus",
            "tags": tags,
            "properties": {
                "state": "Running",
                "defaultHostName": "page.azurewebsites.net",
                "trafficManagerHostNames": names,
            },
        });
        Script::new()
            .on("GET /tm?", ok(&profile("Priority", endpoints).to_string()))
            .on("GET /sites/page?", ok(&site.to_string()))
            .on("GET /serverfarms/farm?", ok(&json!({ "tags": tags }).to_string()))
    }

    #[tokio::test]
    async fn a_page_that_users_may_still_see_stays() {
        let mut external = endpoint("last-resort", "other", "Disabled");
        external["type"] = json!("Microsoft.Network/trafficManagerProfiles/externalEndpoints");
        external["properties"]["targetResourceId"] = Value::Null;
        external["properties"]["target"] = json!("Page.azurewebsites.net");
        let own = endpoint("primary-region", "page", "Disabled");
        let elsewhere = endpoint("primary-region", "app-eastus", "Enabled");
        let none = json!([]);
        let others = json!(["others.trafficmanager.net"]);
        let table = [
            (own, &none, Some("the endpoint `primary-region`")),
            (external, &none, Some("the endpoint `last-resort`")),
            (elsewhere.clone(), &others, Some("the name others.trafficmanager.net")),
            (elsewhere, &none, None),
        ];
        for (endpoint, names, by) in table {
            let script = found(&[endpoint], names);
            let answer = remove(&script).observe(&look()).await.unwrap().answer;
            match (answer, by) {
                (Answer::NotYet { why, .. }, Some(by)) => assert!(why.ends_with(by), "{why}"),
                (answer, None) => assert_eq!(missing(&answer), ["site", "plan"]),
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn what_is_gone_is_gone_and_a_plan_is_left_a_while_after_its_site() {
        let table = [
            (answer(404, &[], ""), Ok(())),
            (answer(204, &[], ""), Ok(())),
            (no(409, "Conflict"), Err(PLAN_IS_LEFT_WITHIN)),
            (answer(409, &[("retry-after", "7")], ""), Err(Duration::from_secs(7))),
        ];
        for (outcome, expected) in table {
            let script = Script::new().on("DELETE /serverfarms/farm?", outcome);
            let plan = Change::harmless("plan", Sign::Changes, "");
            let applied = remove(&script).apply(&plan, &permit().await).await;
            match (applied, expected) {
                (Ok(_), Ok(())) => {}
                (Err(Unapplied::Deferred { wait, .. }), Err(pause)) => assert_eq!(wait, pause),
                other => panic!("{other:?}"),
            }
        }
    }
}
