//! PostgreSQL under Patroni: the lead moves between members, by Patroni's REST API.
//!
//! Patroni keeps two leaders from being at once: only who holds the lock in its configuration store takes writes. So
//! nothing is fenced here, and nothing is promoted by hand: Patroni is told, and then the cluster is watched until it is
//! whole again, which its answer does not say.

mod cluster;
mod lead;
mod rest;

pub(super) use lead::{FAILOVER, SWITCHOVER};

use crate::action::{Parameter, Placed, Shape};

const MEMBER: Shape =
    Shape::Resource { kind: "Patroni::Member", placed: Placed::InARegion, made: false };

const SERVER: Parameter = Parameter::required(
    "server",
    MEMBER,
    "Where the REST API of the member is that becomes leader, `HOST` or `HOST:PORT`",
);
const CANDIDATE: Parameter =
    Parameter::required("candidate", Shape::Text, "The name of that member");
const FROM: Parameter = Parameter::required(
    "from",
    MEMBER,
    "Where the REST API of the leader until now is, `HOST` or `HOST:PORT`",
);
const LEADER: Parameter = Parameter::required("leader", Shape::Text, "The name of that leader");
const USER: Parameter = Parameter::optional(
    "user",
    Shape::Text,
    "Who may change something, by `restapi.authentication`",
);
const PASSWORD: Parameter = Parameter::optional("password", Shape::Secret, "Its password");
