//! What the program does as a whole: one binary, a module for each thing that one would look for.

#![allow(clippy::unwrap_used, reason = "tests may panic")]

mod contract;
mod simulator;
