//! RDS: database instances, their replicas, and how a replica becomes a primary of its own.
//!
//! Sources: Amazon RDS API reference 2014-10-31; "Promoting a read replica to be a standalone DB instance" and "Viewing
//! Amazon RDS DB instance status", user guide: the instance is rebooted, the promotion cannot be taken back, and backups
//! that were switched on are made at once.

use super::{
    arn::Arn,
    asked::{Asked, leaf},
};
use crate::{
    sim::{
        call::{Refusal, Replied},
        cloud::Cloud,
        id::digits,
        seed::{Seed, texts_in},
    },
    wire::Element,
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use std::time::Duration;

const KIND: &str = "AWS::RDS::DBInstance";
const PROMOTE: &str = "aws.rds.promote";
const AVAILABLE: &str = "available";
const MODIFIES: Duration = Duration::from_mins(1);
const REBOOTS: Duration = Duration::from_secs(75);
const BACKS_UP: Duration = Duration::from_secs(90);
/// How far a replica is behind when all is well.
const USUAL_LAG: f64 = 1.0;
const LONGEST_RETENTION: u64 = 35;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Instance {
    region: String,
    id: String,
    /// The region and the id of what it is a replica of.
    source: Option<(String, String)>,
    status: String,
    /// What is still to come, the next first.
    ahead: Vec<(Timestamp, Stage)>,
    retention: u64,
    /// What waits for the maintenance window.
    pending_retention: Option<u64>,
    lag: f64,
    created: Timestamp,
}

/// What happens to an instance at an instant.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Stage {
    Turns(String),
    /// It is a replica no more.
    StandsAlone,
}

impl Instance {
    fn is_called(&self, region: &str, id: &str) -> bool {
        self.region == region && self.id.eq_ignore_ascii_case(id)
    }

    fn arn(&self, account: &str) -> String {
        arn(account, &self.region, &self.id)
    }

    pub(super) fn due(&self) -> Option<Timestamp> {
        self.ahead.first().map(|(at, _)| *at)
    }

    pub(super) fn pass(&mut self, now: Timestamp) {
        while self.due().is_some_and(|due| due <= now) {
            match self.ahead.remove(0).1 {
                Stage::Turns(status) => self.status = status,
                Stage::StandsAlone => self.source = None,
            }
        }
    }

    /// Goes through these states, each for so long, and is available at the end.
    fn go_through(&mut self, states: &[(&str, Duration)], now: Timestamp) {
        let mut at = now;
        self.ahead.clear();
        for (state, length) in states {
            self.ahead.push((at, Stage::Turns((*state).to_owned())));
            at += *length;
        }
        self.ahead.push((at, Stage::Turns(AVAILABLE.to_owned())));
        self.pass(now);
    }

    fn promote(&mut self, now: Timestamp) {
        let backs_up = ("backing-up", BACKS_UP);
        self.go_through(&[("modifying", MODIFIES), ("rebooting", REBOOTS), backs_up], now);
        let alone = now + MODIFIES + REBOOTS;
        let place = self.ahead.partition_point(|(at, _)| *at < alone);
        self.ahead.insert(place, (alone, Stage::StandsAlone));
    }

    fn check_available(&self) -> Result<(), Refusal> {
        if self.status == AVAILABLE {
            return Ok(());
        }
        Err(bad_state(format!("Instance {} is not currently in the available state.", self.id)))
    }

