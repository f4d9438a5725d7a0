//! Relocated links against the real linkers: what a worker gives, with its texts restored, is byte for byte what the
//! user's command gives at home.

mod cases;
mod project;

use crate::relocation_oracle::{differences, restored, stored, toolchain, worker};
use crate::tools::{missing, sample};
use cases::{Case, Expect, LINKERS_THEMSELVES, LINKS};
use project::Project;
use rewrap::action::{self, BuiltAction, Placement, Presentation, ToolRequest};
use rewrap::command::link::{Flavour, parse_driver, parse_ld};
use rewrap::command::{Driver, ToolCommand};
use rewrap::config::PathsMode;
use rewrap::link::LinkTraits;
use rewrap::toolchain::Toolchain;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A driver and the linker that it is to start, by the name for `-fuse-ld=`.
const PAIRS: &[(&str, &str, Flavour)] = &[
    ("gcc", "bfd", Flavour::Bfd),
    ("gcc", "gold", Flavour::Gold),
    ("gcc", "mold", Flavour::Mold),
    ("gcc", "lld", Flavour::Lld),
    ("clang", "bfd", Flavour::Bfd),
    ("clang", "gold", Flavour::Gold),
    ("clang", "mold", Flavour::Mold),
    ("clang", "lld", Flavour::Lld),
    ("clang-19", "bfd", Flavour::Bfd),
    ("clang-19", "mold", Flavour::Mold),
    ("clang-19", "lld", Flavour::Lld),
];

/// Linkers that are called themselves, with whose objects.
const LINKERS: &[(&str, &str, Flavour)] = &[
    ("gcc", "ld.bfd", Flavour::Bfd),
    ("gcc", "ld.gold", Flavour::Gold),
    ("clang-19", "ld.lld-19", Flavour::Lld),
    ("gcc", "ld.mold", Flavour::Mold),
];

/// Who links: a driver, or a linker itself.
struct Linker<'a> {
    toolchain: &'a Toolchain,
    flavour: Flavour,
    /// `-fuse-ld=…` of a driver.
    chosen: Option<String>,
}

impl Linker<'_> {
    fn parse(&self, args: &[String], cwd: &Path) -> ToolCommand {
        let mut read = |path: &str| std::fs::read(cwd.join(path)).ok();
        let parsed = match self.chosen {
            None => parse_ld(self.flavour, args, &mut read),
            Some(_) => {
                let driver = Driver {
                    family: self.toolchain.family,
                    cxx: false,
                    version: self.toolchain.version,
                };
                parse_driver(&driver, self.flavour, args, &mut read)
            }
        };
        parsed.unwrap_or_else(|reason| panic!("{args:?}: {reason}"))
    }
}

/// One link of a case in a project.
struct Link<'a> {
    linker: &'a Linker<'a>,
    project: &'a Project,
    case: &'a Case,
    args: Vec<String>,
    environment: Vec<(String, String)>,
}

impl<'a> Link<'a> {
    fn new(linker: &'a Linker<'a>, project: &'a Project, case: &'a Case, absolute: bool) -> Self {
        let root = project.place.exec_root();
        let (names, response) = if absolute { (root, "abs") } else { ("..", "rel") };
        let text = |word: &str| {
            word.replace("{A}", names)
                .replace("{X}", root)
                .replace("{rsp}", response)
        };
        let words = case.words.split(' ').map(text);
        let variable = |(name, value): &(&str, &str)| ((*name).to_owned(), text(value));
        Self {
            linker,
            project,
            case,
            args: linker.chosen.iter().cloned().chain(words).collect(),
            environment: case.environment.iter().map(variable).collect(),
        }
    }

    fn build(&self, paths: PathsMode) -> BuiltAction {
        let place = &self.project.place;
        let command = self.linker.parse(&self.args, Path::new(place.cwd()));
        let root = place.exec_root();
        let names = |library: &str| self.args.iter().find(|word| word.ends_with(library)).cloned();
        let text = |name: &str| {
            let says = self.args.iter().any(|word| word.ends_with(name));
            says.then(|| (Path::new(root).join(name), Path::new(root).join("lib/libf.a")))
        };
        let traits = LinkTraits {
            flavour: self.linker.flavour,
            driver: self.linker.chosen.as_ref().map(|_| self.linker.toolchain.family),
            rpath: Case::run_paths(&self.args, &self.environment),
            lto: self.case.lto,
            without_soname: names("libn.so").into_iter().collect(),
            named_in_text: ["-labs", "libthinabs.a"].into_iter().filter_map(text).collect(),
        };
        action::build_tool(&ToolRequest {
            command: &command,
            traits: Some(&traits),
            toolchain: self.linker.toolchain,
            inputs: &self.project.inputs(),
            place,
            paths,
            presentation: &Presentation::default(),
            environment: &self.environment,
            platform: &[],
            invoked_as: self.linker.toolchain.driver.to_str().expect("UTF-8"),
            real_dirs: &BTreeMap::new(),
        })
        .expect("an action")
    }

    fn at_home(&self, built: &BuiltAction) -> worker::Ran {
        let cwd = Path::new(self.project.place.cwd());
        let mut command = Command::new(&self.linker.toolchain.driver);
        command
            .args(&self.args)
            .current_dir(cwd)
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("LC_ALL", "C.UTF-8")
            .envs(self.environment.iter().cloned());
        worker::run(&mut command, cwd, built)
    }

