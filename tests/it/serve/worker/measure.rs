//! tmp
use super::bench::{Bench, command};
use rewrap::serve::sandbox::SandboxMode::{Off, Require};
use std::time::Instant;

#[test]
#[ignore]
fn measure() {
    for mode in [Require, Off] {
        let bench = Bench::new(mode);
        let files: Vec<String> = (0..1000).map(|n| format!("d{}/f{n}", n % 50)).collect();
        let content = "x".repeat(5000);
        let entries: Vec<(&str, &str)> = files.iter().map(|name| (name.as_str(), content.as_str())).collect();
        for (name, tree, count) in [
            ("empty", bench.tree(&[]), 200),
            ("1000 files", bench.tree(&entries), 20),
        ] {
            let mut times = Vec::new();
            for _ in 0..count {
                let begin = Instant::now();
                let r = bench.run(command(&["/bin/true"], &[]), tree).unwrap();
                times.push(begin.elapsed());
                let m = r.execution_metadata.unwrap();
                let d = |a: Option<prost_types::Timestamp>, b: Option<prost_types::Timestamp>| {
                    let (a, b) = (a.unwrap(), b.unwrap());
                    (b.seconds - a.seconds) as f64 * 1e3 + (b.nanos - a.nanos) as f64 / 1e6
                };
                if times.len() == count {
                    eprintln!(
                        "fetch {:.2} exec {:.2} upload {:.2}",
                        d(m.input_fetch_start_timestamp, m.input_fetch_completed_timestamp),
                        d(m.execution_start_timestamp, m.execution_completed_timestamp),
                        d(m.output_upload_start_timestamp, m.output_upload_completed_timestamp)
                    );
                }
            }
            times.sort();
            eprintln!(
                "{mode:?} {name}: median {:?} p90 {:?}",
                times[count / 2],
                times[count * 9 / 10]
            );
        }
    }
}
