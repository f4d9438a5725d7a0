//! Protocol messages: generated from `proto/`, committed, compared by `tests/it/generated.rs`.
//!
//! Only the layers that speak a protocol (merkle, action, store, remote, wire, records) name these types.
#![allow(
    missing_docs,
    unreachable_pub,
    clippy::all,
    clippy::pedantic,
    clippy::allow_attributes,
    reason = "generated code"
)]

// The nesting follows the package names, as the generated paths expect.
mod build {
    pub mod bazel {
        pub mod remote {
            pub mod execution {
                pub mod v2 {
                    include!("build.bazel.remote.execution.v2.rs");
                }
            }
        }
        pub mod semver {
            include!("build.bazel.semver.rs");
        }
    }
}

mod google {
    pub mod bytestream {
        include!("google.bytestream.rs");
    }
    pub mod longrunning {
        include!("google.longrunning.rs");
    }
    pub mod rpc {
        include!("google.rpc.rs");
    }
}

/// Frames between wrapper and daemon.
pub mod wire {
    include!("rewrap.wire.rs");
}

/// Rows of the index.
pub mod index {
    include!("rewrap.index.rs");
}

/// The record of a step.
pub mod record {
    include!("rewrap.record.rs");
}

/// What an action's salt is made of.
pub mod salt {
    include!("rewrap.salt.rs");
}

pub use build::bazel::remote::execution::v2 as reapi;
pub use build::bazel::semver;
pub use google::{bytestream, longrunning, rpc};
