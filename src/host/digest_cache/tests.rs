use super::*;
use crate::host::clock::Clock;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// For whom every file was written long ago.
fn settled() -> DigestCache {
    let trust = Trust::new(Clock::ahead(Duration::from_hours(1)));
    DigestCache::new(Arc::new(Index::in_memory()), Arc::new(trust))
}

/// For whom what the test writes is fresh, however slow the machine is.
fn fresh() -> DigestCache {
    let trust = Trust::new(Clock::behind(Duration::from_hours(1)));
    DigestCache::new(Arc::new(Index::in_memory()), Arc::new(trust))
}

fn file(dir: &tempfile::TempDir, content: &str) -> PathBuf {
    let path = dir.path().join("file");
    std::fs::write(&path, content).expect("write");
    path
}

#[test]
fn a_settled_file_is_read_once_and_a_fresh_one_each_time() {
    let dir = tempfile::tempdir().expect("directory");
    let path = file(&dir, "content");
    for (cache, settled, reads) in [(settled(), true, 1), (fresh(), false, 3)] {
        for _ in 0..3 {
            let seen = cache.look(&path).expect("look");
            assert_eq!((seen.digest, seen.settled), (Digest::of(b"content"), settled));
            assert_eq!(seen.id, FileId::of(&path).expect("stat"));
        }
        assert_eq!(cache.files_read(), reads, "settled: {settled}");
    }
}

#[test]
fn bytes_are_always_those_of_the_digest() {
    let dir = tempfile::tempdir().expect("directory");
    let path = file(&dir, "content");
    for cache in [settled(), fresh()] {
        for _ in 0..2 {
            let (seen, bytes) = cache.digest_and_bytes(&path).expect("read");
            assert_eq!((&bytes[..], seen.digest), (&b"content"[..], Digest::of(b"content")));
        }
        let reads = cache.files_read();
        cache.digest(&path).expect("digest");
        assert_eq!(cache.files_read() == reads, cache.look(&path).expect("look").settled);
    }
}

#[test]
fn the_index_remembers_for_the_next_process() {
    let dir = tempfile::tempdir().expect("directory");
    let path = file(&dir, "content");
    let trust = Arc::new(Trust::new(Clock::ahead(Duration::from_hours(1))));
    for reads in [1, 0] {
        let index = Arc::new(Index::open(&dir.path().join("cache")));
        let cache = DigestCache::new(index, Arc::clone(&trust));
        assert_eq!(cache.digest(&path).expect("digest").1, Digest::of(b"content"));
        assert_eq!(cache.files_read(), reads);
    }
}

#[test]
fn every_kind_of_change_is_noticed() {
    type Edit = fn(&Path);
    let changes: [(&str, Edit); 4] = [
        ("rewritten", |path| std::fs::write(path, "another").expect("write")),
        ("replaced", |path| {
            let other = path.with_extension("new");
            std::fs::write(&other, "another").expect("write");
            std::fs::rename(other, path).expect("rename");
        }),
        ("with its old modification time", |path| {
            let mtime = std::fs::metadata(path).expect("stat").modified().expect("mtime");
            std::fs::write(path, "another").expect("write");
            let file = File::options().write(true).open(path).expect("open");
            file.set_modified(mtime).expect("utimens");
        }),
        ("a symlink to another file", |path| {
            let other = path.with_extension("other");
            std::fs::write(&other, "another").expect("write");
            std::fs::remove_file(path).expect("remove");
            symlink(other, path).expect("symlink");
        }),
    ];
    for (name, change) in changes {
        for cache in [settled(), fresh()] {
            let dir = tempfile::tempdir().expect("directory");
            let path = file(&dir, "content");
            cache.digest(&path).expect("digest");
            change(&path);
            assert_eq!(cache.digest(&path).expect("digest").1, Digest::of(b"another"), "{name}");
        }
    }
}

/// Writes through a mapping whose page is dirty already: the kernel stamps nothing, as with two writes in one tick.
const WRITES_WITHOUT_A_TRACE: &str = r#"
import mmap, sys
with open(sys.argv[1], "r+b") as file:
    page = mmap.mmap(file.fileno(), 0)
    page[0:1] = b"1"
    print("1", flush=True)
    sys.stdin.readline()
    page[0:1] = b"2"
    print("2", flush=True)
    sys.stdin.readline()
"#;

#[test]
fn a_change_that_leaves_the_identity_is_noticed_while_the_file_is_fresh() {
    use std::io::{BufRead as _, BufReader, Write as _};
    let dir = tempfile::tempdir().expect("directory");
    let path = file(&dir, "0");
    let mut writer = Command::new("python3")
        .args(["-c", WRITES_WITHOUT_A_TRACE])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("python3");
    let mut lines = BufReader::new(writer.stdout.take().expect("pipe")).lines();
    let mut stdin = writer.stdin.take().expect("pipe");
    let cache = fresh();
    for content in ["1", "2"] {
        assert_eq!(lines.next().expect("line").expect("line"), content);
        assert_eq!(cache.digest(&path).expect("digest").1, Digest::of(content.as_bytes()));
        stdin.write_all(b"\n").expect("write");
    }
    writer.wait().expect("wait");
}

#[test]
fn threads_that_ask_for_one_file_read_it_once() {
    let dir = tempfile::tempdir().expect("directory");
    let path = dir.path().join("file");
    std::fs::write(&path, vec![7; 8 << 20]).expect("write");
    let cache = settled();
    std::thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| cache.digest(&path).expect("digest"));
        }
    });
    assert_eq!(cache.files_read(), 1);
}

#[test]
fn only_regular_files_have_a_digest() {
    let dir = tempfile::tempdir().expect("directory");
    let pipe = dir.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).expect("mkfifo");
    for path in [dir.path(), &pipe, Path::new("/dev/null")] {
        let error = fresh().digest(path).expect_err("no file");
        assert_eq!(error.source.kind(), io::ErrorKind::InvalidInput, "{error}");
    }
    let error = fresh().digest(&dir.path().join("nothing")).expect_err("no file");
    assert_eq!(error.source.kind(), io::ErrorKind::NotFound);
}
