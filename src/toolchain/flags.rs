//! Which arguments of a step matter to what its compiler states about itself.

use crate::command::{Arg, CompileCommand, Native, Role};

/// Options that make the compiler write files beside its output, and that change no macro and no search list. They
/// are taken out of questions, which must leave nothing behind. A name that ends in `=` or `-` stands for all that
/// begin so.
const WRITING: [&str; 28] = [
    "-fdeps-",
    "-gsplit-dwarf",
    "-gsplit-dwarf=",
    "--coverage",
    "-coverage",
    "-ftest-coverage",
    "-fstack-usage",
    "-fcallgraph-info",
    "-fcallgraph-info=",
    "-save-temps",
    "-save-temps=",
    "--save-temps",
    "--save-temps=",
    "-fthin-link-bitcode=",
    "-save-stats",
    "-save-stats=",
    "-ftime-trace",
    "-ftime-trace=",
    "-fsave-optimization-record",
    "-fsave-optimization-record=",
    "-foptimization-record-file=",
    "-fproc-stat-report",
    "-fproc-stat-report=",
    "-fdump-",
    "-fopt-info",
    "-fopt-info-",
    "-aux-info",
    "-MJ",
];

/// Whether an option of this name makes the compiler write files beside its output.
pub fn writes_files_besides(name: &str) -> bool {
    WRITING.iter().any(|known| {
        if known.ends_with(['=', '-']) {
            name.starts_with(known)
        } else {
            name == *known
        }
    })
}

/// The arguments of a step that may change what the compiler states about itself: everything but what is known not
/// to. An option that nobody knows stays in: it costs one more question, once.
pub fn flags_for_questions(command: &CompileCommand) -> Vec<String> {
    let kept = command.args.iter().filter(|arg| matters(arg));
    kept.flat_map(Arg::words).collect()
}

fn matters(arg: &Arg) -> bool {
    match arg.role {
        Role::Plain if arg.value.as_deref() == Some("-emit-pch") => false,
        Role::Plain | Role::Structure => !writes_files_besides(&arg.name) && !is_known_not_to_matter(arg),
        Role::ToolDir | Role::Native(Native::Asked) => true,
        Role::Input => ["-specs", "--specs", "--config", "-fplugin="]
            .iter()
            .any(|known| arg.name.starts_with(known)),
        Role::Macro
        | Role::Native(Native::Resolved | Native::Known)
        | Role::DepTarget
        | Role::Depfile
        | Role::DepFlag
        | Role::Output
        | Role::SecondaryOutput
        | Role::SearchDir(_)
        | Role::ProfileDir
        | Role::ForcedInclude
        | Role::PrefixMap(_)
        | Role::CompilationDir
        | Role::Source => false,
    }
}

fn is_known_not_to_matter(arg: &Arg) -> bool {
    let name = arg.name.as_str();
    // `-Wp,`, `-Wa,` and `-Wl,` hand words to other programs.
    let warning = name.starts_with("-W") && !name.contains(',');
    let debug = name.starts_with("-g") && !name.starts_with("-gcc") && !name.starts_with("-gnu");
    // Directories, all of them searched before the compiler's own are asked for.
    let below_prefix = [
        "-iprefix",
        "-iwithprefix",
        "-iwithsysroot",
        "--include-prefix",
        "--include-with-prefix",
    ]
    .iter()
    .any(|option| name.starts_with(option));
    let stage = matches!(name, "-x" | "-c" | "-S" | "-E" | "-w" | "-pipe" | "-v");
    let shown = name.starts_with("-fdiagnostics-") || name.starts_with("-fmessage-length");
    warning || debug || stage || shown || below_prefix
}

/// Whether what the compiler states depends on where it is asked: a flag names something by a relative path.
pub(super) fn depends_on_cwd(command: &CompileCommand) -> bool {
    command.args.iter().filter(|arg| matters(arg)).any(|arg| {
        let value = arg.value.as_deref().unwrap_or_default();
        let names_a_path = matches!(arg.role, Role::ToolDir | Role::Input) || value.contains('/');
        names_a_path && !value.starts_with('/')
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::{Chain, Family, Form, Language, Stage};

    fn arg(name: &str, value: Option<&str>, form: Form, role: Role) -> Arg {
        Arg {
            name: name.to_owned(),
            value: value.map(str::to_owned),
            form,
            role,
            tail: String::new(),
        }
    }

    fn command(args: Vec<Arg>) -> CompileCommand {
        CompileCommand {
            family: Family::Gcc,
            stage: Stage::Object,
            language: Language::C,
            args,
            source: "a.c".to_owned(),
            output: "a.o".to_owned(),
            secondary: vec![],
            depfile: None,
            response_files: vec![],
        }
    }

    #[test]
    fn only_flags_that_may_change_facts_are_asked_with() {
        let plain = |name: &str| arg(name, None, Form::Alone, Role::Plain);
        let command = command(vec![
            plain("-O2"),
            plain("-Wall"),
            plain("-g3"),
            plain("-fPIC"),
            plain("-gsplit-dwarf"),
            plain("-fdump-tree-all"),
            plain("--brand-new"),
            arg("-std=", Some("gnu11"), Form::Joined, Role::Plain),
            arg("-I", Some("inc"), Form::Joined, Role::SearchDir(Chain::Angled)),
            arg("-D", Some("A"), Form::Joined, Role::Macro),
            arg("-B", Some("tools"), Form::Separate, Role::ToolDir),
            arg("", Some("a.c"), Form::Separate, Role::Source),
        ]);
        assert_eq!(
            flags_for_questions(&command),
            ["-O2", "-fPIC", "--brand-new", "-std=gnu11", "-B", "tools"]
        );
    }

    #[test]
    fn a_relative_path_in_a_flag_ties_the_facts_to_the_cwd() {
        let check = |name: &str, value: &str, role: Role, expected: bool| {
            let command = command(vec![arg(name, Some(value), Form::Joined, role)]);
            assert_eq!(depends_on_cwd(&command), expected, "{name}{value}");
        };
        check("-std=", "gnu11", Role::Plain, false);
        check("--sysroot=", "/opt/s", Role::ToolDir, false);
        check("--sysroot=", "rel", Role::ToolDir, true);
        check("-B", "tools", Role::ToolDir, true);
        check("-specs=", "x.specs", Role::Input, true);
        check("-fsome-file=", "rel/file", Role::Plain, true);
        check("-I", "rel", Role::SearchDir(Chain::Angled), false);
    }
}
