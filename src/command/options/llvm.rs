//! Meanings, by hand, of what only clang takes, or takes in its own way.

use super::common::{
    DUMP, EXOTIC_OUTPUT, EXOTIC_TOOL, MEASURES, MODULES, PLUGIN, PROBE, PROFILE, QUESTION, SEARCH, TARGETS,
};
use super::{Checked, Feature, Forms, Group, Inner, LocalOnly, Meaning, Named, PLAIN, group, map};
use crate::command::{Chain, MapKind, Role};

const ALONE: Forms = Forms::ALONE;
const JOINED: Forms = Forms::JOINED;
const SEPARATE: Forms = Forms::SEPARATE;
const EITHER: Forms = Forms::EITHER;

const SPECS: Meaning = Meaning::Local(|option| LocalOnly::Specs {
    option: option.to_owned(),
});
/// Known to the compiler, and what it reads or does to outputs elsewhere was not tried.
const UNTRIED: Meaning = Meaning::Local(|option| LocalOnly::UnknownOption {
    option: option.to_owned(),
});
const CONFIG: Meaning = Meaning::Local(|option| LocalOnly::ConfigFile {
    option: option.to_owned(),
});

pub(super) const GROUPS: &[Group] = &[
    group(
        QUESTION,
        ALONE,
        "-version -help --help-hidden -print-targets --print-targets --print-supported-cpus",
    ),
    group(
        QUESTION,
        ALONE,
        "-print-target-triple --print-target-triple -print-effective-triple",
    ),
    group(
        QUESTION,
        ALONE,
        "-print-resource-dir --print-resource-dir -print-runtime-dir --print-runtime-dir",
    ),
    group(
        QUESTION,
        ALONE,
        "--print-effective-triple -print-rocm-search-dirs -verify-pch -module-file-info",
    ),
    group(PROBE, ALONE, "-ccc-print-phases -ccc-print-bindings -fdriver-only"),
    // Headers.
    group(
        Meaning::Is(Role::SearchDir(Chain::System)),
        EITHER,
        "-cxx-isystem -isystem-after -stdlib++-isystem",
    ),
    group(Meaning::Is(Role::ToolDir), SEPARATE, "-resource-dir"),
    group(
        Meaning::Is(Role::ToolDir),
        JOINED,
        "-resource-dir= --gcc-toolchain= --gcc-install-dir=",
    ),
    group(
        SEARCH,
        EITHER,
        "-iframework -iframeworkwithsysroot -ivfsoverlay -vfsoverlay",
    ),
    group(PLAIN, EITHER, "-iwithsysroot"),
    group(SEARCH, EITHER, "-working-directory -iapinotes-modules"),
    group(SEARCH, JOINED, "-working-directory="),
    group(
        SEARCH,
        ALONE,
        "-index-header-map -fms-compatibility -fms-extensions -fapinotes -fapinotes-modules",
    ),
    group(
        SEARCH,
        JOINED,
        "-fms-compatibility-version= -fmsc-version= --driver-mode= --rsp-quoting=",
    ),
    group(PLAIN, ALONE, "-fno-ms-compatibility -fno-ms-extensions"),
    group(PLAIN, ALONE, "-nobuiltininc -ibuiltininc -nostdlibinc"),
    group(PLAIN, JOINED, "--system-header-prefix= --no-system-header-prefix="),
    // Precompiled headers, whose makers and users are all placed locally.
    group(Meaning::Is(Role::Input), EITHER, "-include-pch"),
    group(
        PLAIN,
        ALONE,
        "--relocatable-pch -relocatable-pch -fpch-preprocess -fpch-codegen -fpch-debuginfo",
    ),
    group(
        PLAIN,
        ALONE,
        "-fpch-instantiate-templates -fpch-validate-input-files-content",
    ),
    // The words in it: see `toolchain::brought`.
    group(Meaning::Is(Role::Input), JOINED, "--config="),
    group(Meaning::Is(Role::Input), SEPARATE, "--config"),
    group(CONFIG, JOINED, "--config-system-dir= --config-user-dir="),
    group(PLAIN, ALONE, "--no-default-config"),
    // Files that are written.
    group(
        Meaning::Switch(Feature::Debug, true),
        ALONE,
        "-glldb -gsce -gdbx -gline-tables-only -gmlt",
    ),
    group(Meaning::Switch(Feature::Debug, false), ALONE, "-gline-directives-only"),
    group(Meaning::Check(Checked::SplitDwarf), JOINED, "-gsplit-dwarf="),
    group(Meaning::Switch(Feature::EmitLlvm, true), ALONE, "-emit-llvm"),
    group(Meaning::Switch(Feature::TimeTrace, true), ALONE, "-ftime-trace"),
    group(Meaning::Writes(Named::TimeTrace), JOINED, "-ftime-trace="),
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
    group(
        Meaning::Check(Checked::RecordFormat),
        JOINED,
        "-fsave-optimization-record=",
    ),
    group(
        Meaning::Writes(Named::OptimizationRecord),
        JOINED,
        "-foptimization-record-file=",
    ),
    group(Meaning::Writes(Named::CompilationDatabase), EITHER, "-MJ"),
    group(
        Meaning::Writes(Named::Diagnostics),
        SEPARATE,
        "--serialize-diagnostics -serialize-diagnostics",
    ),
    group(
        EXOTIC_OUTPUT,
        ALONE,
        "--analyze -emit-ast --precompile -emit-interface-stubs -emit-merged-ifs -extract-api -rewrite-objc \
         -rewrite-legacy-objc --migrate --emit-static-lib --verify-debug-info -gen-reproducer",
    ),
    group(
        EXOTIC_OUTPUT,
        EITHER,
        "-dependency-dot -dependency-file -arcmt-migrate-report-output",
    ),
    group(
        EXOTIC_OUTPUT,
        SEPARATE,
        "--analyzer-output -gen-cdb-fragment-path -module-dependency-dir -dsym-dir -index-store-path",
    ),
    group(EXOTIC_OUTPUT, JOINED, "-object-file-name="),
    group(Meaning::Writes(Named::ThinLink), JOINED, "-fthin-link-bitcode="),
    group(Meaning::Switch(Feature::EmbedBitcode, true), ALONE, "-fembed-bitcode"),
    group(Meaning::Switch(Feature::EmbedBitcode, true), JOINED, "-fembed-bitcode="),
    group(DUMP, ALONE, "-save-stats --save-stats -dI -dM -d"),
    group(DUMP, ALONE, "-fhip-dump-offload-linker-script"),
    group(DUMP, JOINED, "-fdump- -save-stats= --save-stats="),
    group(PLAIN, ALONE, "-dA -dD"),
    group(MEASURES, ALONE, "-fproc-stat-report"),
    group(MEASURES, JOINED, "-fproc-stat-report= -ftime-report="),
    // Files that are read.
    group(
        PLAIN,
        ALONE,
        "-fprofile-use -fprofile-instr-use -fprofile-sample-use -fauto-profile",
    ),
    group(
        Meaning::Is(Role::ProfileDir),
        JOINED,
        "-fprofile-use= -fprofile-instr-use=",
    ),
    group(SPECS, JOINED, "-specs= --specs="),
    group(SPECS, SEPARATE, "-specs --specs"),
    group(PROFILE, JOINED, "-fthinlto-index="),
    group(
        Meaning::Is(Role::Input),
        JOINED,
        "-fembed-offload-object= -fprofile-sample-use= -fauto-profile= -fprofile-list= \
         -fprofile-remapping-file= -fmemory-profile-use= -fsanitize-ignorelist= -fsanitize-blacklist= \
         -fsanitize-system-ignorelist= -fsanitize-system-blacklist= -fsanitize-coverage-allowlist= \
         -fsanitize-coverage-ignorelist= -fsanitize-coverage-whitelist= -fsanitize-coverage-blacklist= \
         -fexperimental-sanitize-metadata-ignorelist= -fxray-always-instrument= -fxray-never-instrument= \
         -fxray-attr-list= -frandomize-layout-seed-file=",
    ),
    group(
        MODULES,
        ALONE,
        "-fmodules -fcxx-modules -fmodules-ts -fmodule-header -fmodule-output -fmodule-private -fmodule-file-deps \
         -fmodules-decluse -fmodules-strict-decluse -fmodules-search-all -fmodules-validate-once-per-build-session \
         -fmodules-validate-input-files-content -fmodules-validate-system-headers \
         -fmodules-disable-diagnostic-validation -fimplicit-modules -fimplicit-module-maps -fbuiltin-module-map \
         -fprebuilt-implicit-modules -fexperimental-modules-reduced-bmi -fsystem-module -gmodules",
    ),
    group(
        MODULES,
        JOINED,
        "-fmodule-header= -fmodule-map-file= -fmodule-name= -fmodule-output= -fprebuilt-module-path= \
         -fmodules-cache-path= -fmodules-ignore-macro= -fmodules-prune-after= -fmodules-prune-interval= \
         -fbuild-session-file= -fmodules-embed-file=",
    ),
    group(Meaning::ModuleFile, JOINED, "-fmodule-file="),
    group(MODULES, SEPARATE, "-fmodules-user-build-path"),
    group(PLUGIN, JOINED, "-fpass-plugin="),
    // Paths in outputs.
    group(map(MapKind::Coverage), JOINED, "-fcoverage-prefix-map="),
    group(
        Meaning::Is(Role::CompilationDir),
        JOINED,
        "-fdebug-compilation-dir= -ffile-compilation-dir= -fcoverage-compilation-dir=",
    ),
    group(Meaning::Is(Role::CompilationDir), SEPARATE, "-fdebug-compilation-dir"),
    // Written only when the compiler crashes, and then the step runs here again.
    group(PLAIN, JOINED, "-fcrash-diagnostics-dir="),
    // clang 20 and 21.
    group(
        MODULES,
        ALONE,
        "-fmodules-embed-all-files -fmodules-reduced-bmi -fmodules-force-validate-user-headers \
         -fmodulemap-allow-subdirectory-search",
    ),
    group(MEASURES, ALONE, "-ftime-report-json"),
    group(
        UNTRIED,
        ALONE,
        "-funique-source-file-names -fcodegen-data-use -fcodegen-data-generate -fclangir",
    ),
    group(TARGETS, ALONE, "-foffload-via-llvm -fsycl-device-only -fsycl-host-only"),
    // Several compiles in one, and other tools.
    group(
        TARGETS,
        JOINED,
        "-fopenmp-targets= --offload-arch= --offload= --cuda-gpu-arch= --cuda-path= --hip-path=",
    ),
    group(
        TARGETS,
        ALONE,
        "-fsycl -fgpu-rdc -fcuda-rdc -foffload-lto --offload-new-driver --offload-device-only",
    ),
    group(EXOTIC_TOOL, JOINED, "--ld-path="),
    group(EXOTIC_TOOL, ALONE, "-via-file-asm --via-file-asm"),
    group(EXOTIC_TOOL, SEPARATE, "-ccc-gcc-name -ccc-install-dir"),
    group(Meaning::Passes(Inner::Frontend), SEPARATE, "-Xclang"),
    group(Meaning::Passes(Inner::Frontend), JOINED, "-Xclang="),
    group(Meaning::Passes(Inner::Backend), SEPARATE, "-mllvm"),
    group(Meaning::Passes(Inner::Backend), JOINED, "-mllvm="),
    // No paths.
    group(PLAIN, Forms::OPTIONAL, "-W -R"),
    group(
        PLAIN,
        ALONE,
        "-Qunused-arguments -Qn -Qy --start-no-unused-arguments --end-no-unused-arguments",
    ),
    group(
        PLAIN,
        ALONE,
        "-no-pthread -nogpulib -nogpuinc -shared-libsan -static-libsan -static-openmp -canonical-prefixes",
    ),
    group(
        PLAIN,
        ALONE,
        "-enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang -no-pedantic --no-pedantic -fno-integrated-as -integrated-as -no-integrated-as",
    ),
    group(
        PLAIN,
        SEPARATE,
        "-target --target -mthread-model -meabi -rpath -ftrapv-handler",
    ),
    group(
        PLAIN,
        JOINED,
        "--target= --gcc-triple= -rtlib= --rtlib= --stdlib= -unwindlib= --unwindlib=",
    ),
    group(
        PLAIN,
        JOINED,
        "-falign-functions= -falign-loops= -fbinutils-version= -fblas-matmul-limit= -fbracket-depth= \
         -fbuild-session-timestamp= -fc++-abi= -fcaret-diagnostics-max-lines= -fcomment-block-commands= \
         -fconstant-string-class= -fconstexpr-backtrace-limit= -fconstexpr-depth= -fconstexpr-steps= \
         -fcrash-diagnostics= -fcs-profile-generate= -fdebug-default-version= -fdenormal-fp-math= \
         -fdiagnostics-color= -fdiagnostics-hotness-threshold= -fdiagnostics-misexpect-tolerance= \
         -fdiagnostics-show-category= -ferror-limit= -fexec-charset= -fexperimental-sanitize-metadata= -ffp-model= \
         -fgnuc-version= -finline-max-stacksize= -flimited-precision= -flto-jobs= -fmacro-backtrace-limit= \
         -fmax-errors= -fmax-tokens= -fmax-type-align= -fmemory-profile= -fmessage-length= -fnew-alignment= \
         -fno-builtin- -fopenmp-version= -fopenmp= -foperator-arrow-depth= -foptimization-record-passes= \
         -fpack-struct= -fpatchable-function-entry= -fprofile-dir= -fprofile-exclude-files= -fprofile-filter-files= \
         -fprofile-function-groups= -fprofile-selected-function-group= -fprofile-generate= \
         -fprofile-instr-generate= -frandomize-layout-seed= -fsanitize-address-field-padding= -fsanitize-coverage= \
         -fsanitize-hwaddress-abi= -fsanitize-memory-track-origins= -fsanitize-memtag-mode= -fsanitize-recover= \
         -fsanitize-trap= -fsanitize-undefined-strip-path-components= -fsanitize= -fno-sanitize= \
         -fno-sanitize-recover= -fno-sanitize-trap= -fspell-checking-limit= -fsymbol-partition= -ftabstop= \
         -ftemplate-backtrace-limit= -ftemplate-depth- -ftemplate-depth= -ftime-trace-granularity= -ftrap-function= \
         -ftrapv-handler= -ftrivial-auto-var-init-max-size= -ftrivial-auto-var-init-stop-after= -fuse-cuid= \
         -fxray-function-groups= -fxray-instruction-threshold= -fxray-instrumentation-bundle= -fxray-modes= \
         -fxray-selected-function-group= -gz=",
    ),
    group(
        PLAIN,
        JOINED,
        "-mabi= -mabs= -malign-branch-boundary= -malign-branch= -masm= -mbranch-protection= -mcmodel= \
         -mcompact-branches= -mfpmath= -mfpu= -mharden-sls= -mhvx= -mhwdiv= -mhwmult= -mimplicit-it= -mindirect-jump= \
         -mlarge-data-threshold= -mlinker-version= -mmacos-version-min= -mmacosx-version-min= -mios-version-min= -mmcu= \
         -mnan= -mpad-max-prefix-size= -mprefer-vector-width= -mpreferred-stack-boundary= -mrecip= -mregparm= \
         -mrvv-vector-bits= -msimd= -msmall-data-limit= -msmall-data-threshold= -mstack-alignment= \
         -mstack-probe-size= -mstack-protector-guard= -mstack-protector-guard-offset= -mstack-protector-guard-reg= \
         -mstack-protector-guard-symbol= -msve-vector-bits= -mtls-dialect= -mtls-size= -mvscale-max= -mvscale-min=",
    ),
];
