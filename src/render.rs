//! Failure → text for people.

use crate::failure::Failure;
use clap::builder::styling::{AnsiColor, Effects, Style};
use std::io::{IsTerminal, Write};

/// Whether stderr shows colours: only a terminal does, and only if nobody objects (no-color.org; `TERM=dumb`).
pub fn stderr_has_colour() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    std::io::stderr().is_terminal() && !set("NO_COLOR") && std::env::var_os("TERM").is_none_or(|term| term != "dumb")
}

/// `rewrap: error: cannot …` with one line for each cause and hint, each ending in a line break.
pub fn failure(failure: &Failure, colour: bool) -> String {
    let label = |word, kind| label(word, kind, colour);
    let error = format!(
        "rewrap: {} {}\n",
        label("error:", AnsiColor::Red),
        indented(&failure.what)
    );
    let causes = failure
        .causes
        .iter()
        .map(|cause| format!("  caused by: {}\n", indented(cause)));
    let hint = label("hint:", AnsiColor::Cyan);
    let hints = failure
        .hints
        .iter()
        .map(|text| format!("  {hint} {}\n", indented(text)));
    [error]
        .into_iter()
        .chain(causes)
        .chain(hints)
        .collect::<Vec<_>>()
        .concat()
}

/// `rewrap: warning: …`.
pub fn warning(what: &str, colour: bool) -> String {
    format!(
        "rewrap: {} {}\n",
        label("warning:", AnsiColor::Yellow, colour),
        indented(what)
    )
}

/// Prints to stderr. Who closed it does not want to hear of it.
pub fn to_stderr(text: &str) {
    std::io::stderr().write_all(text.as_bytes()).ok();
}

fn label(word: &str, colour: AnsiColor, coloured: bool) -> String {
    let style = if coloured {
        Style::new().fg_color(Some(colour.into())) | Effects::BOLD
    } else {
        Style::new()
    };
    format!("{style}{word}{style:#}")
}

/// Libraries' messages may have several lines; those that follow the first are moved in, so that they are not taken for
/// somebody else's.
fn indented(text: &str) -> String {
    text.trim_end().replace('\n', "\n    ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::failure::FailureKind;

    #[test]
    fn every_cause_and_hint_has_its_line() {
        let failure = Failure {
            kind: FailureKind::Host,
            what: "cannot connect to `grpc://h:1`".into(),
            causes: vec!["connection refused".into(), "first\nsecond".into()],
            hints: vec!["start the server".into()],
        };
        insta::assert_snapshot!(super::failure(&failure, false), @r"
        rewrap: error: cannot connect to `grpc://h:1`
          caused by: connection refused
          caused by: first
            second
          hint: start the server
        ");
        assert!(super::failure(&failure, true).starts_with("rewrap: \u{1b}["));
    }
}