    fn show(&self, cloud: &Cloud, name: &str) -> Element {
        let account = &cloud.aws.account;
        let named = |region: &str, id: &str| {
            // Within a region the id is enough.
            if region == self.region { id.to_owned() } else { arn(account, region, id) }
        };
        let source = self
            .source
            .as_ref()
            .map(|(region, id)| leaf("ReadReplicaSourceDBInstanceIdentifier", named(region, id)));
        let reads_me = |one: &&Self| one.source == Some((self.region.clone(), self.id.clone()));
        let replicas = cloud.aws.databases.iter().filter(reads_me);
        let replicas = replicas
            .map(|one| leaf("ReadReplicaDBInstanceIdentifier", named(&one.region, &one.id)));
        let pending = self.pending_retention.map(|days| leaf("BackupRetentionPeriod", days));
        let host = format!("{}.c0simulated.{}.rds.amazonaws.com", self.id, self.region);
        let resource = format!("db-{}", digits(&self.arn(account), 26).to_uppercase());
        let status = self.source.as_ref().map(|(region, _)| {
            let is_well = !cloud.is_dark(region);
            Element::new("DBInstanceStatusInfo").with([
                leaf("StatusType", "read replication"),
                leaf("Normal", is_well),
                leaf("Status", if is_well { "replicating" } else { "error" }),
            ])
        });
        Element::new(name)
            .with([
                leaf("DBInstanceIdentifier", &self.id),
                leaf("DBInstanceClass", "db.m6g.large"),
                leaf("Engine", "postgres"),
                leaf("DBInstanceStatus", &self.status),
                Element::new("Endpoint").with([leaf("Address", host), leaf("Port", 5432)]),
                leaf("AllocatedStorage", 100),
                leaf("InstanceCreateTime", super::instant(self.created)),
                leaf("PreferredBackupWindow", "03:00-03:30"),
                leaf("BackupRetentionPeriod", self.retention),
                leaf("AvailabilityZone", format!("{}a", self.region)),
                Element::new("PendingModifiedValues").with(pending),
                leaf("MultiAZ", false),
                leaf("EngineVersion", "16.4"),
            ])
            .with(source)
            .with([
                Element::new("ReadReplicaDBInstanceIdentifiers").with(replicas),
                Element::new("StatusInfos").with(status),
                leaf("StorageEncrypted", true),
                leaf("DbiResourceId", resource),
                leaf("DBInstanceArn", self.arn(account)),
                leaf("DeletionProtection", false),
            ])
    }
}

fn arn(account: &str, region: &str, id: &str) -> String {
    format!("arn:aws:rds:{region}:{account}:db:{id}")
}

/// The id in a name, which may be an ARN.
fn short(name: &str) -> &str {
    Arn::read(name).map_or(name, |arn| arn.resource.trim_start_matches("db:"))
}

pub(super) fn answer(cloud: &mut Cloud, asked: &Asked) -> Replied {
    match asked.operation.as_str() {
        "DescribeDBInstances" => describe(cloud, asked),
        "PromoteReadReplica" => promote(cloud, asked),
        "ModifyDBInstance" => modify(cloud, asked),
        _ => Err(asked.no_such_operation()),
    }
}

fn describe(cloud: &Cloud, asked: &Asked) -> Replied {
    let region = &asked.scope.region;
    let wanted = asked.text("DBInstanceIdentifier");
    let here = cloud.aws.databases.iter().filter(|one| one.region == *region);
    let found = here.filter(|one| wanted.is_none_or(|id| one.is_called(region, short(id))));
    let shown: Vec<_> = found.map(|one| one.show(cloud, "DBInstance")).collect();
    match wanted {
        Some(id) if shown.is_empty() => Err(not_found(id)),
        _ => Ok(asked.result([Element::new("DBInstances").with(shown)])),
    }
}

fn place(cloud: &Cloud, asked: &Asked) -> Result<usize, Refusal> {
    let id = asked.required("DBInstanceIdentifier")?;
    let mut all = cloud.aws.databases.iter();
    let place = all.position(|one| one.is_called(&asked.scope.region, short(id)));
    place.ok_or_else(|| not_found(id))
}

fn promote(cloud: &mut Cloud, asked: &Asked) -> Replied {
    let (place, now) = (place(cloud, asked)?, cloud.now);
    let retention = retention(asked)?;
    let instance = &mut cloud.aws.databases[place];
    if instance.source.is_none() {
        return Err(bad_state("DB Instance is not a read replica.".to_owned()));
    }
    instance.check_available()?;
    // "Default: 1": a primary of its own has backups.
    instance.retention = retention.unwrap_or(instance.retention.max(1));
    instance.promote(now);
    let shown = cloud.aws.databases[place].show(cloud, "DBInstance");
    Ok(asked.result([shown]))
}

fn modify(cloud: &mut Cloud, asked: &Asked) -> Replied {
    let (place, now) = (place(cloud, asked)?, cloud.now);
    let retention = retention(asked)?;
    let instance = &mut cloud.aws.databases[place];
    instance.check_available()?;
    if let Some(days) = retention.filter(|days| *days != instance.retention) {
        // Switching backups on or off restarts the instance; another number of days is taken over as it is.
        let is_switch = (days == 0) != (instance.retention == 0);
        let is_now = asked.text("ApplyImmediately") == Some("true");
        if is_switch && !is_now {
            instance.pending_retention = Some(days);
        } else {
            instance.retention = days;
            let backs_up = ("backing-up", BACKS_UP);
            let backs_up = Some(backs_up).filter(|_| is_switch && days > 0);
            let states: Vec<_> = [("modifying", MODIFIES)].into_iter().chain(backs_up).collect();
            instance.go_through(&states, now);
        }
    }
    let shown = cloud.aws.databases[place].show(cloud, "DBInstance");
    Ok(asked.result([shown]))
}

