//! Route 53: hosted zones, the record sets in them, what its name servers answer, and health checks.
//!
//! Everything that is changed here is changed in us-east-1; what is answered is answered everywhere. So a record that
//! stands in the zone is no proof: only the servers are. Source: Amazon Route 53 API reference, 2013-04-01.

mod batch;
mod file;
pub(super) mod heard;
mod plan;
pub(super) mod record;
mod records;
#[cfg(test)]
mod sample;
pub(super) mod zone;

pub(crate) use records::RECORDS;

use super::{absent, call::Call, client::Aws};
use crate::{
    action::{
        Answer, Clients, Default, Finding, Handle, Parameter, Params, Polled, Shape, Trouble,
        Unapplied,
    },
    model::{Diagnostic, Resource},
    provider::dns::Resolver,
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

    async fn zone(&self) -> Result<Option<Zone>, Trouble> {
        Zone::find(&self.aws, &self.zone).await
    }

    fn no_zone(&self) -> Answer {
        absent("hosted zone", &self.zone)
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
