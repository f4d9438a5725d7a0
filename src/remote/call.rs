//! One server as one step uses it: every call gets the headers, a deadline, and retries.

use super::capabilities::Capabilities;
use super::channel::{Connection, chain};
use super::compressed::Refused;
use super::error::{Refusal, RemoteError, presentable};
use super::presence::Presence;
use super::request_metadata::RequestMetadata;
use super::retry::{Policy, retrying};
use crate::pb::reapi;
use reapi::capabilities_client::CapabilitiesClient;
use std::hash::{Hash, Hasher};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::{OnceCell, Semaphore, SemaphorePermit};
use tonic::transport::Channel;
use tonic::{Code, Request, Response, Status};

/// Bulk transfers at a time for all steps together: bounds memory to as many messages.
const TRANSFERS: usize = 32;
/// No server refuses a batch below this for its size.
const SMALL_BATCH: usize = 64 << 10;
/// Room in the receive limit for what a server answers beyond what we asked for: inlined outputs.
pub(super) const RECEIVE_LIMIT: usize = 16 << 20;

/// An instance name on a server, with everything the process has learned about it.
pub struct Instance {
    connection: Arc<Connection>,
    name: String,
    spool: PathBuf,
    capabilities: OnceCell<Arc<Capabilities>>,
    presence: Presence,
    transfers: Semaphore,
    /// The batch limit that proved true, where a server announced more than it takes.
    batch_limit: AtomicUsize,
    /// Where zstd is announced and does not work.
    no_zstd: Refused,
}

impl Instance {
    pub(super) fn new(connection: Arc<Connection>, name: String, spool: PathBuf) -> Self {
        Self {
            connection,
            name,
            spool,
            capabilities: OnceCell::new(),
            presence: Presence::default(),
            transfers: Semaphore::new(TRANSFERS),
            batch_limit: AtomicUsize::new(usize::MAX),
            no_zstd: Refused::default(),
        }
    }
}

/// An instance as a key: equal for the same endpoint settings and instance name.
#[derive(Clone)]
pub struct ServerKey(Arc<Instance>);

impl PartialEq for ServerKey {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for ServerKey {}

impl Hash for ServerKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.0).hash(state);
    }
}

/// A server for one step. Cheap to clone.
#[derive(Clone)]
pub struct Remote {
    instance: Arc<Instance>,
    policy: Policy,
    metadata: RequestMetadata,
    wants_zstd: bool,
}

impl Remote {
    /// The server as a step with these settings uses it; blobs go as they are.
    pub fn new(instance: Arc<Instance>, policy: Policy, metadata: RequestMetadata) -> Self {
        Self {
            instance,
            policy,
            metadata,
            wants_zstd: false,
        }
    }

    /// The same, with blobs compressed where the server announces it, or not (`remote_cache_compression`).
    #[must_use]
    pub fn with_compression(self, wants_zstd: bool) -> Self {
        Self { wants_zstd, ..self }
    }

    /// The same with another reason for its calls.
    #[must_use]
    pub fn with_metadata(&self, metadata: RequestMetadata) -> Self {
        Self {
            metadata,
            ..self.clone()
        }
    }

    /// For people: the address without credentials.
    pub fn address(&self) -> &str {
        self.instance.connection.address()
    }

    /// The instance name.
    pub fn instance_name(&self) -> &str {
        &self.instance.name
    }

    /// Stands for the endpoint settings and the instance name in maps.
    pub fn server(&self) -> ServerKey {
        ServerKey(self.instance.clone())
    }

    /// What the server can do; asked for once per process.
    pub async fn capabilities(&self) -> Result<Arc<Capabilities>, RemoteError> {
        self.instance
            .capabilities
            .get_or_try_init(|| async { self.ask_capabilities().await.map(Arc::new) })
            .await
            .cloned()
    }

    async fn ask_capabilities(&self) -> Result<Capabilities, RemoteError> {
        let request = reapi::GetCapabilitiesRequest {
            instance_name: self.instance_name().to_owned(),
        };
        let answer = self
            .unary("GetCapabilities", request, |channel, request| async move {
                CapabilitiesClient::new(channel).get_capabilities(request).await
            })
            .await;
        let unusable = |reason| RemoteError::Unusable {
            endpoint: self.address().to_owned(),
            reason,
        };
        match answer {
            Ok(wire) => Capabilities::from_wire(&wire).map_err(unusable),
            Err(error) if error.is(Code::Unimplemented) => Ok(Capabilities::unknown()),
            Err(error) => Err(error),
        }
    }

