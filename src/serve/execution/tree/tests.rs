use super::*;
use std::collections::BTreeSet;

struct Store {
    _dir: tempfile::TempDir,
    store: DiskStore,
}

impl Store {
    fn new() -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let store = DiskStore::open(dir.path(), 0).expect("a store");
        Self { _dir: dir, store }
    }

    fn put(&self, message: &reapi::Directory) -> Digest {
        self.store
            .put_bytes(&prost::Message::encode_to_vec(message))
            .expect("a store")
    }
}

fn file(name: &str) -> reapi::Directory {
    reapi::Directory {
        files: vec![reapi::FileNode {
            name: name.to_owned(),
            digest: Some(Digest::of(name.as_bytes()).into()),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn link(name: &str, target: &str) -> reapi::Directory {
    reapi::Directory {
        symlinks: vec![reapi::SymlinkNode {
            name: name.to_owned(),
            target: target.to_owned(),
            ..Default::default()
        }],
        ..Default::default()
    }
}

/// A directory that holds another one under each name.
fn holding(names: &[&str], digest: Digest) -> reapi::Directory {
    let node = |name: &&str| reapi::DirectoryNode {
        name: (*name).to_owned(),
        digest: Some(digest.into()),
    };
    reapi::Directory {
        directories: names.iter().map(node).collect(),
        ..Default::default()
    }
}

/// `levels` directories one in the other, each under every one of `names`; a file in the innermost.
fn nested(store: &Store, levels: usize, names: &[&str]) -> Digest {
    (1..levels).fold(store.put(&file("leaf")), |below, _| store.put(&holding(names, below)))
}

#[test]
fn every_blob_is_named_once_whether_it_is_there_or_not() {
    let store = Store::new();
    let leaf = store.put(&file("a"));
    let root = store.put(&holding(&["x", "y"], leaf));
    let found = blobs(&store.store, root).expect("a tree");
    let expected = BTreeSet::from([root, leaf, Digest::of(b"a")]);
    assert_eq!(found.len(), 3);
    assert_eq!(BTreeSet::from_iter(found), expected);
    let lost = Digest::of(b"lost");
    let root = store.put(&holding(&["x"], lost));
    assert_eq!(
        BTreeSet::from_iter(blobs(&store.store, root).expect("a tree")),
        BTreeSet::from([root, lost])
    );
    assert_eq!(blobs(&store.store, lost).expect("a tree"), [lost]);
    assert_eq!(blobs(&store.store, Digest::empty()).expect("a tree"), [Digest::empty()]);
}

#[test]
fn hostile_trees_are_refused() {
    let store = Store::new();
    let check = |what: &str, root: Digest, expected: Option<&str>| {
        let refused = blobs(&store.store, root).err().map(|refusal| refusal.to_string());
        match (refused, expected) {
            (None, None) => {}
            (Some(refused), Some(expected)) if refused.contains(expected) => {}
            (refused, _) => panic!("{what}: {refused:?}"),
        }
    };
    for name in ["", ".", "..", "a/b", "/etc", "a\0b", &"a".repeat(256)] {
        check(
            "a name",
            store.put(&file(name)),
            Some("no entry of a Directory can have the name"),
        );
        check(
            "a link's name",
            store.put(&link(name, "x")),
            Some("no entry of a Directory can have the name"),
        );
        check(
            "a directory's name",
            store.put(&holding(&[name], Digest::empty())),
            Some("no entry of a Directory can have the name"),
        );
    }
    check("a long name", store.put(&file(&"a".repeat(255))), None);
    check(
        "absolute links are the sandbox's affair",
        store.put(&link("a", "/etc/passwd")),
        None,
    );
    check(
        "a link without a target",
        store.put(&link("a", "")),
        Some("leads nowhere"),
    );
    check(
        "a name twice",
        store.put(&holding(&["x", "x"], Digest::empty())),
        Some("two entries"),
    );
    let both = reapi::Directory {
        symlinks: link("x", "y").symlinks,
        ..file("x")
    };
    check("a name of two kinds", store.put(&both), Some("two entries"));
    let mut undigested = file("x");
    undigested.files[0].digest = None;
    check("no digest", store.put(&undigested), Some("`x` has no digest"));
    let mut negative = file("x");
    negative.files[0].digest.as_mut().expect("a digest").size_bytes = -1;
    check(
        "a negative size",
        store.put(&negative),
        Some("`x` has no SHA256 digest"),
    );
    let garbage = store.store.put_bytes(b"\xff\xff").expect("a store");
    check("no message", garbage, Some("is not the message that it should be"));
    check(
        "a huge message",
        Digest::from_parts([7; 32], 1 << 40),
        Some("bytes of Directory messages"),
    );
}

#[test]
fn depth_is_bounded_without_recursion() {
    let store = Store::new();
    let is_taken = |levels| blobs(&store.store, nested(&store, levels, &["d"])).is_ok();
    assert!(is_taken(MOST_DEPTH));
    assert!(!is_taken(MOST_DEPTH + 1));
    assert!(!is_taken(1500));
    // A directory that was seen higher up counts where it is seen again.
    let deep = nested(&store, MOST_DEPTH - 1, &["d"]);
    let below = store.put(&holding(&["e"], deep));
    let mut root = holding(&["a"], deep);
    root.directories.extend(holding(&["b"], below).directories);
    let refused = blobs(&store.store, store.put(&root)).expect_err("too deep");
    assert!(refused.to_string().contains("directories deep"), "{refused}");
}

#[test]
fn a_small_tree_that_unfolds_to_a_huge_one_is_counted_not_made() {
    let store = Store::new();
    let refused = |levels| blobs(&store.store, nested(&store, levels, &["a", "b"])).err();
    assert!(refused(19).is_none(), "2^19 directories and files");
    for levels in [21, 64, 200] {
        let refused = refused(levels).expect("too large").to_string();
        assert!(refused.contains("entries"), "{refused}");
    }
}

#[test]
fn a_directory_of_a_hundred_thousand_entries_is_taken() {
    let store = Store::new();
    let mut wide = reapi::Directory::default();
    for at in 0..100_000 {
        wide.files.extend(file(&format!("{at}")).files);
    }
    assert_eq!(blobs(&store.store, store.put(&wide)).expect("a tree").len(), 100_001);
}
