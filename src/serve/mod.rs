//! The embedded REAPI server on one machine: `rewrap serve`.
//!
//! Composed in [`serve()`]: a locked directory with a store (`home`), the services over that store, who may speak to them
//! (`access`, `peer`, `tokens`, `tls`), connections (`listen`) and the end (`drain`).

mod access;
pub mod action_cache;
pub mod bytestream;
pub mod caller;
pub mod capabilities;
pub mod cas;
mod compose;
mod drain;
pub mod error;
pub mod execution;
mod home;
pub mod instance;
pub mod job;
mod limits;
mod listen;
pub mod metrics;
pub mod options;
mod outgoing;
mod peer;
mod resource;
pub mod sandbox;
mod server;
pub mod storage;
pub mod tls;
pub mod tokens;
pub mod worker;

pub use error::ServeError;
pub use server::{Addresses, serve};
