//! Azure: the front door of Resource Manager, and the services behind it.

mod app;
mod group;
mod kudu;
mod metrics;
mod monitor;
mod operation;
mod policy;
mod postgres;
mod replication;
mod storage;
mod traffic_manager;
mod web;

pub(super) use app::{View, is_outside, view};
pub(super) use group::Group;
pub(super) use operation::Operation;
pub(super) use policy::{Policy, Throttle};
pub(super) use postgres::Server;
pub(super) use replication::VirtualEndpoint;
pub(super) use storage::Account;
pub(super) use traffic_manager::Profile;
pub(super) use web::{ServicePlan, Site};

use super::{
    address::{Address, find, location},
    call::{Call, Refusal, Replied, Reply},
    cloud::{Cloud, Outage},
    reached::Reached,
};
use jiff::fmt::rfc2822;
use operation::guid;

/// The oldest versions that are taken, by namespace; any newer one of the same shape is, as clients send many.
const VERSIONS: [(&str, &str); 7] = [
    ("microsoft.authorization", "2015-01-01"),
    ("microsoft.dbforpostgresql", "2022-12-01"),
    ("microsoft.insights", "2018-01-01"),
    ("microsoft.network", "2018-04-01"),
    ("microsoft.resourcehealth", "2018-07-01"),
    ("microsoft.storage", "2019-04-01"),
    ("microsoft.web", "2018-02-01"),
];
const OLDEST: &str = "2015-01-01";

/// Takes a request to its host.
pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>) -> Reached {
    if let [.., "oauth2", "v2.0", "token"] = call.segments()[..] {
        return Reached::Reply(policy::sign_in(call));
    }
    // A loopback address is where Resource Manager is served to other programs.
    let is_loopback = ["127.0.0.1", "localhost", "[::1]"].contains(&call.host.as_str());
    if is_loopback || call.host.starts_with("management.") {
        return resource_manager(cloud, call).into();
    }
    if let Some(site) = cloud.sites.iter().find(|site| site.scm_host() == call.host) {
        let (at, is_dark) = (site.at.clone(), cloud.is_dark(&site.location));
        return (!is_dark).then(|| kudu::answer(cloud, call, &at)).into();
    }
    let host = cloud.resolve(&call.host);
    let site = host.and_then(|host| cloud.sites.iter().find(|site| site.host() == host));
    site.map_or(Reached::Nowhere, |site| app::answer(cloud, call, site).into())
}

/// Resource Manager: its checks, the service, and the headers of every answer.
fn resource_manager(cloud: &mut Cloud, call: &Call<'_>) -> Option<Reply> {
    if cloud.blackout.kind == Outage::Region && is_out_of_reach(cloud, call) {
        return None;
    }
    let mut left = None;
    let replied = match admit(cloud, call) {
        Ok(count) => {
            left = count;
            route(cloud, call)
        }
        Err(refusal) => Err(refusal),
    };
    let mut reply = replied.unwrap_or_else(Refusal::into_reply);
    if let Some((name, value)) = left {
        reply = reply.with(name, value);
    }
    cloud.throttle.requests += 1;
    Some(dress(reply, call, cloud.throttle.requests))
}

/// Whether a request may pass: signed in, with a version, and not one too many.
fn admit(cloud: &mut Cloud, call: &Call<'_>) -> Result<Option<(&'static str, String)>, Refusal> {
    if call.is_replay {
        return Ok(None);
    }
    policy::authenticate(call)?;
    check_version(call)?;
    group::check(cloud, call)?;
    cloud.throttle.take(call).map(Some)
}

fn check_version(call: &Call<'_>) -> Result<(), Refusal> {
    let segments = call.segments();
    let namespace =
        segments.iter().rposition(|part| *part == "providers").and_then(|at| segments.get(at + 1));
    let floor = VERSIONS
        .iter()
        .find(|(name, _)| Some(name) == namespace)
        .map_or(OLDEST, |(_, floor)| floor);
    let Some(version) = call.parameter("api-version") else {
        let why = "The api-version query parameter (?api-version=) is required for all requests.";
        return Err(Refusal::new(400, "MissingApiVersionParameter", why));
    };
    let shape = |text: &str| {
        text.len() == 10
            && text.bytes().enumerate().all(|(at, byte)| match at {
                4 | 7 => byte == b'-',
                _ => byte.is_ascii_digit(),
            })
    };
    let date = version.strip_suffix("-preview").unwrap_or(&version);
    if shape(date) && date >= floor {
        return Ok(());
    }
    let why = format!(
        "The resource provider '{}' does not support the api-version '{version}'. The supported api-versions are '{floor}' and later.",
        namespace.unwrap_or(&"Microsoft.Resources")
    );
    Err(Refusal::new(400, "InvalidApiVersionParameter", why))
}

