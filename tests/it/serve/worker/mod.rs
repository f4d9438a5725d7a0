//! Actions on a worker, with and without a sandbox.

mod bench;
mod commands;
mod hostile;
mod isolation;
mod limits;
mod measure;
mod ordinary_user;
mod outputs;
