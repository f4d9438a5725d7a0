//! Who started the wrapper: a linker that a compiler driver starts is a part of the driver's step, not one of its own.

use crate::command::{Tool, is_driver_name};
use crate::wrapper::invocation::{Invocation, base_name};
use std::ffi::OsStr;
use std::path::Path;

/// gcc's program between driver and linker.
const COLLECT: &str = "collect2";

/// Whether this is a linker that a driver started. A driver that was wrapped says so by
/// [`INSIDE`](super::INSIDE); one that was not (called by its absolute path) still finds `ld` on `PATH`, and what it
/// hands over names temporary files.
pub(super) fn makes_this_its_own_part(invocation: &Invocation) -> bool {
    let name = base_name(&invocation.invoked_as).to_str();
    name.is_some_and(|name| Tool::of(name) == Tool::Linker) && program_of_parent().is_some_and(|name| links(&name))
}

/// The file name of the parent's program; `None` where the kernel does not tell.
fn program_of_parent() -> Option<String> {
    let parent = std::os::unix::process::parent_id();
    let program = std::fs::read_link(format!("/proc/{parent}/exe")).ok()?;
    Path::new(&program)
        .file_name()
        .and_then(OsStr::to_str)
        .map(str::to_owned)
}

fn links(program: &str) -> bool {
    program == COLLECT || is_driver_name(program)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn drivers_link() {
        for (program, expected) in [
            ("collect2", true),
            ("clang", true),
            ("x86_64-linux-gnu-gcc-12", true),
            ("make", false),
            ("dash", false),
            ("rewrap-cc", false),
        ] {
            assert_eq!(links(program), expected, "{program}");
        }
    }
}
