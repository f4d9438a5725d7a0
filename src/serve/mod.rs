//! The embedded REAPI server on one machine: `rewrap serve`.

pub mod instance;
pub mod job;
mod resource;
