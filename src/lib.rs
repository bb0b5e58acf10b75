//! Carries reviewed failover runbooks out against real clouds, and proves them first.
//!
//! The rooms stand in floors, and arrows point down only: `cli` → `engine`, `report`, `sim` → `plan` → `provider`,
//! `runbook`, `run` → `action`, `wire`, `journal` → `model`.

pub mod action;
pub mod cli;
pub mod engine;
pub mod journal;
pub mod model;
pub mod plan;
pub mod provider;
pub mod report;
pub mod run;
pub mod runbook;
pub mod sim;
pub mod wire;
