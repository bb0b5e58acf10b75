//! Moving users from one weighted record to another, in stages.
//!
//! Each stage is one batch with both weights: between two batches, users would go where neither says, and when all
//! weights are 0 Route 53 sends users to all of them.

use super::{
    super::{
        OnAws,
        call::Call,
        client::{Aws, before_sending},
        service::ROUTE_53_REGION,
        unknown_change,
    },
    CHANGES_CHECKED_RECORDS, CONTROL_PLANE, Desk, PROVE, RECORD, Sought, TYPE, ZONE,
    batch::{self, Edit},
    check::HealthCheck,
    never,
    record::{RecordSet, canonical, shown},
    refused, silence,
    zone::Zone,
};
use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Effect, Finding, Handle, Kind, Look, Observation,
        Parameter, Params, Polled, Serves, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence},
    wire::Response,
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

pub(crate) static SHIFT: Kind = Kind {
    name: "aws.route53.shift",
    summary: "Move users from one weighted record to another, in stages",
    parameters: &[
        ZONE,
        RECORD,
        TYPE,
        Parameter::required(
            "from",
            Shape::Text,
            "The SetIdentifier of the record that gives users up",
        ),
        Parameter::required(
            "to",
            Shape::Text,
            "The SetIdentifier of the record that receives them",
        ),
        Parameter::optional(
            "stages",
            Shape::Ints { least: 1, most: 100 },
            "The shares of the receiving record in percent; 20, 40, 60, 80, 100 when left out",
        ),
        Parameter::optional(
            "stay",
            Shape::Duration,
            "How long each stage stays: never shorter than resolvers keep an answer",
        ),
        PROVE,
    ],
    observed: &["share", "weights", "health", "ttl", "servers", "serves"],
    planes: &[CONTROL_PLANE],
    permissions: &CHANGES_CHECKED_RECORDS,
    // Five batches of up to a minute, and four stays of a minute to live.
    usual: Duration::from_mins(9),
    // A listing shows what is still PENDING (ListResourceRecordSets).
    shows_within: Duration::from_secs(30),
    deadline: Duration::from_mins(30),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &["aws.route53.records"],
    bind,
};

const STAGES: [u64; 5] = [20, 40, 60, 80, 100];
const LOOK_AGAIN: Duration = Duration::from_secs(10);

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let stages = params.ints("stages").unwrap_or_default();
    let mut stages: Vec<u64> = stages.into_iter().filter_map(|s| u64::try_from(s).ok()).collect();
    if stages.is_empty() {
        stages = STAGES.to_vec();
    }
    if stages.last() != Some(&100) {
        stages.push(100);
    }
    let (from, to) = (params.text("from")?, params.text("to")?);
    if from == to {
        let message = format!("users cannot be moved from `{from}` to itself");
        return Err(Diagnostic::at(params.span("to"), message));
    }
    let action = Shift {
        desk: Desk::new(params, clients)?,
        record: canonical(&params.text("record")?),
        kind: params.text("type")?,
        from,
        to,
        stages,
        stay: params.optional_duration("stay").unwrap_or_default(),
    };
    Ok(action.into_action())
}

struct Shift {
    desk: Desk,
    record: String,
    kind: String,
    from: String,
    to: String,
    stages: Vec<u64>,
    stay: Duration,
}

/// The two records, and all others of their name.
struct Found {
    zone: Zone,
    sets: Vec<RecordSet>,
    from: RecordSet,
    to: RecordSet,
}

impl Found {
    /// The part of the users that `to` gets, of those that it shares with `from`, in percent.
    fn share(&self) -> u64 {
        match (self.from.weight().unwrap_or_default(), self.to.weight().unwrap_or_default()) {
            // No weight at all is an equal one.
            (0, 0) => 50,
            (from, to) => to * 100 / (from + to),
        }
    }

    fn is_over(&self) -> bool {
        self.from.weight() == Some(0) && self.to.weight() != Some(0)
    }

    fn ttl(&self) -> Duration {
        self.from.ttl().max(self.to.ttl())
    }

    fn serves(&self) -> Serves {
        let set = match self.share() {
            0 => &self.from,
            100 => &self.to,
            _ => return Serves::Nobody,
        };
        set.region().map_or(Serves::NoRole, Serves::Region)
    }

    fn evidence(&self) -> Evidence {
        let weight = |set: &RecordSet| {
            let weight =
                set.weight().map_or_else(|| "none".to_owned(), |weight| weight.to_string());
            format!("{} {weight}", set.identifier().unwrap_or_default())
        };
        let weights: Vec<_> = self.sets.iter().map(weight).collect();
        let mut evidence = Evidence::new()
            .text("share", format!("{} %", self.share()))
            .text("weights", weights.join(", "))
            .with("ttl", Datum::Seconds(self.ttl().as_secs_f64()));
        if let Serves::Region(region) = self.serves() {
            evidence.set("serves", Datum::Text(region.to_string()));
        }
        evidence
    }
}

#[async_trait]
impl OnAws for Shift {
    fn aws(&self) -> &Aws {
        &self.desk.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        SHIFT.permissions
    }

