//! Moving users from one endpoint of a Traffic Manager profile to another, in stages.
//!
//! Each stage is one update of the profile that carries all endpoints, so that no user falls between two. A share is a
//! weight, so a Priority profile is made Weighted by the same update that sets the weights (by itself that switch would
//! move half of the users at once), bears a tag meanwhile, and is made Priority again by the last one.

use super::{
    OnAzure, absent,
    arm::{Arm, before_sending},
    call::Call,
    examine::Need,
    id::Id,
    profile::{ENDPOINT, Endpoint, GLOBAL, PROFILE, Profile, endpoint_name},
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Kind, Look, Observation, Parameter, Params, Plane,
        Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource},
};
use async_trait::async_trait;
use serde_json::{Value, json};
use std::{sync::Arc, time::Duration};

pub(crate) static SHIFT: Kind = Kind {
    name: "azure.traffic_manager.shift",
    summary: "Move users from one endpoint to another, in stages",
    parameters: &[
        Parameter::required("profile", PROFILE, "The profile"),
        Parameter::required("endpoint", ENDPOINT, "The endpoint that receives the users"),
        Parameter::required(
            "from",
            ENDPOINT,
            "The endpoint that gives them up, and is disabled at the end",
        ),
        Parameter::optional(
            "stages",
            Shape::Ints { least: 1, most: 100 },
            "The shares of the receiving endpoint in percent; 20, 40, 60, 80, 100 when left out",
        ),
        Parameter::optional(
            "stay",
            Shape::Duration,
            "How long each stage stays; until resolvers and probes have noticed when left out",
        ),
    ],
    observed: &["share", "target", "status", "monitor", "weight", "priority", "method", "ttl"],
    // Its stages wait until the receiving endpoint is found well.
    planes: &[GLOBAL, Plane::Data("endpoint")],
    permissions: &NEEDS,
    // Five stays of a minute to live and half a minute of fast probing, and the first probes.
    usual: Duration::from_mins(9),
    shows_within: Duration::from_mins(1),
    deadline: Duration::from_mins(30),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const NEEDS: [&str; 3] = [
    "Microsoft.Network/trafficManagerProfiles/read",
    "Microsoft.Network/trafficManagerProfiles/write",
    "Microsoft.Network/trafficManagerProfiles/azureEndpoints/write",
];
const STAGES: [u64; 5] = [20, 40, 60, 80, 100];
/// The id of the first change: one user in a thousand, so that the endpoint is probed before it counts.
const FIRST: &str = "1:1000";
/// The tag that remembers how a profile routed before.
const ROUTED: &str = "failover-routed-by";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let stages = params.ints("stages").unwrap_or_default();
    let mut stages: Vec<u64> = stages.into_iter().filter_map(|s| u64::try_from(s).ok()).collect();
    if stages.is_empty() {
        stages = STAGES.to_vec();
    }
    if stages.last() != Some(&100) {
        stages.push(100);
    }
    let action = Shift {
        arm: Arm::new(clients),
        profile: params.resource("profile")?,
        to: params.resource("endpoint")?,
        from: params.resource("from")?,
        stages,
        stay: params.optional_duration("stay"),
    };
    Ok(action.into_action())
}

struct Shift {
    arm: Arm,
    profile: Resource,
    to: Resource,
    from: Resource,
    stages: Vec<u64>,
    stay: Option<Duration>,
}

#[async_trait]
impl OnAzure for Shift {
    fn arm(&self) -> &Arm {
        &self.arm
    }

    fn needs(&self) -> Vec<Need<'_>> {
        vec![Need::new(&self.profile, &NEEDS)]
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let Some(profile) = Profile::find(&self.arm, &self.profile).await? else {
            let answer = absent("Traffic Manager profile", &self.profile);
            return Ok(Observation::new(answer, Evidence::new()));
        };
        let to = profile.endpoint(endpoint_name(&self.to));
        let from = profile.endpoint(endpoint_name(&self.from));
        let mut evidence = profile.evidence(to);
        let answer = match (to, from) {
            (Some(to), Some(from)) => {
                let share = format!("{:.0} %", share(&profile, to, from) * 100.0);
                evidence.set("share", Datum::Text(share));
                self.answer(&profile, to, from)
            }
            (None, _) => absent("endpoint", &self.to),
            (_, None) => absent("endpoint", &self.from),
        };
        let serves = profile.serves(&self.arm).await;
        Ok(Observation::new(answer, evidence).serving(serves))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let stage = Stage::of(change).ok_or_else(|| unknown_change(change))?;
        let found = Profile::find(&self.arm, &self.profile).await.map_err(before_sending)?;
        let profile = found.ok_or_else(|| Unapplied::Refused {
            why: format!("the profile `{}` is gone", self.profile.name),
            request_id: None,
        })?;
        Ok(Call::patch(&Id::of(&self.profile), &self.update(&profile, stage)))
    }
}

