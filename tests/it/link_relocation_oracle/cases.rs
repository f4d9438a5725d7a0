//! The links of the oracle. `{X}` is the exec root, `{A}` the same or `..`: each link is made with absolute and with
//! relative names, in the working directory `{X}/build`. `{rsp}` is `abs` or `rel`.

use rewrap::command::Family;
use rewrap::command::link::Flavour;

/// What a row means when names are absolute. (Relative ones are relocated, unless it says so.)
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Expect {
    /// Relocated.
    Anywhere,
    /// Placed locally, by the reason with this code.
    Here(&'static str),
    /// Placed locally with relative names too.
    AlwaysHere(&'static str),
    /// Relocated by GNU ld, placed locally with the others by the reason with this code.
    HereButBfd(&'static str),
}

/// One link.
#[derive(Clone, Copy, Debug)]
pub(super) struct Case {
    pub(super) words: &'static str,
    pub(super) expect: Expect,
    /// The linkers that know it.
    linkers: &'static [Flavour],
    /// Only this family's driver.
    family: Option<Family>,
    /// It ends with an error.
    pub(super) fails: bool,
    pub(super) environment: &'static [(&'static str, &'static str)],
}

impl Case {
    /// Whether this pair of driver and linker is to make it.
    pub(super) fn is_for(&self, family: Option<Family>, flavour: Flavour) -> bool {
        self.linkers.contains(&flavour) && self.family.is_none_or(|only| family == Some(only))
    }

    /// With names of either kind, relocated by all.
    pub(super) const fn plain(words: &'static str) -> Self {
        link(words)
    }

    const fn only(self, linkers: &'static [Flavour]) -> Self {
        Self { linkers, ..self }
    }

    const fn with(self, family: Family) -> Self {
        Self {
            family: Some(family),
            ..self
        }
    }

    const fn fails(self) -> Self {
        Self { fails: true, ..self }
    }

    const fn env(self, environment: &'static [(&'static str, &'static str)]) -> Self {
        Self { environment, ..self }
    }
}

const fn link(words: &'static str) -> Case {
    Case {
        words,
        expect: Expect::Anywhere,
        linkers: ALL,
        family: None,
        fails: false,
        environment: &[],
    }
}

const fn case(words: &'static str, expect: Expect) -> Case {
    Case { expect, ..link(words) }
}

use Expect::{AlwaysHere, Here, HereButBfd};
use Family::{Clang, Gcc};
use Flavour::{Bfd, Gold, Lld, Mold};

const ALL: &[Flavour] = &[Bfd, Gold, Lld, Mold];
const GNU: &[Flavour] = &[Bfd, Gold];
const NOT_GOLD: &[Flavour] = &[Bfd, Lld, Mold];
const NOT_BFD: &[Flavour] = &[Gold, Lld, Mold];
const NOT_MOLD: &[Flavour] = &[Bfd, Gold, Lld];
const NOT_LLD: &[Flavour] = &[Bfd, Gold, Mold];
const LLD_MOLD: &[Flavour] = &[Lld, Mold];

/// Through a driver.
#[rustfmt::skip]
pub(super) const LINKS: &[Case] = &[
    // What the plain rule covers.
    link("{A}/obj/main.o {A}/obj/f.o -o prog"),
    link("-g {A}/obj/main.o {A}/obj/f.o"),
    case("{A}/obj/main.o {A}/obj/f.o -o {A}/out/prog", HereButBfd("output_name_recorded")),
    link("-no-pie {A}/obj/main.o -L{A}/lib -lf -o prog"),
    link("-static {A}/obj/main.o -L{A}/lib -lf -o prog"),
    link("-static-pie {A}/obj/main.o -L {A}/lib -lf -o prog").only(NOT_GOLD),
    link("{A}/obj/mainxx.o {A}/obj/f.o -o prog -lstdc++"),
    link("-shared {A}/obj/f.o -o libq.so"),
    link("-shared {A}/obj/f.o -o {A}/out/libq.so.1 -Wl,-soname,libq.so.1"),
    link("-shared {A}/obj/f.o -o {A}/out/libq.so.1 -Wl,--version-script={A}/src/v.map -Wl,-soname=libq.so.1"),
    link("-shared {A}/obj/f.o -o libq.so -Wl,--version-script,{A}/src/v.map"),
    case("-shared {A}/obj/f.o -o {A}/out/libq.so -Wl,--version-script,{A}/src/v.map", HereButBfd("tool_word")),
    case("-shared {A}/obj/f.o -o {A}/out/libq.so", HereButBfd("output_name_recorded")).only(NOT_GOLD),
    case("-shared {A}/obj/f.o -o {A}/out/libq.so", Here("tool_word")).only(&[Gold]),
    link("{A}/obj/main.o {A}/obj/f.o -o prog -rdynamic -Wl,--dynamic-list={A}/src/dyn.list"),
    link("-r -nostdlib {A}/obj/main.o {A}/obj/f.o -o all.o"),
    link("{A}/obj/main.o -Wl,--whole-archive {A}/lib/libf.a -Wl,--no-whole-archive -o prog"),
    link("{A}/obj/main.o -Wl,--start-group -L{A}/lib -lf -Wl,--end-group -o prog -Wl,--gc-sections"),
    link("{A}/obj/main.o {A}/obj/f.o -s -o prog"),
    link("{A}/obj/main.o {A}/obj/f.o -Wl,-S -Wl,--build-id=sha1 -o prog"),
    link("{A}/obj/main.o {A}/obj/f.o -Wl,--build-id=md5 -Wl,--hash-style=gnu -o prog"),
    link("{A}/obj/main.o -L{A}/lib -l:libf.a -o prog"),
    link("{A}/obj/main.o -L../nothing -L{A}/lib -ltext -o prog"),
    link("{A}/obj/main.o {A}/obj/f.o -o prog -Wl,--emit-relocs").only(NOT_GOLD),
    link("{A}/obj/main.o {A}/obj/f.o -o prog -Wl,--compress-debug-sections=zlib"),
    link("{A}/obj/main.o {A}/obj/f.o -o prog -Wl,--gdb-index").only(NOT_BFD),
    link("{A}/obj/main.o {A}/obj/f.o -o prog -Wl,--icf=all").only(NOT_BFD),
    link("-shared {A}/obj/main.o -L{A}/lib -lf -Wl,--exclude-libs,ALL -o libq.so"),
    link("{A}/obj/split.o {A}/obj/f.o -o prog"),
    link("{A}/obj/main.o {A}/obj/f.o -o prog -Wl,--retain-symbols-file={A}/src/keep.txt").only(NOT_MOLD),
    link("{A}/obj/main.o {A}/obj/f.o -o prog -Wl,--symbol-ordering-file={A}/src/order.txt").only(&[Lld]),
    link("{A}/obj/main.o -Wl,--just-symbols={A}/obj/f.o -o prog -no-pie").only(&[Bfd]),
    link("-B{A}/tools -L{A}/tools -I{A}/src {A}/obj/main.o {A}/obj/f.o -o prog"),
    link("-O2 -Wall -pipe -fPIC -pthread {A}/obj/main.o {A}/obj/f.o -lm -o prog"),
    // Debian has the libraries of clang for these in packages of their own.
    link("-fsanitize=address {A}/obj/main.o {A}/obj/f.o -o prog").with(Gcc),
    link("--coverage {A}/obj/main.o {A}/obj/f.o -o prog").with(Gcc),

    // Libraries that are found at run time.
    link("{A}/obj/main_g.o -L{A}/lib -lg -o prog -Wl,-rpath,{X}/lib"),
    link("{A}/obj/main_g.o -L{A}/lib -lg -o prog -Wl,-rpath -Wl,{X}/lib"),
    link("{A}/obj/main_g.o {A}/lib/libg.so -o prog -Xlinker -rpath -Xlinker {X}/nothing:{X}/lib"),
    link("{A}/obj/main_g.o {A}/lib/libg.so -o prog -Wl,--enable-new-dtags,-rpath,$ORIGIN/../lib -Wl,-rpath-link,{A}/lib"),
    link("-shared {A}/obj/main_g.o -L{A}/lib -lg -o libq.so -Wl,-rpath,{X}/lib -Wl,-dynamic-linker,{X}/ld.so"),
    link("{A}/obj/main_g.o -L{A}/lib -lg -o prog").env(&[("LD_RUN_PATH", "/nothing:{X}/lib")]),
    link("{A}/obj/main_g.o -L{A}/lib -lg -o prog").env(&[("LD_LIBRARY_PATH", "{X}/lib")]),
    link("{A}/obj/main.o -lf -o prog").env(&[("LIBRARY_PATH", "/nothing:{A}/lib")]),
    case("{A}/obj/main_n.o {A}/lib/libn.so -o prog", Here("without_soname")),
    link("{A}/obj/main_n.o -L{A}/lib -ln -o prog"),
    link("{A}/obj/main_top.o -L{A}/lib -ltop -o prog"),
    case("{A}/obj/main_top.o -L{A}/lib -labsn -o prog", AlwaysHere("path_in_text")).only(&[Bfd]),
    link("{A}/obj/main_top.o -L{A}/lib -labsn -o prog").only(NOT_BFD),
    case("{A}/obj/main_n.o -L{A}/lib -lscript -o prog", Here("without_soname")),

    // Text that names files.
    case("{A}/obj/main.o -L{A}/lib -labs -o prog", AlwaysHere("path_in_text")),
    link("{A}/obj/main.o {A}/lib/libthin.a -o prog"),
    case("{A}/obj/main.o {A}/lib/libthinabs.a -o prog", AlwaysHere("path_in_text")),
    link("{A}/obj/main.o @{A}/build/{rsp}.rsp -o prog"),
    link("{A}/obj/main.o {A}/obj/f.o -Wl,@{A}/build/{rsp}.wl -o prog"),
    case("{A}/obj/main.o {A}/obj/f.o -Wl,-b,binary {A}/src/data.txt -Wl,-b,elf64-x86-64 -o prog", Here("tool_word")).only(&[Bfd]),
    case("{A}/obj/main.o {A}/obj/f.o -Wl,-b,binary {A}/src/data.txt -Wl,-b,elf -o prog", Here("tool_word")).only(&[Gold]),
    case("{A}/obj/main.o {A}/obj/f.o -Wl,--format=binary {A}/src/data.txt -Wl,--format=elf -o prog", Here("tool_word")).only(&[Lld]),

    // What linkers write and print.
    link("{A}/obj/main.o -L{A}/lib -lf -o prog -Wl,-Map={A}/out/prog.map"),
    link("{A}/obj/main.o {A}/lib/libf.a -o prog -Wl,-Map,{A}/out/prog.map,--cref").only(NOT_MOLD),
    link("{A}/obj/main_g.o -Wl,--as-needed {A}/lib/libg.so -o prog -Wl,-rpath,{X}/lib -Wl,-Map={A}/out/prog.map"),
    link("{A}/obj/main.o {A}/obj/f.o -o prog -Wl,--dependency-file={A}/out/prog.d"),
    link("{A}/obj/main.o -L{A}/lib -lf -o prog -Wl,--why-extract={A}/out/why").only(&[Lld]),
    link("{A}/obj/main.o -L{A}/lib -lf -o prog -Wl,--trace"),
    // mold prints them in any order.
    link("{A}/obj/main.o -L{A}/lib -lf -o prog -Wl,--gc-sections,--print-gc-sections").only(NOT_MOLD),
    link("{A}/obj/main.o -L{A}/lib -lf -o prog -Wl,--cref").only(GNU),
    link("{A}/obj/bad.o -o prog").fails().only(NOT_GOLD),
    link("{A}/obj/bad.o -o prog").fails().only(&[Gold]).with(Gcc),
    link("{A}/obj/main.o {A}/obj/f.o {A}/obj/f.o -o prog").fails(),

    // Link-time optimisation.
    link("-flto -O2 -g {A}/lto/main.o {A}/lto/f.o -o prog").with(Gcc).only(NOT_LLD),
    link("-flto=auto {A}/lto/main.o {A}/lto/f.o -o prog").with(Gcc).only(NOT_LLD),
    link("-flto -g -shared -fPIC {A}/lto/f.o -Wl,-soname,libq.so -o {A}/out/libq.so").with(Gcc).only(NOT_LLD),
    link("{A}/fat/main.o {A}/obj/f.o -o prog -g").with(Gcc).only(NOT_LLD),
    case("-flto -r {A}/lto/main.o {A}/lto/f.o -o all.o", AlwaysHere("lto_option")).with(Gcc).only(NOT_LLD),
    case("-flto -fprofile-generate {A}/lto/main.o {A}/lto/f.o -o prog", AlwaysHere("lto_option")).with(Gcc).only(NOT_LLD),
    link("-flto -O2 -g {A}/lto/main.o {A}/lto/f.o -o prog").with(Clang).only(&[Lld]),
    link("-flto -O2 -g {A}/lto/main.o {A}/lto/f.o -o prog").with(Clang).only(NOT_LLD),
    link("-flto=thin -g {A}/lto/main.o {A}/lto/f.o -o prog").with(Clang).only(&[Lld]),
    link("-flto -shared {A}/lto/f.o -o {A}/out/libq.so -Wl,-soname,libq.so").with(Clang).only(&[Lld]),
];

/// The linker itself.
#[rustfmt::skip]
pub(super) const LINKERS_THEMSELVES: &[Case] = &[
    link("-r {A}/obj/main.o {A}/obj/f.o -o all.o"),
    link("-shared {A}/obj/f.o {A}/obj/f2.o -soname libq.so -o {A}/out/libq.so --build-id"),
    case("-shared {A}/obj/f.o -o {A}/out/libq.so --hash-style=gnu", HereButBfd("output_name_recorded")).only(NOT_GOLD),
    link("-e main -pie --dynamic-linker={X}/ld.so {A}/obj/main_g.o -L{A}/lib -lg -rpath {X}/lib -o prog"),
    link("-T {A}/src/simple.ld -e main {A}/obj/main.o -L{A}/lib -lf -o prog").only(NOT_MOLD),
    link("-e main {A}/obj/main.o --start-group {A}/lib/libf.a --end-group -Map {A}/out/m -o prog -static"),
    link("-e main {A}/obj/bad.o -o prog -static").fails(),
    case("-e main {A}/lto/main.o -o prog", AlwaysHere("lto_without_driver")).only(&[Bfd, Gold, Mold]),
    link("-e main {A}/lto/main.o {A}/lto/f.o -o prog -static").only(&[Lld]),
    case("-e main {A}/obj/main.o {A}/obj/f.o -b binary {A}/src/data.txt -o prog", Here("tool_word")).only(NOT_MOLD),
    link("-e main {A}/obj/main.o {A}/obj/f.o --color-diagnostics -o prog").only(LLD_MOLD),
];
