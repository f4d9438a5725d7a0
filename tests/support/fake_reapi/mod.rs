//! A Remote Execution API server inside the test: real gRPC on a loopback port, blobs in memory, actions that really
//! run, and any bad habit or fault that a test asks for. Every call is counted.

mod bytestream;
mod cache;
mod cas;
mod execution;
mod habits;
mod worker;

pub(crate) use habits::{Committed, Fault, Habits, OutputFields, Rpc, Violations, Zstd, ZstdBatches, ZstdReads};

use bytes::Bytes;
use rewrap::config::Endpoint;
use rewrap::digest::Digest;
use rewrap::pb::{bytestream as bs, longrunning, reapi};
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{Semaphore, watch};
use tonic::metadata::MetadataMap;
use tonic::transport::ServerTlsConfig;
use tonic::{Code, Status};

/// A running server. It runs on threads of its own, so that it can die with all its connections at once.
pub(crate) struct FakeReapi {
    state: Arc<State>,
    address: SocketAddr,
    tls: Option<ServerTlsConfig>,
    runtime: Option<Runtime>,
}

/// What survives a restart of the server.
pub(crate) struct State {
    habits: Habits,
    gate: Semaphore,
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    blobs: HashMap<Digest, Bytes>,
    results: HashMap<Digest, reapi::ActionResult>,
    operations: BTreeMap<String, watch::Receiver<longrunning::Operation>>,
    running: HashMap<String, tokio::task::AbortHandle>,
    faults: HashMap<Rpc, VecDeque<Fault>>,
    calls: HashMap<Rpc, usize>,
    /// Of those, the ones that had to do with zstd.
    compressed: HashMap<Rpc, usize>,
    uploads: HashMap<Digest, usize>,
    headers: Vec<MetadataMap>,
    executed: usize,
    largest_batch: usize,
}

impl FakeReapi {
    /// Starts a server; it answers when this returns.
    pub(crate) fn start(habits: Habits) -> Self {
        Self::start_with(habits, None)
    }

    /// The same with TLS.
    pub(crate) fn start_tls(habits: Habits, tls: ServerTlsConfig) -> Self {
        Self::start_with(habits, Some(tls))
    }

    fn start_with(habits: Habits, tls: Option<ServerTlsConfig>) -> Self {
        let state = Arc::new(State {
            habits,
            gate: Semaphore::new(0),
            inner: Mutex::default(),
        });
        let (runtime, address) = serve(state.clone(), SocketAddr::from(([127, 0, 0, 1], 0)), tls.clone());
        Self {
            state,
            address,
            tls,
            runtime: Some(runtime),
        }
    }

    /// Breaks all connections and stops all actions, then answers again at the same address. Blobs, results and the
    /// names of operations survive if `remembers`.
    pub(crate) fn restart(&mut self, remembers: bool) {
        self.stop();
        let mut inner = self.state.inner();
        inner.running.clear();
        if !remembers {
            inner.operations.clear();
        }
        drop(inner);
        self.runtime = Some(serve(self.state.clone(), self.address, self.tls.clone()).0);
    }

    /// Breaks all connections; nobody answers at the address any more.
    pub(crate) fn stop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Elsewhere, because a test's own runtime may not wait; and to its end, so that the port is free again.
            let stopping = std::thread::spawn(move || runtime.shutdown_timeout(Duration::from_secs(20)));
            stopping.join().expect("no panic");
        }
    }

    pub(crate) fn endpoint(&self) -> Endpoint {
        Endpoint {
            address: format!("grpc{}://{}", if self.tls.is_some() { "s" } else { "" }, self.address),
            headers: Vec::new(),
            tls_certificate: None,
            tls_client: None,
        }
    }

    pub(crate) fn port(&self) -> u16 {
        self.address.port()
    }

    /// The next call of this method meets the fault.
    pub(crate) fn fault(&self, rpc: Rpc, fault: Fault) {
        self.state.inner().faults.entry(rpc).or_default().push_back(fault);
    }

    /// How often the method was called.
    pub(crate) fn calls(&self, rpc: Rpc) -> usize {
        self.state.inner().calls.get(&rpc).copied().unwrap_or(0)
    }

    /// How often the method was called for something compressed.
    pub(crate) fn compressed(&self, rpc: Rpc) -> usize {
        self.state.inner().compressed.get(&rpc).copied().unwrap_or(0)
    }

    /// How many actions ran.
    pub(crate) fn executed(&self) -> usize {
        self.state.inner().executed
    }

    /// How often the blob's content arrived.
    pub(crate) fn uploads(&self, digest: Digest) -> usize {
        self.state.inner().uploads.get(&digest).copied().unwrap_or(0)
    }

    /// How often the content of any blob arrived.
    pub(crate) fn all_uploads(&self) -> usize {
        self.state.inner().uploads.values().sum()
    }

    /// The most content that was in one batch, in either direction.
    pub(crate) fn largest_batch(&self) -> usize {
        self.state.inner().largest_batch
    }

    /// What the calls so far carried.
    pub(crate) fn headers(&self) -> Vec<MetadataMap> {
        self.state.inner().headers.clone()
    }

    pub(crate) fn put(&self, content: &[u8]) -> Digest {
        self.state.put(Bytes::copy_from_slice(content))
    }

    pub(crate) fn has(&self, digest: Digest) -> bool {
        self.state.inner().blobs.contains_key(&digest)
    }

    /// Evicts a blob.
    pub(crate) fn lose(&self, digest: Digest) {
        self.state.inner().blobs.remove(&digest);
    }

    /// Serves other bytes under the name from now on.
    pub(crate) fn corrupt(&self, digest: Digest) {
        let size = usize::try_from(digest.size()).expect("small");
        self.state.inner().blobs.insert(digest, vec![b'?'; size].into());
    }

    pub(crate) fn result(&self, action: Digest) -> Option<reapi::ActionResult> {
        self.state.inner().results.get(&action).cloned()
    }

    pub(crate) fn set_result(&self, action: Digest, result: reapi::ActionResult) {
        self.state.inner().results.insert(action, result);
    }

    /// Lets one more action of a gated server run.
    pub(crate) fn let_one_run(&self) {
        self.state.gate.add_permits(1);
    }

    /// Actions that have been accepted and have not ended.
    pub(crate) fn running(&self) -> usize {
        self.state.inner().running.len()
    }
}

