//! The wrapper starts once per step: nothing may be linked into it that it does not need.

use std::process::Command;

#[test]
fn no_runtime_no_grpc_no_argument_parser() {
    let wrapper = env!("CARGO_BIN_EXE_rewrap-cc");
    let symbols = Command::new("nm").arg("--demangle").arg(wrapper).output().unwrap();
    let symbols = String::from_utf8_lossy(&symbols.stdout);
    assert!(symbols.contains("rewrap::wrapper::main"), "no symbols in `{wrapper}`");
    let unwanted: Vec<&str> = symbols
        .lines()
        .filter(|line| {
            ["tokio", "tonic", "clap", "hyper", "rustls", "tracing", "redb", "regex"]
                .iter()
                .any(|name| line.contains(&format!("{name}::")) || line.contains(&format!("{name}_")))
        })
        .collect();
    assert!(unwanted.is_empty(), "{unwanted:#?}");
}
