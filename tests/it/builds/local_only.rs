//! Steps that cannot be cached run here, unchanged, and `rewrap stats` says why.

use super::sandbox::Sandbox;

#[test]
fn statistics_name_the_reason() {
    let mut sandbox = Sandbox::new();
    sandbox.write_all(&[
        ("main.c", "int main(void) { return 0; }\n"),
        ("dated.c", "const char *made = __DATE__ \" \" __TIME__;\n"),
        ("stamped.c", "const char *made = __TIMESTAMP__;\n"),
    ]);
    sandbox.install_compiler("ar", "exec /usr/bin/ar \"$@\"");
    let check = |sandbox: &Sandbox, step: &str, code: &str, part: &str| {
        let results = sandbox.results();
        let thrice = sandbox.thrice(&format!("$W {step}"));
        assert_eq!((thrice.cold, thrice.warm), (1, 1), "{step}");
        assert_eq!(sandbox.results(), results, "{step}");
        let reasons = sandbox.reasons();
        let reason = reasons.iter().find(|(known, _)| known == code);
        let sentence = &reason.unwrap_or_else(|| panic!("{step}: not {code} but {reasons:?}")).1;
        assert!(sentence.contains(part), "{step}: {sentence}");
    };
    check(&sandbox, "clang -mcpu=native+x -c main.c", "native_tuning", "processor");
    check(
        &sandbox,
        "gcc -fno-such-flag -c main.c",
        "unknown_option",
        "-fno-such-flag",
    );
    check(&sandbox, "gcc -fplugin=/no/plugin.so -c main.c", "plugin", "plugin");
    check(&sandbox, "gcc main.c -o main", "link", "link");
    check(&sandbox, "ar rcs lib.a main.c", "archive", "archive");
    check(&sandbox, "gcc -E main.c", "preprocess", "-E");
    check(&sandbox, "gcc -c stamped.c", "timestamp", "__TIMESTAMP__");
    // The day and the second are in the output: only the reason is looked at.
    assert_eq!(sandbox.wrapped("$W gcc -c dated.c").exit, 0);
    assert!(
        sandbox
            .reasons()
            .iter()
            .any(|(code, text)| code == "date_time" && text.contains("__DATE__"))
    );
    sandbox.set("SOURCE_DATE_EPOCH", "1700000000");
    let thrice = sandbox.thrice("$W gcc -c dated.c");
    assert_eq!((thrice.cold, thrice.warm), (1, 0), "a fixed date can be cached");
}