/// One state of the shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    /// One user in a thousand.
    First,
    Percent(u64),
    Done,
}

impl Stage {
    /// The stage that a change of this action brings about.
    fn of(change: &Change) -> Option<Self> {
        let id = change.id.as_str();
        if id == FIRST {
            return Some(Self::First);
        }
        let percent = id.strip_suffix(" %")?.parse().ok()?;
        Some(if percent == 100 { Self::Done } else { Self::Percent(percent) })
    }
}

impl Shift {
    fn answer(&self, profile: &Profile, to: &Endpoint, from: &Endpoint) -> Answer {
        let name = &self.profile.name;
        if to.is_enabled() && !from.is_enabled() && routed_before(profile).is_none() {
            return Answer::AsDesired;
        }
        if let Some(why) = self.hindrance(profile) {
            return Answer::Never { why };
        }
        if !from.is_enabled() {
            // It serves nobody, and must not begin to: there is nothing left to do in stages.
            return Answer::Missing(vec![self.percent(100)]);
        }
        let now = share(profile, to, from);
        let begun = now > 0.0;
        if begun && !to.is_online() {
            let why = format!("`{}` is {}, not Online", to.name, to.monitor());
            return Answer::NotYet { why, look_again: Duration::from_secs(10) };
        }
        let stay = self.stay.unwrap_or_else(|| profile.ttl() + profile.detection());
        let first = (!begun).then(|| {
            let says = format!("{name}: 1 user in 1000 to {}", to.name);
            Change::harmless(FIRST, Sign::Changes, says)
        });
        #[expect(clippy::cast_precision_loss, reason = "a percentage")]
        let is_ahead = |stage: &&u64| **stage == 100 || now * 100.0 < **stage as f64 - 0.5;
        let stages = self.stages.iter().filter(is_ahead);
        let stages = stages.map(|stage| self.percent(*stage).after_staying(stay));
        Answer::Missing(first.into_iter().chain(stages).collect())
    }

    fn percent(&self, stage: u64) -> Change {
        let says = format!("{}: {stage} % to {}", self.profile.name, endpoint_name(&self.to));
        Change::harmless(format!("{stage} %"), Sign::Changes, says)
    }

    fn hindrance(&self, profile: &Profile) -> Option<String> {
        let name = &self.profile.name;
        if !["Weighted", "Priority"].iter().any(|method| profile.routes_by(method)) {
            return Some(format!(
                "`{name}` routes by {}: only Priority and Weighted can be shifted",
                profile.method()
            ));
        }
        let (to, from) = (endpoint_name(&self.to), endpoint_name(&self.from));
        let third = profile.endpoints().iter().find(|endpoint| {
            endpoint.is_enabled()
                && ![to, from].iter().any(|own| endpoint.name.eq_ignore_ascii_case(own))
        })?;
        // Its weight would count with those of the two, and no stage would be what it says.
        Some(format!(
            "`{}` would get users while `{name}` is Weighted: disable it first",
            third.name
        ))
    }

