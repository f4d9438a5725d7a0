//! Relocated links against the real linkers: what a worker gives that has nothing but the inputs which were found, with
//! its texts restored, is byte for byte what the user's command gives at home.

mod cases;
mod project;

use crate::relocation_oracle::{differences, restored, stored, worker};
use crate::scan_oracle::bench::{MACHINE, Run};
use crate::tools::{missing, sample};
use cases::{Case, Expect, LINKERS_THEMSELVES, LINKS};
use project::Project;
use rewrap::action::{self, BuiltAction, Placement, Presentation, ToolRequest};
use rewrap::command::Driver;
use rewrap::command::link::{Flavour, parse_driver, parse_ld, parse_line};
use rewrap::config::PathsMode;
use rewrap::inputs::{Places, collect_tool};
use rewrap::link::{LinkStep, plan, resolve};
use rewrap::toolchain::{Environment, Identity};
use std::collections::BTreeMap;
use std::error::Error;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

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

/// Variables that every step has.
const USUAL: [(&str, &str); 2] = [("PATH", "/usr/bin:/bin"), ("LC_ALL", "C.UTF-8")];

/// Who links: a driver, or a linker itself.
struct Linker {
    program: PathBuf,
    flavour: Flavour,
    /// Of a driver: who it is, and the word that chooses the linker.
    driver: Option<(Arc<Identity>, String)>,
}

impl Linker {
    /// `None`, said aloud, if one of both is not here and need not be.
    fn driver(driver: &str, linker: &str, flavour: Flavour) -> Option<Self> {
        let program = program(driver)?;
        program_of_linker(linker)?;
        let usual = environment(&[]);
        let identity = MACHINE.toolchains.identify(&program, program.as_os_str(), &usual);
        Some(Self {
            driver: Some((identity.expect("a compiler"), format!("-fuse-ld={linker}"))),
            program,
            flavour,
        })
    }

    fn itself(linker: &str, flavour: Flavour) -> Option<Self> {
        Some(Self {
            program: program(linker)?,
            flavour,
            driver: None,
        })
    }

    fn is_for(&self, case: &Case) -> bool {
        let family = self.driver.as_ref().map(|(identity, _)| identity.family);
        case.is_for(family, self.flavour)
    }
}

fn program(name: &str) -> Option<PathBuf> {
    let program = Path::new("/usr/bin").join(name);
    if !program.exists() {
        missing(name);
        return None;
    }
    Some(program)
}

/// What a driver takes for `-fuse-ld=` here.
fn program_of_linker(name: &str) -> Option<PathBuf> {
    let there = Path::new("/usr/bin").join(format!("ld.{name}"));
    if !there.exists() {
        missing(name);
        return None;
    }
    Some(there)
}

fn environment(own: &[(String, String)]) -> Environment {
    let own = own.iter().map(|(name, value)| (name.as_str(), value.as_str()));
    let all = USUAL.into_iter().chain(own);
    all.map(|(name, value)| (OsString::from(name), OsString::from(value)))
        .collect()
}

/// One link of a case in a project.
struct Link<'a> {
    linker: &'a Linker,
    project: &'a Project,
    case: &'a Case,
    args: Vec<String>,
    environment: Vec<(String, String)>,
}

impl<'a> Link<'a> {
    fn new(linker: &'a Linker, project: &'a Project, case: &'a Case, absolute: bool) -> Self {
        let root = project.place.exec_root();
        let (names, response) = if absolute { (root, "abs") } else { ("..", "rel") };
        let text = |word: &str| {
            word.replace("{A}", names)
                .replace("{X}", root)
                .replace("{rsp}", response)
        };
        let chosen = linker.driver.iter().map(|(_, choice)| choice.clone());
        let variable = |(name, value): &(&str, &str)| ((*name).to_owned(), text(value));
        Self {
            linker,
            project,
            case,
            args: chosen.chain(case.words.split(' ').map(text)).collect(),
            environment: case.environment.iter().map(variable).collect(),
        }
    }

    /// All the way from the words to the action, as a step goes.
    fn build(&self, paths: PathsMode) -> Result<BuiltAction, Box<dyn Error>> {
        let place = &self.project.place;
        let cwd = Path::new(place.cwd());
        let env = environment(&self.environment);
        let program = &self.linker.program;
        let identity = self.linker.driver.as_ref().map(|(identity, _)| &**identity);
        let step = LinkStep {
            driver: identity,
            tool: program,
            invoked_as: program.as_os_str(),
            args: &self.args,
            cwd,
            env: &env,
        };
        let plan = plan(&Run, &step)?;
        assert_eq!(plan.flavour, self.linker.flavour);
        let mut read = |path: &str| fs::read(cwd.join(path)).ok();
        let command = match identity {
            None => parse_ld(plan.flavour, &self.args, &mut read)?,
            Some(identity) => {
                let driver = Driver {
                    family: identity.family,
                    cxx: identity.cxx,
                    version: identity.version,
                };
                parse_driver(&driver, plan.flavour, &self.args, &mut read)?
            }
        };
        let line = parse_line(plan.flavour, &plan.line, &mut read)?;
        let resolved = resolve(&line, &plan, cwd, &env, MACHINE.digests())?;
        let facts = plan.facts();
        let (toolchain, _) = MACHINE.toolchains.tool(&plan.subject(&step, &facts))?;
        let places = Places {
            cwd,
            exec_root: Path::new(place.exec_root()),
            worker_roots: &["/usr".into()],
        };
        let inputs = collect_tool(&command, &resolved.scan, &toolchain, places, MACHINE.digests())?;
        Ok(action::build_tool(&ToolRequest {
            command: &command,
            traits: Some(&resolved.traits),
            toolchain: &toolchain,
            inputs: &inputs,
            place,
            paths,
            presentation: &Presentation::default(),
            environment: &self.environment,
            platform: &[],
            invoked_as: program.to_str().expect("UTF-8"),
            real_dirs: &BTreeMap::new(),
        })?)
    }

