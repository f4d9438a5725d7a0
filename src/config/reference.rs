//! The reference page `docs/settings.md`, made from the table.

use super::settings::{Fallback, InProject, SETTINGS, Setting};
use std::fmt::Write;

const INTRODUCTION: &str = "\
# Settings

<!-- Made from src/config/settings.rs; `REWRAP_REGENERATE=1 cargo test --test it settings_page` writes it anew. -->

A setting can be given in five places. The first of these that gives it counts:

1. a flag of a `rewrap` command: `--remote_cache=…` (dashes will do: `--remote-cache=…`); a list's flag is repeated;
2. the environment: `REWRAP_REMOTE_CACHE=…`; a list has one item per line, or on one line directories with `:` and
   properties with `,` between them;
3. the project's `rewrap.toml`, the nearest one from the current directory upward: `remote_cache = \"…\"`;
4. the user's file, `$XDG_CONFIG_HOME/rewrap/rewrap.toml`, which mostly is `~/.config/rewrap/rewrap.toml`;
5. the default.

A list is taken from one place as a whole. An empty text means the default. Paths in a file are relative to the file,
paths of flags to the current directory, paths in variables must be absolute; `~/` is the home directory.
`rewrap config show` prints every value and where it comes from.

A project's `rewrap.toml` counts only if it and its directory belong to you or root and nobody else may write them.
Otherwise it is ignored, and the summary of `rewrap build` says so. Headers and client keys are never sent to a server
that only such a file names.
";

/// The text of the page.
pub fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for setting in SETTINGS {
        write_setting(&mut page, setting).expect("a String takes everything");
    }
    page
}

/// What holds where nobody sets it, in Markdown.
pub fn fallback(setting: &Setting) -> String {
    match setting.fallback {
        Fallback::Text("") => "empty".into(),
        Fallback::Text(text) => format!("`{text}`"),
        Fallback::Computed(text) => text.into(),
    }
}

fn write_setting(page: &mut String, setting: &Setting) -> std::fmt::Result {
    writeln!(page, "\n## `{}`\n\n{}\n", setting.key, setting.doc)?;
    writeln!(page, "- takes: {}", setting.kind.syntax())?;
    writeln!(page, "- default: {}", fallback(setting))?;
    writeln!(page, "- variable: `{}`", setting.variable())?;
    if let InProject::Refused(why) = setting.in_project {
        writeln!(page, "- not in a project's `rewrap.toml`: {why}")?;
    }
    Ok(())
}
