//! The embedded REAPI server on one machine: `rewrap serve`.

pub mod action_cache;
pub mod bytestream;
pub mod capabilities;
pub mod cas;
pub mod instance;
pub mod job;
mod outgoing;
mod resource;
pub mod storage;
