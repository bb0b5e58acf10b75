//! Replicas of PostgreSQL servers, their promotion, and the endpoints that follow the primary.
//!
//! Sources: "Promote read replicas" and "Virtual endpoints", Azure Database for PostgreSQL, Microsoft Learn.

use super::{
    operation::Progress,
    postgres::{DISABLED, Duty, KIND, Role, SUFFIX, Server, begin},
};
use crate::sim::{
    address::{Address, find, find_mut, location},
    call::{Call, Refusal, Replied, Reply},
    cloud::Cloud,
    seed::{Seed, address, region},
};
use http::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::{collections::BTreeMap, time::Duration};

/// Parameters that must be the same on both servers of a switchover.
const SYMMETRIC: [&str; 5] = [
    "max_connections",
    "max_prepared_transactions",
    "max_locks_per_transaction",
    "max_wal_senders",
    "max_worker_processes",
];
/// Limits of read replicas: "up to five".
const MOST_REPLICAS: usize = 5;
/// From the version after this one, a promotion must name the primary (azure-cli issue 33776).
const WITHOUT_SOURCE: &str = "2025-08-01";

/// Two host names: the writer's leads to the primary, the reader's to the member.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(in crate::sim) struct VirtualEndpoint {
    pub name: String,
    pub owner: Address,
    /// The name of a server.
    pub member: String,
}

impl VirtualEndpoint {
    fn host(&self, kind: &str) -> String {
        format!("{}.{kind}{SUFFIX}", self.name.to_ascii_lowercase())
    }

    fn show(&self) -> Value {
        json!({
            "id": format!("{}/virtualendpoints/{}", self.owner.id(KIND), self.name),
            "name": self.name,
            "type": format!("{KIND}/virtualendpoints"),
            "properties": {
                "endpointType": "ReadWrite",
                "members": [self.member],
                "virtualEndpoints": [self.host("writer"), self.host("reader")],
            },
        })
    }
}

impl Cloud {
    /// The server that a host name leads to.
    pub(in crate::sim) fn database(&self, host: &str) -> Option<&Server> {
        let followed = self.virtual_endpoints.iter().find(|one| one.host("writer") == host);
        match followed {
            Some(endpoint) => find(&self.servers, &endpoint.owner),
            None => self.servers.iter().find(|server| server.host() == host),
        }
    }
}

/// The only place that says how replication stands.
pub(super) fn replicas(cloud: &Cloud, primary: &Address) -> Reply {
    let of = |server: &&Server| server.source.as_ref() == Some(primary);
    let shown = |server: &Server| server.show(cloud, Some(replication(cloud, server)));
    let all: Vec<_> = cloud.servers.iter().filter(of).map(shown).collect();
    Reply::json(200, &json!({ "value": all }))
}

/// Where a replica stands: a promotion passes Reconfiguring, Updating and Catchup before it is Active again.
fn replication(cloud: &Cloud, replica: &Server) -> &'static str {
    let source = replica.source.as_ref().and_then(|source| find(&cloud.servers, source));
    let is_cut = cloud.is_dark(&replica.location)
        || source.is_none_or(|source| cloud.is_dark(&source.location));
    let since = replica.role_since.max(cloud.blackout.since);
    let passed = cloud.now.duration_since(since).as_secs();
    match replica.duty(cloud) {
        Some(Duty::Create) => "Provisioning",
        Some(Duty::Promote { .. }) => "Reconfiguring",
        _ if is_cut && cloud.is_dark(&replica.location) => "Reconfiguring",
        _ if is_cut => "Broken",
        _ => match passed {
            0..30 => "Reconfiguring",
            30..60 => "Updating",
            60..180 => "Catchup",
            _ => "Active",
        },
    }
}

