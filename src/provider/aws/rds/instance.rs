//! A DB instance, as RDS describes it.

use super::{Aws, Call, RDS, identifier, region_of};
use crate::{
    action::Trouble,
    model::{Datum, Evidence, Resource},
    wire::Element,
};

pub(super) struct Instance {
    pub(super) status: String,
    /// What it replicates: an identifier in its own region, an ARN in another one.
    pub(super) source: Option<String>,
    /// For how many days backups are kept.
    pub(super) backups: i64,
    pub(super) turns_backups_on: bool,
    replication: Option<String>,
    /// Why it does not replicate.
    pub(super) broken: Option<String>,
    cluster: Option<String>,
}

/// States that end only when somebody does something (RDS user guide, "Viewing Amazon RDS DB instance status").
const BEYOND_WAITING: [&str; 14] = [
    "deleting",
    "failed",
    "inaccessible-encryption-credentials",
    "inaccessible-encryption-credentials-recoverable",
    "incompatible-create",
    "incompatible-network",
    "incompatible-option-group",
    "incompatible-parameters",
    "incompatible-restore",
    "insufficient-capacity",
    "restore-error",
    "stopped",
    "stopping",
    "storage-full",
];

impl Instance {
    pub(super) async fn find(aws: &Aws, resource: &Resource) -> Result<Option<Self>, Trouble> {
        let parameters = [("DBInstanceIdentifier", identifier(&resource.name))];
        let region = region_of(resource);
        let call = Call::query(&RDS, &region, "DescribeDBInstances", parameters);
        let answer = aws.find_xml(&call, &["DBInstanceNotFound"]).await?;
        let Some(answer) = answer else { return Ok(None) };
        let instances = answer.find("DBInstances").map(|all| all.children.as_slice());
        let Some(instance) = instances.and_then(<[Element]>::first) else { return Ok(None) };
        Self::read(instance)
            .map(Some)
            .ok_or_else(|| Trouble::odd(format!("{}: an instance without a status", call.says())))
    }

    fn read(instance: &Element) -> Option<Self> {
        let text = |name: &str| instance.text_of(name).map(ToOwned::to_owned);
        let days = |element: &Element| element.text_of("BackupRetentionPeriod")?.parse().ok();
        let pending = instance.get("PendingModifiedValues").and_then(days);
        let replication = instance.members("StatusInfos").first();
        let is_broken = replication.is_some_and(|info| info.text_of("Normal") == Some("false"));
        let state = replication.and_then(|info| info.text_of("Status")).map(ToOwned::to_owned);
        let message = replication.and_then(|info| info.text_of("Message"));
        let trouble = match (&state, message) {
            (Some(state), Some(message)) => format!("{state}, {message}"),
            (state, message) => {
                state.as_deref().or(message).unwrap_or("RDS does not say why").to_owned()
            }
        };
        Some(Self {
            status: text("DBInstanceStatus")?,
            source: text("ReadReplicaSourceDBInstanceIdentifier")
                .or_else(|| text("ReadReplicaSourceDBClusterIdentifier")),
            backups: days(instance).unwrap_or_default(),
            turns_backups_on: pending.is_some_and(|days: i64| days > 0),
            broken: is_broken.then_some(trouble),
            replication: state,
            cluster: text("DBClusterIdentifier"),
        })
    }

    pub(super) fn evidence(&self) -> Evidence {
        let mut evidence = Evidence::new()
            .text("status", &self.status)
            .with("backups", Datum::Count(self.backups));
        for (name, text) in [("source", &self.source), ("replication", &self.replication)] {
            if let Some(text) = text {
                evidence.set(name, Datum::Text(identifier(text).to_owned()));
            }
        }
        evidence
    }

    /// Whether a primary takes reads and writes. It does so while its first backup is made, which may take hours.
    pub(super) fn is_open(&self) -> bool {
        matches!(self.status.as_str(), "available" | "backing-up" | "storage-optimization")
    }

    pub(super) fn is_beyond_waiting(&self) -> bool {
        BEYOND_WAITING.contains(&self.status.as_str())
    }

    pub(super) fn is_of_a_cluster(&self) -> Option<String> {
        let cluster = self.cluster.as_ref()?;
        Some(format!("is an instance of the cluster `{cluster}`, and is not promoted by itself"))
    }
}
