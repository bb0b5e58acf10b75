//! Moving users of one listener, or of one of its rules, from one target group to another.
//!
//! AWS replaces all actions of the place at once, so they are sent back as they were read, a sign-in before the forward
//! and its stickiness included; only weights change. A group that gets no users is first attached with a weight of 0:
//! only then does AWS check the health of its targets, and nobody is sent to one that has none.

use super::{
    GROUP, LISTENER, LOOK_AGAIN, RULE, by_arn,
    place::{Forward, Place, stickiness, weighted},
    rules_of, short, targets_of,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, Finding, Kind, Look, Observation,
        Parameter, Params, Plane, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence, Resource, span},
    provider::aws::{
        OnAws, absent,
        call::Call,
        client::{Aws, before_sending},
        region_of, unknown_change,
    },
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static WEIGHTS: Kind = Kind {
    name: "aws.elb.weights",
    summary: "Move the users of a listener, or of one of its rules, to another target group",
    parameters: &[
        Parameter::optional("listener", LISTENER, "The listener whose default action forwards"),
        Parameter::optional("rule", RULE, "The rule that forwards, instead of a listener"),
        Parameter::required("to", GROUP, "The target group that receives the users"),
        Parameter::required("from", GROUP, "The target group that gives them up"),
        Parameter::optional(
            "share",
            Shape::Int { least: 0, most: 100 },
            "The share of `to` in the end, in percent",
        )
        .or(Default::Int(100)),
        Parameter::optional(
            "stages",
            Shape::Ints { least: 1, most: 99 },
            "The shares of `to` on the way there; none when left out",
        ),
        // A minute is the resolution of the load balancer's own metrics (ELB user guide, "CloudWatch metrics").
        Parameter::optional("stay", Shape::Duration, "How long each stage stays")
            .or(Default::Text("1m")),
    ],
    observed: &["share", "healthy", "sticky_for"],
    planes: &[Plane::Control("to"), Plane::Data("to")],
    permissions: &[
        "elasticloadbalancing:DescribeListeners",
        "elasticloadbalancing:DescribeRules",
        "elasticloadbalancing:DescribeTargetHealth",
        "elasticloadbalancing:ModifyListener",
        "elasticloadbalancing:ModifyRule",
    ],
    // Load balancers take new actions up within seconds; a group that is new to one is checked first.
    usual: Duration::from_mins(1),
    shows_within: Duration::from_secs(30),
    deadline: Duration::from_mins(30),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

const ATTACH: &str = "attach";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let is_given = |name| params.optional_resource(name).is_some();
    let place = match (is_given("listener"), is_given("rule")) {
        (true, false) => Place::Listener(by_arn(params, "listener", "listener")?),
        (false, true) => Place::Rule(by_arn(params, "rule", "listener-rule")?),
        _ => {
            let message = "`aws.elb.weights` needs either a `listener` or a `rule`";
            return Err(Diagnostic::at(params.span("rule"), message));
        }
    };
    let percent = |number: i64| u64::try_from(number).unwrap_or_default();
    let stages = params.ints("stages").unwrap_or_default();
    Ok(Weights {
        aws: Aws::new(clients),
        region: region_of(place.resource()),
        place,
        to: by_arn(params, "to", "targetgroup")?,
        from: by_arn(params, "from", "targetgroup")?,
        share: percent(params.int("share")?),
        stay: if stages.is_empty() { Duration::ZERO } else { params.duration("stay")? },
        stages: stages.into_iter().map(percent).collect(),
    }
    .into_action())
}

struct Weights {
    aws: Aws,
    region: String,
    place: Place,
    to: Resource,
    from: Resource,
    share: u64,
    stages: Vec<u64>,
    stay: Duration,
}

#[async_trait]
impl OnAws for Weights {
    fn aws(&self) -> &Aws {
        &self.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        WEIGHTS.permissions
    }

    fn region(&self) -> &str {
        &self.region
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let mut evidence = Evidence::new();
        let Some(actions) = self.place.actions(&self.aws, &self.region).await? else {
            let answer = absent(self.place.noun(), self.place.resource());
            return Ok(Observation::new(answer, evidence));
        };
        let Some(forward) = Forward::among(&actions) else {
            let why = format!("{} forwards to no target group", self.says());
            return Ok(Observation::new(Answer::Never { why }, evidence));
        };
        let pair = Pair::of(&forward, self);
        evidence.set("share", Datum::Text(pair.shown()));
        if let Some(seconds) = stickiness(&actions) {
            let length = span::show(Duration::from_secs(seconds));
            evidence.set("sticky_for", Datum::Text(length));
        }
        let answer = self.answer(&forward, &pair, &mut evidence).await?;
        Ok(Observation::new(answer, evidence))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let found = self.place.actions(&self.aws, &self.region).await.map_err(before_sending)?;
        let actions = found.unwrap_or_default();
        let Some(forward) = Forward::among(&actions) else {
            let why = format!("{} forwards to no target group any more", self.says());
            return Err(Unapplied::Refused { why, request_id: None });
        };
        let (to, from) = (self.to.name.as_str(), self.from.name.as_str());
        let weights = if change.id.as_str() == ATTACH {
            let receives = self.receives(&Pair::of(&forward, self));
            vec![(receives.name.as_str(), 0)]
        } else {
            let percent = change.id.as_str().strip_suffix(" %").and_then(|text| text.parse().ok());
            let percent: u64 = percent.ok_or_else(|| unknown_change(change))?;
            vec![(to, percent), (from, 100 - percent.min(100))]
        };
        Ok(self.place.replace(&self.region, &weighted(&actions, &weights)))
    }

