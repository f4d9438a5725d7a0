//! What is captured of an action's outputs.

use super::refused;
use crate::check::checks;
use crate::peer::task::Node;
use crate::peer::{Peer, Task};
use prost::Message as _;
use rewrap::pb::reapi;
use std::collections::BTreeSet;
use tonic::Code;

checks! {
    Execution: a_file_is_captured, a_directory_is_captured, files_of_the_old_field_are_captured,
        directories_of_the_old_field_are_captured, the_new_field_wins, what_is_not_named_is_not_captured,
        what_is_not_written_is_left_out, parents_of_outputs_exist, parents_of_old_outputs_exist,
        an_output_does_not_exist_before, the_executable_bit_of_an_output_is_kept, an_empty_file_is_captured,
        an_empty_directory_is_captured, a_tree_holds_everything_below, a_tree_holds_links, a_link_is_captured,
        a_link_has_its_old_field_too, a_directory_link_is_captured, outputs_are_relative_to_the_working_directory,
        outputs_may_be_above_the_working_directory, an_input_may_be_an_output, outputs_of_a_failure_are_captured,
        a_large_output_is_captured, outputs_are_in_the_store, the_whole_root_is_captured, an_absolute_output_is_refused,
        an_output_that_leads_out_is_refused, a_link_that_leads_out_is_not_followed;
    Api23: the_root_of_a_tree_is_named_when_asked_for;
}

fn paths(result: &reapi::ActionResult) -> Vec<&str> {
    let files = result.output_files.iter().map(|file| file.path.as_str());
    let directories = result
        .output_directories
        .iter()
        .map(|directory| directory.path.as_str());
    let links = result.output_symlinks.iter().map(|link| link.path.as_str());
    let mut paths: Vec<_> = files.chain(directories).chain(links).collect();
    paths.sort_unstable();
    paths.dedup();
    paths
}

#[track_caller]
fn run(peer: &Peer, task: &Task) -> reapi::ActionResult {
    let result = peer.run(task);
    assert_eq!(result.exit_code, 0, "{}", peer.stderr(&result));
    result
}

fn a_file_is_captured(peer: &Peer) {
    let result = run(peer, &Task::sh("printf content >out").outputs(&["out"]));
    assert_eq!(peer.output(&result, "out"), b"content");
    assert_eq!(paths(&result), ["out"]);
}

fn a_directory_is_captured(peer: &Peer) {
    let result = run(peer, &Task::sh("mkdir -p d; echo 1 >d/a").outputs(&["d"]));
    let tree = peer.output_tree(&result, "d");
    assert_eq!(tree.root.unwrap().files[0].name, "a");
}

fn files_of_the_old_field_are_captured(peer: &Peer) {
    let result = run(peer, &Task::sh("printf content >out").old_outputs(&["out"], &[]));
    assert_eq!(peer.output(&result, "out"), b"content");
}

fn directories_of_the_old_field_are_captured(peer: &Peer) {
    let result = run(peer, &Task::sh("mkdir -p d; echo 1 >d/a").old_outputs(&[], &["d"]));
    let tree = peer.output_tree(&result, "d");
    assert_eq!(tree.root.unwrap().files[0].name, "a");
}

fn the_new_field_wins(peer: &Peer) {
    let task = Task::sh("echo 1 >new; echo 2 >old")
        .old_outputs(&["old"], &[])
        .outputs(&["new"]);
    assert_eq!(paths(&run(peer, &task)), ["new"]);
}

fn what_is_not_named_is_not_captured(peer: &Peer) {
    let result = run(peer, &Task::sh("echo 1 >out; echo 2 >other").outputs(&["out"]));
    assert_eq!(paths(&result), ["out"]);
}

fn what_is_not_written_is_left_out(peer: &Peer) {
    let result = run(peer, &Task::sh("echo 1 >out").outputs(&["out", "never", "no/never"]));
    assert_eq!(paths(&result), ["out"]);
}

fn parents_of_outputs_exist(peer: &Peer) {
    let result = run(peer, &Task::sh("echo 1 >a/b/out").outputs(&["a/b/out"]));
    assert_eq!(paths(&result), ["a/b/out"]);
}

fn parents_of_old_outputs_exist(peer: &Peer) {
    let task = Task::sh("echo 1 >a/b/out; mkdir -p c/d; echo 2 >c/d/e; [ -d c ]").old_outputs(&["a/b/out"], &["c/d"]);
    assert_eq!(paths(&run(peer, &task)), ["a/b/out", "c/d"]);
}

