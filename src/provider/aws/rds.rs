//! A read replica in another region becomes a primary of its own.
//!
//! There is no way back: afterwards a new replica has to be made. The replica's source field is the mark of whether it
//! has happened, for it never comes back once it is gone.
//!
//! Source: Amazon RDS API reference, 2014-10-31.

mod instance;

use super::{
    OnAws, absent,
    call::Call,
    client::{Aws, before_sending},
    cloudwatch::{Metric, Point},
    region_of,
    service::RDS,
    unknown_change,
};
use crate::{
    action::{
        Action, Answer, Change, Clients, Default, Effect, Finding, Kind, Look, Mark, Observation,
        Parameter, Params, Placed, Plane, Serves, Shape, Sign, Trouble, Unapplied,
    },
    model::{DATA_LOSS, Datum, Diagnostic, Evidence, Mode, Resource, span},
};
use async_trait::async_trait;
use futures_util::future::join;
use instance::Instance;
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};

const INSTANCE: Shape =
    Shape::Resource { kind: "AWS::RDS::DBInstance", placed: Placed::InARegion, made: false };

pub(crate) static PROMOTE: Kind = Kind {
    name: "aws.rds.promote",
    summary: "Make a read replica of RDS a primary of its own, for good",
    parameters: &[
        Parameter::required("instance", INSTANCE, "The replica that becomes a primary"),
        Parameter::optional("from", INSTANCE, "The primary until now, which it must replicate"),
        Parameter::optional(
            "lag_at_most",
            Shape::Duration,
            "The ReplicaLag that a planned promotion takes for none: PostgreSQL's shows up to 5 min while nobody writes; none at all when left out",
        ),
        Parameter::optional(
            "backups",
            Shape::Int { least: 1, most: 35 },
            "For how many days backups are kept, when the replica has none yet",
        ),
        Parameter::optional(
            "mode",
            Shape::Choice(&["planned", "unplanned"]),
            "planned: only without lag, and backed up first; unplanned: as it is",
        )
        .or(Default::Mode),
    ],
    observed: &[
        "status",
        "source",
        "from_status",
        "replication",
        "backups",
        "lag_seconds",
        "lag_as_of",
        DATA_LOSS,
    ],
    planes: &[Plane::Control("instance"), Plane::Data("instance")],
    permissions: &PERMISSIONS,
    // The instance is taken out of replication and restarted: "several minutes or longer" (RDS user guide, "Promoting a
    // read replica").
    usual: Duration::from_mins(10),
    // An accepted promotion shows in the status within a minute or two, and only a status that changed proves it.
    shows_within: Duration::from_mins(5),
    // The SDKs' waiter `DBInstanceAvailable` asks for half an hour; a backup before it takes as long again.
    deadline: Duration::from_hours(1),
    effect: Effect::CannotBeUndone,
    proves_service: false,
    // Nothing but a promotion takes the source away, and nothing gives it back.
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

/// The last one is needed only to turn backups on.
const PERMISSIONS: [&str; 4] = [
    "rds:DescribeDBInstances",
    "cloudwatch:GetMetricStatistics",
    "rds:PromoteReadReplica",
    "rds:ModifyDBInstance",
];
const LOOK_AGAIN: Duration = Duration::from_secs(15);
const PATIENCE: Duration = Duration::from_secs(5);
/// The metric has a datapoint each minute, which can be read up to two minutes later.
const PERIOD: Duration = Duration::from_mins(1);
/// A planned promotion looks at no lag that is older, and waits for so long first: what it then sees was measured after
/// the step began, and so after writes were fenced.
const RECENT: Duration = Duration::from_mins(3);
/// How old the lag may be that an unplanned one tells.
const KNOWN: Duration = Duration::from_mins(15);
const BACKUPS: &str = "backups";
const PROMOTION: &str = "promote";

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let instance = params.resource("instance")?;
    Ok(Promote {
        aws: Aws::new(clients),
        region: region_of(&instance),
        instance,
        from: params.optional_resource("from"),
        most: params.optional_duration("lag_at_most").unwrap_or_default(),
        backups: params.optional_int("backups"),
        mode: params.mode("mode")?,
    }
    .into_action())
}

