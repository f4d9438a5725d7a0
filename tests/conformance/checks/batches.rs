//! BatchUpdateBlobs and BatchReadBlobs.

use super::refused;
use crate::check::checks;
use crate::peer::{Peer, fresh};
use bytes::Bytes;
use reapi::batch_update_blobs_request::Request as Update;
use reapi::compressor::Value::Zstd;
use rewrap::pb::reapi;
use tonic::Code;

checks! {
    Nothing: a_batch_can_be_read_back, the_empty_blob_can_be_written, the_empty_blob_can_be_read,
        a_wrong_digest_spoils_only_its_own_blob, a_wrong_size_is_refused, what_was_refused_is_not_stored,
        what_is_there_can_be_written_again, a_missing_blob_spoils_only_itself, a_blob_can_be_asked_twice,
        a_thousand_blobs_fit_into_a_batch, a_read_of_a_malformed_digest_is_refused, empty_batches_are_answered;
    BatchLimit: a_batch_of_the_limit_is_written_and_read, a_larger_batch_is_not_written, a_larger_batch_is_not_read;
    ZstdBatches: a_compressed_blob_is_stored_plain, a_blob_that_does_not_decompress_is_refused,
        a_compressed_blob_of_another_digest_is_refused;
    Zstd: whoever_takes_zstd_gets_the_same_blob;
}

fn blob(peer: &Peer, bytes: Vec<u8>) -> (reapi::Digest, Bytes) {
    (peer.digest(&bytes), bytes.into())
}

fn a_batch_can_be_read_back(peer: &Peer) {
    let blobs: Vec<_> = [1, 100, 10_000, 300_000]
        .map(|length| blob(peer, fresh(length)))
        .to_vec();
    assert_eq!(peer.update(&blobs).unwrap(), [Code::Ok; 4]);
    let digests: Vec<_> = blobs.iter().map(|(digest, _)| digest.clone()).collect();
    let answers = peer.read_batch(&digests, &[]).unwrap();
    assert_eq!(answers.len(), 4);
    for (digest, bytes) in &blobs {
        let mut of_blob = answers.iter().filter(|answer| answer.digest.as_ref() == Some(digest));
        let answer = of_blob.next().expect("an answer");
        assert!(answer.data == *bytes, "other bytes");
        assert_eq!(answer.status.as_ref().map_or(0, |status| status.code), 0);
    }
}

fn the_empty_blob_can_be_written(peer: &Peer) {
    assert_eq!(peer.update(&[blob(peer, Vec::new())]).unwrap(), [Code::Ok]);
}

fn the_empty_blob_can_be_read(peer: &Peer) {
    let answers = peer.read_batch(&[peer.digest(b"")], &[]).unwrap();
    assert_eq!(answers.len(), 1);
    assert_eq!(answers[0].status.as_ref().map_or(0, |status| status.code), 0);
    assert!(answers[0].data.is_empty());
}

fn a_wrong_digest_spoils_only_its_own_blob(peer: &Peer) {
    let (good, mut bad) = (blob(peer, fresh(100)), blob(peer, fresh(100)));
    bad.1 = fresh(100).into();
    let codes = peer.update(&[bad, good.clone()]).unwrap();
    assert_eq!(codes, [Code::InvalidArgument, Code::Ok]);
    assert!(peer.has(&good.0));
}

fn a_wrong_size_is_refused(peer: &Peer) {
    let (mut digest, bytes) = blob(peer, fresh(100));
    digest.size_bytes = 99;
    let codes = peer.update(&[(digest, bytes)]).unwrap();
    assert_eq!(codes, [Code::InvalidArgument]);
}

fn what_was_refused_is_not_stored(peer: &Peer) {
    let (digest, _) = blob(peer, fresh(100));
    let codes = peer.update(&[(digest.clone(), fresh(100).into())]).unwrap();
    assert_ne!(codes, [Code::Ok]);
    assert!(!peer.has(&digest));
}

fn what_is_there_can_be_written_again(peer: &Peer) {
    let blob = blob(peer, fresh(100));
    for _ in 0..2 {
        assert_eq!(peer.update(std::slice::from_ref(&blob)).unwrap(), [Code::Ok]);
    }
}

fn a_missing_blob_spoils_only_itself(peer: &Peer) {
    let (stored, absent) = (peer.put(b"stored"), peer.digest(&fresh(100)));
    let answers = peer.read_batch(&[absent.clone(), stored.clone()], &[]).unwrap();
    let find = |digest: &reapi::Digest| {
        let mut of_blob = answers.iter().filter(|answer| answer.digest.as_ref() == Some(digest));
        of_blob.next().expect("an answer")
    };
    let absent = find(&absent).status.as_ref().expect("a status");
    assert_eq!(Code::from(absent.code), Code::NotFound);
    assert_eq!(find(&stored).data.as_ref(), b"stored");
}

