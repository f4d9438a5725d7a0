//! `.incbin` and `.include` in text that an assembler reads: inside the strings of inline assembly.

use super::file_facts::Use;

/// What was found in assembler text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// A file named literally.
    File(Use, Box<[u8]>),
    /// A name put together elsewhere.
    Pieces(Use),
}

/// The directives, their names in lower case as everyone writes them.
pub(super) const DIRECTIVES: [(&[u8], Use); 2] = [(b".incbin", Use::AsmBinary), (b".include", Use::AsmInclude)];

/// Finds the directives in the text of a string literal. `complete` is whether nothing can follow what the literal
/// holds: otherwise a name may be finished by a macro.
pub(super) fn in_literal(text: &[u8], complete: bool) -> Vec<Found> {
    let mut found = Vec::new();
    for (directive, used) in DIRECTIVES {
        let mut from = 0;
        while let Some(at) = find(&text[from..], directive).map(|at| from + at) {
            from = at + directive.len();
            if begins_statement(&text[..at]) {
                found.extend(operand(&text[from..], complete, used));
            }
        }
    }
    found
}

/// The operand of a directive: a string, as the assembler demands.
fn operand(text: &[u8], complete: bool, used: Use) -> Option<Found> {
    let blanks = text.iter().take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    match &text[blanks..] {
        [] => (!complete).then_some(Found::Pieces(used)),
        [b'"', name @ ..] => match name.iter().position(|byte| *byte == b'"') {
            // `\x` is an argument of an assembler macro, or an escape.
            Some(end) if !name[..end].contains(&b'\\') && end > 0 => Some(Found::File(used, name[..end].into())),
            _ => Some(Found::Pieces(used)),
        },
        // An operand of the asm statement, or a macro argument.
        [b'%' | b'\\', ..] if blanks > 0 => Some(Found::Pieces(used)),
        _ => None,
    }
}

fn begins_statement(before: &[u8]) -> bool {
    let blanks = before
        .iter()
        .rev()
        .take_while(|byte| matches!(byte, b' ' | b'\t'))
        .count();
    match before[..before.len() - blanks].last() {
        None => true,
        Some(byte) => matches!(byte, b'\n' | b';' | b':' | b'{' | b'|' | b'/'),
    }
}

fn find(text: &[u8], wanted: &[u8]) -> Option<usize> {
    text.windows(wanted.len())
        .position(|window| window.eq_ignore_ascii_case(wanted))
}

/// The bytes that a string literal stands for, as far as assembler text needs it.
pub(super) fn unescaped(inner: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        match bytes.next() {
            Some(b'n') => text.push(b'\n'),
            Some(b't') => text.push(b'\t'),
            Some(quoted @ (b'"' | b'\'' | b'\\' | b'?')) => text.push(quoted),
            // Anything else makes a name unresolvable, which is what a backslash does.
            Some(other) => text.extend([b'\\', other]),
            None => text.push(b'\\'),
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directive_names_a_file_or_a_piece_of_one() {
        let file = |used, name: &[u8]| vec![Found::File(used, name.into())];
        let check = |text: &str, complete: bool, expected: Vec<Found>| {
            assert_eq!(in_literal(text.as_bytes(), complete), expected, "{text:?}");
        };
        check(".incbin \"a.bin\"", true, file(Use::AsmBinary, b"a.bin"));
        check("x:\n\t.INCBIN \"a.bin\", 4", true, file(Use::AsmBinary, b"a.bin"));
        check("nop; .include \"m.inc\"\n", true, file(Use::AsmInclude, b"m.inc"));
        check(".incbin", true, vec![]);
        check(".incbin ", false, vec![Found::Pieces(Use::AsmBinary)]);
        check(".incbin \"dir/", false, vec![Found::Pieces(Use::AsmBinary)]);
        check(".incbin \"\\name\"", true, vec![Found::Pieces(Use::AsmBinary)]);
        check(".include %0", true, vec![Found::Pieces(Use::AsmInclude)]);
        check("cannot open .include \"x\"", true, vec![]);
        check("foo.include", false, vec![]);
        check(".included", false, vec![]);
    }

    #[test]
    fn escapes_are_resolved() {
        assert_eq!(unescaped(br#".incbin \"a\"\n\x41\\"#), b".incbin \"a\"\n\\x41\\");
    }
}
