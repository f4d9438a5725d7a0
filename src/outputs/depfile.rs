//! Depfiles with the paths of another directory. A depfile in which no word changes comes out byte for byte.

use crate::action::PathMap;
use crate::command::Family;
use crate::depfile::{Depfile, NoRule, escape};

#[cfg(test)]
mod tests;

/// A file that is no depfile of a C compiler, or one whose paths cannot be restored.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadDepfile {
    /// It is no depfile.
    #[error(transparent)]
    NoRule(#[from] NoRule),
    /// It names the directory of the worker.
    #[error("cannot restore the depfile: it names the worker's own directory")]
    NamesWorker,
    /// It holds names of its own that read like relocated ones.
    #[error("cannot relocate the depfile: it would not be restored")]
    Ambiguous,
}

/// The depfile as the user's own compiler would have written it.
pub fn restore(bytes: &[u8], paths: &PathMap, family: Family) -> Result<Vec<u8>, BadDepfile> {
    let restored = match paths.roots() {
        Some((relocated, home)) => replace_root(bytes, relocated, home, family)?,
        None => bytes.to_vec(),
    };
    if PathMap::names_worker(&restored) {
        return Err(BadDepfile::NamesWorker);
    }
    Ok(restored)
}

/// The reverse of [`restore`]: a depfile that the user's own compiler wrote, as the action would have written it. Under
/// `paths = portable` other checkouts share the result. Whatever comes out is restored to what went in.
pub fn relocate(bytes: &[u8], paths: &PathMap, family: Family) -> Result<Vec<u8>, BadDepfile> {
    let Some((relocated, home)) = paths.roots() else {
        return Ok(bytes.to_vec());
    };
    let moved = replace_root(bytes, home, relocated, family)?;
    if restore(&moved, paths, family)? == bytes {
        Ok(moved)
    } else {
        Err(BadDepfile::Ambiguous)
    }
}

fn replace_root(bytes: &[u8], from: &str, to: &str, family: Family) -> Result<Vec<u8>, BadDepfile> {
    let from = [&escape(from.as_bytes()), b"/".as_slice()].concat();
    if memchr::memmem::find(bytes, &from).is_none() {
        return Ok(bytes.to_vec());
    }
    let mut depfile = Depfile::parse(bytes)?;
    let to = [&escape(to.as_bytes()), b"/".as_slice()].concat();
    let mut changed = false;
    for word in depfile.words_mut() {
        if let Some(rest) = word.strip_prefix(from.as_slice()) {
            *word = [&to, rest].concat();
            changed = true;
        }
    }
    Ok(if changed {
        depfile.lay_out(family)
    } else {
        bytes.to_vec()
    })
}
