//! The embedded REAPI server on one machine: `rewrap serve`.

pub mod caller;
pub mod execution;
pub mod instance;
pub mod job;
pub mod metrics;
