//! The only place with file system, processes, environment and clock.

pub mod exec_root;
pub mod fs;
pub mod publish;
