//! What a line reads and searches.

use super::*;

#[track_caller]
fn line(flavour: Flavour, args: &str) -> LinkLine {
    parse_line(flavour, &words(args), &mut read(&[])).unwrap_or_else(|reason| panic!("{flavour:?} {args}: {reason}"))
}

#[track_caller]
fn refused(flavours: &[Flavour], args: &str, code: &str) {
    for flavour in flavours {
        let found = parse_line(*flavour, &words(args), &mut read(&[]));
        assert_eq!(found.as_ref().map_err(LocalOnly::code), Err(code), "{flavour:?} {args}");
    }
}

fn file(path: &str) -> LinkItem {
    LinkItem::File(path.to_owned(), LinkState::default())
}

fn library(name: &str, static_only: bool) -> LinkItem {
    let state = LinkState {
        static_only,
        ..LinkState::default()
    };
    LinkItem::Library(name.to_owned(), state)
}

#[test]
fn inputs_come_in_order_with_the_state_of_their_place() {
    for flavour in ALL {
        let found = line(
            flavour,
            "-o p crt1.o --start-group -la -Bstatic -lb --push-state -Bdynamic -l:c.so --pop-state --library=d --end-group \
             -l e -Bdynamic -lf",
        );
        let expected = [
            file("crt1.o"),
            library("a", false),
            library("b", true),
            library(":c.so", false),
            library("d", true),
            library("e", true),
            library("f", false),
        ];
        assert_eq!(found.items, expected, "{flavour:?}");
        assert!(found.dynamic, "{flavour:?}");
    }
}

/// Whether each `-l` takes archives only, by linker; `None` if that cannot be told.
#[track_caller]
fn static_only(args: &str, expected: [Option<&[bool]>; 4]) {
    for (flavour, expected) in ALL.into_iter().zip(expected) {
        let found = parse_line(flavour, &words(args), &mut read(&[])).ok();
        let found = found.map(|line| {
            let libraries = line.items.into_iter();
            let states = libraries.filter_map(|item| match item {
                LinkItem::Library(_, state) => Some(state.static_only),
                _ => None,
            });
            states.collect::<Vec<_>>()
        });
        assert_eq!(found.as_deref(), expected, "{flavour:?} {args}");
    }
}

#[test]
fn libraries_are_taken_as_the_linker_takes_them() {
    const A: Option<&[bool]> = Some(&[true]);
    const SO: Option<&[bool]> = Some(&[false]);
    static_only("a.o -lq", [SO, SO, SO, SO]);
    static_only("a.o -Bstatic -lq", [A, A, A, A]);
    static_only("a.o -lq -static", [SO, A, SO, None]);
    static_only("a.o -static -Bdynamic -lq", [SO, A, SO, SO]);
    static_only("a.o -lq -Bstatic", [SO, SO, SO, None]);
    static_only("a.o -lq -Bstatic -Bdynamic", [SO, SO, SO, SO]);
    static_only("a.o --push-state -Bstatic --pop-state -lq", [SO, SO, SO, None]);
    static_only("a.o --push-state -Bstatic -lq --pop-state", [A, A, A, A]);
    static_only("-r a.o -lq", [A, SO, None, None]);
    static_only("a.o -lq -r", [A, SO, None, None]);
    static_only("-r a.o -Bstatic -lq", [A, A, A, A]);
    static_only("-r -Bdynamic a.o -lq", [A, SO, None, SO]);
}

#[test]
fn searched_places_are_told_apart() {
    for flavour in ALL {
        let found = line(
            flavour,
            "-L/a -L b --library-path=c --sysroot=/s -rpath /x:/y --rpath=$ORIGIN -rpath-link=p:q -m elf_x86_64 \
             -nostdlib a.o -L=/late",
        );
        assert_eq!(found.library_dirs, ["/a", "b", "c", "=/late"], "{flavour:?}");
        assert_eq!(found.rpath, ["/x", "/y", "$ORIGIN"], "{flavour:?}");
        assert_eq!(found.rpath_link, ["p", "q"], "{flavour:?}");
        assert_eq!(found.sysroot.as_deref(), Some("/s"));
        assert_eq!(found.emulation.as_deref(), Some("elf_x86_64"));
        assert!(found.nostdlib);
    }
}

#[test]
fn files_that_are_read_as_text_are_inputs() {
    for flavour in ALL {
        let found = line(
            flavour,
            "a.o -T s.ld --version-script=v.map --version-script v2.map --dynamic-list=d --retain-symbols-file=r \
             --just-symbols=j.o",
        );
        let just_symbols = LinkState {
            just_symbols: true,
            ..LinkState::default()
        };
        let expected = [
            file("a.o"),
            LinkItem::Script("s.ld".into()),
            LinkItem::Plain("v.map".into()),
            LinkItem::Plain("v2.map".into()),
            LinkItem::Plain("d".into()),
            LinkItem::Plain("r".into()),
            LinkItem::File("j.o".into(), just_symbols),
        ];
        assert_eq!(found.items, expected, "{flavour:?}");
    }
}

#[test]
fn only_what_is_loaded_dynamically_needs_the_libraries_of_libraries() {
    for flavour in ALL {
        assert!(!line(flavour, "-static a.o").dynamic, "{flavour:?}");
        assert!(!line(flavour, "-r a.o").dynamic, "{flavour:?}");
        assert!(line(flavour, "-Bstatic a.o").dynamic, "{flavour:?}");
        assert!(line(flavour, "-shared a.o").dynamic, "{flavour:?}");
    }
}

