//! The input tree as an action sees it, and trees that must be refused.

use crate::check::checks;
use crate::peer::task::Node;
use crate::peer::{Peer, Task, code, fresh, unique};
use prost::Message as _;
use rewrap::pb::reapi;
use tonic::{Code, Status};

checks! {
    Execution: files_are_where_they_should_be, the_executable_bit_is_kept, links_are_links, links_out_of_the_tree_stay_links,
        empty_directories_are_there, names_may_be_odd, a_large_file_is_there, a_thousand_files_are_there,
        an_input_that_is_overwritten_harms_nobody, an_input_that_is_removed_harms_nobody, equal_files_are_two_files,
        new_files_can_stand_beside_inputs, the_tree_can_be_empty, a_name_that_leads_out_is_refused,
        a_name_with_a_slash_is_refused, an_empty_name_is_refused, one_name_twice_is_refused,
        a_directory_that_is_none_is_refused, a_working_directory_that_leads_out_is_refused;
}

fn files_are_where_they_should_be(peer: &Peer) {
    let task = Task::sh("cat a b/c b/d/e")
        .input("a", b"1")
        .input("b/c", b"2")
        .input("b/d/e", b"3");
    assert_eq!(peer.printed(&task), "123");
}

fn the_executable_bit_is_kept(peer: &Peer) {
    let script = |executable| Node::File {
        bytes: b"#!/bin/sh\necho runs\n".to_vec(),
        executable,
    };
    let task = Task::sh("./yes; [ -x no ] && echo wrong || echo not executable")
        .node("yes", script(true))
        .node("no", script(false));
    assert_eq!(peer.printed(&task), "runs\nnot executable\n");
}

fn links_are_links(peer: &Peer) {
    let task = Task::sh("readlink link directory; cat link directory/b")
        .input("a/b", b"content")
        .node("link", Node::Link("a/b".into()))
        .node("directory", Node::Link("a".into()));
    assert_eq!(peer.printed(&task), "a/b\na\ncontentcontent");
}

fn links_out_of_the_tree_stay_links(peer: &Peer) {
    let task = Task::sh("readlink absolute above dangling")
        .node("absolute", Node::Link("/usr/bin/env".into()))
        .node("above", Node::Link("../../x".into()))
        .node("dangling", Node::Link("nowhere".into()));
    assert_eq!(peer.printed(&task), "/usr/bin/env\n../../x\nnowhere\n");
}

fn empty_directories_are_there(peer: &Peer) {
    let task = Task::sh("ls -A a/empty; [ -d a/empty ] && echo there").node("a/empty", Node::Directory);
    assert_eq!(peer.printed(&task), "there\n");
}

fn names_may_be_odd(peer: &Peer) {
    let names = [
        "with space",
        "ünïcode",
        "-dash",
        "a'b\"c",
        "back\\slash",
        "new\nline",
        "...",
        "$x*?",
    ];
    let mut task = Task::sh("for f in ./*; do cat \"$f\"; done | wc -c; cat ./...");
    for name in names {
        task = task.input(name, b"1");
    }
    assert_eq!(peer.printed(&task).trim_start(), "7\n1");
}

fn a_large_file_is_there(peer: &Peer) {
    let bytes = fresh(10_000_000);
    let task = Task::sh("wc -c <large; tail -c 5 large | od -An -tx1").input("large", &bytes);
    let tail: Vec<_> = bytes[9_999_995..].iter().map(|byte| format!(" {byte:02x}")).collect();
    assert_eq!(peer.printed(&task), format!("10000000\n{}\n", tail.concat()));
}

fn a_thousand_files_are_there(peer: &Peer) {
    let mut task = Task::sh("find d[0-9]* -type f | wc -l; cat d7/f42");
    let seed = unique();
    for number in 0..1000 {
        let path = format!("d{}/f{number}", number % 35);
        task = task.input(&path, format!("{seed} {number}").as_bytes());
    }
    assert_eq!(peer.printed(&task), format!("1000\n{seed} 42"));
}

/// Runs a script that does something to the input `in`, and then looks at it in another action.
fn harmed(peer: &Peer, script: &str) {
    let content = unique();
    let first = peer.try_run(&Task::sh(script).input("in", content.as_bytes()));
    let second = Task::sh("cat in").input("in", content.as_bytes());
    assert_eq!(peer.printed(&second), content, "after {first:?}");
    peer.get(&peer.digest(content.as_bytes()));
}

