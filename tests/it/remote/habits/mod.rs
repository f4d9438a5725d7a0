//! What real servers do that the protocol does not say, and what the client makes of it: one row for each habit.
//!
//! A row reads: *this* was seen, on a server that is otherwise by the book; who does *that* gets *this* from us. The
//! fake with the habit stands for the servers that are named.
//!
//! Habits that need more than one call have tests of their own: what workers do to the files that they are given and
//! to `do_not_cache` (`attestation`), executions that go on while nobody listens (`running`), files that workers do not
//! have and API 2.0 (`builds::servers`).

mod announcements;
mod blobs;
mod executions;
mod results;
mod zstd;

use super::*;
use crate::support::fake_reapi::{Fault, Rpc};
use rewrap::execute::remote::lookup;
use rewrap::remote::{RemoteActionCache, RemoteCas, Source};
use rewrap::store::StoreError;
use std::sync::OnceLock;

/// What [`Job::join`] gives when all is well.
const GOOD: &str = "out=12 said/warned exit 0";

/// What the client is asked to do.
#[derive(Clone, Copy)]
enum Does {
    /// Execute an action that joins two files and speaks on both streams.
    Execute,
    /// Execute this script, whose output is `out`.
    Script(&'static str),
    /// The same twice; what comes of both.
    ScriptTwice(&'static str),
    /// Execute, and wait no longer than this for a worker.
    ExecuteWithin(Duration),
    /// Execute on a server that never begins, and give up as soon as it is queued.
    Cancel,
    /// Look up a result that is there, with all its blobs.
    LookUp,
    /// Look up a result whose output has been evicted.
    LookUpDangling,
    /// Put a result into the cache, and look it up.
    Publish,
    /// Send small blobs for several batches and a large one, and fetch them again.
    SendAndFetch,
    /// The same with one batch, and once more after the server has forgotten all.
    SendAndFetchTwice,
    /// Fetch the large blob, which the server has.
    FetchLarge,
    /// Send the large blob, twice, the server forgetting it in between.
    SendLargeTwice,
}

/// A row.
struct Row {
    seen: &'static str,
    habits: Habits,
    faults: Vec<(Rpc, Fault)>,
    wants_zstd: bool,
    does: Does,
    gives: &'static str,
    calls: Vec<(Rpc, usize)>,
    compressed: Vec<(Rpc, usize)>,
}

/// A habit: which servers, and what they do. The client executes [`Job::join`] and all is well, unless said otherwise.
fn row(seen: &'static str, habits: Habits) -> Row {
    Row {
        seen,
        habits,
        faults: Vec::new(),
        wants_zstd: false,
        does: Does::Execute,
        gives: GOOD,
        calls: Vec::new(),
        compressed: Vec::new(),
    }
}

impl Row {
    /// One call of the method meets this.
    fn once(self, rpc: Rpc, fault: Fault) -> Self {
        self.times(1, rpc, fault)
    }

    fn times(mut self, times: usize, rpc: Rpc, fault: Fault) -> Self {
        self.faults.extend(vec![(rpc, fault); times]);
        self
    }

    fn compressing(self) -> Self {
        Self {
            wants_zstd: true,
            ..self
        }
    }

    /// What the client does, and what it says came of it.
    fn gives(self, does: Does, gives: &'static str) -> Self {
        Self { does, gives, ..self }
    }

    /// How often the method is called for it.
    fn calls(mut self, rpc: Rpc, times: usize) -> Self {
        self.calls.push((rpc, times));
        self
    }

    /// How often the method is called for something compressed.
    fn compressed(mut self, rpc: Rpc, times: usize) -> Self {
        self.compressed.push((rpc, times));
        self
    }

    async fn check(self) {
        let server = FakeReapi::start(self.habits);
        for (rpc, fault) in self.faults {
            server.fault(rpc, fault);
        }
        let remote = client(&server).with_compression(self.wants_zstd);
        let came = self.does.on(&server, &remote).await;
        assert!(came.contains(self.gives), "{}\n  not {}: {came}", self.seen, self.gives);
        for (rpc, times) in self.calls {
            assert_eq!(server.calls(rpc), times, "{}\n  calls of {rpc:?}", self.seen);
        }
        for (rpc, times) in self.compressed {
            assert_eq!(
                server.compressed(rpc),
                times,
                "{}\n  compressed calls of {rpc:?}",
                self.seen
            );
        }
    }
}

/// Checks all of them.
async fn check(rows: impl IntoIterator<Item = Row>) {
    for row in rows {
        row.check().await;
    }
}

impl Does {
    async fn on(self, server: &FakeReapi, remote: &Remote) -> String {
        match self {
            Self::Execute => said(Job::join().run(remote).await),
            Self::Script(script) => said(Job::new(script, &[], &["out"]).run(remote).await),
            Self::ScriptTwice(script) => {
                let job = Job::new(script, &[], &["out"]);
                let first = said(job.run(remote).await);
                format!("{first}, then {}", said(job.run(remote).await))
            }
            Self::ExecuteWithin(queued) => {
                let limits = ExecutionLimits { queued, ..LIMITS };
                let running = Job::join();
                said(running.run_until(remote, limits, &CancellationToken::new()).await)
            }
            Self::Cancel => cancel(server, remote).await,
            Self::LookUp => look_up(remote, &stored(server)).await,
            Self::LookUpDangling => {
                let job = stored(server);
                server.lose(Digest::of(b"12"));
                look_up(remote, &job).await
            }
            Self::Publish => publish(server, remote).await,
            Self::SendAndFetch => done(send_and_fetch(server, remote, 40, 1).await),
            Self::SendAndFetchTwice => done(send_and_fetch(server, remote, 4, 2).await),
            Self::FetchLarge => done(fetch_large(server, remote).await),
            Self::SendLargeTwice => done(send_large(server, remote).await),
        }
    }
}

/// The outcome, or the failure's code and sentence.
fn said(result: Result<Finished, RemoteFailure>) -> String {
    match result {
        Err(failure) => format!("{failure} → {}", failure.code()),
        result => shown(&result),
    }
}

fn done(result: Result<(), StoreError>) -> String {
    result.map_or_else(|error| error.to_string(), |()| "done".to_owned())
}

async fn cancel(server: &FakeReapi, remote: &Remote) -> String {
    let cancelled = CancellationToken::new();
    let running = tokio::spawn({
        let (remote, cancelled) = (remote.clone(), cancelled.clone());
        let limits = ExecutionLimits {
            silence: Duration::from_millis(20),
            ..LIMITS
        };
        async move { said(Job::join().run_until(&remote, limits, &cancelled).await) }
    });
    until(|| server.calls(Rpc::WaitExecution) > 0).await; // The operation's name is known.
    cancelled.cancel();
    let came = running.await.expect("no panic");
    until(|| server.calls(Rpc::CancelOperation) > 0).await;
    came
}

/// A job whose result the server has.
fn stored(server: &FakeReapi) -> Job {
    let job = Job::join();
    server.set_result(job.action, result(server));
    job
}

fn result(server: &FakeReapi) -> reapi::ActionResult {
    reapi::ActionResult {
        output_files: vec![reapi::OutputFile {
            path: "out".to_owned(),
            digest: Some(server.put(b"12").into()),
            ..Default::default()
        }],
        stdout_digest: Some(server.put(b"said").into()),
        stderr_digest: Some(server.put(b"warned").into()),
        ..Default::default()
    }
}

async fn look_up(remote: &Remote, job: &Job) -> String {
    match lookup(remote, None, job.action, &job.outputs, &CancellationToken::new()).await {
        Ok(None) => "a miss".to_owned(),
        Ok(Some(finished)) => said(Ok(finished)),
        Err(failure) => said(Err(failure)),
    }
}

async fn publish(server: &FakeReapi, remote: &Remote) -> String {
    let job = Job::join();
    let cache = RemoteActionCache::new(remote.clone());
    match cache.store(job.action, result(server)).await {
        Ok(()) => look_up(remote, &job).await,
        Err(error) => error.to_string(),
    }
}

/// Five million bytes that a compressor can halve: several messages of a stream, compressed or not.
fn large() -> Bytes {
    static MADE: OnceLock<Bytes> = OnceLock::new();
    MADE.get_or_init(make_large).clone()
}

fn make_large() -> Bytes {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    let noise = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_be_bytes()[0] & 0xf
    });
    noise.take(5_000_000).collect()
}