    fn region(&self) -> &str {
        ROUTE_53_REGION
    }

    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let found = match self.find().await? {
            Ok(found) => found,
            Err(why) => return Ok(never(why)),
        };
        let mut evidence = found.evidence();
        let answer = if found.is_over() {
            self.proven(&found, &mut evidence).await
        } else {
            match self.sickness(&found, &mut evidence).await? {
                Some(why) => Answer::NotYet { why, look_again: LOOK_AGAIN },
                None => Answer::Missing(self.stages(&found)),
            }
        };
        Ok(Observation::new(answer, evidence).serving(found.serves()))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let percent = change.id.as_str().strip_suffix(" %").and_then(|share| share.parse().ok());
        let percent: u64 =
            percent.filter(|share| *share <= 100).ok_or_else(|| unknown_change(change))?;
        let found = self.find().await.map_err(before_sending)?.map_err(refused)?;
        let edits = [(found.to, percent), (found.from, 100 - percent)]
            .map(|(set, weight)| Edit::upsert(set.with("Weight", weight.to_string())));
        self.desk.request(&found.zone, None, &edits)
    }

    fn accepted(&self, response: &Response) -> Applied {
        batch::accepted(response)
    }

    async fn poll(&self, handle: &Handle) -> Result<Polled, Trouble> {
        self.desk.poll(handle).await
    }

    async fn examine(&self) -> Vec<Finding> {
        let Ok(Ok(found)) = self.find().await else { return Vec::new() };
        let sets: Vec<_> = found.sets.iter().collect();
        let heard = self.desk.hear(&found.zone, (&self.record, &self.kind), &sets).await;
        silence(heard.as_ref()).into_iter().collect()
    }
}

impl Shift {
    async fn find(&self) -> Sought<Found> {
        let (zone, sets) = match self.desk.sets(&self.record, &self.kind).await? {
            Ok(found) => found,
            Err(why) => return Ok(Err(why)),
        };
        let weighted = |id: &str| {
            let set = sets.iter().find(|set| set.identifier() == Some(id));
            set.filter(|set| set.weight().is_some()).cloned().ok_or_else(|| {
                let all: Vec<_> = sets.iter().map(RecordSet::label).collect();
                let name = shown(&self.record);
                format!(
                    "{name} {} has no weighted record `{id}`; it has {}",
                    self.kind,
                    all.join(", ")
                )
            })
        };
        let (from, to) = match (weighted(&self.from), weighted(&self.to)) {
            (Ok(from), Ok(to)) => (from, to),
            (Err(why), _) | (_, Err(why)) => return Ok(Err(why)),
        };
        let is_third = |set: &&RecordSet| *set != &from && *set != &to && set.weight() != Some(0);
        if let Some(third) = sets.iter().find(is_third) {
            // Its weight counts with those of the two, and no stage would be what it says.
            let why = format!("{} gets users too: set its weight to 0 first", third.label());
            return Ok(Err(why));
        }
        Ok(Ok(Found { zone, sets, from, to }))
    }

    /// The stages that are still ahead. The present one, wherever it was come to, stays its time first.
    fn stages(&self, found: &Found) -> Vec<Change> {
        let share = found.share();
        let is_ahead = |stage: &&u64| **stage == 100 || share < **stage;
        let ahead = self.stages.iter().filter(is_ahead).enumerate();
        ahead
            .map(|(place, stage)| {
                let is_first = place == 0 && share == 0;
                let stay = if is_first { Duration::ZERO } else { self.stay.max(found.ttl()) };
                self.stage(*stage).after_staying(stay)
            })
            .collect()
    }

    fn stage(&self, percent: u64) -> Change {
        let name = shown(&self.record);
        let (to, from, rest) = (&self.to, &self.from, 100 - percent);
        let says = format!("{name} {}: {percent} % to {to}, {rest} % to {from}", self.kind);
        Change::harmless(format!("{percent} %"), Sign::Changes, says)
    }

    /// Why no more users may be sent to a record: its health check says that nobody is well there.
    async fn sickness(
        &self,
        found: &Found,
        evidence: &mut Evidence,
    ) -> Result<Option<String>, Trouble> {
        let Some(id) = found.to.health_check() else { return Ok(None) };
        let Some(check) = HealthCheck::find(&self.desk.aws, id).await? else { return Ok(None) };
        let health = check.health(&self.desk.aws).await?;
        evidence.set("health", Datum::Text(health.says.clone()));
        let label = found.to.label();
        Ok((health.is_healthy == Some(false))
            .then(|| format!("{label} is unhealthy: {}", health.says)))
    }

    /// All users are sent there, when every server says so.
    async fn proven(&self, found: &Found, evidence: &mut Evidence) -> Answer {
        let sets: Vec<_> = found.sets.iter().collect();
        let heard = self.desk.hear(&found.zone, (&self.record, &self.kind), &sets).await;
        let Some(heard) = heard else { return Answer::AsDesired };
        evidence.set("servers", Datum::Text(heard.says()));
        match heard.hindrance() {
            Some(why) => Answer::NotYet { why, look_again: super::ASK_AGAIN },
            None => Answer::AsDesired,
        }
    }
}

#[cfg(test)]
mod tests;
