//! Walking over C text: blanks, comments, and the tokens that matter. Knows nothing of directives.

use std::borrow::Cow;

/// Differences between the readings of one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    /// `R"…(` begins a raw string (C++11, gnu99 and later).
    pub(super) raw_strings: bool,
    /// `'` is an apostrophe: the text goes to the assembler.
    pub(super) assembler: bool,
}

/// A token, as a range of the text where that matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Token<'a> {
    /// The text is over.
    End,
    /// A line ends.
    Newline,
    /// An identifier or keyword.
    Word(&'a [u8]),
    /// A string literal without its quotes and prefix, escapes as written.
    Text {
        /// What is between the quotes.
        inner: &'a [u8],
        /// Whether backslashes are plain.
        raw: bool,
    },
    /// Any other byte of punctuation.
    Mark(u8),
    /// A number or a character constant.
    Other,
}

/// Removes line splices: a backslash, blanks and a newline. `with_trigraphs` takes `??/` for a backslash.
pub(super) fn spliced(text: &[u8], with_trigraphs: bool) -> Cow<'_, [u8]> {
    let mut kept: Option<Vec<u8>> = None;
    let (mut at, mut copied) = (0, 0);
    while let Some(found) = text[at..]
        .iter()
        .position(|byte| *byte == b'\\' || (with_trigraphs && *byte == b'?'))
    {
        let start = at + found;
        let after = match &text[start..] {
            [b'\\', ..] => start + 1,
            [b'?', b'?', b'/', ..] => start + 3,
            _ => {
                at = start + 1;
                continue;
            }
        };
        match splice_end(text, after) {
            Some(end) => {
                kept.get_or_insert_with(|| Vec::with_capacity(text.len()))
                    .extend_from_slice(&text[copied..start]);
                (at, copied) = (end, end);
            }
            None => at = after,
        }
    }
    match kept {
        None => Cow::Borrowed(text),
        Some(mut kept) => {
            kept.extend_from_slice(&text[copied..]);
            Cow::Owned(kept)
        }
    }
}

fn splice_end(text: &[u8], after: usize) -> Option<usize> {
    let blanks = text[after..].iter().take_while(|byte| is_blank(**byte)).count();
    (text.get(after + blanks) == Some(&b'\n')).then_some(after + blanks + 1)
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r' | 0x0b | 0x0c)
}

pub(super) fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$' || byte >= 0x80
}

