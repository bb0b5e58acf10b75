//! A health check: what it watches, and whether Route 53 takes that for well.

use super::{
    super::{call::Call, client::Aws, cloudwatch::Alarm, service::ROUTE_53},
    NAMESPACE, is_set,
    record::canonical,
};
use crate::{
    action::{Placed, Shape, Trouble},
    wire::Element,
};

pub(crate) const HEALTH_CHECK: Shape =
    Shape::Resource { kind: "AWS::Route53::HealthCheck", placed: Placed::Globally, made: false };

/// An endpoint is well when more than 18 % of its checkers say so (Route 53 developer guide, "How Amazon Route 53
/// determines whether a health check is healthy").
const ENOUGH_PERCENT: usize = 18;

#[derive(Clone, Debug)]
pub(crate) struct HealthCheck {
    pub id: String,
    /// Counts its changes.
    version: String,
    config: Element,
}

/// How something stands, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    pub is_healthy: Option<bool>,
    pub says: String,
}

impl Health {
    fn of(is_healthy: Option<bool>, says: impl Into<String>) -> Self {
        Self { is_healthy, says: says.into() }
    }
}

impl HealthCheck {
    pub(crate) async fn find(aws: &Aws, id: &str) -> Result<Option<Self>, Trouble> {
        let call = Call::get(&ROUTE_53, "GetHealthCheck", &format!("healthcheck/{id}"));
        let Some(answer) = aws.find_xml(&call, &["NoSuchHealthCheck"]).await? else {
            return Ok(None);
        };
        let config = answer.find("HealthCheckConfig").cloned();
        let config =
            config.ok_or_else(|| Trouble::odd(format!("{}: no check in it", call.says())))?;
        let version = answer.find("HealthCheckVersion").map(|version| version.text.trim());
        Ok(Some(Self {
            id: id.to_owned(),
            version: version.unwrap_or_default().to_owned(),
            config,
        }))
    }

    /// `HTTP`, `CLOUDWATCH_METRIC` …
    pub(crate) fn kind(&self) -> &str {
        self.config.text_of("Type").unwrap_or_default()
    }

    /// Whether checkers ask an endpoint; other kinds follow what somebody says.
    pub(super) fn asks_an_endpoint(&self) -> bool {
        ["HTTP", "TCP"].iter().any(|kind| self.kind().starts_with(kind))
    }

    /// Whether what is well counts as unhealthy, and the other way round.
    pub(crate) fn is_inverted(&self) -> bool {
        is_set(&self.config, "Inverted")
    }

    /// Whether it is taken for healthy whatever happens.
    pub(crate) fn is_disabled(&self) -> bool {
        is_set(&self.config, "Disabled")
    }

    /// The region and the name of the alarm that it watches.
    pub(crate) fn alarm(&self) -> Option<(&str, &str)> {
        let alarm = self.config.get("AlarmIdentifier")?;
        Some((alarm.text_of("Region")?, alarm.text_of("Name")?))
    }

    /// The request that inverts it, or puts it back. It holds only for what was read: another change comes first.
    pub(super) fn invert(&self, is_inverted: bool) -> Call {
        let body = Element::new(format!("UpdateHealthCheckRequest {NAMESPACE}")).with([
            Element::with_text("HealthCheckVersion", &self.version),
            Element::with_text("Inverted", is_inverted.to_string()),
        ]);
        Call::post(&ROUTE_53, "UpdateHealthCheck", &format!("healthcheck/{}", self.id), &body)
    }

    /// Which health check of this one sends its requests to a name: itself, or one of those that it counts.
    pub(crate) async fn probing(&self, aws: &Aws, name: &str) -> Result<Option<String>, Trouble> {
        if self.asks_for(name) {
            return Ok(Some(self.id.clone()));
        }
        for id in self.children() {
            if Self::find(aws, id).await?.is_some_and(|child| child.asks_for(name)) {
                return Ok(Some(id.to_owned()));
            }
        }
        Ok(None)
    }

