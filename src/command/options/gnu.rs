//! Meanings, by hand, of what only gcc takes, or takes in its own way.

use super::common::{
    DUMP, EXOTIC_OUTPUT, EXOTIC_TOOL, MEASURES, MODULES, PLUGIN, PREPROCESSOR, QUESTION, SEARCH, TARGETS,
};
use super::{Checked, Feature, Forms, Group, LocalOnly, Meaning, Named, PLAIN, group, map};
use crate::command::{MapKind, Role};

const ALONE: Forms = Forms::ALONE;
const JOINED: Forms = Forms::JOINED;
const SEPARATE: Forms = Forms::SEPARATE;

/// Known to the compiler, and what it does to outputs elsewhere was not tried.
const UNTRIED: Meaning = Meaning::Local(|option| LocalOnly::UnknownOption {
    option: option.to_owned(),
});

pub(super) const GROUPS: &[Group] = &[
    group(QUESTION, ALONE, "-fhelp -ftarget-help -fversion -lang-asm"),
    group(QUESTION, JOINED, "-fhelp= -fself-test="),
    group(Meaning::Is(Role::Macro), Forms::EITHER, "-A"),
    group(Meaning::Is(Role::Macro), SEPARATE, "--assert"),
    group(Meaning::Is(Role::Macro), JOINED, "--assert="),
    group(map(MapKind::Profile), JOINED, "-fprofile-prefix-map="),
    // Files that are written.
    group(Meaning::Switch(Feature::CallGraph, true), ALONE, "-fcallgraph-info"),
    group(Meaning::Switch(Feature::CallGraph, true), JOINED, "-fcallgraph-info="),
    group(Meaning::Writes(Named::CoverageNotes), JOINED, "-fprofile-note="),
    group(Meaning::Writes(Named::Prototypes), SEPARATE, "-aux-info"),
    group(Meaning::Writes(Named::Prototypes), JOINED, "-aux-info="),
    group(Meaning::Check(Checked::DumpLetters), JOINED, "-d"),
    group(Meaning::NamedDump, JOINED, "-fdump-"),
    group(DUMP, JOINED, "--dump="),
    group(DUMP, SEPARATE, "--dump"),
    group(
        DUMP,
        ALONE,
        "-fcompare-debug -fcompare-debug-second -freport-bug -frepo -mdump-tune-features",
    ),
    group(DUMP, JOINED, "-fcompare-debug= -fvtable-verify="),
    group(DUMP, ALONE, "-fvtv-counts -fvtv-debug"),
    group(
        Meaning::Switch(Feature::OptimizationRecord, true),
        ALONE,
        "-fsave-optimization-record",
    ),
    group(
        Meaning::Switch(Feature::OptimizationRecord, false),
        ALONE,
        "-fno-save-optimization-record",
    ),
    group(Meaning::Writes(Named::DumpDirectory), SEPARATE, "-dumpdir --dumpdir"),
    group(Meaning::Writes(Named::DumpBase), SEPARATE, "-dumpbase --dumpbase"),
    group(
        Meaning::Writes(Named::DumpExtension),
        SEPARATE,
        "-dumpbase-ext --dumpbase-ext",
    ),
    group(EXOTIC_OUTPUT, JOINED, "--output-pch="),
    group(PLAIN, ALONE, "-fopt-info"),
    group(Meaning::Check(Checked::OptimizationInfo), JOINED, "-fopt-info-"),
    group(Meaning::Check(Checked::OptimizationInfo), JOINED, "-fopt-info="),
    group(
        MEASURES,
        ALONE,
        "-Q -quiet -ftime-report-details -fmem-report -fmem-report-wpa -fpre-ipa-mem-report",
    ),
    group(
        MEASURES,
        ALONE,
        "-fpost-ipa-mem-report -fstats -flto-report -flto-report-wpa -fprofile-report",
    ),
    group(MEASURES, JOINED, "-time="),
    // Files that are read.
    // The files are found by the names of outputs: see `inputs::profiles`.
    group(PLAIN, ALONE, "-fprofile-use -fauto-profile -fbranch-probabilities"),
    group(Meaning::Is(Role::ProfileDir), JOINED, "-fprofile-use="),
    group(Meaning::Is(Role::Input), JOINED, "-fauto-profile= -specs= --specs="),
    group(Meaning::Is(Role::Input), SEPARATE, "-specs --specs"),
    group(
        MODULES,
        ALONE,
        "-fmodule-header -fmodule-lazy -fmodule-only -fmodule-implicit-inline",
    ),
    group(
        MODULES,
        ALONE,
        "-fmodule-version-ignore -flang-info-include-translate -flang-info-module-cmi",
    ),
    group(
        MODULES,
        JOINED,
        "-fmodule-header= -flang-info-include-translate= -flang-info-module-cmi=",
    ),
    group(
        Meaning::Switch(Feature::ModuleDependencies, true),
        JOINED,
        "-fdeps-format=",
    ),
    // Another place of the source, and prefix maps that compare other names.
    group(SEARCH, ALONE, "-fsearch-include-path"),
    group(SEARCH, JOINED, "-fsearch-include-path="),
    group(UNTRIED, ALONE, "-fcanon-prefix-map"),
    // Judged together: see `command::modules`.
    group(PLAIN, ALONE, "-fmodules-ts -fmodules"),
    group(Meaning::Is(Role::Input), JOINED, "-fmodule-mapper="),
    group(PLUGIN, JOINED, "-iplugindir="),
    group(PREPROCESSOR, ALONE, "-no-integrated-cpp --no-integrated-cpp"),
    group(EXOTIC_TOOL, SEPARATE, "-wrapper"),
    group(EXOTIC_TOOL, ALONE, "-pass-exit-codes --pass-exit-codes -fwpa -fltrans"),
    group(TARGETS, JOINED, "-foffload= -foffload-options="),
    // Values that are names of symbols, registers, functions or patterns, or are recorded.
    group(
        PLAIN,
        JOINED,
        "-fabi-compat-version= -fabi-version= -falign-functions= -falign-jumps= -falign-labels= -falign-loops= \
         -fanalyzer-checker= -fanalyzer-verbosity= -fbuiltin- -fcall-saved- -fcall-used- -fchecking= \
         -fconcepts-diagnostics-depth= -fdbg-cnt= -fdiagnostics-minimum-margin-width= -fdiagnostics-path-format= \
         -femit-struct-debug-detailed= -fexec-charset= -fwide-exec-charset= -ffixed- -finline-limit- \
         -finstrument-functions-exclude-file-list= -finstrument-functions-exclude-function-list= \
         -flto-compression-level= -flto-partition= -fmax-include-depth= -fname-mangling-version- -fopenacc-dim= \
         -fpatchable-function-entry= -fprofile-dir= -fprofile-exclude-files= -fprofile-filter-files= \
         -fprofile-generate= -fprofile-info-section= -fprofile-prefix-path= -fsanitize-coverage= -fsanitize-recover= \
         -fsanitize-trap= -fsanitize-sections= -fsanitize= -fstack-limit-register= -fstack-limit-symbol= \
         -fstrong-eval-order= -ftabstop= -ftemplate-backtrace-limit= -ftemplate-depth- -ftree-vectorizer-verbose= \
         -fzero-call-used-regs= -gz= -gvariable-location-views= -ftrack-macro-expansion",
    ),
    // Machine options of targets that are neither in the list of an x86 gcc nor in clang's.
    group(
        PLAIN,
        ALONE,
        "-EB -EL -marm -mapcs -mapcs-frame -mtpcs-frame -mtpcs-leaf-frame -mthumb-interwork -mword-relocations -mpure-code \
         -mslow-flash-data -mpoke-function-name -msched-prolog -mfix-cortex-m3-ldrd -mbe8 -mtrack-speculation \
         -mlow-precision-recip-sqrt -mlow-precision-sqrt -mlow-precision-div -mpc-relative-literal-loads -mplt -mdiv \
         -mfdiv -mexplicit-relocs -mshorten-memrefs -mcsr-check -mlongcalls -mtext-section-literals -mauto-litpools \
         -mforce-no-pic -mserialize-volatile -mconst16 -mtarget-align -mcall-prologues -mshort-calls -mint8 \
         -maccumulate-args -mstrict-X -mtiny-stack -mno-interrupts -mgas-isr-prologues -mabsdata -mcall-aixdesc \
         -mcall-linux -mpointers-to-nested-functions -msave-toc-indirect -mrelocatable -mrelocatable-lib -meabi -msdata \
         -mbig -mlittle -mminimal-toc -mfull-toc -mshared -mlong32 -mlong64 -mfix-r4000 -mfix-24k -minterlink-mips16 \
         -msym32 -mgp32 -mgp64 -msmartmips -mzarch -mesa -mhard-dfp -mflat -mapp-regs -mfaster-structs -mv8plus -mlarge \
         -msmall",
    ),
    group(
        PLAIN,
        JOINED,
        "-moverride= -misa-spec= -mextra-l32r-costs= -mfix-esp32-psram-cache-strategy= -msdata= -mtraceback= \
         -mwarn-framesize= -mstack-size= -mstack-guard= -mhotpatch= -mexplicit-relocs= -mcode-region= -mdata-region=",
    ),
    group(PLAIN, Forms::EITHER, "-G"),
    // gcc 13 to 15.
    group(
        PLAIN,
        JOINED,
        "-fstrict-flex-arrays= -fdiagnostics-text-art-charset= -finline-stringops= -fmin-function-alignment=",
    ),
    group(
        PLAIN,
        ALONE,
        "-fstrict-flex-arrays -fhardened -fcondition-coverage -fpath-coverage",
    ),
    group(
        PLAIN,
        ALONE,
        "-static-libasan -static-libtsan -static-liblsan -static-libubsan -gstabs -gstabs+ -gctf -gbtf -gvms -gxcoff -gxcoff+ --no-canonical-prefixes -posix",
    ),
];