fn a_blob_can_be_asked_twice(peer: &Peer) {
    let digest = peer.put(&fresh(100));
    let answers = peer.read_batch(&[digest.clone(), digest], &[]).unwrap();
    assert!((1..=2).contains(&answers.len()), "{}", answers.len());
    assert!(answers.iter().all(|answer| answer.data.len() == 100));
}

fn a_thousand_blobs_fit_into_a_batch(peer: &Peer) {
    let blobs: Vec<_> = (0..1000).map(|_| blob(peer, fresh(50))).collect();
    assert_eq!(peer.update(&blobs).unwrap(), [Code::Ok; 1000]);
    let digests: Vec<_> = blobs.iter().map(|(digest, _)| digest.clone()).collect();
    assert_eq!(peer.read_batch(&digests, &[]).unwrap().len(), 1000);
}

fn a_read_of_a_malformed_digest_is_refused(peer: &Peer) {
    let digest = reapi::Digest {
        hash: "../../etc/passwd".to_owned(),
        size_bytes: 10,
    };
    match peer.read_batch(&[digest], &[]) {
        Err(status) => assert_eq!(status.code(), Code::InvalidArgument, "{status:?}"),
        Ok(answers) => {
            let status = answers[0].status.as_ref().expect("a status");
            assert_eq!(Code::from(status.code), Code::InvalidArgument, "{status:?}");
        }
    }
}

fn empty_batches_are_answered(peer: &Peer) {
    assert_eq!(peer.update(&[]).unwrap(), []);
    assert!(peer.read_batch(&[], &[]).unwrap().is_empty());
}

fn limit(peer: &Peer) -> usize {
    let cache = peer.capabilities().unwrap().cache_capabilities.unwrap();
    usize::try_from(cache.max_batch_total_size_bytes).expect("a size")
}

fn a_batch_of_the_limit_is_written_and_read(peer: &Peer) {
    let blob = blob(peer, fresh(limit(peer)));
    assert_eq!(peer.update(std::slice::from_ref(&blob)).unwrap(), [Code::Ok]);
    let answers = peer.read_batch(&[blob.0], &[]).unwrap();
    assert!(answers[0].data == blob.1, "other bytes");
}

fn a_larger_batch_is_not_written(peer: &Peer) {
    let limit = limit(peer);
    let blobs = [blob(peer, fresh(limit / 2)), blob(peer, fresh(limit - limit / 2 + 1))];
    refused(peer.update(&blobs), Code::InvalidArgument);
}

fn a_larger_batch_is_not_read(peer: &Peer) {
    let limit = limit(peer);
    let digests = [peer.put(&fresh(limit / 2)), peer.put(&fresh(limit - limit / 2 + 1))];
    refused(peer.read_batch(&digests, &[]), Code::InvalidArgument);
}

fn compressed(digest: reapi::Digest, data: impl Into<Bytes>) -> Update {
    Update {
        digest: Some(digest),
        data: data.into(),
        compressor: Zstd.into(),
    }
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 0).expect("compressed")
}

fn a_compressed_blob_is_stored_plain(peer: &Peer) {
    let bytes = fresh(1000).repeat(20);
    let update = compressed(peer.digest(&bytes), pack(&bytes));
    assert_eq!(peer.update_batch(vec![update]).unwrap(), [Code::Ok]);
    assert!(peer.get(&peer.digest(&bytes)) == bytes, "other bytes");
}

fn a_blob_that_does_not_decompress_is_refused(peer: &Peer) {
    let digest = peer.digest(&fresh(1000));
    let codes = peer
        .update_batch(vec![compressed(digest.clone(), fresh(1000))])
        .unwrap();
    assert_eq!(codes, [Code::InvalidArgument]);
    assert!(!peer.has(&digest));
}

fn a_compressed_blob_of_another_digest_is_refused(peer: &Peer) {
    let digest = peer.digest(&fresh(1000));
    let codes = peer
        .update_batch(vec![compressed(digest.clone(), pack(&fresh(1000)))])
        .unwrap();
    assert_eq!(codes, [Code::InvalidArgument]);
    assert!(!peer.has(&digest));
}

fn whoever_takes_zstd_gets_the_same_blob(peer: &Peer) {
    let bytes = fresh(1000).repeat(20);
    let digest = peer.put(&bytes);
    let answers = peer.read_batch(&[digest], &[Zstd]).unwrap();
    let data = match answers[0].compressor() {
        Zstd => zstd::stream::decode_all(&*answers[0].data).expect("zstd"),
        _ => answers[0].data.to_vec(),
    };
    assert!(data == bytes, "other bytes");
}
