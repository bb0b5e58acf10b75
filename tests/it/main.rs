//! One integration binary, its modules named after what a user would look for.
#![allow(clippy::unwrap_used, unreachable_pub, reason = "tests may panic, and nobody imports them")]

mod architecture;
mod binary;
mod catalogue;
mod contract;
mod core;
mod drill;
mod emulator;
mod guarded;
mod haproxy;
mod kubernetes;
mod names;
mod patroni;
mod postgres;
mod readme;
mod redis;
mod room;
mod simulator;
