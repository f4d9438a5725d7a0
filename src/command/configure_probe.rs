//! Compiles that only ask a question, told by the names that configure scripts and CMake give them.

/// Whether a compile of `source` in `cwd` is a check by Autoconf (`conftest.c`) or CMake (`CMakeFiles/CMakeTmp` or
/// `CMakeScratch/TryCompile-…` since 3.25, `CMakeFiles/<version>/CompilerIdC` for the compiler's name).
pub fn is_configure_probe(source: &str, cwd: &str) -> bool {
    let name = source.rsplit_once('/').map_or(source, |(_, name)| name);
    let autoconf = name.strip_prefix("conftest").is_some_and(|rest| rest.starts_with('.'));
    autoconf || in_cmake_scratch(source) || in_cmake_scratch(cwd)
}

fn in_cmake_scratch(path: &str) -> bool {
    let mut parts = path.split('/').skip_while(|part| *part != "CMakeFiles").skip(1);
    match parts.next() {
        Some("CMakeTmp" | "CMakeScratch" | "ShowIncludes") => true,
        _ => parts.next().is_some_and(|part| part.starts_with("CompilerId")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn checks_of_configure_scripts_are_told_by_name() {
        assert!(is_configure_probe("conftest.c", "/b"));
        assert!(is_configure_probe("/b/CMakeFiles/CMakeTmp/src.c", "/b"));
        assert!(is_configure_probe(
            "testCXXCompiler.cxx",
            "/b/CMakeFiles/CMakeScratch/TryCompile-a1"
        ));
        assert!(is_configure_probe(
            "CMakeCCompilerId.c",
            "/b/CMakeFiles/3.25.1/CompilerIdC"
        ));
        assert!(!is_configure_probe("conftests.c", "/b"));
        assert!(!is_configure_probe("../src/main.c", "/b/CMakeFiles/main.dir"));
    }
}
