use super::disk::Doubt;
use super::*;
use proptest::prelude::*;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

const FACTS: Table = Table::ToolchainFacts;

fn value(text: &str) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn file_of(cache: &Path) -> std::path::PathBuf {
    cache.join(DIRECTORY).join("index.redb")
}

#[test]
fn what_was_put_is_there_in_this_process_and_the_next() {
    let cache = tempfile::tempdir().expect("directory");
    let index = Index::open(cache.path());
    assert!(index.is_persistent());
    assert_eq!(index.get(FACTS, b"a"), None);
    index.put(FACTS, b"a", value("1"));
    index.put(Table::Manifests, b"a", value("2"));
    index.put(FACTS, b"b", value("3"));
    index.put(FACTS, b"a", value("4"));
    index.remove(FACTS, b"b");
    let check = |index: &Index| {
        assert_eq!(index.get(FACTS, b"a"), Some(value("4")));
        assert_eq!(index.get(Table::Manifests, b"a"), Some(value("2")));
        assert_eq!(index.get(FACTS, b"b"), None);
        assert_eq!(index.get(Table::FileDigests, b"a"), None);
    };
    check(&index);
    index.flush();
    check(&index);
    drop(index);
    check(&Index::open(cache.path()));
}

#[test]
fn a_removed_key_stays_removed_when_it_was_on_disk() {
    let cache = tempfile::tempdir().expect("directory");
    let index = Index::open(cache.path());
    index.put(FACTS, b"a", value("1"));
    drop(index);
    let index = Index::open(cache.path());
    index.remove(FACTS, b"a");
    assert_eq!(index.get(FACTS, b"a"), None);
    drop(index);
    assert_eq!(Index::open(cache.path()).get(FACTS, b"a"), None);
}

#[test]
fn a_second_user_works_from_memory_and_harms_nothing() {
    let cache = tempfile::tempdir().expect("directory");
    let first = Index::open(cache.path());
    first.put(FACTS, b"a", value("1"));
    let second = Index::open(cache.path());
    assert!(!second.is_persistent());
    second.put(FACTS, b"a", value("2"));
    assert_eq!(second.get(FACTS, b"a"), Some(value("2")));
    drop(second);
    drop(first);
    assert_eq!(Index::open(cache.path()).get(FACTS, b"a"), Some(value("1")));
}

#[test]
fn a_cache_directory_that_cannot_be_made_means_memory() {
    let index = Index::open(Path::new("/proc/nowhere"));
    assert!(!index.is_persistent());
    index.put(FACTS, b"a", value("1"));
    assert_eq!(index.get(FACTS, b"a"), Some(value("1")));
}

#[test]
fn other_versions_are_dropped() {
    let cache = tempfile::tempdir().expect("directory");
    for name in ["index-v0", "index-v999", "index-vault", "cas"] {
        std::fs::create_dir(cache.path().join(name)).expect("directory");
    }
    drop(Index::open(cache.path()));
    let mut left: Vec<_> = std::fs::read_dir(cache.path())
        .expect("list")
        .map(|entry| entry.expect("entry").file_name().into_string().expect("text"))
        .collect();
    left.sort();
    assert_eq!(left, ["cas", "index-v1", "index-vault"]);
}

/// Whatever a process that did not end well left in the file, opening works, a value is the right one or none, and the file works again afterwards.
fn check_altered(alter: impl Fn(&mut Vec<u8>)) {
    let cache = tempfile::tempdir().expect("directory");
    let index = Index::open(cache.path());
    let key = |n: u32| n.to_le_bytes();
    for n in 0..200 {
        index.put(FACTS, &key(n), value(&n.to_string().repeat(20)));
    }
    drop(index);
    let path = file_of(cache.path());
    let mut bytes = std::fs::read(&path).expect("read");
    alter(&mut bytes);
    std::fs::write(&path, bytes).expect("write");
    std::fs::write(path.with_file_name("open"), "").expect("write");
    for _round in 0..2 {
        let index = Index::open(cache.path());
        for n in 0..200 {
            if let Some(found) = index.get(FACTS, &key(n)) {
                assert_eq!(found, value(&n.to_string().repeat(20)));
            }
        }
        index.put(FACTS, b"new", value("new"));
        index.flush();
        assert_eq!(index.get(FACTS, b"new"), Some(value("new")));
    }
}

