//! GetActionResult and UpdateActionResult.

use super::refused;
use crate::check::checks;
use crate::peer::{Peer, Task, code, fresh, unique};
use prost::Message as _;
use rewrap::pb::reapi;
use tonic::{Code, Status};

checks! {
    Nothing: an_unknown_action_is_not_found, a_malformed_action_is_refused;
    Updates: what_was_put_is_returned, everything_in_a_result_is_kept, a_later_result_replaces_an_earlier_one,
        results_of_two_instances_are_two, standard_output_is_inlined_when_asked_for, files_are_inlined_when_asked_for,
        a_result_without_its_file_is_not_served, a_result_without_its_standard_output_is_not_served,
        a_result_without_its_tree_is_not_served, a_result_without_a_file_of_its_tree_is_not_served,
        the_empty_blob_in_a_result_is_there, an_update_without_an_action_is_refused, an_update_without_a_result_is_refused,
        many_results_are_put_at_once;
}

/// An action that is uploaded, and was never executed.
fn action(peer: &Peer) -> reapi::Digest {
    peer.stage(&Task::new(&["/bin/true"]))
}

fn file(path: &str, digest: reapi::Digest) -> reapi::OutputFile {
    reapi::OutputFile {
        path: path.to_owned(),
        digest: Some(digest),
        ..Default::default()
    }
}

fn result(files: Vec<reapi::OutputFile>) -> reapi::ActionResult {
    reapi::ActionResult {
        output_files: files,
        ..Default::default()
    }
}

fn an_unknown_action_is_not_found(peer: &Peer) {
    refused(peer.cached(&action(peer)), Code::NotFound);
    refused(peer.cached(&peer.digest(&fresh(100))), Code::NotFound);
}

fn a_malformed_action_is_refused(peer: &Peer) {
    let digest = reapi::Digest {
        hash: "none".to_owned(),
        size_bytes: 4,
    };
    refused(peer.cached(&digest), Code::InvalidArgument);
}

fn what_was_put_is_returned(peer: &Peer) {
    let (action, output) = (action(peer), peer.put(&fresh(1000)));
    refused(peer.cached(&action), Code::NotFound);
    peer.update_result(&action, &result(vec![file("a/b.o", output.clone())]))
        .unwrap();
    let cached = peer.cached(&action).unwrap();
    assert_eq!(cached.output_files.len(), 1);
    assert_eq!(cached.output_files[0].path, "a/b.o");
    assert_eq!(cached.output_files[0].digest, Some(output));
}

fn everything_in_a_result_is_kept(peer: &Peer) {
    let link = reapi::OutputSymlink {
        path: "link".to_owned(),
        target: "a.o".to_owned(),
        ..Default::default()
    };
    let mut output = file("a.o", peer.put(&fresh(10)));
    output.is_executable = true;
    let put = reapi::ActionResult {
        output_files: vec![output],
        output_symlinks: vec![link],
        stdout_raw: b"out".to_vec(),
        stderr_digest: Some(peer.put(b"err")),
        execution_metadata: Some(reapi::ExecutedActionMetadata {
            worker: "somebody".to_owned(),
            auxiliary_metadata: vec![prost_types::Any {
                type_url: "type.googleapis.com/google.rpc.Status".to_owned(),
                value: rewrap::pb::rpc::Status::default().encode_to_vec(),
            }],
            ..Default::default()
        }),
        ..Default::default()
    };
    let action = action(peer);
    peer.update_result(&action, &put).unwrap();
    let mut cached = peer.cached(&action).unwrap();
    // Servers may inline, and may turn what was inlined into a blob.
    assert_eq!(
        (peer.stdout(&cached), peer.stderr(&cached)),
        ("out".into(), "err".into())
    );
    cached.stdout_digest = None;
    cached.stdout_raw.clone_from(&put.stdout_raw);
    cached.stderr_raw.clear();
    assert_eq!(cached, put);
}

fn a_later_result_replaces_an_earlier_one(peer: &Peer) {
    let (action, output) = (action(peer), peer.put(&fresh(10)));
    for path in ["one", "two"] {
        peer.update_result(&action, &result(vec![file(path, output.clone())]))
            .unwrap();
    }
    assert_eq!(peer.cached(&action).unwrap().output_files[0].path, "two");
}

fn results_of_two_instances_are_two(peer: &Peer) {
    let other = peer.of_instance("second");
    let (action, output) = (action(peer), peer.put(&fresh(10)));
    // Where instances have stores of their own.
    other.stage(&Task::new(&["/bin/true"]));
    peer.update_result(&action, &result(vec![file("one", output.clone())]))
        .unwrap();
    refused(other.cached(&action), Code::NotFound);
    other
        .update_result(&action, &result(vec![file("two", output)]))
        .unwrap();
    assert_eq!(peer.cached(&action).unwrap().output_files[0].path, "one");
    assert_eq!(other.cached(&action).unwrap().output_files[0].path, "two");
}

