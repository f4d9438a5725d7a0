//! Several real processes on one directory: each test starts this test program again as its child, which then does
//! the other half of the test.

use super::*;
use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// Names the store's directory to a child.
const CHILD: &str = "REWRAP_TEST_STORE_CHILD";

/// The directory, if this is the child.
fn in_child() -> Option<PathBuf> {
    std::env::var_os(CHILD).map(PathBuf::from)
}

/// This program as the child half of the test with this name.
fn child(test: &str, store: &Path, command: &mut Command) -> Child {
    let (_, module) = module_path!().split_once("::").unwrap();
    let name = format!("{module}::{test}");
    let command = command.args(["--exact", &name, "--nocapture"]).env(CHILD, store);
    command.stdout(Stdio::piped()).spawn().unwrap()
}

fn this_program() -> Command {
    Command::new(std::env::current_exe().unwrap())
}

fn assert_clean(store: &DiskStore) {
    let report = store.verify(OnCorrupt::List, |_| ()).unwrap();
    assert!(report.corrupt.is_empty(), "{:?}", report.corrupt);
    assert!(report.seen.blobs > 0);
}

/// Blob number `n`: up to 20 kB, of a size and content that follow from `n`.
fn content(n: u64) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(n);
    let size = random.usize(1..20_000);
    (0..size).map(|_| random.u8(..)).collect()
}

#[test]
fn many_processes_put_get_and_evict_in_one_directory() {
    /// A good part of the blobs, so that all evict all the time.
    const MAX: u64 = 50 * BLOCK;
    if let Some(dir) = in_child() {
        let store = DiskStore::open(&dir, MAX).unwrap();
        let mut got = 0;
        for _ in 0..500 {
            let expected = content(fastrand::u64(0..60));
            let digest = Digest::of(&expected);
            let action = Digest::of(&digest.hash()[..]);
            let result = result_with(vec![output_file(digest)]);
            if let Some(found) = store.action_result(action).unwrap() {
                assert_eq!(found, result);
            } else {
                store.put_bytes(&expected).unwrap();
                store.put_action_result(action, &result).unwrap();
            }
            if let Some(mut file) = store.blob(digest).unwrap() {
                let mut content = Vec::new();
                file.read_to_end(&mut content).unwrap();
                assert_eq!(content, expected);
                got += 1;
            }
        }
        assert!(got > 0);
        return;
    }
    let (store, _dir) = store(MAX);
    let test = "many_processes_put_get_and_evict_in_one_directory";
    let children: Vec<_> = (0..4).map(|_| child(test, store.dir(), &mut this_program())).collect();
    for child in children {
        assert!(child.wait_with_output().unwrap().status.success());
    }
    assert_clean(&store);
    assert_eq!(store.drafts(), 0);
    // One more eviction, alone, puts the number right whatever the others missed.
    store.inner.occupancy.correct(&store.inner.layout, MAX + 1).unwrap();
    store.put_bytes(b"the last one").unwrap();
    assert!(store.ledger().unwrap() <= MAX);
    let files = store
        .inner
        .layout
        .walk(Kind::Blob)
        .chain(store.inner.layout.walk(Kind::Result));
    let kept: u64 = files
        .map(|found| occupancy::charge(found.unwrap().metadata.len()))
        .sum();
    assert_eq!(store.ledger(), Some(kept));
}

#[test]
fn a_process_that_is_killed_leaves_nothing_wrong() {
    if let Some(dir) = in_child() {
        let store = DiskStore::open(&dir, 1 << 20).unwrap();
        let source = tempfile::tempfile().unwrap();
        for n in 0.. {
            let content = content(n);
            let digest = store.put_bytes(&content).unwrap();
            source.write_all_at(&content, 0).unwrap();
            store.put_file(&source).unwrap();
            store
                .put_action_result(digest, &result_with(vec![output_file(digest)]))
                .unwrap();
            println!("put {n}");
        }
    }
    let (store, dir) = store(1 << 20);
    for lines in [3, 5, 17, 40, 90] {
        let test = "a_process_that_is_killed_leaves_nothing_wrong";
        let mut child = child(test, store.dir(), &mut this_program());
        let output = BufReader::new(child.stdout.take().unwrap());
        let put = output.lines().filter(|line| line.as_ref().unwrap().starts_with("put"));
        assert_eq!(put.take(lines).count(), lines);
        child.kill().unwrap();
        child.wait().unwrap();
        assert_clean(&store);
    }
    // What it was just writing is nobody's now, and goes when it is old enough.
    for entry in std::fs::read_dir(store.dir().join("tmp")).unwrap() {
        let draft = File::open(entry.unwrap().path()).unwrap();
        draft.set_modified(SystemTime::UNIX_EPOCH).unwrap();
    }
    assert_eq!(reopened(&dir, 0).drafts(), 0);
}

#[test]
fn a_full_disk_is_an_error_and_leaves_nothing() {
    if let Some(dir) = in_child() {
        let store = DiskStore::open(&dir, 0).unwrap();
        let content = vec![1; 100_000];
        let source = dir.with_file_name("large");
        for answer in [store.put_bytes(&content), store.put_file(&File::open(source).unwrap())] {
            let StoreError::Io { what, source } = answer.unwrap_err() else {
                panic!("another error");
            };
            assert!(what.starts_with("write `"), "{what}");
            assert_eq!(source.kind(), ErrorKind::FileTooLarge);
            assert_eq!(store.drafts(), 0);
            assert!(!store.contains(Digest::of(&content)).unwrap());
        }
        let small = store.put_bytes(b"small").unwrap();
        assert!(store.blob(small).unwrap().is_some(), "what fits is still kept");
        return;
    }
    let (store, dir) = store(0);
    std::fs::write(dir.path().join("large"), vec![2; 100_000]).unwrap();
    // A limit on the size of files cuts a write short in the same way as a full disk, and needs no file system of its
    // own. Its signal, which would kill, is ignored by the shell and so by what the shell becomes.
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"trap "" XFSZ; ulimit -f 16; exec "$0" "$@""#]);
    shell.arg(std::env::current_exe().unwrap());
    let output = child("a_full_disk_is_an_error_and_leaves_nothing", store.dir(), &mut shell);
    assert!(output.wait_with_output().unwrap().status.success());
    assert_eq!(
        store.usage().unwrap(),
        Usage {
            blobs: 1,
            bytes: 5,
            results: 0
        }
    );
}
