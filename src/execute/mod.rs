//! Doing it: strategy, remote execution, local runs.

pub mod outcome;
pub mod strategy;
