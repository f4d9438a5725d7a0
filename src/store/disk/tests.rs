use super::*;
use crate::pb::reapi;
use crate::store::laws;
use prost::Message as _;
use std::io::Read as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::SystemTime;
use tempfile::TempDir;

mod eviction;
mod incoming;
mod processes;

/// What one small file takes of the bound.
const BLOCK: u64 = 4096;

fn store(max_size: u64) -> (DiskStore, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    (reopened(&dir, max_size), dir)
}

/// The store as another process finds it.
fn reopened(dir: &TempDir, max_size: u64) -> DiskStore {
    DiskStore::open(&dir.path().join("store"), max_size).unwrap()
}

impl DiskStore {
    fn blob_path(&self, digest: Digest) -> PathBuf {
        self.inner.layout.path(Kind::Blob, digest)
    }

    fn result_path(&self, action: Digest) -> PathBuf {
        self.inner.layout.path(Kind::Result, action)
    }

    /// Makes the last noted use of the blob this long ago.
    fn use_long_ago(&self, digest: Digest, ago: Duration) {
        let file = File::open(self.blob_path(digest)).unwrap();
        file.set_modified(SystemTime::now() - ago).unwrap();
    }

    fn last_use(&self, digest: Digest) -> SystemTime {
        self.blob_path(digest).metadata().unwrap().modified().unwrap()
    }

    fn ledger(&self) -> Option<u64> {
        let text = std::fs::read_to_string(self.dir().join("size")).ok()?;
        text.trim_end().parse().ok()
    }

    fn drafts(&self) -> usize {
        std::fs::read_dir(self.dir().join("tmp")).unwrap().count()
    }
}

/// Changes a file as a bad disk does: same name, same size.
fn flip_a_bit(path: &Path, at: u64) {
    let content = std::fs::read(path).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.write_all_at(&[content[usize::try_from(at).unwrap()] ^ 1], at)
        .unwrap();
}

fn truncate(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600)).unwrap();
    let file = File::options().write(true).open(path).unwrap();
    file.set_len(file.metadata().unwrap().len() - 1).unwrap();
}

fn output_file(digest: Digest) -> reapi::OutputFile {
    reapi::OutputFile {
        path: "a.o".to_owned(),
        digest: Some(digest.into()),
        ..reapi::OutputFile::default()
    }
}

fn result_with(output_files: Vec<reapi::OutputFile>) -> ActionResult {
    ActionResult {
        output_files,
        ..ActionResult::default()
    }
}

#[tokio::test]
async fn keeps_the_laws() {
    for max_size in [0, 1 << 30] {
        let (store, _dir) = store(max_size);
        laws::blob_store(&store).await.unwrap();
        laws::action_cache(&store).await.unwrap();
        laws::sizes_count(&store).await.unwrap();
        assert_eq!(store.drafts(), 0);
    }
}

#[test]
fn blobs_are_private_and_read_only() {
    let (store, _dir) = store(0);
    let digest = store.put_bytes(b"content").unwrap();
    let mode = |path: &Path| path.metadata().unwrap().permissions().mode() & 0o7777;
    assert_eq!(mode(store.dir()), 0o700);
    assert_eq!(mode(&store.dir().join("cas")), 0o700);
    assert_eq!(mode(&store.blob_path(digest)), 0o444);
}

#[test]
fn a_blob_has_another_name_in_each_digest_function() {
    let (store, dir) = store(0);
    let (sha256, blake3) = (Function::Sha256.digest(b"content"), Function::Blake3.digest(b"content"));
    store.put_bytes_as(blake3, b"content").unwrap();
    assert_eq!(store.missing(&[sha256, blake3]).unwrap(), [sha256]);
    assert!(store.put_bytes_as(blake3, b"another").is_err());
    assert_eq!(&reopened(&dir, 0).read(blake3).unwrap().unwrap()[..], b"content");

    let action = Function::Blake3.digest(b"action");
    let file = |digest: Digest| result_with(vec![output_file(digest)]);
    store.put_action_result(action, &file(blake3)).unwrap();
    assert_eq!(store.action_result(action).unwrap(), Some(file(blake3)));
    store.put_action_result(action, &file(sha256)).unwrap();
    assert_eq!(
        store.action_result(action).unwrap(),
        None,
        "its files are named in the action's function"
    );
    assert!(store.verify(OnCorrupt::List, |_| {}).unwrap().corrupt.is_empty());
}

#[test]
fn an_open_blob_begins_at_its_beginning() {
    let (store, _dir) = store(0);
    let digest = store.put_bytes(b"content").unwrap();
    for _ in 0..2 {
        let mut text = String::new();
        store.blob(digest).unwrap().unwrap().read_to_string(&mut text).unwrap();
        assert_eq!(text, "content");
    }
    assert_eq!(
        store.blob(Digest::empty()).unwrap().unwrap().metadata().unwrap().len(),
        0
    );
}

