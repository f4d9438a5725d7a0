//! Blobs in pieces, and blobs that are pinned.

use super::*;
use proptest::prelude::*;

fn arrive(store: &DiskStore, digest: Digest, pieces: &[&[u8]]) -> Result<(), StoreError> {
    let mut incoming = store.incoming(digest)?;
    for piece in pieces {
        incoming.write(piece)?;
    }
    incoming.finish()
}

#[test]
fn a_blob_that_comes_in_pieces_is_kept() {
    let (store, _dir) = store(0);
    for function in Function::ALL {
        let digest = function.digest(b"in pieces");
        arrive(&store, digest, &[b"in", b"", b" piec", b"es"]).unwrap();
        assert_eq!(store.read(digest).unwrap().unwrap(), &b"in pieces"[..]);
        arrive(&store, digest, &[b"in pieces"]).unwrap();
    }
    arrive(&store, Digest::empty(), &[]).unwrap();
    assert_eq!(store.drafts(), 0);
}

#[test]
fn what_is_not_the_blob_is_refused_and_leaves_nothing() {
    let (store, _dir) = store(0);
    let digest = Digest::of(b"right");
    let refused: [(&[&[u8]], &[u8]); 5] = [
        (&[], b""),
        (&[b"rig"], b"rig"),
        (&[b"wrong"], b"wrong"),
        (&[b"right", b"!"], b"right!"),
        (&[b"right and more"], b"right and more"),
    ];
    for (pieces, content) in refused {
        let error = arrive(&store, digest, pieces).unwrap_err();
        let as_expected = matches!(error, StoreError::Corrupt { expected, actual }
            if expected == digest && actual == Digest::of(content));
        assert!(as_expected, "{content:?}: {error}");
    }
    assert_eq!(store.usage().unwrap(), Usage::default());
    drop(store.incoming(digest).unwrap());
    assert_eq!(store.drafts(), 0);
}

#[test]
fn what_can_never_be_kept_is_refused_before_it_comes() {
    let (store, _dir) = store(10 * BLOCK);
    let digest = Digest::from_parts([0; 32], 10 * BLOCK + 1);
    let error = store.incoming(digest).unwrap_err();
    assert!(matches!(error, StoreError::Io { source, .. } if source.kind() == ErrorKind::FileTooLarge));
}

#[test]
fn a_pinned_blob_is_not_evicted() {
    let (store, _dir) = store(10 * BLOCK);
    let digests: Vec<_> = (0..10).map(|n| store.put_bytes(&[n; 100]).unwrap()).collect();
    for (hours, digest) in (2..).zip(&digests) {
        store.use_long_ago(*digest, Duration::from_hours(hours));
    }
    let pins = store.pin(&digests[8..]);
    let again = store.pin(&digests[9..]);
    drop(pins);
    store.put_bytes(b"one too many").unwrap();
    let is_gone = |digest: &&Digest| !store.blob_path(**digest).exists();
    let gone: Vec<_> = digests.iter().filter(is_gone).collect();
    assert_eq!(gone, [&digests[6], &digests[7], &digests[8]], "not the oldest one");
    assert_eq!(store.ledger(), Some(8 * BLOCK));

    drop(again);
    for n in 0..3 {
        store.put_bytes(&[n; 101]).unwrap();
    }
    assert!(is_gone(&&digests[9]), "when its last pin is gone, it goes");
}

#[test]
fn more_may_be_pinned_than_the_bound() {
    let (store, _dir) = store(4 * BLOCK);
    let contents: Vec<[u8; 1]> = (0..9).map(|n| [n]).collect();
    let digests: Vec<_> = contents.iter().map(|content| Digest::of(content)).collect();
    let pins = store.pin(&digests);
    for content in &contents {
        store.put_bytes(content).unwrap();
    }
    assert_eq!(store.missing(&digests).unwrap(), []);
    drop(pins);
    store.put_bytes(b"another").unwrap();
    assert!(store.ledger().unwrap() <= 4 * BLOCK);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn pieces_make_the_blob_however_they_are_cut(content: Vec<u8>, cuts: Vec<prop::sample::Index>, blake3: bool) {
        let function = if blake3 { Function::Blake3 } else { Function::Sha256 };
        let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(content.len() + 1)).collect();
        cuts.extend([0, content.len()]);
        cuts.sort_unstable();
        let pieces: Vec<_> = cuts.windows(2).map(|cut| &content[cut[0]..cut[1]]).collect();
        let (store, _dir) = store(0);
        let digest = function.digest(&content);
        arrive(&store, digest, &pieces).unwrap();
        prop_assert_eq!(store.read(digest).unwrap().unwrap(), content);
    }
}
