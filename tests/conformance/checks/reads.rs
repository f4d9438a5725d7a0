//! ByteStream.Read of plain blobs.

use super::refused;
use crate::check::checks;
use crate::peer::blobs::names_of;
use crate::peer::{Peer, fresh};
use rewrap::pb::bytestream::ReadRequest;
use tonic::Code;

checks! {
    Nothing: a_blob_is_read_whole, the_empty_blob_is_read, a_read_begins_at_its_offset, a_read_ends_at_its_limit,
        a_limit_beyond_the_end_is_none, a_read_at_the_end_is_empty, a_read_beyond_the_end_is_out_of_range,
        a_negative_offset_is_refused, a_negative_limit_is_refused, an_absent_blob_is_not_found,
        a_name_that_is_none_is_refused, a_name_of_a_malformed_digest_is_refused, a_name_of_another_size_is_not_found,
        messages_of_a_large_blob_fit_the_usual_limit, many_read_at_once;
}

fn offset(value: usize) -> i64 {
    i64::try_from(value).expect("an offset")
}

fn a_blob_is_read_whole(peer: &Peer) {
    for length in [1, 65_536, 1_000_003] {
        let bytes = fresh(length);
        let digest = peer.put(&bytes);
        assert!(peer.get(&digest) == bytes, "other bytes");
    }
}

fn the_empty_blob_is_read(peer: &Peer) {
    let name = peer.blob_name(&peer.digest(b""));
    assert!(peer.read(&name, 0, 0).unwrap().is_empty());
}

/// Reads a part of a blob of 200,000 bytes; which part is expected.
fn part(peer: &Peer, from: usize, limit: usize, expected: std::ops::Range<usize>) {
    let bytes = fresh(200_000);
    let name = peer.blob_name(&peer.put(&bytes));
    let read = peer.read(&name, offset(from), offset(limit)).unwrap();
    assert_eq!(read.len(), expected.len());
    assert!(read == bytes[expected], "other bytes");
}

fn a_read_begins_at_its_offset(peer: &Peer) {
    part(peer, 70_001, 0, 70_001..200_000);
}

fn a_read_ends_at_its_limit(peer: &Peer) {
    part(peer, 0, 100, 0..100);
    part(peer, 70_001, 100_000, 70_001..170_001);
}

fn a_limit_beyond_the_end_is_none(peer: &Peer) {
    part(peer, 100, 1_000_000, 100..200_000);
}

fn a_read_at_the_end_is_empty(peer: &Peer) {
    part(peer, 200_000, 0, 200_000..200_000);
}

fn a_read_beyond_the_end_is_out_of_range(peer: &Peer) {
    let name = peer.blob_name(&peer.put(&fresh(100)));
    refused(peer.read(&name, 101, 0), Code::OutOfRange);
}

fn a_negative_offset_is_refused(peer: &Peer) {
    let name = peer.blob_name(&peer.put(&fresh(100)));
    let status = peer.read(&name, -1, 0).expect_err("-1 is no offset");
    // The protocol says the one, servers of it also the other.
    let sensible = [Code::OutOfRange, Code::InvalidArgument];
    assert!(sensible.contains(&status.code()), "{status:?}");
}

fn a_negative_limit_is_refused(peer: &Peer) {
    let name = peer.blob_name(&peer.put(&fresh(100)));
    refused(peer.read(&name, 0, -1), Code::InvalidArgument);
}

fn an_absent_blob_is_not_found(peer: &Peer) {
    let name = peer.blob_name(&peer.digest(&fresh(100)));
    refused(peer.read(&name, 0, 0), Code::NotFound);
}

fn a_name_that_is_none_is_refused(peer: &Peer) {
    for name in ["", "blobs", "nothing/of/the/kind", "blobs//10"] {
        refused(peer.read(name, 0, 0), Code::InvalidArgument);
    }
}

fn a_name_of_a_malformed_digest_is_refused(peer: &Peer) {
    let good = peer.blob_name(&peer.put(b"x"));
    for name in [
        good.to_uppercase()
            .replacen("BLOBS", "blobs", 1)
            .replacen("BLAKE3", "blake3", 1),
        good.replacen("/1", "/-1", 1),
        good.replacen("/1", "/one", 1),
        good.replacen("/1", "/99999999999999999999", 1),
        format!("blobs/../{}", names_of(peer.function, &peer.digest(b"x"))),
    ] {
        if name != good {
            refused(peer.read(&name, 0, 0), Code::InvalidArgument);
        }
    }
}

fn a_name_of_another_size_is_not_found(peer: &Peer) {
    let mut digest = peer.put(&fresh(100));
    digest.size_bytes = 99;
    refused(peer.read(&peer.blob_name(&digest), 0, 0), Code::NotFound);
}

fn messages_of_a_large_blob_fit_the_usual_limit(peer: &Peer) {
    let bytes = fresh(20 << 20);
    let request = ReadRequest {
        resource_name: peer.blob_name(&peer.put(&bytes)),
        ..Default::default()
    };
    let (mut at, mut messages) = (0, 0);
    let read = peer.wait(async {
        // It takes messages up to 4 MiB, as every client does unless told otherwise.
        let mut stream = peer.bytestream().read(request).await?.into_inner();
        while let Some(message) = stream.message().await? {
            assert!(bytes[at..].starts_with(&message.data), "other bytes");
            at += message.data.len();
            messages += 1;
        }
        Ok(())
    });
    read.unwrap();
    assert_eq!(at, bytes.len());
    assert!(messages > 5);
}

fn many_read_at_once(peer: &Peer) {
    let bytes = fresh(500_000);
    let digest = peer.put(&bytes);
    std::thread::scope(|threads| {
        let readers: Vec<_> = (0..32).map(|_| threads.spawn(|| peer.get(&digest) == bytes)).collect();
        assert!(readers.into_iter().all(|reader| reader.join().expect("read")));
    });
}