pub(super) fn create(cloud: &mut Cloud, call: &Call<'_>, at: &Address) -> Replied {
    let body = call.json()?;
    let properties = &body["properties"];
    let missing = |name: &str| {
        Refusal::new(400, "MissingRequiredParameter", format!("'{name}' must be specified."))
    };
    if properties["createMode"].as_str() != Some("Replica") {
        let why = "Only createMode 'Replica' is simulated.";
        return Err(Refusal::new(400, "InvalidParameterValue", why));
    }
    let place = body["location"].as_str().ok_or_else(|| missing("location"))?;
    let source = properties["sourceServerResourceId"].as_str();
    let source = source.ok_or_else(|| missing("properties.sourceServerResourceId"))?;
    let source = Address::in_id(source, KIND).and_then(|source| find(&cloud.servers, &source));
    let Some(source) = source.filter(|server| server.source.is_none()) else {
        let why = "The source server does not exist, or is a replica itself.";
        return Err(Refusal::new(400, "InvalidSourceServer", why));
    };
    if let Some(there) =
        cloud.servers.iter().find(|server| server.at.name.eq_ignore_ascii_case(&at.name))
    {
        // A former primary cannot be attached again: it must be deleted first.
        if there.source.as_ref() != Some(&source.at) {
            let why = format!("The server name '{}' is already in use.", at.name);
            return Err(Refusal::new(409, "ServerNameAlreadyExists", why));
        }
        return Ok(Reply::json(200, &there.show(cloud, None)));
    }
    if source.duty(cloud).is_some() || cloud.is_dark(&source.location) {
        let why = format!("Cannot complete operation while server '{}' is busy.", source.at.name);
        return Err(Refusal::new(409, "ServerIsBusy", why));
    }
    if source.tier() == "Burstable" {
        let why = "Read replicas are not supported for servers of the Burstable tier.";
        return Err(Refusal::new(400, "OperationNotAllowed", why));
    }
    let own = |server: &&Server| server.source.as_ref() == Some(&source.at);
    if cloud.servers.iter().filter(own).count() >= MOST_REPLICAS {
        let why = format!("The server '{}' has as many replicas as it may have.", source.at.name);
        return Err(Refusal::new(400, "OperationNotAllowed", why));
    }
    let region = location(place);
    let size = body["sku"]["name"].as_str().unwrap_or(&source.sku).to_owned();
    let storage = properties["storage"]["storageSizeGB"].as_u64();
    let access = properties["network"]["publicNetworkAccess"].as_str();
    let replica = Server {
        at: at.clone(),
        sku: size,
        storage_gb: storage.and_then(|gb| u32::try_from(gb).ok()).unwrap_or(source.storage_gb),
        is_public: access.is_none_or(|access| access.eq_ignore_ascii_case("enabled")),
        high_availability: DISABLED.to_owned(),
        role: if region == source.location { Role::AsyncReplica } else { Role::GeoAsyncReplica },
        location: region,
        source: Some(source.at.clone()),
        role_since: cloud.now,
        parameters: BTreeMap::new(),
        tags: body["tags"].clone(),
        ..source.clone()
    };
    cloud.servers.push(replica);
    begin(cloud, call, at, Duty::Create)
}