    async fn examine(&self) -> Vec<Finding> {
        let mut findings = Vec::new();
        if let Ok(Some(actions)) = self.place.actions(&self.aws, &self.region).await
            && let Some(seconds) = stickiness(&actions)
        {
            let length = span::show(Duration::from_secs(seconds));
            findings.push(Finding::note(format!(
                "{} is sticky: who was answered by `{}` stays there for up to {length}",
                self.says(),
                short(&self.from.name)
            )));
        }
        findings.extend(self.other_rules().await);
        findings
    }
}

impl Weights {
    fn says(&self) -> String {
        format!("the {} of `{}`", self.place.noun(), short(&self.place.resource().name))
    }

    /// Warns of rules that forward to the group that gives its users up: a listener's default action is not all.
    async fn other_rules(&self) -> Option<Finding> {
        let Place::Listener(listener) = &self.place else { return None };
        let rules = rules_of(&self.aws, &self.region, &listener.name).await.ok()??;
        let forwards = rules.iter().filter(|rule| rule.text_of("IsDefault") != Some("true"));
        let forwards = forwards.filter(|rule| {
            let forward = Forward::among(rule.members("Actions"));
            forward.is_some_and(|one| one.weight(&self.from.name).is_some_and(|weight| weight > 0))
        });
        let priorities: Vec<_> = forwards.filter_map(|rule| rule.text_of("Priority")).collect();
        (!priorities.is_empty()).then(|| {
            Finding::warning(format!(
                "rules of the same listener forward to `{}` too, and stay as they are: priority {}",
                short(&self.from.name),
                priorities.join(", ")
            ))
        })
    }

    /// The group that gets more users than it has now.
    fn receives(&self, pair: &Pair) -> &Resource {
        if pair.is_below(self.share) { &self.to } else { &self.from }
    }

    async fn answer(
        &self,
        forward: &Forward,
        pair: &Pair,
        evidence: &mut Evidence,
    ) -> Result<Answer, Trouble> {
        let (to, from) = (self.to.name.as_str(), self.from.name.as_str());
        if forward.weight(to).or(forward.weight(from)).is_none() {
            let (place, to, from) = (self.says(), short(to), short(from));
            let why = format!("{place} forwards neither to `{to}` nor to `{from}`");
            return Ok(Answer::Never { why });
        }
        // Its weight would count with those of the two, and no share would be what it says.
        if let Some(third) = forward.third([to, from]) {
            let why = format!("{} forwards to `{}` too", self.says(), short(third));
            return Ok(Answer::Never { why });
        }
        if pair.is_at(self.share) {
            return Ok(Answer::AsDesired);
        }
        let receives = self.receives(pair);
        if forward.weight(&receives.name).is_none() {
            let says = format!("{}: {} is attached", self.says(), short(&receives.name));
            let attach = Change::harmless(ATTACH, Sign::Changes, says);
            let rest = self.ahead(pair);
            return Ok(Answer::Missing([attach].into_iter().chain(rest).collect()));
        }
        let targets = targets_of(&self.aws, &self.region, receives).await?.unwrap_or_default();
        let healthy = targets.iter().filter(|target| target.is_healthy()).count();
        evidence.set("healthy", Datum::Count(i64::try_from(healthy).unwrap_or(i64::MAX)));
        if healthy == 0 {
            let bad = targets.first().map(|target| format!(": {}", target.says()));
            let (name, bad) = (short(&receives.name), bad.unwrap_or_default());
            let why = format!("`{name}` has no healthy target{bad}");
            return Ok(Answer::NotYet { why, look_again: LOOK_AGAIN });
        }
        Ok(Answer::Missing(self.ahead(pair)))
    }

    /// The stages that are left, and the end. Users who moved already stay for a while before the next.
    fn ahead(&self, pair: &Pair) -> Vec<Change> {
        let is_ahead = |stage: &&u64| pair.is_below(**stage) && **stage < self.share;
        let shares = self.stages.iter().filter(is_ahead).chain([&self.share]);
        let mut before = pair.shown();
        let mut stays = pair.to > 0;
        let mut changes = Vec::new();
        for share in shares {
            let says = format!("{}: {before} → {share} % to {}", self.says(), short(&self.to.name));
            let stay = if stays { self.stay } else { Duration::ZERO };
            let change = Change::harmless(format!("{share} %"), Sign::Changes, says);
            changes.push(change.after_staying(stay));
            before = format!("{share} %");
            stays = true;
        }
        changes
    }
}

/// The weights of the two groups; one that is not there has none.
struct Pair {
    to: u64,
    both: u64,
}

impl Pair {
    fn of(forward: &Forward, weights: &Weights) -> Self {
        let [to, from] = [&weights.to, &weights.from]
            .map(|group| forward.weight(&group.name).unwrap_or_default());
        Self { to, both: to + from }
    }

    fn is_at(&self, percent: u64) -> bool {
        self.both > 0 && self.to * 100 == percent * self.both
    }

    fn is_below(&self, percent: u64) -> bool {
        self.to * 100 < percent * self.both.max(1)
    }

    fn shown(&self) -> String {
        format!("{} %", (self.to * 100).checked_div(self.both).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
