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
    check(&sandbox, "gcc main.c -o main", "compile_and_link", "`-c` first");
    check(&sandbox, "gcc -E main.c", "preprocess", "-E");
    check(&sandbox, "gcc -c stamped.c", "timestamp", "__TIMESTAMP__");
    // The day and the second are in the output: only the reason is looked at. An archiver is no script that counts.
    for (step, code, part) in [
        ("gcc -c dated.c", "date_time", "__DATE__"),
        ("ar rcU lib.a main.c", "archive_times", "`D`"),
    ] {
        assert_eq!(sandbox.wrapped(&format!("$W {step}")).exit, 0, "{step}");
        let reasons = sandbox.reasons();
        let named = reasons.iter().any(|(known, text)| known == code && text.contains(part));
        assert!(named, "{step}: {reasons:?}");
    }
    sandbox.set("SOURCE_DATE_EPOCH", "1700000000");
    let thrice = sandbox.thrice("$W gcc -c dated.c");
    assert_eq!((thrice.cold, thrice.warm), (1, 0), "a fixed date can be cached");
}
