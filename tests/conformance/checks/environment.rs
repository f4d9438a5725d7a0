//! What an action sees of the world besides its inputs.

use crate::check::checks;
use crate::peer::{Peer, Task, unique};
use std::time::{Duration, Instant};

checks! {
    Execution: the_environment_is_that_of_the_command, values_of_variables_are_kept, arguments_are_kept,
        standard_input_is_empty, a_bare_program_is_found_without_a_path, a_bare_program_knows_its_own_directory,
        the_working_directory_is_where_it_runs, without_a_working_directory_it_runs_in_the_root,
        a_process_left_behind_does_not_hold_the_action, a_process_left_behind_is_killed, other_files_are_not_seen,
        the_network_is_not_seen, other_processes_are_not_seen, what_one_action_leaves_another_does_not_see;
}

fn the_environment_is_that_of_the_command(peer: &Peer) {
    let task = Task::new(&["/usr/bin/env"]).env("ONE", "1").env("TWO", "2");
    let printed = peer.printed(&task);
    let mut lines: Vec<_> = printed.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["ONE=1", "TWO=2"]);
}

fn values_of_variables_are_kept(peer: &Peer) {
    let value = " a  'b' \"c\" $d \\ = ü \n e";
    let task = Task::new(&["/usr/bin/printenv", "VALUE"]).env("VALUE", value);
    assert_eq!(peer.printed(&task), format!("{value}\n"));
}

fn arguments_are_kept(peer: &Peer) {
    let words = ["a b", "", "'", "\"", "$HOME", "*", "\\n", "ü\n"];
    let task = Task::new(&[&["/usr/bin/printf", "[%s]"], &words[..]].concat());
    let expected = words.map(|word| format!("[{word}]")).concat();
    assert_eq!(peer.printed(&task), expected);
}

fn standard_input_is_empty(peer: &Peer) {
    let task = Task::new(&["/usr/bin/wc", "-c"]).timeout(Duration::from_secs(5));
    assert_eq!(peer.printed(&task).trim(), "0");
}

fn a_bare_program_is_found_without_a_path(peer: &Peer) {
    assert_eq!(peer.printed(&Task::new(&["echo", "found"])), "found\n");
}

fn a_bare_program_knows_its_own_directory(peer: &Peer) {
    // Without it, gcc finds no `cc1`.
    let task = Task::new(&["gcc", "-c", "a.c", "-o", "a.o"])
        .input("a.c", format!("int a_{};\n", unique()).as_bytes())
        .outputs(&["a.o"]);
    let result = peer.run(&task);
    assert_eq!(result.exit_code, 0, "{}", peer.stderr(&result));
    assert!(peer.output(&result, "a.o").starts_with(b"\x7fELF"));
}

fn the_working_directory_is_where_it_runs(peer: &Peer) {
    let task = Task::sh("cat file ../above; basename $(pwd)")
        .input("sub/dir/file", b"file ")
        .input("sub/above", b"above ")
        .working_directory("sub/dir");
    assert_eq!(peer.printed(&task), "file above dir\n");
}

fn without_a_working_directory_it_runs_in_the_root(peer: &Peer) {
    let task = Task::sh("ls").input("sub/file", b"").input("file", b"");
    assert_eq!(peer.printed(&task), "file\nsub\n");
}

fn a_process_left_behind_does_not_hold_the_action(peer: &Peer) {
    let started = Instant::now();
    let task = Task::sh("sleep 30 >/dev/null 2>&1 & echo done").timeout(Duration::from_secs(20));
    assert_eq!(peer.printed(&task), "done\n");
    let time = started.elapsed();
    assert!(time < Duration::from_secs(10), "{time:?}");
}

fn a_process_left_behind_is_killed(peer: &Peer) {
    // Without a sandbox it writes here, and what is written shows that it lived.
    let place = tempfile::tempdir().expect("temporary directory");
    let mark = place.path().join("mark");
    let script = format!("(sleep 1; echo alive >{}) >/dev/null 2>&1 & echo done", mark.display());
    assert_eq!(peer.printed(&Task::sh(&script)), "done\n");
    // Its time to do so.
    std::thread::sleep(Duration::from_millis(1500));
    assert!(!mark.exists());
}

fn other_files_are_not_seen(peer: &Peer) {
    let place = tempfile::tempdir().expect("temporary directory");
    let task = Task::sh(&format!(
        "if [ -e {} ]; then echo seen; else echo not seen; fi",
        place.path().display()
    ));
    assert_eq!(peer.printed(&task), "not seen\n");
}

fn the_network_is_not_seen(peer: &Peer) {
    let printed = peer.printed(&Task::sh("cat /proc/net/dev"));
    let interfaces: Vec<_> = printed
        .lines()
        .filter_map(|line| line.split_once(':').map(|(name, _)| name.trim()))
        .filter(|name| *name != "lo")
        .collect();
    let others: Vec<_> = interfaces.into_iter().filter(|name| !is_tunnel(name)).collect();
    assert!(others.is_empty(), "{others:?}");
}

/// Interfaces that some kernels put into every network name space.
fn is_tunnel(name: &str) -> bool {
    let prefixes = ["tunl", "sit", "gre", "erspan", "ip_vti", "ip6", "teql"];
    prefixes.iter().any(|prefix| name.starts_with(prefix))
}

fn other_processes_are_not_seen(peer: &Peer) {
    let pid = std::process::id();
    let name = std::fs::read_to_string("/proc/self/comm").expect("own name");
    let printed = peer.printed(&Task::sh(&format!("cat /proc/{pid}/comm 2>/dev/null || echo none")));
    assert_ne!(printed, name);
}

fn what_one_action_leaves_another_does_not_see(peer: &Peer) {
    let name = format!("/tmp/{}", unique());
    peer.run(&Task::sh(&format!("echo left >{name}; echo left >left")));
    let second = peer.printed(&Task::sh(&format!(
        "cat {name} left 2>/dev/null; echo end; rm -f {name}"
    )));
    assert_eq!(second, "end\n");
}
