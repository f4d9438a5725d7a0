//! A result → what the wrapper is told to place and print.

use super::candidate::{Found, Remembered};
use crate::daemon::Answer;
use crate::outputs::{self, BadOutput, diagnostics};
use crate::pb::wire::{OutputFile, Publish, output_file::Content};
use crate::store::Blob;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;

/// Blobs in memory up to this size go with the frame; larger ones as a descriptor.
const INLINE: usize = 256 << 10;

/// Why a result cannot be handed out; the step then runs here.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    /// A blob that cannot be read.
    #[error("cannot read a blob of the result")]
    Blob(#[from] io::Error),
    /// An output whose paths cannot be told.
    #[error(transparent)]
    Output(#[from] BadOutput),
    /// Diagnostics whose paths cannot be told.
    #[error(transparent)]
    Text(#[from] diagnostics::BadText),
}

/// Everything with the user's own paths, in the order of publishing.
pub(super) fn publish(found: &Found, remembered: &Remembered) -> Result<Answer, Unusable> {
    let mut descriptors = Vec::new();
    let mut files = Vec::new();
    for (output, blob) in remembered.outputs.iter().zip(&found.contents) {
        let Some(blob) = blob else { continue };
        let content = if output.format.is_opaque() {
            content(blob, &mut descriptors)?
        } else {
            let bytes = outputs::restore(&blob.to_bytes()?, output.format, &found.paths)?;
            content(&Blob::Bytes(bytes.into()), &mut descriptors)?
        };
        files.push(OutputFile {
            path: output.user_path.clone().into_bytes(),
            content: Some(content),
            mode: output.mode,
            in_place: output.in_place,
        });
    }
    let publish = Publish {
        files,
        stdout: diagnostics::restore(&found.stdout, &found.paths)?,
        stderr: diagnostics::restore(&found.stderr, &found.paths)?,
        exit: found.exit,
        remove: removed(found.exit, remembered),
    };
    Ok(Answer::Publish(publish, descriptors))
}

/// Some tools remove an output that is there already when they fail.
fn removed(exit: i32, remembered: &Remembered) -> Vec<Vec<u8>> {
    if exit == 0 || !remembered.removes_on_failure {
        return Vec::new();
    }
    vec![remembered.primary().to_owned().into_bytes()]
}

fn content(blob: &Blob, descriptors: &mut Vec<OwnedFd>) -> io::Result<Content> {
    let file = match blob {
        Blob::Bytes(bytes) if bytes.len() <= INLINE => return Ok(Content::Inline(bytes.to_vec())),
        Blob::Bytes(bytes) => {
            let mut file = tempfile::tempfile()?;
            file.write_all(bytes)?;
            file
        }
        Blob::File(file) => file.try_clone()?,
    };
    descriptors.push(OwnedFd::from(file));
    let index = u32::try_from(descriptors.len() - 1).map_err(|_| io::Error::from(io::ErrorKind::InvalidInput))?;
    Ok(Content::Descriptor(index))
}
