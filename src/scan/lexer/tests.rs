//! Texts and what they mention. `q:` is a quoted name, `a:` an angled one, `?` before it a test for existence.

use super::*;
use crate::scan::file_facts::builtin_questions;
use proptest::prelude::*;

fn facts(text: &str) -> FileFacts {
    lex(text.as_bytes(), Consumer::Compiler, &builtin_questions())
}

fn shown_mentions(facts: &FileFacts) -> Vec<String> {
    let show = |mention: &Mention| {
        let used = match mention.used {
            Use::Include => "",
            Use::IncludeNext => "next ",
            Use::Test => "?",
            Use::TestNext => "?next ",
            Use::Embed => "embed ",
            Use::Dependency => "dependency ",
            Use::AsmInclude => ".include ",
            Use::AsmBinary => ".incbin ",
        };
        let form = match mention.form {
            Form::Quote => "q",
            Form::Angle => "a",
        };
        format!("{used}{form}:{}", String::from_utf8_lossy(&mention.name))
    };
    facts.mentions.iter().map(show).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    let facts = facts(text);
    assert_eq!(shown_mentions(&facts), expected, "{text}");
    assert_eq!(facts.unresolvable, None, "{text}");
}

#[test]
fn includes_are_found_however_they_are_written() {
    check("#include \"a.h\"\n#include <b/c.h> // x", &["q:a.h", "a:b/c.h"]);
    check("%:include \"d.h\"", &["q:d.h"]);
    check("??=include \"t.h\"", &["q:t.h"]);
    check("#inc\\\nlude \"s.h\"", &["q:s.h"]);
    check("#inc\\ \t\nlude \"bs.h\"", &["q:bs.h"]);
    check("/* a\nb */ # /* a\nb */ include /* c */ \"cmt.h\" // x", &["q:cmt.h"]);
    check(
        "\u{feff}#include \"bom.h\"\r\n#include \"crlf.h\"\r\n",
        &["q:bom.h", "q:crlf.h"],
    );
    check("#include_next <n.h>\n#import \"i.h\"", &["q:i.h", "next a:n.h"]);
    check("#if 0\nit's \"open\n#else\n#include \"sig.h\"\n#endif", &["q:sig.h"]);
    check("#error don't\n#include \"a.h\"", &["q:a.h"]);
    check("ID(\n#include \"arg.h\"\n)", &["q:arg.h"]);
    check("int n = 1'000'000;\n#include \"sep.h\"\n", &["q:sep.h"]);
    check("#include <it's.h>\n#include \"a//b.h\"", &["q:a//b.h", "a:it's.h"]);
    check(
        "#\n#include \"a.h\"\n#pragma\n#include \"b.h\"\n#ifdef\n#include \"c.h\"",
        &["q:a.h", "q:b.h", "q:c.h"],
    );
}

#[test]
fn text_that_is_no_directive_mentions_nothing() {
    check("char *s = \"\\\n#include \\\"a.h\\\"\";", &[]);
    check("// \\\n#include \"a.h\"", &[]);
    check("/*\n#include \"a.h\"\n*/", &[]);
    check("x #include \"a.h\"", &[]);
    check("#define I #include \"a.h\"", &[]);
    check("##include \"a.h\"", &[]);
    check("char q = '\"'; /* \" */\n#include \"a.h\"\nchar r = '\\'';", &["q:a.h"]);
}

#[test]
fn what_the_language_decides_is_read_both_ways() {
    check(
        "auto s = R\"x(\n#include \"r.h\"\n)x\";\n#include \"after.h\"",
        &["q:after.h", "q:r.h"],
    );
    check(
        "auto s = R\"(it's \" unbalanced)\";\n#include \"after.h\"",
        &["q:after.h"],
    );
    check("// what??/\n#include \"a.h\"", &["q:a.h"]);
}

#[test]
fn tests_for_existence_are_found_in_conditions_and_macros() {
    check("#if defined(__has_include) && __has_include(<o.h>)", &["?a:o.h"]);
    check(
        "#ifdef __has_include\n#if __has_include ( \"o.h\" )\n#endif\n#endif",
        &["?q:o.h"],
    );
    check("#elif __has_include_next(<n.h>)", &["?next a:n.h"]);
    check("#define HAVE __has_include(<o.h>)", &["?a:o.h"]);
    check(
        "#ifndef __has_include\n#define __has_include(x) 0\n#endif\n#undef __has_include",
        &[],
    );
    check(
        "#embed \"d.bin\" limit(3)\n#if __has_embed(<e.bin>)",
        &["embed q:d.bin", "embed a:e.bin"],
    );
    check("#pragma GCC dependency \"p.y\" rerun", &["dependency q:p.y"]);
}

