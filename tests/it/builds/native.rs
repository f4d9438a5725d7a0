//! `-march=native` means the processor at hand, also to a cache that comes to another machine.

use super::sandbox::Sandbox;
use crate::steps::eventually;
use std::fs;

#[test]
fn a_build_for_this_processor_is_cached() {
    for compiler in ["gcc", "clang"] {
        let sandbox = Sandbox::new();
        sandbox.write(
            "main.c",
            "#ifdef __AVX2__\nint wide;\n#endif\nint f(int a) { return a * 3; }\n",
        );
        for options in ["-O2", "-O2 -g"] {
            let text = format!("$W {compiler} -march=native {options} -c main.c -o main.o");
            let thrice = sandbox.thrice(&text);
            assert_eq!((thrice.cold, thrice.warm), (1, 0), "{text}");
        }
    }
}

#[test]
fn a_link_for_this_processor_is_cached() {
    let sandbox = Sandbox::new();
    sandbox.write("main.c", "int main(void) { return 0; }\n");
    for (compiler, options, warm) in [
        ("gcc", "", 0),
        ("clang", "", 0),
        ("clang-19", "-flto -fuse-ld=lld", 0),
        // It is compiled by words that no linker is given.
        ("gcc", "-flto", 1),
    ] {
        let compile = format!("{compiler} {options} -c main.c -o main.o");
        assert_eq!(sandbox.plain(&compile).exit, 0);
        let text = format!("$W {compiler} -march=native {options} -O2 main.o -o main");
        let thrice = sandbox.thrice(&text);
        assert_eq!((thrice.plain.exit, thrice.cold, thrice.warm), (0, 1, warm), "{text}");
    }
}

#[test]
fn another_processor_under_the_same_name_is_another_one() {
    let sandbox = Sandbox::new();
    let processor = sandbox.path("processor");
    let script = format!(
        "for word do shift; case $word in -march=native) word=-march=$(cat {});; esac; set -- \"$@\" \"$word\"; done\n\
         exec /usr/bin/gcc \"$@\"",
        processor.display()
    );
    sandbox.install_compiler("mine-gcc", &script);
    sandbox.write("main.c", "#ifdef __AVX2__\nint wide;\n#endif\n");
    let step = "$W mine-gcc -march=native -c main.c";
    let object = || fs::read(sandbox.work().join("main.o")).unwrap();
    let move_to = |name: &str| {
        assert_eq!(sandbox.rewrap(&["daemon", "stop"]).exit, 0);
        fs::write(&processor, name).unwrap();
    };
    let runs_of_a_build = |what: &str| {
        assert_eq!(sandbox.plain(step).exit, 0, "{what}");
        let expected = object();
        sandbox.starts();
        assert_eq!(sandbox.wrapped(step).exit, 0, "{what}");
        assert!(object() == expected, "{what}: the object of another processor");
        sandbox.runs()
    };
    fs::write(&processor, "x86-64-v2").unwrap();
    eventually("it is known", || runs_of_a_build("at first") == 0);
    move_to("haswell");
    assert_eq!(runs_of_a_build("on another machine"), 1);
    move_to("x86-64-v2");
    assert_eq!(runs_of_a_build("back again"), 0);
}