impl Drop for FakeReapi {
    fn drop(&mut self) {
        self.stop();
    }
}

impl State {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().expect("no panic while locked")
    }

    fn count_compressed(&self, rpc: Rpc) {
        *self.inner().compressed.entry(rpc).or_default() += 1;
    }

    fn put(&self, content: Bytes) -> Digest {
        let digest = Digest::of(&content);
        self.inner().blobs.insert(digest, content);
        digest
    }

    fn get(&self, digest: Digest) -> Option<Bytes> {
        if digest.size() == 0 {
            return Some(Bytes::new());
        }
        self.inner().blobs.get(&digest).cloned()
    }

    /// Counts a call and takes its fault. The faults that are the same for all methods happen here.
    async fn arrive(&self, rpc: Rpc, headers: &MetadataMap) -> Result<Option<Fault>, Status> {
        let fault = {
            let mut inner = self.inner();
            *inner.calls.entry(rpc).or_default() += 1;
            inner.headers.push(headers.clone());
            inner.faults.get_mut(&rpc).and_then(VecDeque::pop_front)
        };
        match fault {
            Some(Fault::Status(code, message)) => Err(Status::new(code, message)),
            Some(Fault::Detailed(status)) => Err(detailed(status)),
            Some(Fault::Hang) => std::future::pending().await,
            Some(Fault::Pass) | None => Ok(None),
            fault => Ok(fault),
        }
    }
}

fn detailed(status: rewrap::pb::rpc::Status) -> Status {
    use prost::Message;
    let details = status.encode_to_vec().into();
    Status::with_details(Code::from_i32(status.code), status.message, details)
}

fn digest(wire: Option<&reapi::Digest>) -> Result<Digest, Status> {
    wire.and_then(|digest| Digest::try_from(digest).ok())
        .ok_or_else(|| Status::invalid_argument("no digest"))
}

fn serve(state: Arc<State>, address: SocketAddr, tls: Option<ServerTlsConfig>) -> (Runtime, SocketAddr) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime");
    let listener = std::net::TcpListener::bind(address).expect("bind");
    listener.set_nonblocking(true).expect("nonblocking");
    let address = listener.local_addr().expect("an address");
    let _inside = runtime.enter();
    let incoming =
        tonic::transport::server::TcpIncoming::from(tokio::net::TcpListener::from_std(listener).expect("a listener"))
            .with_nodelay(Some(true));
    let mut server = tonic::transport::Server::builder();
    if let Some(tls) = tls {
        server = server.tls_config(tls).expect("certificates");
    }
    runtime.spawn(
        server
            .add_service(
                reapi::content_addressable_storage_server::ContentAddressableStorageServer::new(cas::Cas(
                    state.clone(),
                ))
                .max_decoding_message_size(64 << 20),
            )
            .add_service(bs::byte_stream_server::ByteStreamServer::new(bytestream::Stream(
                state.clone(),
            )))
            .add_service(reapi::action_cache_server::ActionCacheServer::new(cache::Cache(
                state.clone(),
            )))
            .add_service(reapi::capabilities_server::CapabilitiesServer::new(cache::Cache(
                state.clone(),
            )))
            .add_service(reapi::execution_server::ExecutionServer::new(execution::Executor(
                state.clone(),
            )))
            .add_service(longrunning::operations_server::OperationsServer::new(
                execution::Executor(state),
            ))
            .serve_with_incoming(incoming),
    );
    (runtime, address)
}
