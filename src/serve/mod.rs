//! The embedded REAPI server on one machine: `rewrap serve`.

pub mod job;
pub mod sandbox;
pub mod worker;
