//! PostgreSQL servers that run on machines of one's own: who is primary, who may write, and how far the standby is.
//!
//! Everything is asked and told in SQL over the network. An old primary that does not answer is not taken for dead: only
//! a fence that was seen to hold, or a person's word, is.

mod check;
mod fence;
mod gate;
mod hba;
mod lsn;
mod pair;
mod promote;
mod rejoin;
mod server;
mod state;
mod switchover;

pub(super) use check::CHECK;
pub(super) use fence::FENCE;
pub(super) use promote::PROMOTE;
pub(super) use rejoin::REJOIN;
pub(super) use switchover::SWITCHOVER;

use super::own::{CA, TLS};
use crate::action::{Default, Parameter, Placed, Shape};

const SERVER: Shape =
    Shape::Resource { kind: "PostgreSQL::Server", placed: Placed::InARegion, made: false };

const USER: Parameter = Parameter::required("user", Shape::Text, "The role to log in as").shared();
const PASSWORD: Parameter = Parameter::optional("password", Shape::Secret, "Its password");
const DATABASE: Parameter =
    Parameter::optional("database", Shape::Text, "The database to log in to")
        .or(Default::Text("postgres"));
const MEANS: Parameter = Parameter::optional(
    "means",
    Shape::Choice(&["strongest", "hba", "read_only"]),
    "hba: pg_hba.conf turns all roles but `user` away; read_only: new transactions cannot write unless they ask to",
)
.or(Default::Text("strongest"));

/// What logging in and reading needs.
const READS: [&str; 2] = ["LOGIN", "pg_monitor"];
