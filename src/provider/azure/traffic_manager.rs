//! One endpoint of a Traffic Manager profile: where it sends users, and whether it does.

use super::{
    OnAzure, absent,
    arm::Arm,
    call::Call,
    examine::Need,
    id::{Id, name_of, place},
    profile::{self, Endpoint, PROFILE, Profile, endpoint_name},
    site::{APP, Site},
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Finding, Kind, Look, Observation, Parameter,
        Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Diagnostic, Evidence, Resource, span},
};
use async_trait::async_trait;
use serde_json::{Map, Value, json};
use std::{sync::Arc, time::Duration};

const SWITCH: Shape = Shape::Choice(&["enabled", "disabled"]);
const RANK: Shape = Shape::Int { least: 1, most: 1000 };

pub(crate) static ENDPOINT: Kind = Kind {
    name: "azure.traffic_manager.endpoint",
    summary: "Set where an endpoint of a Traffic Manager profile sends users",
    parameters: &[
        Parameter::required("profile", PROFILE, "The profile"),
        Parameter::required("endpoint", profile::ENDPOINT, "The endpoint"),
        Parameter::optional("target", APP, "The app that it sends users to"),
        Parameter::optional(
            "external",
            Shape::Text,
            "The host that it sends users to, outside Azure",
        ),
        Parameter::optional("status", SWITCH, "Whether it takes part"),
        Parameter::optional("priority", RANK, "Its place in a Priority profile: 1 is first"),
        Parameter::optional("weight", RANK, "Its share in a Weighted profile"),
        Parameter::optional("always_serve", SWITCH, "Whether it is served without being probed"),
    ],
    observed: &["target", "status", "monitor", "weight", "priority", "method", "ttl"],
    planes: &[Plane::Global("profile")],
    permissions: &NEEDS,
    // Azure answers at once; then the old answer lives on in resolvers for its time to live, 60 s by default.
    usual: Duration::from_secs(65),
    shows_within: Duration::from_mins(1),
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

/// How soon to look again at the latest, however long resolvers may remember.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

const NEEDS: [&str; 1] = ["Microsoft.Network/trafficManagerProfiles/azureEndpoints/write"];
const TARGET_NEEDS: [&str; 1] = ["Microsoft.Web/sites/Read"];

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let target = params.optional_resource("target");
    let mut wanted = Map::new();
    let mut want = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            wanted.insert(name.to_owned(), value);
        }
    };
    let switch = |text: Option<String>| {
        text.map(|text| json!(if text == "enabled" { "Enabled" } else { "Disabled" }))
    };
    want("targetResourceId", target.as_ref().map(|app| json!(Id::of(app).as_str())));
    want("target", params.optional_text("external").map(Value::String));
    want("endpointStatus", switch(params.optional_text("status")));
    want("priority", params.optional_int("priority").map(Value::from));
    want("weight", params.optional_int("weight").map(Value::from));
    want("alwaysServe", switch(params.optional_text("always_serve")));
    let action = SetEndpoint {
        arm: Arm::new(clients),
        profile: params.resource("profile")?,
        endpoint: params.resource("endpoint")?,
        target,
        wanted,
    };
    Ok(action.into_action())
}

struct SetEndpoint {
    arm: Arm,
    profile: Resource,
    endpoint: Resource,
    target: Option<Resource>,
    /// Properties by Azure's names.
    wanted: Map<String, Value>,
}

#[async_trait]
impl OnAzure for SetEndpoint {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        let target = self.target.as_ref().map(|app| Need::new(app, &TARGET_NEEDS));
        std::iter::once(Need::new(&self.profile, &NEEDS)).chain(target).collect()
    }

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let Some(profile) = Profile::find(&self.arm, &self.profile).await? else {
            let answer = absent("Traffic Manager profile", &self.profile);
            return Ok(Observation::new(answer, Evidence::new()));
        };
        let endpoint = profile.endpoint(self.name());
        let answer = self.answer(&profile, endpoint, look);
        let serves = profile.serves(&self.arm).await;
        Ok(Observation::new(answer, profile.evidence(endpoint)).serving(serves))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let profile = Id::of(&self.profile);
        let body = json!({ "properties": self.wanted });
        Ok(match change.sign {
            Sign::Creates => {
                let kind =
                    if self.target.is_some() { "azureEndpoints" } else { "externalEndpoints" };
                Call::put(&profile.then(kind).then(self.name()), &body)
            }
            Sign::Changes | Sign::CannotBeUndone => {
                let found = Profile::find(&self.arm, &self.profile).await;
                let found = found.map_err(super::arm::before_sending)?;
                let path = found
                    .as_ref()
                    .and_then(|profile| profile.endpoint(self.name()))
                    .map_or_else(|| format!("azureEndpoints/{}", self.name()), Endpoint::path);
                Call::patch(&profile.then(&path), &body)
            }
        })
    }

    async fn examine(&self) -> Vec<Finding> {
        self.shared_region().await.into_iter().collect()
    }
}

