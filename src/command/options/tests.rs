//! The hand-written tables against the compilers' own lists.

use super::*;

/// Forms that the list shows otherwise, on purpose: `-MD` has a value only inside of the driver.
const EXPLAINED: &[&str] = &["-MD", "-MMD"];

#[test]
fn lists_are_sorted_by_name() {
    for family in [Family::Gcc, Family::Clang] {
        assert!(list::all(family).len() > 1000);
        assert!(list::all(family).is_sorted_by(|a, b| a.name < b.name), "{family:?}");
    }
}

#[test]
fn forms_by_hand_are_forms_of_the_list() {
    let mut wrong = Vec::new();
    for family in [Family::Gcc, Family::Clang] {
        for spec in by_hand(family).values().filter(|spec| !EXPLAINED.contains(&spec.name)) {
            let Some(listed) = list::entry(family, spec.name) else {
                continue;
            };
            // A joined option may be given with an empty value; levels of -g and -O are written out by hand.
            let alone = !spec.forms.alone || listed.forms.alone || listed.forms.joined;
            let joined = !spec.forms.joined || listed.forms.joined || listed.closed;
            let separate = spec.forms.separate == listed.forms.separate || listed.forms.joined;
            if !(alone && joined && separate) {
                wrong.push(format!(
                    "{family:?} {}: {:?}, but {:?}",
                    spec.name, spec.forms, listed.forms
                ));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn no_option_by_hand_is_written_twice() {
    for own in [gnu::GROUPS, llvm::GROUPS] {
        let mut seen = std::collections::HashSet::new();
        for name in own.iter().flat_map(|group| group.names.split_ascii_whitespace()) {
            assert!(seen.insert(name), "{name}");
        }
    }
}

#[test]
fn listed_flags_that_touch_files_have_a_meaning_by_hand() {
    let mut plain = Vec::new();
    let suspicious = [
        "dump",
        "profile-use",
        "plugin",
        "module",
        "report",
        "save-",
        "time-trace",
        "pch",
    ];
    for family in [Family::Gcc, Family::Clang] {
        for listed in list::all(family)
            .iter()
            .filter(|listed| !listed.name.starts_with("-fno-"))
        {
            let sounds = suspicious.iter().any(|part| listed.name.contains(part));
            if let Lookup::Alone(spec) = look_up(family, listed.name)
                && matches!(spec.meaning, Meaning::Is(Role::Plain))
                && sounds
                && !HARMLESS.contains(&listed.name)
            {
                plain.push(listed.name);
            }
        }
    }
    assert!(plain.is_empty(), "{plain:?}");
}

/// Names that only sound as if they touched a file.
const HARMLESS: &[&str] = &[
    "--relocatable-pch",
    "-Wglobal-module",
    "-Winvalid-pch",
    // By which files are found all the same: `inputs::profiles`, `command::modules`.
    "-fmodules",
    "-fmodules-ts",
    "-fprofile-use",
    "-fforce-check-cxx20-modules-input-files",
    "-fira-share-save-slots",
    "-fno_modules-validate-input-files-content",
    "-fno_pch-validate-input-files-content",
    "-fpch-codegen",
    "-fpch-debuginfo",
    "-fpch-deps",
    "-fpch-instantiate-templates",
    "-fpch-preprocess",
    "-fpch-validate-input-files-content",
    "-fsample-profile-use-profi",
    "-ftime-trace-verbose",
    "-fuse-linker-plugin",
    "-gno-modules",
    "-mno-save-restore",
    "-msave-reg-params",
    "-msave-restore",
    "-relocatable-pch",
];