#[test]
fn a_corrupt_blob_is_a_miss_and_can_be_put_again() {
    for size in [1_usize, 10_000, 2 << 20] {
        for damage in [|path: &Path| flip_a_bit(path, 0), truncate] {
            let (first, dir) = store(0);
            let content = vec![7; size];
            let digest = first.put_bytes(&content).unwrap();

            damage(&first.blob_path(digest));
            assert!(reopened(&dir, 0).blob(digest).unwrap().is_none(), "blob of {size}");
            assert_eq!(first.missing(&[digest]).unwrap(), [digest], "it was removed");

            first.put_bytes(&content).unwrap();
            damage(&first.blob_path(digest));
            assert!(reopened(&dir, 0).read(digest).unwrap().is_none(), "read of {size}");

            first.put_bytes(&content).unwrap();
            damage(&first.blob_path(digest));
            let again = reopened(&dir, 0);
            again.put_bytes(&content).unwrap();
            assert_eq!(again.read(digest).unwrap().unwrap(), content, "put replaces it");
        }
    }
}

#[test]
fn a_file_in_the_place_of_one_that_was_right_is_checked_too() {
    let (store, _dir) = store(0);
    let digest = store.put_bytes(b"right").unwrap();
    assert!(store.blob(digest).unwrap().is_some());
    let path = store.blob_path(digest);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, b"wrong").unwrap();
    assert!(store.blob(digest).unwrap().is_none());
}

#[test]
fn a_corrupt_result_is_a_miss_and_is_removed() {
    let action = Digest::of(b"action");
    for damage in [
        |path: &Path| flip_a_bit(path, 0),
        |path: &Path| flip_a_bit(path, 41),
        truncate,
    ] {
        let (store, _dir) = store(0);
        let result = ActionResult {
            exit_code: 1,
            ..ActionResult::default()
        };
        store.put_action_result(action, &result).unwrap();
        assert_eq!(store.action_result(action).unwrap(), Some(result));
        damage(&store.result_path(action));
        assert_eq!(store.action_result(action).unwrap(), None);
        assert!(!store.result_path(action).exists());
    }
}

#[test]
fn a_result_is_there_only_with_all_its_blobs() {
    let (store, _dir) = store(0);
    let action = Digest::of(b"action");
    let absent = Digest::of(b"absent");
    let tree = reapi::Tree {
        root: None,
        children: vec![reapi::Directory {
            files: vec![reapi::FileNode {
                digest: Some(absent.into()),
                ..reapi::FileNode::default()
            }],
            ..reapi::Directory::default()
        }],
    };
    let with_tree = |tree_digest: Option<Digest>| ActionResult {
        output_directories: vec![reapi::OutputDirectory {
            tree_digest: tree_digest.map(reapi::Digest::from),
            ..reapi::OutputDirectory::default()
        }],
        ..ActionResult::default()
    };
    let tree_digest = store.put_bytes(&tree.encode_to_vec()).unwrap();
    let absent_tree = Digest::of(b"no such tree");
    let no_tree = store.put_bytes(b"\xff\xff").unwrap();
    let needs_blob = [
        result_with(vec![output_file(Digest::empty()), output_file(absent)]),
        with_tree(Some(tree_digest)),
        ActionResult {
            stdout_digest: Some(absent.into()),
            ..ActionResult::default()
        },
        ActionResult {
            stderr_digest: Some(absent.into()),
            ..ActionResult::default()
        },
    ];
    let never = [
        with_tree(Some(absent_tree)),
        with_tree(Some(no_tree)),
        with_tree(None),
        result_with(vec![reapi::OutputFile::default()]),
    ];
    for result in needs_blob.iter().chain(&never) {
        store.put_action_result(action, result).unwrap();
        assert_eq!(store.action_result(action).unwrap(), None, "{result:?}");
    }
    store.put_bytes(b"absent").unwrap();
    for result in &needs_blob {
        store.put_action_result(action, result).unwrap();
        assert_eq!(store.action_result(action).unwrap().as_ref(), Some(result));
    }
    for result in &never {
        store.put_action_result(action, result).unwrap();
        assert_eq!(store.action_result(action).unwrap(), None, "{result:?}");
    }
}

#[test]
fn an_inline_stream_needs_no_blob() {
    let (store, _dir) = store(0);
    let result = ActionResult {
        stderr_raw: b"warning".to_vec(),
        stderr_digest: Some(Digest::of(b"warning").into()),
        ..ActionResult::default()
    };
    store.put_action_result(Digest::empty(), &result).unwrap();
    assert_eq!(store.action_result(Digest::empty()).unwrap(), Some(result));
}

