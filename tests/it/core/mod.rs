//! The engine against a small model cloud with one action for every kind of change, killed at every point.

mod actions;
mod cloud;
pub mod crash;
mod person;
mod planes;
pub mod run;
mod stuck;
mod sweep;