impl SetEndpoint {
    fn name(&self) -> &str {
        endpoint_name(&self.endpoint)
    }

    fn answer(&self, profile: &Profile, endpoint: Option<&Endpoint>, look: &Look) -> Answer {
        let label = format!("{}/{}", self.profile.name, self.name());
        let Some(endpoint) = endpoint else {
            return if self.wanted.contains_key("targetResourceId")
                || self.wanted.contains_key("target")
            {
                let says = format!("endpoint {label}");
                Answer::Missing(vec![Change::harmless("endpoint", Sign::Creates, says)])
            } else {
                Answer::Never {
                    why: format!("there is no endpoint `{label}`, and no target to make it with"),
                }
            };
        };
        let is_external = endpoint.kind.to_ascii_lowercase().ends_with("externalendpoints");
        let wants_external = self.wanted.contains_key("target");
        if is_external != wants_external && (wants_external || self.target.is_some()) {
            let why = format!(
                "`{label}` is of the type {}: delete it by hand, and it will be made anew",
                name_of(&endpoint.kind)
            );
            return Answer::Never { why };
        }
        let differing: Vec<_> = self
            .wanted
            .iter()
            .filter_map(|(name, wanted)| difference(name, endpoint.properties.get(name), wanted))
            .collect();
        if !differing.is_empty() {
            let says = format!("{label}: {}", differing.join(", "));
            return Answer::Missing(vec![Change::harmless("endpoint", Sign::Changes, says)]);
        }
        let until = look.since + profile.ttl();
        if !look.settled.is_empty() && look.now < until {
            let why =
                format!("resolvers may give the old answer until {}", span::clock_time(until));
            let look_again = span::between(look.now, until).min(LONGEST_WAIT);
            return Answer::NotYet { why, look_again };
        }
        Answer::AsDesired
    }

    /// A profile takes at most one web app of each region, and Azure refuses the second.
    async fn shared_region(&self) -> Option<Finding> {
        let target = self.target.as_ref()?;
        let own = match self.arm.glimpse::<Site>(Call::get(&Id::of(target))).await {
            Some(site) => place(&site.location),
            None => target.region.clone()?,
        };
        let profile = Profile::find(&self.arm, &self.profile).await.ok()??;
        for other in profile.endpoints().iter().filter(|e| e.is_enabled()) {
            let Some(id) = other.target_id().filter(|id| !Id::of(target).is(id)) else { continue };
            if other.name.eq_ignore_ascii_case(self.name()) {
                continue;
            }
            let site = self.arm.glimpse::<Site>(Call::get(&Id::from_azure(id))).await;
            if site.is_some_and(|site| place(&site.location) == own) {
                return Some(Finding::warning(format!(
                    "`{}` and `{}` are both in {own}: a Traffic Manager profile takes one web app of each region",
                    target.name,
                    name_of(id)
                )));
            }
        }
        None
    }
}

/// What would change, for people; `None` when it is so already.
fn difference(name: &str, found: Option<&Value>, wanted: &Value) -> Option<String> {
    let show = |value: &Value| match value {
        Value::String(text) => name_of(text).to_owned(),
        other => other.to_string(),
    };
    let is_so = match (found, wanted) {
        (Some(Value::String(found)), Value::String(wanted)) => found.eq_ignore_ascii_case(wanted),
        (found, wanted) => found == Some(wanted),
    };
    let label = match name {
        "targetResourceId" | "target" => "target ",
        "priority" => "priority ",
        "weight" => "weight ",
        "alwaysServe" => "always serve ",
        _ => "",
    };
    let old = found.filter(|found| !found.is_null()).map_or("nothing".to_owned(), show);
    (!is_so).then(|| format!("{label}{old} → {}", show(wanted)))
}

