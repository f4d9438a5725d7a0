//! What is collected of an action's outputs, and in which form.

use super::bench::{Bench, command, sh, variable};
use prost::Message as _;
use rewrap::digest::{Digest, Function};
use rewrap::pb::reapi::command::OutputDirectoryFormat;
use rewrap::pb::reapi::{ActionResult, Command, Directory, DirectoryNode, FileNode, NodeProperties, SymlinkNode, Tree};
use rewrap::serve::sandbox::SandboxMode::{Off, Require};

/// Makes a directory with something of everything.
const MAKE: &str =
    "mkdir -p d/b/c d/a/c d/empty; echo x > d/b/c/x; echo x > d/a/c/x; echo y > d/z; chmod +x d/z; ln -s /b d/k";

fn listing(files: &[(&str, &str, bool)], directories: &[(&str, &Directory)], links: &[(&str, &str)]) -> Directory {
    Directory {
        files: files
            .iter()
            .map(|(name, content, executable)| FileNode {
                name: (*name).to_owned(),
                digest: Some(Digest::of(content.as_bytes()).into()),
                is_executable: *executable,
                node_properties: None,
            })
            .collect(),
        directories: directories
            .iter()
            .map(|(name, directory)| DirectoryNode {
                name: (*name).to_owned(),
                digest: Some(Digest::of(&directory.encode_to_vec()).into()),
            })
            .collect(),
        symlinks: links
            .iter()
            .map(|(name, target)| SymlinkNode {
                name: (*name).to_owned(),
                target: (*target).to_owned(),
                node_properties: None,
            })
            .collect(),
        node_properties: None,
    }
}

fn expected_tree() -> Tree {
    let c = listing(&[("x", "x\n", false)], &[], &[]);
    let ab = listing(&[], &[("c", &c)], &[]);
    let empty = Directory::default();
    let root = listing(
        &[("z", "y\n", true)],
        &[("a", &ab), ("b", &ab), ("empty", &empty)],
        &[("k", "/b")],
    );
    Tree {
        root: Some(root),
        // Each once, what holds another before it.
        children: vec![empty, ab, c],
    }
}

fn collected(bench: &Bench, format: OutputDirectoryFormat) -> ActionResult {
    let mut command = sh(MAKE, &["d"]);
    command.output_directory_format = format.into();
    bench.run(command, bench.tree(&[])).unwrap()
}

#[test]
fn a_directory_is_a_canonical_tree() {
    let bench = Bench::new(Require);
    let result = collected(&bench, OutputDirectoryFormat::TreeOnly);
    let [directory] = &*result.output_directories else {
        panic!("{result:?}")
    };
    assert_eq!(directory.path, "d");
    assert!(directory.is_topologically_sorted && directory.root_directory_digest.is_none());
    let tree = Tree::decode(&*bench.content(directory.tree_digest.as_ref().unwrap())).unwrap();
    assert_eq!(tree, expected_tree());
}

#[test]
fn a_directory_is_directories_if_asked_for() {
    let bench = Bench::new(Require);
    for (format, has_tree) in [
        (OutputDirectoryFormat::DirectoryOnly, false),
        (OutputDirectoryFormat::TreeAndDirectory, true),
    ] {
        let result = collected(&bench, format);
        let directory = &result.output_directories[0];
        assert_eq!(directory.tree_digest.is_some(), has_tree);
        let root = bench.content(directory.root_directory_digest.as_ref().unwrap());
        let root = Directory::decode(&*root).unwrap();
        assert_eq!(Some(&root), expected_tree().root.as_ref());
        // It can be an input.
        let input = bench.put_message(&root);
        assert_eq!(
            bench.told(&bench.sh_in("cat a/c/x b/c/x z; readlink k", input)),
            "0|x;x;y;/b;"
        );
    }
}

#[test]
fn digests_are_of_the_action_s_function() {
    for mode in [Require, Off] {
        let mut bench = Bench::new(mode);
        bench.function = Function::Blake3;
        let script = "cat a > b; head -c 100000 /dev/zero; mkdir d; cp a d";
        let mut command = sh(script, &["b", "d"]);
        command.output_directory_format = OutputDirectoryFormat::TreeAndDirectory.into();
        let result = bench.run(command, bench.tree(&[("a", "one")])).unwrap();
        let digest = |content: &[u8]| Some(Function::Blake3.digest(content).into());
        assert_eq!(result.output_files[0].digest, digest(b"one"));
        assert_eq!(result.stdout_digest, digest(&vec![0; 100_000]));
        let tree = result.output_directories[0].tree_digest.as_ref().unwrap();
        let tree = Tree::decode(&*bench.content(tree)).unwrap();
        assert_eq!(tree.root.unwrap().files[0].digest, digest(b"one"));
    }
}

#[test]
fn streams_are_inline_if_they_are_short() {
    let bench = Bench::new(Off);
    let check = |size: usize, inline: bool| {
        let result = bench
            .sh(
                &format!("head -c {size} /dev/zero; head -c {size} /dev/zero >&2"),
                &[],
                &[],
            )
            .unwrap();
        assert_eq!(
            (result.stdout_digest.is_none(), result.stderr_digest.is_none()),
            (inline, inline)
        );
        assert_eq!((bench.stdout(&result).len(), bench.stderr(&result).len()), (size, size));
    };
    check(0, true);
    check(1 << 14, true);
    check((1 << 14) + 1, false);
    check(3 << 20, false);
}

