use super::*;
use crate::pb::wire::output_file::Content as Sent;
use std::cell::Cell;
use std::os::unix::fs::{MetadataExt as _, symlink};
use tempfile::TempDir;

/// A directory with things that may have an output's name, and an answer to be published there.
struct Case {
    directory: TempDir,
    answer: wire::Publish,
    blobs: Vec<OwnedFd>,
}

impl Case {
    fn new() -> Self {
        Self {
            directory: tempfile::tempdir().unwrap(),
            answer: wire::Publish::default(),
            blobs: Vec::new(),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn output(mut self, name: &str, content: &str, in_place: bool) -> Self {
        let mut blob = tempfile::tempfile().unwrap();
        // The position is left at the end: whoever copies must not rely on it.
        blob.write_all(content.as_bytes()).unwrap();
        let content = if Path::new(name).extension() == Some(OsStr::new("d")) {
            Sent::Inline(content.into())
        } else {
            self.blobs.push(blob.into());
            Sent::Descriptor(u32::try_from(self.blobs.len() - 1).unwrap())
        };
        let path = self.path(name).into_os_string().into_encoded_bytes();
        self.answer.files.push(wire::OutputFile {
            path,
            content: Some(content),
            mode: 0o666,
            in_place,
        });
        self
    }

    fn publish(&mut self) -> Result<(), PublishError> {
        publish(&self.answer, std::mem::take(&mut self.blobs), &|| None)
    }

    fn text(&self, name: &str) -> String {
        std::fs::read_to_string(self.path(name)).unwrap()
    }

    fn names(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }
}

#[test]
fn a_new_file_takes_the_name() {
    let mut case = Case::new()
        .output("a.o", "object", false)
        .output("a.d", "a.o: a.c\n", false);
    std::fs::write(case.path("a.o"), "old").unwrap();
    std::fs::set_permissions(case.path("a.o"), Permissions::from_mode(0o600)).unwrap();
    std::fs::hard_link(case.path("a.o"), case.path("other")).unwrap();
    case.publish().unwrap();
    assert_eq!(
        (case.text("a.o").as_str(), case.text("a.d").as_str()),
        ("object", "a.o: a.c\n")
    );
    assert_eq!(case.text("other"), "old");
    let mode = std::fs::metadata(case.path("a.o")).unwrap().permissions().mode();
    assert_eq!(mode & 0o700, 0o600);
    assert_eq!(case.names(), ["a.d", "a.o", "other"]);
}

#[test]
fn a_link_is_replaced_and_its_target_left() {
    let mut case = Case::new().output("a.o", "object", false);
    std::fs::write(case.path("target"), "old").unwrap();
    symlink("target", case.path("a.o")).unwrap();
    case.publish().unwrap();
    assert!(case.path("a.o").symlink_metadata().unwrap().is_file());
    assert_eq!(
        (case.text("a.o").as_str(), case.text("target").as_str()),
        ("object", "old")
    );
}

#[test]
fn a_file_written_in_place_keeps_inode_mode_and_links() {
    let mut case = Case::new().output("a.d", "new", true).output("b.d", "made", true);
    std::fs::write(case.path("target"), "something longer").unwrap();
    std::fs::set_permissions(case.path("target"), Permissions::from_mode(0o600)).unwrap();
    symlink("target", case.path("a.d")).unwrap();
    let inode = std::fs::metadata(case.path("target")).unwrap().ino();
    case.publish().unwrap();
    let target = std::fs::metadata(case.path("target")).unwrap();
    assert!(case.path("a.d").is_symlink());
    assert_eq!((target.ino(), target.permissions().mode() & 0o777), (inode, 0o600));
    assert_eq!(
        (case.text("target").as_str(), case.text("b.d").as_str()),
        ("new", "made")
    );
}

#[test]
fn long_blobs_arrive_whole() {
    let content = "0123456789abcdef".repeat(200_000);
    let mut case = Case::new().output("a.o", &content, false);
    case.publish().unwrap();
    assert!(case.text("a.o") == content);
}

#[test]
fn what_is_no_regular_file_is_left_alone() {
    let check = |make: &dyn Fn(&Path)| {
        let mut case = Case::new().output("a.d", "deps", false).output("a.o", "object", false);
        make(&case.path("a.o"));
        let before = case.names();
        assert!(matches!(case.publish(), Err(PublishError::NotRegular(_))));
        assert_eq!(case.names(), before);
    };
    check(&|path| std::fs::create_dir(path).unwrap());
    check(&|path| symlink("/dev/null", path).unwrap());
    check(&|path| symlink("nothing", path).unwrap());
    check(&|path| symlink(".", path).unwrap());
    check(&|path| drop(std::os::unix::net::UnixListener::bind(path).unwrap()));
}

#[test]
fn all_or_none() {
    let check = |answer: fn(Case) -> Case| {
        let mut case = answer(Case::new().output("a.d", "deps", false));
        assert!(case.publish().is_err());
        assert_eq!(case.names(), [""; 0]);
    };
    check(|case| case.output("missing/a.o", "object", false));
    check(|mut case| {
        case = case.output("a.o", "object", false);
        case.blobs.clear();
        case
    });
    check(|mut case| {
        case = case.output("a.o", "object", false);
        case.answer.files[1].content = None;
        case
    });
    // A name that can be prepared and not be taken: longer than any file's.
    check(|case| case.output(&"o".repeat(300), "object", false));
}

#[test]
fn a_signal_leaves_nothing() {
    for looks in 0..4 {
        let mut case = Case::new()
            .output("b.o", "second", false)
            .output("a.o", "object", false);
        let left = Cell::new(looks);
        let stop = || {
            let now = left.get();
            left.set(now - 1);
            (now <= 0).then_some(15)
        };
        let stopped = publish(&case.answer, std::mem::take(&mut case.blobs), &stop);
        if matches!(stopped, Err(PublishError::Signal(15))) {
            assert_eq!(case.names(), [""; 0], "after {looks} looks");
        } else {
            assert_eq!(case.names(), ["a.o", "b.o"], "after {looks} looks");
        }
    }
}

#[test]
fn a_failed_step_removes_what_the_tool_removes() {
    let mut case = Case::new();
    std::fs::write(case.path("target"), "old").unwrap();
    std::fs::write(case.path("a.o"), "old").unwrap();
    symlink("target", case.path("b.o")).unwrap();
    for name in ["a.o", "b.o", "c.o"] {
        let path = case.path(name).into_os_string().into_encoded_bytes();
        case.answer.remove.push(path);
    }
    case.publish().unwrap();
    assert_eq!(case.names(), ["target"]);
}
