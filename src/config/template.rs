//! The commented `rewrap.toml` that `rewrap init` writes, made from the table of settings.

use super::reference::fallback;
use super::settings::{Fallback, InProject, Kind, SETTINGS, Setting};
use std::fmt::Write;

const INTRODUCTION: &str = "\
# Settings of rewrap for this project. The directory of this file is the exec root: its files are sent as inputs.
#
# Every line that can be set is here, with `#` in front. `rewrap config show` prints what is in force and where it comes
# from. The file counts only if it and its directory belong to you or root and nobody else may write them.
";

/// Columns of a comment.
const WIDTH: usize = 110;

/// The text of the file. Without the `#` directly before a key, every line of it sets something.
pub fn text() -> String {
    let mut text = INTRODUCTION.to_owned();
    let (allowed, refused): (Vec<_>, Vec<_>) = SETTINGS
        .iter()
        .partition(|setting| setting.in_project == InProject::Allowed);
    for setting in allowed {
        write_setting(&mut text, setting).expect("a String takes everything");
    }
    text.push('\n');
    let keys: Vec<_> = refused.iter().map(|setting| format!("`{}`", setting.key)).collect();
    comment(
        &mut text,
        &format!(
            "Not here but in ~/.config/rewrap/rewrap.toml, by variable or by flag: {}.",
            keys.join(", ")
        ),
    );
    text
}

fn write_setting(text: &mut String, setting: &Setting) -> std::fmt::Result {
    text.push('\n');
    comment(text, setting.doc);
    comment(
        text,
        &format!("Takes {}. Default: {}.", setting.kind.syntax(), fallback(setting)),
    );
    writeln!(text, "#{} = {}", setting.key, example(setting))
}

/// A value in TOML: the default where that is a text, else one that shows the form.
fn example(setting: &Setting) -> String {
    let text = match (setting.fallback, setting.kind) {
        (Fallback::Text(text), _) if !text.is_empty() => text,
        (_, Kind::Choice(words)) => words[0],
        (_, Kind::Text) => "",
        (_, Kind::Path) => ".",
        (_, Kind::Paths) => "/usr",
        (_, Kind::Headers | Kind::Properties) => "name=value",
        (_, Kind::Duration { .. }) => "60s",
        (_, Kind::Size) => "10G",
        (_, Kind::Switch) => "true",
        (_, Kind::Count { .. }) => "8",
        (_, Kind::Endpoint) => "grpcs://build.example.com:443",
    };
    match setting.kind {
        Kind::Switch | Kind::Count { .. } => text.to_owned(),
        kind if kind.is_list() => format!("[\"{text}\"]"),
        _ => format!("\"{text}\""),
    }
}

/// Adds the sentences as comment lines.
fn comment(text: &mut String, sentences: &str) {
    let mut columns = 0;
    for word in sentences.split(' ') {
        let wide = word.chars().count();
        if columns == 0 {
            text.push_str("# ");
        } else if columns + 1 + wide > WIDTH {
            text.push_str("\n# ");
            columns = 0;
        } else {
            text.push(' ');
            columns += 1;
        }
        text.push_str(word);
        columns += wide;
    }
    text.push('\n');
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::file::{self, Owner};
    use std::path::Path;

    /// The file with the lines in force that begin with one of these keys.
    fn enabled(keys: &[&str]) -> String {
        let enable = |line: &str| match line.strip_prefix('#') {
            Some(rest) if keys.iter().any(|key| rest.starts_with(&format!("{key} = "))) => rest.to_owned(),
            _ => line.to_owned(),
        };
        text().lines().map(enable).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn as_written_it_sets_nothing() {
        let is_in_force = |line: &str| !line.is_empty() && !line.starts_with('#');
        assert_eq!(text().lines().find(|line| is_in_force(line)), None);
    }

    #[test]
    fn every_line_can_be_put_in_force() {
        for setting in SETTINGS {
            let (allowed, path) = (setting.in_project == InProject::Allowed, Path::new("/p/rewrap.toml"));
            let text = enabled(&[setting.key]);
            assert_eq!(
                text.lines().any(|line| line.starts_with(setting.key)),
                allowed,
                "{}",
                setting.key
            );
            if let Err(error) = file::parse(path, &text, Owner::Project) {
                panic!("{}: {error}", setting.key);
            }
        }
    }

    #[test]
    fn lines_are_short() {
        for line in text().lines() {
            assert!(line.chars().count() <= 120, "{line}");
        }
    }
}
