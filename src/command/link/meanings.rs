//! Meanings, by hand, of the linkers' options that take a value or decide what is read and written. Flags that only
//! change the output stand in the linkers' own lists; those here are in no list, or in more than their help says.

use super::table::{Flavours, Form, Group, Meaning, Written};
use crate::command::LocalOnly;

const ALL: Flavours = Flavours::ALL;
const BFD: Flavours = Flavours::BFD;
const GOLD: Flavours = Flavours::GOLD;
const GNU: Flavours = Flavours::GNU;
const LLD: Flavours = Flavours::LLD;
const MOLD: Flavours = Flavours::MOLD;
const LLD_MOLD: Flavours = LLD.and(MOLD);
const NOT_LLD: Flavours = GNU.and(MOLD);
const NOT_MOLD: Flavours = GNU.and(LLD);
const NOT_BFD: Flavours = GOLD.and(LLD_MOLD);

const fn group(flavours: Flavours, meaning: Meaning, form: Form, names: &'static str) -> Group {
    Group {
        flavours,
        meaning,
        form,
        names,
    }
}

fn owned(option: &str) -> String {
    option.to_owned()
}

const QUESTION: Meaning = Meaning::Mode(|_| LocalOnly::NoSource);
const PROBE: Meaning = Meaning::Mode(|option| LocalOnly::Probe { option: owned(option) });
const RULES: Meaning = Meaning::Local(|option| LocalOnly::LinkRules { option: owned(option) });
const EXOTIC_OUTPUT: Meaning = Meaning::Local(|option| LocalOnly::ExoticOutput { option: owned(option) });
const EXOTIC_TOOL: Meaning = Meaning::Local(|option| LocalOnly::ExoticTool { option: owned(option) });
const MEASURES: Meaning = Meaning::Local(|option| LocalOnly::Measurements { option: owned(option) });
const SAVE_TEMPS: Meaning = Meaning::Local(|option| LocalOnly::SaveTemps { option: owned(option) });
const PLUGIN: Meaning = Meaning::Local(|option| LocalOnly::Plugin { option: owned(option) });

