//! Base directories (XDG Base Directory Specification), worked out from a step's own environment.
//!
//! `etcetera` does the same from the environment of the calling process. The daemon's is empty: it serves steps whose
//! environments differ.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// The variables that [`Places::new`] reads.
pub const VARIABLES: &[&[u8]] = &[b"HOME", b"XDG_CONFIG_HOME", b"XDG_CACHE_HOME", b"XDG_DATA_HOME"];

/// Where the user's files are. `None` where neither the variable nor HOME says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places {
    /// `$HOME`.
    pub home: Option<PathBuf>,
    /// `$XDG_CONFIG_HOME`, else `~/.config`.
    pub config: Option<PathBuf>,
    /// `$XDG_CACHE_HOME`, else `~/.cache`.
    pub cache: Option<PathBuf>,
    /// `$XDG_DATA_HOME`, else `~/.local/share`.
    pub data: Option<PathBuf>,
}

impl Places {
    /// From the environment; `variable` gives the value of a name. A relative path counts as not set, as the
    /// specification demands.
    pub fn new<'v>(variable: impl Fn(&[u8]) -> Option<&'v [u8]>) -> Self {
        let directory = |name: &[u8]| {
            let path = Path::new(OsStr::from_bytes(variable(name)?));
            path.is_absolute().then(|| path.to_owned())
        };
        let home = directory(b"HOME");
        let base =
            |name: &[u8], below_home: &str| directory(name).or_else(|| home.as_ref().map(|home| home.join(below_home)));
        Self {
            config: base(b"XDG_CONFIG_HOME", ".config"),
            cache: base(b"XDG_CACHE_HOME", ".cache"),
            data: base(b"XDG_DATA_HOME", ".local/share"),
            home,
        }
    }

    /// Those of this process.
    pub fn of_process() -> Self {
        let values: Vec<_> = std::env::vars_os().collect();
        Self::new(|name| {
            values
                .iter()
                .find(|(key, _)| key.as_bytes() == name)
                .map(|(_, value)| value.as_bytes())
        })
    }

    /// The user's own settings file.
    pub fn user_file(&self) -> Option<PathBuf> {
        self.config
            .as_ref()
            .map(|config| config.join("rewrap").join(super::FILE_NAME))
    }

    /// The default of `disk_cache`, if it is there or can be made.
    pub fn writable_cache(&self) -> Option<PathBuf> {
        let directory = self.cache.as_ref()?.join("rewrap");
        let nearest = directory.ancestors().find(|ancestor| ancestor.exists())?;
        let writable = nearest.is_dir() && rustix::fs::access(nearest, rustix::fs::Access::WRITE_OK).is_ok();
        writable.then_some(directory)
    }
}
