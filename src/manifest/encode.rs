//! Manifests as rows of the index.

use super::names::{NameList, There, is_plain};
use super::{AbsentFact, DirectoryFact, FileFact, LinkFact, Manifest, Names};
use crate::digest::Digest;
use crate::host::file_id::FileId;
use crate::pb::index as pb;
use bytes::Bytes;
use prost::Message as _;
use std::collections::HashMap;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// A row that is no manifest set. What is in it is found again.
#[derive(Debug, thiserror::Error)]
#[error("not a set of manifests")]
pub struct BadManifest;

impl From<prost::DecodeError> for BadManifest {
    fn from(_: prost::DecodeError) -> Self {
        Self
    }
}

/// The row of these manifests, newest first.
pub(super) fn encode(manifests: &[Arc<Manifest>]) -> Bytes {
    let manifests = manifests.iter().map(|manifest| manifest_row(manifest)).collect();
    pb::ManifestSet { manifests }.encode_to_vec().into()
}

/// The reverse of [`encode`]. `share` turns a fact into the one of its kind that others hold too.
pub(super) fn decode(
    row: Bytes,
    mut share: impl FnMut(FileFact) -> Arc<FileFact>,
) -> Result<Vec<Arc<Manifest>>, BadManifest> {
    let rows = pb::ManifestSet::decode(row)?.manifests;
    rows.iter()
        .map(|row| Ok(Arc::new(manifest(row, &mut share)?)))
        .collect()
}

fn manifest_row(manifest: &Manifest) -> pb::Manifest {
    let numbers: HashMap<&Path, u32> = manifest.directories.iter().map(|fact| &*fact.path).zip(0..).collect();
    let file_row = |file: &Arc<FileFact>| pb::File {
        // Each file's directory is among the facts: `observe` puts it there, and `decode` builds on it.
        directory: numbers[file.path.parent().expect("a file lies in a directory")],
        name: bytes(file.path.file_name().expect("a file has a name")),
        id: id_row(file.id),
        hash: Bytes::copy_from_slice(file.digest.hash()),
        size: file.digest.size(),
    };
    pb::Manifest {
        files: manifest.files.iter().map(file_row).collect(),
        directories: manifest.directories.iter().map(directory_row).collect(),
        links: manifest.links.iter().map(link_row).collect(),
        absent: manifest.absent.iter().map(absent_row).collect(),
        payload: manifest.payload.clone(),
    }
}

fn directory_row(fact: &DirectoryFact) -> pb::Directory {
    pb::Directory {
        path: bytes(fact.path.as_os_str()),
        id: id_row(fact.id),
        names: match &fact.names {
            Names::Unread => None,
            Names::These(names) => Some(pb::directory::Names::These(Bytes::copy_from_slice(names.as_bytes()))),
            Names::All(hash) => Some(pb::directory::Names::All(Bytes::copy_from_slice(hash))),
        },
    }
}

fn link_row(fact: &LinkFact) -> pb::Link {
    pb::Link {
        path: bytes(fact.path.as_os_str()),
        target: bytes(fact.target.as_os_str()),
    }
}

fn absent_row(fact: &AbsentFact) -> pb::Absent {
    pb::Absent {
        path: bytes(fact.path.as_os_str()),
        there: fact.instead.code().into(),
    }
}

fn id_row(id: Option<FileId>) -> Bytes {
    id.map_or(Bytes::new(), |id| Bytes::copy_from_slice(&id.encode()))
}

fn bytes(text: &OsStr) -> Bytes {
    Bytes::copy_from_slice(text.as_bytes())
}

fn manifest(row: &pb::Manifest, share: &mut impl FnMut(FileFact) -> Arc<FileFact>) -> Result<Manifest, BadManifest> {
    let directories: Vec<_> = row.directories.iter().map(directory).collect::<Result<_, _>>()?;
    let file = |row: &pb::File| {
        let directory: &DirectoryFact = directories.get(row.directory as usize).ok_or(BadManifest)?;
        // A name and nothing else, else its directory would not be the one it is said to lie in.
        if !is_plain(&row.name) {
            return Err(BadManifest);
        }
        Ok(share(FileFact {
            path: directory.path.join(OsStr::from_bytes(&row.name)),
            id: id(&row.id)?,
            digest: Digest::from_parts(hash(&row.hash)?, row.size),
        }))
    };
    Ok(Manifest {
        files: row.files.iter().map(file).collect::<Result<_, _>>()?,
        directories,
        links: row.links.iter().map(link).collect(),
        absent: row.absent.iter().map(absent).collect::<Result<_, _>>()?,
        // Copied: a slice would keep the whole row.
        payload: Bytes::copy_from_slice(&row.payload),
    })
}

fn directory(row: &pb::Directory) -> Result<DirectoryFact, BadManifest> {
    Ok(DirectoryFact {
        path: path(&row.path),
        id: id(&row.id)?,
        names: match &row.names {
            None => Names::Unread,
            Some(pb::directory::Names::These(names)) => Names::These(NameList::unpack(names).ok_or(BadManifest)?),
            Some(pb::directory::Names::All(listing)) => Names::All(hash(listing)?),
        },
    })
}

fn link(row: &pb::Link) -> LinkFact {
    LinkFact {
        path: path(&row.path),
        target: path(&row.target),
    }
}

fn absent(row: &pb::Absent) -> Result<AbsentFact, BadManifest> {
    let code = u8::try_from(row.there).map_err(|_| BadManifest)?;
    Ok(AbsentFact {
        path: path(&row.path),
        instead: There::from_code(code).ok_or(BadManifest)?,
    })
}

fn id(row: &[u8]) -> Result<Option<FileId>, BadManifest> {
    if row.is_empty() {
        return Ok(None);
    }
    FileId::decode(row).map(Some).ok_or(BadManifest)
}

fn hash(row: &[u8]) -> Result<[u8; 32], BadManifest> {
    row.try_into().map_err(|_| BadManifest)
}

fn path(row: &[u8]) -> PathBuf {
    OsStr::from_bytes(row).into()
}
