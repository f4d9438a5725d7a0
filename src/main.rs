//! `rewrap`: the command line for people.

use std::process::ExitCode;

fn main() -> ExitCode {
    rewrap::cli::main(std::env::args_os())
}
