#![expect(clippy::print_stdout, reason = "a program of its own: its report goes to stdout")]

//! What a Remote Execution server does, checked from outside against `rewrap serve` and servers that we did not write.
//!
//!     cargo test --test conformance -- [SERVER…] [--only TEXT] [--list]
//!
//! A server is `rewrap`, `casd`, `casd-proxy` (casd in front of `rewrap`), `buildgrid`, `buildgrid-bubblewrap` or any
//! `grpc://HOST:PORT`; default: `rewrap`. All but the last are started here. Each check runs once for each digest
//! function that the server announces. What a server is known to do otherwise is in [`deviations`], with the reason; it
//! must really do it.

#[path = "../support/buildgrid.rs"]
mod buildgrid;
#[path = "../support/casd.rs"]
#[expect(dead_code, reason = "the bench needs more of it")]
mod casd;
mod check;
mod checks;
mod deviations;
#[path = "../support/peer/mod.rs"]
#[expect(dead_code, reason = "the soak needs more of it")]
mod peer;
#[path = "../support/serve.rs"]
#[expect(dead_code, reason = "the soak needs more of it")]
mod serve;
#[path = "../support/server.rs"]
mod server;

use check::{Check, Outcome};
use peer::Peer;
use rewrap::digest::Function;
use server::Server;
use std::process::ExitCode;
use std::time::Instant;

struct Options {
    servers: Vec<String>,
    only: Option<String>,
    list: bool,
}

fn options() -> Options {
    let mut options = Options {
        servers: Vec::new(),
        only: None,
        list: false,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        match word.as_str() {
            "--only" => options.only = words.next(),
            "--list" => options.list = true,
            "" => panic!("no server"),
            _ => options.servers.push(word),
        }
    }
    if options.servers.is_empty() {
        options.servers.push("rewrap".to_owned());
    }
    options
}

fn main() -> ExitCode {
    let options = options();
    let wanted = |check: &&Check| {
        let name = check.name();
        options.only.as_ref().is_none_or(|only| name.contains(only.as_str()))
    };
    let all = checks::all();
    let selected: Vec<_> = all.iter().filter(wanted).copied().collect();
    if options.list {
        selected.iter().for_each(|check| println!("{}", check.name()));
        println!("{} checks", selected.len());
        return ExitCode::SUCCESS;
    }
    check::keep_what_panics_say();
    let mut failed = deviations::unknown_names(&all);
    failed
        .iter()
        .for_each(|name| println!("FAILED  no check is called {name}"));
    for name in &options.servers {
        let files = tempfile::tempdir().expect("temporary directory");
        match check::caught(|| run(&Server::start(name, files.path(), &[]), &selected)) {
            Ok(labels) => failed.extend(labels),
            Err(said) => {
                println!("FAILED    {name}: {said}");
                failed.push(name.clone());
            }
        }
    }
    if failed.is_empty() && !selected.is_empty() {
        return ExitCode::SUCCESS;
    }
    println!("\nfailed: {}", failed.join(", "));
    ExitCode::FAILURE
}

/// Runs these checks against one server, once for each function that it announces; what failed.
fn run(server: &Server, checks: &[Check]) -> Vec<String> {
    let peer = Peer::connect(&server.address);
    let announced = check::Announced::of(&peer.capabilities().expect("GetCapabilities"));
    let mut failed = Vec::new();
    for function in Function::ALL {
        if !announced.functions.contains(&function.to_wire().into()) {
            println!("{} does not announce {}", server.name, function.name());
            continue;
        }
        let peer = peer.of_function(function);
        let started = Instant::now();
        let mut counts = [0; 4];
        for check in checks {
            let label = format!("{} {} {}", server.name, function.name(), check.name());
            let known = deviations::reason(&server.name, &check.name());
            let began = Instant::now();
            let outcome = check.run(&peer, &announced, known);
            let time = began.elapsed().as_secs_f32();
            counts[outcome.column()] += 1;
            println!("{:<9} {label} ({time:.1} s){}", outcome.word(), outcome.remark());
            if let Outcome::Failed(_) = outcome {
                failed.push(label);
            }
        }
        let [passed, deviating, not_announced, wrong] = counts;
        println!(
            "{} {}: {passed} passed, {deviating} known deviations, {not_announced} not announced, {wrong} FAILED, in {:.0} s",
            server.name,
            function.name(),
            started.elapsed().as_secs_f32()
        );
    }
    failed
}