pub(super) const GROUPS: &[Group] = &[
    // Questions and measurements.
    group(ALL, QUESTION, Form::Flag, "help version"),
    group(
        GNU,
        QUESTION,
        Form::Flag,
        "target-help print-output-format print-sysroot",
    ),
    group(ALL, PROBE, Form::Flag, "v V"),
    group(GNU.and(LLD), PROBE, Form::Optional, "verbose"),
    group(MOLD, Meaning::Plain, Form::Flag, "verbose"),
    group(ALL, MEASURES, Form::Flag, "stats perf"),
    group(GOLD, MEASURES, Form::Value, "debug"),
    group(LLD_MOLD, MEASURES, Form::Flag, "lto-debug-pass-manager"),
    // What is read, in order.
    group(ALL, Meaning::Library, Form::Value, "l library"),
    group(ALL, Meaning::LibraryDir, Form::Value, "L library-path"),
    group(ALL, Meaning::Script, Form::Value, "T script"),
    group(BFD.and(LLD), Meaning::Script, Form::Value, "dT default-script"),
    group(ALL, Meaning::VersionScript, Form::Value, "version-script"),
    group(
        ALL,
        Meaning::Reads,
        Form::Value,
        "dynamic-list export-dynamic-symbol-list retain-symbols-file",
    ),
    group(BFD.and(LLD), Meaning::Reads, Form::Value, "in-implib"),
    group(GNU, Meaning::Reads, Form::Value, "section-ordering-file"),
    group(
        LLD,
        Meaning::Reads,
        Form::Value,
        "symbol-ordering-file call-graph-ordering-file irpgo-profile",
    ),
    group(
        LLD_MOLD,
        Meaning::Reads,
        Form::Value,
        "lto-sample-profile lto-cs-profile-file",
    ),
    group(ALL, Meaning::JustSymbols, Form::Value, "just-symbols"),
    group(GNU, Meaning::RpathOrSymbols, Form::Value, "R"),
    group(LLD_MOLD, Meaning::Rpath, Form::Value, "R"),
    group(ALL, Meaning::Rpath, Form::Value, "rpath"),
    group(ALL, Meaning::RpathLink, Form::Value, "rpath-link"),
    group(ALL, Meaning::Sysroot, Form::Value, "sysroot"),
    group(ALL, Meaning::Emulation, Form::Value, "m"),
    group(ALL, Meaning::NoStandardDirs, Form::Flag, "nostdlib"),
    group(ALL, Meaning::Plugin, Form::Value, "plugin"),
    group(ALL, Meaning::PluginOption, Form::Value, "plugin-opt"),
    group(LLD_MOLD, Meaning::PluginOption, Form::Value, "mllvm"),
    group(LLD, PLUGIN, Form::Value, "load-pass-plugin"),
    // How libraries are looked for.
    group(ALL, Meaning::StaticLibraries(true), Form::Flag, "Bstatic dn non_shared"),
    group(
        ALL,
        Meaning::StaticLibraries(false),
        Form::Flag,
        "Bdynamic dy call_shared",
    ),
    group(ALL, Meaning::Static, Form::Flag, "static"),
    // Both leave shared libraries aside in GNU ld and lld; the others differ from version to version.
    group(
        BFD.and(LLD),
        Meaning::StaticLibraries(true),
        Form::Flag,
        "n nmagic N omagic",
    ),
    group(GOLD.and(MOLD), RULES, Form::Flag, "n nmagic N omagic"),
    group(ALL, Meaning::PushState, Form::Flag, "push-state"),
    group(ALL, Meaning::PopState, Form::Flag, "pop-state"),
    group(ALL, Meaning::Format, Form::Value, "b format"),
    group(ALL, Meaning::Relocatable, Form::Flag, "r relocatable"),
    group(GNU, Meaning::Relocatable, Form::Flag, "i Ur"),
    group(ALL, Meaning::Shared, Form::Flag, "shared Bshareable"),
    group(GOLD, Meaning::Shared, Form::Flag, "G"),
    // Another way to read inputs than the one we know.
    group(BFD, RULES, Form::Value, "c mri-script a G gpsize"),
    group(ALL, RULES, Form::Value, "Y remap-inputs remap-inputs-file"),
    group(LLD_MOLD, RULES, Form::Value, "chroot"),
    group(MOLD, RULES, Form::Value, "C directory"),
    group(LLD, RULES, Form::Value, "rsp-quoting thinlto-single-module"),
    group(
        GOLD,
        RULES,
        Form::Flag,
        "incremental incremental-full incremental-update incremental-changed incremental-unchanged \
         incremental-unknown incremental-startup-unchanged",
    ),
    group(GOLD, RULES, Form::Value, "incremental-base incremental-patch"),
    group(ALL, EXOTIC_TOOL, Form::Value, "error-handling-script run"),
    group(
        LLD,
        EXOTIC_TOOL,
        Form::Value,
        "thinlto-distributor thinlto-distributor-arg thinlto-remote-compiler thinlto-remote-compiler-arg",
    ),
    // What is written.
    group(ALL, Meaning::Output, Form::Value, "o output"),
    group(ALL, Meaning::Writes(Written::Map), Form::Value, "Map"),
    group(ALL, Meaning::Writes(Written::Depfile), Form::Value, "dependency-file"),
    group(
        BFD.and(LLD),
        Meaning::Writes(Written::ImportLibrary),
        Form::Value,
        "out-implib",
    ),
    group(
        LLD,
        Meaning::Writes(Written::Paths),
        Form::Value,
        "why-extract print-archive-stats",
    ),
    group(
        LLD,
        Meaning::Writes(Written::Symbols),
        Form::Value,
        "print-symbol-order",
    ),
    // Newer mold takes the name of a file here; without one it prints.
    group(
        MOLD,
        Meaning::Writes(Written::Paths),
        Form::Optional,
        "print-gc-sections print-icf-sections",
    ),
    group(ALL, Meaning::PrintMap, Form::Flag, "M print-map"),
    group(LLD_MOLD, Meaning::Cache, Form::Value, "thinlto-cache-dir"),
    group(
        LLD_MOLD,
        Meaning::Plain,
        Form::Value,
        "thinlto-cache-policy thinlto-jobs",
    ),
    group(
        LLD_MOLD,
        EXOTIC_OUTPUT,
        Form::Value,
        "reproduce lto-obj-path opt-remarks-filename thinlto-object-suffix-replace thinlto-prefix-replace",
    ),
    group(
        LLD_MOLD,
        EXOTIC_OUTPUT,
        Form::Optional,
        "time-trace time-trace-file thinlto-index-only separate-debug-file",
    ),
    group(
        LLD_MOLD,
        EXOTIC_OUTPUT,
        Form::Flag,
        "repro lto-emit-asm lto-emit-llvm thinlto-emit-imports-files thinlto-emit-index-files",
    ),
    group(GOLD, EXOTIC_OUTPUT, Form::Value, "print-symbol-counts"),
    group(BFD, EXOTIC_OUTPUT, Form::Value, "output-def base_file"),
    group(LLD_MOLD, SAVE_TEMPS, Form::Optional, "save-temps"),
    group(GNU, SAVE_TEMPS, Form::Flag, "plugin-save-temps"),
    // Recorded.
    group(ALL, Meaning::Soname, Form::Value, "h soname"),
    group(
        ALL,
        Meaning::Recorded,
        Form::Value,
        "I dynamic-linker f auxiliary F filter audit depaudit P",
    ),
    // Symbols, addresses, numbers and words of a fixed list.
    group(
        ALL,
        Meaning::Plain,
        Form::Value,
        "e entry u undefined require-defined y trace-symbol defsym wrap init fini section-start sort-section \
         hash-style unresolved-symbols ignore-unresolved-symbol oformat exclude-libs spare-dynamic-tags orphan-handling \
         compress-debug-sections export-dynamic-symbol z Tbss Tdata Ttext Ttext-segment Trodata-segment \
         Tldata-segment max-cache-size image-base",
    ),
    group(
        BFD,
        Meaning::Plain,
        Form::Value,
        "A architecture hash-size assert task-link version-exports-section ctf-share-types flto-partition fuse-ld",
    ),
    group(
        BFD,
        Meaning::Plain,
        Form::Flag,
        "Qy g qmagic add-needed no-add-needed flto",
    ),
    group(
        BFD,
        Meaning::Plain,
        Form::Optional,
        "O unique split-by-file split-by-reloc got flto",
    ),
    group(GNU, Meaning::Plain, Form::Optional, "demangle sort-common"),
    group(ALL, Meaning::Plain, Form::Optional, "build-id color-diagnostics"),
    group(NOT_MOLD, Meaning::Plain, Form::Optional, "package-metadata"),
    group(
        GOLD,
        Meaning::Plain,
        Form::Value,
        "O optimize assert build-id-chunk-size-for-treehash build-id-min-file-size-for-treehash \
         hash-bucket-empty-fraction icf icf-iterations keep-unique rosegment-gap split-stack-adjust-size \
         stub-group-size target2 thread-count thread-count-initial thread-count-middle thread-count-final fuse-ld",
    ),
    group(GOLD, Meaning::Plain, Form::Optional, "plt-align power10-stubs"),
    group(
        LLD,
        Meaning::Plain,
        Form::Value,
        "O android-memtag-mode compress-sections error-limit icf keep-unique lto \
         lto-aa-pipeline lto-basic-block-sections lto-known-safe-vtables lto-newpm-passes \
         opt-remarks-format opt-remarks-hotness-threshold opt-remarks-passes pack-dyn-relocs shuffle-sections \
         split-stack-adjust-size target2 threads time-trace-granularity undefined-glob warn-backrefs-exclude \
         bp-compression-sort bp-startup-sort randomize-section-padding why-live mips-got-size",
    ),
    group(LLD_MOLD, Meaning::Plain, Form::Value, "lto-partitions"),
    group(LLD_MOLD, Meaning::Plain, Form::Glued, "lto-O lto-CGO"),
    group(
        LLD,
        Meaning::Plain,
        Form::Optional,
        "power10-stubs demangle call-graph-profile-sort",
    ),
    group(
        LLD,
        Meaning::Plain,
        Form::Flag,
        "d g long-plt no-add-needed no-copy-dt-needed-entries no-ctors-in-init-array no-keep-memory secure-plt \
         sort-common unique warn-execstack warn-once warn-shared-textrel no-call-graph-profile-sort disable-verify \
         lto-pgo-warn-mismatch",
    ),
    group(
        MOLD,
        Meaning::Plain,
        Form::Value,
        "O unique package-metadata undefined-glob spare-program-headers filler section-align section-order physical-image-base \
         discard-section no-discard-section icf thread-count fuse-ld pack-dyn-relocs lto-pseudo-probe-for-profiling \
         opt-remarks-format opt-remarks-hotness-threshold opt-remarks-passes",
    ),
    group(MOLD, Meaning::Plain, Form::Optional, "threads shuffle-sections"),
    group(
        MOLD,
        Meaning::Plain,
        Form::Flag,
        "EB EL start-group end-group ( ) no-add-needed no-copy-dt-needed-entries sort-common no-call-graph-profile-sort \
         fix-cortex-a53-835769 fix-cortex-a53-843419 nodefaultlibs warn-constructors warn-execstack no-warn-execstack \
         long-plt secure-plt no-keep-memory mmap-output-file no-mmap-output-file nopie discard-all x detach no-detach \
         default-symver relocatable-merge-sections be8 be32 lto-cs-profile-generate disable-verify",
    ),
    group(NOT_LLD, Meaning::Plain, Form::Flag, "dc dp"),
    group(NOT_BFD, Meaning::Plain, Form::Flag, "no-add-needed"),
];
