//! Redis under Sentinel: who is master, what its sentinels think, and how the role moves without losing a write.
//!
//! A plain `SENTINEL FAILOVER` leaves the old master writable for about ten seconds, and what it takes then is thrown
//! away. Here its writes wait before, and it is made a replica the moment the new one has the role.

mod check;
mod demote;
mod failover;
mod group;
mod server;
mod state;

pub(super) use check::CHECK;
pub(super) use demote::DEMOTE;
pub(super) use failover::FAILOVER;

use super::own::{CA, TLS};
use crate::action::{Default, Parameter, Placed, Shape};

const NODE: Shape =
    Shape::Resource { kind: "Redis::Server", placed: Placed::InARegion, made: false };

const REPLICA: Parameter = Parameter::required("server", NODE, "The replica");
const MASTER: Parameter = Parameter::required("from", NODE, "The master until now");
const SENTINELS: Parameter = Parameter::required(
    "sentinels",
    Shape::Texts,
    "The addresses of all sentinels, each `HOST` or `HOST:PORT`",
)
.shared();
const GROUP: Parameter =
    Parameter::required("group", Shape::Text, "The name by which the sentinels know the master")
        .shared();
const USER: Parameter = Parameter::optional("user", Shape::Text, "The ACL user on the servers")
    .or(Default::Text("default"));
const PASSWORD: Parameter = Parameter::optional("password", Shape::Secret, "Its password");
const SENTINEL_USER: Parameter =
    Parameter::optional("sentinel_user", Shape::Text, "The ACL user on the sentinels")
        .or(Default::Text("default"));
const SENTINEL_PASSWORD: Parameter =
    Parameter::optional("sentinel_password", Shape::Secret, "Its password");
const MODE: Parameter = Parameter::optional(
    "mode",
    Shape::Choice(&["planned", "unplanned"]),
    "planned: the master answers, and no write is lost; unplanned: it may be gone",
)
.or(Default::Mode);
