//! The Remote Execution API's client side: one file per service.

/// Why a server could not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The server answered with this status.
    #[error("{endpoint}: {status}")]
    Status {
        /// The address, without credentials.
        endpoint: String,
        /// What it said.
        status: Box<tonic::Status>,
    },
}
