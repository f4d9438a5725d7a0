//! Speaks the Remote Execution API to any server, from outside: the generated messages and stubs, and nothing of rewrap's
//! own client. Calls block and end after [`PATIENCE`].

pub(crate) mod blobs;
pub(crate) mod execution;
pub(crate) mod task;

pub(crate) use task::Task;

use rewrap::digest::Function;
use rewrap::pb::bytestream::byte_stream_client::ByteStreamClient;
use rewrap::pb::longrunning::operations_client::OperationsClient;
use rewrap::pb::reapi;
use rewrap::pb::reapi::action_cache_client::ActionCacheClient;
use rewrap::pb::reapi::capabilities_client::CapabilitiesClient;
use rewrap::pb::reapi::content_addressable_storage_client::ContentAddressableStorageClient;
use rewrap::pb::reapi::execution_client::ExecutionClient;
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tonic::transport::{Channel, Endpoint};
use tonic::{Code, Status};

/// How long one call may take. A server that hangs must not hang a test.
pub(crate) const PATIENCE: Duration = Duration::from_mins(1);

/// A connection to a server, with the instance name and the digest function that calls use.
#[derive(Clone)]
pub(crate) struct Peer {
    runtime: Arc<Runtime>,
    channel: Channel,
    pub(crate) instance: String,
    pub(crate) function: Function,
    patience: Duration,
}

impl Peer {
    /// Connects to `grpc://HOST:PORT`.
    pub(crate) fn connect(address: &str) -> Self {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .expect("a runtime");
        Self::on(Arc::new(runtime), address)
    }

    /// A connection of its own, on the same threads.
    pub(crate) fn another(&self, address: &str) -> Self {
        Self::on(self.runtime.clone(), address)
    }

    fn on(runtime: Arc<Runtime>, address: &str) -> Self {
        let uri = address.replacen("grpc://", "http://", 1);
        let endpoint = Endpoint::from_shared(uri)
            .expect("an address such as grpc://127.0.0.1:8980")
            .tcp_nodelay(true)
            .connect_timeout(PATIENCE);
        let channel = runtime
            .block_on(endpoint.connect())
            .unwrap_or_else(|error| panic!("cannot connect to {address}: {error:?}"));
        Self {
            runtime,
            channel,
            instance: String::new(),
            function: Function::Sha256,
            patience: PATIENCE,
        }
    }

    /// The same connection under another instance name.
    pub(crate) fn of_instance(&self, name: &str) -> Self {
        Self {
            instance: name.to_owned(),
            ..self.clone()
        }
    }

    /// The same connection, speaking of digests of this function.
    pub(crate) fn of_function(&self, function: Function) -> Self {
        Self {
            function,
            ..self.clone()
        }
    }

    /// The same connection, waiting only so long for an answer.
    pub(crate) fn with_patience(&self, patience: Duration) -> Self {
        Self {
            patience,
            ..self.clone()
        }
    }

    /// The digest of these bytes as the protocol writes it.
    pub(crate) fn digest(&self, bytes: &[u8]) -> reapi::Digest {
        self.function.digest(bytes).into()
    }

    /// What requests say in `digest_function`.
    pub(crate) fn wire_function(&self) -> i32 {
        self.function.to_wire().into()
    }

    /// What a call comes to; one that takes too long ends with DEADLINE_EXCEEDED and a text that says so.
    pub(crate) fn wait<T>(&self, call: impl Future<Output = Result<T, Status>>) -> Result<T, Status> {
        self.runtime.block_on(async {
            tokio::time::timeout(self.patience, call)
                .await
                .unwrap_or_else(|_| Err(self.no_answer()))
        })
    }

    fn no_answer(&self) -> Status {
        Status::deadline_exceeded(format!("no answer in {:?}", self.patience))
    }

    pub(crate) fn cas(&self) -> ContentAddressableStorageClient<Channel> {
        ContentAddressableStorageClient::new(self.channel.clone())
    }

    pub(crate) fn bytestream(&self) -> ByteStreamClient<Channel> {
        ByteStreamClient::new(self.channel.clone())
    }

    pub(crate) fn cache(&self) -> ActionCacheClient<Channel> {
        ActionCacheClient::new(self.channel.clone())
    }

    pub(crate) fn executor(&self) -> ExecutionClient<Channel> {
        ExecutionClient::new(self.channel.clone())
    }

    pub(crate) fn operations(&self) -> OperationsClient<Channel> {
        OperationsClient::new(self.channel.clone())
    }

    /// What the server says about itself.
    pub(crate) fn capabilities(&self) -> Result<reapi::ServerCapabilities, Status> {
        let request = reapi::GetCapabilitiesRequest {
            instance_name: self.instance.clone(),
        };
        let mut client = CapabilitiesClient::new(self.channel.clone());
        self.wait(client.get_capabilities(request))
            .map(tonic::Response::into_inner)
    }

    /// A result of the action cache.
    pub(crate) fn cached(&self, action: &reapi::Digest) -> Result<reapi::ActionResult, Status> {
        self.cached_with(action, |_| ())
    }

    /// The same, with a request that `ask` has changed.
    pub(crate) fn cached_with(
        &self,
        action: &reapi::Digest,
        ask: impl FnOnce(&mut reapi::GetActionResultRequest),
    ) -> Result<reapi::ActionResult, Status> {
        let mut request = reapi::GetActionResultRequest {
            instance_name: self.instance.clone(),
            action_digest: Some(action.clone()),
            digest_function: self.wire_function(),
            ..Default::default()
        };
        ask(&mut request);
        self.wait(self.cache().get_action_result(request))
            .map(tonic::Response::into_inner)
    }

    /// Puts a result into the action cache.
    pub(crate) fn update_result(
        &self,
        action: &reapi::Digest,
        result: &reapi::ActionResult,
    ) -> Result<reapi::ActionResult, Status> {
        let request = reapi::UpdateActionResultRequest {
            instance_name: self.instance.clone(),
            action_digest: Some(action.clone()),
            action_result: Some(result.clone()),
            digest_function: self.wire_function(),
            ..Default::default()
        };
        self.wait(self.cache().update_action_result(request))
            .map(tonic::Response::into_inner)
    }
}

/// The code of an answer.
pub(crate) fn code<T>(answer: &Result<T, Status>) -> Code {
    answer.as_ref().err().map_or(Code::Ok, Status::code)
}

/// Bytes that nobody has seen before.
pub(crate) fn fresh(length: usize) -> Vec<u8> {
    let mut bytes = vec![0; length];
    fastrand::fill(&mut bytes);
    bytes
}

/// A name that nobody has used before.
pub(crate) fn unique() -> String {
    format!("{:032x}", fastrand::u128(..))
}
