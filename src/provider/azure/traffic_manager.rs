//! One endpoint of a Traffic Manager profile: where it sends users, and whether it does.

use super::{
    OnAzure, absent,
    arm::{Arm, before_sending},
    call::Call,
    examine::{Need, examine},
    id::{Id, name_of, place},
    kept::{CREATE, Kept},
    profile::{self, Endpoint, GLOBAL, PROFILE, Profile, endpoint_name},
    site::{APP, Site},
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Finding, Kind, Look, Observation, Parameter,
        Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Diagnostic, Evidence, Resource, span},
};
use async_trait::async_trait;
use futures_util::future::join;
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
    // The name of the profile is registered with the app that becomes a target, which fails where that app's region does.
    planes: &[GLOBAL, Plane::Control("target")],
    permissions: &[
        "Microsoft.Network/trafficManagerProfiles/read",
        "Microsoft.Network/trafficManagerProfiles/azureEndpoints/write",
        "Microsoft.Network/trafficManagerProfiles/azureEndpoints/delete",
        "Microsoft.Network/trafficManagerProfiles/externalEndpoints/write",
        "Microsoft.Network/trafficManagerProfiles/externalEndpoints/delete",
        "Microsoft.Web/sites/Read",
    ],
    // Azure answers at once; then the old answer lives on in resolvers for its time to live, 60 s by default.
    usual: Duration::from_secs(65),
    shows_within: Duration::from_mins(1),
    deadline: Duration::from_mins(10),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

/// How soon to look again at the latest, however long resolvers may remember.
const LONGEST_WAIT: Duration = Duration::from_mins(5);

const READ: &str = "Microsoft.Network/trafficManagerProfiles/read";
const TARGET_NEEDS: [&str; 1] = ["Microsoft.Web/sites/Read"];
/// To set an endpoint of a type, and to delete it, so that one of the other type can take its name.
const AZURE_NEEDS: [&str; 2] = [
    "Microsoft.Network/trafficManagerProfiles/azureEndpoints/write",
    "Microsoft.Network/trafficManagerProfiles/azureEndpoints/delete",
];
const EXTERNAL_NEEDS: [&str; 2] = [
    "Microsoft.Network/trafficManagerProfiles/externalEndpoints/write",
    "Microsoft.Network/trafficManagerProfiles/externalEndpoints/delete",
];

/// The properties that say where an endpoint leads, by Azure's names.
const PLACES: [&str; 2] = ["targetResourceId", "target"];

/// The ids of changes to an endpoint that is there.
const TARGET: &str = "target";
const REST: &str = "endpoint";

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
    if wanted.contains_key("targetResourceId") && wanted.contains_key("target") {
        let says = "an endpoint leads to a `target` or to an `external` host, not to both";
        return Err(Diagnostic::at(params.span("external"), says));
    }
    if wanted.is_empty() {
        let says = "nothing is said of what the endpoint should be";
        let hint =
            "give one of `target`, `external`, `status`, `priority`, `weight`, `always_serve`";
        return Err(Diagnostic::at(params.span("endpoint"), says).hint(hint));
    }
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
        // What it needs of the profile goes by what is found there.
        self.target.iter().map(|app| Need::new(app, &TARGET_NEEDS)).collect()
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
        let id = change.id.as_str();
        if let Some(kept) = Kept::to_create(id) {
            let kind = if self.wants_external() { "externalEndpoints" } else { "azureEndpoints" };
            let body = json!({ "properties": kept.with(&self.wanted) });
            return Ok(Call::put(&profile.then(kind).then(self.name()), &body));
        }
        let found = Profile::find(&self.arm, &self.profile).await.map_err(before_sending)?;
        let found = found.as_ref().and_then(|profile| profile.endpoint(self.name()));
        let path = found.map(|endpoint| profile.then(&endpoint.path()));
        let path = path.ok_or_else(|| Unapplied::Refused {
            why: format!("the endpoint `{}` is gone", self.endpoint.name),
            request_id: None,
        })?;
        match id {
            TARGET | REST => Ok(Call::patch(&path, &json!({ "properties": self.wanted }))),
            _ if Kept::deleted(id).is_some() => Ok(Call::delete(&path)),
            _ => Err(unknown_change(change)),
        }
    }

    async fn examine(&self) -> Vec<Finding> {
        let profile = Profile::find(&self.arm, &self.profile).await.ok().flatten();
        let found = profile.as_ref().and_then(|profile| profile.endpoint(self.name()));
        let need = [self.profile_need(found)];
        let (needs, shared) =
            join(examine(&self.arm, &need), self.shared_region(profile.as_ref())).await;
        needs.into_iter().chain(shared).collect()
    }
}