    /// The one update that brings a stage about.
    fn update(&self, profile: &Profile, stage: Stage) -> Value {
        let (to, from) = (endpoint_name(&self.to), endpoint_name(&self.from));
        let weights = match stage {
            Stage::First => (1, 1000),
            Stage::Percent(percent) => (percent, 100 - percent),
            Stage::Done => (100, 1),
        };
        let endpoints: Vec<Endpoint> = profile
            .endpoints()
            .iter()
            .cloned()
            .map(|mut endpoint| {
                let mut set = |name: &str, value: Value| {
                    endpoint.properties.insert(name.to_owned(), value);
                };
                if endpoint.name.eq_ignore_ascii_case(to) {
                    set("weight", json!(weights.0));
                    set("endpointStatus", json!("Enabled"));
                } else if endpoint.name.eq_ignore_ascii_case(from) {
                    set("weight", json!(weights.1));
                    // Disabled, because Azure refuses a weight of 0.
                    if stage == Stage::Done {
                        set("endpointStatus", json!("Disabled"));
                    }
                }
                endpoint
                    .properties
                    .retain(|name, value| name != "endpointMonitorStatus" && !value.is_null());
                endpoint
            })
            .collect();
        let mut tags = profile.tags.clone().unwrap_or_default();
        let before = tags.remove(ROUTED);
        let method = if stage == Stage::Done {
            before.unwrap_or_else(|| profile.method().to_owned())
        } else {
            if profile.routes_by("Priority") || before.is_some() {
                tags.insert(ROUTED.to_owned(), "Priority".to_owned());
            }
            "Weighted".to_owned()
        };
        json!({
            "tags": tags,
            "properties": { "trafficRoutingMethod": method, "endpoints": endpoints },
        })
    }
}

/// The part of the users that `to` gets, of those that it shares with `from`.
fn share(profile: &Profile, to: &Endpoint, from: &Endpoint) -> f64 {
    if !to.is_enabled() {
        return 0.0;
    }
    if !from.is_enabled() {
        return 1.0;
    }
    if !profile.routes_by("Weighted") {
        return 0.0;
    }
    #[expect(clippy::cast_precision_loss, reason = "weights go up to 1000")]
    let (to, from) = (to.weight() as f64, from.weight() as f64);
    to / (to + from)
}

/// How a profile that is Weighted for the time of a shift routed before.
fn routed_before(profile: &Profile) -> Option<&str> {
    profile.tags.as_ref()?.get(ROUTED).filter(|_| profile.routes_by("Weighted")).map(String::as_str)
}

#[cfg(test)]
mod tests {
    use super::{
        super::profile::sample::{endpoint, profile, script},
        *,
    };
    use crate::action::Serves;
    use crate::provider::testing::*;

    fn shift(script: &Arc<Script>) -> Arc<dyn Action> {
        let tm = resource("Microsoft.Network/trafficManagerProfiles", "tm", None);
        let part = |name: &str| {
            let kind = "Microsoft.Network/trafficManagerProfiles/azureEndpoints";
            node(&resource(kind, &format!("tm/{name}"), Some("eastus")))
        };
        let with = [
            ("profile", node(&tm)),
            ("endpoint", part("secondary-region")),
            ("from", part("primary-region")),
        ];
        bound(&SHIFT, script, with)
    }

    fn weighted(to: (&str, u64), from: (&str, u64), monitor: &str) -> Value {
        let mut primary = endpoint("primary-region", "page", from.0);
        let mut secondary = endpoint("secondary-region", "app-westus", to.0);
        primary["properties"]["weight"] = json!(from.1);
        secondary["properties"]["weight"] = json!(to.1);
        secondary["properties"]["endpointMonitorStatus"] = json!(monitor);
        let mut profile = profile("Weighted", &[primary, secondary]);
        profile["tags"][ROUTED] = json!("Priority");
        profile
    }

    async fn observe(profile: &Value) -> Answer {
        shift(&script(profile)).observe(&look()).await.unwrap().answer
    }

    fn sent(script: &Script) -> Value {
        let line = script.changes().pop().unwrap();
        serde_json::from_str(&line[line.find('{').unwrap()..]).unwrap()
    }

    #[tokio::test]
    async fn a_priority_profile_is_made_weighted_with_its_weights() {
        let before = profile(
            "Priority",
            &[
                endpoint("primary-region", "page", "Enabled"),
                endpoint("secondary-region", "app-westus", "Disabled"),
            ],
        );
        let script = script(&before);
        let action = shift(&script);
        let answer = action.observe(&look()).await.unwrap().answer;
        assert_eq!(missing(&answer), ["1:1000", "20 %", "40 %", "60 %", "80 %", "100 %"]);
        let Answer::Missing(changes) = answer else { unreachable!() };
        let stays: Vec<_> = changes.iter().map(|change| change.stay_before.as_secs()).collect();
        assert_eq!(stays, [0, 95, 95, 95, 95, 95], "60 s to live, 10 × 3 + 5 s to detect");

        apply_first(&action).await.unwrap();
        let sent = sent(&script);
        assert_eq!(sent["properties"]["trafficRoutingMethod"], "Weighted");
        assert_eq!(sent["tags"], json!({ "team": "media", ROUTED: "Priority" }));
        let endpoints = &sent["properties"]["endpoints"];
        assert_eq!(endpoints[0]["properties"]["weight"], 1000);
        assert_eq!(endpoints[1]["properties"]["weight"], 1);
        assert_eq!(endpoints[1]["properties"]["endpointStatus"], "Enabled");
    }

