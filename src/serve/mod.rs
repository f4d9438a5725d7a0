//! The embedded REAPI server on one machine: `rewrap serve`.

pub mod job;