fn an_input_that_is_overwritten_harms_nobody(peer: &Peer) {
    harmed(peer, "chmod 666 in; echo more >>in");
    harmed(peer, "chmod 666 in; echo other >in");
}

fn an_input_that_is_removed_harms_nobody(peer: &Peer) {
    harmed(peer, "rm -f in; echo other >in");
    harmed(peer, "echo other >new; mv -f new in");
}

fn equal_files_are_two_files(peer: &Peer) {
    let content = unique();
    let task = Task::sh("cp a c; mv c a 2>/dev/null; echo more >>a; cat b")
        .input("a", content.as_bytes())
        .input("b", content.as_bytes());
    assert_eq!(peer.printed(&task), content);
}

fn new_files_can_stand_beside_inputs(peer: &Peer) {
    let task = Task::sh("echo new >sub/new; mkdir sub/dir; cat sub/old sub/new").input("sub/old", b"old ");
    assert_eq!(peer.printed(&task), "old new\n");
}

fn the_tree_can_be_empty(peer: &Peer) {
    assert_eq!(peer.printed(&Task::sh("ls -A; echo end")), "end\n");
}

/// An action with this input root must be refused for what it is.
fn bad_root(peer: &Peer, root: &reapi::Directory) {
    let root = peer.put(&root.encode_to_vec());
    // What nobody runs must leave nothing behind either.
    let action = peer.stage_with_root(&Task::new(&["/bin/true"]), root);
    is_refused(peer, &action);
}

fn is_refused(peer: &Peer, action: &reapi::Digest) {
    let answer = peer.execute(action).and_then(|response| match response.status {
        Some(status) if status.code != 0 => Err(Status::new(Code::from(status.code), status.message)),
        _ => Ok(response.result),
    });
    assert_eq!(code(&answer), Code::InvalidArgument, "{answer:?}");
}

fn file(peer: &Peer, name: &str) -> reapi::FileNode {
    reapi::FileNode {
        name: name.to_owned(),
        digest: Some(peer.put(b"content")),
        ..Default::default()
    }
}

fn bad_names(peer: &Peer, names: &[&str]) {
    let empty = Some(peer.put(b""));
    for name in names {
        bad_root(
            peer,
            &reapi::Directory {
                files: vec![file(peer, name)],
                ..Default::default()
            },
        );
        bad_root(
            peer,
            &reapi::Directory {
                directories: vec![reapi::DirectoryNode {
                    name: (*name).to_owned(),
                    digest: empty.clone(),
                }],
                ..Default::default()
            },
        );
        bad_root(
            peer,
            &reapi::Directory {
                symlinks: vec![reapi::SymlinkNode {
                    name: (*name).to_owned(),
                    target: "x".to_owned(),
                    ..Default::default()
                }],
                ..Default::default()
            },
        );
    }
}

fn a_name_that_leads_out_is_refused(peer: &Peer) {
    bad_names(peer, &["..", "."]);
}

fn a_name_with_a_slash_is_refused(peer: &Peer) {
    bad_names(peer, &["a/b", "/absolute", "../above"]);
}

fn an_empty_name_is_refused(peer: &Peer) {
    bad_names(peer, &[""]);
}

fn one_name_twice_is_refused(peer: &Peer) {
    bad_root(
        peer,
        &reapi::Directory {
            files: vec![file(peer, "same"), file(peer, "same")],
            ..Default::default()
        },
    );
    bad_root(
        peer,
        &reapi::Directory {
            files: vec![file(peer, "same")],
            directories: vec![reapi::DirectoryNode {
                name: "same".to_owned(),
                digest: Some(peer.put(b"")),
            }],
            ..Default::default()
        },
    );
}

fn a_directory_that_is_none_is_refused(peer: &Peer) {
    let garbage = peer.put(&[&[0xff; 100], fresh(16).as_slice()].concat());
    is_refused(peer, &peer.stage_with_root(&Task::new(&["/bin/true"]), garbage));
}

fn a_working_directory_that_leads_out_is_refused(peer: &Peer) {
    for path in ["..", "a/../..", "/"] {
        is_refused(peer, &peer.stage(&Task::new(&["/bin/true"]).working_directory(path)));
    }
}