/// What the API calls an instance: its identifier, of that or of an ARN.
fn identifier(name: &str) -> &str {
    name.rsplit_once(":db:").map_or(name, |(_, identifier)| identifier)
}

struct Promote {
    aws: Aws,
    region: String,
    instance: Resource,
    from: Option<Resource>,
    most: Duration,
    backups: Option<i64>,
    mode: Mode,
}

#[async_trait]
impl OnAws for Promote {
    fn aws(&self) -> &Aws {
        &self.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        if self.backups.is_some() { &PERMISSIONS } else { &PERMISSIONS[..3] }
    }

    fn region(&self) -> &str {
        &self.region
    }

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let Some(instance) = Instance::find(&self.aws, &self.instance).await? else {
            return Ok(Observation::new(absent("DB instance", &self.instance), Evidence::new()));
        };
        let mut evidence = instance.evidence();
        let lag = async {
            instance.source.as_ref()?;
            self.lag(look.now).await
        };
        let (status, lag) = join(self.status_of_the_old(), lag).await;
        if let Some(status) = status {
            evidence.set("from_status", Datum::Text(status));
        }
        if instance.source.is_none() {
            return Ok(Observation::new(self.promoted(&instance), evidence));
        }
        if let Some(lag) = lag {
            evidence.set("lag_seconds", Datum::Seconds(lag.highest));
            evidence.set("lag_as_of", Datum::Instant(lag.at));
        }
        let answer = self.answer(look, &instance, lag);
        if matches!(answer, Answer::Missing(_)) {
            let unknown = || Datum::Text("not known".to_owned());
            evidence.set(DATA_LOSS, lag.map_or_else(unknown, |lag| Datum::Seconds(lag.highest)));
        }
        let serves = self.from.as_ref().and_then(|from| from.region.clone());
        Ok(Observation::new(answer, evidence)
            .serving(serves.map_or(Serves::NoRole, Serves::Region)))
    }

    async fn request(&self, change: &Change) -> Result<Call, Unapplied> {
        let id = identifier(&self.instance.name);
        let days = self.backups.map(|days| days.to_string());
        match (change.id.as_str(), days) {
            (BACKUPS, Some(days)) => {
                let parameters = [
                    ("DBInstanceIdentifier", id),
                    ("BackupRetentionPeriod", &days),
                    ("ApplyImmediately", "true"),
                ];
                Ok(Call::query(&RDS, &self.region, "ModifyDBInstance", parameters))
            }
            (PROMOTION, days) => {
                let found = Instance::find(&self.aws, &self.instance).await;
                let kept = found.map_err(before_sending)?.map_or(0, |instance| instance.backups);
                // Left out, it becomes a single day, also where it was more.
                let days = if kept > 0 { Some(kept.to_string()) } else { days };
                let mut parameters = vec![("DBInstanceIdentifier", id)];
                parameters.extend(days.as_deref().map(|days| ("BackupRetentionPeriod", days)));
                Ok(Call::query(&RDS, &self.region, "PromoteReadReplica", parameters))
            }
            _ => Err(unknown_change(change)),
        }
    }

    async fn examine(&self) -> Vec<Finding> {
        // What cannot be read is told when the instance is looked at.
        let Ok(Some(instance)) = Instance::find(&self.aws, &self.instance).await else {
            return Vec::new();
        };
        let is_bare = instance.source.is_some() && instance.backups == 0 && self.backups.is_none();
        let warning = is_bare.then(|| {
            Finding::warning(format!(
                "`{}` has no backups: the first one is made after the promotion, unless the step sets `backups`",
                self.instance.name
            ))
        });
        warning.into_iter().collect()
    }
}

impl Promote {
    /// How the old primary is. Its region may be the one that is lost, and no promotion waits for that.
    async fn status_of_the_old(&self) -> Option<String> {
        let asked = Instance::find(&self.aws, self.from.as_ref()?);
        let found = self.aws.clients.clock.within(PATIENCE, asked).await;
        let found = found.and_then(Result::ok).flatten();
        Some(found.map_or_else(|| "unknown".to_owned(), |from| from.status))
    }