    #[tokio::test]
    async fn the_next_stage_waits_until_the_endpoint_is_online() {
        let on = "Enabled";
        let answer = observe(&weighted((on, 1), (on, 1000), "CheckingEndpoint")).await;
        let why = "`secondary-region` is CheckingEndpoint, not Online".to_owned();
        assert_eq!(answer, Answer::NotYet { why, look_again: Duration::from_secs(10) });
        let answer = observe(&weighted((on, 1), (on, 1000), "Online")).await;
        assert_eq!(missing(&answer), ["20 %", "40 %", "60 %", "80 %", "100 %"]);
    }

    #[tokio::test]
    async fn a_shift_found_at_sixty_goes_on_with_eighty() {
        let on = "Enabled";
        let answer = observe(&weighted((on, 60), (on, 40), "Online")).await;
        assert_eq!(missing(&answer), ["80 %", "100 %"]);
    }

    #[tokio::test]
    async fn the_last_stage_disables_the_other_and_routes_as_before() {
        let on = "Enabled";
        let script = script(&weighted((on, 80), (on, 20), "Online"));
        let action = shift(&script);
        apply_first(&action).await.unwrap();
        let sent = sent(&script);
        assert_eq!(sent["properties"]["trafficRoutingMethod"], "Priority");
        assert_eq!(sent["tags"], json!({ "team": "media" }));
        let endpoints = &sent["properties"]["endpoints"];
        assert_eq!(endpoints[0]["properties"]["endpointStatus"], "Disabled");
        assert_eq!(endpoints[1]["properties"]["endpointStatus"], "Enabled");
    }

    #[tokio::test]
    async fn a_split_between_page_and_app_is_no_region_that_serves() {
        let on = "Enabled";
        for (to, from) in [(20, 80), (60, 40)] {
            let script = script(&weighted((on, to), (on, from), "Online"));
            let seen = shift(&script).observe(&look()).await.unwrap();
            assert_eq!(seen.serves, Serves::Nobody, "{to} %");
        }
        let script = script(&weighted((on, 1), ("Disabled", 1000), "Online"));
        let seen = shift(&script).observe(&look()).await.unwrap();
        assert_eq!(seen.serves, Serves::Region("westus".into()));
    }

    #[tokio::test]
    async fn an_endpoint_that_serves_nobody_is_never_enabled() {
        let off = "Disabled";
        let script = script(&weighted((off, 1), (off, 1000), "Disabled"));
        let action = shift(&script);
        assert_eq!(missing(&action.observe(&look()).await.unwrap().answer), ["100 %"]);
        apply_first(&action).await.unwrap();
        let sent = sent(&script);
        assert_eq!(sent["properties"]["endpoints"][0]["properties"]["endpointStatus"], "Disabled");
    }

    #[tokio::test]
    async fn the_only_enabled_endpoint_needs_no_shift() {
        let after = profile(
            "Priority",
            &[
                endpoint("primary-region", "page", "Disabled"),
                endpoint("secondary-region", "app-westus", "Enabled"),
            ],
        );
        assert_eq!(observe(&after).await, Answer::AsDesired);
    }

    #[tokio::test]
    async fn a_third_enabled_endpoint_is_not_given_users_by_surprise() {
        for method in ["Priority", "Weighted"] {
            let crowded = profile(
                method,
                &[
                    endpoint("primary-region", "page", "Enabled"),
                    endpoint("secondary-region", "app-westus", "Disabled"),
                    endpoint("last-resort", "app-eastus", "Enabled"),
                ],
            );
            let answer = observe(&crowded).await;
            assert!(matches!(answer, Answer::Never { .. }), "{method}: {answer:?}");
        }
    }
}
