//! One record per step, and what is made of the records: statistics, the summary of a build, live progress.
//!
//! Reads and writes records only; how a step came to its record is not known here.

pub mod inputs;
pub mod progress;
pub mod record;
pub mod stats;
pub mod summary;
pub mod units;
