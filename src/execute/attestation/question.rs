//! The action that asks: a shell script over a list of paths, built so that no cache can have its result.

use super::Expected;
use crate::digest::Digest;
use crate::pb::reapi;
use bytes::Bytes;
use prost::Message;
use std::collections::BTreeMap;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

/// As every action of ours sets it; whether the shell keeps it is part of the question.
pub(super) const PWD: &str = "/proc/self/cwd";

/// Prints, between two lines with the nonce, `$PWD`, the real directory, `sha256sum`'s line for each file of the list
/// `present`, and a line for each path of the list `absent` that is there. Uses nothing beyond a POSIX shell,
/// `readlink` and `sha256sum`, and starts the latter once for many files.
const SCRIPT: &str = r#"nonce=$1
printf 'begin %s\n' "$nonce"
printf 'pwd %s\n' "$PWD"
printf 'directory %s\n' "$(readlink /proc/self/cwd)"
set --
while IFS= read -r path; do
    set -- "$@" "$path"
    if [ $# -ge 200 ]; then sha256sum -- "$@" 2>/dev/null; set --; fi
done <present
if [ $# -gt 0 ]; then sha256sum -- "$@" 2>/dev/null; fi
while IFS= read -r path; do
    if [ -e "$path" ] || [ -L "$path" ]; then printf 'there  %s\n' "$path"; fi
done <absent
printf 'end %s\n' "$nonce"
"#;

/// An action with everything to upload for it.
pub(super) struct Question {
    pub(super) action: Digest,
    pub(super) blobs: Vec<(Digest, Bytes)>,
}

impl Question {
    /// Asks about the paths. Those with a newline or a backslash in them cannot be asked about, and so count as
    /// missing.
    pub(super) fn new(paths: &BTreeMap<PathBuf, Expected>, platform: &[(String, String)], nonce: &str) -> Self {
        let mut blobs = Vec::new();
        let mut keep = |content: Vec<u8>| {
            let digest = Digest::of(&content);
            blobs.push((digest, Bytes::from(content)));
            Some(digest.into())
        };
        let list = |wanted: fn(&Expected) -> bool| {
            let lines = paths.iter().filter(|(_, expected)| wanted(expected));
            let lines = lines.map(|(path, _)| path.as_os_str().as_bytes());
            let lines = lines.filter(|path| !path.iter().any(|byte| matches!(byte, b'\n' | b'\\')));
            lines.flat_map(|path| [path, b"\n"].concat()).collect::<Vec<u8>>()
        };
        let absent = keep(list(|expected| *expected == Expected::Absent));
        let present = keep(list(|expected| matches!(expected, Expected::Content(_))));
        let file = |name: &str, digest| reapi::FileNode {
            name: name.to_owned(),
            digest,
            ..Default::default()
        };
        let root = reapi::Directory {
            files: vec![file("absent", absent), file("present", present)],
            ..Default::default()
        };
        let properties = platform.iter().map(|(name, value)| reapi::platform::Property {
            name: name.clone(),
            value: value.clone(),
        });
        let platform = (!platform.is_empty()).then(|| reapi::Platform {
            properties: properties.collect(),
        });
        let command = command(nonce, platform.clone());
        let action = reapi::Action {
            command_digest: keep(command.encode_to_vec()),
            input_root_digest: keep(root.encode_to_vec()),
            do_not_cache: true,
            // For servers that cache it all the same: the command alone holds the nonce already.
            platform,
            ..Default::default()
        };
        let content = action.encode_to_vec();
        let action = Digest::of(&content);
        blobs.push((action, content.into()));
        Self { action, blobs }
    }
}

fn command(nonce: &str, platform: Option<reapi::Platform>) -> reapi::Command {
    let variable = |name: &str, value: &str| reapi::command::EnvironmentVariable {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    #[expect(deprecated, reason = "older servers look for the platform here")]
    reapi::Command {
        arguments: ["/bin/sh", "-c", SCRIPT, "attestation", nonce]
            .map(str::to_owned)
            .into(),
        environment_variables: vec![
            variable("LC_ALL", "C"),
            variable("PATH", "/usr/bin:/bin:/usr/local/bin"),
            variable("PWD", PWD),
        ],
        platform,
        ..Default::default()
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::Answer;
    use super::super::{Finding, Surroundings};
    use super::*;
    use std::path::Path;
    use std::process::Command;

    /// Runs the script of a question in a directory of its own with this shell.
    fn run(shell: &str, paths: &BTreeMap<PathBuf, Expected>, path_variable: Option<&str>) -> Option<Answer> {
        let question = Question::new(paths, &[], "n0");
        let directory = tempfile::tempdir().expect("directory");
        for (name, (_, content)) in ["absent", "present"].into_iter().zip(&question.blobs) {
            std::fs::write(directory.path().join(name), content).expect("write");
        }
        let command = reapi::Command::decode(&*question.blobs[2].1).expect("a Command");
        let output = Command::new(shell)
            .args(&command.arguments[1..])
            .env_clear()
            .envs(
                command
                    .environment_variables
                    .iter()
                    .map(|variable| (&variable.name, &variable.value)),
            )
            .envs(path_variable.map(|value| ("PATH", value)))
            .current_dir(directory.path())
            .env("PWD", PWD)
            .output()
            .expect("run");
        Answer::parse(&output.stdout, paths, "n0")
    }

    #[test]
    fn the_script_finds_what_is_true_here_in_each_shell() {
        let directory = tempfile::tempdir().expect("directory");
        let at = |name: &str| directory.path().join(name);
        for name in ["same", "other", "with space"] {
            std::fs::write(at(name), name).expect("write");
        }
        std::os::unix::fs::symlink("same", at("link")).expect("link");
        std::os::unix::fs::symlink("nowhere", at("dangling")).expect("link");
        let content = |text: &str| Expected::Content(Digest::of(text.as_bytes()));
        let many = (0..450).map(|number| (at(&format!("none{number}")), content("x"), Finding::Missing));
        let expected = [
            (at("same"), content("same"), Finding::Equal),
            (at("with space"), content("with space"), Finding::Equal),
            (at("link"), content("same"), Finding::Equal),
            (at("other"), content("same"), Finding::Differs),
            (at("back\\slash"), content("x"), Finding::Missing),
            (at("gone"), Expected::Absent, Finding::Equal),
            (at("dangling"), Expected::Absent, Finding::Differs),
            (directory.path().to_owned(), content("x"), Finding::Missing),
        ];
        let expected: Vec<_> = expected.into_iter().chain(many).collect();
        let paths = expected.iter().map(|(path, want, _)| (path.clone(), *want)).collect();
        for shell in ["/bin/sh", "/bin/bash"] {
            if !Path::new(shell).exists() {
                continue; // bash is not everywhere; /bin/sh is what the action names.
            }
            let answer = run(shell, &paths, None).expect("an answer");
            for (path, _, finding) in &expected {
                assert_eq!(answer.findings.get(path), Some(finding), "{shell} {}", path.display());
            }
            let Surroundings { pwd, directory } = &answer.surroundings;
            assert!(pwd == PWD && directory.starts_with('/'), "{shell} {pwd} {directory}");
        }
    }

    #[test]
    fn without_a_hashing_tool_nothing_is_equal() {
        let paths = BTreeMap::from([(PathBuf::from("/bin/sh"), Expected::Content(Digest::of(b"x")))]);
        let answer = run("/bin/sh", &paths, Some("/nowhere")).expect("an answer");
        assert_eq!(answer.findings[Path::new("/bin/sh")], Finding::Missing);
    }

    #[test]
    fn no_two_questions_are_the_same_action_and_none_may_be_cached() {
        let paths = BTreeMap::new();
        let [one, two] = ["1", "2"].map(|nonce| Question::new(&paths, &[], nonce));
        assert_ne!(one.action, two.action);
        let action = reapi::Action::decode(&*one.blobs.last().expect("the Action").1).expect("an Action");
        assert!(action.do_not_cache);
    }
}