    /// A check with an address sends its requests there, and the name only in a header.
    fn asks_for(&self, name: &str) -> bool {
        let host = self.config.text_of("FullyQualifiedDomainName").map(canonical);
        self.config.text_of("IPAddress").is_none() && host == Some(canonical(name))
    }

    fn children(&self) -> impl Iterator<Item = &str> {
        self.config.members("ChildHealthChecks").iter().map(|child| child.text.trim())
    }

    /// What Route 53 takes its subject for.
    pub(crate) async fn health(&self, aws: &Aws) -> Result<Health, Trouble> {
        let health = match self.kind() {
            "CALCULATED" => self.of_children(aws).await?,
            _ => self.of_subject(aws).await?,
        };
        Ok(self.counted(health))
    }

    fn counted(&self, health: Health) -> Health {
        if self.is_disabled() {
            return Health::of(Some(!self.is_inverted()), "the check is disabled");
        }
        if !self.is_inverted() {
            return health;
        }
        Health::of(
            health.is_healthy.map(|is_healthy| !is_healthy),
            format!("{}, and the check is inverted", health.says),
        )
    }

    /// What the checkers of an endpoint say. Of what is no endpoint they may say nothing; then its alarm is asked.
    async fn of_subject(&self, aws: &Aws) -> Result<Health, Trouble> {
        let path = format!("healthcheck/{}/status", self.id);
        let call = Call::get(&ROUTE_53, "GetHealthCheckStatus", &path);
        let answer = aws.find_xml(&call, &["InvalidInput"]).await?;
        let checkers = answer.as_ref().and_then(|answer| answer.find("HealthCheckObservations"));
        let checkers = checkers.map(|all| all.children.as_slice()).unwrap_or_default();
        if checkers.is_empty() {
            return match self.alarm() {
                Some((region, name)) => self.of_alarm(aws, region, name).await,
                None => Ok(Health::of(None, "no checker says anything")),
            };
        }
        let is_good = |checker: &&Element| {
            let status = checker.at(&["StatusReport", "Status"]);
            status.is_some_and(|status| status.text.trim_start().starts_with("Success"))
        };
        let (good, all) = (checkers.iter().filter(is_good).count(), checkers.len());
        let says = format!("{good} of {all} checkers say healthy");
        Ok(Health::of(Some(good * 100 > all * ENOUGH_PERCENT), says))
    }

    async fn of_alarm(&self, aws: &Aws, region: &str, name: &str) -> Result<Health, Trouble> {
        let Some(alarm) = Alarm::find(aws, region, name).await? else {
            return Ok(Health::of(None, format!("there is no alarm {name} in {region}")));
        };
        let without_data = match self.config.text_of("InsufficientDataHealthStatus") {
            Some("Healthy") => Some(true),
            Some("Unhealthy") => Some(false),
            _ => None,
        };
        let is_healthy = match alarm.state.as_str() {
            "OK" => Some(true),
            "ALARM" => Some(false),
            _ => without_data,
        };
        Ok(Health::of(is_healthy, format!("its alarm {name} in {region} is {}", alarm.state)))
    }

    /// Healthy when enough of those that it counts are. Route 53 tells of each of them, and not of their sum.
    async fn of_children(&self, aws: &Aws) -> Result<Health, Trouble> {
        let enough = self.config.text_of("HealthThreshold").and_then(|number| number.parse().ok());
        let enough: usize = enough.unwrap_or_default();
        let (mut good, mut unknown, mut all) = (0, 0, 0);
        for id in self.children() {
            all += 1;
            let child = Self::find(aws, id).await?.filter(|child| child.kind() != "CALCULATED");
            let health = match &child {
                Some(child) => child.counted(child.of_subject(aws).await?).is_healthy,
                None => None,
            };
            good += usize::from(health == Some(true));
            unknown += usize::from(health.is_none());
        }
        let is_healthy = match good {
            good if good >= enough => Some(true),
            good if good + unknown < enough => Some(false),
            _ => None,
        };
        let says =
            format!("{good} of {all} checks are healthy, {unknown} unknown, {enough} needed");
        Ok(Health::of(is_healthy, says))
    }
}
