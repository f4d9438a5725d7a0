//! The CAS: batches and streams, and everything that can happen on the way.

use super::*;
use crate::support::fake_reapi::{Committed, Fault, Rpc};
use rewrap::remote::{RemoteActionCache, RemoteCas, Source};
use rewrap::store::{Blob, BlobStore, StoreError, laws};
use tonic::Code;

/// Too large for a batch, and several messages of a stream.
fn large() -> Vec<u8> {
    (0..5_000_000_u32).map(|number| (number % 251) as u8).collect()
}

/// Reads the large blob from a server with the habits and faults: the number of Read calls, or the kind of error.
async fn read(habits: Habits, faults: &[Fault]) -> Result<usize, &'static str> {
    let (server, remote) = pair(habits);
    let content_there = large();
    let digest = server.put(&content_there);
    for fault in faults {
        server.fault(Rpc::Read, fault.clone());
    }
    match RemoteCas::new(remote).get(digest).await {
        Ok(blob) => {
            assert!(matches!(blob, Blob::File(_)), "large blobs are not kept in memory");
            assert!(content(&blob) == content_there);
            Ok(server.calls(Rpc::Read))
        }
        Err(StoreError::NotFound(_)) => Err("not found"),
        Err(StoreError::Corrupt { .. }) => Err("corrupt"),
        Err(_) => Err("failed"),
    }
}

#[tokio::test]
async fn large_blobs_are_read_to_their_end_or_not_at_all() {
    let plain = Habits::default;
    assert_eq!(read(plain(), &[]).await, Ok(1));
    let breaks = Fault::BreakAfter(10, Code::Unavailable);
    assert_eq!(read(plain(), &[breaks.clone(), breaks.clone()]).await, Ok(3), "resumed");
    assert_eq!(read(plain(), &[Fault::EndAfter(10)]).await, Ok(2), "cut short");
    // Each try brings a little: that is progress, however often it breaks.
    assert_eq!(read(plain(), &vec![breaks.clone(); 7]).await, Ok(8));
    // None brings anything.
    let nothing = vec![Fault::BreakAfter(0, Code::Unavailable); 9];
    assert_eq!(read(plain(), &nothing).await, Err("failed"));
    assert_eq!(read(plain(), &[Fault::WrongBytes]).await, Err("corrupt"));
    assert_eq!(read(plain(), &[Fault::TooManyBytes]).await, Err("corrupt"));
    let lost = [breaks.clone(), Fault::Status(Code::NotFound, "evicted")];
    assert_eq!(read(plain(), &lost).await, Err("not found"));
}

#[tokio::test]
async fn a_server_that_ignores_the_offset_is_read_again_from_the_beginning() {
    let ignores = Habits {
        ignores_read_offset: true,
        ..Habits::default()
    };
    let breaks = [Fault::BreakAfter(10, Code::Unavailable)];
    assert_eq!(read(ignores, &breaks).await, Ok(3));
}

/// Writes the large blob to a server with the habits and faults: the number of Write calls, or the error.
async fn write(habits: Habits, faults: &[Fault], source: Source) -> Result<usize, StoreError> {
    let (server, remote) = pair(habits);
    for fault in faults {
        server.fault(Rpc::Write, fault.clone());
    }
    let digest = Digest::of(&large());
    RemoteCas::new(remote).ensure_present(&[(digest, source)]).await?;
    assert!(server.has(digest));
    Ok(server.calls(Rpc::Write))
}

#[tokio::test]
async fn large_blobs_are_written_whatever_happens() {
    let memory = || Source::Bytes(large().into());
    let plain = Habits::default;
    assert_eq!(write(plain(), &[], memory()).await.expect("written"), 1);
    let file = tempfile::NamedTempFile::new().expect("a file");
    std::fs::write(&file, large()).expect("write");
    let path = Source::Path(file.path().to_owned());
    assert_eq!(write(plain(), &[], path).await.expect("written"), 1);
    let breaks = [Fault::BreakAfter(3, Code::Unavailable)];
    assert_eq!(write(plain(), &breaks, memory()).await.expect("written"), 2);
    let overload = vec![Fault::Status(Code::ResourceExhausted, "no"); 2];
    assert_eq!(write(plain(), &overload, memory()).await.expect("written"), 3);
    let bug = vec![Fault::Status(Code::Internal, "no"); 9];
    write(plain(), &bug, memory()).await.expect_err("given up");
}

