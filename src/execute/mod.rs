//! Doing it: strategy, remote execution, local runs.

pub mod outcome;
pub mod permits;
pub mod strategy;