fn standard_output_is_inlined_when_asked_for(peer: &Peer) {
    let action = action(peer);
    let put = reapi::ActionResult {
        stdout_digest: Some(peer.put(b"out")),
        stderr_digest: Some(peer.put(b"err")),
        ..Default::default()
    };
    peer.update_result(&action, &put).unwrap();
    let ask = |request: &mut reapi::GetActionResultRequest| {
        request.inline_stdout = true;
        request.inline_stderr = true;
    };
    let cached = peer.cached_with(&action, ask).unwrap();
    assert_eq!((&*cached.stdout_raw, &*cached.stderr_raw), (&b"out"[..], &b"err"[..]));
}

fn files_are_inlined_when_asked_for(peer: &Peer) {
    let action = action(peer);
    let files = vec![file("a", peer.put(b"of a")), file("b", peer.put(b"of b"))];
    peer.update_result(&action, &result(files)).unwrap();
    let ask = |request: &mut reapi::GetActionResultRequest| {
        request.inline_output_files = vec!["b".to_owned()];
    };
    let cached = peer.cached_with(&action, ask).unwrap();
    assert_eq!(cached.output_files[1].contents, b"of b");
}

/// A result that names a blob that is not there may be refused; it must not be served.
fn dangling(peer: &Peer, result: &reapi::ActionResult) {
    let action = action(peer);
    let put = peer.update_result(&action, result);
    let served = peer.cached(&action);
    assert_eq!(code(&served), Code::NotFound, "put: {put:?}, served: {served:?}");
}

fn a_result_without_its_file_is_not_served(peer: &Peer) {
    let files = vec![file("a", peer.put(b"there")), file("b", peer.digest(&fresh(100)))];
    dangling(peer, &result(files));
}

fn a_result_without_its_standard_output_is_not_served(peer: &Peer) {
    dangling(
        peer,
        &reapi::ActionResult {
            stdout_digest: Some(peer.digest(&fresh(100))),
            ..Default::default()
        },
    );
}

fn directory(tree: reapi::Digest) -> reapi::ActionResult {
    reapi::ActionResult {
        output_directories: vec![reapi::OutputDirectory {
            path: "d".to_owned(),
            tree_digest: Some(tree),
            ..Default::default()
        }],
        ..Default::default()
    }
}

fn a_result_without_its_tree_is_not_served(peer: &Peer) {
    dangling(peer, &directory(peer.digest(&fresh(100))));
}

fn a_result_without_a_file_of_its_tree_is_not_served(peer: &Peer) {
    let root = reapi::Directory {
        files: vec![reapi::FileNode {
            name: "absent".to_owned(),
            digest: Some(peer.digest(&fresh(100))),
            ..Default::default()
        }],
        ..Default::default()
    };
    let tree = reapi::Tree {
        root: Some(root),
        children: Vec::new(),
    };
    dangling(peer, &directory(peer.put(&tree.encode_to_vec())));
}

fn the_empty_blob_in_a_result_is_there(peer: &Peer) {
    let action = action(peer);
    let mut put = result(vec![file("empty", peer.digest(b""))]);
    put.stdout_digest = Some(peer.digest(b""));
    peer.update_result(&action, &put).unwrap();
    assert_eq!(peer.cached(&action).unwrap().output_files.len(), 1);
}

fn update(peer: &Peer, request: reapi::UpdateActionResultRequest) -> Result<(), Status> {
    let request = reapi::UpdateActionResultRequest {
        instance_name: peer.instance.clone(),
        digest_function: peer.wire_function(),
        ..request
    };
    peer.wait(peer.cache().update_action_result(request)).map(|_| ())
}

fn an_update_without_an_action_is_refused(peer: &Peer) {
    let request = reapi::UpdateActionResultRequest {
        action_result: Some(result(Vec::new())),
        ..Default::default()
    };
    refused(update(peer, request), Code::InvalidArgument);
}

fn an_update_without_a_result_is_refused(peer: &Peer) {
    let request = reapi::UpdateActionResultRequest {
        action_digest: Some(action(peer)),
        ..Default::default()
    };
    refused(update(peer, request), Code::InvalidArgument);
}

fn many_results_are_put_at_once(peer: &Peer) {
    let output = peer.put(&fresh(10));
    std::thread::scope(|threads| {
        for _ in 0..16 {
            threads.spawn(|| {
                for _ in 0..10 {
                    let (action, path) = (action(peer), unique());
                    let put = result(vec![file(&path, output.clone())]);
                    peer.update_result(&action, &put).unwrap();
                    assert_eq!(peer.cached(&action).unwrap().output_files[0].path, path);
                }
            });
        }
    });
}
