//! Actions on a worker, with and without a sandbox.

mod bench;
mod commands;
