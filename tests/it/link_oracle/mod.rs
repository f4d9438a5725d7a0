//! What links read, against what the linkers really open, as `strace` shows it.

mod cases;
mod project;
mod traced;

use crate::tools::{all, missing};
use cases::{CASES, Case};
use project::Project;
use std::collections::BTreeMap;
use std::path::Path;
use traced::Link;

/// Who links with what: the driver, and the word that chooses the linker.
const PAIRS: [(&str, &str); 11] = [
    ("gcc", "-fuse-ld=bfd"),
    ("clang-19", "-fuse-ld=bfd"),
    ("gcc", "-fuse-ld=gold"),
    ("gcc", "-fuse-ld=lld"),
    ("clang-19", "-fuse-ld=lld"),
    ("gcc", "-fuse-ld=mold"),
    ("gcc", ""),
    ("clang", "-fuse-ld=bfd"),
    ("clang", "-fuse-ld=gold"),
    ("clang", "-fuse-ld=lld"),
    ("clang-19", "-fuse-ld=mold"),
];

/// The linkers called themselves.
const LINKERS: [&str; 5] = ["ld.bfd", "ld.gold", "ld.lld-14", "ld.lld-19", "mold"];

/// A case with one of its pairs, or with every one.
fn links() -> Vec<(&'static Case, String, Vec<String>)> {
    let mut links = Vec::new();
    for (number, case) in CASES.iter().enumerate() {
        let mut fitting = Vec::new();
        if case.direct {
            fitting.extend(LINKERS.map(|linker| (linker.to_owned(), Vec::new())));
        } else {
            let pairs = PAIRS.iter().map(|(driver, choice)| {
                let choice = Some(*choice).filter(|choice| !choice.is_empty());
                (
                    case.language.driver(driver),
                    choice.map(str::to_owned).into_iter().collect(),
                )
            });
            fitting.extend(pairs);
        }
        fitting.retain(|(tool, words): &(String, Vec<String>)| case.fits(tool, words));
        assert!(!fitting.is_empty(), "{}: nobody links it", case.name);
        if !all() {
            fitting = vec![fitting.swap_remove(number % fitting.len())];
        }
        links.extend(fitting.into_iter().map(|(tool, words)| (case, tool, words)));
    }
    links
}

#[test]
fn every_file_that_a_linker_opens_is_an_input() {
    if !["strace", "mold", "ld.gold", "ld.lld"].iter().all(|tool| has(tool)) {
        return;
    }
    let project = Project::new();
    let (mut wrong, mut shares) = (Vec::new(), Vec::new());
    let mut ours = 0;
    let mut extras: BTreeMap<String, usize> = BTreeMap::new();
    for (case, tool, choice) in links() {
        let label = format!("{}: {tool} {}", case.name, choice.join(" "));
        let link = Link {
            project: &project,
            tool: &tool,
            args: choice.into_iter().chain(case.words(&project, &tool)).collect(),
            vars: case.variables(&project),
        };
        match link.compare() {
            Ok(compared) => {
                for path in &compared.missed {
                    wrong.push(format!("{label}: reads {}", path.display()));
                }
                if compared.line != compared.run {
                    wrong.push(format!("{label}: runs {:?}\n  not {:?}", compared.run, compared.line));
                }
                for path in &compared.extra {
                    *extras.entry(project.named(path)).or_default() += 1;
                }
                ours += compared.count;
                shares.push(share(compared.extra.len(), compared.count));
            }
            Err(problem) => wrong.push(format!("{label}: {problem}")),
        }
    }
    let share = 100.0 * shares.iter().sum::<f64>() * share(1, shares.len());
    println!(
        "{} links, {ours} inputs; {share:.1} % not opened, on average",
        shares.len()
    );
    for (path, count) in extras {
        println!("  not opened {count}x: {path}");
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    assert!(share <= 5.0, "{share:.1} % of the inputs are not opened");
}

fn share(part: usize, whole: usize) -> f64 {
    let number = |count: usize| f64::from(u32::try_from(count).expect("few"));
    number(part) / number(whole.max(1))
}

fn has(tool: &str) -> bool {
    let found = Path::new("/usr/bin").join(tool).exists();
    if !found {
        missing(tool);
    }
    found
}