    /// What a link with absolute names gives elsewhere; the text says what went wrong.
    fn check(&self, absolute: bool, worker_root: &Path) -> Result<(), String> {
        let built = self.build(PathsMode::Exact);
        let bfd = self.linker.flavour == Flavour::Bfd;
        let expected = match (self.case.expect, absolute) {
            (Expect::AlwaysHere(code), _) | (Expect::Here(code), true) => Some(code),
            (Expect::HereButBfd(code), true) if !bfd => Some(code),
            _ => None,
        };
        match (expected, &built.placement) {
            (Some(code), Placement::Here(reason)) if reason.code() == code => return Ok(()),
            (None, Placement::Anywhere) => {}
            (expected, found) => return Err(format!("placement {found:?}, expected {expected:?}")),
        }
        let home = self.at_home(&built);
        if (home.exit != Some(0)) != self.case.fails {
            return Err(format!(
                "at home {:?}: {}",
                home.exit,
                String::from_utf8_lossy(&home.stderr)
            ));
        }
        worker::materialise(&built, worker_root);
        let far = {
            let _hidden = self.project.hide();
            worker::materialised(&built, worker_root)
        };
        if let Some(text) = differences(&home, &restored(&far, &built)) {
            return Err(format!("relocated: {text}"));
        }
        // Only what succeeded is stored. (Messages of failures may name home by debug information.)
        if home.exit == Some(0)
            && let Some(text) = differences(&stored(&home, &built), &far)
        {
            return Err(format!("stored: {text}"));
        }
        Ok(())
    }
}

fn failures(linker: &Linker<'_>, objects: &Path, cases: &[Case]) -> Vec<String> {
    failures_in("home/user/project", linker, objects, cases)
}

fn failures_in(below: &str, linker: &Linker<'_>, objects: &Path, cases: &[Case]) -> Vec<String> {
    let temp = tempfile::tempdir().expect("temporary directory");
    let project = Project::create(temp.path(), below, objects);
    let mut failures = Vec::new();
    for (at, case) in cases.iter().enumerate() {
        if !case.is_for(linker.toolchain.family, linker.flavour) {
            continue;
        }
        for absolute in [true, false] {
            let link = Link::new(linker, &project, case, absolute);
            let root = temp.path().join(format!("w/{at}{absolute}"));
            if let Err(text) = link.check(absolute, &root) {
                let who = linker.toolchain.driver.display();
                failures.push(format!("{who} {}\n{text}", link.args.join(" ")));
            }
            // Absent where nothing was run.
            let _removed = std::fs::remove_dir_all(&root);
        }
    }
    failures
}

/// What a driver takes for `-fuse-ld=` here, if the linker is here.
fn has_linker(name: &str) -> bool {
    let there = Path::new("/usr/bin").join(format!("ld.{name}")).exists();
    if !there {
        missing(name);
    }
    there
}

#[test]
fn links_give_the_bytes_of_home_elsewhere() {
    let mut all = Vec::new();
    for (driver, name, flavour) in sample(PAIRS) {
        let Some(toolchain) = toolchain(driver).filter(|_| has_linker(name)) else {
            continue;
        };
        let linker = Linker {
            toolchain: &toolchain,
            flavour,
            chosen: Some(format!("-fuse-ld={name}")),
        };
        all.extend(failures(&linker, &toolchain.driver, LINKS));
    }
    assert!(all.is_empty(), "{}", all.join("\n\n"));
}

#[test]
fn linkers_themselves_give_the_bytes_of_home_elsewhere() {
    let mut all = Vec::new();
    for (objects, name, flavour) in sample(LINKERS) {
        let driver = PathBuf::from("/usr/bin").join(name);
        let Some(mut toolchain) = toolchain(objects) else {
            continue;
        };
        if !driver.exists() {
            missing(name);
            continue;
        }
        let objects = toolchain.driver.clone();
        toolchain.driver_real = driver.canonicalize().expect("the linker");
        toolchain.driver = driver;
        let linker = Linker {
            toolchain: &toolchain,
            flavour,
            chosen: None,
        };
        all.extend(failures(&linker, &objects, LINKERS_THEMSELVES));
    }
    assert!(all.is_empty(), "{}", all.join("\n\n"));
}

#[test]
fn an_exec_root_with_odd_characters_is_no_obstacle() {
    let names_response_file = |case: &&Case| case.words.contains('@') || case.words.contains("--dependency-file");
    let plain: Vec<Case> = LINKS
        .iter()
        .filter(|case| !names_response_file(case))
        .copied()
        .collect();
    for (driver, name, flavour) in sample(&PAIRS[..4]) {
        let Some(toolchain) = toolchain(driver).filter(|_| has_linker(name)) else {
            continue;
        };
        let linker = Linker {
            toolchain: &toolchain,
            flavour,
            chosen: Some(format!("-fuse-ld={name}")),
        };
        let found = failures_in("home/a blank dollar$ hash# é", &linker, &toolchain.driver, &plain);
        assert!(found.is_empty(), "{}", found.join("\n\n"));
    }
}
