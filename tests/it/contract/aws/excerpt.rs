//! The excerpts of AWS's API models.

use super::shape::Shapes;
use serde::Deserialize;
use std::{collections::BTreeMap, sync::LazyLock};

pub(super) static EXCERPTS: LazyLock<Excerpts> = LazyLock::new(|| {
    let (common, services): (Vec<_>, Vec<_>) =
        super::super::files("aws").partition(|(name, _)| name == "common");
    let service = |(name, file)| {
        serde_json::from_value(file).unwrap_or_else(|error| panic!("{name}: {error}"))
    };
    let [(_, common)] = common.try_into().unwrap();
    Excerpts {
        services: services.into_iter().map(service).collect(),
        common: serde_json::from_value(common).unwrap(),
    }
});

pub(super) struct Excerpts {
    pub services: Vec<Service>,
    pub common: Common,
}

/// The codes of errors that any service may answer with.
#[derive(Deserialize)]
pub(super) struct Common {
    every: Vec<String>,
    query: Vec<String>,
    json: Vec<String>,
}

impl Common {
    pub(super) fn has(&self, protocol: Protocol, code: &str) -> bool {
        let own = if protocol == Protocol::Json { &self.json } else { &self.query };
        self.every.iter().chain(own).any(|known| known == code)
    }
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Protocol {
    Json,
    Query,
    RestXml,
}

#[derive(Deserialize)]
pub(super) struct Service {
    /// As signatures have it.
    #[serde(rename = "service")]
    pub name: String,
    /// None where customers have endpoints of their own. `{region}` stands for the one that is asked.
    host: Option<String>,
    /// The one that signatures are for, when the service has a single host.
    region: Option<String>,
    pub protocols: Vec<Protocol>,
    pub version: String,
    /// The version of JSON, and what stands before the name of an operation.
    pub json: Option<String>,
    pub target: Option<String>,
    pub namespace: Option<String>,
    /// Whether errors in JSON name the codes of the Query protocol too (Smithy, "awsQueryCompatible").
    #[serde(default)]
    pub keeps_query_codes: bool,
    pub operations: BTreeMap<String, Operation>,
    pub errors: BTreeMap<String, Fault>,
    pub shapes: Shapes,
}

#[derive(Deserialize)]
pub(super) struct Operation {
    /// A method and a path, where these say what is asked.
    pub http: Option<String>,
    pub input: String,
    pub output: Option<String>,
    /// The errors that it declares.
    pub errors: Vec<String>,
}

/// How an error is answered, where its name does not say.
#[derive(Default, Deserialize)]
pub(super) struct Fault {
    pub code: Option<String>,
    pub status: Option<u16>,
}

impl Service {
    pub(super) fn is_at(&self, host: &str) -> bool {
        self.region_of(host).is_some()
    }

    /// The region whose host it is; an empty one when there is but one host.
    fn region_of<'a>(&self, host: &'a str) -> Option<&'a str> {
        let own = self.host.as_deref()?;
        let Some((before, after)) = own.split_once("{region}") else {
            return (own == host).then_some("");
        };
        let region = host.strip_prefix(before)?.strip_suffix(after)?;
        (!region.contains('.')).then_some(region)
    }

    /// A host of AWS must be the service's own, in the region that the request is signed for. Other hosts are an
    /// operator's.
    pub(super) fn check_address(&self, host: &str, signed_for: &str) -> Result<(), String> {
        if let Some(region) = self.region.as_deref().filter(|region| *region != signed_for) {
            return Err(format!("signed for {signed_for} instead of {region}"));
        }
        match (&self.host, self.region_of(host)) {
            (Some(_), Some(region)) if !region.is_empty() && region != signed_for => {
                Err(format!("signed for {signed_for} instead of {region}"))
            }
            (Some(own), None) if host.ends_with(".amazonaws.com") => {
                Err(format!("`{}` is at {own}", self.name))
            }
            _ => Ok(()),
        }
    }
}
