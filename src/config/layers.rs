//! Values as given, before anyone asks what they mean: one layer per origin, the highest that says something wins.
//!
//! A list is not merged across layers: the highest layer that gives it gives all of it.

use super::error::ConfigError;
use super::origin::Origin;
use super::settings::{self, Kind, OTHER_VARIABLES, PREFIX, SETTINGS, Setting, TEST_PREFIX};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// What one layer says about one setting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Given {
    /// The items of a list; exactly one word for any other kind.
    pub words: Vec<String>,
    /// Who said it.
    pub origin: Origin,
}

/// What one origin says, by key.
#[derive(Clone, Debug, Default)]
pub struct Layer {
    given: BTreeMap<&'static str, Given>,
}

impl Given {
    /// Whether it is one empty text: back to the default, whatever lower layers say.
    pub fn is_empty(&self) -> bool {
        matches!(self.words.as_slice(), [word] if word.is_empty())
    }
}

impl Layer {
    /// Adds or replaces what is said about a setting.
    pub fn set(&mut self, setting: &'static Setting, given: Given) {
        self.given.insert(setting.key, given);
    }

    /// What is said about a setting.
    pub fn get(&self, key: &str) -> Option<&Given> {
        self.given.get(key)
    }

    /// The layer of the environment. The first of two variables with one name counts, as for `getenv`.
    pub fn from_variables<'v>(variables: impl Iterator<Item = (&'v [u8], &'v [u8])>) -> Result<Self, ConfigError> {
        let mut layer = Self::default();
        for (name, value) in variables {
            let Some(setting) = name
                .strip_prefix(PREFIX.as_bytes())
                .and_then(settings::by_variable_rest)
            else {
                continue;
            };
            if layer.given.contains_key(setting.key) {
                continue;
            }
            let origin = Origin::Variable {
                name: setting.variable(),
            };
            let Ok(text) = std::str::from_utf8(value) else {
                return Err(ConfigError::BadValue {
                    key: setting.key,
                    text: "…".into(),
                    origin,
                    why: "not UTF-8".into(),
                });
            };
            layer.set(
                setting,
                Given {
                    words: split_variable(setting.kind, text),
                    origin,
                },
            );
        }
        Ok(layer)
    }

    /// The layer of the flags; `values` holds one text per occurrence. Relative paths are relative to `cwd`.
    pub fn from_flags(values: impl Iterator<Item = (&'static Setting, Vec<String>)>, cwd: &Path) -> Self {
        let mut layer = Self::default();
        for (setting, mut words) in values {
            if !setting.kind.is_list() {
                // As everywhere: the last of several flags wins.
                words.drain(..words.len().saturating_sub(1));
            }
            let origin = Origin::Flag {
                name: format!("--{}", setting.key),
            };
            let words = words
                .into_iter()
                .map(|word| anchored(setting.kind, word, cwd))
                .collect();
            layer.set(setting, Given { words, origin });
        }
        layer
    }

    /// The variables that say the same to processes started with them.
    pub fn to_variables(&self) -> impl Iterator<Item = (String, String)> {
        self.given.iter().map(|(key, given)| {
            let setting = settings::by_key(key).expect("layers hold settings of the table only");
            // With a line break the text is never split at commas or colons.
            let value = if setting.kind.is_list() {
                given.words.join("\n") + "\n"
            } else {
                given.words.join("")
            };
            (setting.variable(), value)
        })
    }
}

/// Everything that was said.
#[derive(Clone, Debug, Default)]
pub struct Layers {
    /// The user's own `rewrap.toml`.
    pub user: Layer,
    /// The project's `rewrap.toml`.
    pub project: Layer,
    /// The step's environment.
    pub environment: Layer,
    /// The flags of a `rewrap` command.
    pub flags: Layer,
}

impl Layers {
    /// What counts for a setting: flag, environment, project file, user file, in this order.
    pub fn find(&self, key: &str) -> Option<&Given> {
        [&self.flags, &self.environment, &self.project, &self.user]
            .into_iter()
            .find_map(|layer| layer.get(key))
    }

    /// What the user said, whatever a project's file says.
    pub fn find_trusted(&self, key: &str) -> Option<&Given> {
        self.trusted().find_map(|layer| layer.get(key))
    }

    /// The layers that are the user's own words.
    pub fn trusted(&self) -> impl Iterator<Item = &Layer> {
        [&self.flags, &self.environment, &self.user].into_iter()
    }
}

/// Joins a relative path to the directory that it is relative to, and takes `.` and `..` out. Other kinds stay, and so
/// does `~/…`, whose meaning depends on the user.
pub(super) fn anchored(kind: Kind, word: String, base: &Path) -> String {
    if !matches!(kind, Kind::Path | Kind::Paths) || word.is_empty() || word.starts_with("~/") {
        return word;
    }
    match without_dots(&base.join(&word)).into_os_string().into_string() {
        Ok(path) => path,
        // The base is not UTF-8. What the user wrote is then found to be no absolute path.
        Err(_) => word,
    }
}

/// The path without `.` and `..`, by its text alone.
pub(super) fn without_dots(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                clean.pop();
            }
            other => clean.push(other),
        }
    }
    clean
}

/// A variable's words.
fn split_variable(kind: Kind, text: &str) -> Vec<String> {
    if !kind.is_list() || text.is_empty() {
        return vec![text.to_owned()];
    }
    let separator = if text.contains('\n') {
        Some('\n')
    } else {
        kind.separator()
    };
    let pieces: Vec<&str> = match separator {
        Some(separator) => text.split(separator).collect(),
        None => vec![text],
    };
    pieces
        .into_iter()
        .filter(|piece| !piece.is_empty())
        .map(str::to_owned)
        .collect()
}

/// A variable of ours that means nothing, and the one that may be meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UnknownVariable {
    /// Its name.
    pub name: String,
    /// A known one with a similar name.
    pub similar: Option<String>,
}

/// Variables that begin with [`PREFIX`] and mean nothing. Only commands for people say so, never a wrapper.
pub fn unknown_variables<'v>(names: impl Iterator<Item = &'v str>) -> Vec<UnknownVariable> {
    let settings: Vec<String> = SETTINGS.iter().map(Setting::variable).collect();
    let known = || {
        settings
            .iter()
            .map(String::as_str)
            .chain(OTHER_VARIABLES.iter().copied())
    };
    names
        .filter(|name| name.starts_with(PREFIX) && !name.starts_with(TEST_PREFIX))
        .filter(|name| known().all(|known| known != *name))
        .map(|name| UnknownVariable {
            name: name.to_owned(),
            similar: similar(name, known()).map(str::to_owned),
        })
        .collect()
}

/// The known name that a mistyped one may mean: at most a third of its characters differ.
pub(super) fn similar<'n>(typed: &str, known: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    known
        .map(|name| (strsim::damerau_levenshtein(typed, name), name))
        .min()
        .filter(|(distance, name)| distance * 3 <= name.len())
        .map(|(_, name)| name)
}
