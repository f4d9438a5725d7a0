//! Lays an input tree out in an empty directory.
//!
//! Only what was made here is ever entered: a name is there once, so what has the name of a directory is one, and no link
//! of the tree is on any path that is written to.

use super::super::job::RunError;
use super::super::sandbox::STARTING;
use super::copy::copy;
use super::listing::{File, Properties};
use super::perform::{host, store_failed};
use super::place::Place;
use super::tree::InputTree;
use crate::digest::Digest;
use crate::store::DiskStore;
use rustix::fs::{
    AtFlags, Mode, OFlags, Timespec, Timestamps, chmodat, fchmod, futimens, mkdirat, openat, symlinkat, utimensat,
};
use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::sync::PoisonError;

/// When an input was changed last, if its node does not say: at the same time always, since compilers record it
/// (`__TIMESTAMP__`, precompiled headers). 2000-01-01, as other workers say; archivers know no time before 1980.
const EVERY_MTIME: (i64, u32) = (946_684_800, 0);

/// Lays out the tree. If blobs of files are missing, all of them are named.
pub(super) fn materialise(store: &DiskStore, tree: &InputTree, root: &Place) -> Result<(), RunError> {
    let mut work = Work {
        store,
        missing: BTreeSet::new(),
        finishing: Vec::new(),
    };
    let mut waiting = vec![(root.clone(), tree.root)];
    while let Some((place, directory)) = waiting.pop() {
        let listing = tree.listing(directory);
        for file in &listing.files {
            work.file(&place, file)?;
        }
        for link in &listing.links {
            symlinkat(&*link.target, place.anchor(), place.path(&link.name))
                .map_err(|error| lay_out(&link.name, error.into()))?;
        }
        for (name, below) in &listing.directories {
            waiting.push((work.directory(&place, name, tree.listing(*below).properties)?, *below));
        }
    }
    work.finish()
}

struct Work<'a> {
    store: &'a DiskStore,
    missing: BTreeSet<Digest>,
    /// Directories that get their mode and time when nothing is put into them any more.
    finishing: Vec<(Place, String, Properties)>,
}

impl Work<'_> {
    fn file(&mut self, place: &Place, file: &File) -> Result<(), RunError> {
        let Some(blob) = self.store.blob(file.digest).map_err(store_failed)? else {
            self.missing.insert(file.digest);
            return Ok(());
        };
        if !self.missing.is_empty() {
            return Ok(());
        }
        write(place, file, &blob).map_err(|error| lay_out(&file.name, error))
    }

    /// Makes a directory.
    fn directory(&mut self, place: &Place, name: &str, properties: Properties) -> Result<Place, RunError> {
        let create = || {
            let path = place.path(name);
            mkdirat(place.anchor(), &path, Mode::from_raw_mode(0o755))?;
            // The umask is not the client's.
            chmodat(place.anchor(), &path, Mode::from_raw_mode(0o755), AtFlags::empty())?;
            place.enter(name)
        };
        let made = create().map_err(|error| lay_out(name, error))?;
        if properties != Properties::default() {
            self.finishing.push((place.clone(), name.to_owned(), properties));
        }
        Ok(made)
    }

    fn finish(self) -> Result<(), RunError> {
        if !self.missing.is_empty() {
            return Err(RunError::Missing(self.missing.into_iter().collect()));
        }
        // The deepest first: it takes the rights of a directory to go through it.
        for (place, name, properties) in self.finishing.iter().rev() {
            let path = place.path(name);
            let set = || {
                if let Some(mode) = properties.mode {
                    chmodat(place.anchor(), &path, Mode::from_raw_mode(mode), AtFlags::empty())?;
                }
                match properties.mtime {
                    Some(time) => utimensat(place.anchor(), &path, &times(time), AtFlags::SYMLINK_NOFOLLOW),
                    None => Ok(()),
                }
            };
            set().map_err(|error| lay_out(name, error.into()))?;
        }
        Ok(())
    }
}

fn write(place: &Place, file: &File, blob: &fs::File) -> io::Result<()> {
    let usual = if file.executable { 0o755 } else { 0o644 };
    let permissions = match file.properties.mode {
        Some(asked) if file.executable => asked | 0o111,
        asked => asked.unwrap_or(usual),
    };
    let unstarted = (permissions & 0o111 != 0).then(|| STARTING.read().unwrap_or_else(PoisonError::into_inner));
    let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let created = openat(
        place.anchor(),
        place.path(&file.name),
        flags,
        Mode::from_raw_mode(0o600),
    )?;
    let mut target = fs::File::from(created);
    copy(blob, file.digest.size(), &mut target)?;
    fchmod(&target, Mode::from_raw_mode(permissions))?;
    futimens(&target, &times(file.properties.mtime.unwrap_or(EVERY_MTIME)))?;
    drop(target);
    drop(unstarted);
    Ok(())
}

fn times((tv_sec, nanos): (i64, u32)) -> Timestamps {
    let time = Timespec {
        tv_sec,
        tv_nsec: nanos.into(),
    };
    Timestamps {
        last_access: time,
        last_modification: time,
    }
}

fn lay_out(name: &str, error: io::Error) -> RunError {
    host(&format!("lay out the input `{name}`"), error)
}