#[test]
fn a_macro_that_stands_for_a_test_is_one() {
    let check = |text: &str, name: &str| {
        let facts = facts(text);
        let names: Vec<_> = facts.aliases.keys().map(|name| String::from_utf8_lossy(name)).collect();
        assert_eq!(names, [name], "{text}");
        assert_eq!(facts.unresolvable, None, "{text}");
    };
    check("#define QT_HAS_INCLUDE(x) __has_include(x)", "QT_HAS_INCLUDE");
    check("#define HAS __has_include", "HAS");
    let mut questions = builtin_questions();
    questions.insert((*b"HAS").into(), Use::Test);
    let facts = lex(b"#if HAS(<x.h>)\n#elif HAS(\"y.h\")", Consumer::Compiler, &questions);
    assert_eq!(shown_mentions(&facts), ["?q:y.h", "?a:x.h"]);
}

#[test]
fn what_only_the_compiler_could_resolve_is_named() {
    let check = |text: &str, what: &str| {
        assert_eq!(facts(text).unresolvable.as_deref(), Some(what), "{text}");
    };
    check("#if __has_include(MACRO)", "__has_include(MACRO");
    check("#define H(x) __has_include(<x.h>)", "__has_include(<x.h>)");
    check("#define H(x) __has_include(y)", "__has_include(y");
    check("#if __has_embed(MACRO)", "__has_embed(MACRO");
    check("#define INCBIN \".incbin\"", ".incbin");
    check("asm(\".incbin \\\"\" FILE \"\\\"\");", ".incbin");
    check("asm(\".include \" NAME);", ".include");
    check("#pragma GCC pch_preprocess \"x.gch\"", "#pragma GCC pch_preprocess");
}

#[test]
fn inline_assembly_names_files() {
    check("asm(\".incbin \\\"blob.bin\\\"\");", &[".incbin q:blob.bin"]);
    check(
        "asm(\"x:\\n\"\n \"\\t.incbin \" // c\n \"\\\"b.bin\\\"\\n\");",
        &[".incbin q:b.bin"],
    );
    check("asm(R\"(\n.incbin \"raw.bin\")\");", &[".incbin q:raw.bin"]);
    check("S(.incbin \"s.bin\")", &[".incbin q:s.bin"]);
    check("kinds[\".incbin\"] = 1; rect.include(p); x = { .include = 1 };", &[]);
    check("warn(\"use the .include directive\");", &[]);
}

#[test]
fn assembler_text_has_apostrophes_and_comments_of_its_own() {
    let check = |text: &str, expected: &[&str], unresolvable: Option<&str>| {
        let facts = lex(text.as_bytes(), Consumer::Assembler, &builtin_questions());
        assert_eq!(shown_mentions(&facts), expected, "{text}");
        assert_eq!(facts.unresolvable.as_deref(), unresolvable, "{text}");
    };
    check(
        "#include \"a.h\"\n .include \"m.inc\"\n\t.incbin \"b.bin\",4",
        &["q:a.h", ".include q:m.inc", ".incbin q:b.bin"],
        None,
    );
    check("mov $'a, %al\n.incbin \"b.bin\" # isn't it", &[".incbin q:b.bin"], None);
    check("# see the .include directive\n", &[], None);
    check(".incbin FILE", &[], Some(".incbin"));
    check("#define INC .include\n", &[], Some(".include"));
    check(".incbin \"\\name\"", &[], Some(".incbin"));
}