    /// The newest datapoint of the replica's lag. Less than none means that it does not replicate.
    async fn lag(&self, now: Timestamp) -> Option<Point> {
        let id = identifier(&self.instance.name).to_owned();
        let dimensions = vec![("DBInstanceIdentifier".to_owned(), id)];
        let metric = Metric::new("AWS/RDS".to_owned(), "ReplicaLag".to_owned(), dimensions);
        let since = now - KNOWN;
        let points = metric.points(&self.aws, &self.region, since, PERIOD).await.ok()?;
        points.into_iter().next_back().filter(|point| point.lowest >= 0.0 && point.at >= since)
    }

    /// The answer about an instance that replicates from nobody: it was promoted, or has always been a primary.
    fn promoted(&self, instance: &Instance) -> Answer {
        let name = &self.instance.name;
        if let Some(why) = instance.is_of_a_cluster() {
            return Answer::Never { why: format!("`{name}` {why}") };
        }
        if instance.is_open() {
            return Answer::AsDesired;
        }
        self.hindered(instance)
    }

    fn hindered(&self, instance: &Instance) -> Answer {
        let why = format!("`{}` is {}", self.instance.name, instance.status);
        if instance.is_beyond_waiting() {
            Answer::Never { why: format!("{why}, and must be available first") }
        } else {
            Answer::NotYet { why, look_again: LOOK_AGAIN }
        }
    }

    fn answer(&self, look: &Look, instance: &Instance, lag: Option<Point>) -> Answer {
        let name = &self.instance.name;
        let source = instance.source.as_deref().unwrap_or_default();
        if let Some(from) = &self.from
            && identifier(source) != identifier(&from.name)
        {
            let source = identifier(source);
            let why = format!("`{name}` is a replica of `{source}`, not of `{}`", from.name);
            return Answer::Never { why };
        }
        // AWS promotes nothing that is being backed up, though it answers meanwhile.
        if instance.status != "available" {
            return self.hindered(instance);
        }
        let promotion = self.promotion(instance);
        if self.mode == Mode::Unplanned {
            return Answer::Missing(vec![promotion]);
        }
        if instance.turns_backups_on {
            let why = format!("the backups of `{name}` are being turned on");
            return Answer::NotYet { why, look_again: LOOK_AGAIN };
        }
        if let Some(days) = self.backups.filter(|_| instance.backups == 0) {
            let says = format!("{name}: backups are kept for {days} days");
            let backups = Change::harmless(BACKUPS, Sign::Changes, says);
            return Answer::Missing(vec![backups, promotion]);
        }
        match self.unreplicated(look, instance, lag) {
            Some(why) => Answer::NotYet { why: format!("`{name}` {why}"), look_again: LOOK_AGAIN },
            None => Answer::Missing(vec![promotion.after_staying(RECENT)]),
        }
    }

    /// Why a planned promotion would lose something, or may.
    fn unreplicated(&self, look: &Look, instance: &Instance, lag: Option<Point>) -> Option<String> {
        if let Some(trouble) = &instance.broken {
            return Some(format!("does not replicate: {trouble}"));
        }
        let Some(lag) = lag.filter(|lag| lag.at + RECENT >= look.now) else {
            let recent = span::show(RECENT);
            return Some(format!("has no ReplicaLag in CloudWatch of the last {recent}"));
        };
        let lags = Duration::try_from_secs_f64(lag.highest).unwrap_or(Duration::MAX);
        (lags > self.most).then(|| {
            let [lags, most] = [lags, self.most].map(span::show);
            format!("lags by {lags}, and a planned promotion takes {most}")
        })
    }

    fn promotion(&self, instance: &Instance) -> Change {
        let source = instance.source.as_deref().unwrap_or_default();
        let name = &self.instance.name;
        let says = format!("promote {name}: it leaves {} for good", identifier(source));
        let mark = Evidence::new().text("source", source).text("status", &instance.status);
        Change::harmless(PROMOTION, Sign::CannotBeUndone, says).only_from(Mark(mark))
    }
}

#[cfg(test)]
mod tests;