#[test]
fn a_file_that_is_none_is_replaced() {
    check_altered(|bytes| *bytes = b"no database".to_vec());
    check_altered(Vec::clear);
    check_altered(|bytes| bytes.truncate(bytes.len() / 2));
    check_altered(|bytes| bytes.fill(0));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]
    #[test]
    fn altered_bytes_give_no_wrong_value(places in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..200)) {
        check_altered(|bytes| {
            for (place, byte) in &places {
                let at = place.index(bytes.len());
                bytes[at] = *byte;
            }
        });
    }
}

#[test]
fn the_old_generation_goes_when_the_current_one_is_full_and_what_was_used_stays() {
    let dir = tempfile::tempdir().expect("directory");
    let disk = Disk::open(dir.path(), |_| 20_000).expect("open");
    let put = |key: &str| {
        let batch = Batch::from([((FACTS, key.as_bytes().to_vec()), Some(Bytes::from(vec![7; 1000])))]);
        disk.write(&batch, false).expect("write");
    };
    put("cold");
    put("hot");
    for n in 0..100 {
        put(&format!("filler {n}"));
        if let Some(Row::Old(_)) = disk.get(FACTS, b"hot").expect("read") {
            put("hot");
        }
    }
    assert!(disk.get(FACTS, b"hot").expect("read").is_some());
    assert!(disk.get(FACTS, b"cold").expect("read").is_none());
    let kept = (0..100).filter(|n| {
        disk.get(FACTS, format!("filler {n}").as_bytes())
            .expect("read")
            .is_some()
    });
    assert!((9..20).contains(&kept.count()));
}

#[test]
fn overwriting_does_not_fill_a_generation() {
    let dir = tempfile::tempdir().expect("directory");
    let disk = Disk::open(dir.path(), |_| 20_000).expect("open");
    let batch = |key: &str| Batch::from([((FACTS, key.as_bytes().to_vec()), Some(Bytes::from(vec![7; 1000])))]);
    disk.write(&batch("stays"), false).expect("write");
    for _ in 0..50 {
        disk.write(&batch("changes"), false).expect("write");
    }
    assert!(matches!(disk.get(FACTS, b"stays"), Ok(Some(Row::Current(_)))));
}

#[test]
fn one_file_has_one_user() {
    let dir = tempfile::tempdir().expect("directory");
    let _first = Disk::open(dir.path(), |_| 1).expect("open");
    assert!(matches!(Disk::open(dir.path(), |_| 1), Err(Doubt::Taken)));
}

/// Set in the process that is killed: the cache directory.
const WRITE_INTO: &str = "REWRAP_TEST_INDEX";

/// Puts rows for ever and tells on stdout which are synced.
fn write_for_ever(cache: &Path) -> ! {
    let index = Index::open(cache);
    for n in 0_u64.. {
        index.put(FACTS, &n.to_le_bytes(), value(&n.to_string()));
        if n % 50 == 0 {
            index.flush();
            println!("synced {n}");
        } else if n % 7 == 0 {
            // The ordinary way, not synced: what a kill may undo.
            index.backing.as_ref().expect("file").shared.write_waiting(false);
        }
    }
    unreachable!("someone kills this process")
}

#[test]
fn a_killed_process_leaves_an_index_that_opens_with_what_was_synced() {
    if let Some(cache) = std::env::var_os(WRITE_INTO) {
        write_for_ever(Path::new(&cache));
    }
    let cache = tempfile::tempdir().expect("directory");
    let name = "host::index::tests::a_killed_process_leaves_an_index_that_opens_with_what_was_synced";
    for round in 1..=4_usize {
        let mut child = Command::new(std::env::current_exe().expect("own path"))
            .args(["--exact", name, "--nocapture"])
            .env(WRITE_INTO, cache.path())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start");
        let lines = BufReader::new(child.stdout.take().expect("pipe")).lines();
        let synced: u64 = lines
            .map(|line| line.expect("line"))
            .filter_map(|line| line.strip_prefix("synced ").map(|n| n.parse().expect("number")))
            .nth(2 * round)
            .expect("the child writes until killed");
        child.kill().expect("kill");
        child.wait().expect("wait");
        let index = Index::open(cache.path());
        assert!(index.is_persistent(), "round {round}");
        for n in 0..=synced {
            assert_eq!(
                index.get(FACTS, &n.to_le_bytes()),
                Some(value(&n.to_string())),
                "round {round}, row {n}"
            );
        }
    }
}
