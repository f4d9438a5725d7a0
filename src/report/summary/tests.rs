use super::*;
use crate::config::layers::{Layer, Layers};
use crate::config::resolve::{Machine, resolve};
use crate::config::{IgnoredFile, Origin, Withheld};
use crate::pb::record::Phases;

fn resolved() -> Resolved {
    let machine = Machine {
        processors: 1,
        ..Machine::default()
    };
    resolve(
        &Layers {
            flags: Layer::default(),
            ..Layers::default()
        },
        &machine,
    )
    .expect("defaults resolve")
}

fn step(r#where: Where, reason: &str) -> Record {
    Record {
        build_id: "b".into(),
        exec_root: "/p".into(),
        r#where: r#where.into(),
        reason: reason.into(),
        action_digest: if r#where == Where::LocalOnly {
            String::new()
        } else {
            "aa/1".into()
        },
        paths: "exact".into(),
        ..Record::default()
    }
}

#[track_caller]
fn check(records: &[(usize, Record)], expected: &[&str]) {
    let mut history = BuildHistory::new("b");
    for (times, record) in records {
        (0..*times).for_each(|_| history.add(record.clone()));
    }
    assert_eq!(lines(&history, &resolved()), expected);
}

#[test]
fn one_line_says_how_many_hit_and_why_others_ran() {
    use Where::{Fallback, Local, LocalCache, LocalOnly, Remote, RemoteCache};
    check(
        &[],
        &[
            "no step was seen: nothing had to be compiled, or the build names its compilers by absolute paths (configure \
           it again under `rewrap build`)",
        ],
    );
    check(&[(1, step(LocalCache, ""))], &["1 step: 1 hit (100 %)"]);
    check(
        &[
            (200, step(LocalCache, "")),
            (10, step(RemoteCache, "")),
            (3, step(LocalOnly, "link")),
            (1, step(LocalOnly, "uses_date")),
        ],
        &["214 steps: 210 hits (98 %), 4 ran here (3 link, 1 uses date)"],
    );
    check(
        &[(2, step(Local, "")), (3, step(Remote, ""))],
        &["5 steps: 0 hits (0 %), 3 ran remotely, 2 ran here (2 not cached before)"],
    );
    check(
        &[
            (5, step(LocalOnly, "a")),
            (4, step(LocalOnly, "b")),
            (3, step(LocalOnly, "c")),
            (2, step(LocalOnly, "d")),
            (1, step(LocalOnly, "")),
        ],
        &["15 steps: 0 hits (0 %), 15 ran here (5 a, 4 b, 3 c, 3 for other reasons)"],
    );
    let mut unreachable = step(Fallback, "unreachable");
    unreachable.reason_text = "the server cannot be reached.".into();
    unreachable.paths = "portable".into();
    unreachable.endpoint = "grpcs://h:443".into();
    check(
        &[(2, unreachable)],
        &[
            "2 steps: 0 hits (0 %), 2 ran here (2 unreachable)",
            "2 steps ran here because the server cannot be reached (grpcs://h:443)",
        ],
    );
}

#[test]
fn kinds_are_counted_where_there_are_several_and_questions_are_none() {
    let of = |kind: &str| Record {
        kind: kind.into(),
        ..step(Where::LocalCache, "")
    };
    check(&[(2, of("compile"))], &["2 steps: 2 hits (100 %)"]);
    check(
        &[
            (1, of("link")),
            (3, of("compile")),
            (7, of("probe")),
            (1, of("archive")),
        ],
        &["5 steps (3 compiles, 1 archive, 1 link): 5 hits (100 %)"],
    );
    check(
        &[(7, of("probe"))],
        &["no step was seen but 7 questions to tools, which are not cached"],
    );
}

#[test]
fn what_hits_saved_is_known_from_earlier_runs() {
    let mut earlier = step(Where::Local, "");
    earlier.build_id = "earlier".into();
    earlier.phases = Some(Phases {
        local_run: 61_000_000,
        ..Phases::default()
    });
    let mut hit = step(Where::LocalCache, "");
    hit.phases = Some(Phases {
        total: 1_000_000,
        ..Phases::default()
    });
    check(
        &[(1, earlier), (2, hit)],
        &["2 steps: 2 hits (100 %); saved 2 min 00 s"],
    );
}

#[test]
fn a_first_build_that_missed_a_remote_cache_is_told_of_portable_paths() {
    const NOTE: &str =
        "outputs that name their directory are not shared with other directories; `paths = portable` shares them";
    let mut miss = step(Where::Local, "");
    miss.endpoint = "grpcs://h:443".into();
    check(
        &[(1, miss.clone())],
        &["1 step: 0 hits (0 %), 1 ran here (1 not cached before)", NOTE],
    );

    let mut earlier = miss.clone();
    earlier.build_id = "earlier".into();
    check(
        &[(1, earlier), (1, miss.clone())],
        &["1 step: 0 hits (0 %), 1 ran here (1 not cached before)"],
    );

    miss.paths = "portable".into();
    check(
        &[(1, miss)],
        &["1 step: 0 hits (0 %), 1 ran here (1 not cached before)"],
    );
}

#[test]
fn ignored_files_and_withheld_credentials_are_named() {
    let mut resolved = resolved();
    resolved.ignored.push(IgnoredFile {
        path: "/p/rewrap.toml".into(),
        why: "it can be written by its group".into(),
    });
    resolved.withheld.push(Withheld {
        key: "remote_header",
        address: "grpcs://h:443".into(),
        named_by: Origin::ProjectFile {
            path: "/q/rewrap.toml".into(),
            line: 3,
        },
    });
    let expected = [
        "/p/rewrap.toml is ignored: it can be written by its group",
        "`remote_header` is not used with grpcs://h:443, which only /q/rewrap.toml:3 names",
    ];
    assert_eq!(notes(&resolved), expected);
}
