//! Every runbook of `runbooks/`, carried out by the real engine and providers on the simulated cloud, in virtual time.

mod aws;
mod aws_faults;
mod beforehand;
pub mod by_hand;
pub mod calls;
mod faults;
mod kubernetes;
mod meanwhile;
mod postgres;
mod proseware;
mod redis;
mod refused;
pub mod run;
mod sweep;
