//! Fetches blobs: small ones in batches sized so that any answer fits, large ones as streams.

use super::super::bytestream;
use super::super::call::{RECEIVE_LIMIT, Remote};
use super::super::compressed::Way;
use super::super::error::RemoteError;
use super::super::parallel::in_parallel;
use super::batch::pack;
use crate::compression::decompress;
use crate::digest::Digest;
use crate::pb::reapi;
use crate::store::{Blob, StoreError};
use bytes::Bytes;
use reapi::content_addressable_storage_client::ContentAddressableStorageClient;
use std::collections::HashMap;
use tonic::Code;

/// Transfers at a time for one step.
const AT_ONCE: usize = 8;

/// All of them, in order.
pub(super) async fn all(remote: &Remote, digests: &[Digest]) -> Result<Vec<Blob>, StoreError> {
    let mut found = HashMap::from([(Digest::empty(), Blob::Bytes(Bytes::new()))]);
    let mut wanted: Vec<Digest> = digests.iter().copied().filter(|digest| digest.size() > 0).collect();
    wanted.sort_unstable();
    wanted.dedup();
    if !wanted.is_empty() {
        let limit = remote.batch_limit().await?;
        let packed = pack(wanted, Digest::size, limit);
        let batches = packed.batches.into_iter();
        let large = packed.large.into_iter().map(|digest| vec![digest]);
        let streamed = batches.len()..;
        let jobs = batches.chain(large).enumerate().map(|(at, blobs)| {
            let remote = remote.clone();
            let is_stream = streamed.contains(&at);
            async move {
                match (is_stream, &*blobs) {
                    (true, [digest]) => Ok(vec![(*digest, bytestream::read(&remote, *digest).await?)]),
                    _ => batch(&remote, &blobs).await,
                }
            }
        });
        found.extend(
            in_parallel::<_, StoreError, _>(AT_ONCE, jobs)
                .await?
                .into_iter()
                .flatten(),
        );
    }
    // A digest of no bytes that is not that of the empty blob is the only one not asked for.
    let take = |digest: &Digest| found.get(digest).cloned().ok_or(StoreError::NotFound(*digest));
    digests.iter().map(take).collect()
}

async fn batch(remote: &Remote, digests: &[Digest]) -> Result<Vec<(Digest, Blob)>, StoreError> {
    let mut compressed = remote.compresses(Way::BatchRead).await?;
    let mut answer = loop {
        break match ask(remote, digests, compressed).await {
            Err(error) if remote.is_too_large(&error, total(digests)) => HashMap::new(),
            Err(error) if compressed && remote.blames_compression(Way::BatchRead, error.code()) => {
                compressed = false;
                continue;
            }
            // A method that is not there: one by one, then.
            Err(error) if error.is(Code::Unimplemented) => HashMap::new(),
            answer => answer?,
        };
    };
    let mut blobs = Vec::with_capacity(digests.len());
    for &digest in digests {
        let proven = match answer.remove(&digest) {
            Some((Code::Ok, content)) => proven(digest, content, compressed).map(Some),
            Some((Code::NotFound, _)) => return Err(StoreError::NotFound(digest)),
            // Left out, or failed for itself: a stream has retries of its own.
            Some(_) | None => Ok(None),
        };
        let blob = match proven {
            Ok(Some(content)) => Blob::Bytes(content),
            Ok(None) => bytestream::read(remote, digest).await?,
            Err(_) if compressed => {
                remote.stop_compressing(Way::BatchRead);
                bytestream::read(remote, digest).await?
            }
            Err(error) => return Err(error),
        };
        blobs.push((digest, blob));
    }
    Ok(blobs)
}

fn total(digests: &[Digest]) -> usize {
    let bytes: u64 = digests.iter().map(Digest::size).sum();
    usize::try_from(bytes).expect("a batch fits into memory")
}

/// The blob's content: what came, or what that is the encoding of. The answer's own field is not asked: there are
/// servers that compress without saying so and such that say so and do not, and only one of the two has the digest.
fn proven(digest: Digest, came: Bytes, compressed: bool) -> Result<Bytes, StoreError> {
    let actual = Digest::of(&came);
    if actual == digest {
        return Ok(came);
    }
    let decoded = compressed.then(|| decompress(&came, digest.size()).ok()).flatten();
    match decoded {
        Some(content) if Digest::of(&content) == digest => Ok(content.into()),
        _ => Err(StoreError::Corrupt {
            expected: digest,
            actual,
        }),
    }
}

async fn ask(
    remote: &Remote,
    digests: &[Digest],
    compressed: bool,
) -> Result<HashMap<Digest, (Code, Bytes)>, RemoteError> {
    let zstd = reapi::compressor::Value::Zstd as i32;
    let _turn = remote.transfer().await;
    let request = reapi::BatchReadBlobsRequest {
        instance_name: remote.instance_name().to_owned(),
        digests: digests.iter().copied().map(Into::into).collect(),
        acceptable_compressors: if compressed { vec![zstd] } else { Vec::new() },
        digest_function: reapi::digest_function::Value::Sha256 as i32,
    };
    let too_large = |error: &RemoteError| remote.is_too_large(error, total(digests));
    let answer = remote
        .unary_unless("BatchReadBlobs", too_large, request, |channel, request| async move {
            ContentAddressableStorageClient::new(channel)
                .max_decoding_message_size(RECEIVE_LIMIT)
                .batch_read_blobs(request)
                .await
        })
        .await?;
    let entries = answer.responses.into_iter().filter_map(|response| {
        let digest = Digest::try_from(response.digest.as_ref()?).ok()?;
        let code = response.status.as_ref().map_or(0, |status| status.code);
        Some((digest, (Code::from_i32(code), response.data)))
    });
    Ok(entries.collect())
}
