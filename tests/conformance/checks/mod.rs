#![expect(clippy::unwrap_used, reason = "a check panics where its fact does not hold")]

//! The facts, by part of the protocol.

mod action_cache;
mod batches;
mod capabilities;
mod cas;
mod environment;
mod execution;
mod inputs;
mod operations;
mod outputs;
mod reads;
mod trees;
mod writes;
mod zstd_streams;

use super::check::Check;
use super::peer::code;
use tonic::{Code, Status};

/// All checks.
pub(crate) fn all() -> Vec<Check> {
    [
        capabilities::CHECKS,
        cas::CHECKS,
        batches::CHECKS,
        trees::CHECKS,
        reads::CHECKS,
        writes::CHECKS,
        zstd_streams::CHECKS,
        action_cache::CHECKS,
        execution::CHECKS,
        environment::CHECKS,
        inputs::CHECKS,
        outputs::CHECKS,
        operations::CHECKS,
    ]
    .concat()
}

/// The answer must be an error with this code.
#[track_caller]
fn refused<T>(answer: Result<T, Status>, expected: Code) {
    let status = match answer {
        Ok(_) => panic!("accepted, where {expected:?} is due"),
        Err(status) => status,
    };
    assert_eq!(code::<T>(&Err(status.clone())), expected, "{status:?}");
}
