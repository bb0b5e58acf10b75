//! Every runbook of `runbooks/`, carried out by the real engine and providers on the simulated cloud, in virtual time.

mod proseware;
pub mod run;
mod sweep;
