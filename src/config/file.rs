//! `rewrap.toml` → a layer. Keys and types only; what a text means is not looked at.

use super::error::ConfigError;
use super::layers::{Given, Layer, anchored, similar};
use super::origin::Origin;
use super::settings::{self, InProject, Kind, SETTINGS, Setting};
use std::path::Path;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Whose file it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Owner {
    /// The user's own file.
    User,
    /// A file that comes with a project.
    Project,
}

/// Reads a settings file. Relative paths are relative to its directory.
pub fn parse(path: &Path, text: &str, owner: Owner) -> Result<Layer, ConfigError> {
    let line_at = |offset: usize| {
        1 + text
            .as_bytes()
            .iter()
            .take(offset)
            .filter(|byte| **byte == b'\n')
            .count()
    };
    let table = DeTable::parse(text).map_err(|error| ConfigError::Syntax {
        path: path.to_owned(),
        line: line_at(error.span().map_or(0, |span| span.start)),
        message: error.message().to_owned(),
    })?;
    let mut layer = Layer::default();
    for (key, value) in table.get_ref() {
        let (name, line) = (key.get_ref().as_ref(), line_at(key.span().start));
        let Some(setting) = settings::by_key(name) else {
            let underscored = name.replace('-', "_");
            return Err(ConfigError::UnknownKey {
                key: name.to_owned(),
                path: path.to_owned(),
                line,
                similar: similar(&underscored, SETTINGS.iter().map(|setting| setting.key)),
            });
        };
        let origin = match owner {
            Owner::User => Origin::UserFile {
                path: path.to_owned(),
                line,
            },
            Owner::Project => Origin::ProjectFile {
                path: path.to_owned(),
                line,
            },
        };
        if let (Owner::Project, InProject::Refused(why)) = (owner, setting.in_project) {
            return Err(ConfigError::NotForProjects {
                key: setting.key,
                origin,
                why,
            });
        }
        let base = path.parent().expect("a file has a directory");
        match words(setting, value) {
            Ok(words) => {
                let words = words
                    .into_iter()
                    .map(|word| anchored(setting.kind, word, base))
                    .collect();
                layer.set(setting, Given { words, origin });
            }
            Err(why) => {
                let text = if setting.secret { "…" } else { &text[value.span()] };
                return Err(ConfigError::BadValue {
                    key: setting.key,
                    text: text.to_owned(),
                    origin,
                    why,
                });
            }
        }
    }
    Ok(layer)
}

/// The words of a TOML value: a list from an array (or, where items are `name=value`, a table), else one word.
fn words(setting: &Setting, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, String> {
    match value.get_ref() {
        DeValue::Array(items) if setting.kind.is_list() => items
            .iter()
            .map(|item| word(item.get_ref()).ok_or_else(|| "the list holds something that is no text".to_owned()))
            .collect(),
        DeValue::Table(table) if matches!(setting.kind, Kind::Headers | Kind::Properties) => table
            .iter()
            .map(|(name, value)| {
                let text = word(value.get_ref()).ok_or_else(|| format!("`{}` is no text", name.get_ref()))?;
                Ok(format!("{}={text}", name.get_ref()))
            })
            .collect(),
        other => match word(other) {
            Some(word) => Ok(vec![word]),
            None => Err(format!("{} is not what this setting takes", article(other.type_str()))),
        },
    }
}

/// Text, number or truth value as text.
fn word(value: &DeValue<'_>) -> Option<String> {
    match value {
        DeValue::String(text) => Some(text.to_string()),
        DeValue::Integer(number) if number.radix() == 10 => Some(number.as_str().to_owned()),
        DeValue::Boolean(truth) => Some(truth.to_string()),
        _ => None,
    }
}

fn article(noun: &str) -> String {
    let article = if noun.starts_with(['a', 'e', 'i', 'o', 'u']) {
        "an"
    } else {
        "a"
    };
    format!("{article} {noun}")
}
