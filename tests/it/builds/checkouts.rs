//! `paths = portable`: what one checkout compiled serves another.

use super::COMPILERS;
use super::sandbox::Sandbox;
use std::fs;
use std::path::Path;

const FILES: &[(&str, &str)] = &[
    (
        "src/main.c",
        "#include \"../include/own.h\"\n#include <stdio.h>\nconst char *file = __FILE__;\nint f(void) { int in_source; return g(); }\n",
    ),
    (
        "include/own.h",
        "static inline int g(void) { int in_header; return 1; }\n",
    ),
];

#[test]
fn a_second_checkout_compiles_nothing() {
    let sandbox = Sandbox::with(&[("REWRAP_PATHS", "portable")]);
    for compiler in COMPILERS {
        let dirs = [
            format!("{compiler}/a"),
            format!("{compiler}/b/of/another depth").replace(' ', "-"),
        ];
        for dir in &dirs {
            fs::create_dir_all(sandbox.work().join(dir).join(".git")).unwrap();
            for (name, text) in FILES {
                sandbox.write(&format!("{dir}/{name}"), text);
            }
        }
        for (index, args) in [
            "-g -Wall -MMD -MP -I$ROOT/include -c $ROOT/src/main.c -o $ROOT/main.o",
            "-g -Wall -MD -Iinclude -c src/main.c",
            "-g -O2 -Wall -MD -Iinclude -c src/main.c -o main.o",
        ]
        .into_iter()
        .enumerate()
        {
            let mut objects = Vec::new();
            for (dir, runs) in dirs.iter().zip([1, 0]) {
                let root = sandbox.work().join(dir);
                let root = root.to_string_lossy();
                let step = format!("cd {dir}; $W {compiler} {}", args.replace("$ROOT", &root));
                let umask = if runs == 0 { "umask 077;" } else { "" };
                let plain = sandbox.plain(&format!("{umask} {step}"));
                let text = |name: &str| fs::read_to_string(Path::new(&*root).join(name)).unwrap();
                let depfile = text("main.d");
                sandbox.starts();
                let told = sandbox.wrapped(&format!("{umask} {step}"));
                assert_eq!(told, plain, "{compiler} {args} in {dir}");
                assert!(
                    plain.stderr.contains("in_header") && plain.stderr.contains("in_source"),
                    "{plain:?}"
                );
                assert_eq!(text("main.d"), depfile, "{compiler} {args} in {dir}");
                assert_eq!(sandbox.runs(), runs, "{compiler} {args} in {dir}");
                let object = fs::read(Path::new(&*root).join("main.o")).unwrap();
                let bytes = String::from_utf8_lossy(&object).into_owned();
                assert!(!bytes.contains(&*root), "{compiler} {args}: names the checkout");
                assert_eq!(
                    bytes.contains("/_rw/src/main.c"),
                    index == 0,
                    "{compiler} {args}: __FILE__"
                );
                objects.push(object);
            }
            assert!(objects[0] == objects[1], "{compiler} {args}");
        }
    }
}
