//! Command lines as real build tools and projects write them: all are compiles, none has an unknown option.

use super::check;

/// One source, with what the project adds around it.
fn check_compile(driver: &str, options: &str) {
    check(&format!("{driver} {options} -c a.c -o a.o"), "c a.c -> a.o");
}

#[test]
fn linux_kernel() {
    let common = "-nostdinc -I./arch/x86/include -I./include -include ./include/linux/kconfig.h -D__KERNEL__ \
        -fmacro-prefix-map=./= -std=gnu11 -fshort-wchar -funsigned-char -fno-common -fno-PIE -fno-strict-aliasing \
        -mno-sse -mno-mmx -mno-sse2 -mno-3dnow -mno-avx -fcf-protection=none -m64 -falign-loops=1 -mno-80387 \
        -mstack-protector-guard-reg=gs -mno-red-zone -mcmodel=kernel -Wno-sign-compare -fno-asynchronous-unwind-tables \
        -fno-delete-null-pointer-checks -O2 -fstack-protector-strong -fomit-frame-pointer -ftrivial-auto-var-init=zero \
        -falign-functions=16 -fstrict-flex-arrays=3 -fno-strict-overflow -fno-stack-check -Wall -Wundef \
        -Werror=implicit-function-declaration -Werror=strict-prototypes -Wframe-larger-than=2048 -Wvla \
        -Wno-frame-address -Wno-main -Wenum-conversion -Wextra -Wunused -mfentry -DCC_USING_FENTRY -g -gdwarf-5 \
        -DKBUILD_MODFILE='x' -fpatchable-function-entry=16,16";
    let gcc = "-mindirect-branch=thunk-extern -mindirect-branch-register -mindirect-branch-cs-prefix \
        -mfunction-return=thunk-extern -fno-jump-tables -mharden-sls=all -fno-allow-store-data-races -fconserve-stack \
        -mrecord-mcount -mskip-rax-setup -mpreferred-stack-boundary=3 -fno-var-tracking-assignments \
        -Wimplicit-fallthrough=5 -Wno-stringop-truncation -Wno-alloc-size-larger-than -fzero-call-used-regs=used-gpr \
        -fno-stack-clash-protection -Wno-dangling-pointer -fmin-function-alignment=16 -falign-jumps=1";
    let clang = "--target=x86_64-linux-gnu -fintegrated-as -Werror=unknown-warning-option \
        -Werror=ignored-optimization-argument -Werror=option-ignored -Werror=unused-command-line-argument \
        -mretpoline-external-thunk -mstack-alignment=8 -mskip-rax-setup -mfunction-return=thunk-extern \
        -fsplit-lto-unit -fvisibility=hidden -Wno-gnu -fsanitize=kcfi -fno-sanitize-cfi-canonical-jump-tables \
        -enable-trivial-auto-var-init-zero-knowing-it-will-be-removed-from-clang -mharden-sls=all -fno-builtin-wcslen \
        -fexperimental-late-parse-attributes -mllvm -asan-mapping-offset=0xdffffc0000000000 -Qunused-arguments";
    check(
        &format!("gcc -Wp,-MMD,.a.o.d {common} {gcc} -c -o a.o a.c"),
        "c a.c -> a.o | .a.o.d!",
    );
    check(
        &format!("clang -Wp,-MMD,.a.o.d {common} {clang} -c -o a.o a.c"),
        "c a.c -> a.o | .a.o.d!",
    );
    check(
        "gcc -Wp,-MMD,.e.o.d -nostdinc -D__ASSEMBLY__ -fno-PIE -Wa,-gdwarf-5 -Wa,--fatal-warnings -c -o e.o e.S",
        "assembler-with-cpp e.S -> e.o | .e.o.d!",
    );
}

#[test]
fn build_tools() {
    let cmake = "-DA_EXPORTS -I/s/include -isystem /s/third -O3 -DNDEBUG -std=gnu++17 -fPIC -fvisibility=hidden \
        -fvisibility-inlines-hidden -Winvalid-pch -MD -MT d/a.cc.o -MF d/a.cc.o.d -o d/a.cc.o -c /s/a.cc";
    let meson = "-Ilib/a.p -Ilib -fdiagnostics-color=always -D_FILE_OFFSET_BITS=64 -Wall -std=c11 -O0 -g -pthread -MD -MQ \
        a.p/a.c.o -MF a.p/a.c.o.d -o a.p/a.c.o -c ../a.c";
    let automake = "-DHAVE_CONFIG_H -I. -I.. -g -O2 -MT a.lo -MD -MP -MF .deps/a.Tpo -c a.c -fPIC -DPIC -o .libs/a.o";
    let bazel = "-U_FORTIFY_SOURCE -fstack-protector -Wall -Wunused-but-set-parameter -Wno-free-nonheap-object \
        -fno-omit-frame-pointer -std=c++17 -MD -MF b/a.pic.d -frandom-seed=b/a.pic.o -fPIC -iquote . -iquote b \
        -fno-canonical-system-headers -Wno-builtin-macro-redefined -D__DATE__=x -c a.cc -o b/a.pic.o";
    for driver in ["g++", "clang++"] {
        check(&format!("{driver} {cmake}"), "c++ /s/a.cc -> d/a.cc.o | d/a.cc.o.d");
    }
    for driver in ["gcc", "clang"] {
        check(&format!("{driver} {meson}"), "c ../a.c -> a.p/a.c.o | a.p/a.c.o.d");
        check(&format!("{driver} {automake}"), "c a.c -> .libs/a.o | .deps/a.Tpo");
    }
    check(&format!("gcc {bazel}"), "c++ a.cc -> b/a.pic.o | b/a.pic.d");
}

