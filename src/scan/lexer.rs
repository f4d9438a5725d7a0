//! From a file's bytes to its [`FileFacts`]. Every branch of every conditional counts, and where the language decides
//! how a text is read, both readings do: too much is found rather than too little.

use super::assembly::{DIRECTIVES, Found, in_literal, unescaped};
use super::cursor::{Cursor, Reading, Token, is_word, spliced};
use super::file_facts::{FileFacts, Form, Mention, Questions, Remark, Use};

/// The text of a file to whom it goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Consumer {
    /// The compiler.
    Compiler,
    /// The assembler, with or without the preprocessor before it.
    Assembler,
}

/// Finds everything in a text that matters. `questions` are the names that ask for a file.
pub fn lex(bytes: &[u8], consumer: Consumer, questions: &Questions) -> FileFacts {
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let assembler = consumer == Consumer::Assembler;
    let read = |raw_strings: bool, trigraphs: bool| {
        let text = spliced(bytes, trigraphs);
        let reading = Reading { raw_strings, assembler };
        let mut lexer = Lexer {
            cursor: Cursor::new(&text, reading),
            questions,
            facts: FileFacts::default(),
            pragma_operator: false,
        };
        lexer.lines();
        lexer.facts.sorted()
    };
    let mut facts = read(true, false);
    if has(bytes, b"R\"") {
        facts = facts.united(read(false, false));
    }
    if has(bytes, b"??/") {
        facts = facts.united(read(true, true));
    }
    facts
}

fn has(bytes: &[u8], wanted: &[u8]) -> bool {
    bytes.windows(wanted.len()).any(|window| window == wanted)
}

/// What follows `#pragma GCC` where it changes predefined macros.
const OPTION_PRAGMAS: [&[u8]; 5] = [
    b"target",
    b"optimize",
    b"push_options",
    b"pop_options",
    b"reset_options",
];

/// Where a token stands, as far as it changes its meaning.
#[derive(Clone, Copy)]
enum Place<'p> {
    /// Between directives.
    Code,
    /// In a directive that is no definition.
    Directive,
    /// In `#pragma`.
    Pragma,
    /// In the body of a macro, with its name and its parameters.
    Body(&'p [u8], &'p [&'p [u8]]),
}

struct Lexer<'a> {
    cursor: Cursor<'a>,
    questions: &'a Questions,
    facts: FileFacts,
    /// `_Pragma` was met: a string `once` may be its operand.
    pragma_operator: bool,
}