#[test]
fn a_file_that_is_not_what_was_said_is_refused() {
    let (store, dir) = store(0);
    let path = dir.path().join("file");
    std::fs::write(&path, "changed meanwhile").unwrap();
    let file = File::open(&path).unwrap();
    let said = Digest::of(b"as it was");
    let error = store.put_file_as(said, &file).unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { expected, actual }
        if expected == said && actual == Digest::of(b"changed meanwhile")));
    assert_eq!(store.usage().unwrap(), Usage::default());
    assert_eq!(store.drafts(), 0);
}

#[test]
fn a_store_that_was_cleaned_away_is_made_again() {
    let (store, _dir) = store(10 * BLOCK);
    let digest = store.put_bytes(b"content").unwrap();
    std::fs::remove_dir_all(store.dir()).unwrap();
    assert!(store.blob(digest).unwrap().is_none());
    store.put_bytes(b"content").unwrap();
    assert!(store.blob(digest).unwrap().is_some());
}

#[test]
fn only_drafts_that_nobody_writes_are_swept() {
    let (store, dir) = store(0);
    let old = |file: &File| file.set_modified(SystemTime::now() - Duration::from_mins(11)).unwrap();
    let tmp = store.dir().join("tmp");
    old(&File::create(tmp.join(".rewrap-dead")).unwrap());
    File::create(tmp.join(".rewrap-just-begun")).unwrap();
    let draft = store.inner.layout.draft().unwrap();
    old(draft.file());
    assert_eq!(store.drafts(), 3);
    reopened(&dir, 0);
    assert!(!tmp.join(".rewrap-dead").exists());
    assert!(tmp.join(".rewrap-just-begun").exists());
    assert!(draft.path().exists());
}

#[test]
fn verify_names_what_is_wrong_and_removes_it_if_asked() {
    let (store, _dir) = store(0);
    let good = store.put_bytes(b"good").unwrap();
    let flipped = store.put_bytes(b"flipped").unwrap();
    let [whole, incomplete, torn] = [b"1", b"2", b"3"].map(|action| Digest::of(action));
    store
        .put_action_result(whole, &result_with(vec![output_file(good)]))
        .unwrap();
    let absent = result_with(vec![output_file(Digest::of(b"absent"))]);
    store.put_action_result(incomplete, &absent).unwrap();
    store.put_action_result(torn, &absent).unwrap();
    store.use_long_ago(good, Duration::from_hours(100));
    let last_use = store.last_use(good);
    flip_a_bit(&store.blob_path(flipped), 3);
    truncate(&store.result_path(torn));
    let stranger = store.dir().join("cas/stranger");
    std::fs::write(&stranger, "").unwrap();

    for on_corrupt in [OnCorrupt::List, OnCorrupt::Remove] {
        let mut calls = 0;
        let report = store.verify(on_corrupt, |_| calls += 1).unwrap();
        assert_eq!(calls, 6);
        assert_eq!((report.seen.blobs, report.seen.results), (3, 3));
        assert_eq!(report.incomplete, [incomplete]);
        let mut corrupt: Vec<_> = report.corrupt.iter().map(|file| file.path.clone()).collect();
        corrupt.sort();
        let mut expected = [store.blob_path(flipped), store.result_path(torn), stranger.clone()];
        expected.sort();
        assert_eq!(corrupt, expected);
        for file in &report.corrupt {
            let as_expected = match &file.defect {
                Defect::Name => file.path == stranger,
                Defect::Content(actual) => *actual == Digest::of(b"fliqped") && file.path == store.blob_path(flipped),
                Defect::Result => file.path == store.result_path(torn),
                Defect::Unreadable(_) => false,
            };
            assert!(as_expected, "{file:?}");
        }
    }
    assert_eq!(store.last_use(good), last_use, "looking is no use");
    let report = store.verify(OnCorrupt::List, |_| ()).unwrap();
    assert!(report.corrupt.is_empty());
    assert_eq!((report.seen.blobs, report.seen.results), (1, 2));
}

#[test]
fn a_cleared_store_is_empty_and_works() {
    let (store, _dir) = store(10 * BLOCK);
    let digest = store.put_bytes(b"content").unwrap();
    store.put_action_result(digest, &ActionResult::default()).unwrap();
    store.clear().unwrap();
    assert_eq!(store.usage().unwrap(), Usage::default());
    assert_eq!(store.ledger(), Some(0));
    store.put_bytes(b"content").unwrap();
    assert!(store.blob(digest).unwrap().is_some());
}
