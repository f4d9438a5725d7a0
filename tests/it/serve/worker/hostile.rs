//! Input trees and outputs that want to lead out of the action's directory.

use super::bench::{Bench, command, files_below, sh};
use proptest::prelude::*;
use rewrap::digest::Digest;
use rewrap::pb::reapi::{Directory, DirectoryNode, FileNode, SymlinkNode};
use rewrap::serve::job::RunError;
use rewrap::serve::sandbox::SandboxMode::{Off, Require};
use std::fs;

fn directory(names: &[(&str, Digest)]) -> Directory {
    let directories = names.iter().map(|(name, digest)| DirectoryNode {
        name: (*name).to_owned(),
        digest: Some((*digest).into()),
    });
    Directory {
        directories: directories.collect(),
        ..Directory::default()
    }
}

#[test]
fn all_blobs_that_are_missing_are_named() {
    let bench = Bench::new(Off);
    let lost = |text: &str| Digest::of(text.as_bytes());
    let file = |name: &str, digest: Digest| FileNode {
        name: name.to_owned(),
        digest: Some(digest.into()),
        ..FileNode::default()
    };
    let there = bench.put(b"there");
    let below = bench.put_message(&Directory {
        files: vec![file("x", lost("two")), file("y", there), file("z", lost("one"))],
        ..Directory::default()
    });
    let root = bench.put_message(&Directory {
        files: vec![file("a", lost("one"))],
        ..directory(&[("b", below), ("c", lost("three"))])
    });
    let mut expected = vec![lost("one"), lost("two"), lost("three")];
    expected.sort();
    match bench.run(sh("true", &[]), root) {
        Err(RunError::Missing(missing)) => assert_eq!(missing, expected),
        other => panic!("{other:?}"),
    }
    assert!(matches!(bench.run(sh("true", &[]), lost("root")), Err(RunError::Missing(missing)) if missing.len() == 1));
}

#[test]
fn deep_and_wide_trees_are_laid_out() {
    let bench = Bench::new(Require);
    let mut deep = bench.tree(&[("leaf", "found")]);
    for _ in 0..1000 {
        deep = bench.put_message(&directory(&[("deeper-and-deeper", deep)]));
    }
    // A shell would have to know where it is.
    let script = "import os\nfor _ in range(1000): os.chdir('deeper-and-deeper')\nprint(open('leaf').read())";
    let ended = bench.run(command(&["python3", "-c", script], &[]), deep);
    assert_eq!(bench.told(&ended), "0|found;");
    let empty = bench.put(b"");
    let wide = Directory {
        files: (0..100_000)
            .map(|number| FileNode {
                name: format!("{number:06}"),
                digest: Some(empty.into()),
                ..FileNode::default()
            })
            .collect(),
        ..Directory::default()
    };
    let wide = bench.put_message(&wide);
    assert_eq!(bench.told(&bench.sh_in("ls | wc -l", wide)), "0|100000;");
}

#[test]
fn a_tree_of_more_paths_than_a_disk_has_is_refused() {
    let bench = Bench::new(Off);
    let mut tree = bench.tree(&[("leaf", "x")]);
    for _ in 0..100 {
        tree = bench.put_message(&directory(&[("a", tree), ("b", tree)]));
    }
    let expected = "Invalid: the input tree has more than 1000000 entries";
    assert_eq!(bench.told(&bench.run(sh("true", &[]), tree)), expected);
    let large = bench.put(&vec![0; 1 << 20]);
    let mut tree = bench.put_message(&Directory {
        files: vec![FileNode {
            name: "large".to_owned(),
            digest: Some(large.into()),
            ..FileNode::default()
        }],
        ..Directory::default()
    });
    for _ in 0..18 {
        tree = bench.put_message(&directory(&[("a", tree), ("b", tree)]));
    }
    let told = bench.told(&bench.run(sh("true", &[]), tree));
    assert!(
        told.starts_with("Exhausted: the inputs have 274877906944 bytes"),
        "{told}"
    );
}

#[test]
fn what_is_no_directory_is_refused() {
    let bench = Bench::new(Off);
    let text = bench.put(b"\xff\xff\xff");
    let told = bench.told(&bench.run(sh("true", &[]), text));
    assert!(told.starts_with("Invalid: the input tree cannot be read"), "{told}");
}