fn retention(asked: &Asked) -> Result<Option<u64>, Refusal> {
    let Some(text) = asked.text("BackupRetentionPeriod") else { return Ok(None) };
    let days = text.parse().ok().filter(|days| *days <= LONGEST_RETENTION);
    days.map(Some).ok_or_else(|| {
        let why =
            format!("Invalid backup retention period: {text}. Must be 0 to {LONGEST_RETENTION}.");
        Refusal::new(400, "InvalidParameterValue", why)
    })
}

fn not_found(id: &str) -> Refusal {
    Refusal::new(404, "DBInstanceNotFound", format!("DBInstance {id} not found."))
}

fn bad_state(why: String) -> Refusal {
    Refusal::new(400, "InvalidDBInstanceState", why)
}

impl Cloud {
    /// Deletes an instance.
    pub fn delete_database(&mut self, region: &str, id: &str) {
        self.aws.databases.retain(|one| !one.is_called(region, id));
    }

    /// How many seconds a replica was behind its source at an instant: the metric `ReplicaLag` of `AWS/RDS`, by the
    /// dimension `DBInstanceIdentifier`. `None` for what is no replica. While its source is out it falls behind.
    pub(in crate::sim) fn replica_lag(&self, region: &str, id: &str, at: Timestamp) -> Option<f64> {
        let instance = self.aws.databases.iter().find(|one| one.is_called(region, id))?;
        let (source, _) = instance.source.as_ref()?;
        let silent = at.duration_since(self.blackout.since).as_secs_f64().max(0.0);
        Some(instance.lag + if self.is_dark(source) { silent } else { 0.0 })
    }

    /// What the first instance of a region lets an app do; none when there is no instance.
    pub(super) fn database_in(&self, region: &str) -> Option<&'static str> {
        let instance = self.aws.databases.iter().find(|one| one.region == region)?;
        Some(match (&instance.source, instance.status.as_str()) {
            (_, "rebooting") => "down",
            (Some(_), _) => "read only",
            (None, _) => "writable",
        })
    }

    /// A replica is this many seconds behind from now on.
    pub fn let_replica_lag(&mut self, region: &str, id: &str, seconds: f64) {
        if let Some(instance) = self.database_mut(region, id) {
            instance.lag = seconds;
        }
    }

    /// An instance is busy with something else for this long, such as `backing-up`.
    pub fn let_database_be(&mut self, region: &str, id: &str, status: &str, length: Duration) {
        let now = self.now;
        if let Some(instance) = self.database_mut(region, id) {
            instance.go_through(&[(status, length)], now);
        }
    }

    fn database_mut(&mut self, region: &str, id: &str) -> Option<&mut Instance> {
        self.aws.databases.iter_mut().find(|one| one.is_called(region, id))
    }
}

/// The instances that the plan names; what it promotes is a replica of the active region's.
pub(super) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
    let promotions: Vec<_> =
        seed.steps_on(KIND).filter(|work| work.action.as_str() == PROMOTE).collect();
    let named: Vec<_> = promotions.iter().flat_map(|work| texts_in(&work.with)).collect();
    let own = |one: &&crate::model::Resource| seed.region_of(one) != seed.standby;
    let source = seed.of_kind(KIND).find(own).map(|one| (seed.region_of(one), one.name.clone()));
    let resources: Vec<_> = seed.of_kind(KIND).collect();
    for resource in resources {
        let region = seed.region_of(resource);
        let id = short(&resource.name);
        let is_replica = region == seed.standby && named.contains(&resource.name.as_str());
        let source = is_replica.then(|| {
            let (region, name) =
                source.clone().unwrap_or_else(|| (seed.active.clone(), format!("{id}-source")));
            (region, short(&name).to_owned())
        });
        if let Some((region, id)) = &source {
            add(cloud, region, id, None);
        }
        add(cloud, &region, id, source);
    }
}

fn add(cloud: &mut Cloud, region: &str, id: &str, source: Option<(String, String)>) {
    if cloud.aws.databases.iter().any(|one| one.is_called(region, id)) {
        return;
    }
    cloud.aws.databases.push(Instance {
        region: region.to_owned(),
        id: id.to_owned(),
        // A replica is made without backups; its source cannot be without them.
        retention: if source.is_some() { 0 } else { 7 },
        source,
        status: AVAILABLE.to_owned(),
        ahead: Vec::new(),
        pending_retention: None,
        lag: USUAL_LAG,
        created: cloud.now - Duration::from_hours(24),
    });
}
