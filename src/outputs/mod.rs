//! What to publish and under which names; depfiles, link maps, preprocessed text and diagnostics with the user's own paths.

pub mod depfile;
pub mod diagnostics;
pub mod line_markers;
pub mod link_map;

use crate::action::{OutputFormat, PathMap};
use crate::command::Family;

/// An output whose paths cannot be told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadOutput {
    /// A depfile.
    #[error(transparent)]
    Depfile(#[from] depfile::BadDepfile),
    /// Any other text.
    #[error(transparent)]
    Text(#[from] diagnostics::BadText),
}

impl OutputFormat {
    /// Whether the bytes that an action gives are those that the user gets.
    pub fn is_opaque(self) -> bool {
        self == Self::Bytes
    }
}

/// An output as the user's own tool would have written it.
pub fn restore(bytes: &[u8], format: OutputFormat, paths: &PathMap) -> Result<Vec<u8>, BadOutput> {
    Ok(match format {
        OutputFormat::Bytes => bytes.to_vec(),
        OutputFormat::Text => diagnostics::restore(bytes, paths)?,
        OutputFormat::LineMarkers => line_markers::restore(bytes, paths)?,
        OutputFormat::LinkMap => link_map::restore(bytes, paths)?,
        OutputFormat::GccDepfile => depfile::restore(bytes, paths, Family::Gcc)?,
        OutputFormat::ClangDepfile => depfile::restore(bytes, paths, Family::Clang)?,
    })
}

/// The reverse of [`restore`]: an output that the user's own tool wrote, as the action would have written it. Whatever
/// comes out is restored to what went in.
pub fn relocate(bytes: &[u8], format: OutputFormat, paths: &PathMap) -> Result<Vec<u8>, BadOutput> {
    Ok(match format {
        OutputFormat::Bytes => bytes.to_vec(),
        OutputFormat::Text => diagnostics::relocate(bytes, paths)?,
        OutputFormat::LineMarkers => line_markers::relocate(bytes, paths)?,
        OutputFormat::LinkMap => link_map::relocate(bytes, paths)?,
        OutputFormat::GccDepfile => depfile::relocate(bytes, paths, Family::Gcc)?,
        OutputFormat::ClangDepfile => depfile::relocate(bytes, paths, Family::Clang)?,
    })
}