/// A place in a text without splices.
#[derive(Clone, Debug)]
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
    reading: Reading,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8], reading: Reading) -> Self {
        Self { text, at: 0, reading }
    }

    pub(super) fn reading(&self) -> Reading {
        self.reading
    }

    /// The bytes from here on.
    pub(super) fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn skip(&mut self, bytes: usize) {
        self.at = (self.at + bytes).min(self.text.len());
    }

    /// Skips blanks and comments, not newlines (but those inside comments).
    pub(super) fn skip_blanks(&mut self) {
        loop {
            match self.rest() {
                [byte, ..] if is_blank(*byte) => self.at += 1,
                [b'/', b'*', inside @ ..] => {
                    let end = inside.windows(2).position(|pair| pair == b"*/");
                    self.skip(2 + end.map_or(inside.len(), |end| end + 2));
                }
                [b'/', b'/', ..] => self.skip_line(),
                _ => return,
            }
        }
    }

    /// To the newline that ends this line, or the end.
    pub(super) fn skip_line(&mut self) {
        let left = self.rest();
        self.at += left.iter().position(|byte| *byte == b'\n').unwrap_or(left.len());
    }

    /// `"name"` or `<name>` if one begins here: the name, and whether it was quoted.
    pub(super) fn header_name(&mut self) -> Option<(&'a [u8], bool)> {
        let close = match self.peek()? {
            b'"' => b'"',
            b'<' => b'>',
            _ => return None,
        };
        let inside = &self.rest()[1..];
        let length = inside.iter().position(|byte| *byte == close || *byte == b'\n')?;
        if inside[length] != close {
            return None;
        }
        self.skip(length + 2);
        Some((&inside[..length], close == b'"'))
    }

    /// The next token after blanks and comments.
    pub(super) fn next(&mut self) -> Token<'a> {
        self.skip_blanks();
        let Some(byte) = self.peek() else {
            return Token::End;
        };
        match byte {
            b'\n' => {
                self.at += 1;
                Token::Newline
            }
            b'"' => self.text_literal(),
            b'\'' if !self.reading.assembler => {
                self.quoted(b'\'');
                Token::Other
            }
            b'0'..=b'9' => self.number(),
            byte if is_word(byte) => self.word(),
            byte => {
                self.at += 1;
                Token::Mark(byte)
            }
        }
    }

    /// Like [`next`](Self::next), but leaves the newline that ends the line.
    pub(super) fn next_on_line(&mut self) -> Token<'a> {
        self.skip_blanks();
        match self.peek() {
            Some(b'\n') => Token::Newline,
            _ => self.next(),
        }
    }

    fn word(&mut self) -> Token<'a> {
        let left = self.rest();
        let length = left.iter().position(|byte| !is_word(*byte)).unwrap_or(left.len());
        let word = &left[..length];
        self.at += length;
        match (word, self.peek()) {
            (b"R" | b"LR" | b"uR" | b"UR" | b"u8R", Some(b'"')) if self.reading.raw_strings => {
                self.raw_literal().unwrap_or(Token::Word(word))
            }
            (b"L" | b"u" | b"U" | b"u8", Some(b'"')) => self.text_literal(),
            (b"L" | b"u" | b"U" | b"u8", Some(b'\'')) if !self.reading.assembler => {
                self.quoted(b'\'');
                Token::Other
            }
            _ => Token::Word(word),
        }
    }

    /// A preprocessing number: `'` between two word bytes separates digits, `e+` and `.` belong to it.
    fn number(&mut self) -> Token<'a> {
        loop {
            match self.rest() {
                [b'e' | b'E' | b'p' | b'P', b'+' | b'-', ..] => self.at += 2,
                [b'\'', next, ..] if is_word(*next) && !self.reading.assembler => self.at += 2,
                [byte, ..] if is_word(*byte) || *byte == b'.' => self.at += 1,
                _ => return Token::Other,
            }
        }
    }

    fn text_literal(&mut self) -> Token<'a> {
        Token::Text {
            inner: self.quoted(b'"'),
            raw: false,
        }
    }

    /// From the opening quote over the closing one; a newline ends an open literal and stays.
    fn quoted(&mut self, close: u8) -> &'a [u8] {
        let inside = &self.rest()[1..];
        let mut length = 0;
        while let Some(byte) = inside.get(length) {
            match byte {
                b'\n' => break,
                b'\\' if inside.get(length + 1).is_some_and(|next| *next != b'\n') => length += 2,
                byte if *byte == close => {
                    self.skip(length + 2);
                    return &inside[..length];
                }
                _ => length += 1,
            }
        }
        let length = length.min(inside.len());
        self.skip(length + 1);
        &inside[..length]
    }

    /// From the `"` of a raw string; `None`, and nothing taken, if it is not one or does not end.
    fn raw_literal(&mut self) -> Option<Token<'a>> {
        let inside = &self.rest()[1..];
        // A delimiter has at most 16 characters ([lex.string] of the C++ standard).
        let open = inside.iter().take(17).position(|byte| *byte == b'(')?;
        let delimiter = &inside[..open];
        if delimiter
            .iter()
            .any(|byte| matches!(byte, b' ' | b')' | b'\\' | b'\t' | b'\n' | b'"'))
        {
            return None;
        }
        let body = &inside[open + 1..];
        let close = [b")", delimiter, b"\""].concat();
        let length = body.windows(close.len()).position(|window| window == close)?;
        self.skip(1 + open + 1 + length + close.len());
        Some(Token::Text {
            inner: &body[..length],
            raw: true,
        })
    }
}