pub(super) fn promote(
    cloud: &mut Cloud,
    call: &Call<'_>,
    at: &Address,
    properties: &Value,
) -> Replied {
    let refused = |code, why: String| Err(Refusal::new(400, code, why));
    let server = find(&cloud.servers, at).ok_or_else(|| Refusal::not_found(KIND, at))?;
    let text =
        |name: &str| properties["replica"][name].as_str().unwrap_or_default().to_ascii_lowercase();
    let (mode, option, role) = (text("promoteMode"), text("promoteOption"), text("role"));
    let is_switchover = match (mode.as_str(), role.as_str()) {
        ("switchover", "" | "primary") => true,
        ("standalone", "" | "none") => false,
        _ => {
            let why = format!("The promoteMode '{mode}' with the role '{role}' is not valid.");
            return refused("InvalidParameterValue", why);
        }
    };
    let is_forced = match option.as_str() {
        "planned" => false,
        "forced" => true,
        _ => {
            return refused(
                "InvalidParameterValue",
                format!("The promoteOption '{option}' is not valid."),
            );
        }
    };
    let Some(source) = &server.source else {
        return refused(
            "OperationNotAllowed",
            format!("The server '{}' is not a replica.", at.name),
        );
    };
    let named = properties["sourceServerResourceId"].as_str();
    let is_required =
        call.parameter("api-version").is_some_and(|version| version.as_str() > WITHOUT_SOURCE);
    if named.is_none() && is_required {
        let why = "'properties.sourceServerResourceId' must be specified.".to_owned();
        return refused("MissingRequiredParameter", why);
    }
    if named.is_some_and(|id| Address::in_id(id, KIND).as_ref() != Some(source)) {
        let why =
            "'properties.sourceServerResourceId' is not the primary of this replica.".to_owned();
        return refused("InvalidParameterValue", why);
    }
    if is_switchover {
        check_switchover(cloud, server, is_forced)?;
    }
    begin(cloud, call, at, Duty::Promote { is_switchover, is_forced })
}

/// What a switchover asks of both servers. A forced one skips it, but only while the primary's region is out.
fn check_switchover(cloud: &Cloud, server: &Server, is_forced: bool) -> Result<(), Refusal> {
    let refused = |why: String| Err(Refusal::new(400, "OperationNotAllowed", why));
    let Some(primary) = server.source.as_ref().and_then(|source| find(&cloud.servers, source))
    else {
        return refused("The primary of this replica does not exist.".to_owned());
    };
    let reads = |one: &&VirtualEndpoint| {
        one.owner == primary.at && one.member.eq_ignore_ascii_case(&server.at.name)
    };
    if cloud.virtual_endpoints.iter().find(reads).is_none() {
        let why =
            "A switchover needs a virtual endpoint of the primary whose reader is this replica.";
        return refused(why.to_owned());
    }
    if is_forced && cloud.is_dark(&primary.location) {
        return Ok(());
    }
    if primary.sku != server.sku || primary.storage_gb != server.storage_gb {
        return refused("The compute and storage of primary and replica differ.".to_owned());
    }
    if let Some(name) =
        SYMMETRIC.iter().find(|name| primary.parameter(name) != server.parameter(name))
    {
        return refused(format!("The parameter '{name}' differs between primary and replica."));
    }
    if [primary, server].iter().any(|one| one.is_stopped) {
        return Err(Refusal::new(400, "ServerIsNotReady", "Both servers must be Ready."));
    }
    Ok(())
}

pub(super) fn finish_promotion(
    cloud: &mut Cloud,
    at: &Address,
    is_switchover: bool,
    is_forced: bool,
) -> Progress {
    let now = cloud.now;
    let server = find(&cloud.servers, at);
    let Some(primary) = server.and_then(|server| server.source.clone()) else {
        return Progress::Failed;
    };
    let old = find(&cloud.servers, &primary).map(|old| old.location.clone());
    // What the primary has not sent cannot be applied while its region is out.
    if !is_forced && old.is_some_and(|old| cloud.is_dark(&old)) {
        return Progress::Failed;
    }
    let Some(server) = find_mut(&mut cloud.servers, at) else { return Progress::Failed };
    server.source = None;
    server.role_since = now;
    server.role = if is_switchover { Role::Primary } else { Role::None };
    let (place, name) = (server.location.clone(), server.at.name.clone());
    if is_switchover {
        for other in cloud.servers.iter_mut().filter(|other| other.root() == &primary) {
            other.source = Some(at.clone());
            other.role_since = now;
            // Only a primary has a standby of its own, and the new one gets none.
            DISABLED.clone_into(&mut other.high_availability);
            other.role =
                if other.location == place { Role::AsyncReplica } else { Role::GeoAsyncReplica };
        }
    }
    for endpoint in cloud.virtual_endpoints.iter_mut().filter(|one| one.owner == primary) {
        if is_switchover {
            endpoint.owner = at.clone();
            endpoint.member.clone_from(&primary.name);
        } else if endpoint.member.eq_ignore_ascii_case(&name) {
            // The reader falls back to the primary.
            endpoint.member.clone_from(&primary.name);
        }
    }
    Progress::Succeeded
}

