//! Manifests as rows: written, read back, kept for each command.

use super::*;
use crate::manifest::encode::{decode, encode};
use proptest::prelude::*;

const KEY: Key = [7; 32];

fn manifest(host: &Host, payload: &str) -> Manifest {
    let began = host.trust.now();
    let seen = host.search(&["inc", "gone"], &["a.h", "b.h", "absent.h", "s/c.h"]);
    let payload = Bytes::copy_from_slice(payload.as_bytes());
    Manifest::observe(&seen, began, &host.digests, &host.listings, payload).expect("observed")
}

fn plant(host: &Host) {
    std::fs::create_dir_all(host.at("inc/s")).expect("mkdir");
    std::fs::write(host.at("inc/a.h"), "a").expect("write");
    std::fs::write(host.at("inc/s/c.h"), "c").expect("write");
    std::os::unix::fs::symlink("a.h", host.at("inc/b.h")).expect("symlink");
}

/// A tree whose second state is another content of `a.h`.
fn edit(host: &Host, content: &str) {
    std::fs::write(host.at("inc/a.h"), content).expect("write");
}

#[test]
fn a_manifest_comes_back_as_it_was() {
    for host in [Host::fresh(), Host::settled()] {
        plant(&host);
        let manifests = [Arc::new(manifest(&host, "one")), Arc::new(manifest(&host, "two"))];
        let back = decode(encode(&manifests), Arc::new).expect("decodes");
        assert_eq!(back, manifests);
        host.holds(&back[0]).expect("holds");
    }
}

proptest! {
    #[test]
    fn bytes_that_are_no_row_are_refused_or_read_without_a_panic(
        noise in prop::collection::vec(any::<u8>(), 0..200),
        places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..8),
    ) {
        let host = Host::settled();
        plant(&host);
        let mut row = encode(&[Arc::new(manifest(&host, "one"))]).to_vec();
        for (place, byte) in places {
            let at = place.index(row.len());
            row[at] = byte;
        }
        for row in [noise, row] {
            if let Ok(manifests) = decode(row.into(), Arc::new) {
                // What is read can be written and judged.
                encode(&manifests);
                for manifest in manifests {
                    let _judged = host.holds(&manifest);
                }
            }
        }
    }
}

#[test]
fn each_state_of_the_tree_finds_its_own_manifest_again() {
    let host = Host::settled();
    plant(&host);
    let manifests = Manifests::new(Arc::new(Index::in_memory()));
    let find = || match manifests.find(&KEY, &host.digests, &host.listings) {
        Ok(found) => Ok(found.payload().clone()),
        Err(changes) => Err(changes.len()),
    };
    assert_eq!(find(), Err(0));
    for content in ["one", "two"] {
        edit(&host, content);
        manifests.add(&KEY, manifest(&host, content));
    }
    edit(&host, "three");
    assert_eq!(find(), Err(2));
    for content in ["one", "two", "one", "one"] {
        edit(&host, content);
        assert_eq!(find(), Ok(Bytes::from(content)));
    }
}

#[test]
fn the_newest_eight_are_kept_and_the_same_finding_once() {
    let host = Host::settled();
    plant(&host);
    let manifests = Manifests::new(Arc::new(Index::in_memory()));
    let known = || {
        edit(&host, "none of them");
        manifests
            .find(&KEY, &host.digests, &host.listings)
            .expect_err("none holds")
            .len()
    };
    for _ in 0..3 {
        edit(&host, "same");
        manifests.add(&KEY, manifest(&host, "same"));
    }
    assert_eq!(known(), 1);
    for n in 0..20 {
        edit(&host, &n.to_string());
        manifests.add(&KEY, manifest(&host, &n.to_string()));
    }
    assert_eq!(known(), 8);
    edit(&host, "19");
    let newest = manifests.find(&KEY, &host.digests, &host.listings).expect("holds");
    assert_eq!(newest.payload(), "19");
}

#[test]
fn the_next_process_finds_what_this_one_kept_and_drops_what_it_cannot_read() {
    let host = Host::settled();
    plant(&host);
    let cache = host.at("cache");
    let open = || Manifests::new(Arc::new(Index::open(&cache)));
    open().add(&KEY, manifest(&host, "one"));
    let found = open().find(&KEY, &host.digests, &host.listings).expect("holds");
    assert_eq!(found.payload(), "one");

    let index = Arc::new(Index::open(&cache));
    index.put(
        crate::host::index::Table::Manifests,
        &KEY,
        Bytes::from_static(b"\xff no row"),
    );
    let manifests = Manifests::new(Arc::clone(&index));
    assert!(
        manifests
            .find(&KEY, &host.digests, &host.listings)
            .is_err_and(|changes| changes.is_empty())
    );
    assert_eq!(index.get(crate::host::index::Table::Manifests, &KEY), None);
}

#[test]
fn commands_share_the_facts_of_their_headers() {
    let host = Host::settled();
    plant(&host);
    let manifests = Manifests::new(Arc::new(Index::in_memory()));
    let found = [KEY, [8; 32]].map(|key| {
        manifests.add(&key, manifest(&host, "found"));
        manifests.find(&key, &host.digests, &host.listings).expect("holds")
    });
    let [one, two] = &found;
    assert_eq!(one.files.len(), 2);
    assert!(one.files.iter().zip(&two.files).all(|(one, two)| Arc::ptr_eq(one, two)));
}

#[test]
fn what_was_too_fresh_is_looked_into_once_more_and_then_believed() {
    let host = Host::fresh();
    plant(&host);
    let later = Arc::new(Trust::new(Clock::ahead(Duration::from_hours(1))));
    let digests = DigestCache::new(Arc::new(Index::in_memory()), Arc::clone(&later));
    let listings = Listings::new(later);
    let manifests = Manifests::new(Arc::new(Index::in_memory()));
    let find = || manifests.find(&KEY, &digests, &listings);
    manifests.add(&KEY, manifest(&host, "found"));

    let first = find().expect("holds");
    assert!(
        first.files.iter().all(|file| file.id.is_some()),
        "all files vouched for"
    );
    // `inc` holds a link, whose end may change without it.
    let vouched = first.directories.iter().filter(|directory| directory.id.is_some());
    assert_eq!(
        vouched.map(|directory| &directory.path).collect::<Vec<_>>(),
        [&host.at("inc/s")]
    );
    assert!(Arc::ptr_eq(&first, &find().expect("holds")), "nothing left to learn");

    // Written again with the same content, then with another.
    edit(&host, "a");
    let again = find().expect("holds");
    assert!(!Arc::ptr_eq(&first, &again));
    assert!(Arc::ptr_eq(&again, &find().expect("holds")));
    edit(&host, "b");
    assert!(find().is_err());
}
