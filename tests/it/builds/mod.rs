//! Builds through the real programs with real compilers, each beside the same build without rewrap: exit code, stdout,
//! stderr and everything that is left behind must be equal.

mod checkouts;
mod compilers;
mod daemons;
mod edits;
mod failures;
mod local_only;
mod native;
mod outputs;
mod places;
mod precompiled;
mod probes;
mod sandbox;
mod servers;
mod shims;
mod systems;
mod terminal;
mod tree;

/// The compilers that are known by heart. Each case goes through all of them unless it is about one; those of many steps
/// through a [sample](crate::tools::sample).
const COMPILERS: [&str; 3] = ["gcc", "clang", "clang-19"];
