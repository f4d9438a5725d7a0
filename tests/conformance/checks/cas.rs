//! FindMissingBlobs.

use super::refused;
use crate::check::checks;
use crate::peer::{Peer, code, fresh};
use rewrap::pb::reapi;
use std::collections::BTreeSet;
use tonic::Code;

checks! {
    Nothing: what_is_stored_is_not_missing, exactly_what_is_absent_is_missing, what_is_asked_twice_is_told,
        nothing_asked_is_nothing_missing, the_empty_blob_is_always_there, another_size_is_another_blob,
        ten_thousand_can_be_asked_at_once, a_short_hash_is_refused, an_upper_case_hash_is_refused,
        a_negative_size_is_refused, an_unknown_function_is_refused, the_two_functions_are_two_name_spaces;
}

fn names(digests: &[reapi::Digest]) -> BTreeSet<&str> {
    digests.iter().map(|digest| digest.hash.as_str()).collect()
}

fn what_is_stored_is_not_missing(peer: &Peer) {
    let digest = peer.put(&fresh(1000));
    assert_eq!(peer.missing(&[digest]).unwrap(), []);
}

fn exactly_what_is_absent_is_missing(peer: &Peer) {
    let stored = [peer.put(&fresh(10)), peer.put(&fresh(100_000))];
    let absent = [peer.digest(&fresh(10)), peer.digest(&fresh(100_000))];
    let asked = [&stored[0], &absent[0], &stored[1], &absent[1]].map(Clone::clone);
    let missing = peer.missing(&asked).unwrap();
    assert_eq!(names(&missing), names(&absent));
}

fn what_is_asked_twice_is_told(peer: &Peer) {
    let (stored, absent) = (peer.put(&fresh(10)), peer.digest(&fresh(10)));
    let asked = [&absent, &stored, &absent, &stored, &absent].map(Clone::clone);
    // Once or thrice: servers differ and may.
    let missing = peer.missing(&asked).unwrap();
    assert_eq!(names(&missing), names(&[absent]));
}

fn nothing_asked_is_nothing_missing(peer: &Peer) {
    assert_eq!(peer.missing(&[]).unwrap(), []);
}

fn the_empty_blob_is_always_there(peer: &Peer) {
    assert_eq!(peer.missing(&[peer.digest(b"")]).unwrap(), []);
}

fn another_size_is_another_blob(peer: &Peer) {
    let mut digest = peer.put(&fresh(1000));
    digest.size_bytes += 1;
    assert_eq!(peer.missing(std::slice::from_ref(&digest)).unwrap(), [digest]);
}

fn ten_thousand_can_be_asked_at_once(peer: &Peer) {
    let stored = peer.put(&fresh(10));
    let mut asked: Vec<_> = (0..10_000).map(|_| peer.digest(&fresh(16))).collect();
    asked.insert(5000, stored);
    assert_eq!(peer.missing(&asked).unwrap().len(), 10_000);
}

fn malformed(peer: &Peer, change: impl FnOnce(&mut reapi::Digest)) {
    let mut digest = peer.digest(&fresh(10));
    change(&mut digest);
    refused(peer.missing(&[digest]), Code::InvalidArgument);
}

fn a_short_hash_is_refused(peer: &Peer) {
    malformed(peer, |digest| digest.hash.truncate(10));
}

fn an_upper_case_hash_is_refused(peer: &Peer) {
    malformed(peer, |digest| digest.hash = digest.hash.replacen(|_| true, "A", 1));
}

fn a_negative_size_is_refused(peer: &Peer) {
    malformed(peer, |digest| digest.size_bytes = -1);
}

fn an_unknown_function_is_refused(peer: &Peer) {
    let request = reapi::FindMissingBlobsRequest {
        instance_name: peer.instance.clone(),
        blob_digests: vec![peer.digest(b"x")],
        digest_function: 1000,
    };
    refused(peer.wait(peer.cas().find_missing_blobs(request)), Code::InvalidArgument);
}

fn the_two_functions_are_two_name_spaces(peer: &Peer) {
    use rewrap::digest::Function;
    let other = peer.of_function(match peer.function {
        Function::Sha256 => Function::Blake3,
        Function::Blake3 => Function::Sha256,
    });
    let digest = peer.put(&fresh(100));
    // A server that knows only one of them may refuse the other.
    let answer = other.missing(std::slice::from_ref(&digest));
    match code(&answer) {
        Code::Ok => assert_eq!(answer.unwrap(), [digest]),
        refusal => assert_eq!(refusal, Code::InvalidArgument),
    }
}
