//! Doing it: strategy, remote execution, local runs.

pub mod attestation;
pub mod outcome;
pub mod permits;
pub mod remote;
pub mod strategy;
