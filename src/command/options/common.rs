//! Meanings, by hand, of what gcc and clang take alike.

use super::{Checked, Feature, Forms, Group, Inner, LocalOnly, Meaning, PLAIN, Stage, group, map};
use crate::command::{Chain, MapKind, Role};

const ALONE: Forms = Forms::ALONE;
const JOINED: Forms = Forms::JOINED;
const SEPARATE: Forms = Forms::SEPARATE;
const EITHER: Forms = Forms::EITHER;

fn owned(option: &str) -> String {
    option.to_owned()
}

pub(super) const PROBE: Meaning = Meaning::Mode(|option| LocalOnly::Probe { option: owned(option) });
pub(super) const QUESTION: Meaning = Meaning::Mode(|_| LocalOnly::NoSource);
pub(super) const DUMP: Meaning = Meaning::Local(|option| LocalOnly::DumpFiles { option: owned(option) });
pub(super) const EXOTIC_OUTPUT: Meaning = Meaning::Local(|option| LocalOnly::ExoticOutput { option: owned(option) });
pub(super) const EXOTIC_TOOL: Meaning = Meaning::Local(|option| LocalOnly::ExoticTool { option: owned(option) });
pub(super) const MEASURES: Meaning = Meaning::Local(|option| LocalOnly::Measurements { option: owned(option) });
pub(super) const MODULES: Meaning = Meaning::Local(|option| LocalOnly::Modules { option: owned(option) });
pub(super) const PLUGIN: Meaning = Meaning::Local(|option| LocalOnly::Plugin { option: owned(option) });
pub(super) const PROFILE: Meaning = Meaning::Local(|option| LocalOnly::ProfileInput { option: owned(option) });
pub(super) const PREPROCESSOR: Meaning = Meaning::Local(|option| LocalOnly::OldPreprocessor { option: owned(option) });
pub(super) const SEARCH: Meaning = Meaning::Local(|option| LocalOnly::SearchRules { option: owned(option) });
pub(super) const TARGETS: Meaning = Meaning::Local(|option| LocalOnly::SeveralTargets { option: owned(option) });

const DEPENDENCIES: Meaning = Meaning::Mode(|_| LocalOnly::DependenciesOnly);

const fn on(feature: Feature) -> Meaning {
    Meaning::Switch(feature, true)
}

const fn off(feature: Feature) -> Meaning {
    Meaning::Switch(feature, false)
}

const fn dir(chain: Chain) -> Meaning {
    Meaning::Is(Role::SearchDir(chain))
}