#[test]
fn remarks_of_a_text() {
    let check = |text: &str, expected: &[Remark]| {
        assert_eq!(
            facts(text).remarks.iter().copied().collect::<Vec<_>>(),
            expected,
            "{text}"
        );
    };
    check("const char *d = __DATE__;", &[Remark::DateOrTime]);
    check("#define T __TIME__", &[Remark::DateOrTime]);
    check("f(__TIMESTAMP__)", &[Remark::Timestamp]);
    check(
        "// __DATE__\nchar *s = \"__TIME__ __TIMESTAMP__\"; int my__DATE__;",
        &[],
    );
    check("#pragma once", &[Remark::Once]);
    check("_Pragma(\"once\")", &[Remark::Once, Remark::Effects]);
    check("int n = __COUNTER__;", &[Remark::Effects]);
    check("#pragma GCC target(\"avx2\")", &[Remark::Effects]);
    check("#pragma GCC push_options", &[Remark::Effects]);
    check("#pragma push_macro(\"M\")\n#pragma GCC diagnostic push", &[]);
    check("_Pragma(\"push_macro(\\\"M\\\")\")", &[Remark::Effects]);
    check("#define P(x) _Pragma(#x)\nP(pop_macro(\"M\"))", &[Remark::Effects]);
    check("#define P(x) _Pragma(#x)\nP(GCC optimize(\"O2\"))", &[Remark::Effects]);
    check(
        "#define W(x) _Pragma(#x)\nW(GCC warning \"x\")\n_Pragma(\"GCC diagnostic push\")",
        &[],
    );
    check("char *s = \"once\";", &[]);
    check("#import \"a.h\"", &[Remark::Imports]);
    check("#include MACRO", &[Remark::Computed]);
    check("#define A <a.h>\n#include A", &[Remark::Computed]);
    check("#include \"a.h\"\n#include", &[]);
}

#[test]
fn every_header_of_the_standard_library_is_mentioned_where_it_is_included() {
    let check = |compiler: &str, language: &str, headers: &[&str]| {
        let includes: String = headers
            .iter()
            .map(|header| ["#include <", header, ">\n"].concat())
            .collect();
        let source = tempfile::NamedTempFile::new().expect("file");
        std::fs::write(source.path(), &includes).expect("source");
        let listed = std::process::Command::new(compiler)
            .args(["-M", "-MT", "x", "-x", language])
            .arg(source.path())
            .output()
            .expect("compiler");
        let listed = crate::depfile::Depfile::parse(&listed.stdout)
            .expect("a list")
            .dependencies();
        let mut mentioned = std::collections::BTreeSet::new();
        for path in &listed {
            let facts = lex(
                &std::fs::read(path).expect("header"),
                Consumer::Compiler,
                &builtin_questions(),
            );
            assert_eq!(facts.unresolvable, None, "{}", path.display());
            mentioned.extend(facts.mentions.into_iter().map(|mention| mention.name));
        }
        // The source, and what gcc includes by itself.
        let unasked = |path: &std::path::Path| path == source.path() || path.ends_with("stdc-predef.h");
        for path in listed.iter().filter(|path| !unasked(path)) {
            let text = path.to_str().expect("UTF-8").as_bytes();
            assert!(
                mentioned.iter().any(|name| text.ends_with(name)),
                "{compiler}: {}",
                path.display()
            );
        }
        assert!(listed.len() > 40, "{compiler}");
    };
    let cxx = [
        "algorithm",
        "filesystem",
        "functional",
        "iostream",
        "random",
        "regex",
        "thread",
        "unordered_map",
    ];
    let c = [
        "math.h",
        "netinet/in.h",
        "pthread.h",
        "signal.h",
        "stdint.h",
        "stdlib.h",
        "sys/stat.h",
        "unistd.h",
    ];
    for compiler in ["gcc", "clang", "clang-19"] {
        check(compiler, "c++", &cxx);
        check(compiler, "c", &c);
    }
}

proptest! {
    /// Any bytes are a text, and what stands on a line of its own after them is seen unless they leave a comment open.
    #[test]
    fn any_bytes_can_be_read(bytes in proptest::collection::vec(prop_oneof![Just(b'"'), Just(b'\''), Just(b'\\'), Just(b'\n'), Just(b'#'), Just(b'R'), Just(b'('), any::<u8>()], 0..200)) {
        lex(&bytes, Consumer::Compiler, &builtin_questions());
        let comment = bytes.windows(2).any(|pair| pair == b"/*" || pair == b"//");
        if !comment && !bytes.contains(&b'\\') {
            let text = [&bytes[..], b"\n#include \"last.h\"\n"].concat();
            let facts = lex(&text, Consumer::Compiler, &builtin_questions());
            prop_assert!(facts.mentions.iter().any(|mention| &*mention.name == b"last.h"));
        }
    }
}
