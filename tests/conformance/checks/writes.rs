//! ByteStream.Write of plain blobs, and QueryWriteStatus.

use super::refused;
use crate::check::checks;
use crate::peer::blobs::write_requests;
use crate::peer::{Peer, code, fresh};
use rewrap::pb::bytestream::WriteRequest;
use rewrap::pb::reapi;
use std::time::Duration;
use tonic::Code;

checks! {
    Nothing: a_blob_is_written_in_pieces, a_blob_is_written_in_one_piece, the_empty_blob_is_written,
        what_is_committed_is_the_size, what_is_there_is_committed_at_once, a_name_may_end_in_metadata,
        every_message_may_have_the_name, another_name_within_a_stream_is_refused, another_digest_is_refused,
        too_few_bytes_are_refused, too_many_bytes_are_refused, a_gap_is_refused, a_name_of_no_upload_is_refused,
        nothing_after_the_end_is_wanted, an_interrupted_upload_goes_on, an_interrupted_upload_is_not_stored,
        a_finished_upload_is_complete, an_upload_that_never_began_has_nothing, a_beginning_is_not_yet_complete,
        many_write_the_same_blob_at_once, an_upload_that_stalls_stops_nobody;
}

fn upload(peer: &Peer, bytes: &[u8]) -> (reapi::Digest, Vec<WriteRequest>) {
    let digest = peer.digest(bytes);
    let requests = write_requests(&peer.upload_name(&digest), 0, bytes);
    (digest, requests)
}

fn a_blob_is_written_in_pieces(peer: &Peer) {
    let bytes = fresh(3_000_001);
    let (digest, requests) = upload(peer, &bytes);
    peer.write(requests).unwrap();
    assert!(peer.get(&digest) == bytes, "other bytes");
}

fn a_blob_is_written_in_one_piece(peer: &Peer) {
    let bytes = fresh(1000);
    let (digest, requests) = upload(peer, &bytes);
    assert_eq!(requests.len(), 1);
    peer.write(requests).unwrap();
    assert!(peer.get(&digest) == bytes, "other bytes");
}

fn the_empty_blob_is_written(peer: &Peer) {
    let (_, requests) = upload(peer, b"");
    assert_eq!(peer.write(requests).unwrap().committed_size, 0);
}

fn what_is_committed_is_the_size(peer: &Peer) {
    let (_, requests) = upload(peer, &fresh(100_000));
    assert_eq!(peer.write(requests).unwrap().committed_size, 100_000);
}

fn what_is_there_is_committed_at_once(peer: &Peer) {
    let bytes = fresh(2_000_000);
    peer.put(&bytes);
    let (_, mut requests) = upload(peer, &bytes);
    // A client that sees the answer stops sending: the rest never comes.
    requests.truncate(1);
    assert_eq!(peer.write(requests).unwrap().committed_size, 2_000_000);
}

fn a_name_may_end_in_metadata(peer: &Peer) {
    let (digest, mut requests) = upload(peer, &fresh(100));
    requests[0].resource_name.push_str("/some/name.o");
    peer.write(requests).unwrap();
    assert!(peer.has(&digest));
}

fn every_message_may_have_the_name(peer: &Peer) {
    let (digest, mut requests) = upload(peer, &fresh(200_000));
    let name = requests[0].resource_name.clone();
    requests
        .iter_mut()
        .for_each(|request| request.resource_name.clone_from(&name));
    peer.write(requests).unwrap();
    assert!(peer.has(&digest));
}

fn another_name_within_a_stream_is_refused(peer: &Peer) {
    let (digest, mut requests) = upload(peer, &fresh(200_000));
    requests[1].resource_name = peer.upload_name(&peer.digest(&fresh(1)));
    refused(peer.write(requests), Code::InvalidArgument);
    assert!(!peer.has(&digest));
}

/// An upload of 200,000 bytes, after a change, must be refused, and nothing be stored.
fn changed(peer: &Peer, change: impl FnOnce(&mut Vec<WriteRequest>)) {
    let (digest, mut requests) = upload(peer, &fresh(200_000));
    change(&mut requests);
    refused(peer.write(requests), Code::InvalidArgument);
    assert!(!peer.has(&digest));
}

fn another_digest_is_refused(peer: &Peer) {
    changed(peer, |requests| {
        let length = requests[1].data.len();
        requests[1].data = fresh(length).into();
    });
}

fn too_few_bytes_are_refused(peer: &Peer) {
    changed(peer, |requests| {
        let last = requests.last_mut().expect("several");
        last.data = last.data.slice(1..);
    });
}

fn too_many_bytes_are_refused(peer: &Peer) {
    changed(peer, |requests| {
        let last = requests.last_mut().expect("several");
        last.data = [last.data.as_ref(), b"more"].concat().into();
    });
}

