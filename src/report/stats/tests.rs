use super::*;

const MINUTE: u64 = 60_000_000;

fn record(minute: u64, build_id: &str, exec_root: &str, output: &str) -> Record {
    Record {
        started_micros: 1_000_000_000_000 + minute * MINUTE,
        build_id: build_id.into(),
        exec_root: exec_root.into(),
        output: output.into(),
        ..Record::default()
    }
}

#[test]
fn the_last_build_is_the_newest_records() {
    #[track_caller]
    fn check(records: &[(u64, &str, &str)], expected: &[usize]) {
        let records: Vec<_> = records
            .iter()
            .enumerate()
            .map(|(n, (at, id, root))| record(*at, id, root, &n.to_string()))
            .collect();
        let found: Vec<usize> = last_build(&records)
            .iter()
            .map(|r| r.output.parse().expect("a number"))
            .collect();
        assert_eq!(found, expected);
    }
    check(&[], &[]);
    check(
        &[(0, "a", "/p"), (1, "b", "/p"), (90, "b", "/q"), (91, "b", "/p")],
        &[1, 2, 3],
    );
    check(
        &[
            (0, "", "/p"),
            (1, "", "/q"),
            (4, "", "/p"),
            (5, "a", "/p"),
            (6, "", "/p"),
        ],
        &[0, 2, 4],
    );
    check(&[(0, "", "/p"), (6, "", "/p"), (11, "", "/p")], &[1, 2]);
    check(&[(0, "", "/p"), (1, "a", "/p")], &[1]);
}

#[test]
fn a_long_step_is_no_gap() {
    let mut first = record(0, "", "/p", "long");
    first.phases = Some(Phases {
        total: 10 * MINUTE,
        ..Phases::default()
    });
    let records = [first, record(14, "", "/p", "next")];
    assert_eq!(last_build(&records).len(), 2);
}

fn sample() -> Vec<Record> {
    let of = |r#where: Where, reason: &str, text: &str| Record {
        r#where: r#where.into(),
        kind: "compile".into(),
        reason: reason.into(),
        reason_text: text.into(),
        action_digest: if r#where == Where::LocalOnly {
            String::new()
        } else {
            "aa/1".into()
        },
        output_bytes: 1024,
        phases: Some(Phases {
            lookup: 2_000,
            local_run: 1_500_000,
            total: 1_502_000,
            ..Phases::default()
        }),
        ..Record::default()
    };
    vec![
        of(Where::LocalCache, "", ""),
        of(Where::RemoteCache, "", ""),
        of(Where::Local, "", ""),
        of(Where::LocalOnly, "link", "links are not cached yet"),
        of(Where::LocalOnly, "link", "links are not cached yet"),
        of(Where::Fallback, "unreachable", "the server cannot be reached"),
    ]
}

#[test]
fn steps_without_an_action_are_neither_hit_nor_miss() {
    let stats = tally(sample().iter());
    assert_eq!((stats.steps, stats.hits, stats.with_action), (6, 2, 4));
    assert_eq!(stats.reasons[0].steps, 2);
    assert_eq!(stats.reasons[0].code, "link");
    assert_eq!((stats.not_taken[0].steps, &*stats.not_taken[0].code), (2, "link"));
    assert_eq!((stats.misses.len(), &*stats.misses[0].code), (1, "unreachable"));
}

#[test]
fn kinds_are_counted_and_questions_left_out() {
    let mut records = sample();
    for (record, kind) in records
        .iter_mut()
        .zip(["link", "compile", "link", "link", "probe", "archive"])
    {
        record.kind = kind.into();
    }
    let stats = tally(records.iter());
    assert_eq!((stats.steps, stats.probes, stats.countable()), (6, 1, 5));
    let kinds: Vec<_> = stats
        .kinds
        .iter()
        .map(|(name, kind)| (name.as_str(), kind.steps, kind.with_action, kind.hits))
        .collect();
    assert_eq!(kinds, [("archive", 1, 1, 0), ("compile", 1, 1, 1), ("link", 3, 2, 1)]);
    assert_eq!(stats.not_taken.iter().map(|reason| reason.steps).sum::<u64>(), 1);
    let text = lines(&stats).join("\n");
    for line in [
        "and 1 question to tools, as configure scripts ask them",
        "  3  links: 1 hit; 66 % can be cached",
        "  5  in all: 2 hits; 80 % can be cached",
    ] {
        assert!(text.contains(line), "{line}: {text}");
    }
}

#[test]
fn the_text_says_where_why_and_how_long() {
    insta::assert_snapshot!(lines(&tally(sample().iter())).join("\n"), @r"
    6 steps: 2 hits (50 % of the 4 that can be cached)

    By kind:
      6  compiles: 2 hits; 66 % can be cached

    Where results came from:
      1  from the store on this machine
      1  from the remote cache
      1  ran here, as the strategy says
      2  ran here, because they cannot be cached
      1  ran here, because the server could not run them

    Why steps cannot be cached:
      2  links are not cached yet (link)

    Why not from a cache:
      1  the server cannot be reached (unreachable)

    Time by phase, all steps together:
      9.0 s  running here
      12 ms  asking action caches

    Bytes:
      6.0 KiB  written as outputs
    ");
}

#[test]
fn the_json_form_is_stable() {
    let json = serde_json::to_string(&tally(sample()[3..4].iter())).expect("serialises");
    insta::assert_snapshot!(json, @r#"{"steps":1,"probes":0,"with_action":0,"hits":0,"failed":0,"stored":0,"by_where":{"local_only":1},"by_kind":{"compile":1},"kinds":{"compile":{"steps":1,"with_action":0,"hits":0}},"reasons":[{"code":"link","text":"links are not cached yet","steps":1}],"not_taken":[{"code":"link","text":"links are not cached yet","steps":1}],"misses":[],"phase_micros":{"action":0,"download":0,"execute":0,"inputs":0,"local_run":1500000,"lookup":2000,"parse":0,"publish":0,"total":1502000,"upload":0},"input_bytes":0,"output_bytes":1024,"uploaded_bytes":0,"downloaded_bytes":0,"missed_inputs":[]}"#);
}

#[test]
fn a_missed_input_is_named_once() {
    let mut records = sample();
    for record in &mut records {
        record.missed_inputs = vec!["/usr/include/odd.h".into()];
    }
    assert_eq!(tally(records.iter()).missed_inputs, ["/usr/include/odd.h"]);
}
