use super::*;

fn check(reason: &LocalOnly) {
    let debug = format!("{reason:?}");
    let name = debug.split([' ', '{']).next().unwrap_or_default();
    let mut code = String::new();
    for c in name.chars() {
        if c.is_uppercase() && !code.is_empty() {
            code.push('_');
        }
        code.extend(c.to_lowercase());
    }
    assert_eq!(reason.code(), code);
    let sentence = reason.to_string();
    assert!(!sentence.ends_with('.') && !sentence.contains('\n'), "{sentence}");
}

#[test]
fn codes_are_the_names_in_snake_case() {
    let (option, path) = ("-x".to_owned(), "p".to_owned());
    check(&LocalOnly::Link);
    check(&LocalOnly::NonUtf8);
    check(&LocalOnly::UnknownOption { option: option.clone() });
    check(&LocalOnly::PchOutput { path: path.clone() });
    check(&LocalOnly::SarifDiagnostics { option: option.clone() });
    check(&LocalOnly::InnerOption {
        through: option.clone(),
        option,
    });
    check(&LocalOnly::OutputNotRegular { path });
}
