//! Takes what an action has left into the store.
//!
//! Links are recorded, and followed only on the way to an output, and only inside the input root. What a blob cannot be (a
//! pipe, a device) is an error; what is not there is left out.

mod directory;

use super::super::job::RunError;
use super::declared::DeclaredOutput;
use super::perform::{host, store_failed};
use super::place::Place;
use crate::digest::{Digest, Function};
use crate::pb::reapi::command::OutputDirectoryFormat;
use crate::pb::reapi::{ActionResult, Command, NodeProperties, OutputFile, OutputSymlink};
use crate::store::DiskStore;
use rustix::fs::{AtFlags, FileType, Mode, OFlags, Stat, fstat, openat, readlinkat, statat};
use rustix::io::Errno;
use std::fs::File;
use std::path::Path;

/// Collects the outputs of one action.
pub(super) struct Collector<'a> {
    store: &'a DiskStore,
    function: Function,
    format: OutputDirectoryFormat,
    with_mtime: bool,
    with_mode: bool,
    /// Bytes that outputs may still have.
    left: u64,
    /// Bytes that they may have together.
    most: u64,
}

impl<'a> Collector<'a> {
    /// `printed` of the `most` bytes are gone for stdout and stderr.
    pub(super) fn new(store: &'a DiskStore, function: Function, command: &Command, most: u64, printed: u64) -> Self {
        let wanted = |property: &str| command.output_node_properties.iter().any(|name| name == property);
        Self {
            store,
            function,
            format: command.output_directory_format(),
            with_mtime: wanted("mtime"),
            with_mode: wanted("unix_mode"),
            left: most.saturating_sub(printed),
            most,
        }
    }

    /// Adds an output to the result if it is there.
    pub(super) fn collect(
        &mut self,
        root: &Place,
        output: &DeclaredOutput,
        result: &mut ActionResult,
    ) -> Result<(), RunError> {
        let parent = output.path.parent().unwrap_or(Path::new(""));
        let place = match root.resolve(parent) {
            Ok(place) => place,
            Err(Errno::NOENT | Errno::NOTDIR) => return Ok(()),
            Err(error) => return Err(unreachable_output(&output.name, error)),
        };
        // The root has no name.
        let Some(name) = output.path.file_name() else {
            result.output_directories.push(self.directory(&place, output)?);
            return Ok(());
        };
        let name = name.to_str().expect("the protocol's names are text");
        let found = match statat(place.anchor(), name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(found) => found,
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(unreachable_output(&output.name, error)),
        };
        match FileType::from_raw_mode(found.st_mode) {
            FileType::RegularFile => {
                let (digest, found) = self.file(&place, name)?;
                result.output_files.push(OutputFile {
                    path: output.name.clone(),
                    digest: Some(digest.into()),
                    is_executable: is_executable(&found),
                    node_properties: self.properties(&found),
                    ..Default::default()
                });
            }
            FileType::Directory => {
                let below = place.enter(name).map_err(|error| host("enter an output", error))?;
                result.output_directories.push(self.directory(&below, output)?);
            }
            FileType::Symlink => {
                let link = self.link(&place, name, output, &found)?;
                add_link(link, root.resolve(&output.path).is_ok(), result);
            }
            kind => return Err(no_blob(&output.name, kind)),
        }
        Ok(())
    }

    /// Stores a file. What it is now is found out from the open file: nobody can exchange that.
    fn file(&mut self, place: &Place, name: &str) -> Result<(Digest, Stat), RunError> {
        let failed = |error: std::io::Error| host(&format!("read the output `{name}`"), error);
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        let open = || openat(place.anchor(), place.path(name), flags, Mode::empty());
        let opened = match open() {
            // An action may take the right to read away from its own output.
            Err(Errno::ACCESS) => {
                let readable = Mode::RUSR | Mode::WUSR;
                rustix::fs::chmodat(place.anchor(), place.path(name), readable, AtFlags::empty())
                    .map_err(|error| failed(error.into()))?;
                open()
            }
            opened => opened,
        };
        let opened = opened.map_err(|error| failed(error.into()))?;
        let found = fstat(&opened).map_err(|error| failed(error.into()))?;
        let kind = FileType::from_raw_mode(found.st_mode);
        if kind != FileType::RegularFile {
            return Err(no_blob(name, kind));
        }
        self.account(found.st_size.unsigned_abs())?;
        let digest = self.store.put_file_by(self.function, &File::from(opened));
        Ok((digest.map_err(store_failed)?, found))
    }