#[test]
fn distributions_and_large_projects() {
    let hardened = "-g -O2 -ffile-prefix-map=/b/x=. -fstack-protector-strong -fstack-clash-protection -Wformat \
        -Werror=format-security -fcf-protection -Wp,-D_FORTIFY_SOURCE=3 -Wp,-U_FORTIFY_SOURCE,-D_FORTIFY_SOURCE=2 \
        -Wdate-time -fno-plt -fexceptions -flto=auto -ffat-lto-objects -mno-omit-leaf-frame-pointer \
        -fno-omit-frame-pointer -Wp,-D_GLIBCXX_ASSERTIONS -m64 -march=x86-64-v2 -mtune=generic \
        -fasynchronous-unwind-tables -Werror=implicit-int -grecord-gcc-switches -pipe";
    check_compile("gcc", hardened);
    let llvm = "-fPIC -fno-semantic-interposition -fvisibility-inlines-hidden -Werror=date-time -Wall -Wextra \
        -Wno-unused-parameter -Wwrite-strings -Wcast-qual -Wno-missing-field-initializers -pedantic -Wno-long-long \
        -Wimplicit-fallthrough -fdiagnostics-color -ffunction-sections -fdata-sections -fno-common -Woverloaded-virtual \
        -fno-exceptions -funwind-tables -fno-rtti -O3";
    check_compile("gcc", llvm);
    check_compile(
        "clang",
        &format!("{llvm} -Werror=unguarded-availability-new -Wstring-conversion"),
    );
    let chromium = "-fno-delete-null-pointer-checks -fno-ident -fno-strict-aliasing -fstack-protector -funwind-tables -fPIC \
        -pthread -fcolor-diagnostics -fmerge-all-constants -fno-sized-deallocation -fcrash-diagnostics-dir=../../crash \
        -mllvm -instcombine-lower-dbg-declare=0 -mllvm -split-threshold-for-reg-with-hint=0 -ffp-contract=off -flto=thin \
        -fcomplete-member-pointers -m64 -msse3 -fwhole-program-vtables -gdwarf-4 -g1 -gdwarf-aranges -ggnu-pubnames \
        -ftrivial-auto-var-init=pattern -fvisibility=hidden -Wheader-hygiene -Wtautological-overlap-compare -O2 \
        -fno-math-errno -fno-unique-section-names -no-canonical-prefixes --sysroot=../../sysroot -isystem../../libcxx \
        -Xclang -disable-llvm-passes -fsplit-lto-unit -nostdinc++ --target=x86_64-unknown-linux-gnu -march=x86-64";
    check_compile("clang", chromium);
}

#[test]
fn other_targets() {
    check_compile(
        "gcc",
        "-mcpu=cortex-m4 -mthumb -mfpu=fpv4-sp-d16 -mfloat-abi=hard -mno-unaligned-access -marm",
    );
    check_compile(
        "gcc",
        "-mabi=aapcs-linux -mno-thumb-interwork -mtpcs-frame -mapcs-frame -msoft-float -mlittle-endian",
    );
    check_compile(
        "gcc",
        "-march=rv32imc -mabi=ilp32 -mcmodel=medany -msmall-data-limit=8 -mno-relax -mstrict-align",
    );
    check_compile(
        "gcc",
        "-mgeneral-regs-only -mabi=lp64 -mbranch-protection=pac-ret -mstack-protector-guard=sysreg",
    );
    check_compile(
        "gcc",
        "-mlongcalls -mtext-section-literals -mmcu=atmega328p -mcall-prologues",
    );
    check_compile(
        "gcc",
        "-mcpu=power8 -mabi=elfv2 -mcmodel=medium -mno-pointers-to-nested-functions -mvsx -maltivec",
    );
    check_compile(
        "gcc",
        "-mips32r2 -mabicalls -mno-abicalls -G 0 -EL -mbranch-likely -mfp32",
    );
}
