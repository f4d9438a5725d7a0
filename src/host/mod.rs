//! The only place with file system, processes, environment and clock.

pub mod clock;
pub mod digest_cache;
pub mod exec_root;
pub mod file_id;
pub mod fs;
pub mod index;
pub mod listings;
pub mod publish;
pub mod spawn;
pub mod trust;
pub mod walk;