fn a_gap_is_refused(peer: &Peer) {
    changed(peer, |requests| requests[2].write_offset += 1);
}

fn a_name_of_no_upload_is_refused(peer: &Peer) {
    let bytes = fresh(10);
    let good = peer.upload_name(&peer.digest(&bytes));
    for name in [
        String::new(),
        peer.blob_name(&peer.digest(&bytes)),
        good.replace("blobs", "bobs"),
        good.replace("/10", "/-10"),
        good.replace("/10", ""),
    ] {
        refused(peer.write(write_requests(&name, 0, &bytes)), Code::InvalidArgument);
    }
}

fn nothing_after_the_end_is_wanted(peer: &Peer) {
    let (_, mut requests) = upload(peer, &fresh(200_000));
    requests[0].finish_write = true;
    let answer = peer.write(requests);
    assert_eq!(code(&answer), Code::InvalidArgument, "{answer:?}");
}

/// Begins an upload of these bytes and breaks off; its name.
fn begun(peer: &Peer, bytes: &[u8]) -> String {
    let name = peer.upload_name(&peer.digest(bytes));
    let mut requests = write_requests(&name, 0, bytes);
    requests.truncate(requests.len() / 2);
    // The stream ends without a word on whether that was all. Whatever is answered.
    peer.write(requests).ok();
    name
}

fn an_interrupted_upload_goes_on(peer: &Peer) {
    let bytes = fresh(1_000_000);
    let name = begun(peer, &bytes);
    let committed = peer.write_status(&name).map_or(0, |status| status.committed_size);
    let committed = usize::try_from(committed).expect("a size");
    assert!(committed > 0, "nothing is kept of what was sent");
    let rest = write_requests(&name, committed, &bytes[committed..]);
    assert_eq!(peer.write(rest).unwrap().committed_size, 1_000_000);
    assert!(peer.get(&peer.digest(&bytes)) == bytes, "other bytes");
}

fn an_interrupted_upload_is_not_stored(peer: &Peer) {
    let bytes = fresh(1_000_000);
    begun(peer, &bytes);
    assert!(!peer.has(&peer.digest(&bytes)));
}

fn a_finished_upload_is_complete(peer: &Peer) {
    let (_, requests) = upload(peer, &fresh(100_000));
    let name = requests[0].resource_name.clone();
    peer.write(requests).unwrap();
    let status = peer.write_status(&name).unwrap();
    assert_eq!((status.committed_size, status.complete), (100_000, true));
}

fn an_upload_that_never_began_has_nothing(peer: &Peer) {
    let name = peer.upload_name(&peer.digest(&fresh(100)));
    match peer.write_status(&name) {
        Ok(status) => assert_eq!((status.committed_size, status.complete), (0, false)),
        Err(status) => assert_eq!(status.code(), Code::NotFound, "{status:?}"),
    }
}

fn a_beginning_is_not_yet_complete(peer: &Peer) {
    let name = begun(peer, &fresh(1_000_000));
    match peer.write_status(&name) {
        Ok(status) => assert!(!status.complete && status.committed_size < 1_000_000, "{status:?}"),
        Err(status) => assert_eq!(status.code(), Code::NotFound, "{status:?}"),
    }
}

fn many_write_the_same_blob_at_once(peer: &Peer) {
    let bytes = fresh(1_000_000);
    std::thread::scope(|threads| {
        let write = || {
            let (_, requests) = upload(peer, &bytes);
            peer.write(requests).map(|answer| answer.committed_size)
        };
        let writers: Vec<_> = (0..16).map(|_| threads.spawn(write)).collect();
        for writer in writers {
            assert_eq!(writer.join().expect("written").unwrap(), 1_000_000);
        }
    });
    assert!(peer.get(&peer.digest(&bytes)) == bytes, "other bytes");
}

fn an_upload_that_stalls_stops_nobody(peer: &Peer) {
    let bytes = fresh(200_000);
    let (digest, requests) = upload(peer, &bytes);
    let first = tokio_stream::iter(requests.into_iter().take(1));
    let stalled = tokio_stream::StreamExt::chain(first, tokio_stream::pending());
    let impatient = peer.with_patience(Duration::from_millis(500));
    let answer = impatient.wait(peer.bytestream().write(stalled));
    assert_eq!(code(&answer), Code::DeadlineExceeded, "answered what is not at its end");
    // The client has gone away; somebody else uploads the same.
    let (_, requests) = upload(peer, &bytes);
    assert_eq!(peer.write(requests).unwrap().committed_size, 200_000);
    assert!(peer.has(&digest));
}