#[cfg(test)]
mod tests {
    use super::{
        super::{
            profile::sample::{SITES, endpoint, profile, script},
            testing::*,
        },
        *,
    };
    use crate::{
        action::Serves,
        model::{ChangeId, Node},
    };

    fn primary(script: &Arc<Script>, with: (&'static str, Node)) -> Arc<dyn Action> {
        let tm = resource("Microsoft.Network/trafficManagerProfiles", "tm", None);
        let one = resource(
            "Microsoft.Network/trafficManagerProfiles/azureEndpoints",
            "tm/primary-region",
            Some("eastus"),
        );
        bound(&ENDPOINT, script, [("profile", node(&tm)), ("endpoint", node(&one)), with])
    }

    fn target(name: &str) -> (&'static str, Node) {
        ("target", node(&resource("Microsoft.Web/sites", name, Some("centralus"))))
    }

    fn both(first: &str) -> Value {
        let endpoints = [
            endpoint("primary-region", first, "Enabled"),
            endpoint("secondary-region", "app-westus", "Disabled"),
        ];
        profile("Priority", &endpoints)
    }

    #[tokio::test]
    async fn an_endpoint_is_pointed_elsewhere() {
        let script = script(&both("app-eastus"));
        let action = primary(&script, target("page"));
        let seen = action.observe(&look()).await.unwrap();
        assert_eq!(seen.serves, Serves::Region("eastus".into()));
        let Answer::Missing(changes) = &seen.answer else { panic!("{seen:?}") };
        assert_eq!(changes[0].says, "tm/primary-region: target app-eastus → page");
        apply_first(&action).await.unwrap();
        let body = json!({ "properties": { "targetResourceId": format!("{SITES}/page") } });
        assert!(script.changes()[0].starts_with("PATCH /subscriptions/sub/resourceGroups/rg/providers/Microsoft.Network/trafficManagerProfiles/tm/azureEndpoints/primary-region?"));
        assert!(script.changes()[0].ends_with(&body.to_string()));
    }

    #[tokio::test]
    async fn the_old_answer_must_die_first() {
        let script = script(&both("page"));
        let action = primary(&script, target("page"));
        let mut look = look();
        assert_eq!(action.observe(&look).await.unwrap().answer, Answer::AsDesired);
        look.settled = vec![ChangeId::new("endpoint")];
        look.now = look.since + Duration::from_secs(20);
        let seen = action.observe(&look).await.unwrap();
        let why = "resolvers may give the old answer until 10:03:24Z".to_owned();
        assert_eq!(seen.answer, Answer::NotYet { why, look_again: Duration::from_secs(40) });
        assert_eq!(seen.serves, Serves::Nobody, "users see the page");
        look.now = look.since + Duration::from_mins(1);
        assert_eq!(action.observe(&look).await.unwrap().answer, Answer::AsDesired);
    }

    #[tokio::test]
    async fn an_endpoint_keeps_its_type() {
        let script = script(&both("app-eastus"));
        let action = primary(&script, ("external", Node::text("page.example")));
        let seen = action.observe(&look()).await.unwrap();
        assert!(matches!(seen.answer, Answer::Never { .. }), "{seen:?}");
    }

    #[tokio::test]
    async fn a_second_app_of_a_region_is_warned_of() {
        let endpoints = [
            endpoint("primary-region", "app-eastus", "Enabled"),
            endpoint("secondary-region", "app-westus", "Enabled"),
        ];
        let script = script(&profile("Priority", &endpoints))
            .on("GET /resourceGroups/rg?", ok("{}"))
            .on("GET /other", ok(r#"{"location":"westus","properties":{}}"#))
            .on("GET Microsoft.Authorization", answer(403, &[], ""));
        let findings = primary(&script, target("other")).examine().await;
        assert!(findings.iter().any(|f| f.says.contains("are both in westus")), "{findings:?}");
    }
}