fn an_output_does_not_exist_before(peer: &Peer) {
    let task = Task::sh("[ ! -e a/b/out ] && mkdir a/b/out && echo 1 >a/b/out/file").outputs(&["a/b/out"]);
    assert_eq!(paths(&run(peer, &task)), ["a/b/out"]);
}

fn the_executable_bit_of_an_output_is_kept(peer: &Peer) {
    let task = Task::sh("echo 1 >no; echo 2 >yes; chmod 755 yes").outputs(&["no", "yes"]);
    let result = run(peer, &task);
    let bits: Vec<_> = result
        .output_files
        .iter()
        .map(|file| (&*file.path, file.is_executable))
        .collect();
    assert_eq!(bits, [("no", false), ("yes", true)]);
}

fn an_empty_file_is_captured(peer: &Peer) {
    let result = run(peer, &Task::sh(": >out").outputs(&["out"]));
    assert_eq!(result.output_files[0].digest, Some(peer.digest(b"")));
}

fn an_empty_directory_is_captured(peer: &Peer) {
    let result = run(peer, &Task::sh("mkdir d").outputs(&["d"]));
    let tree = peer.output_tree(&result, "d");
    assert_eq!(tree.root.unwrap_or_default(), reapi::Directory::default());
    assert!(tree.children.is_empty());
}

fn a_tree_holds_everything_below(peer: &Peer) {
    let script = "mkdir -p d/x/y d/empty; printf 1 >d/a; printf 2 >d/x/b; printf 3 >d/x/y/c; chmod 755 d/x/b";
    let result = run(peer, &Task::sh(script).outputs(&["d"]));
    let tree = peer.output_tree(&result, "d");
    let root = tree.root.clone().unwrap();
    let child = |directory: &reapi::Directory, name: &str| {
        let node = directory.directories.iter().find(|node| node.name == name);
        let digest = node.expect("a directory").digest.clone().unwrap();
        let mut children = tree.children.iter();
        let child = children.find(|child| peer.digest(&child.encode_to_vec()) == digest);
        child.expect("among the children").clone()
    };
    let x = child(&root, "x");
    let y = child(&x, "y");
    assert_eq!(child(&root, "empty"), reapi::Directory::default());
    assert_eq!((x.files[0].name.as_str(), x.files[0].is_executable), ("b", true));
    assert_eq!(peer.get(y.files[0].digest.as_ref().unwrap()), b"3");
    assert_eq!(root.files.len() + root.directories.len(), 3);
}

fn a_tree_holds_links(peer: &Peer) {
    let script = "mkdir d; printf 1 >d/a; ln -s a d/link; ln -s ../out d/above; ln -s /usr d/absolute";
    let result = run(peer, &Task::sh(script).outputs(&["d"]));
    let root = peer.output_tree(&result, "d").root.unwrap();
    let links: BTreeSet<_> = root.symlinks.iter().map(|link| (&*link.name, &*link.target)).collect();
    assert_eq!(links, [("above", "../out"), ("absolute", "/usr"), ("link", "a")].into());
    assert_eq!(root.files.len(), 1);
}

fn a_link_is_captured(peer: &Peer) {
    let result = run(peer, &Task::sh("printf 1 >file; ln -s file out").outputs(&["out"]));
    let links: Vec<_> = result
        .output_symlinks
        .iter()
        .map(|link| (&*link.path, &*link.target))
        .collect();
    assert_eq!(links, [("out", "file")]);
    assert!(result.output_files.is_empty());
}

fn a_link_has_its_old_field_too(peer: &Peer) {
    let result = run(
        peer,
        &Task::sh("printf 1 >file; ln -s file out").old_outputs(&["out"], &[]),
    );
    #[expect(deprecated, reason = "the field of API 2.0")]
    let links = result.output_file_symlinks.iter();
    let links: Vec<_> = links.map(|link| (&*link.path, &*link.target)).collect();
    assert_eq!(links, [("out", "file")]);
}

fn a_directory_link_is_captured(peer: &Peer) {
    let result = run(peer, &Task::sh("mkdir d; ln -s d out").outputs(&["out"]));
    let links: Vec<_> = result
        .output_symlinks
        .iter()
        .map(|link| (&*link.path, &*link.target))
        .collect();
    assert_eq!(links, [("out", "d")]);
    assert!(result.output_directories.is_empty());
}

