//! `Action.salt`: the part of the key that is no command and no input of the input root. It changes the key and,
//! unlike a platform property, cannot stop a server from matching a worker.
//!
//! Holds no host name or operating system release, and modification times only where outputs hold them: in clang's
//! precompiled headers.

use super::Presentation;
use crate::digest::Digest;
use crate::inputs::InputSet;
use crate::pb::salt;
use crate::toolchain::Toolchain;
use prost::Message as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// Raised whenever the same message would mean something else, or the same step be given other arguments.
const SCHEMA: u32 = 1;

/// The salt: SHA-256 of the canonical message.
pub(super) fn salt(toolchain: &Toolchain, inputs: &InputSet, presentation: &Presentation) -> Vec<u8> {
    Digest::of(&message(toolchain, inputs, presentation).encode_to_vec())
        .hash()
        .to_vec()
}

fn message(toolchain: &Toolchain, inputs: &InputSet, presentation: &Presentation) -> salt::Salt {
    salt::Salt {
        schema: SCHEMA,
        driver: bytes(&toolchain.driver),
        tools: files(toolchain.files.iter().map(|tool| (tool.path.as_path(), tool.digest))),
        facts: Some(content(toolchain.facts)),
        outside: files(inputs.outside.iter().map(|file| (file.path.as_path(), file.digest))),
        locale: presentation.locale.foreign().unwrap_or_default().to_owned(),
        width: presentation.width.unwrap_or_default(),
        times: times(inputs),
    }
}

fn files<'a>(all: impl Iterator<Item = (&'a Path, Digest)>) -> Vec<salt::File> {
    let mut files: Vec<salt::File> = all
        .map(|(path, digest)| salt::File {
            path: bytes(path),
            content: Some(content(digest)),
        })
        .collect();
    files.sort_by(|a, b| a.path.cmp(&b.path));
    files
}

fn times(inputs: &InputSet) -> Vec<salt::Time> {
    let times = inputs.times.iter();
    times
        .map(|(path, seconds)| salt::Time {
            path: path.clone().into_bytes(),
            seconds: *seconds,
        })
        .collect()
}

fn content(digest: Digest) -> salt::Content {
    salt::Content {
        hash: digest.hash().to_vec(),
        size: digest.size(),
    }
}

fn bytes(path: &Path) -> Vec<u8> {
    path.as_os_str().as_bytes().to_vec()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Locale;
    use crate::command::Family;
    use crate::inputs::OutsideFile;
    use crate::toolchain::ToolFile;
    use std::path::PathBuf;

    #[derive(Clone)]
    struct Parts {
        toolchain: Toolchain,
        inputs: InputSet,
        presentation: Presentation,
    }

    impl Parts {
        fn hex(&self) -> String {
            let salt = salt(&self.toolchain, &self.inputs, &self.presentation);
            Digest::from_parts(salt.try_into().expect("32 bytes"), 0).hex()
        }
    }

    fn parts() -> Parts {
        let tool = |path: &str| ToolFile {
            path: path.into(),
            digest: Digest::of(path.as_bytes()),
        };
        Parts {
            toolchain: Toolchain {
                driver: "/usr/bin/cc".into(),
                driver_real: "/usr/bin/x86_64-linux-gnu-gcc-12".into(),
                family: Family::Gcc,
                version: (12, 2, 0),
                target: "x86_64-linux-gnu".to_owned(),
                files: vec![tool("/usr/bin/as"), tool("/usr/bin/cc")],
                facts: Digest::of(b"#define __GNUC__ 12"),
                include_dirs: vec!["/usr/include".into()],
                library_path_matters: false,
            },
            inputs: InputSet {
                outside: vec![OutsideFile {
                    path: "/usr/include/stdio.h".into(),
                    digest: Digest::of(b"int puts(const char *);"),
                    on_worker: true,
                }],
                ..InputSet::default()
            },
            presentation: Presentation::default(),
        }
    }

    #[test]
    fn the_schema_is_pinned() {
        assert_eq!(
            parts().hex(),
            "95b2c9a31c7c6e304d8e406343c00b946bea72a686a255cb35ac160877b3f9a3"
        );
    }

    #[test]
    fn every_field_changes_the_salt() {
        type Change = (&'static str, fn(&mut Parts));
        let changes: &[Change] = &[
            ("driver", |parts| parts.toolchain.driver = "/usr/bin/gcc".into()),
            ("tool path", |parts| {
                parts.toolchain.files[0].path = "/usr/bin/gas".into();
            }),
            ("tool content", |parts| {
                parts.toolchain.files[0].digest = Digest::of(b"other");
            }),
            ("tool size", |parts| {
                parts.toolchain.files[0].digest = Digest::from_parts(*parts.toolchain.files[0].digest.hash(), 1);
            }),
            ("tool gone", |parts| parts.toolchain.files.truncate(1)),
            ("facts", |parts| {
                parts.toolchain.facts = Digest::of(b"#define __GNUC__ 13");
            }),
            ("outside path", |parts| {
                parts.inputs.outside[0].path = "/usr/include/stdlib.h".into();
            }),
            ("outside content", |parts| {
                parts.inputs.outside[0].digest = Digest::of(b"");
            }),
            ("outside gone", |parts| parts.inputs.outside.clear()),
            ("time", |parts| {
                parts.inputs.times = [("/h.h".to_owned(), 1)].into();
            }),
            ("another time", |parts| {
                parts.inputs.times = [("/h.h".to_owned(), 2)].into();
            }),
            ("locale", |parts| {
                parts.presentation.locale = Locale::Other("de_DE.UTF-8".to_owned());
            }),
            ("width", |parts| parts.presentation.width = Some(80)),
        ];
        let base = parts();
        let mut seen = vec![base.hex()];
        for (name, change) in changes {
            let mut other = base.clone();
            change(&mut other);
            assert!(!seen.contains(&other.hex()), "{name}");
            seen.push(other.hex());
        }
    }

    #[test]
    fn order_and_unstated_facts_do_not_matter() {
        let base = parts();
        let mut same = base.clone();
        same.toolchain.files.reverse();
        same.toolchain.driver_real = PathBuf::from("/opt/gcc");
        same.inputs.outside[0].on_worker = false;
        same.presentation.locale = Locale::C;
        same.presentation.colour = true;
        assert_eq!(same.hex(), base.hex(), "locale C and colour stand in the Command");
    }
}
