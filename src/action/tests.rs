//! Actions of literal commands, without files and compilers.

mod messages;
mod placement;

use super::*;
use crate::command::{
    Arg, Chain, Depfile, Family, Form, Language, Native, Role, SecondaryKind, SecondaryOutput, Stage,
};
use crate::exec_path::ExecPath;
use crate::inputs::{Entry, OutsideFile};

/// A step that a test changes before it builds the action.
struct Step {
    command: CompileCommand,
    toolchain: Toolchain,
    inputs: InputSet,
    place: Place,
    paths: PathsMode,
    presentation: Presentation,
    environment: Vec<(String, String)>,
    platform: Vec<(String, String)>,
    time: TimeUse,
    real_dirs: BTreeMap<String, PathBuf>,
    absolute_include: Option<PathBuf>,
}

impl Step {
    fn request(&self) -> ActionRequest<'_> {
        ActionRequest {
            command: &self.command,
            toolchain: &self.toolchain,
            inputs: &self.inputs,
            place: &self.place,
            paths: self.paths,
            presentation: &self.presentation,
            environment: &self.environment,
            platform: &self.platform,
            invoked_as: "/usr/bin/cc",
            time: self.time,
            real_dirs: &self.real_dirs,
            absolute_include: self.absolute_include.as_deref(),
        }
    }

    fn build(&self) -> BuiltAction {
        build(&self.request()).expect("an action")
    }

    fn option(mut self, word: &str) -> Self {
        self.command.args.push(plain(word));
        self
    }

    fn arg(mut self, name: &str, value: &str, role: Role) -> Self {
        self.command.args.push(arg(name, value, role));
        self
    }

    fn output(mut self, path: &str) -> Self {
        path.clone_into(&mut self.command.output);
        self.arg("-o", path, Role::Output)
    }

    fn portable(mut self) -> Self {
        self.paths = PathsMode::Portable;
        self
    }
}

fn arg(name: &str, value: &str, role: Role) -> Arg {
    Arg {
        name: name.to_owned(),
        value: Some(value.to_owned()),
        form: Form::Joined,
        role,
        tail: String::new(),
    }
}

fn plain(word: &str) -> Arg {
    Arg {
        value: None,
        form: Form::Alone,
        ..arg(word, "", Role::Plain)
    }
}

fn place(exec_root: &str) -> Place {
    Place::new(Path::new(exec_root), &Path::new(exec_root).join("build")).expect("place")
}

fn entry(path: &str) -> (ExecPath, Entry) {
    let file = Entry::File {
        digest: Digest::of(path.as_bytes()),
        host: PathBuf::from("/host").join(path),
    };
    (ExecPath::new(path).expect("path"), file)
}

/// `gcc -c <source>` in `/h/p/build`.
fn compile(source: &str) -> Step {
    Step {
        command: CompileCommand {
            family: Family::Gcc,
            stage: Stage::Object,
            language: Language::C,
            args: vec![plain("-c"), arg("", source, Role::Source)],
            source: source.to_owned(),
            output: "a.o".to_owned(),
            secondary: Vec::new(),
            depfile: None,
            response_files: Vec::new(),
        },
        toolchain: Toolchain {
            driver: "/usr/bin/cc".into(),
            driver_real: "/usr/bin/gcc-12".into(),
            family: Family::Gcc,
            version: (12, 2, 0),
            target: "x86_64-linux-gnu".to_owned(),
            files: Vec::new(),
            facts: Digest::empty(),
            include_dirs: Vec::new(),
            library_path_matters: false,
        },
        inputs: InputSet {
            entries: [entry("src/a.c")].into(),
            ..InputSet::default()
        },
        place: place("/h/p"),
        paths: PathsMode::Exact,
        presentation: Presentation::default(),
        environment: Vec::new(),
        platform: Vec::new(),
        time: TimeUse::default(),
        real_dirs: BTreeMap::new(),
        absolute_include: None,
    }
}

fn with_clang(mut step: Step, major: u32) -> Step {
    step.command.family = Family::Clang;
    step.toolchain.family = Family::Clang;
    step.toolchain.version = (major, 0, 0);
    step
}

fn code(built: &BuiltAction) -> &'static str {
    match &built.placement {
        Placement::Anywhere => "anywhere",
        Placement::Here(reason) => {
            assert!(!reason.sentence().ends_with('.'));
            reason.code()
        }
    }
}

fn variables(built: &BuiltAction) -> Vec<String> {
    let all = &built.command.environment_variables;
    all.iter()
        .map(|variable| format!("{}={}", variable.name, variable.value))
        .collect()
}