    fn at_home(&self, built: &BuiltAction) -> worker::Ran {
        let cwd = Path::new(self.project.place.cwd());
        let mut command = Command::new(&self.linker.program);
        command
            .args(&self.args)
            .current_dir(cwd)
            .env_clear()
            .envs(environment(&self.environment).iter());
        worker::run(&mut command, cwd, built)
    }

    /// What a link with absolute names gives elsewhere; the text says what went wrong.
    fn check(&self, absolute: bool, worker_root: &Path) -> Result<(), String> {
        let built = self.build(PathsMode::Exact).map_err(|reason| reason.to_string())?;
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

fn failures(linker: &Linker, objects: &Path, cases: &[Case]) -> Vec<String> {
    failures_in("home/user/project", linker, objects, cases)
}

fn failures_in(below: &str, linker: &Linker, objects: &Path, cases: &[Case]) -> Vec<String> {
    let temp = tempfile::tempdir().expect("temporary directory");
    let project = Project::create(temp.path(), below, objects);
    let mut failures = Vec::new();
    for (at, case) in cases.iter().enumerate().filter(|(_, case)| linker.is_for(case)) {
        for absolute in [true, false] {
            let link = Link::new(linker, &project, case, absolute);
            let root = temp.path().join(format!("w/{at}{absolute}"));
            if let Err(text) = link.check(absolute, &root) {
                let who = linker.program.display();
                failures.push(format!("{who} {}\n{text}", link.args.join(" ")));
            }
        }
    }
    failures
}

#[test]
fn links_give_the_bytes_of_home_elsewhere() {
    let mut all = Vec::new();
    for (driver, name, flavour) in sample(PAIRS) {
        let Some(linker) = Linker::driver(driver, name, flavour) else {
            continue;
        };
        all.extend(failures(&linker, &linker.program, LINKS));
    }
    assert!(all.is_empty(), "{}", all.join("\n\n"));
}

#[test]
fn linkers_themselves_give_the_bytes_of_home_elsewhere() {
    let mut all = Vec::new();
    for (objects, name, flavour) in sample(LINKERS) {
        let (Some(linker), Some(objects)) = (Linker::itself(name, flavour), program(objects)) else {
            continue;
        };
        all.extend(failures(&linker, &objects, LINKERS_THEMSELVES));
    }
    assert!(all.is_empty(), "{}", all.join("\n\n"));
}

#[test]
fn an_exec_root_with_odd_characters_is_no_obstacle() {
    let escapes = |case: &&Case| case.words.contains('@') || case.words.contains("--dependency-file");
    let plain: Vec<Case> = LINKS.iter().filter(|case| !escapes(case)).step_by(5).copied().collect();
    for (driver, name, flavour) in sample(&PAIRS[..4]) {
        let Some(linker) = Linker::driver(driver, name, flavour) else {
            continue;
        };
        let found = failures_in("home/a blank dollar$ hash# é", &linker, &linker.program, &plain);
        assert!(found.is_empty(), "{}", found.join("\n\n"));
    }
}

#[test]
fn checkouts_share_an_action_and_its_result() {
    let plain = Case::plain("{A}/obj/plain.o {A}/obj/plain_n.o -L{A}/lib -o prog -Wl,-Map={A}/out/m -Wl,--trace");
    for (driver, name, flavour) in sample(&PAIRS[..4]) {
        let Some(linker) = Linker::driver(driver, name, flavour) else {
            continue;
        };
        let temp = tempfile::tempdir().expect("temporary directory");
        let [one, two] = ["home/a", "another/and/longer/name/of/a/home"]
            .map(|below| Project::create(temp.path(), below, &linker.program));
        for paths in [PathsMode::Exact, PathsMode::Portable] {
            let [first, second] = [&one, &two].map(|project| Link::new(&linker, project, &plain, true));
            let [built, same] = [&first, &second].map(|link| link.build(paths).expect("an action"));
            assert_eq!(built.command, same.command);
            assert_eq!(built.digest, same.digest);
            assert!(built.local_run.storable);
            // What the first stores, the second gets as its own.
            let kept = stored(&first.at_home(&built), &built);
            let text = differences(&second.at_home(&same), &restored(&kept, &same));
            assert_eq!(text, None, "{driver} {name}");
        }
    }
}
