//! C++ modules, as far as they are followed: sources that may use modules and use none, and modules whose compiled form
//! an option names.
//!
//! That is what CMake makes of a project whose sources are scanned for modules: nearly all of them get a module map that
//! names nothing.

use super::response_file::ReadResponse;
use super::{CompileCommand, Driver, Family, LocalOnly};

/// The first clang that is known to read nothing but the compiled modules that it is given: neither their sources, nor
/// modules that these import and no option names.
const CLANG: u32 = 19;

/// `name=file` of `-fmodule-file=`, split after the sign.
pub(super) fn named_file<'a>(driver: &Driver, value: &'a str) -> Result<(&'a str, &'a str), LocalOnly> {
    let refused = || LocalOnly::Modules {
        option: format!("-fmodule-file={value}"),
    };
    let sign = value
        .find('=')
        .filter(|_| driver.version.0 >= CLANG)
        .ok_or_else(refused)?;
    let (name, file) = value.split_at(sign + 1);
    if file.is_empty() {
        Err(refused())
    } else {
        Ok((name, file))
    }
}

/// gcc's module mapper, if there is one, is a file that maps no module.
pub(super) fn check(command: &CompileCommand, read: &mut ReadResponse<'_>) -> Result<(), LocalOnly> {
    let on = ["-fmodules-ts", "-fmodules"].into_iter().find(|name| command.has(name));
    let mapper = command.last("-fmodule-mapper=");
    if command.family != Family::Gcc || (on.is_none() && mapper.is_none()) {
        return Ok(());
    }
    let option = match mapper {
        Some(mapper) => format!("-fmodule-mapper={mapper}"),
        None => on.unwrap_or_default().to_owned(),
    };
    // A program, a socket, a pair of pipes; or part of the file's lines.
    let is_file = |mapper: &&str| !mapper.contains(['|', '<', '>', '=', '@', ':', '?']);
    let text = mapper.filter(is_file).and_then(read);
    match text {
        Some(text) if maps_nothing(&text) => Ok(()),
        _ => Err(LocalOnly::Modules { option }),
    }
}

/// Whether no line has a module and its file; `$root` says where relative files would lie.
fn maps_nothing(text: &[u8]) -> bool {
    let blank = |line: &[u8]| line.iter().all(u8::is_ascii_whitespace);
    let mut lines = text.split(|byte| *byte == b'\n');
    lines.all(|line| blank(line) || line.starts_with(b"$root "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::command::parse;

    fn check(family: Family, version: u32, line: &str, map: &str, expected: Result<(), &str>) {
        let driver = Driver {
            family,
            cxx: true,
            version: (version, 0, 0),
        };
        let args: Vec<String> = line.split(' ').map(str::to_owned).collect();
        let parsed = parse(&driver, &args, &mut |path| {
            (path == "map").then(|| map.as_bytes().to_vec())
        });
        let found = parsed.as_ref().map(drop).map_err(LocalOnly::code);
        assert_eq!(found, expected, "{line}");
    }

    #[test]
    fn a_map_without_modules_is_an_ordinary_compile() {
        use Family::{Clang, Gcc};
        let refused = Err("modules");
        check(
            Gcc,
            14,
            "-c a.cc -fmodules-ts -fmodule-mapper=map",
            "$root .\n\n",
            Ok(()),
        );
        check(Gcc, 14, "-c a.cc -fmodules-ts -fmodule-mapper=map", "", Ok(()));
        check(
            Gcc,
            14,
            "-c a.cc -fmodules-ts -fmodule-mapper=map",
            "$root .\nm m.gcm\n",
            refused,
        );
        check(Gcc, 14, "-c a.cc -fmodules-ts -fmodule-mapper=gone", "", refused);
        check(Gcc, 14, "-c a.cc -fmodules-ts -fmodule-mapper=|map", "", refused);
        check(Gcc, 15, "-c a.cc -fmodules", "", refused);
        check(Gcc, 14, "-c a.cc -fmodule-mapper=map", "m m.gcm", refused);
        check(Clang, 19, "-c a.cc @map", "", Ok(()));
        check(Clang, 19, "-c a.cc @map", "-x c++", Ok(()));
        check(Clang, 19, "-c a.cc @map", "-fmodule-file=m=m.pcm", Ok(()));
        check(Clang, 18, "-c a.cc @map", "-fmodule-file=m=m.pcm", refused);
        check(Clang, 19, "-c a.cc @map", "-fmodule-file=m.pcm", refused);
        check(
            Clang,
            19,
            "-c a.cc @map",
            "-x c++-module -fmodule-output=m.pcm",
            refused,
        );
    }
}