/// The headers that ARM adds to every answer.
fn dress(reply: Reply, call: &Call<'_>, number: u64) -> Reply {
    let request = guid(number ^ 0x00c0_ffee_0000);
    let correlation = call.header("x-ms-correlation-request-id").unwrap_or(&request).to_owned();
    let arrived = operation::instant(call.now).replace(['-', ':'], "");
    let date = rfc2822::DateTimePrinter::new().timestamp_to_rfc9110_string(&call.now);
    let mut reply = reply
        .with("x-ms-routing-request-id", format!("WESTEUROPE:{arrived}:{request}"))
        .with("x-ms-request-id", request)
        .with("x-ms-correlation-request-id", correlation)
        .with("date", date.unwrap_or_default())
        .with("cache-control", "no-cache")
        .with("pragma", "no-cache")
        .with("expires", "-1")
        .with("strict-transport-security", "max-age=31536000; includeSubDomains")
        .with("x-content-type-options", "nosniff");
    let wants_echo = call.header("x-ms-return-client-request-id") == Some("true");
    if let Some(client) = call.header("x-ms-client-request-id").filter(|_| wants_echo) {
        reply = reply.with("x-ms-client-request-id", client);
    }
    reply
}

/// A resource's address, its kind in lower case, and what follows in the path.
fn resource<'a>(call: &'a Call<'_>) -> Option<(Address, String, Vec<&'a str>)> {
    let segments = call.segments();
    let ["subscriptions", _, "resourcegroups", _, "providers", namespace, kind, _, rest @ ..] =
        &segments[..]
    else {
        return None;
    };
    let at = Address {
        subscription: call.path[1].to_owned(),
        group: call.path[3].to_owned(),
        name: call.path[7].to_owned(),
    };
    Some((at, format!("{namespace}/{kind}"), rest.to_vec()))
}

/// Whether Resource Manager would have to ask the region that is out.
fn is_out_of_reach(cloud: &Cloud, call: &Call<'_>) -> bool {
    if let ["subscriptions", _, "providers", "microsoft.dbforpostgresql", "locations", place, ..] =
        call.segments()[..]
    {
        return cloud.is_dark(&location(&place.replace("%20", "")));
    }
    let Some((at, kind, _)) = resource(call) else { return false };
    let place = match kind.as_str() {
        "microsoft.web/sites" => find(&cloud.sites, &at).map(|site| &site.location),
        "microsoft.web/serverfarms" => find(&cloud.plans, &at).map(|plan| &plan.location),
        "microsoft.dbforpostgresql/flexibleservers" => {
            find(&cloud.servers, &at).map(|server| &server.location)
        }
        _ => None,
    };
    place.is_some_and(|place| cloud.is_dark(place))
}

fn route(cloud: &mut Cloud, call: &Call<'_>) -> Replied {
    let segments = call.segments();
    match &segments[..] {
        [.., "azureasyncoperation", id] => {
            policy::authorize(cloud, call, &policy::of_operation(&segments))?;
            operation::status(cloud, call, id)
        }
        [.., "asyncoperations" | "operationresults", id] => {
            policy::authorize(cloud, call, &policy::of_operation(&segments))?;
            operation::result(cloud, call, id)
        }
        [_, .., "providers", "microsoft.authorization", "permissions"] => {
            Ok(policy::permissions(cloud))
        }
        [scope @ .., "providers", "microsoft.authorization", "locks"] => {
            Ok(policy::locks(cloud, &format!("/{}", call.path[..scope.len()].join("/"))))
        }
        ["subscriptions", _, "resourcegroups", _] => Ok(group::show(call)),
        ["subscriptions", _, .., "microsoft.network", "trafficmanagerprofiles"] => {
            Ok(traffic_manager::list(cloud))
        }
        _ => service(cloud, call),
    }
}

/// Takes a request about a resource to its service.
fn service(cloud: &mut Cloud, call: &Call<'_>) -> Replied {
    let (at, kind, rest) = resource(call).ok_or_else(|| Refusal::no_route(call))?;
    if !call.is_replay {
        policy::authorize(cloud, call, &policy::action(call.method(), &kind, &rest))?;
    }
    if let ["providers", "microsoft.insights", "metrics"] = rest[..] {
        return metrics::answer(cloud, call, &at);
    }
    match kind.as_str() {
        "microsoft.dbforpostgresql/flexibleservers" => postgres::answer(cloud, call, &at, &rest),
        "microsoft.network/trafficmanagerprofiles" => {
            traffic_manager::answer(cloud, call, &at, &rest)
        }
        "microsoft.storage/storageaccounts" => storage::answer(cloud, call, &at, &rest),
        "microsoft.web/serverfarms" => web::answer_plan(cloud, call, &at),
        "microsoft.web/sites" => web::answer(cloud, call, &at, &rest),
        _ => Err(Refusal::no_route(call)),
    }
}

impl Call<'_> {
    /// The path's segments in lower case.
    fn segments(&self) -> Vec<&str> {
        self.lower.iter().map(String::as_str).collect()
    }
}

impl Refusal {
    fn not_found(kind: &str, at: &Address) -> Self {
        let why = format!(
            "The Resource '{kind}/{}' under resource group '{}' was not found. For more details please go to https://aka.ms/ARMResourceNotFoundFix",
            at.name, at.group
        );
        Self::new(404, "ResourceNotFound", why)
    }

    fn no_route(call: &Call<'_>) -> Self {
        let why = format!(
            "No resource was found that matches the request URI '{}'.",
            call.request.uri().path()
        );
        Self::new(404, "InvalidResourceType", why)
    }
}
