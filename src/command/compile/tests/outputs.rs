//! Depfiles and secondary outputs.

use super::{check, check_both};

#[test]
fn depfile_names() {
    check_both("-c a.c -MD", "c a.c -> a.o | a.d");
    check_both("-c s/a.c -MMD", "c s/a.c -> a.o | a.d!");
    check_both("-c a.c -o d/x.y.o -MD", "c a.c -> d/x.y.o | d/x.y.d");
    check_both("-c a.c -o d.e/x -MD", "c a.c -> d.e/x | d.e/x.d");
    check_both("-S a.c -MD", "c a.c -> a.s | a.d");
    check_both("-c a.c -MD -MF d/f", "c a.c -> a.o | d/f");
    check_both("-c a.c -MD -MFd/f", "c a.c -> a.o | d/f");
    check_both("-c a.c -MF f -MD -MF g", "c a.c -> a.o | g");
    check_both("-c a.c -MF f", "c a.c -> a.o");
    check_both("-c a.c -MD -MMD", "c a.c -> a.o | a.d!");
    check_both("-c a.c -MMD -MD", "c a.c -> a.o | a.d!");
    check_both("-c a.c -MD -MP -MT t -MQt -MT t", "c a.c -> a.o | a.d");
    check_both("-c a.c --write-dependencies", "c a.c -> a.o | a.d");
    check_both("-c a.c --write-user-dependencies", "c a.c -> a.o | a.d!");
    check_both("-c a.c -MD -MF /dev/null", "c a.c -> a.o");
    check_both("-c a.c -MD -MF -", "stdout_output");
    check_both("-c a.c -MD -MF a.o", "exotic_output");
    check_both("-c a.c -MD -MG", "exotic_output");
    check_both("-c a.c -Wp,-MD,w.d", "c a.c -> a.o | w.d");
    check_both("-c a.c -Wp,-MMD,d/w.d", "c a.c -> a.o | d/w.d!");
    check_both("-c a.c -Wp,-MD,w.d -MD", "second_depfile");
    check_both("-c a.c -Wp,-MD,w.d -MF f", "second_depfile");
    check_both("-c a.c -Wp,-MD,w.d -Wp,-MMD,v.d", "second_depfile");
    check_both("-c a.c -Wp,-MD,w.d,-MT,x", "inner_option");
    check_both("-c a.s -MD -MF f", "assembler a.s -> a.o");
    check_both("-c a.i -MD", "cpp-output a.i -> a.o");
    check_both("-c a.S -MD", "assembler-with-cpp a.S -> a.o | a.d");
    check("clang -c a.c -Xclang -dependency-file -Xclang f", "exotic_output");
    check_both("-c a.c -o .o -MD", "exotic_output");
}

#[test]
fn secondary_outputs_of_gcc() {
    check("gcc -c a.c -gsplit-dwarf", "c a.c -> a.o | a.dwo");
    check("gcc -c a.c -gsplit-dwarf -g0", "c a.c -> a.o | a.dwo");
    check("gcc -c a.c -gsplit-dwarf -gno-split-dwarf", "c a.c -> a.o");
    check("gcc -S a.c -gsplit-dwarf -g", "c a.c -> a.s");
    check("gcc -c a.s -gsplit-dwarf", "assembler a.s -> a.o | a.dwo");
    check("gcc -c a.c --coverage -o d/x.c.o", "c a.c -> d/x.c.o | d/x.c.gcno");
    check("gcc -c a.c -coverage", "c a.c -> a.o | a.gcno");
    check("gcc -c a.c -ftest-coverage", "c a.c -> a.o | a.gcno");
    check("gcc -c a.c -fprofile-arcs", "c a.c -> a.o");
    check("gcc -c a.c --coverage -fno-test-coverage", "c a.c -> a.o | a.gcno");
    check("gcc -c a.c -ftest-coverage -fno-test-coverage", "c a.c -> a.o");
    check("gcc -c a.c -ftest-coverage -fprofile-note=n", "c a.c -> a.o | n");
    check("gcc -c a.S --coverage -fstack-usage", "assembler-with-cpp a.S -> a.o");
    check(
        "gcc -c a.c -fstack-usage -fcallgraph-info=su,da",
        "c a.c -> a.o | a.su a.ci",
    );
    check("gcc -c a.c -aux-info p", "c a.c -> a.o | p");
    check("g++ -c a.cc -aux-info p", "exotic_output");
    check(
        "gcc -c a.c -MD -gsplit-dwarf --coverage -fstack-usage -o x.o",
        "c a.c -> x.o | x.d | x.dwo x.gcno x.su",
    );
    check(
        "gcc -c a.c -fsave-optimization-record",
        "c a.c -> a.o | a.c.opt-record.json.gz",
    );
    check("gcc -c a.c -fdump-tree-all", "dump_files");
    check("gcc -c a.c -fdump-tree-all=stderr", "dump_files");
    check("gcc -c a.c -fdump-tree-all-graph=f", "appended_output");
    check("gcc -c a.c -fdump-passes=f", "dump_files");
    check(
        "gcc -c a.c -fdump-tree-original=f -fdump-rtl-expand=f",
        "c a.c -> a.o | f",
    );
    check("gcc -c a.c -da", "dump_files");
    check("gcc -c a.c -dA -dp", "c a.c -> a.o");
    check(
        "gcc -c a.c -o d/x.o -MD --coverage -dumpbase y",
        "c a.c -> d/x.o | d/x.d | d/y.gcno",
    );
    check(
        "gcc -c a.c --coverage -MD -dumpdir x-",
        "c a.c -> a.o | x-a.d | x-a.gcno",
    );
    check("gcc -c a.c -dumpbase x/ -fstack-usage", "exotic_output");
    check("gcc -c a.c -dumpbase-ext .c -fstack-usage", "exotic_output");
    check("gcc -c a.c -fopt-info-vec", "c a.c -> a.o");
    check("gcc -c a.c -fopt-info-vec=f", "appended_output");
    check("gcc -c a.c -fdump-tree-all=f", "appended_output");
    check("gcc -c a.c -fdump-ipa-all-details=f", "appended_output");
    check("gcc -c a.c -fdump-lang-class=f", "appended_output");
    check("gcc -c a.c -Wa,-ahl=f,--MD,g", "c a.c -> a.o | f g");
    check("gcc -c a.c -Wa,-ahl", "exotic_output");
    check("gcc -c a.c -fcompare-debug", "dump_files");
}