#[test]
fn outputs_behind_links_stay_inside() {
    for mode in [Require, Off] {
        let bench = Bench::new(mode);
        let outside = bench.dir.path().join("outside");
        fs::create_dir(&outside).unwrap();
        fs::write(outside.join("secret"), b"secret").unwrap();
        let out = format!("out -> {}", outside.display());
        let entries = [
            (&*out, ""),
            ("up -> ../../../../..", ""),
            ("in -> sub", ""),
            ("sub/x", "inside"),
            ("loop -> loop", ""),
        ];
        let check = |script: &str, output: &str, expected: &str| {
            assert_eq!(bench.told(&bench.sh(script, &entries, &[output])), expected, "{output}");
        };
        check("true", "in/x", "0|in/x=inside");
        check("true", "in", "0|in->sub");
        check("true", "out", &format!("0|out->{}", outside.display()));
        let escapes = |output: &str| format!("Invalid: the output `{output}` lies behind a link out of the input root");
        check("true", "out/secret", &escapes("out/secret"));
        check("true", "out/new/secret", &escapes("out/new/secret"));
        check("true", "up/etc/passwd", &escapes("up/etc/passwd"));
        check(
            "true",
            "loop/x",
            "Invalid: the output `loop/x` lies behind links in a circle",
        );
        check("true", "sub/x/y", "Invalid: the output `sub/x/y` lies behind a file");
        check(
            &format!("rm -r sub; ln -s {} sub", outside.display()),
            "sub/secret",
            &escapes("sub/secret"),
        );
        check(
            "rm -r sub; mkdir sub; mkfifo sub/x",
            "sub",
            "Invalid: the output `x` is a named pipe",
        );
        check("mkfifo pipe", "pipe", "Invalid: the output `pipe` is a named pipe");
        check(
            "true",
            "../x",
            "Invalid: the output \"../x\" leads out of the input root",
        );
        assert_eq!(fs::read_dir(&outside).unwrap().count(), 1);
    }
}

/// A name that is one, or is meant to lead elsewhere.
fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => "[a-c]",
        1 => Just("..".to_owned()),
        1 => Just(".".to_owned()),
        1 => Just(String::new()),
        1 => Just("../x".to_owned()),
        1 => Just("a/b".to_owned()),
        1 => Just("/tmp/rewrap-escaped".to_owned()),
        1 => Just("a\0b".to_owned()),
    ]
}

#[derive(Clone, Debug)]
enum Node {
    File(String),
    Link(String, String),
    Directory(String, Vec<Node>),
}

fn node() -> impl Strategy<Value = Node> {
    let target = prop_oneof![
        Just("..".to_owned()),
        Just("../../..".to_owned()),
        Just("/tmp".to_owned()),
        "[a-c]"
    ];
    let leaf = prop_oneof![
        name().prop_map(Node::File),
        (name(), target).prop_map(|(name, to)| Node::Link(name, to))
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        (name(), prop::collection::vec(inner, 0..4)).prop_map(|(name, nodes)| Node::Directory(name, nodes))
    })
}

fn put(bench: &Bench, nodes: &[Node]) -> Digest {
    let mut directory = Directory::default();
    for node in nodes {
        match node {
            Node::File(name) => directory.files.push(FileNode {
                name: name.clone(),
                digest: Some(bench.put(b"content").into()),
                ..FileNode::default()
            }),
            Node::Link(name, target) => directory.symlinks.push(SymlinkNode {
                name: name.clone(),
                target: target.clone(),
                node_properties: None,
            }),
            Node::Directory(name, nodes) => directory.directories.push(DirectoryNode {
                name: name.clone(),
                digest: Some(put(bench, nodes).into()),
            }),
        }
    }
    bench.put_message(&directory)
}

#[test]
fn no_tree_writes_outside() {
    let bench = Bench::new(Off);
    let bait = bench.dir.path().join("bait");
    fs::create_dir(&bait).unwrap();
    let scratch = bench.dir.path().join("scratch");
    // Where actions are may change: what has ended is being removed.
    let own = [scratch.join("actions"), bench.dir.path().join("store")];
    let around = || files_below(bench.dir.path(), &own);
    let before = around();
    let trees = prop::collection::vec(node(), 0..5);
    let outputs = prop::collection::vec("[a-c](/[a-c]){0,3}", 0..4);
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig::with_cases(64));
    let tried = runner.run(&(trees, outputs), |(nodes, outputs)| {
        let outputs: Vec<&str> = outputs.iter().map(String::as_str).collect();
        let ended = bench.run(command(&["/bin/true"], &outputs), put(&bench, &nodes));
        let expected = matches!(ended, Ok(_) | Err(RunError::Invalid(_)));
        prop_assert!(expected, "{:?}", ended);
        prop_assert_eq!(around(), before.clone());
        prop_assert!(!std::path::Path::new("/tmp/rewrap-escaped").exists());
        Ok(())
    });
    tried.unwrap();
}