#[test]
fn links_are_said_in_old_and_new_fields() {
    let bench = Bench::new(Require);
    let script = "mkdir d; echo > f; ln -s d to-d; ln -s f to-f; ln -s absent to-nothing; ln -s /usr to-usr";
    let outputs = ["to-d", "to-f", "to-nothing", "to-usr"];
    let result = bench.sh(script, &[], &outputs).unwrap();
    let names =
        |links: &[rewrap::pb::reapi::OutputSymlink]| links.iter().map(|link| link.path.clone()).collect::<Vec<_>>();
    assert_eq!(names(&result.output_symlinks), outputs);
    #[expect(deprecated, reason = "older clients know no other")]
    let old = (
        names(&result.output_directory_symlinks),
        names(&result.output_file_symlinks),
    );
    assert_eq!(old.0, ["to-d"]);
    assert_eq!(old.1, ["to-f", "to-nothing", "to-usr"]);
}

#[test]
fn older_clients_ask_for_files_and_directories() {
    let bench = Bench::new(Off);
    #[expect(deprecated, reason = "older clients know no other")]
    let command = Command {
        output_files: vec!["new/f".to_owned(), "absent".to_owned()],
        output_directories: vec!["other/d".to_owned()],
        ..sh("echo x > new/f; mkdir other/d", &[])
    };
    assert_eq!(bench.told(&bench.run(command, bench.tree(&[]))), "0|new/f=x;|other/d/");
}

#[test]
fn the_whole_directory_can_be_an_output() {
    let bench = Bench::new(Require);
    let result = bench.sh("echo x > x", &[("a", "one")], &[""]).unwrap();
    let directory = &result.output_directories[0];
    let tree = Tree::decode(&*bench.content(directory.tree_digest.as_ref().unwrap())).unwrap();
    let names: Vec<String> = tree.root.unwrap().files.into_iter().map(|file| file.name).collect();
    assert_eq!(
        (directory.path.as_str(), names),
        ("", vec!["a".to_owned(), "x".to_owned()])
    );
}

#[test]
fn node_properties_are_kept_both_ways() {
    let bench = Bench::new(Require);
    let properties = |mode: u32, seconds: i64| {
        Some(NodeProperties {
            mtime: Some(prost_types::Timestamp { seconds, nanos: 0 }),
            unix_mode: Some(mode),
            ..NodeProperties::default()
        })
    };
    let below = bench.put_message(&Directory {
        node_properties: properties(0o500, 1_000_000_000),
        ..listing(&[], &[], &[])
    });
    let mut root = listing(&[], &[], &[]);
    root.files.push(FileNode {
        name: "f".to_owned(),
        digest: Some(bench.put(b"x").into()),
        is_executable: false,
        node_properties: properties(0o4640, 1_234_567_890),
    });
    root.directories.push(DirectoryNode {
        name: "d".to_owned(),
        digest: Some(below.into()),
    });
    let root = bench.put_message(&root);
    let mut command = sh("stat -c '%n %a %Y' f d", &["f"]);
    command.output_node_properties = vec!["mtime".to_owned(), "unix_mode".to_owned()];
    let result = bench.run(command, root).unwrap();
    // What would run it as somebody else is taken away.
    assert_eq!(bench.stdout(&result), "f 640 1234567890\nd 500 1000000000\n");
    let found = result.output_files[0].node_properties.as_ref().unwrap();
    assert_eq!(Some(found), properties(0o100_640 & 0o7777, 1_234_567_890).as_ref());
}

#[test]
fn the_result_says_when_and_where() {
    let bench = Bench::new(Off);
    let result = bench.sh("sleep 0.05", &[], &[]).unwrap();
    let metadata = result.execution_metadata.unwrap();
    let times = [
        metadata.input_fetch_start_timestamp,
        metadata.input_fetch_completed_timestamp,
        metadata.execution_start_timestamp,
        metadata.execution_completed_timestamp,
        metadata.output_upload_start_timestamp,
        metadata.output_upload_completed_timestamp,
    ];
    let times = times.map(|time| time.map(|time| (time.seconds, time.nanos)).unwrap());
    assert!(times.is_sorted(), "{times:?}");
    assert!(metadata.virtual_execution_duration.unwrap().nanos >= 50_000_000);
    assert!(!metadata.worker.is_empty());
}

#[test]
fn a_compiler_without_path_finds_its_parts() {
    let bench = Bench::new(Require);
    let tree = bench.tree(&[("a.c", "#include <stdio.h>\nint main(void) { puts(\"hello\"); }\n")]);
    for path in [None, Some("/usr/bin")] {
        let mut gcc = command(&["gcc", "-c", "a.c"], &["a.o"]);
        gcc.environment_variables = path.map(|path| variable("PATH", path)).into_iter().collect();
        let result = bench.run(gcc, tree).unwrap();
        assert_eq!(
            (result.exit_code, bench.stderr(&result)),
            (0, String::new()),
            "{path:?}"
        );
        assert_eq!(result.output_files.len(), 1);
    }
}