#[tokio::test]
async fn odd_committed_sizes_are_looked_into() {
    for number in [-1, 0, 4096] {
        let odd = Habits {
            committed: Committed::Number(number),
            ..Habits::default()
        };
        let calls = write(odd.clone(), &[], Source::Bytes(large().into())).await;
        assert_eq!(calls.expect("it is there"), 1, "{number}");
        let drops = Habits {
            drops_uploads: true,
            ..odd
        };
        let (_server, remote) = pair(drops);
        let blob = Blob::Bytes(large().into());
        let error = RemoteCas::new(remote)
            .put(Digest::of(&large()), blob)
            .await
            .expect_err("it is not there");
        assert!(
            error
                .to_string()
                .ends_with(&format!("{number} of 5000000 bytes committed")),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_write_of_what_is_there_ends_early() {
    let (server, remote) = pair(Habits::default());
    // As if another client had been faster between FindMissing and Write.
    let content = large();
    let digest = Digest::of(&content);
    server.fault(Rpc::Write, Fault::Status(Code::Unavailable, "meanwhile"));
    let cas = RemoteCas::new(remote);
    let putting = tokio::spawn({
        let content = content.clone();
        async move { cas.put(digest, Blob::Bytes(content.into())).await }
    });
    while server.calls(Rpc::FindMissingBlobs) == 0 {
        tokio::task::yield_now().await;
    }
    server.put(&content);
    putting.await.expect("no panic").expect("written");
    assert_eq!(server.uploads(digest), 0);
}

#[tokio::test]
async fn content_that_is_not_what_it_is_named_is_never_stored() {
    for content in [b"short".to_vec(), large()] {
        let mut other = content.clone();
        other[0] ^= 1;
        let digest = Digest::of(&other);
        let (server, remote) = pair(Habits::default());
        let error = RemoteCas::new(remote).put(digest, Blob::Bytes(content.into())).await;
        assert!(matches!(error, Err(StoreError::Corrupt { .. })));
        assert!(!server.has(digest));
    }
}

#[tokio::test]
async fn batches_fit_whatever_the_server_really_takes() {
    let blobs: Vec<Vec<u8>> = (0..40_u8).map(|number| vec![number; 300_000]).collect();
    let check = async |announced_batch, real_batch: usize| {
        let (server, remote) = pair(Habits {
            announced_batch,
            real_batch,
            ..Habits::default()
        });
        let cas = RemoteCas::new(remote);
        let sources: Vec<_> = blobs
            .iter()
            .map(|content| (Digest::of(content), Source::Bytes(content.clone().into())))
            .collect();
        let uploaded = cas.ensure_present(&sources).await.expect("uploaded");
        assert_eq!((uploaded.blobs, uploaded.bytes), (40, 40 * 300_000));
        let digests: Vec<_> = sources.iter().map(|(digest, _)| *digest).collect();
        let read = cas.read_all(&digests).await.expect("read");
        assert!(
            read.iter()
                .zip(&blobs)
                .all(|(blob, expected)| content(blob) == *expected)
        );
        assert!(
            server.largest_batch() <= real_batch.min(4 << 20),
            "{}",
            server.largest_batch()
        );
        server.calls(Rpc::BatchUpdateBlobs)
    };
    assert_eq!(check(0, 4 << 20).await, 4, "unset");
    assert_eq!(check(1 << 30, 4 << 20).await, 4, "more than a message takes");
    assert_eq!(check(65536, 4 << 20).await, 0, "all are streamed");
    check(4 << 20, 1 << 20).await;
    check(4 << 20, 200_000).await;
}

#[tokio::test]
async fn a_server_keeps_the_laws_of_stores() {
    for (repeats_missing, names_others) in [(false, false), (true, true)] {
        let (_server, remote) = pair(Habits {
            repeats_missing,
            names_others,
            ..Habits::default()
        });
        laws::blob_store(&RemoteCas::new(remote.clone())).await.expect("kept");
        laws::action_cache(&RemoteActionCache::new(remote)).await.expect("kept");
    }
}

#[tokio::test]
async fn a_blob_that_is_known_to_be_there_is_not_sent_again() {
    let (server, remote) = pair(Habits::default());
    let store = RemoteCas::new(remote);
    let here = Digest::of(b"here");
    store.put(here, Blob::Bytes("here".into())).await.expect("put");
    let calls = server.calls(Rpc::FindMissingBlobs);
    store.put(here, Blob::Bytes("here".into())).await.expect("put");
    assert_eq!((server.uploads(here), server.calls(Rpc::FindMissingBlobs)), (1, calls));
}

#[tokio::test]
async fn an_impossible_digest_is_not_found() {
    let (_server, remote) = pair(Habits::default());
    let impossible = Digest::from_parts([7; 32], 0);
    let error = RemoteCas::new(remote).get(impossible).await;
    assert!(matches!(error, Err(StoreError::NotFound(_))));
}
