//! ByteStream with `compressed-blobs/zstd`.

use super::refused;
use crate::check::checks;
use crate::peer::blobs::write_requests;
use crate::peer::{Peer, fresh};
use tonic::Code;

checks! {
    Zstd: a_compressed_upload_is_read_plain, a_plain_upload_is_read_compressed, the_empty_blob_is_read_compressed,
        the_empty_blob_is_written_compressed, an_offset_is_one_of_the_plain_bytes, a_limit_of_a_compressed_read_is_refused,
        several_frames_are_one_blob, empty_and_skippable_frames_hold_nothing, what_is_there_is_committed_at_once_compressed,
        an_absent_blob_is_not_found_compressed, what_does_not_decompress_is_refused,
        a_compressed_upload_of_another_digest_is_refused, a_frame_that_is_cut_off_is_refused, a_bomb_is_refused,
        an_unknown_compressor_is_refused;
}

/// Half of it compresses well.
fn sample(length: usize) -> Vec<u8> {
    let mut bytes = fresh(length / 2);
    bytes.resize(length, b'x');
    bytes
}

fn pack(bytes: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(bytes, 0).expect("compressed")
}

/// Uploads this stream as the compressed form of these bytes.
fn write(peer: &Peer, bytes: &[u8], stream: &[u8]) -> Result<i64, tonic::Status> {
    let name = peer.zstd_upload_name(&peer.digest(bytes));
    peer.write(write_requests(&name, 0, stream))
        .map(|answer| answer.committed_size)
}

fn read(peer: &Peer, bytes: &[u8], offset: i64, limit: i64) -> Result<Vec<u8>, tonic::Status> {
    let stream = peer.read(&peer.zstd_name(&peer.digest(bytes)), offset, limit)?;
    Ok(zstd::stream::decode_all(stream.as_slice()).expect("zstd"))
}

fn stored(peer: &Peer, bytes: &[u8], stream: &[u8]) {
    write(peer, bytes, stream).unwrap();
    assert!(peer.get(&peer.digest(bytes)) == bytes, "other bytes");
}

fn not_stored(peer: &Peer, bytes: &[u8], stream: &[u8]) {
    refused(write(peer, bytes, stream), Code::InvalidArgument);
    assert!(!peer.has(&peer.digest(bytes)));
}

fn a_compressed_upload_is_read_plain(peer: &Peer) {
    let bytes = sample(3_000_000);
    stored(peer, &bytes, &pack(&bytes));
}

fn a_plain_upload_is_read_compressed(peer: &Peer) {
    for length in [10, 3_000_000] {
        let bytes = sample(length);
        peer.put(&bytes);
        assert!(read(peer, &bytes, 0, 0).unwrap() == bytes, "other bytes");
    }
}

fn the_empty_blob_is_read_compressed(peer: &Peer) {
    assert!(read(peer, b"", 0, 0).unwrap().is_empty());
}

fn the_empty_blob_is_written_compressed(peer: &Peer) {
    write(peer, b"", &pack(b"")).unwrap();
}

fn an_offset_is_one_of_the_plain_bytes(peer: &Peer) {
    let bytes = sample(300_000);
    peer.put(&bytes);
    assert!(
        read(peer, &bytes, 100_000, 0).unwrap() == bytes[100_000..],
        "other bytes"
    );
}

fn a_limit_of_a_compressed_read_is_refused(peer: &Peer) {
    let bytes = sample(1000);
    peer.put(&bytes);
    refused(read(peer, &bytes, 0, 10), Code::InvalidArgument);
}

fn several_frames_are_one_blob(peer: &Peer) {
    let bytes = sample(300_000);
    let (one, other) = bytes.split_at(100_000);
    stored(peer, &bytes, &[pack(one), pack(other)].concat());
}

fn empty_and_skippable_frames_hold_nothing(peer: &Peer) {
    let bytes = sample(300_000);
    // RFC 8878, 3.1.2: a magic number of a range, a length, and what nobody reads.
    let skippable = [0x50, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 1, 2, 3, 4];
    stored(
        peer,
        &bytes,
        &[&skippable, &*pack(b""), &*pack(&bytes), &skippable].concat(),
    );
}

fn what_is_there_is_committed_at_once_compressed(peer: &Peer) {
    let bytes = fresh(2_000_000);
    peer.put(&bytes);
    let name = peer.zstd_upload_name(&peer.digest(&bytes));
    let mut requests = write_requests(&name, 0, &pack(&bytes));
    requests.truncate(1);
    assert_eq!(peer.write(requests).unwrap().committed_size, -1);
}

fn an_absent_blob_is_not_found_compressed(peer: &Peer) {
    refused(read(peer, &fresh(100), 0, 0), Code::NotFound);
}

fn what_does_not_decompress_is_refused(peer: &Peer) {
    not_stored(peer, &fresh(1000), &fresh(1000));
}

fn a_compressed_upload_of_another_digest_is_refused(peer: &Peer) {
    not_stored(peer, &sample(1000), &pack(&sample(1000)));
}

fn a_frame_that_is_cut_off_is_refused(peer: &Peer) {
    let bytes = sample(300_000);
    let stream = pack(&bytes);
    not_stored(peer, &bytes, &stream[..stream.len() - 5]);
}

fn a_bomb_is_refused(peer: &Peer) {
    // 1 GiB that is said to be a thousand bytes.
    let zeros = vec![0; 64 << 20];
    not_stored(peer, &fresh(1000), &pack(&zeros).repeat(16));
}

fn an_unknown_compressor_is_refused(peer: &Peer) {
    let bytes = fresh(100);
    let name = peer.zstd_name(&peer.put(&bytes)).replace("zstd", "zip");
    refused(peer.read(&name, 0, 0), Code::InvalidArgument);
}