impl SetEndpoint {
    fn name(&self) -> &str {
        endpoint_name(&self.endpoint)
    }

    fn wants_external(&self) -> bool {
        self.wanted.contains_key("target")
    }

    /// Whether the endpoint that was found leads to a place of another type than is wanted.
    fn is_of_another_type(&self, found: &Endpoint) -> bool {
        let wants_a_place = self.wants_external() || self.target.is_some();
        wants_a_place && found.is_external() != self.wants_external()
    }

    /// The permissions go by the type of the endpoint: of the one that is there, and of the one that will be.
    fn profile_need(&self, found: Option<&Endpoint>) -> Need<'_> {
        let of = |is_external| if is_external { &EXTERNAL_NEEDS } else { &AZURE_NEEDS };
        let (written, deleted) = match found {
            None => (self.wants_external(), None),
            Some(found) if self.is_of_another_type(found) => {
                (self.wants_external(), Some(found.is_external()))
            }
            Some(found) => (found.is_external(), None),
        };
        let deletes = deleted.map(|is_external| of(is_external)[1]);
        let needs: Vec<_> = [READ, of(written)[0]].into_iter().chain(deletes).collect();
        Need::new(&self.profile, &needs)
    }

    fn answer(&self, profile: &Profile, endpoint: Option<&Endpoint>, look: &Look) -> Answer {
        let label = format!("{}/{}", self.profile.name, self.name());
        let Some(endpoint) = endpoint else {
            let is_deleted = look.settled.iter().rev().find_map(|id| Kept::deleted(id.as_str()));
            let id = is_deleted.map_or(CREATE.to_owned(), |kept| kept.creation());
            return if self.wants_external() || self.target.is_some() {
                Answer::Missing(vec![self.creation(id)])
            } else {
                Answer::Never {
                    why: format!("there is no endpoint `{label}`, and no target to make it with"),
                }
            };
        };
        if self.is_of_another_type(endpoint) {
            return self.anew(profile, endpoint);
        }
        let differing: Vec<_> = self
            .wanted
            .iter()
            .filter_map(|(name, wanted)| {
                Some((name, difference(name, endpoint.properties.get(name), wanted)?))
            })
            .collect();
        if !differing.is_empty() {
            let is_target = |(name, _): &(&String, String)| PLACES.contains(&name.as_str());
            let id = if differing.iter().any(is_target) { TARGET } else { REST };
            let says: Vec<_> = differing.into_iter().map(|(_, says)| says).collect();
            let says = format!("{label}: {}", says.join(", "));
            return Answer::Missing(vec![Change::harmless(id, Sign::Changes, says)]);
        }
        settling(profile, endpoint, look)
            .map_or(Answer::AsDesired, |(why, look_again)| Answer::NotYet { why, look_again })
    }

    fn creation(&self, id: String) -> Change {
        let place = PLACES.iter().find_map(|name| self.wanted.get(*name)?.as_str());
        let says = format!(
            "endpoint {}/{} → {}",
            self.profile.name,
            self.name(),
            place.map_or("nothing", name_of)
        );
        Change::harmless(id, Sign::Creates, says)
    }

    /// It must be made anew, and is away for a moment.
    fn anew(&self, profile: &Profile, endpoint: &Endpoint) -> Answer {
        let label = format!("{}/{}", self.profile.name, self.name());
        let kind = name_of(&endpoint.kind);
        match Kept::of(endpoint, profile) {
            Ok(kept) => {
                let says = format!("{label}: delete it, for it is one of the {kind}");
                let deletion = Change::harmless(kept.deletion(), Sign::Changes, says);
                Answer::Missing(vec![deletion, self.creation(kept.creation())])
            }
            Err(lost) => Answer::Never {
                why: format!(
                    "`{label}` is one of the {kind}, and its {lost} would be lost: delete it by hand, and it will be made anew"
                ),
            },
        }
    }

    /// A profile takes at most one web app of each region, and Azure refuses the second.
    async fn shared_region(&self, profile: Option<&Profile>) -> Option<Finding> {
        let target = self.target.as_ref()?;
        let own = match self.arm.glimpse::<Site>(Call::get(&Id::of(target))).await {
            Some(site) => place(&site.location),
            None => target.region.clone()?,
        };
        for other in profile?.endpoints() {
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

/// What has not come to rest after a change of this step: the old answer must have died, and an endpoint that leads to
/// another place must be found well there before anybody counts on it.
fn settling(profile: &Profile, endpoint: &Endpoint, look: &Look) -> Option<(String, Duration)> {
    let until = look.since + profile.ttl();
    if !look.settled.is_empty() && look.now < until {
        let why = format!("resolvers may give the old answer until {}", span::clock_time(until));
        return Some((why, span::between(look.now, until).min(LONGEST_WAIT)));
    }
    let leads_elsewhere =
        look.settled.iter().any(|id| id.as_str() == TARGET || id.as_str().starts_with(CREATE));
    let is_awaited = leads_elsewhere && endpoint.is_enabled() && !endpoint.is_online();
    is_awaited.then(|| {
        let why = format!("`{}` is {}, not Online", endpoint.name, endpoint.monitor());
        (why, Duration::from_secs(10))
    })
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
        super::profile::sample::{SITES, endpoint, profile, script},
        *,
    };
    use crate::provider::testing::*;
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
    async fn an_enabled_endpoint_must_be_well_at_its_new_place() {
        let mut profile = both("page");
        let monitor =
            &mut profile["properties"]["endpoints"][0]["properties"]["endpointMonitorStatus"];
        *monitor = json!("CheckingEndpoint");
        let script = script(&profile);
        let action = primary(&script, target("page"));
        let mut look = look();
        look.now = look.since + Duration::from_mins(2);
        for (settled, is_awaited) in [(TARGET, true), (REST, false)] {
            look.settled = vec![ChangeId::new(settled)];
            let answer = action.observe(&look).await.unwrap().answer;
            let why = "`primary-region` is CheckingEndpoint, not Online".to_owned();
            let awaited = Answer::NotYet { why, look_again: Duration::from_secs(10) };
            assert_eq!(answer, if is_awaited { awaited } else { Answer::AsDesired }, "{settled}");
        }
    }

    #[tokio::test]
    async fn an_endpoint_of_another_type_is_deleted_and_made_anew_as_it_stood() {
        let script = script(&both("app-eastus"))
            .on("DELETE /azureEndpoints/primary-region?", answer(204, &[], ""))
            .on("PUT /externalEndpoints/primary-region?", answer(201, &[], "{}"));
        let action = primary(&script, ("external", Node::text("page.example")));
        let seen = action.observe(&look()).await.unwrap();
        let ids = missing(&seen.answer);
        assert_eq!(ids, ["delete Enabled 1 1 -", "create Enabled 1 1 -"]);
        apply_first(&action).await.unwrap();

        let gone = profile("Priority", &[endpoint("secondary-region", "app-westus", "Disabled")]);
        let script = Script::new().on("GET /tm?", ok(&gone.to_string())).and(&script);
        let action = primary(&script, ("external", Node::text("page.example")));
        let look = Look { settled: vec![ChangeId::new(ids[0])], ..look() };
        let Answer::Missing(changes) = action.observe(&look).await.unwrap().answer else {
            panic!()
        };
        assert_eq!(changes[0].says, "endpoint tm/primary-region → page.example");
        action.apply(&changes[0], &permit().await).await.unwrap();
        let sent = script.changes();
        let body = r#"{"properties":{"endpointStatus":"Enabled","weight":1,"priority":1,"target":"page.example"}}"#;
        assert!(sent[0].ends_with(body), "{sent:?}");
    }

    #[tokio::test]
    async fn an_endpoint_leads_to_one_place_and_something_is_said_of_it() {
        let script = script(&both("app-eastus"));
        let tm = resource("Microsoft.Network/trafficManagerProfiles", "tm", None);
        let one = resource("…/azureEndpoints", "tm/primary-region", Some("eastus"));
        let bare = [("profile", node(&tm)), ("endpoint", node(&one))];
        let full = [target("page"), ("external", Node::text("page.example"))];
        for with in [bare.to_vec(), [bare.to_vec(), full.to_vec()].concat()] {
            let with = Node::map(with);
            let bound = (ENDPOINT.bind)(&Params::new(&with), &script.clients());
            assert!(bound.is_err());
        }
    }

    #[tokio::test]
    async fn a_second_app_of_a_region_is_warned_of() {
        let endpoints = [
            endpoint("primary-region", "app-eastus", "Enabled"),
            endpoint("secondary-region", "app-westus", "Disabled"),
        ];
        let script = script(&profile("Priority", &endpoints))
            .on("GET /resourceGroups/rg?", ok("{}"))
            .on("GET /other", ok(r#"{"location":"westus","properties":{}}"#))
            .on("GET Microsoft.Authorization", answer(403, &[], ""));
        let findings = primary(&script, target("other")).examine().await;
        assert!(findings.iter().any(|f| f.says.contains("are both in westus")), "{findings:?}");
    }
}
