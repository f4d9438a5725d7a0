#![expect(clippy::print_stdout, reason = "a program of its own: its report goes to stdout")]

//! Many clients and much work for one `rewrap serve`: no error, memory that does not grow, a store that verifies.
//!
//!     cargo test --release --test soak -- [--clients N] [--actions N] [--blobs N] [--megabytes N]
//!
//! Default: what `tests/run` has time for. Sizes of blobs are log-uniform; a few are the largest that there are, 64 MB.

mod memory;
#[path = "../support/peer/mod.rs"]
#[expect(dead_code, reason = "the conformance suite needs more of it")]
mod peer;
#[path = "../support/serve.rs"]
mod serve;
mod work;

use memory::Memory;
use peer::Peer;
use rewrap::digest::Function;
use serve::Serve;
use std::path::Path;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use work::Work;

/// How much work.
struct Options {
    clients: usize,
    actions: usize,
    blobs: usize,
    megabytes: usize,
}

fn options() -> Options {
    let mut options = Options {
        clients: 64,
        actions: 2000,
        blobs: 500,
        megabytes: 400,
    };
    let mut words = std::env::args().skip(1);
    while let Some(word) = words.next() {
        let value = words.next().and_then(|word| word.parse().ok()).expect("a number");
        match word.as_str() {
            "--clients" => options.clients = value,
            "--actions" => options.actions = value,
            "--blobs" => options.blobs = value,
            "--megabytes" => options.megabytes = value,
            other => panic!("no option `{other}`"),
        }
    }
    options
}

fn main() {
    let options = options();
    let files = tempfile::tempdir().expect("temporary directory");
    let server = Serve::start(files.path(), &["--size", "20G"]);
    let all = work::all(options.actions, options.blobs, options.megabytes << 20);
    let bytes: usize = all.iter().map(Work::size).sum();
    println!(
        "{} actions and {} blobs of {} MB from {} clients",
        options.actions,
        options.blobs,
        bytes >> 20,
        options.clients
    );
    let started = Instant::now();
    let (errors, memory) = run(&server, &all, options.clients);
    let seconds = started.elapsed().as_secs_f64();
    println!("{} pieces of work in {seconds:.0} s, {errors} errors", all.len());
    println!("memory of the server: {memory}");
    let store = server.store.clone();
    let ended_well = server.stop();
    println!(
        "the server {}",
        if ended_well {
            "ended in order"
        } else {
            "did not end in order"
        }
    );
    let intact = verifies(&store);
    assert!(errors == 0, "{errors} errors");
    assert!(ended_well && intact, "the server or its store is not well");
    memory.assert_flat();
}

/// Does all work; how much of it failed, and how much memory the server had meanwhile.
fn run(server: &Serve, all: &[Work], clients: usize) -> (usize, Memory) {
    let (next, errors) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let first = Peer::connect(&server.address);
    let client = |number: usize| {
        // Each client has a connection of its own; every other one speaks BLAKE3.
        let peer = first.another(&server.address).of_function(Function::ALL[number % 2]);
        while let Some(work) = all.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(error) = work.run(&peer) {
                println!("client {number}: {work:?}: {error}");
                errors.fetch_add(1, Ordering::Relaxed);
            }
        }
    };
    let mut memory = Memory::of(server.pid());
    std::thread::scope(|threads| {
        let clients: Vec<_> = (0..clients)
            .map(|number| threads.spawn(move || client(number)))
            .collect();
        while !clients.iter().all(std::thread::ScopedJoinHandle::is_finished) {
            memory.sample(next.load(Ordering::Relaxed).min(all.len()));
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
    });
    (errors.into_inner(), memory)
}

/// Whether everything in the store is what its name says.
fn verifies(store: &Path) -> bool {
    let verified = Command::new(env!("CARGO_BIN_EXE_rewrap"))
        .args(["store", "verify", "--disk_cache"])
        .arg(store)
        .output()
        .expect("rewrap");
    print!("{}", String::from_utf8_lossy(&verified.stdout));
    print!("{}", String::from_utf8_lossy(&verified.stderr));
    verified.status.success()
}