    /// Counts bytes of outputs.
    fn account(&mut self, size: u64) -> Result<(), RunError> {
        self.left = self.left.checked_sub(size).ok_or_else(|| too_much(self.most))?;
        Ok(())
    }

    /// The link of this name that was found at `place`.
    fn link(
        &self,
        place: &Place,
        name: &str,
        output: &DeclaredOutput,
        found: &Stat,
    ) -> Result<OutputSymlink, RunError> {
        Ok(OutputSymlink {
            path: output.name.clone(),
            target: target(place, name)?,
            node_properties: self.properties(found),
        })
    }

    /// What was asked for of a file's properties.
    fn properties(&self, found: &Stat) -> Option<NodeProperties> {
        if !self.with_mtime && !self.with_mode {
            return None;
        }
        Some(NodeProperties {
            mtime: self.with_mtime.then(|| prost_types::Timestamp {
                seconds: found.st_mtime,
                nanos: i32::try_from(found.st_mtime_nsec).unwrap_or(0),
            }),
            unix_mode: self.with_mode.then_some(found.st_mode & 0o7777),
            ..Default::default()
        })
    }
}

/// Makes the directories that outputs are written to.
pub(super) fn make_parents(root: &Place, outputs: &[DeclaredOutput]) -> Result<(), RunError> {
    for output in outputs {
        let parent = output.path.parent().unwrap_or(Path::new(""));
        if root.resolve(parent).is_ok() {
            continue;
        }
        let failed = |error| unreachable_output(&output.name, error);
        let mut place = root.clone();
        let mut done = Path::new("").to_owned();
        for name in parent {
            done.push(name);
            place = match root.resolve(&done) {
                Err(Errno::NOENT) => {
                    rustix::fs::mkdirat(place.anchor(), name, Mode::from_raw_mode(0o755)).map_err(failed)?;
                    let usual = Mode::from_raw_mode(0o755);
                    rustix::fs::chmodat(place.anchor(), name, usual, AtFlags::empty()).map_err(failed)?;
                    root.resolve(&done).map_err(failed)?
                }
                there => there.map_err(failed)?,
            };
        }
    }
    Ok(())
}

fn target(place: &Place, name: &str) -> Result<String, RunError> {
    let target = readlinkat(place.anchor(), place.path(name), Vec::new())
        .map_err(|error| host(&format!("read the link `{name}`"), error.into()))?;
    let text = target.into_string();
    text.map_err(|_| {
        RunError::Invalid(format!(
            "the link `{name}` among the outputs does not lead to valid UTF-8"
        ))
    })
}

/// Clients of version 2.0 look at the older fields, which tell links to directories from all others.
fn add_link(link: OutputSymlink, is_directory: bool, result: &mut ActionResult) {
    #[expect(deprecated, reason = "older clients know no other")]
    if is_directory {
        result.output_directory_symlinks.push(link.clone());
    } else {
        result.output_file_symlinks.push(link.clone());
    }
    result.output_symlinks.push(link);
}

fn is_executable(found: &Stat) -> bool {
    found.st_mode & 0o100 != 0
}

/// For outputs that lie behind a link out of the input root, or behind a file.
fn unreachable_output(name: &str, error: Errno) -> RunError {
    match error {
        Errno::XDEV => RunError::Invalid(format!("the output `{name}` lies behind a link out of the input root")),
        Errno::NOTDIR | Errno::EXIST => RunError::Invalid(format!("the output `{name}` lies behind a file")),
        Errno::LOOP => RunError::Invalid(format!("the output `{name}` lies behind links in a circle")),
        Errno::NAMETOOLONG => RunError::Invalid(format!("the path of the output `{name}` is too long")),
        Errno::ACCESS => RunError::Invalid(format!("the output `{name}` lies where the action lets nobody look")),
        error => host(&format!("reach the output `{name}`"), error.into()),
    }
}

fn no_blob(name: &str, kind: FileType) -> RunError {
    let kind = match kind {
        FileType::Fifo => "a named pipe",
        FileType::Socket => "a socket",
        FileType::BlockDevice | FileType::CharacterDevice => "a device",
        _ => "no file, directory or link",
    };
    RunError::Invalid(format!("the output `{name}` is {kind}"))
}

pub(super) fn too_much(most: u64) -> RunError {
    RunError::Exhausted(format!("the action has written more than {most} bytes"))
}
