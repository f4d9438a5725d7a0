//! Doing it: strategy, remote execution, local runs.

pub mod attestation;
pub mod outcome;
pub mod permits;
pub mod strategy;
pub mod remote;
