//! A server of blobs and results on a loopback port, for the tests of all its services.

mod fuzz;

use super::*;
use crate::pb::bytestream as wire;
use crate::serve::action_cache::ActionCacheService;
use crate::serve::bytestream::ByteStreamService;
use crate::serve::capabilities::CapabilitiesService;
use crate::serve::cas::CasService;
use bytes::Bytes;
use reapi::action_cache_client::ActionCacheClient;
use reapi::capabilities_client::CapabilitiesClient;
use reapi::content_addressable_storage_client::ContentAddressableStorageClient;
use rustix::io::Errno;
use std::path::Path;
use tempfile::TempDir;
use tokio_stream::Stream;
use tokio_util::task::AbortOnDropHandle;
use tonic::transport::Channel;
use wire::byte_stream_client::ByteStreamClient;

/// Clients of a server that lives as long as this.
pub(in crate::serve) struct Server {
    pub(in crate::serve) storage: Arc<Storage>,
    channel: Channel,
    _task: AbortOnDropHandle<()>,
    dir: Option<TempDir>,
}

/// More than a server sends.
const RECEIVE: usize = 64 << 20;

impl Server {
    pub(in crate::serve) async fn start() -> Self {
        Self::limited(Limits::default()).await
    }

    pub(in crate::serve) async fn limited(limits: Limits) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut server = Self::on(&dir.path().join("store"), limits).await;
        server.dir = Some(dir);
        server
    }

    /// On a directory that is not its own.
    pub(in crate::serve) async fn on(dir: &Path, limits: Limits) -> Self {
        let storage = Arc::new(Storage::new(DiskStore::open(dir, 0).unwrap(), limits));
        let routes = tonic::service::Routes::new(CasService::new(storage.clone()).into_server())
            .add_service(ByteStreamService::new(storage.clone()).into_server())
            .add_service(ActionCacheService::new(storage.clone()).into_server())
            .add_service(CapabilitiesService::new(storage.clone(), true).into_server());
        let incoming = tonic::transport::server::TcpIncoming::bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let incoming = incoming.with_nodelay(Some(true));
        let address = incoming.local_addr().unwrap();
        let server = tonic::transport::Server::builder()
            .add_routes(routes)
            .serve_with_incoming(incoming);
        let task = AbortOnDropHandle::new(tokio::spawn(async move { server.await.unwrap() }));
        let endpoint = Channel::from_shared(format!("http://{address}")).unwrap();
        Self {
            storage,
            channel: endpoint.connect().await.unwrap(),
            _task: task,
            dir: None,
        }
    }

    /// Puts a blob behind the services' backs.
    pub(in crate::serve) fn put(&self, content: &[u8]) -> Digest {
        self.storage.store().put_bytes(content).unwrap()
    }

    /// Files that are being written.
    pub(in crate::serve) fn drafts(&self) -> usize {
        std::fs::read_dir(self.storage.store().dir().join("tmp"))
            .unwrap()
            .count()
    }

    pub(in crate::serve) fn cas(&self) -> ContentAddressableStorageClient<Channel> {
        ContentAddressableStorageClient::new(self.channel.clone()).max_decoding_message_size(RECEIVE)
    }

    pub(in crate::serve) fn streams(&self) -> ByteStreamClient<Channel> {
        ByteStreamClient::new(self.channel.clone())
    }

    pub(in crate::serve) fn results(&self) -> ActionCacheClient<Channel> {
        ActionCacheClient::new(self.channel.clone()).max_decoding_message_size(RECEIVE)
    }

    pub(in crate::serve) fn capabilities(&self) -> CapabilitiesClient<Channel> {
        CapabilitiesClient::new(self.channel.clone())
    }

    /// Writes a stream; the committed size.
    pub(in crate::serve) async fn write(
        &self,
        requests: impl Stream<Item = wire::WriteRequest> + Send + 'static,
    ) -> Result<i64, Status> {
        Ok(self.streams().write(requests).await?.into_inner().committed_size)
    }

    /// Writes the content in pieces of this size under the name; the committed size.
    pub(in crate::serve) async fn write_all(&self, name: &str, content: &[u8], piece: usize) -> Result<i64, Status> {
        self.write(tokio_stream::iter(requests(name, content, piece))).await
    }

    /// Reads a whole stream.
    pub(in crate::serve) async fn read(&self, name: &str, offset: i64, limit: i64) -> Result<Vec<u8>, Status> {
        let request = wire::ReadRequest {
            resource_name: name.to_owned(),
            read_offset: offset,
            read_limit: limit,
        };
        let mut stream = self.streams().read(request).await?.into_inner();
        let mut content = Vec::new();
        while let Some(piece) = stream.message().await? {
            content.extend_from_slice(&piece.data);
        }
        Ok(content)
    }

    /// How much of an upload has been written, and whether that is all.
    pub(in crate::serve) async fn written(&self, name: &str) -> Result<(i64, bool), Status> {
        let request = wire::QueryWriteStatusRequest {
            resource_name: name.to_owned(),
        };
        let answer = self.streams().query_write_status(request).await?.into_inner();
        Ok((answer.committed_size, answer.complete))
    }
}

/// The messages that write this content.
pub(in crate::serve) fn requests(name: &str, content: &[u8], piece: usize) -> Vec<wire::WriteRequest> {
    let mut offset = 0;
    let mut requests: Vec<_> = content
        .chunks(piece)
        .map(|data| {
            let request = request(name, offset, data);
            offset += i64::try_from(data.len()).unwrap();
            request
        })
        .collect();
    if requests.is_empty() {
        requests.push(request(name, 0, b""));
    }
    requests.last_mut().unwrap().finish_write = true;
    requests
}

