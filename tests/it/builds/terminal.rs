//! On a terminal everything looks as the compiler makes it look there.

use super::COMPILERS;
use super::sandbox::{Sandbox, Told};

/// Runs the text with a terminal of this width as stdin, stdout and stderr.
fn on_terminal(sandbox: &Sandbox, wrapper: &str, width: u32, text: &str) -> Told {
    let text = format!("stty cols {width}; {text}");
    let mut script = sandbox.command("script");
    script
        .args(["-qec", &text, "/dev/null"])
        .env("W", wrapper)
        .env("TERM", "xterm");
    super::sandbox::told(&script.output().unwrap())
}

#[test]
fn colour_and_width_are_the_compilers_choice() {
    let sandbox = Sandbox::new();
    let long = "x = x + 1; ".repeat(20);
    sandbox.write("warns.c", &format!("int f(int x) {{ {long} int unused; return x; }}\n"));
    sandbox.write("broken.c", "int f(void) { return missing_name; }\n");
    for compiler in COMPILERS {
        let check = |step: &str, width: u32, ends: [usize; 2]| {
            let plain = on_terminal(&sandbox, "", width, step);
            assert!(
                plain.stdout.contains("\x1b[") && plain.stdout.contains("\r\n"),
                "{plain:?}"
            );
            sandbox.starts();
            for runs in ends {
                let told = on_terminal(&sandbox, "rewrap-cc", width, step);
                assert_eq!(told, plain, "{compiler} {width} {step}");
                assert_eq!(sandbox.runs(), runs, "{compiler} {width} {step}");
            }
        };
        let step = format!("$W {compiler} -Wall -c warns.c");
        check(&step, 80, [1, 0]);
        check(&step, 200, [1, 0]);
        check(&format!("$W {compiler} -c broken.c"), 100, [1, 1]);
        // gcc goes by the width of stdin.
        let elsewhere = if compiler == "gcc" { [1, 0] } else { [0, 0] };
        check(&format!("$W {compiler} -Wall -c warns.c < /dev/null"), 80, elsewhere);
        // Without a terminal, after all that, nothing is coloured.
        let thrice = sandbox.thrice(&step);
        assert!(!thrice.plain.stderr.contains('\x1b'));
        assert_eq!((thrice.cold, thrice.warm), (1, 0), "{compiler}");
    }
}

#[test]
fn a_flood_reaches_the_terminal_in_full() {
    let sandbox = Sandbox::new();
    let lines: Vec<String> = (0..3000).map(|number| format!("#warning number {number}\n")).collect();
    sandbox.write("floods.c", &lines.concat());
    let step = "$W gcc -c floods.c";
    let plain = on_terminal(&sandbox, "", 80, step);
    assert!(plain.stdout.len() > 200_000);
    for _ in 0..2 {
        assert!(on_terminal(&sandbox, "rewrap-cc", 80, step) == plain);
    }
}
