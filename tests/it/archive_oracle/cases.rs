//! Command lines, and what becomes of them: see [`super::Tally::one`]. `@/` is the working directory, `%/` the sources.

type Case = (&'static str, &'static str);

pub(super) const AR: &[Case] = &[
    ("rc @/new.a @/a.o @/b.o", ""),
    ("rcs @/lib/new.a %/a.o %/b.o", ""),
    ("-rcs @/new.a @/a.o", ""),
    ("qc @/new.a @/a.o @/b.o", ""),
    ("crD @/new.a @/b.o @/a.o", ""),
    ("cru @/new.a @/a.o", ""),
    ("rcS @/new.a @/a.o", ""),
    ("rc @/new.a @/a.o %/a.o", ""),
    ("rc @/new.a", ""),
    ("rcv @/new.a @/a.o", ""),
    ("rc @/new.a @/lto.o", ""),
    ("rc @/new.a @/text", ""),
    ("rc @/new.a @/old.a", ""),
    ("rc @/new.a @rsp", ""),
    // Onto an old one.
    ("r @/old.a @/b.o", ""),
    ("q @/old.a @/a.o", ""),
    ("rb a.o @/old.a @/b.o", ""),
    ("d @/plain.a a.o", ""),
    ("m @/plain.a a.o", ""),
    ("ma b.o @/plain.a a.o", ""),
    ("s @/plain.a", ""),
    ("r @/link.a @/b.o", ""),
    ("ru @/old.a @/b.o", "modification_times"),
    ("r @/old.a", "nothing_to_do"),
    // Thin ones.
    ("rT @/lib/thin.a @/split.o", "here"),
    ("s @/lib/thin.a", "here"),
    ("d @/lib/thin.a ../a.o", "here"),
    ("s @/abs.a", "here"),
    // Not taken.
    ("rcU @/new.a @/a.o", "archive_times"),
    ("t @/old.a", "archive_read"),
    ("x @/old.a", "archive_read"),
    ("p @/old.a a.o", "archive_read"),
    ("rc @/new.a @/none.o", "missing_input"),
    ("rc @/new.a @/lib", "missing_input"),
    ("rc @/lib @/a.o", "output_not_regular"),
    ("rcZ @/new.a @/a.o", "unknown_option"),
    ("r @/text @/a.o", "fails"),
    ("r @/old.a @/old.a", "linked_output"),
];

pub(super) const GNU_AR: &[Case] = &[
    ("rcT @/new.a @/a.o", "here"),
    ("rcP @/new.a @/a.o", "here"),
    ("rc @/new.a @/a.o --thin", "here"),
    ("--target=elf64-x86-64 rc @/new.a @/a.o", ""),
    ("rc --record-libdeps=-lm @/new.a @/a.o", ""),
    ("rcf @/new.a @/a.o", ""),
    ("rcl @/new.a @/a.o", "ambiguous_modifier"),
    ("d @/none.a a.o", ""),
];

pub(super) const LLVM_AR: &[Case] = &[
    ("rc --thin @/new.a @/a.o", "here"),
    ("rcP @/new.a @/a.o", ""),
    ("qcL @/new.a @/old.a", ""),
    ("qcL @/new.a @/lib/thin.a", ""),
    ("qcL @/new.a @/abs.a", "here"),
    ("rc --format=gnu @/new.a @/a.o", ""),
    ("--plugin=/none.so rc @/new.a @/a.o", ""),
    ("rcl @/new.a @/a.o", ""),
    ("d @/none.a a.o", "fails"),
];

pub(super) const RANLIB: &[Case] = &[
    ("@/plain.a", ""),
    ("@/old.a", ""),
    ("-D @/plain.a", ""),
    ("@/plain.a @/old.a", ""),
    ("@/link.a", ""),
    ("-U @/plain.a", "archive_times"),
    ("-t @/plain.a", "real_times"),
    ("@/text", "fails"),
];

