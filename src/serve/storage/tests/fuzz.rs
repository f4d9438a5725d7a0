//! Requests with bytes changed on the way: each is answered, and only with codes that say whose fault it is.

use super::*;
use proptest::prelude::*;
use prost::Message;
use reapi::action_cache_server::ActionCache as _;
use reapi::capabilities_server::Capabilities as _;
use reapi::content_addressable_storage_server::ContentAddressableStorage as _;
use tokio_stream::StreamExt as _;
use tonic::{Request, Response};
use wire::byte_stream_server::ByteStream as _;

/// The services of one storage, called without a network.
struct Services {
    cas: CasService,
    streams: ByteStreamService,
    results: ActionCacheService,
    capabilities: CapabilitiesService,
    storage: Arc<Storage>,
}

impl Services {
    fn on(dir: &Path) -> Self {
        let storage = Arc::new(Storage::new(DiskStore::open(dir, 0).unwrap(), Limits::default()));
        Self {
            cas: CasService::new(storage.clone()),
            streams: ByteStreamService::new(storage.clone()),
            results: ActionCacheService::new(storage.clone()),
            capabilities: CapabilitiesService::new(storage.clone(), true),
            storage,
        }
    }

    /// Sends the bytes to the method of this number, if they are a request of it.
    async fn call(&self, method: usize, bytes: &[u8]) -> Result<(), Status> {
        match method {
            0 => request(bytes, |request| self.cas.find_missing_blobs(request)).await,
            1 => request(bytes, |request| self.cas.batch_update_blobs(request)).await,
            2 => request(bytes, |request| self.cas.batch_read_blobs(request)).await,
            3 => request(bytes, |request| self.results.get_action_result(request)).await,
            4 => request(bytes, |request| self.results.update_action_result(request)).await,
            5 => request(bytes, |request| self.capabilities.get_capabilities(request)).await,
            6 => request(bytes, |request| self.streams.query_write_status(request)).await,
            7 => request(bytes, async |request| drain(self.cas.get_tree(request).await?).await).await,
            8 => request(bytes, async |request| drain(self.streams.read(request).await?).await).await,
            _ => unreachable!("METHODS"),
        }
    }

    /// A request of this method that is all right.
    fn example(&self, method: usize) -> Vec<u8> {
        let blob = Some(self.storage.store().put_bytes(b"blob").unwrap().into());
        let digest_function = 1;
        match method {
            0 => reapi::FindMissingBlobsRequest {
                blob_digests: Vec::from_iter(blob),
                digest_function,
                ..Default::default()
            }
            .encode_to_vec(),
            1 => {
                let data = Bytes::from(crate::compression::compress(b"blob").unwrap());
                let requests = vec![reapi::batch_update_blobs_request::Request {
                    digest: blob,
                    data,
                    compressor: 1,
                }];
                reapi::BatchUpdateBlobsRequest {
                    requests,
                    digest_function,
                    ..Default::default()
                }
                .encode_to_vec()
            }
            2 => reapi::BatchReadBlobsRequest {
                digests: Vec::from_iter(blob),
                acceptable_compressors: vec![1],
                digest_function,
                ..Default::default()
            }
            .encode_to_vec(),
            _ => self.other_example(method),
        }
    }

    /// The same for methods that are not about several blobs.
    fn other_example(&self, method: usize) -> Vec<u8> {
        let blob = Some(self.storage.store().put_bytes(b"blob").unwrap().into());
        let action_digest = Some(Digest::of(b"blob").into());
        match method {
            3 => reapi::GetActionResultRequest {
                instance_name: "main".to_owned(),
                action_digest,
                inline_output_files: vec!["a".to_owned()],
                ..Default::default()
            }
            .encode_to_vec(),
            4 => {
                let output_files = vec![reapi::OutputFile {
                    path: "a".to_owned(),
                    digest: blob,
                    contents: b"blob".to_vec(),
                    ..Default::default()
                }];
                reapi::UpdateActionResultRequest {
                    action_digest,
                    action_result: Some(reapi::ActionResult {
                        output_files,
                        ..Default::default()
                    }),
                    ..Default::default()
                }
                .encode_to_vec()
            }
            5 => reapi::GetCapabilitiesRequest {
                instance_name: "main".to_owned(),
            }
            .encode_to_vec(),
            6 => wire::QueryWriteStatusRequest {
                resource_name: format!("uploads/id/blobs/{}", Digest::of(b"blob")),
            }
            .encode_to_vec(),
            7 => {
                let directories = vec![reapi::DirectoryNode {
                    name: "sub".to_owned(),
                    digest: Some(Digest::empty().into()),
                }];
                let directory = reapi::Directory {
                    directories,
                    ..Default::default()
                };
                let root = self.storage.store().put_bytes(&directory.encode_to_vec()).unwrap();
                reapi::GetTreeRequest {
                    root_digest: Some(root.into()),
                    page_size: 1,
                    ..Default::default()
                }
                .encode_to_vec()
            }
            _ => wire::ReadRequest {
                resource_name: format!("compressed-blobs/zstd/{}", Digest::of(b"blob")),
                read_offset: 2,
                read_limit: 0,
            }
            .encode_to_vec(),
        }
    }
}

const METHODS: usize = 9;

async fn request<T: Message + Default, R>(
    bytes: &[u8],
    call: impl AsyncFnOnce(Request<T>) -> Result<R, Status>,
) -> Result<(), Status> {
    match T::decode(bytes) {
        Ok(message) => call(Request::new(message)).await.map(drop),
        Err(_) => Ok(()), // Refused before it reaches a service.
    }
}

async fn drain<T>(answer: Response<crate::serve::outgoing::Answer<T>>) -> Result<(), Status> {
    let mut answer = answer.into_inner();
    while let Some(message) = answer.next().await {
        message?;
    }
    Ok(())
}

#[test]
fn requests_that_are_all_right_are_answered() {
    let dir = tempfile::tempdir().unwrap();
    let services = Services::on(dir.path());
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    for method in [0, 1, 2, 4, 5, 6, 7, 8] {
        let answer = runtime.block_on(services.call(method, &services.example(method)));
        answer.unwrap_or_else(|status| panic!("{method}: {status}"));
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn changed_requests_are_answered(
        method in 0..METHODS,
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
        end in prop::option::weighted(0.2, any::<prop::sample::Index>()),
        more in prop::collection::vec(any::<u8>(), 0..4),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let services = Services::on(dir.path());
        let mut bytes = services.example(method);
        for (at, byte) in changes {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        bytes.truncate(end.map_or(usize::MAX, |end| end.index(bytes.len())));
        bytes.extend(more);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Err(status) = runtime.block_on(services.call(method, &bytes)) {
            let codes = [Code::InvalidArgument, Code::NotFound, Code::OutOfRange];
            prop_assert!(codes.contains(&status.code()), "{status}");
        }
        let verified = services.storage.store().verify(crate::store::disk::OnCorrupt::List, |_| ()).unwrap();
        prop_assert!(verified.corrupt.is_empty());
    }

    #[test]
    fn any_bytes_are_a_tree_or_none(content: Vec<u8>) {
        let dir = tempfile::tempdir().unwrap();
        let services = Services::on(dir.path());
        let root = services.storage.store().put_bytes(&content).unwrap();
        let bytes = reapi::GetTreeRequest { root_digest: Some(root.into()), ..Default::default() }.encode_to_vec();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Err(status) = runtime.block_on(services.call(7, &bytes)) {
            prop_assert_eq!(status.code(), Code::InvalidArgument);
        }
    }
}
