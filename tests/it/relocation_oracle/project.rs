//! A small project in a directory of its own, and what a step of it reads.

use super::command_line;
use crate::scan_oracle::bench::MACHINE;
use rewrap::action::{ActionRequest, BuiltAction, Place, Presentation, TimeUse};
use rewrap::command::{CompileCommand, Driver, Family, Language, Role};
use rewrap::config::PathsMode;
use rewrap::depfile::Depfile;
use rewrap::digest::Digest;
use rewrap::exec_path::ExecPath;
use rewrap::inputs::{Entry, InputSet, OutsideFile};
use rewrap::toolchain::{Environment, Toolchain};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

const FILES: &[(&str, &str)] = &[
    (
        "src/a.c",
        "#include <stddef.h>\n#include \"nested/n.h\"\n#include <api.h>\n#include <sys.h>\n\
         static const char *where(void) { return __FILE__; }\n\
         int f(int x) { char *unused; nested(x); if (x = 1) sys_here(); return sizeof(where()) + api(x); }\n",
    ),
    (
        "src/a.cc",
        "#include \"nested/n.h\"\n#include <api.h>\n#include <sys.h>\n\
         template <typename T> struct Box { T value; auto get() { return [this] { return value; }; } };\n\
         namespace { struct Hidden { int x; }; }\n\
         const char *where() { int unused; return __FILE__; }\n\
         int g(int x) { Box<Hidden> box{{x}}; return box.get()().x + api(x) + sys(); }\n",
    ),
    (
        "src/nested/n.h",
        "#pragma once\n#include \"../other.h\"\nstatic inline int nested(int x) { int y; return other(x); }\n",
    ),
    ("src/other.h", "static inline int other(int x) { return x; }\n"),
    (
        "include/api.h",
        "inline static const char *api_file(void) { return __FILE__; }\nstatic inline int api(int x) { return api_file()[x]; }\n",
    ),
    (
        "third/include/sys.h",
        "static inline int sys(void) { return __LINE__; }\nstatic inline const char *sys_here(void) { return __FILE__; }\n",
    ),
    ("third/include/up/up.h", "#include \"../sys.h\"\n"),
    (
        "src/up.c",
        "#include <up/up.h>\nconst char *u(void) { return sys_here(); }\n",
    ),
    (
        "sysroot/usr/include/api.h",
        "static inline int api(int x) { return __FILE__[x]; }\n",
    ),
    (
        "sysroot/usr/include/sys.h",
        "static inline const char *sys_here(void) { int unused; return __FILE__; }\n",
    ),
    ("sysroot/usr/include/stddef.h", "typedef int nothing;\n"),
    (
        "src/forced.h",
        "#define FORCED 1\nstatic const char *forced(void) { int y; return __FILE__; }\n",
    ),
    ("build/local.h", "#define LOCAL 1\n"),
    (
        "src/bad.c",
        "#include \"nested/n.h\"\nint f(void) { return undeclared; }\n#error \"stop\" __FILE__\n",
    ),
    (
        "src/message.c",
        "#define TEXT(x) #x\n_Static_assert(sizeof(__FILE__) > 1, \"\");\n#pragma message(__FILE__)\nint unused_in(void) { int x; }\n",
    ),
    ("src/asm.S", "#include \"other_asm.h\"\n.globl s\ns:\n  nop\n  ret\n"),
    ("src/other_asm.h", "#define NOTHING\n"),
    ("src/plain.s", ".globl p\np:\n  nop\n  ret\n"),
    ("src/pre.i", "# 1 \"pre.c\"\nint f(void) { return 1; }\n"),
];

/// The project, checked out at some path below a temporary directory.
pub(crate) struct Project {
    pub(crate) place: Place,
    /// What is renamed to hide the project.
    top: PathBuf,
}

impl Project {
    /// `below` is the exec root inside `temp`, `cwd` the working directory inside the exec root.
    pub(crate) fn create(temp: &Path, below: &str, cwd: &str) -> Self {
        let temp = temp.canonicalize().expect("temporary directory");
        let exec_root = temp.join(below);
        for (name, text) in FILES {
            let file = exec_root.join(name);
            fs::create_dir_all(file.parent().expect("parent")).expect("directory");
            fs::write(file, text).expect("file");
        }
        let cwd = if cwd.is_empty() {
            exec_root.clone()
        } else {
            exec_root.join(cwd)
        };
        fs::create_dir_all(&cwd).expect("directory");
        for dir in ["out", "build/sub", "build/sub.dir"] {
            fs::create_dir_all(exec_root.join(dir)).expect("directory");
        }
        Self {
            place: Place::new(&exec_root, &cwd).expect("place"),
            top: temp.join(below.split('/').next().expect("a component")),
        }
    }

    /// The words of a command line in which `{X}` is the exec root and `{C}` the working directory.
    pub(crate) fn words(&self, options: &str) -> Vec<String> {
        options
            .split_whitespace()
            .map(|word| {
                word.replace("{X}", self.place.exec_root())
                    .replace("{C}", self.place.cwd())
            })
            .collect()
    }

    /// While the guard lives no file of the project is where it was.
    pub(crate) fn hide(&self) -> Hidden {
        hide(&self.top)
    }

    /// The action of a command line.
    pub(crate) fn build(&self, toolchain: &Toolchain, options: &str, paths: PathsMode) -> BuiltAction {
        self.build_with(toolchain, options, paths, &[])
    }