impl Lexer<'_> {
    fn lines(&mut self) {
        loop {
            self.cursor.skip_blanks();
            let mark = match self.cursor.rest() {
                [] => return,
                [b'#', ..] => 1,
                [b'%', b':', ..] => 2,
                [b'?', b'?', b'=', ..] => 3,
                _ => 0,
            };
            if mark > 0 {
                self.cursor.skip(mark);
                self.directive();
            } else {
                self.rest_of_line(Place::Code);
            }
        }
    }

    fn rest_of_line(&mut self, place: Place<'_>) {
        loop {
            match self.cursor.next() {
                Token::End | Token::Newline => return,
                Token::Word(word) => self.word(word, place),
                Token::Text { inner, raw } => self.literal(inner, raw, place),
                Token::Mark(b'.') => self.dot(place),
                Token::Mark(_) | Token::Other => {}
            }
        }
    }

    fn directive(&mut self) {
        if let Token::Word(name) = self.cursor.next_on_line() {
            match name {
                b"include" => self.named(Use::Include),
                b"include_next" => self.named(Use::IncludeNext),
                b"import" => {
                    self.remark(Remark::Imports);
                    self.named(Use::Include);
                }
                b"embed" => self.named(Use::Embed),
                b"define" => return self.definition(),
                b"pragma" => {
                    self.pragma();
                    return self.rest_of_line(Place::Pragma);
                }
                // The name that follows is only looked at.
                b"ifdef" | b"ifndef" | b"undef" | b"elifdef" | b"elifndef" => {
                    self.cursor.next_on_line();
                }
                b"if" | b"elif" => {}
                // `# a comment` of the assembler's.
                _ if self.cursor.reading().assembler => self.cursor.skip_line(),
                _ => {}
            }
        }
        self.rest_of_line(Place::Directive);
    }

    /// The operand of a directive that names a file.
    fn named(&mut self, used: Use) {
        self.cursor.skip_blanks();
        match self.cursor.header_name() {
            Some((name, quoted)) => self.mention(used, name, quoted),
            None if matches!(self.cursor.peek(), None | Some(b'\n')) => {}
            None => self.remark(Remark::Computed),
        }
    }

    fn mention(&mut self, used: Use, name: &[u8], quoted: bool) {
        let form = if quoted { Form::Quote } else { Form::Angle };
        if !name.is_empty() {
            let name = name.into();
            self.facts.mentions.push(Mention { used, form, name });
        }
    }

    fn pragma(&mut self) {
        match self.cursor.next_on_line() {
            Token::Word(b"once") => self.remark(Remark::Once),
            Token::Word(b"GCC") => {
                let mut ahead = self.cursor.clone();
                match ahead.next() {
                    Token::Word(b"dependency") => {
                        self.cursor = ahead;
                        self.named(Use::Dependency);
                    }
                    Token::Word(b"pch_preprocess") => self.cannot_resolve("#pragma GCC pch_preprocess"),
                    Token::Word(option) if OPTION_PRAGMAS.contains(&option) => self.remark(Remark::Effects),
                    _ => {}
                }
            }
            _ => {}
        }
    }

    fn definition(&mut self) {
        let Token::Word(name) = self.cursor.next_on_line() else {
            return self.rest_of_line(Place::Directive);
        };
        let mut parameters = Vec::new();
        if self.cursor.peek() == Some(b'(') {
            self.cursor.skip(1);
            loop {
                match self.cursor.next_on_line() {
                    Token::Word(parameter) => parameters.push(parameter),
                    Token::Newline | Token::End => return,
                    Token::Mark(b')') => break,
                    _ => {}
                }
            }
        }
        self.rest_of_line(Place::Body(name, &parameters));
    }

    fn word(&mut self, word: &[u8], place: Place<'_>) {
        match word {
            b"__DATE__" | b"__TIME__" => self.remark(Remark::DateOrTime),
            b"__TIMESTAMP__" => self.remark(Remark::Timestamp),
            b"_Pragma" => self.pragma_operator = true,
            b"__COUNTER__" => self.remark(Remark::Effects),
            // Outside of directives these are operands of `_Pragma`, perhaps by way of macros.
            b"push_macro" | b"pop_macro" | b"once" if !matches!(place, Place::Pragma) => self.remark(Remark::Effects),
            b"GCC" if !matches!(place, Place::Pragma) => {
                if matches!(self.cursor.clone().next(), Token::Word(option) if OPTION_PRAGMAS.contains(&option)) {
                    self.remark(Remark::Effects);
                }
            }
            _ => {}
        }
        if !matches!(place, Place::Code)
            && let Some(used) = self.questions.get(word).copied()
        {
            self.question(word, used, place);
        }
    }

    /// After `__has_include` or a macro that stands for it. Without an argument it is only tested for being defined, or
    /// a macro is made to stand for it.
    fn question(&mut self, word: &[u8], used: Use, place: Place<'_>) {
        self.cursor.skip_blanks();
        if self.cursor.peek() != Some(b'(') {
            if let Place::Body(name, _) = place {
                self.facts.aliases.insert(name.into(), used);
            }
            return;
        }
        self.cursor.skip(1);
        self.cursor.skip_blanks();
        let Some((name, quoted)) = self.cursor.header_name() else {
            let mut ahead = self.cursor.clone();
            let argument = ahead.next();
            match (place, argument) {
                (Place::Body(name, parameters), Token::Word(parameter)) if parameters.contains(&parameter) => {
                    self.facts.aliases.insert(name.into(), used);
                }
                (_, argument) => self.cannot_resolve(&format!("{}({}", show(word), shown(&argument))),
            }
            return;
        };
        match place {
            Place::Body(_, parameters) if !quoted && mentions_word(name, parameters) => {
                self.cannot_resolve(&format!("{}(<{}>)", show(word), show(name)));
            }
            _ => self.mention(used, name, quoted),
        }
    }

    /// A string literal: inline assembly may name files in it. Adjacent literals are one text.
    fn literal(&mut self, inner: &[u8], raw: bool, place: Place<'_>) {
        if !matches!(place, Place::Pragma) {
            self.pragma_operand(inner);
        }
        if self.cursor.reading().assembler || !may_hold_directive(inner) {
            return;
        }
        let mut text = if raw { inner.to_owned() } else { unescaped(inner) };
        let complete = loop {
            let mut ahead = self.cursor.clone();
            let mut token = ahead.next();
            while token == Token::Newline && matches!(place, Place::Code) {
                token = ahead.next();
            }
            match token {
                Token::Text { inner, raw: true } => text.extend(inner),
                Token::Text { inner, raw: false } => text.extend(unescaped(inner)),
                Token::Mark(mark) => break matches!(mark, b')' | b':' | b';' | b']' | b'}'),
                _ => break false,
            }
            self.cursor = ahead;
        };
        for found in in_literal(&text, complete) {
            self.assembler_file(found);
        }
    }

    /// A string that may be the operand of `_Pragma`, perhaps by way of a macro of another file.
    fn pragma_operand(&mut self, inner: &[u8]) {
        let begins = |word: &[u8]| inner.starts_with(word);
        let option = inner.strip_prefix(b"GCC ");
        if self.pragma_operator && inner == b"once" {
            self.remark(Remark::Once);
            self.remark(Remark::Effects);
        } else if begins(b"push_macro")
            || begins(b"pop_macro")
            || option.is_some_and(|option| OPTION_PRAGMAS.iter().any(|known| option.starts_with(known)))
        {
            self.remark(Remark::Effects);
        }
    }

    /// After a `.` outside of literals: a directive of the assembler, or one that a macro will make a string of.
    fn dot(&mut self, place: Place<'_>) {
        let rest = self.cursor.rest();
        let known = DIRECTIVES.iter().find(|(directive, _)| {
            let name = &directive[1..];
            rest.len() >= name.len()
                && rest[..name.len()].eq_ignore_ascii_case(name)
                && !rest.get(name.len()).is_some_and(|byte| is_word(*byte))
        });
        let Some((directive, used)) = known else {
            return;
        };
        let mut ahead = self.cursor.clone();
        ahead.skip(directive.len() - 1);
        ahead.skip_blanks();
        match ahead.peek() {
            Some(b'"') => {
                let Token::Text { inner, .. } = ahead.next() else {
                    return;
                };
                if inner.contains(&b'\\') || inner.is_empty() {
                    self.assembler_file(Found::Pieces(*used));
                } else {
                    self.assembler_file(Found::File(*used, inner.into()));
                }
            }
            _ if self.cursor.reading().assembler => self.assembler_file(Found::Pieces(*used)),
            // In C, `object.include(…)` and `.include = …` are something else.
            Some(byte) if *used == Use::AsmBinary && is_word(byte) => {
                self.assembler_file(Found::Pieces(*used));
            }
            None | Some(b'\n') if *used == Use::AsmBinary && matches!(place, Place::Body(..)) => {
                self.assembler_file(Found::Pieces(*used));
            }
            _ => {}
        }
    }

    fn assembler_file(&mut self, found: Found) {
        match found {
            Found::File(used, name) => self.mention(used, &name, true),
            Found::Pieces(Use::AsmInclude) => self.cannot_resolve(".include"),
            Found::Pieces(_) => self.cannot_resolve(".incbin"),
        }
    }

    fn remark(&mut self, remark: Remark) {
        self.facts.remarks.insert(remark);
    }

    fn cannot_resolve(&mut self, what: &str) {
        self.facts.unresolvable.get_or_insert_with(|| what.to_owned());
    }
}

fn may_hold_directive(inner: &[u8]) -> bool {
    let mut left = inner;
    while let Some(at) = left.iter().position(|byte| *byte == b'.') {
        left = &left[at + 1..];
        if left.len() >= 3 && left[..3].eq_ignore_ascii_case(b"inc") {
            return true;
        }
    }
    false
}

fn mentions_word(name: &[u8], words: &[&[u8]]) -> bool {
    name.split(|byte| !is_word(*byte)).any(|part| words.contains(&part))
}

fn show(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn shown(token: &Token<'_>) -> String {
    match token {
        Token::Word(word) => show(word),
        Token::Mark(mark) => char::from(*mark).to_string(),
        _ => "…".to_owned(),
    }
}

#[cfg(test)]
mod tests;
