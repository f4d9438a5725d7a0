//! The only place with file system, processes, environment and clock.

pub mod fs;
pub mod publish;