async fn send_and_fetch(server: &FakeReapi, remote: &Remote, small: usize, rounds: usize) -> Result<(), StoreError> {
    let mut contents: Vec<Bytes> = (0..small).map(|number| large().slice(number..200_000)).collect();
    contents.push(large());
    let blobs: Vec<_> = contents
        .iter()
        .map(|content| (Digest::of(content), Source::Bytes(content.clone())))
        .collect();
    let digests: Vec<_> = blobs.iter().map(|(digest, _)| *digest).collect();
    let cas = RemoteCas::new(remote.clone());
    for _ in 0..rounds {
        for digest in &digests {
            server.lose(*digest);
        }
        cas.forget(&digests);
        cas.ensure_present(&blobs).await?;
        assert!(digests.iter().all(|digest| server.has(*digest)), "all are there");
        let fetched = cas.read_all(&digests).await?;
        let same = fetched
            .iter()
            .zip(&contents)
            .all(|(blob, expected)| content(blob) == *expected);
        assert!(same, "they are as they were");
    }
    let limit = remote.capabilities().await?.batch_limit;
    let largest = server.largest_batch();
    assert!(largest <= limit, "{largest} bytes in a batch of {limit}");
    Ok(())
}

async fn fetch_large(server: &FakeReapi, remote: &Remote) -> Result<(), StoreError> {
    let digest = server.put(&large());
    let fetched = RemoteCas::new(remote.clone()).read_all(&[digest]).await?;
    assert!(content(&fetched[0]) == large(), "it is as it was");
    Ok(())
}

async fn send_large(server: &FakeReapi, remote: &Remote) -> Result<(), StoreError> {
    let blob = (Digest::of(&large()), Source::Bytes(large()));
    let cas = RemoteCas::new(remote.clone());
    for _ in 0..2 {
        server.lose(blob.0);
        cas.forget(&[blob.0]);
        cas.ensure_present(std::slice::from_ref(&blob)).await?;
        assert!(server.has(blob.0), "it is there");
    }
    Ok(())
}
