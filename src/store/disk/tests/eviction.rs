//! The bound, and who goes when it is passed.

use super::*;

#[test]
fn what_was_used_longest_ago_goes_first() {
    let (store, _dir) = store(10 * BLOCK);
    let digests: Vec<_> = (0..10).map(|n| store.put_bytes(&[n; 100]).unwrap()).collect();
    assert_eq!(store.missing(&digests).unwrap(), [], "ten fit");
    for (hours, digest) in (2..).zip(&digests) {
        store.use_long_ago(*digest, Duration::from_hours(hours));
    }
    // The oldest, number 9, is used again.
    let mut open = store.blob(digests[7]).unwrap().unwrap();
    store.use_long_ago(digests[7], Duration::from_hours(9));
    assert!(store.contains(digests[9]).unwrap());

    let new = store.put_bytes(b"one too many").unwrap();
    let gone: Vec<_> = digests
        .iter()
        .filter(|digest| !store.blob_path(**digest).exists())
        .collect();
    assert_eq!(gone, [&digests[6], &digests[7], &digests[8]], "down to eight");
    assert!(store.contains(new).unwrap());
    assert_eq!(store.ledger(), Some(8 * BLOCK));

    let mut content = Vec::new();
    open.read_to_end(&mut content).unwrap();
    assert_eq!(content, [7; 100], "who has it open can still read it");
}

#[test]
fn results_are_evicted_by_their_own_use() {
    let (store, _dir) = store(4 * BLOCK);
    let action = Digest::of(b"action");
    store.put_action_result(action, &ActionResult::default()).unwrap();
    let file = File::open(store.result_path(action)).unwrap();
    file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    for n in 0..4 {
        store.put_bytes(&[n]).unwrap();
    }
    assert!(store.action_result(action).unwrap().is_none());
    assert_eq!(
        store.usage().unwrap(),
        Usage {
            blobs: 3,
            bytes: 3,
            results: 0
        }
    );
}

#[test]
fn a_use_is_noted_once_an_hour() {
    let (store, _dir) = store(0);
    let digest = store.put_bytes(b"content").unwrap();
    let uses: [fn(&DiskStore, Digest); 4] = [
        |store, digest| assert!(store.blob(digest).unwrap().is_some()),
        |store, digest| assert!(store.read(digest).unwrap().is_some()),
        |store, digest| assert!(store.contains(digest).unwrap()),
        |store, _| assert!(store.put_bytes(b"content").is_ok()),
    ];
    for use_it in uses {
        store.use_long_ago(digest, Duration::from_mins(59));
        let before = store.last_use(digest);
        use_it(&store, digest);
        assert_eq!(store.last_use(digest), before, "a hit writes nothing");

        store.use_long_ago(digest, Duration::from_mins(61));
        use_it(&store, digest);
        assert!(store.last_use(digest) > before, "but an old use is replaced");
    }
}

#[test]
fn the_size_is_the_same_for_all_and_survives_garbage() {
    let (first, dir) = store(100 * BLOCK);
    let second = reopened(&dir, 100 * BLOCK);
    for n in 0..10 {
        first.put_bytes(&[n]).unwrap();
        second.put_bytes(&[n, n]).unwrap();
    }
    assert_eq!(first.ledger(), Some(20 * BLOCK));
    for garbage in [&b""[..], b"\xff\xfe", b"many", b"-1\n"] {
        std::fs::write(first.dir().join("size"), garbage).unwrap();
        let digest = first.put_bytes(b"another").unwrap();
        assert_eq!(first.ledger(), Some(21 * BLOCK), "{garbage:?}");
        std::fs::remove_file(first.blob_path(digest)).unwrap();
    }
}

#[test]
fn what_was_not_written_down_is_when_the_store_is_closed() {
    let (first, dir) = store(1 << 30);
    first.put_bytes(&vec![0; 3 << 20]).unwrap();
    let written = first.ledger();
    first.put_bytes(b"small").unwrap();
    assert_eq!(first.ledger(), written, "a small put writes nothing here");
    drop(first);
    let again = reopened(&dir, 1 << 30);
    assert_eq!(again.ledger(), written.map(|size| size + BLOCK));
}

#[test]
fn what_is_larger_than_the_bound_is_refused() {
    let (store, dir) = store(10 * BLOCK);
    let small = store.put_bytes(b"small").unwrap();
    let large = vec![0; 50_000];
    let file = dir.path().join("large");
    std::fs::write(&file, &large).unwrap();
    for answer in [store.put_bytes(&large), store.put_file(&File::open(&file).unwrap())] {
        let error = answer.unwrap_err().to_string();
        let path = store.dir().display();
        assert_eq!(
            error,
            format!("cannot keep 50000 bytes in `{path}`, whose bound is 40960")
        );
    }
    assert!(store.contains(small).unwrap());
}
