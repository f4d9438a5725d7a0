//! Compares what two builds left behind, byte for byte.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

/// What a build produced that a compiler, an archiver or a linker wrote, by relative path.
pub(crate) type Products = BTreeMap<PathBuf, Product>;

/// One file.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Product {
    /// Permission bits.
    pub(crate) mode: u32,
    /// Content.
    pub(crate) bytes: Vec<u8>,
}

/// Objects, archives, executables, libraries, assembly, depfiles and coverage notes below a directory.
pub(crate) fn products(dir: &Path) -> Products {
    walkdir::WalkDir::new(dir)
        .into_iter()
        .map(|entry| entry.expect("directory entry"))
        .filter(|entry| entry.file_type().is_file())
        .filter_map(|entry| {
            let path = entry.path().strip_prefix(dir).expect("below").to_owned();
            // Caches of rewrap and git are not products; configure's and CMake's probes are thrown away by them.
            let text = path.to_string_lossy();
            if [
                "CMakeFiles/CMakeScratch",
                "CMakeFiles/CMakeTmp",
                "CompilerIdC",
                "meson-private",
            ]
            .iter()
            .any(|part| text.contains(part))
            {
                return None;
            }
            let bytes = std::fs::read(entry.path()).expect("readable product");
            let mode = entry.metadata().expect("metadata").permissions().mode() & 0o777;
            is_product(&path, &bytes).then_some((path, Product { mode, bytes }))
        })
        .collect()
}

fn is_product(path: &Path, bytes: &[u8]) -> bool {
    let name = path.to_string_lossy();
    let depfile = [".d", ".Po", ".Plo", ".Tpo"].iter().any(|end| name.ends_with(end));
    depfile
        || name.ends_with(".s")
        || name.ends_with(".gcno")
        || bytes.starts_with(b"\x7fELF")
        || bytes.starts_with(b"!<arch>\n")
}

/// One line per difference; none if the two are equal.
pub(crate) fn differences(plain: &Products, wrapped: &Products, tolerated: &[(&str, &str)]) -> Vec<String> {
    let mut found = Vec::new();
    for path in plain
        .keys()
        .chain(wrapped.keys().filter(|path| !plain.contains_key(*path)))
    {
        if let Some((_, why)) = tolerated.iter().find(|(end, _)| path.to_string_lossy().ends_with(end)) {
            println!("    not compared: {} ({why})", path.display());
            continue;
        }
        match (plain.get(path), wrapped.get(path)) {
            (Some(plain), Some(wrapped)) if plain == wrapped => {}
            (Some(plain), Some(wrapped)) => found.push(format!(
                "{}: differs at byte {} ({} and {} bytes, modes {:o} and {:o})",
                path.display(),
                plain
                    .bytes
                    .iter()
                    .zip(&wrapped.bytes)
                    .take_while(|(a, b)| a == b)
                    .count(),
                plain.bytes.len(),
                wrapped.bytes.len(),
                plain.mode,
                wrapped.mode
            )),
            (Some(_), None) => found.push(format!("{}: missing in the wrapped build", path.display())),
            (None, _) => found.push(format!("{}: only in the wrapped build", path.display())),
        }
    }
    found
}