    /// How many bytes of blobs to put into one batch.
    pub(super) async fn batch_limit(&self) -> Result<usize, RemoteError> {
        let announced = self.capabilities().await?.batch_limit;
        Ok(announced.min(self.instance.batch_limit.load(Ordering::Relaxed)))
    }

    /// Whether the server may have refused a batch of `bytes` for its size: some take less than they announce, and
    /// say so with codes that also mean other things. Then later batches are smaller.
    pub(super) fn is_too_large(&self, error: &RemoteError, bytes: usize) -> bool {
        let refused = matches!(error.code(), Some(Code::ResourceExhausted | Code::OutOfRange)) && bytes > SMALL_BATCH;
        if refused {
            self.instance
                .batch_limit
                .fetch_min((bytes / 2).max(SMALL_BATCH), Ordering::Relaxed);
        }
        refused
    }

    /// Whether the step wants blobs compressed.
    pub(super) fn wants_zstd(&self) -> bool {
        self.wants_zstd
    }

    pub(super) fn no_zstd(&self) -> &Refused {
        &self.instance.no_zstd
    }

    pub(super) fn presence(&self) -> &Presence {
        &self.instance.presence
    }

    pub(super) fn connection(&self) -> &Connection {
        &self.instance.connection
    }

    pub(super) fn policy(&self) -> Policy {
        self.policy
    }

    /// Where large downloads go.
    pub(super) fn spool(&self) -> &Path {
        &self.instance.spool
    }

    /// Waits for one's turn to send or receive much.
    pub(super) async fn transfer(&self) -> SemaphorePermit<'_> {
        self.instance.transfers.acquire().await.expect("never closed")
    }

    /// A call with one answer, tried again as [`super::retry`] says. `send` is the generated client's method.
    pub(super) async fn unary<Q, A, S, F>(&self, call: &'static str, message: Q, send: S) -> Result<A, RemoteError>
    where
        Q: Clone,
        S: Fn(Channel, Request<Q>) -> F,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        self.unary_unless(call, |_| false, message, send).await
    }

    /// The same, except that a `settled` failure is not tried again.
    pub(super) async fn unary_unless<Q, A, S, F>(
        &self,
        call: &'static str,
        settled: impl Fn(&RemoteError) -> bool,
        message: Q,
        send: S,
    ) -> Result<A, RemoteError>
    where
        Q: Clone,
        S: Fn(Channel, Request<Q>) -> F,
        F: Future<Output = Result<Response<A>, Status>>,
    {
        retrying(self.policy, settled, || {
            let request = self.request(message.clone());
            // Boxed: a generated client's future takes kilobytes, and each caller would hold it in its own.
            let answer = Box::pin(send(self.connection().channel(), request));
            async {
                self.timely(call, self.policy.call_timeout, answer)
                    .await
                    .map(Response::into_inner)
            }
        })
        .await
    }

    /// The message with everything that each call carries.
    pub(super) fn request<Q>(&self, message: Q) -> Request<Q> {
        let mut request = Request::new(message);
        *request.metadata_mut() = self.connection().headers().clone();
        self.metadata.insert_into(request.metadata_mut());
        request
    }

    /// The answer, or an error if it takes longer than `limit`.
    pub(super) async fn timely<T>(
        &self,
        call: &'static str,
        limit: Duration,
        answer: impl Future<Output = Result<T, Status>>,
    ) -> Result<T, RemoteError> {
        match tokio::time::timeout(limit, answer).await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(status)) => Err(self.error(call, &status)),
            Err(_) => {
                self.connection().suspect();
                Err(RemoteError::Deadline {
                    endpoint: self.address().to_owned(),
                    call,
                    after: limit,
                })
            }
        }
    }

    /// What a status means. One with a source was made by our own transport, not by the server.
    pub(super) fn error(&self, call: &'static str, status: &Status) -> RemoteError {
        match std::error::Error::source(status) {
            Some(source) => RemoteError::Unreachable {
                endpoint: self.address().to_owned(),
                call,
                cause: presentable(&chain(source), self.connection().secrets()),
            },
            None => RemoteError::Status(Box::new(Refusal::new(
                self.address(),
                call,
                status,
                self.connection().secrets(),
            ))),
        }
    }

    /// An answer that the protocol does not allow.
    pub(super) fn protocol(&self, call: &'static str, what: impl Into<String>) -> RemoteError {
        RemoteError::Protocol {
            endpoint: self.address().to_owned(),
            call,
            what: what.into(),
        }
    }
}
