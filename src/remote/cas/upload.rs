//! Sends blobs: small ones in batches, large ones as streams.

use super::super::bytestream;
use super::super::call::Remote;
use super::super::compressed::Way;
use super::super::error::RemoteError;
use super::super::parallel::in_parallel;
use super::batch::{OVERHEAD, pack};
use super::source::{Source, blocking};
use crate::compression::compress;
use crate::digest::Digest;
use crate::pb::reapi;
use crate::store::StoreError;
use bytes::Bytes;
use reapi::content_addressable_storage_client::ContentAddressableStorageClient;
use std::collections::HashMap;
use tonic::Code;

/// Transfers at a time for one step.
const AT_ONCE: usize = 8;
/// Smaller blobs go as they are: a message's own overhead is of their size.
const WORTH_COMPRESSING: usize = 1 << 10;

/// Sends all of them.
pub(super) async fn all(remote: &Remote, blobs: Vec<(Digest, Source)>) -> Result<(), StoreError> {
    if blobs.is_empty() {
        return Ok(());
    }
    let limit = remote.batch_limit().await?;
    let packed = pack(blobs, |(digest, _)| digest.size(), limit);
    let batches = packed
        .batches
        .into_iter()
        .map(|blobs| Job::Batch(remote.clone(), blobs));
    let streams = packed
        .large
        .into_iter()
        .map(|(digest, source)| Job::Stream(remote.clone(), digest, source));
    in_parallel(AT_ONCE, batches.chain(streams).map(Job::run)).await?;
    Ok(())
}

enum Job {
    Batch(Remote, Vec<(Digest, Source)>),
    Stream(Remote, Digest, Source),
}

impl Job {
    async fn run(self) -> Result<(), StoreError> {
        match self {
            Self::Batch(remote, blobs) => batch(&remote, blobs).await,
            Self::Stream(remote, digest, source) => bytestream::write(&remote, digest, &source).await,
        }
    }
}

async fn batch(remote: &Remote, blobs: Vec<(Digest, Source)>) -> Result<(), StoreError> {
    let refused = send(remote, &blobs).await?;
    // A stream is the other way in, with retries of its own and one status for one blob.
    for (digest, source) in blobs.iter().filter(|(digest, _)| refused.contains(digest)) {
        bytestream::write(remote, *digest, source).await?;
    }
    Ok(())
}

/// A blob in a batch.
struct Content {
    digest: Digest,
    plain: Bytes,
    /// Its zstd encoding, where it goes as that.
    zstd: Option<Bytes>,
}

impl Content {
    fn plain(&self) -> reapi::batch_update_blobs_request::Request {
        self.request(self.plain.clone(), reapi::compressor::Value::Identity)
    }

    /// Compressed, if it is worth it.
    fn small(&self) -> reapi::batch_update_blobs_request::Request {
        match &self.zstd {
            Some(encoded) => self.request(encoded.clone(), reapi::compressor::Value::Zstd),
            None => self.plain(),
        }
    }

    fn request(&self, data: Bytes, compressor: reapi::compressor::Value) -> reapi::batch_update_blobs_request::Request {
        reapi::batch_update_blobs_request::Request {
            digest: Some(self.digest.into()),
            data,
            compressor: compressor as i32,
        }
    }
}

/// Sends one batch; those blobs that the server did not take.
async fn send(remote: &Remote, blobs: &[(Digest, Source)]) -> Result<Vec<Digest>, StoreError> {
    let _turn = remote.transfer().await;
    let compresses = remote.compresses(Way::BatchUpdate).await?;
    let mut contents = Vec::with_capacity(blobs.len());
    for (digest, source) in blobs {
        let plain = source.read(*digest).await?;
        let zstd = if compresses { compressed(&plain).await? } else { None };
        contents.push(Content {
            digest: *digest,
            plain,
            zstd,
        });
    }
    let mut refused = Vec::new();
    let mut waiting = vec![&*contents];
    while let Some(some) = waiting.pop() {
        match update(remote, some).await {
            Ok(mut not_taken) => refused.append(&mut not_taken),
            Err(error) if !remote.is_too_large(&error, cost(some)) => return Err(error.into()),
            Err(_) => {
                if let [blob] = some {
                    refused.push(blob.digest);
                } else {
                    let (first, second) = some.split_at(some.len() / 2);
                    waiting.extend([second, first]);
                }
            }
        }
    }
    Ok(refused)
}

/// The encoding, if it is much smaller.
async fn compressed(content: &Bytes) -> Result<Option<Bytes>, StoreError> {
    if content.len() < WORTH_COMPRESSING {
        return Ok(None);
    }
    let plain = content.clone();
    let encoded = blocking(move || compress(&plain))
        .await
        .map_err(|source| StoreError::Io {
            what: "compress an upload".to_owned(),
            source,
        })?;
    let saves = encoded.len() < content.len() / 10 * 9;
    Ok(saves.then(|| encoded.into()))
}

fn cost(blobs: &[Content]) -> usize {
    blobs.iter().map(|blob| blob.plain.len() + OVERHEAD).sum()
}

/// One batch, compressed; as it is if the server has trouble with that.
async fn update(remote: &Remote, blobs: &[Content]) -> Result<Vec<Digest>, RemoteError> {
    let compresses = blobs.iter().any(|blob| blob.zstd.is_some());
    if compresses && remote.compresses(Way::BatchUpdate).await? {
        let blamed = |code| remote.blames_compression(Way::BatchUpdate, Some(code));
        match update_with(remote, blobs, Content::small).await {
            // For the whole call, or for one of the blobs: whatever is there by now is not harmed by coming again.
            Err(error) if error.code().is_some_and(blamed) => {}
            Ok(refused) if refused.iter().any(|(_, code)| code.is_some_and(blamed)) => {}
            answer => return answer.map(digests),
        }
    }
    update_with(remote, blobs, Content::plain).await.map(digests)
}

fn digests(refused: Vec<(Digest, Option<Code>)>) -> Vec<Digest> {
    refused.into_iter().map(|(digest, _)| digest).collect()
}

/// The blobs that were not taken, with the reason where there is one.
async fn update_with(
    remote: &Remote,
    blobs: &[Content],
    form: impl Fn(&Content) -> reapi::batch_update_blobs_request::Request,
) -> Result<Vec<(Digest, Option<Code>)>, RemoteError> {
    let request = reapi::BatchUpdateBlobsRequest {
        instance_name: remote.instance_name().to_owned(),
        requests: blobs.iter().map(form).collect(),
        digest_function: reapi::digest_function::Value::Sha256 as i32,
    };
    let too_large = |error: &RemoteError| remote.is_too_large(error, cost(blobs));
    let answer = remote
        .unary_unless("BatchUpdateBlobs", too_large, request, |channel, request| async move {
            ContentAddressableStorageClient::new(channel)
                .batch_update_blobs(request)
                .await
        })
        .await?;
    let mut codes: HashMap<Digest, Code> = answer
        .responses
        .iter()
        .filter_map(|response| {
            let digest = Digest::try_from(response.digest.as_ref()?).ok()?;
            // A missing status is OK, as everywhere in gRPC.
            let code = response.status.as_ref().map_or(0, |status| status.code);
            Some((digest, Code::from_i32(code)))
        })
        .collect();
    let all = blobs.iter().map(|blob| (blob.digest, codes.remove(&blob.digest)));
    Ok(all
        .filter(|(_, code)| !matches!(code, Some(Code::Ok | Code::AlreadyExists)))
        .collect())
}