pub(super) const GROUPS: &[Group] = &[
    // What the step does.
    group(Meaning::Stop(Stage::Object), ALONE, "-c --compile"),
    group(Meaning::Stop(Stage::Assembly), ALONE, "-S --assemble"),
    group(Meaning::Stop(Stage::Preprocess), ALONE, "-E --preprocess"),
    group(DEPENDENCIES, ALONE, "-M -MM --dependencies --user-dependencies"),
    group(Meaning::Mode(|_| LocalOnly::SyntaxOnly), ALONE, "-fsyntax-only"),
    group(PROBE, ALONE, "-### -v --verbose"),
    group(
        QUESTION,
        ALONE,
        "--version --help --target-help -dumpversion -dumpfullversion -dumpmachine -dumpspecs -print-search-dirs \
         -print-libgcc-file-name -print-multi-lib -print-multi-directory -print-multi-os-directory -print-multiarch \
         -print-sysroot -print-sysroot-headers-suffix --print-search-dirs --print-libgcc-file-name --print-multi-lib \
         --print-multi-directory --print-multi-os-directory --print-multiarch --print-sysroot \
         --print-sysroot-headers-suffix",
    ),
    group(
        QUESTION,
        JOINED,
        "--help= -print-file-name= -print-prog-name= --print-file-name= --print-prog-name= --completion= --autocomplete=",
    ),
    group(QUESTION, SEPARATE, "--print-file-name --print-prog-name"),
    group(Meaning::Language, EITHER, "-x"),
    group(Meaning::Language, SEPARATE, "--language"),
    group(Meaning::Language, JOINED, "--language="),
    group(Meaning::Output, EITHER, "-o"),
    group(Meaning::Output, SEPARATE, "--output"),
    group(Meaning::Output, JOINED, "--output="),
    // Depfiles.
    group(
        Meaning::WriteDepfile {
            user_headers_only: false,
        },
        ALONE,
        "-MD --write-dependencies",
    ),
    group(
        Meaning::WriteDepfile {
            user_headers_only: true,
        },
        ALONE,
        "-MMD --write-user-dependencies",
    ),
    group(Meaning::DepfileName, EITHER, "-MF"),
    group(Meaning::Is(Role::DepTarget), EITHER, "-MT -MQ"),
    group(Meaning::Is(Role::DepFlag), ALONE, "-MP"),
    group(EXOTIC_OUTPUT, ALONE, "-MG --print-missing-file-dependencies"),
    // Headers and macros.
    group(Meaning::Is(Role::Macro), EITHER, "-D -U"),
    group(Meaning::Is(Role::Macro), SEPARATE, "--define-macro --undefine-macro"),
    group(Meaning::Is(Role::Macro), JOINED, "--define-macro= --undefine-macro="),
    group(dir(Chain::Angled), EITHER, "-I"),
    group(dir(Chain::Angled), SEPARATE, "--include-directory"),
    group(dir(Chain::Angled), JOINED, "--include-directory="),
    group(dir(Chain::Quote), EITHER, "-iquote"),
    group(dir(Chain::System), EITHER, "-isystem"),
    group(dir(Chain::After), EITHER, "-idirafter"),
    group(dir(Chain::After), SEPARATE, "--include-directory-after"),
    group(dir(Chain::After), JOINED, "--include-directory-after="),
    group(SEARCH, ALONE, "-I- --include-barrier -remap"),
    group(SEARCH, EITHER, "-F"),
    // The directories are below a prefix, so the values are no paths; the compiler states what it makes of them.
    group(PLAIN, EITHER, "-iprefix -iwithprefix -iwithprefixbefore"),
    group(
        PLAIN,
        SEPARATE,
        "-imultilib -imultiarch --include-prefix --include-with-prefix --include-with-prefix-after \
         --include-with-prefix-before",
    ),
    group(
        PLAIN,
        JOINED,
        "--include-prefix= --include-with-prefix= --include-with-prefix-after= --include-with-prefix-before=",
    ),
    group(dir(Chain::Embed), JOINED, "--embed-dir="),
    group(dir(Chain::Embed), SEPARATE, "--embed-dir"),
    group(Meaning::Is(Role::ForcedInclude), EITHER, "-include -imacros"),
    group(Meaning::Is(Role::ForcedInclude), SEPARATE, "--include --imacros"),
    group(Meaning::Is(Role::ForcedInclude), JOINED, "--include= --imacros="),
    group(Meaning::Is(Role::ToolDir), EITHER, "-B -isysroot -L"),
    group(
        Meaning::Is(Role::ToolDir),
        SEPARATE,
        "--sysroot --prefix --library-directory",
    ),
    group(
        Meaning::Is(Role::ToolDir),
        JOINED,
        "--sysroot= --prefix= --library-directory=",
    ),
    group(
        PLAIN,
        ALONE,
        "-nostdinc -nostdinc++ --no-standard-includes -undef -trigraphs --trigraphs -C -CC -P -H",
    ),
    group(
        PREPROCESSOR,
        ALONE,
        "-traditional -traditional-cpp --traditional --traditional-cpp",
    ),
    group(PREPROCESSOR, ALONE, "-fpreprocessed -fdirectives-only"),
    group(Meaning::Check(Checked::Charset), JOINED, "-finput-charset="),
    // Paths in outputs.
    group(map(MapKind::File), JOINED, "-ffile-prefix-map="),
    group(map(MapKind::Macro), JOINED, "-fmacro-prefix-map="),
    group(map(MapKind::Debug), JOINED, "-fdebug-prefix-map="),
    // Other outputs.
    group(on(Feature::Coverage), ALONE, "--coverage -coverage"),
    group(on(Feature::TestCoverage), ALONE, "-ftest-coverage"),
    group(off(Feature::TestCoverage), ALONE, "-fno-test-coverage"),
    group(on(Feature::StackUsage), ALONE, "-fstack-usage"),
    group(on(Feature::SplitDwarf), ALONE, "-gsplit-dwarf"),
    group(off(Feature::SplitDwarf), ALONE, "-gno-split-dwarf"),
    group(
        on(Feature::Debug),
        ALONE,
        "-g -g1 -g2 -g3 -ggdb -ggdb1 -ggdb2 -ggdb3 -gdwarf -gdwarf-2 -gdwarf-3",
    ),
    group(on(Feature::Debug), ALONE, "-gdwarf-4 -gdwarf-5"),
    group(off(Feature::Debug), ALONE, "-g0 -ggdb0"),
    group(on(Feature::Lto), ALONE, "-flto"),
    group(off(Feature::Lto), ALONE, "-fno-lto"),
    group(on(Feature::Lto), JOINED, "-flto="),
    group(on(Feature::FatLto), ALONE, "-ffat-lto-objects"),
    group(off(Feature::FatLto), ALONE, "-fno-fat-lto-objects"),
    group(Meaning::SaveTemps, ALONE, "-save-temps --save-temps"),
    group(Meaning::SaveTemps, JOINED, "-save-temps= --save-temps="),
    group(MEASURES, ALONE, "-time --time -ftime-report"),
    // Code generation.
    group(PLAIN, ALONE, "-O -O0 -O1 -O2 -O3 -Os -Og -Oz -Ofast"),
    group(PLAIN, JOINED, "-O"),
    group(PLAIN, JOINED, "-std= --std="),
    group(PLAIN, SEPARATE, "--std"),
    group(
        PLAIN,
        ALONE,
        "-ansi --ansi -w --no-warnings --all-warnings --extra-warnings -W",
    ),
    group(PLAIN, ALONE, "-pedantic -pedantic-errors --pedantic --pedantic-errors"),
    group(
        PLAIN,
        ALONE,
        "-p -pg --profile -pipe --pipe -pthread -no-canonical-prefixes",
    ),
    group(PLAIN, JOINED, "-Werror= -Wno-error= -stdlib="),
    group(PLAIN, SEPARATE, "--param"),
    group(PLAIN, JOINED, "--param="),
    group(PLAIN, JOINED, "-frandom-seed= -fuse-ld="),
    group(Meaning::Check(Checked::Processor), JOINED, "-march= -mtune= -mcpu="),
    group(
        Meaning::Check(Checked::DiagnosticsFormat),
        JOINED,
        "-fdiagnostics-format=",
    ),
    group(
        EXOTIC_OUTPUT,
        JOINED,
        "-fdiagnostics-add-output= -fdiagnostics-set-output= -fdeps-file= -fdeps-target= -fdeps-format=",
    ),
    group(PLUGIN, JOINED, "-fplugin= -fplugin-arg-"),
    group(TARGETS, SEPARATE, "-arch"),
    // For other programs.
    group(Meaning::Passes(Inner::Preprocessor), JOINED, "-Wp,"),
    group(Meaning::Passes(Inner::Preprocessor), SEPARATE, "-Xpreprocessor"),
    group(Meaning::Passes(Inner::Assembler), JOINED, "-Wa, --for-assembler="),
    group(
        Meaning::Passes(Inner::Assembler),
        SEPARATE,
        "-Xassembler --for-assembler",
    ),
    // For the linker: a compile does not use them.
    group(PLAIN, JOINED, "-Wl, --for-linker= --force-link= --entry="),
    group(
        PLAIN,
        SEPARATE,
        "-Xlinker --for-linker -z -T -u -e -Tbss -Tdata -Ttext --force-link --entry",
    ),
    group(PLAIN, EITHER, "-l"),
    group(
        PLAIN,
        ALONE,
        "-s -r -t -rdynamic -static -static-pie -static-libgcc -static-libstdc++ -shared -shared-libgcc -pie -no-pie \
         -nopie -nostdlib -nodefaultlibs -nostartfiles -nolibc -nostdlib++ -symbolic --static --shared --pie --static-pie \
         --no-standard-libraries --symbolic",
    ),
];
