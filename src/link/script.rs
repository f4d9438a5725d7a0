//! The files that a linker script names. Only what opens files is understood; the rest is passed over.
//!
//! The language is that of the GNU ld manual, chapter 3, which the other linkers take too.

/// A file operation of a script, in order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Command {
    /// A member of `INPUT`, `GROUP` or `STARTUP`, inside of `AS_NEEDED` too: a file, or `-lNAME`.
    Input(String),
    /// `INCLUDE`, wherever it stands.
    Include(String),
    /// `SEARCH_DIR`.
    SearchDir(String),
    /// A file named without wildcards in an input section description: GNU ld opens it if nothing else names it.
    Section(String),
}

/// What cannot be followed in a script.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Strange(pub(super) &'static str);

/// Names that stand before a parenthesis in the body of an output section and are no files.
const WORDS_OF_BODIES: [&str; 7] = [
    "KEEP",
    "SORT",
    "EXCLUDE_FILE",
    "INPUT_SECTION_FLAGS",
    "REVERSE",
    "CONSTRUCTORS",
    "COMMON",
];

/// Takes a script apart.
pub(super) fn commands(text: &str) -> Result<Vec<Command>, Strange> {
    let tokens = tokens(text)?;
    let mut commands = Vec::new();
    let mut at = 0;
    // Brackets that are open, by what stands before them.
    let mut open: Vec<&str> = Vec::new();
    while let Some(token) = tokens.get(at) {
        let next = tokens.get(at + 1);
        let value = || next.filter(|next| !next.is_bracket()).map(|next| next.text.clone());
        match token.plain() {
            "{" | "(" => open.push(at.checked_sub(1).map_or("", |before| tokens[before].plain())),
            "}" | ")" => drop(open.pop()),
            "INCLUDE" => {
                commands.push(Command::Include(value().ok_or(Strange("INCLUDE"))?));
                at += 1;
            }
            "SEARCH_DIR" => {
                let dir = argument(&tokens, at).ok_or(Strange("SEARCH_DIR"))?;
                commands.push(Command::SearchDir(dir));
                at += 3;
            }
            // It takes the place of the command line's `-o`.
            "OUTPUT" if next.is_some_and(Token::is_bracket) => return Err(Strange("OUTPUT")),
            "INPUT" | "GROUP" | "STARTUP" if next.is_some_and(Token::is_bracket) && open.is_empty() => {
                at = inputs(&tokens, at + 2, &mut commands)?;
                continue;
            }
            _ => {
                let in_body = open.len() >= 2 && open[0] == "SECTIONS";
                if in_body && next.is_some_and(|next| next.plain() == "(") {
                    let before = at.checked_sub(1).map_or("", |before| tokens[before].plain());
                    commands.extend(section_file(token, before)?);
                }
            }
        }
        at += 1;
    }
    Ok(commands)
}

/// The members of a list up to its closing bracket; returns the place behind it.
fn inputs(tokens: &[Token], mut at: usize, commands: &mut Vec<Command>) -> Result<usize, Strange> {
    let mut depth = 1;
    while let Some(token) = tokens.get(at) {
        at += 1;
        match token.plain() {
            "(" => depth += 1,
            ")" => {
                depth -= 1;
                if depth == 0 {
                    return Ok(at);
                }
            }
            "," => {}
            "AS_NEEDED" if tokens.get(at).is_some_and(Token::is_bracket) => {}
            _ => commands.push(Command::Input(token.text.clone())),
        }
    }
    Err(Strange("a list without an end"))
}

fn argument(tokens: &[Token], at: usize) -> Option<String> {
    let [open, value, close] = tokens.get(at + 1..at + 4)? else {
        return None;
    };
    (open.plain() == "(" && close.plain() == ")" && !value.is_bracket()).then(|| value.text.clone())
}

