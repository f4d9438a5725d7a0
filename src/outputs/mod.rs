//! What to publish and under which names; depfiles and diagnostics with the user's own paths.

pub mod depfile;
pub mod diagnostics;
