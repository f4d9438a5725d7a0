//! The Remote Execution API's client side: one file per service.
//!
//! A [`Connections`] lives as long as the daemon and gives one [`Instance`] per endpoint and instance name, with
//! everything learned about it: capabilities, blobs known to be there, uploads under way. A step uses it through a
//! [`Remote`], which adds the step's own retries, deadlines and request metadata. Knows nothing of compilers.

mod action_cache;
mod bytestream;
mod call;
mod capabilities;
mod cas;
mod channel;
mod compressed;
mod error;
mod execution;
mod parallel;
mod presence;
mod request_metadata;
mod retry;

pub use action_cache::RemoteActionCache;
pub use call::{Instance, Remote, ServerKey};
pub use capabilities::{ApiVersion, Capabilities, Unusable};
pub use cas::{RemoteCas, Source, Uploaded};
pub use channel::{ChannelError, Connections};
pub use error::{Refusal, RemoteError, code_name};
pub use execution::{ExecutionLimits, ExecutionRequest, RemoteExecution};
pub use request_metadata::RequestMetadata;
pub use retry::Policy;
