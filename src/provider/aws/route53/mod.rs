//! Route 53: hosted zones, the record sets in them, what its name servers answer, and health checks.
//!
//! Everything that is changed here is changed in us-east-1; what is answered is answered everywhere. So a record that
//! stands in the zone is no proof: only the servers are. Source: Amazon Route 53 API reference, 2013-04-01.

mod batch;
pub(super) mod check;
mod file;
mod health_check;
pub(super) mod heard;
mod pair;
mod plan;
pub(super) mod record;
mod records;
#[cfg(test)]
mod sample;
mod shift;
pub(super) mod zone;

pub(crate) use health_check::HEALTH_CHECK;
pub(crate) use pair::FAILOVER_PAIR;
pub(crate) use records::RECORDS;
pub(crate) use shift::SHIFT;

use super::{call::Call, client::Aws, service::ROUTE_53_REGION, there_is_no};
use crate::{
    action::{
        Answer, Clients, Default, Finding, Handle, Observation, Parameter, Params, Plane, Polled,
        Shape, Trouble, Unapplied,
    },
    model::{Diagnostic, Evidence, Resource},
    provider::dns::Resolver,
    wire::Element,
};
use batch::Edit;
use heard::Heard;
use record::RecordSet;
use std::time::Duration;
use zone::Zone;

const ZONE: Parameter = Parameter::required("zone", zone::ZONE, "The hosted zone, by its id");
const PROVE: Parameter = Parameter::optional(
    "prove",
    Shape::Flag,
    "Whether every name server of the zone must answer so; `false` where they cannot be asked",
)
.or(Default::Flag(true));

const RECORD: Parameter = Parameter::required("record", Shape::Text, "The name that users ask for");
const TYPE: Parameter =
    Parameter::optional("type", Shape::Choice(&["A", "AAAA", "CNAME"]), "The type of its records")
        .or(Default::Text("A"));

const CONTROL_PLANE: Plane = Plane::Pinned { region: ROUTE_53_REGION, service: "Route 53" };

/// The namespace of every document that is sent.
const NAMESPACE: &str = "xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"";

/// What it takes to change records.
const CHANGES_RECORDS: [&str; 4] = [
    "route53:GetHostedZone",
    "route53:ListResourceRecordSets",
    "route53:ChangeResourceRecordSets",
    "route53:GetChange",
];
/// The same, and to ask how a health check stands.
const CHANGES_CHECKED_RECORDS: [&str; 7] = [
    "route53:GetHostedZone",
    "route53:ListResourceRecordSets",
    "route53:ChangeResourceRecordSets",
    "route53:GetChange",
    "route53:GetHealthCheck",
    "route53:GetHealthCheckStatus",
    "cloudwatch:DescribeAlarms",
];

/// How soon the name servers are asked again.
const ASK_AGAIN: Duration = Duration::from_secs(5);
/// How soon a change is made anew when nothing of it is missing any more.
const AT_ONCE: Duration = Duration::from_secs(1);

/// What the actions on records share.
struct Desk {
    aws: Aws,
    zone: Resource,
    resolver: Resolver,
    proves: bool,
}

impl Desk {
    fn new(params: &Params<'_>, clients: &Clients) -> Result<Self, Diagnostic> {
        Ok(Self {
            aws: Aws::new(clients),
            zone: params.resource("zone")?,
            resolver: Resolver(clients.dns.clone()),
            proves: params.optional_flag("prove").unwrap_or(true),
        })
    }

    /// The zone, or why there is none.
    async fn zone(&self) -> Sought<Zone> {
        let zone = Zone::find(&self.aws, &self.zone).await?;
        Ok(zone.ok_or_else(|| there_is_no("hosted zone", &self.zone)))
    }

    /// The zone, and its record sets of this name and type.
    async fn sets(&self, name: &str, kind: &str) -> Sought<(Zone, Vec<RecordSet>)> {
        let zone = match self.zone().await? {
            Ok(zone) if zone.holds(name) => zone,
            Ok(zone) => return Ok(Err(zone.stray(name))),
            Err(why) => return Ok(Err(why)),
        };
        let sets = zone.of(&self.aws, name, kind).await?;
        if sets.is_empty() {
            let (name, zone) = (record::shown(name), record::shown(&zone.name));
            return Ok(Err(format!("there is no record {name} {kind} in the zone {zone}")));
        }
        Ok(Ok((zone, sets)))
    }

    /// What the servers of the zone say of a name and a type; nothing where nobody wants to know.
    async fn hear<'a>(
        &self,
        zone: &'a Zone,
        key: (&str, &str),
        sets: &[&'a RecordSet],
    ) -> Option<Heard<'a>> {
        if !self.proves {
            return None;
        }
        Some(Heard::ask(&self.resolver, zone, key, sets).await)
    }

    /// The request that makes these changes.
    fn request(
        &self,
        zone: &Zone,
        comment: Option<&str>,
        edits: &[Edit],
    ) -> Result<Call, Unapplied> {
        if edits.is_empty() {
            let why = "nothing of it is missing any more".to_owned();
            return Err(Unapplied::Deferred { why, wait: AT_ONCE });
        }
        let own = format!("failover {}", self.aws.clients.run);
        Ok(batch::call(&zone.id, comment.unwrap_or(&own), edits))
    }

    async fn poll(&self, handle: &Handle) -> Result<Polled, Trouble> {
        batch::poll(&self.aws, handle).await
    }
}

/// Whether a flag is there and on, as Route 53 or one who imitates it writes that.
fn is_set(element: &Element, flag: &str) -> bool {
    element.text_of(flag).is_some_and(|text| text.eq_ignore_ascii_case("true"))
}

/// What was looked for, or why no waiting will bring it.
type Sought<T> = Result<Result<T, String>, Trouble>;

fn never(why: String) -> Observation {
    Observation::new(Answer::Never { why }, Evidence::new())
}

/// A change that cannot be made of what is there now.
fn refused(why: impl Into<String>) -> Unapplied {
    Unapplied::Refused { why: why.into(), request_id: None }
}

/// Warns where the servers cannot be asked: what is changed could not be proven.
fn silence(heard: Option<&Heard<'_>>) -> Option<Finding> {
    let why = heard?.silence()?;
    let says = format!(
        "no name server of the zone answers here, so nothing can be proven ({why}): open port 53, or say `prove: false`"
    );
    Some(Finding::warning(says))
}
