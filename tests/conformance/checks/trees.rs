//! GetTree.

use super::refused;
use crate::check::checks;
use crate::peer::task::{Node, Tree};
use crate::peer::{Peer, Task, fresh, unique};
use bytes::Bytes;
use prost::Message as _;
use rewrap::pb::reapi;
use std::collections::BTreeMap;
use tonic::{Code, Status};

checks! {
    Nothing: all_directories_are_returned, a_shared_directory_is_returned, the_empty_directory_is_returned,
        pages_hold_every_directory_once, a_missing_root_is_not_found, what_is_missing_below_is_left_out,
        a_root_that_is_no_directory_is_an_error, a_tree_may_be_deep, a_directory_may_be_large;
}

/// All directories of all pages.
fn directories(peer: &Peer, root: &reapi::Digest, page_size: i32) -> Result<Vec<reapi::Directory>, Status> {
    let mut all = Vec::new();
    let mut page_token = String::new();
    loop {
        let request = reapi::GetTreeRequest {
            instance_name: peer.instance.clone(),
            root_digest: Some(root.clone()),
            page_size,
            page_token,
            digest_function: peer.wire_function(),
        };
        page_token = peer.wait(async {
            let mut stream = peer.cas().get_tree(request).await?.into_inner();
            let mut next = String::new();
            while let Some(page) = stream.message().await? {
                all.extend(page.directories);
                next = page.next_page_token;
            }
            Ok(next)
        })?;
        if page_token.is_empty() {
            return Ok(all);
        }
    }
}

fn by_digest(peer: &Peer, directories: &[reapi::Directory]) -> BTreeMap<String, usize> {
    let mut found = BTreeMap::new();
    for directory in directories {
        *found.entry(peer.digest(&directory.encode_to_vec()).hash).or_default() += 1;
    }
    found
}

/// A tree in which every directory is another one.
fn tree(peer: &Peer) -> Tree {
    let seed = unique();
    let mut task = Task::new(&[]).node("empty", Node::Directory);
    for path in ["a", "b/c", "b/d", "b/e/f/g"] {
        task = task.input(&format!("{path}/file"), format!("{seed} {path}").as_bytes());
    }
    task.tree(peer)
}

fn all_directories_are_returned(peer: &Peer) {
    let tree = tree(peer);
    let root = tree.root();
    peer.put_all(tree.directories.clone());
    let returned = directories(peer, &root, 0).unwrap();
    let expected: Vec<_> = tree.directories.iter().map(|(digest, _)| digest.hash.clone()).collect();
    let found = by_digest(peer, &returned);
    assert!(expected.iter().all(|hash| found.contains_key(hash)), "{returned:?}");
    assert_eq!(found.len(), expected.len());
}

fn a_shared_directory_is_returned(peer: &Peer) {
    let seed = unique();
    let task = Task::new(&[])
        .input("one/same/file", seed.as_bytes())
        .input("two/same/file", seed.as_bytes());
    let tree = task.tree(peer);
    let root = tree.root();
    peer.put_all(tree.directories);
    // `one` and `two` are equal, too.
    let found = by_digest(peer, &directories(peer, &root, 0).unwrap());
    assert_eq!(found.len(), 3, "{found:?}");
}

fn the_empty_directory_is_returned(peer: &Peer) {
    let returned = directories(peer, &peer.digest(b""), 0).unwrap();
    assert_eq!(returned, [reapi::Directory::default()]);
}

fn pages_hold_every_directory_once(peer: &Peer) {
    let tree = tree(peer);
    let root = tree.root();
    let count = tree.directories.len();
    peer.put_all(tree.directories);
    let found = by_digest(peer, &directories(peer, &root, 2).unwrap());
    assert_eq!(found.len(), count);
    assert!(found.values().all(|times| *times == 1), "{found:?}");
}

fn a_missing_root_is_not_found(peer: &Peer) {
    refused(directories(peer, &peer.digest(&fresh(100)), 0), Code::NotFound);
}

fn what_is_missing_below_is_left_out(peer: &Peer) {
    let mut tree = tree(peer);
    let root = tree.root();
    let count = tree.directories.len();
    // The first one is a leaf.
    tree.directories.remove(0);
    peer.put_all(tree.directories);
    let returned = directories(peer, &root, 0).unwrap();
    assert_eq!(by_digest(peer, &returned).len(), count - 1);
}

fn a_root_that_is_no_directory_is_an_error(peer: &Peer) {
    let garbage = peer.put(&[&[0xff; 100], fresh(16).as_slice()].concat());
    let answer = directories(peer, &garbage, 0);
    let status = answer.expect_err("garbage is no tree");
    let sensible = [Code::InvalidArgument, Code::FailedPrecondition, Code::NotFound];
    assert!(sensible.contains(&status.code()), "{status:?}");
}

fn a_tree_may_be_deep(peer: &Peer) {
    let path = vec!["d"; 300].join("/");
    let tree = Task::new(&[])
        .input(&format!("{path}/file"), unique().as_bytes())
        .tree(peer);
    let root = tree.root();
    peer.put_all(tree.directories);
    assert_eq!(directories(peer, &root, 0).unwrap().len(), 301);
}

fn a_directory_may_be_large(peer: &Peer) {
    // 2.4 MB in one message.
    let digest = peer.digest(&fresh(10));
    let files = (0..20_000).map(|number| reapi::FileNode {
        name: format!("{number:064}"),
        digest: Some(digest.clone()),
        ..Default::default()
    });
    let directory = reapi::Directory {
        files: files.collect(),
        ..Default::default()
    };
    let bytes = Bytes::from(directory.encode_to_vec());
    let root = peer.digest(&bytes);
    peer.put_all(vec![(root.clone(), bytes)]);
    let returned = directories(peer, &root, 0).unwrap();
    assert_eq!((returned.len(), returned[0].files.len()), (1, 20_000));
}
