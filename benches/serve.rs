//! `rewrap serve` beside buildbox-casd: cached lookups a second and what one costs the server, and executions of
//! `/bin/true` a second, each with a sandbox and without. The clients have the same processors as the servers. One interleaved run: in each round every server does the same, one after the other. Checks every
//! answer and judges no time.
//!
//!     tests/setup buildbox && cargo bench --bench serve [-- ROUNDS]
#![expect(clippy::print_stdout, reason = "a program of its own: its report goes to stdout")]

#[path = "../tests/support/casd.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod casd;
#[path = "../tests/support/peer/mod.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod peer;
#[path = "../tests/support/serve.rs"]
#[expect(dead_code, reason = "tests need more of it")]
mod serve;

use casd::Casd;
use peer::{Peer, Task};
use rewrap::pb::reapi;
use serve::Serve;
use std::any::Any;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tokio::task::JoinSet;
use tonic::Status;

/// Lookups in one round, from how many clients at a time, of how many actions.
const LOOKUPS: u32 = 8000;
const LOOKING: usize = 32;
const ACTIONS: usize = 200;

/// Executions in one round, and from how many clients at a time. The servers run two at a time.
const EXECUTIONS: u32 = 60;
const EXECUTING: usize = 8;

fn main() {
    let rounds = std::env::args().skip(1).find(|word| word != "--bench");
    let rounds: usize = rounds.map_or(10, |word| word.parse().expect("a number of rounds"));
    let files = tempfile::tempdir().expect("temporary directory");
    let mut contenders = contenders(files.path());
    // The first round warms up.
    for round in 0..=rounds {
        for contender in &mut contenders {
            let before = processor_time(contender.pid);
            let lookups = contender.lookups();
            let cost = processor_time(contender.pid) - before;
            let executions = contender.executions();
            if round > 0 {
                contender.lookups.push(lookups);
                contender.costs.push(cost * 1e6 / f64::from(LOOKUPS));
                contender.executions.push(executions);
            }
        }
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("{rounds} rounds, interleaved; median (least to most), and the median of the ratios of a round");
    println!(
        "{LOOKING} clients look up, {EXECUTING} execute; load {}",
        load.trim_end()
    );
    println!(
        "{:<26}{:>34}{:>30}{:>34}",
        "", "cached lookups a second", "processor time of one, µs", "executions a second"
    );
    let casd = &contenders[0];
    for contender in &contenders {
        let lookups = figures(&contender.lookups, &casd.lookups);
        let costs = figures(&contender.costs, &casd.costs);
        let executions = figures(&contender.executions, &casd.executions);
        println!("{:<26}{lookups:>34}{costs:>30}{executions:>34}", contender.name);
    }
}

/// A server under measurement.
struct Contender {
    name: &'static str,
    pid: u32,
    peer: Peer,
    /// What it has in its action cache.
    cached: Vec<reapi::Digest>,
    /// Of each round, a second.
    lookups: Vec<f64>,
    /// Of each round: microseconds of the server's processor time for a lookup.
    costs: Vec<f64>,
    executions: Vec<f64>,
    _process: Box<dyn Any>,
}

/// casd is the first, and what the others are compared with.
fn contenders(dir: &Path) -> Vec<Contender> {
    let casd = Casd::start(&dir.join("casd"));
    let sandboxed = Casd::start_sandboxed(&dir.join("casd-bubblewrap"));
    let rewrap = Serve::start(&dir.join("rewrap"), &["--sandbox", "require"]);
    let open = Serve::start(&dir.join("rewrap-open"), &["--sandbox", "off"]);
    vec![
        Contender::new("casd, no sandbox", &casd.address.clone(), casd.pid(), Box::new(casd)),
        Contender::new(
            "casd, bubblewrap",
            &sandboxed.address.clone(),
            sandboxed.pid(),
            Box::new(sandboxed),
        ),
        Contender::new(
            "rewrap serve, no sandbox",
            &open.address.clone(),
            open.pid(),
            Box::new(open),
        ),
        Contender::new(
            "rewrap serve, sandbox",
            &rewrap.address.clone(),
            rewrap.pid(),
            Box::new(rewrap),
        ),
    ]
}

impl Contender {
    fn new(name: &'static str, address: &str, pid: u32, process: Box<dyn Any>) -> Self {
        let peer = Peer::connect(address);
        let result = reapi::ActionResult {
            output_files: vec![reapi::OutputFile {
                path: "a.o".to_owned(),
                digest: Some(peer.put(&peer::fresh(100_000))),
                ..Default::default()
            }],
            stderr_digest: Some(peer.put(b"a warning\n")),
            ..Default::default()
        };
        let put = |_| {
            let action = peer.stage(&Task::new(&["/bin/true"]));
            peer.update_result(&action, &result).expect("UpdateActionResult");
            action
        };
        let cached = (0..ACTIONS).map(put).collect();
        Self {
            name,
            pid,
            peer,
            cached,
            lookups: Vec::new(),
            costs: Vec::new(),
            executions: Vec::new(),
            _process: process,
        }
    }

    /// How many results it gives out in a second.
    fn lookups(&self) -> f64 {
        let actions = self.cached.iter().cycle().take(LOOKUPS as usize).cloned().collect();
        rate(&self.peer, LOOKING, actions, look_up)
    }

    /// How many actions it executes in a second, each for the first time.
    fn executions(&self) -> f64 {
        let stage = |_| self.peer.stage(&Task::new(&["/bin/true"]));
        rate(&self.peer, EXECUTING, (0..EXECUTIONS).map(stage).collect(), execute)
    }
}

async fn look_up(peer: Peer, action: reapi::Digest) -> Result<(), Status> {
    let request = reapi::GetActionResultRequest {
        action_digest: Some(action),
        digest_function: peer.wire_function(),
        ..Default::default()
    };
    let result = peer.cache().get_action_result(request).await?.into_inner();
    if result.output_files.len() == 1 {
        Ok(())
    } else {
        Err(Status::data_loss("another result"))
    }
}

async fn execute(peer: Peer, action: reapi::Digest) -> Result<(), Status> {
    let request = reapi::ExecuteRequest {
        action_digest: Some(action),
        digest_function: peer.wire_function(),
        ..Default::default()
    };
    let mut states = peer.executor().execute(request).await?.into_inner();
    let mut last = None;
    while let Some(state) = states.message().await? {
        last = Some(state);
    }
    let response = peer::execution::response_of(&last.unwrap_or_default())?;
    let exit = response.result.map(|result| result.exit_code);
    if exit == Some(0) && !response.cached_result {
        Ok(())
    } else {
        Err(Status::data_loss("not executed"))
    }
}

/// How many calls a second so many clients make together, on one connection.
fn rate<Answer>(
    peer: &Peer,
    clients: usize,
    actions: Vec<reapi::Digest>,
    call: fn(Peer, reapi::Digest) -> Answer,
) -> f64
where
    Answer: Future<Output = Result<(), Status>> + Send + 'static,
{
    let count = f64::from(u32::try_from(actions.len()).expect("some thousands"));
    let queue = Arc::new(Mutex::new(actions));
    let started = Instant::now();
    let all = async {
        let mut working = JoinSet::new();
        for _ in 0..clients {
            let (peer, queue) = (peer.clone(), queue.clone());
            working.spawn(async move {
                loop {
                    let action = queue.lock().expect("no panic in here").pop();
                    match action {
                        Some(action) => call(peer.clone(), action).await?,
                        None => return Ok::<_, Status>(()),
                    }
                }
            });
        }
        working.join_all().await.into_iter().collect()
    };
    peer.wait::<()>(all).expect("all calls succeed");
    count / started.elapsed().as_secs_f64()
}

/// Seconds that a process has had a processor for.
fn processor_time(pid: u32) -> f64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).expect("the server runs");
    // After the name, which may hold anything: proc(5), fields 14 and 15.
    let (_, fields) = stat.rsplit_once(") ").expect("a name");
    let ticks: u32 = fields
        .split(' ')
        .skip(11)
        .take(2)
        .map(|ticks| ticks.parse::<u32>().expect("ticks"))
        .sum();
    let second = u32::try_from(rustix::param::clock_ticks_per_second()).expect("some hundreds");
    f64::from(ticks) / f64::from(second)
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn figures(values: &[f64], of_casd: &[f64]) -> String {
    let least = values.iter().copied().fold(f64::INFINITY, f64::min);
    let most = values.iter().copied().fold(0.0, f64::max);
    let ratios: Vec<_> = values.iter().zip(of_casd).map(|(own, casd)| own / casd).collect();
    format!(
        "{:.0} ({least:.0} to {most:.0}) {:>6.2} ×",
        median(values),
        median(&ratios)
    )
}
