//! Command lines of the oracles as [`CompileCommand`]s: only the options that the tables below use.

use rewrap::command::{
    Arg, Chain, CompileCommand, Depfile, Family, Form, Language, MapKind, Role, SecondaryKind, SecondaryOutput, Stage,
};

/// Options that take a value, in the spellings that may join it.
const VALUED: &[(&str, Role)] = &[
    ("-include", Role::ForcedInclude),
    ("-imacros", Role::ForcedInclude),
    ("-isystem", Role::SearchDir(Chain::System)),
    ("-idirafter", Role::SearchDir(Chain::After)),
    ("-iquote", Role::SearchDir(Chain::Quote)),
    ("-ffile-prefix-map=", Role::PrefixMap(MapKind::File)),
    ("-fmacro-prefix-map=", Role::PrefixMap(MapKind::Macro)),
    ("-fdebug-prefix-map=", Role::PrefixMap(MapKind::Debug)),
    ("-ffile-compilation-dir=", Role::CompilationDir),
    ("-fdebug-compilation-dir=", Role::CompilationDir),
    ("-MF", Role::Depfile),
    ("-MT", Role::DepTarget),
    ("-MQ", Role::DepTarget),
    ("-I", Role::SearchDir(Chain::Angled)),
    ("-D", Role::Macro),
    ("-U", Role::Macro),
    ("-o", Role::Output),
    ("-B", Role::ToolDir),
    ("-L", Role::ToolDir),
    ("--sysroot=", Role::ToolDir),
    ("-x", Role::Structure),
];

/// What the words mean; exactly one source, `-c` or `-S`.
pub(crate) fn parse(family: Family, words: &[String]) -> CompileCommand {
    let mut args = Vec::new();
    let mut rest = words.iter();
    while let Some(word) = rest.next() {
        args.push(argument(word, &mut rest));
    }
    let value = |name: &str| {
        args.iter()
            .rev()
            .find(|arg: &&Arg| arg.name == name)
            .and_then(|arg| arg.value.clone())
    };
    let has = |name: &str| words.iter().any(|word| word == name);
    let source = args
        .iter()
        .find(|arg| arg.role == Role::Source)
        .and_then(|arg| arg.value.clone())
        .expect("a source");
    let stage = if has("-S") { Stage::Assembly } else { Stage::Object };
    let base = source.rsplit('/').next().expect("a file name");
    let suffix = if stage == Stage::Assembly { "s" } else { "o" };
    let output = value("-o").unwrap_or_else(|| with_suffix(base, suffix));
    let mut secondary = Vec::new();
    for (option, suffix, kind) in [
        ("-gsplit-dwarf", "dwo", SecondaryKind::SplitDwarf),
        ("--coverage", "gcno", SecondaryKind::CoverageNotes),
        ("-fstack-usage", "su", SecondaryKind::StackUsage),
    ] {
        if has(option) && stage == Stage::Object {
            secondary.push(SecondaryOutput {
                path: with_suffix(&output, suffix),
                kind,
                optional: kind == SecondaryKind::SplitDwarf,
            });
        }
    }
    let depfile = (has("-MD") || has("-MMD")).then(|| Depfile {
        path: value("-MF").unwrap_or_else(|| with_suffix(&output, "d")),
        user_headers_only: has("-MMD"),
    });
    let language = match (value("-x").as_deref(), base.rsplit('.').next()) {
        (Some("c++"), _) | (None, Some("cc")) => Language::Cxx,
        (_, Some("i")) => Language::CPreprocessed,
        (_, Some("s")) => Language::Assembler,
        (_, Some("S")) => Language::AssemblerWithCpp,
        _ => Language::C,
    };
    CompileCommand {
        family,
        stage,
        language,
        source,
        output,
        secondary,
        depfile,
        response_files: Vec::new(),
        args,
    }
}

fn argument<'a>(word: &str, rest: &mut impl Iterator<Item = &'a String>) -> Arg {
    let arg = |name: &str, value: Option<String>, form, role| Arg {
        name: name.to_owned(),
        value,
        form,
        role,
        tail: String::new(),
    };
    if !word.starts_with('-') {
        return arg("", Some(word.to_owned()), Form::Joined, Role::Source);
    }
    if let Some((name, role)) = VALUED.iter().find(|(name, _)| word.starts_with(name)) {
        return if word == *name {
            arg(name, rest.next().cloned(), Form::Separate, *role)
        } else {
            arg(name, Some(word[name.len()..].to_owned()), Form::Joined, *role)
        };
    }
    let role = match word {
        "-c" | "-S" => Role::Structure,
        "-MD" | "-MMD" | "-MP" => Role::DepFlag,
        _ => Role::Plain,
    };
    arg(word, None, Form::Alone, role)
}

fn with_suffix(path: &str, suffix: &str) -> String {
    let stem = match path.rsplit_once('.') {
        Some((stem, last)) if !last.contains('/') => stem,
        _ => path,
    };
    format!("{stem}.{suffix}")
}