pub(super) fn endpoint(cloud: &mut Cloud, call: &Call<'_>, at: &Address, name: &[&str]) -> Replied {
    let is_replica = find(&cloud.servers, at).is_some_and(|server| server.source.is_some());
    if is_replica {
        // Seen in a Terraform pull request (30789): only the current primary shows them.
        let why = "Virtual endpoints are managed through the primary server.";
        return Err(Refusal::new(400, "OperationNotAllowed", why));
    }
    let own = |one: &&VirtualEndpoint| one.owner == *at;
    let Some(name) = name.first() else {
        let all = cloud.virtual_endpoints.iter().filter(own).map(VirtualEndpoint::show);
        return Ok(Reply::json(200, &json!({ "value": all.collect::<Vec<_>>() })));
    };
    let known =
        cloud.virtual_endpoints.iter().find(|one| own(one) && one.name.eq_ignore_ascii_case(name));
    match *call.method() {
        Method::GET => {
            let why = format!("The virtual endpoint '{name}' was not found.");
            let known = known.ok_or_else(|| Refusal::new(404, "ResourceNotFound", why))?;
            Ok(Reply::json(200, &known.show()))
        }
        Method::PUT | Method::PATCH => {
            let body = call.json()?;
            let Some(member) = body["properties"]["members"][0].as_str() else {
                let why = "'properties.members' must be specified.";
                return Err(Refusal::new(400, "MissingRequiredParameter", why));
            };
            let name = call.path.last().map_or(*name, |name| name).to_owned();
            let endpoint = VirtualEndpoint { name, owner: at.clone(), member: member.to_owned() };
            begin(cloud, call, at, Duty::PutEndpoint(endpoint))
        }
        Method::DELETE if known.is_none() => Ok(Reply::empty(204)),
        Method::DELETE => begin(cloud, call, at, Duty::DeleteEndpoint { name: (*name).to_owned() }),
        _ => Err(Refusal::no_route(call)),
    }
}

impl Server {
    /// Pairs of a primary in the active region and a replica in another, in the order in which the plan names them.
    pub(in crate::sim) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
        let place = |resource| region(resource).unwrap_or_else(|| seed.active.clone());
        let suffix = format!(".writer{SUFFIX}");
        let mut named = seed.names_before(&suffix);
        let all: Vec<_> = seed.of_kind(KIND).map(|one| (address(one), place(one))).collect();
        let (primaries, mut replicas): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|(_, place)| *place == seed.active);
        for (primary, place) in primaries {
            if find(&cloud.servers, &primary).is_some() {
                continue;
            }
            let new = |at: &Address, location: &str, source: Option<&Address>| Self {
                at: at.clone(),
                location: location.to_owned(),
                sku: "Standard_D4ds_v5".to_owned(),
                storage_gb: 128,
                high_availability: DISABLED.to_owned(),
                role: if source.is_some() { Role::GeoAsyncReplica } else { Role::Primary },
                source: source.cloned(),
                role_since: cloud.now - Duration::from_hours(24 * 30),
                is_stopped: false,
                is_public: true,
                parameters: BTreeMap::new(),
                tags: json!({}),
            };
            let mut servers = vec![new(&primary, &place, None)];
            if !replicas.is_empty() {
                let (replica, place) = replicas.remove(0);
                servers.push(new(&replica, &place, Some(&primary)));
                let name =
                    named.next().map_or_else(|| format!("ve-{}", primary.name), str::to_owned);
                let member = replica.name;
                cloud.virtual_endpoints.push(VirtualEndpoint { name, owner: primary, member });
            }
            servers.retain(|server| find(&cloud.servers, &server.at).is_none());
            cloud.servers.extend(servers);
        }
    }
}
