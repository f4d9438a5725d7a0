//! The wrapper: one program with many names. `rewrap::wrapper` says what it does.

use std::process::ExitCode;

fn main() -> ExitCode {
    rewrap::wrapper::main(std::env::args_os())
}
