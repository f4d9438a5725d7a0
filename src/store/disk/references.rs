//! Which blobs a result names. A result without its blobs is no result.

use crate::digest::{Digest, Function};
use crate::pb::reapi::{self, ActionResult, Tree};
use crate::store::StoreError;
use bytes::Bytes;
use prost::Message as _;

/// All blobs that the result names: output files, trees and the files in them (and the directories, if the result says
/// that they are blobs of their own), and the streams that are not inline.
/// `None` if a tree is not here (`read` said so) or something is no digest of `function` or no tree.
pub(super) fn referenced(
    result: &ActionResult,
    function: Function,
    mut read: impl FnMut(Digest) -> Result<Option<Bytes>, StoreError>,
) -> Result<Option<Vec<Digest>>, StoreError> {
    let Some((mut blobs, trees)) = named(result, function) else {
        return Ok(None);
    };
    for (tree, root) in trees {
        let Some(content) = read(tree)? else { return Ok(None) };
        let Some(in_tree) = blobs_of_tree(content, function, root.is_some()) else {
            return Ok(None);
        };
        blobs.extend(root);
        blobs.extend(in_tree);
    }
    Ok(Some(blobs))
}

/// A tree, and its root directory if that is a blob too.
type TreeAndRoot = (Digest, Option<Digest>);

/// The blobs that the message itself names, and the trees.
fn named(result: &ActionResult, function: Function) -> Option<(Vec<Digest>, Vec<TreeAndRoot>)> {
    let streams = [
        (&result.stdout_raw, &result.stdout_digest),
        (&result.stderr_raw, &result.stderr_digest),
    ];
    let streams = streams.into_iter().filter(|(inline, _)| inline.is_empty());
    let streams = streams.filter_map(|(_, digest)| digest.as_ref()).map(Some);
    let files = result.output_files.iter().map(|file| file.digest.as_ref());
    let blobs = streams
        .chain(files)
        .map(|digest| parse(digest, function))
        .collect::<Option<_>>()?;
    let trees = result.output_directories.iter().map(|directory| {
        let tree = parse(directory.tree_digest.as_ref(), function)?;
        match &directory.root_directory_digest {
            Some(root) => Some((tree, Some(parse(Some(root), function)?))),
            None => Some((tree, None)),
        }
    });
    Some((blobs, trees.collect::<Option<_>>()?))
}

fn blobs_of_tree(content: Bytes, function: Function, with_directories: bool) -> Option<Vec<Digest>> {
    let tree = Tree::decode(content).ok()?;
    let directories = || tree.root.iter().chain(&tree.children);
    let files = directories()
        .flat_map(|directory| &directory.files)
        .map(|file| &file.digest);
    let subdirectories = directories()
        .filter(|_| with_directories)
        .flat_map(|directory| &directory.directories);
    let all = files.chain(subdirectories.map(|subdirectory| &subdirectory.digest));
    all.map(|digest| parse(digest.as_ref(), function)).collect()
}

fn parse(digest: Option<&reapi::Digest>, function: Function) -> Option<Digest> {
    digest.and_then(|digest| function.digest_from_wire(digest).ok())
}