fn outputs_are_relative_to_the_working_directory(peer: &Peer) {
    let task = Task::sh("printf content >sub/out")
        .node("work/sub", Node::Directory)
        .working_directory("work")
        .outputs(&["sub/out"]);
    assert_eq!(peer.output(&run(peer, &task), "sub/out"), b"content");
}

fn outputs_may_be_above_the_working_directory(peer: &Peer) {
    let task = Task::sh("printf content >../other/out")
        .node("work", Node::Directory)
        .node("other", Node::Directory)
        .working_directory("work")
        .outputs(&["../other/out"]);
    assert_eq!(peer.output(&run(peer, &task), "../other/out"), b"content");
}

fn an_input_may_be_an_output(peer: &Peer) {
    let task = Task::sh("cp in new; echo more >>new; mv -f new in")
        .input("in", b"content ")
        .outputs(&["in"]);
    assert_eq!(peer.output(&run(peer, &task), "in"), b"content more\n");
}

fn outputs_of_a_failure_are_captured(peer: &Peer) {
    let result = peer.run(&Task::sh("printf content >out; exit 1").outputs(&["out"]));
    assert_eq!(result.exit_code, 1);
    assert_eq!(peer.output(&result, "out"), b"content");
}

fn a_large_output_is_captured(peer: &Peer) {
    let task = Task::sh("head -c 10000000 /dev/zero | tr '\\0' x >out").outputs(&["out"]);
    let output = peer.output(&run(peer, &task), "out");
    assert!(output.len() == 10_000_000 && output.iter().all(|byte| *byte == b'x'));
}

fn outputs_are_in_the_store(peer: &Peer) {
    let script = "printf 1 >file; mkdir d; printf 2 >d/file; head -c 100000 /dev/zero; head -c 100000 /dev/zero >&2";
    let result = run(peer, &Task::sh(script).outputs(&["d", "file"]));
    let mut digests = vec![result.output_files[0].digest.clone().unwrap()];
    digests.push(result.output_directories[0].tree_digest.clone().unwrap());
    let root = peer.output_tree(&result, "d").root.unwrap();
    digests.push(root.files[0].digest.clone().unwrap());
    digests.extend(result.stdout_digest.clone());
    digests.extend(result.stderr_digest.clone());
    assert_eq!(peer.missing(&digests).unwrap(), []);
}

fn the_whole_root_is_captured(peer: &Peer) {
    let task = Task::sh("printf 1 >new").input("sub/in", b"2").outputs(&[""]);
    let result = run(peer, &task);
    let root = peer.output_tree(&result, "").root.unwrap();
    assert_eq!(
        (root.files[0].name.as_str(), root.directories[0].name.as_str()),
        ("new", "sub")
    );
}

fn an_absolute_output_is_refused(peer: &Peer) {
    let place = tempfile::tempdir().expect("temporary directory");
    let path = place.path().join("out");
    let path = path.to_str().expect("UTF-8");
    refused(
        peer.try_run(&Task::new(&["/bin/true"]).outputs(&[path])),
        Code::InvalidArgument,
    );
}

fn an_output_that_leads_out_is_refused(peer: &Peer) {
    for path in ["../out", "a/../../out"] {
        refused(
            peer.try_run(&Task::new(&["/bin/true"]).outputs(&[path])),
            Code::InvalidArgument,
        );
    }
}

fn a_link_that_leads_out_is_not_followed(peer: &Peer) {
    // A directory on the way to an output becomes a link to what is outside.
    let place = tempfile::tempdir().expect("temporary directory");
    std::fs::write(place.path().join("secret"), "secret").expect("written");
    let script = format!("rm -rf a; ln -s {} a", place.path().display());
    let result = peer.try_run(&Task::sh(&script).outputs(&["a/secret"]));
    assert!(result.is_err() || result.is_ok_and(|result| paths(&result).is_empty()));
}

fn the_root_of_a_tree_is_named_when_asked_for(peer: &Peer) {
    use reapi::command::OutputDirectoryFormat;
    let mut task = Task::sh("mkdir -p d/e; printf 1 >d/e/f").outputs(&["d"]);
    task.command.output_directory_format = OutputDirectoryFormat::TreeAndDirectory.into();
    let result = run(peer, &task);
    let tree = peer.output_tree(&result, "d");
    let root = result.output_directories[0]
        .root_directory_digest
        .clone()
        .expect("a root");
    let directory = reapi::Directory::decode(peer.get(&root).as_slice()).unwrap();
    assert_eq!(Some(&directory), tree.root.as_ref());
    assert!(peer.has(directory.directories[0].digest.as_ref().unwrap()));
}
