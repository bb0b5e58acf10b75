//! The simulated clouds: Azure and AWS at wire level, written from the vendors' documents.
//!
//! Knows neither `provider` nor `action`: one misreading of a vendor would live on both sides, and every rehearsal would
//! agree with it. [`Cloud`] is a state that answers requests and advances only when it is asked the time; [`World`]
//! keeps one, in memory or in a folder, so that a killed simulated run resumes like a real one; [`Simulated`] is the
//! transport that reaches it.
//!
//! A read never changes what is kept: what two clouds that accepted the same changes at the same instants answer is
//! the same, whatever was read in between. The ledger stands on that.

mod address;
mod aws;
mod azure;
mod call;
mod cloud;
mod crew;
mod dns;
mod fault;
mod haproxy;
mod hook;
mod id;
mod kubernetes;
mod ledger;
mod line;
mod listener;
mod log;
mod names;
mod patroni;
mod postgres;
mod program;
mod reached;
mod redis;
mod seed;
mod serve;
mod simulated;
mod traffic;
mod world;

pub use aws::{Breaker, EndpointFault, TargetHealth};
pub use cloud::{Answer, Cloud, Outage, Outcome};
pub use fault::{Fault, Mishap};
pub use kubernetes::GATEWAY;
pub use names::SECRET;
pub use serve::{Port, serve};
pub use simulated::{Exchange, Simulated};
pub use traffic::{Sample, Sees};
pub use world::{World, WorldError};

#[cfg(test)]
mod tests;