#[test]
fn a_binary_format_holds_until_the_next() {
    let found = line(Flavour::Bfd, "-b binary a.bin -b elf64-x86-64 b.o --format=default c.o");
    let raw = |item: &LinkItem| matches!(item, LinkItem::File(_, state) if state.raw);
    assert_eq!(found.items.iter().map(raw).collect::<Vec<_>>(), [true, false, false]);
}

#[test]
fn words_are_read_as_the_linker_reads_them() {
    // `-oformat` is an output; GNU ld looks for `libibrary=x`.
    assert_eq!(line(Flavour::Bfd, "-library=x").items, [library("ibrary=x", false)]);
    assert_eq!(line(Flavour::Gold, "-library=x").items, [library("x", false)]);
    for flavour in ALL {
        assert_eq!(line(flavour, "a.o -oformat").items, [file("a.o")]);
        assert_eq!(line(flavour, "-Ttext 0x10 -Ttext-segment=0 a.o").items, [file("a.o")]);
        assert_eq!(line(flavour, "-Tx.ld").items, [LinkItem::Script("x.ld".into())]);
        assert_eq!(line(flavour, "-zrelro -z now -usym -emain a.o").items, [file("a.o")]);
    }
    assert_eq!(line(Flavour::Lld, "-lto-O2 --lto-O3 a.o").items, [file("a.o")]);
}

#[test]
fn what_is_not_known_makes_the_step_local() {
    refused(&ALL, "a.o --frobnicate", "unknown_option");
    refused(&ALL, "a.o --whole-arch", "unknown_option");
    refused(&ALL, "a.o -whole-arch", "unknown_option");
    refused(&ALL, "a.o -sr", "unknown_option");
    refused(&ALL, "a.o --as-needed=x", "unknown_option");
    refused(&ALL, "a.o --", "unknown_option");
    refused(&ALL, "a.o -rpath", "missing_value");
    refused(&ALL, "a.o -", "stdin_source");
    refused(&ALL, "a.o =/lib/b.o", "link_rules");
    refused(&[Flavour::Bfd, Flavour::Gold], "a.o -R /lib", "link_rules");
    refused(&[Flavour::Bfd], "a.o -c x.mri", "link_rules");
    refused(&[Flavour::Mold], "a.o -C /", "link_rules");
    refused(&ALL, "a.o -Y /lib", "link_rules");
    refused(&ALL, "a.o -b srec", "link_rules");
    refused(&ALL, "a.o -plugin /x/mine.so", "plugin");
    refused(&ALL, "a.o -plugin-opt=frobnicate=x", "inner_option");
    refused(&ALL, "a.o -plugin-opt=dwo_dir=a_dwo", "exotic_output");
    refused(&ALL, "a.o -plugin-opt=save-temps", "save_temps");
    refused(&ALL, "a.o --stats", "measurements");
    refused(&[Flavour::Lld], "a.o --reproduce=x.tar", "exotic_output");
    refused(&[Flavour::Mold], "a.o --repro", "exotic_output");
    refused(&[Flavour::Lld], "a.o --time-trace", "exotic_output");
    refused(&ALL, "a.o --error-handling-script=s", "exotic_tool");
    refused(&[Flavour::Gold], "a.o --incremental", "link_rules");
}

#[test]
fn questions_stay_questions() {
    refused(&ALL, "--version", "no_source");
    refused(&ALL, "a.o --help", "no_source");
    refused(&ALL, "-v", "probe");
    refused(&ALL, "a.o -v --frobnicate", "probe");
    refused(&ALL, "", "no_source");
    refused(&ALL, "-o x", "no_source");
}

#[test]
fn run_paths_by_the_short_option_are_no_files() {
    assert_eq!(line(Flavour::Bfd, "a.o -R $ORIGIN/../lib").rpath, ["$ORIGIN/../lib"]);
    assert_eq!(line(Flavour::Lld, "a.o -R/x").rpath, ["/x"]);
}

#[test]
fn lines_of_drivers_are_understood() {
    let gcc = "-plugin /usr/lib/gcc/x/12/liblto_plugin.so -plugin-opt=/usr/lib/gcc/x/12/lto-wrapper \
               -plugin-opt=-fresolution=/tmp/cc1.res -plugin-opt=-pass-through=-lgcc -plugin-opt=-pass-through=-lgcc_s \
               -fuse-ld=bfd -flto --build-id --eh-frame-hdr -m elf_x86_64 --hash-style=gnu --as-needed -dynamic-linker \
               /lib64/ld-linux-x86-64.so.2 -pie -o a.out /lib/Scrt1.o -L/lib a.o -lgcc --push-state --as-needed -lgcc_s \
               --pop-state -lc /lib/crtn.o";
    for flavour in ALL {
        let found = line(flavour, &without_collect2_words(&words(gcc)).join(" "));
        let expected = [
            LinkItem::Plugin("/usr/lib/gcc/x/12/liblto_plugin.so".into()),
            file("/lib/Scrt1.o"),
            file("a.o"),
            library("gcc", false),
            library("gcc_s", false),
            library("c", false),
            file("/lib/crtn.o"),
        ];
        assert_eq!(found.items, expected, "{flavour:?}");
    }
    let clang = "--hash-style=gnu --eh-frame-hdr -m elf_x86_64 -pie -dynamic-linker /lib64/ld.so -o a.out -L/lib \
                 -plugin-opt=mcpu=x86-64 -plugin-opt=O2 -plugin-opt=thinlto -plugin-opt=cs-profile-path=p.profdata a.o \
                 -lgcc";
    let found = line(Flavour::Lld, clang);
    let expected = [LinkItem::Plain("p.profdata".into()), file("a.o"), library("gcc", false)];
    assert_eq!(found.items, expected);
}
