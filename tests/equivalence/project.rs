//! Real projects, and how their own instructions say to build them: once with the compiler as it is, once wrapped.

/// How a project is configured and built; each exercises another way in which users come to rewrap.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum System {
    /// Its own `configure` script that takes `CC`, then make.
    Configure,
    /// Plain make by `rewrap build -- make`: wrappers for all tools on `PATH`.
    Make,
    /// `./configure CC=…`, make: libtool and automake's depfiles.
    Autotools,
    /// `CMAKE_<LANG>_COMPILER_LAUNCHER` with this generator.
    CMake(&'static str),
    /// Meson with `CC="rewrap-cc gcc"`.
    Meson,
}

/// One Debian source package.
pub(crate) struct Project {
    /// Name of the source package.
    pub(crate) name: &'static str,
    /// Where make is called, below its top.
    pub(crate) top: &'static str,
    /// How it is built.
    pub(crate) system: System,
    /// What the distribution's own rules do to the source first, as a shell command at its top; done once.
    pub(crate) prepare: &'static str,
    /// Arguments of configure, CMake or Meson, or variables of make.
    pub(crate) options: &'static [&'static str],
    /// What make or ninja is asked to build; empty for its default.
    pub(crate) targets: &'static [&'static str],
    /// The project's own tests, as a shell command in the build directory.
    pub(crate) test: &'static str,
    /// Files that differ between two plain builds: end of the path, and why.
    pub(crate) not_reproducible: &'static [(&'static str, &'static str)],
    /// Whether to build it in `portable` mode from two directories, too.
    pub(crate) portable: bool,
}

impl Project {
    /// Whether libtool is in it, which lists symbols by a tool that does not know LLVM's objects: with clang and
    /// link-time optimisation such a project cannot be built at all.
    pub(crate) fn uses_libtool(&self) -> bool {
        self.system == System::Autotools || self.options.iter().any(|option| option.starts_with("LIBTOOL="))
    }

    /// Whether it cannot be built in parallel.
    pub(crate) fn is_serial(&self) -> bool {
        self.options.contains(&"-j1")
    }
}

/// All of them, smallest first.
pub(crate) const PROJECTS: &[Project] = &[
    Project {
        name: "zlib",
        top: ".",
        system: System::Configure,
        prepare: ":",
        options: &[],
        targets: &[],
        test: "make -s check",
        not_reproducible: &[],
        portable: true,
    },
    Project {
        name: "lua5.4",
        top: "src",
        system: System::Make,
        prepare: r#"echo '#define DEB_HOST_MULTIARCH "x"' >src/lua5.4-deb-multiarch.h"#,
        // Its rule for the library makes two files in one recipe and is not safe in parallel.
        options: &["LIBTOOL=libtool --quiet", "-j1"],
        targets: &["linux"],
        test: "./lua -e 'assert(#string.rep(\"x\", 10) == 10)'",
        not_reproducible: &[],
        portable: false,
    },
    Project {
        name: "jansson",
        top: ".",
        system: System::Autotools,
        prepare: "autoreconf -fi >/dev/null 2>&1",
        options: &[],
        targets: &[],
        test: "make -s check",
        not_reproducible: &[],
        portable: false,
    },
    Project {
        name: "fribidi",
        top: ".",
        system: System::Meson,
        prepare: ":",
        options: &["-Ddocs=false"],
        targets: &[],
        test: "meson test --no-rebuild",
        not_reproducible: &[],
        portable: false,
    },
    Project {
        name: "fmtlib",
        top: ".",
        system: System::CMake("Ninja"),
        prepare: ":",
        options: &["-DFMT_DOC=OFF"],
        targets: &["fmt", "args-test", "assert-test"],
        test: "for t in args-test assert-test; do ./bin/$t || exit 1; done",
        not_reproducible: &[],
        portable: true,
    },
    Project {
        name: "bzip2",
        top: ".",
        system: System::Make,
        prepare: ":",
        options: &[],
        targets: &["libbz2.a", "bzip2", "bzip2recover"],
        test: "make -s test",
        not_reproducible: &[],
        portable: false,
    },
    Project {
        name: "tinyxml2",
        top: ".",
        system: System::CMake("Ninja"),
        // Nothing of the distribution's that is this small has precompiled headers. clang's hold the times of headers,
        // of which CMake writes one anew in every build.
        prepare: "echo 'target_precompile_headers(tinyxml2 PRIVATE <cstdio> <string>)
            if(CMAKE_CXX_COMPILER_ID STREQUAL Clang)
              target_compile_options(tinyxml2 PRIVATE \"SHELL:-Xclang -fno-pch-timestamp\")
            endif()' >>CMakeLists.txt",
        options: &["-DBUILD_SHARED_LIBS=ON"],
        targets: &[],
        test: "ctest --output-on-failure",
        not_reproducible: &[],
        portable: false,
    },
    Project {
        name: "googletest",
        top: ".",
        system: System::CMake("Unix Makefiles"),
        prepare: ":",
        options: &["-Dgtest_build_samples=ON"],
        targets: &[],
        test: "ctest --output-on-failure",
        not_reproducible: &[],
        portable: false,
    },
];