pub(super) const STRIP: &[Case] = &[
    ("@/prog", ""),
    ("-g @/a.o @/b.o", ""),
    ("-S @/libs.so", ""),
    ("--strip-unneeded @/libs.so", ""),
    ("-d @/plain.a", ""),
    ("-s -o @/new @/prog", ""),
    ("-g -o @/new %/a.o", ""),
    ("-g %/plain.a -o @/new", "missing_input"),
    ("-g @/plain.a -o @/new", ""),
    ("-g @/prog -o @/old.a", ""),
    ("-g @/prog -o @/link.a", ""),
    ("-g @/prog -o @/prog", ""),
    ("-p @/prog", "real_times"),
    ("@/broken", "fails"),
    ("-o @/old.a @/broken", "fails"),
    ("@/text", "not_elf"),
    ("@/lib/thin.a", "not_elf"),
    ("-R .comment -K main @/prog", ""),
    ("-g @/a.o @/a.o", "linked_output"),
];

pub(super) const OBJCOPY: &[Case] = &[
    ("@/prog @/new", ""),
    ("@/a.o @/new", ""),
    ("@/libs.so @/new", ""),
    ("@/plain.a @/new", ""),
    ("@/prog", ""),
    ("--only-keep-debug @/prog @/prog.debug", ""),
    ("--add-gnu-debuglink=@/a.o @/prog", ""),
    ("--add-gnu-debuglink @/a.o @/prog @/new", ""),
    ("--add-section .x=@/text @/a.o @/new", ""),
    ("--add-section=.x=@/text @/a.o @/new", ""),
    ("--update-section .comment=@/text @/a.o @/new", ""),
    ("--dump-section .comment=@/dump @/a.o @/new", ""),
    ("--dump-section .comment=@/text @/a.o", ""),
    ("--redefine-syms=@/syms @/a.o @/new", ""),
    ("--keep-global-symbols=@/list @/a.o @/new", ""),
    ("--redefine-sym f=h @/a.o", ""),
    ("--extract-dwo @/split.o @/new.dwo", ""),
    ("--strip-dwo @/split.o @/new", ""),
    ("-O binary @/prog @/new", ""),
    ("-O ihex @/prog @/new", ""),
    ("-I binary -O elf64-x86-64 @/text @/new", "here"),
    ("-j .text @/a.o @/old.a", ""),
    ("--decompress-debug-sections @/a.o @/new", ""),
    ("-O pei-x86-64 @/prog @/new", "unsupported_format"),
    ("@/text @/new", "not_elf"),
    ("@/none @/new", "missing_input"),
    ("--add-section .x=@/none @/a.o @/new", "missing_input"),
    ("@/hard.o @/other.o", "linked_output"),
    ("--dump-section .text=@/a.o @/b.o", ""),
    ("--dump-section .text=@/../build/new @/b.o @/new", "linked_output"),
    ("--add-section .x=@/text @/a.o @/text", "linked_output"),
    ("@/broken @/old.a", "fails"),
    ("@/broken", "fails"),
];

pub(super) const GNU_OBJCOPY: &[Case] = &[
    ("-O srec @/prog @/new", "here"),
    ("-O verilog @/prog @/new", ""),
    ("--compress-debug-sections @/a.o @/new", ""),
    ("@/hard.o", ""),
];

pub(super) const LLVM_OBJCOPY: &[Case] = &[
    ("--compress-debug-sections=zlib @/a.o @/new", ""),
    ("--split-dwo=@/new.dwo @/split.o @/new", ""),
    ("@/hard.o", "linked_output"),
    ("@/link.a", "linked_output"),
];

pub(super) const DWP: &[Case] = &[
    ("@/split.dwo -o @/new.dwp", ""),
    ("-o @/new.dwp @/split.dwo", ""),
    ("-o @/text @/split.dwo", ""),
    ("-e @/prog -o @/new.dwp", "named_by_debug_information"),
    ("-o @/new.dwp @/text", "not_elf"),
];