#[test]
fn secondary_outputs_of_clang() {
    check("clang -c a.c -gsplit-dwarf", "c a.c -> a.o");
    check("clang -c a.c -gsplit-dwarf -g", "c a.c -> a.o | a.dwo");
    check("clang -c a.c -g -gsplit-dwarf -g0", "c a.c -> a.o");
    check("clang -c a.c -g -gsplit-dwarf=single", "c a.c -> a.o");
    check("clang -c a.c -g -gsplit-dwarf=split", "c a.c -> a.o | a.dwo");
    check("clang -c a.c -gline-tables-only -gsplit-dwarf", "c a.c -> a.o | a.dwo");
    check("clang -c a.c -gline-directives-only -gsplit-dwarf", "c a.c -> a.o");
    check("clang -S a.c -g -gsplit-dwarf", "c a.c -> a.s | a.dwo");
    check("clang -c a.c -g -gsplit-dwarf -flto=thin", "c a.c -> a.o");
    check("clang -c a.c -g -gsplit-dwarf -emit-llvm", "c a.c -> a.bc");
    check("clang -c a.c --coverage", "c a.c -> a.o | a.gcno");
    check("clang -c a.c -fstack-usage", "c a.c -> a.o | a.su");
    check("clang -c a.c -ftime-trace -o d/x.o", "c a.c -> d/x.o | d/x.json");
    check("clang -c a.c -ftime-trace=f -ftime-trace", "c a.c -> a.o | f");
    check("clang -c a.c -ftime-trace=d/", "output_not_regular");
    check("clang -c a.c -flto=thin -fthin-link-bitcode=f", "c a.c -> a.o | f");
    check("clang -c a.c -fthin-link-bitcode=f", "exotic_output");
    check("clang -c a.c -Wa,-ahl=f", "exotic_output");
    check("clang -c a.c --serialize-diagnostics d/x.dia", "c a.c -> a.o | d/x.dia");
    check("clang -c a.c -MJ x.json", "c a.c -> a.o | x.json");
    check("clang -c a.c -MJx.json", "c a.c -> a.o | x.json");
    check("clang -c a.c -fsave-optimization-record", "c a.c -> a.o | a.opt.yaml");
    check(
        "clang -c a.c -fsave-optimization-record=bitstream",
        "c a.c -> a.o | a.opt.bitstream",
    );
    check(
        "clang -c a.c -fsave-optimization-record -foptimization-record-file=r",
        "c a.c -> a.o | r",
    );
    check("clang -c a.c -foptimization-record-file=r", "c a.c -> a.o | r");
    check("clang -c a.c -save-stats", "dump_files");
    check("clang -c a.c -emit-ast", "exotic_output");
    check("clang --analyze a.c -c", "exotic_output");
}

#[test]
fn intermediate_files() {
    check("gcc -c a.c -o d/x.o -save-temps", "c a.c -> d/x.o | d/x.i d/x.s");
    check("gcc -c a.c -o d/x.o -save-temps=cwd", "c a.c -> d/x.o | x.i x.s");
    check("gcc -S a.cc -save-temps=obj", "c++ a.cc -> a.s | a.ii");
    check("gcc -c a.S -save-temps", "assembler-with-cpp a.S -> a.o | a.s");
    check("gcc -c a.s -save-temps", "assembler a.s -> a.o");
    check(
        "clang -c s/a.c -o d/x.o -save-temps=obj",
        "c s/a.c -> d/x.o | d/a.i d/a.bc d/a.s",
    );
    check(
        "clang -c s/a.c -o d/x.o --save-temps",
        "c s/a.c -> d/x.o | a.i a.bc a.s",
    );
    check("clang -c a.c -save-temps -flto", "c a.c -> a.o | a.i a.bc");
    check("clang -c a.c -save-temps -emit-llvm", "save_temps");
    check("clang -c a.c -save-temps -ftime-trace", "save_temps");
    check_both("-c a.c -save-temps=there", "save_temps");
}

#[test]
fn the_preprocessor_alone() {
    check_both("-E a.c -o d/a.i", "c a.c -> d/a.i");
    check_both("-S -E -c a.c -o a.i -MMD", "c a.c -> a.i | a.d!");
    check_both(
        "-E -Wp,-MMD,d/x.d -P -C -o f.lds a.S",
        "assembler-with-cpp a.S -> f.lds | d/x.d!",
    );
    check_both(
        "-E a.c -o a.i --coverage -g -gsplit-dwarf -fstack-usage -save-temps",
        "c a.c -> a.i",
    );
    check_both("-E a.c -o -", "stdout_output");
    check_both("-E a.h -o a.i", "preprocess");
    check_both("-E a.i -o b.i", "preprocess");
    check("clang -E a.c -o a.i -ftime-trace -MJ f", "c a.c -> a.i | a.json f");
    check(
        "gcc -E a.c -o a.i -aux-info f -fcallgraph-info -Wa,-a=f -fdump-tree-original=f",
        "c a.c -> a.i",
    );
}