/// The file of an input section description `file(sections)`.
fn section_file(token: &Token, before: &str) -> Result<Option<Command>, Strange> {
    let name = token.text.as_str();
    let is_wild = name.contains(['*', '?', '[']);
    let is_word = name
        .chars()
        .all(|c| c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit());
    let is_operator =
        !name.contains(|c: char| c.is_ascii_alphanumeric()) || before.ends_with('=') || name.ends_with('=');
    if is_wild || is_operator || (!token.quoted && (is_word || WORDS_OF_BODIES.contains(&name))) {
        return Ok(None);
    }
    // `archive:member`, and expressions without blanks.
    if name.contains([':', '=', '+', '&', '|', '<', '>', '~', '!']) {
        return Err(Strange("a name with an operator in it"));
    }
    Ok(Some(Command::Section(name.to_owned())))
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct Token {
    text: String,
    quoted: bool,
}

impl Token {
    /// The text, if it is no quoted name.
    fn plain(&self) -> &str {
        if self.quoted { "" } else { &self.text }
    }

    fn is_bracket(&self) -> bool {
        matches!(self.plain(), "(" | ")" | "{" | "}" | "," | ";")
    }
}

fn tokens(text: &str) -> Result<Vec<Token>, Strange> {
    let mut tokens = Vec::new();
    let mut rest = text;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace());
        let Some(first) = rest.chars().next() else {
            return Ok(tokens);
        };
        if let Some(comment) = rest.strip_prefix("/*") {
            rest = comment.split_once("*/").ok_or(Strange("a comment without an end"))?.1;
        } else if first == '"' {
            let (name, after) = rest[1..].split_once('"').ok_or(Strange("a name without an end"))?;
            tokens.push(Token {
                text: name.to_owned(),
                quoted: true,
            });
            rest = after;
        } else if first == '#' && !rest.starts_with("#/") {
            // A comment to some of the linkers.
            rest = rest.split_once('\n').map_or("", |(_, after)| after);
        } else {
            let ends = |c: char| c.is_whitespace() || "(){},;\"".contains(c);
            let mut length = rest.find(ends).unwrap_or(rest.len());
            if let Some(comment) = rest[..length].find("/*").filter(|at| !is_pattern(rest, *at)) {
                length = comment;
            }
            let length = length.max(first.len_utf8());
            tokens.push(Token {
                text: rest[..length].to_owned(),
                quoted: false,
            });
            rest = &rest[length..];
        }
    }
}

/// Whether `/*` within a word is part of a pattern, as in `*/lib/*.o`: then no comment ends after it.
fn is_pattern(rest: &str, at: usize) -> bool {
    !rest[at..].contains("*/")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &[Command]) {
        assert_eq!(commands(text).as_deref(), Ok(expected), "{text}");
    }

    fn input(name: &str) -> Command {
        Command::Input(name.to_owned())
    }

    fn section(name: &str) -> Command {
        Command::Section(name.to_owned())
    }

    #[test]
    fn lists_of_inputs_are_read() {
        check("", &[]);
        let libc = "/* GNU ld script\n*/\nOUTPUT_FORMAT(elf64-x86-64)\n\
            GROUP ( /lib/libc.so.6 /usr/lib/libc_nonshared.a  AS_NEEDED ( /lib64/ld.so.2 ) )\n";
        check(
            libc,
            &[
                input("/lib/libc.so.6"),
                input("/usr/lib/libc_nonshared.a"),
                input("/lib64/ld.so.2"),
            ],
        );
        check(
            "INPUT(a.o,-lfoo \"b c.o\")STARTUP(crt.o)",
            &["a.o", "-lfoo", "b c.o", "crt.o"].map(input),
        );
        check("INPUT ( libtcl8.6.so )", &[input("libtcl8.6.so")]);
        check(
            "SEARCH_DIR(\"=/usr/lib\"); SEARCH_DIR(x)",
            &["=/usr/lib", "x"].map(|dir| Command::SearchDir(dir.to_owned())),
        );
        assert!(commands("INPUT(a.o").is_err());
        assert!(commands("OUTPUT(a.out)").is_err());
        assert!(commands("/* INPUT(a.o)").is_err());
    }

    #[test]
    fn includes_count_wherever_they_stand() {
        let text = "INCLUDE first.ld\nMEMORY { INCLUDE \"m m.ld\" }\n\
            SECTIONS { .text : { *(.text) INCLUDE text.ld } }";
        let includes = ["first.ld", "m m.ld", "text.ld"].map(|name| Command::Include(name.to_owned()));
        check(text, &includes);
    }

    #[test]
    fn a_file_named_in_a_section_is_one() {
        let body = |body: &str| format!("SECTIONS {{ .text ALIGN(4) (NOLOAD) : {{ {body} }} }}");
        check(&body("*(.text .text.*) *crt?.o(.init)"), &[]);
        check(
            &body("KEEP (*(SORT_BY_NAME(.init.*))) . = ALIGN(8); PROVIDE(x = ADDR(.y));"),
            &[],
        );
        check(
            &body("start.o(.text) KEEP(sub/x.o (.data))"),
            &["start.o", "sub/x.o"].map(section),
        );
        check(
            &body("*(EXCLUDE_FILE(a.o) .ctors) BYTE(0x1) ASSERT(. < 4, \"x(\")"),
            &[],
        );
        assert!(commands(&body("lib.a:m.o(.text)")).is_err());
    }

    #[test]
    fn the_built_in_script_names_no_file() {
        let Ok(output) = std::process::Command::new("ld.bfd").arg("--verbose").output() else {
            return;
        };
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let script = text
            .split("==================================================")
            .nth(1)
            .expect("a script");
        let found = commands(script).expect("understood");
        let only_dirs = found.iter().all(|command| matches!(command, Command::SearchDir(_)));
        assert!(only_dirs && !found.is_empty(), "{found:?}");
    }
}
