//! Which blobs a result names. A result without its blobs is no result.

use crate::digest::{Digest, Function};
use crate::pb::reapi::{self, ActionResult, Tree};
use crate::store::StoreError;
use bytes::Bytes;
use prost::Message as _;

/// All blobs that the result names: output files, trees and the files in them, and the streams that are not inline.
/// `None` if a tree is not here (`read` said so) or something is no digest of `function` or no tree.
pub(super) fn referenced(
    result: &ActionResult,
    function: Function,
    mut read: impl FnMut(Digest) -> Result<Option<Bytes>, StoreError>,
) -> Result<Option<Vec<Digest>>, StoreError> {
    let Some((mut blobs, trees)) = named(result, function) else {
        return Ok(None);
    };
    for tree in trees {
        let Some(content) = read(tree)? else { return Ok(None) };
        let Some(files) = files_of_tree(content, function) else {
            return Ok(None);
        };
        blobs.extend(files);
    }
    Ok(Some(blobs))
}

/// The blobs that the message itself names, and the trees.
fn named(result: &ActionResult, function: Function) -> Option<(Vec<Digest>, Vec<Digest>)> {
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
    let trees = result.output_directories.iter();
    let trees = trees.map(|directory| parse(directory.tree_digest.as_ref(), function));
    Some((blobs, trees.collect::<Option<_>>()?))
}

fn files_of_tree(content: Bytes, function: Function) -> Option<Vec<Digest>> {
    let tree = Tree::decode(content).ok()?;
    let files = tree
        .root
        .iter()
        .chain(&tree.children)
        .flat_map(|directory| &directory.files);
    files.map(|file| parse(file.digest.as_ref(), function)).collect()
}

fn parse(digest: Option<&reapi::Digest>, function: Function) -> Option<Digest> {
    digest.and_then(|digest| function.digest_from_wire(digest).ok())
}