    /// The action of a command line with variables of the user's.
    pub(crate) fn build_with(
        &self,
        toolchain: &Toolchain,
        options: &str,
        paths: PathsMode,
        environment: &[(String, String)],
    ) -> BuiltAction {
        let command = self.command(toolchain, options);
        let inputs = self.inputs(toolchain, &command, environment);
        let real_dirs = self.real_dirs(&command);
        rewrap::action::build(&ActionRequest {
            command: &command,
            toolchain,
            inputs: &inputs,
            place: &self.place,
            paths,
            presentation: &Presentation::default(),
            environment,
            platform: &[],
            invoked_as: toolchain.driver.to_str().expect("UTF-8"),
            time: TimeUse::default(),
            real_dirs: &real_dirs,
            absolute_include: None,
        })
        .expect("an action")
    }

    /// What a command line means; with the processor that native options stand for.
    pub(crate) fn command(&self, toolchain: &Toolchain, options: &str) -> CompileCommand {
        let words = self.words(options);
        let driver = Driver {
            family: toolchain.family,
            cxx: false,
            version: toolchain.version,
        };
        let Ok(command) = rewrap::command::parse(&driver, &words, &mut |_| None) else {
            return command_line::parse(toolchain.family, &words);
        };
        let env: Environment = [("PATH".into(), "/usr/bin:/bin".into())].into_iter().collect();
        let toolchains = &MACHINE.toolchains;
        let name = toolchain.driver.as_os_str();
        let identity = toolchains.identify(&toolchain.driver, name, &env).expect("identity");
        let cwd = Path::new(self.place.cwd());
        let command = toolchains.with_processor(&identity, command, cwd, &env);
        command.expect("an answer").0
    }

    /// What the compiler says it reads, and all directories of the project.
    fn inputs(&self, toolchain: &Toolchain, command: &CompileCommand, env: &[(String, String)]) -> InputSet {
        let mut inputs = InputSet::default();
        let mut names: BTreeSet<String> = [command.source.clone()].into();
        if !matches!(command.language, Language::Assembler | Language::CPreprocessed) {
            names.extend(self.dependencies(toolchain, command, env));
        }
        for name in names {
            let path = Path::new(self.place.cwd()).join(&name);
            inputs.observed.files.insert(path.clone(), Digest::empty());
            let real = path.canonicalize().expect("a dependency");
            let digest = Digest::of(&fs::read(&real).expect("a dependency"));
            match real.strip_prefix(self.place.exec_root()) {
                Ok(below) => {
                    let below = ExecPath::new(below.to_str().expect("UTF-8")).expect("an exec path");
                    inputs.entries.insert(below, Entry::File { digest, host: real });
                }
                Err(_) => inputs.outside.push(OutsideFile {
                    path: real,
                    digest,
                    on_worker: true,
                }),
            }
        }
        for dir in walkdir::WalkDir::new(self.place.exec_root()).min_depth(1) {
            let dir = dir.expect("a directory");
            if dir.file_type().is_dir() {
                let below = dir.path().strip_prefix(self.place.exec_root()).expect("below");
                let below = ExecPath::new(below.to_str().expect("UTF-8")).expect("an exec path");
                inputs.entries.insert(below, Entry::Directory);
            }
        }
        inputs.outside.sort();
        inputs.outside.dedup();
        inputs
    }

    fn dependencies(
        &self,
        toolchain: &Toolchain,
        command: &CompileCommand,
        environment: &[(String, String)],
    ) -> Vec<String> {
        let kept = command.args.iter().filter(|arg| {
            use Role::{ForcedInclude, Macro, SearchDir, Source, ToolDir};
            matches!(arg.role, SearchDir(_) | ToolDir | ForcedInclude | Macro | Source) || arg.name == "-x"
        });
        let done = Command::new(&toolchain.driver)
            .args(kept.flat_map(rewrap::command::Arg::words))
            .args(match toolchain.family {
                // The names as walked.
                Family::Gcc => ["-M", "-fno-canonical-system-headers"].as_slice(),
                Family::Clang => &["-M"],
            })
            .current_dir(self.place.cwd())
            .envs(environment.iter().cloned())
            .output()
            .expect("the compiler runs");
        let listed = Depfile::parse(&done.stdout).expect("a depfile").dependencies();
        let text = |path: PathBuf| path.into_os_string().into_string().expect("UTF-8");
        listed.into_iter().map(text).collect()
    }

    fn real_dirs(&self, command: &CompileCommand) -> BTreeMap<String, PathBuf> {
        let dirs = command.args.iter().filter(|arg| matches!(arg.role, Role::SearchDir(_)));
        dirs.filter_map(|arg| arg.value.clone())
            .filter_map(|dir| {
                let real = Path::new(self.place.cwd()).join(&dir).canonicalize().ok()?;
                Some((dir, real))
            })
            .collect()
    }
}

/// Hides a directory until the guard is dropped.
pub(crate) fn hide(top: &Path) -> Hidden {
    let away = top.with_extension("hidden");
    fs::rename(top, &away).expect("hide the project");
    Hidden {
        top: top.to_owned(),
        away,
    }
}

/// Puts a hidden project back.
pub(crate) struct Hidden {
    top: PathBuf,
    away: PathBuf,
}

impl Drop for Hidden {
    fn drop(&mut self) {
        fs::rename(&self.away, &self.top).expect("put the project back");
    }
}
