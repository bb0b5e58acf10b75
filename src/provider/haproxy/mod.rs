//! HAProxy: which servers of a backend its balancers send users to, through the runtime API of each of them.
//!
//! What is changed there lasts until HAProxy is reloaded. All balancers must answer: users come through any of them.

mod balancer;
mod server;
mod shift;

pub(super) use server::SERVER;
pub(super) use shift::SHIFT;

use crate::action::{Parameter, Shape};

const BALANCERS: Parameter = Parameter::required(
    "balancers",
    Shape::Texts,
    "The runtime APIs of all balancers, each HOST:PORT",
)
.shared();
const BACKEND: Parameter =
    Parameter::required("backend", Shape::Text, "The backend that the servers are of").shared();