pub(in crate::serve) fn request(name: &str, offset: i64, data: &[u8]) -> wire::WriteRequest {
    wire::WriteRequest {
        resource_name: name.to_owned(),
        write_offset: offset,
        finish_write: false,
        data: Bytes::copy_from_slice(data),
    }
}

/// Bytes that no compressor makes shorter.
pub(in crate::serve) fn noise(size: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(size as u64);
    (0..size).map(|_| random.u8(..)).collect()
}

pub(in crate::serve) fn code<T: std::fmt::Debug>(result: Result<T, Status>) -> Code {
    result.expect_err("refused").code()
}

#[test]
fn each_error_has_its_code() {
    let io = |errno: Errno| StoreError::Io {
        what: "write `/secret/place`".to_owned(),
        source: errno.into(),
    };
    let corrupt = StoreError::Corrupt {
        expected: Digest::of(b"a"),
        actual: Digest::of(b"b"),
    };
    for (error, code) in [
        (StoreError::NotFound(Digest::empty()), Code::NotFound),
        (corrupt, Code::InvalidArgument),
        (io(Errno::NOSPC), Code::ResourceExhausted),
        (io(Errno::DQUOT), Code::ResourceExhausted),
        (io(Errno::FBIG), Code::ResourceExhausted),
        (io(Errno::IO), Code::Internal),
        (io(Errno::ACCESS), Code::Internal),
    ] {
        let told = status(error);
        assert_eq!(told.code(), code, "{told}");
        assert!(!told.message().contains("/secret"), "{told}");
    }
}

#[test]
fn only_our_digest_functions_are_taken() {
    for (wire, expected) in [
        (0, Some(Function::Sha256)),
        (1, Some(Function::Sha256)),
        (9, Some(Function::Blake3)),
    ] {
        assert_eq!(function(wire).ok(), expected, "{wire}");
    }
    for wire in [2, 3, 8, 10, -1, 4711] {
        assert_eq!(function(wire).unwrap_err().code(), Code::InvalidArgument, "{wire}");
    }
}

/// Names a directory to the child half of the test.
const CHILD: &str = "REWRAP_TEST_SERVE_CHILD";

#[test]
fn a_full_disk_is_told_and_loses_nothing() {
    if let Some(dir) = std::env::var_os(CHILD) {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .enable_all()
            .build()
            .unwrap();
        return runtime.block_on(on_a_full_disk(dir.as_ref()));
    }
    // A limit on the size of files cuts a write short in the same way as a full disk, and needs no file system of its
    // own. Its signal, which would kill, is ignored by the shell and so by what the shell becomes.
    let dir = tempfile::tempdir().unwrap();
    let (_, module) = module_path!().split_once("::").unwrap();
    let mut shell = std::process::Command::new("sh");
    shell.args(["-c", r#"trap "" XFSZ; ulimit -f 16; exec "$0" "$@""#]);
    shell.arg(std::env::current_exe().unwrap());
    shell.args(["--exact", &format!("{module}::a_full_disk_is_told_and_loses_nothing")]);
    let output = shell.env(CHILD, dir.path()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

async fn on_a_full_disk(dir: &Path) {
    let server = Server::on(dir, Limits::default()).await;
    let earlier = server.put(b"earlier");
    let content = noise(500_000);
    let digest = Digest::of(&content);
    let encoded = crate::compression::compress(&content).unwrap();
    let left = format!("uploads/id/blobs/{}", Digest::of(b"left"));
    let leave = server.write(tokio_stream::iter(vec![request(&left, 0, b"le")])).await;
    assert_eq!(code(leave), Code::InvalidArgument);
    assert_eq!(server.written(&left).await.unwrap(), (2, false));
    for (kind, content) in [("blobs", &content), ("compressed-blobs/zstd", &encoded)] {
        for piece in [1000, 100_000, 1_000_000] {
            let name = format!("uploads/id/{kind}/{digest}");
            assert_eq!(
                code(server.write_all(&name, content, piece).await),
                Code::ResourceExhausted
            );
            assert_eq!(server.written(&name).await.unwrap(), (0, false));
        }
    }
    assert_eq!(server.written(&left).await.unwrap(), (0, false), "others need its room");
    let blob = |content: &[u8]| reapi::batch_update_blobs_request::Request {
        digest: Some(Digest::of(content).into()),
        data: Bytes::copy_from_slice(content),
        compressor: 0,
    };
    let batch = reapi::BatchUpdateBlobsRequest {
        requests: vec![blob(b"small"), blob(&content), blob(b"another")],
        ..Default::default()
    };
    let answer = server.cas().batch_update_blobs(batch).await.unwrap().into_inner();
    let codes: Vec<_> = answer
        .responses
        .into_iter()
        .map(|response| response.status.unwrap().code)
        .collect();
    assert_eq!(codes, [0, Code::ResourceExhausted as i32, 0]);
    let large = reapi::UpdateActionResultRequest {
        action_digest: Some(digest.into()),
        action_result: Some(reapi::ActionResult {
            stdout_raw: vec![b'x'; 50_000],
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_eq!(
        code(server.results().update_action_result(large).await),
        Code::ResourceExhausted
    );
    assert_eq!(server.drafts(), 0);
    for blob in [earlier, Digest::of(b"small"), Digest::of(b"another")] {
        assert_eq!(
            server.read(&format!("blobs/{blob}"), 0, 0).await.unwrap().len() as u64,
            blob.size()
        );
    }
}
