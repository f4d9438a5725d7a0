//! All integration tests, in one program so that they link once.

#[path = "../support/mod.rs"]
mod support;

mod generated;
mod protocol_descriptors;
mod remote;
