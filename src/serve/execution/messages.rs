//! The Action and the Command, read from the store and held against the protocol. What the machine makes of them is the
//! worker's affair.

use super::refusal::{Refusal, quoted};
use crate::digest::{Digest, Function};
use crate::pb::reapi;
use crate::store::DiskStore;
use std::time::Duration;

/// Bytes of an Action: some digests, a platform and a salt. It is in memory as long as it is remembered.
const MOST_ACTION: u64 = 64 << 10;

/// Bytes of a Command. A link step of a large program has some hundred kilobytes of arguments.
const MOST_COMMAND: u64 = 16 << 20;

/// How long actions may run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Timeouts {
    /// If the Action says nothing.
    pub(super) default: Duration,
    /// At most.
    pub(super) max: Duration,
}

/// A message from the store; `None` if its blob is not there.
pub(super) fn read<M: prost::Message + Default>(
    store: &DiskStore,
    digest: Digest,
    most: u64,
) -> Result<Option<M>, Refusal> {
    if digest.size() > most {
        return Err(Refusal::Invalid(format!(
            "a message of {} bytes is larger than {most}",
            digest.size()
        )));
    }
    let Some(content) = store.read(digest)? else {
        return Ok(None);
    };
    let message = M::decode(content);
    message
        .map(Some)
        .map_err(|error| Refusal::Invalid(format!("blob {digest} is not the message that it should be: {error}")))
}

/// The Action.
pub(super) fn action(store: &DiskStore, digest: Digest) -> Result<reapi::Action, Refusal> {
    read(store, digest, MOST_ACTION)?.ok_or_else(|| Refusal::Missing(vec![digest]))
}

/// The Command; `None` if its blob is not there.
pub(super) fn command(store: &DiskStore, digest: Digest) -> Result<Option<reapi::Command>, Refusal> {
    let command = read(store, digest, MOST_COMMAND)?;
    if let Some(command) = &command {
        check_command(command).map_err(Refusal::Invalid)?;
    }
    Ok(command)
}

/// A digest that must be there, of the function of all the others.
pub(super) fn digest(function: Function, what: &str, wire: Option<&reapi::Digest>) -> Result<Digest, Refusal> {
    let wire = wire.ok_or_else(|| Refusal::Invalid(format!("there is no {what} digest")))?;
    let name = function.to_wire().as_str_name();
    let digest = function.digest_from_wire(wire);
    digest.map_err(|_| Refusal::Invalid(format!("the {what} digest {} is no {name} digest", quoted(&wire.hash))))
}

/// How long the action may run. No timeout and one of nothing leave it to the server.
pub(super) fn timeout(action: &reapi::Action, timeouts: Timeouts) -> Result<Duration, Refusal> {
    let Some(asked) = action.timeout else {
        return Ok(timeouts.default);
    };
    let seconds = u64::try_from(asked.seconds).ok();
    let nanos = u32::try_from(asked.nanos).ok().filter(|nanos| *nanos < 1_000_000_000);
    let (Some(seconds), Some(nanos)) = (seconds, nanos) else {
        return Err(Refusal::Invalid("the timeout is no duration".to_owned()));
    };
    let asked = Duration::new(seconds, nanos);
    if asked > timeouts.max {
        let (asked, max) = (asked.as_secs_f64(), timeouts.max.as_secs_f64());
        return Err(Refusal::Invalid(format!(
            "a timeout of {asked} s is longer than the {max} s of this server"
        )));
    }
    Ok(if asked.is_zero() { timeouts.default } else { asked })
}

fn check_command(command: &reapi::Command) -> Result<(), String> {
    if command.arguments.first().is_none_or(String::is_empty) {
        return Err("the Command names no program".to_owned());
    }
    if command.arguments.iter().any(|argument| argument.contains('\0')) {
        return Err("an argument has a null character".to_owned());
    }
    for variable in &command.environment_variables {
        let name = &variable.name;
        if name.is_empty() || name.contains(['=', '\0']) || variable.value.contains('\0') {
            return Err(format!("there can be no environment variable {}", quoted(name)));
        }
    }
    let directory = &command.working_directory;
    let depth = depth(directory, 0)
        .ok_or_else(|| format!("the working directory {} is not in the input root", quoted(directory)))?;
    #[expect(deprecated, reason = "clients of version 2.0 know no other fields")]
    let outputs = [
        &command.output_files,
        &command.output_directories,
        &command.output_paths,
    ];
    for path in outputs.into_iter().flatten() {
        if self::depth(path, depth).is_none() {
            return Err(format!("the output {} is not in the input root", quoted(path)));
        }
    }
    Ok(())
}

/// How deep a relative path leads, begun at `depth`; `None` if it is absolute, passes the root on the way, or can be
/// no path.
fn depth(path: &str, mut depth: usize) -> Option<usize> {
    if path.starts_with('/') || path.contains('\0') {
        return None;
    }
    for segment in path.split('/') {
        match segment {
            "" | "." => {}
            ".." => depth = depth.checked_sub(1)?,
            _ => depth += 1,
        }
    }
    Some(depth)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_bounded() {
        let timeouts = Timeouts {
            default: Duration::from_mins(1),
            max: Duration::from_mins(5),
        };
        let check = |asked: Option<(i64, i32)>, expected: Option<u64>| {
            let action = reapi::Action {
                timeout: asked.map(|(seconds, nanos)| prost_types::Duration { seconds, nanos }),
                ..Default::default()
            };
            let timeout = timeout(&action, timeouts);
            assert_eq!(timeout.ok(), expected.map(Duration::from_secs), "{asked:?}");
        };
        check(None, Some(60));
        check(Some((0, 0)), Some(60));
        check(Some((7, 0)), Some(7));
        check(Some((300, 0)), Some(300));
        check(Some((300, 1)), None);
        check(Some((-1, 0)), None);
        check(Some((1, -1)), None);
        check(Some((1, 1_000_000_000)), None);
        check(Some((i64::MAX, 999_999_999)), None);
        check(Some((i64::MIN, i32::MIN)), None);
    }

    #[test]
    fn a_command_stays_in_its_input_root() {
        let check = |change: &dyn Fn(&mut reapi::Command), expected: Option<&str>| {
            let mut command = reapi::Command {
                arguments: vec!["cc".to_owned()],
                ..Default::default()
            };
            change(&mut command);
            assert_eq!(check_command(&command).err().as_deref(), expected);
        };
        let outputs = |directory: &'static str, path: &'static str| {
            move |command: &mut reapi::Command| {
                command.working_directory = directory.to_owned();
                command.output_paths.push(path.to_owned());
            }
        };
        check(&|_| {}, None);
        check(&outputs("", "a.o"), None);
        check(&outputs("a/b", "../../c.o"), None);
        check(&outputs("./a//b/", ".././c.o"), None);
        check(&outputs("", ""), None);
        check(
            &outputs("a", "../../c.o"),
            Some("the output `../../c.o` is not in the input root"),
        );
        check(
            &outputs("", "a/../../b/c"),
            Some("the output `a/../../b/c` is not in the input root"),
        );
        check(
            &outputs("", "/etc/passwd"),
            Some("the output `/etc/passwd` is not in the input root"),
        );
        check(
            &outputs("..", "a"),
            Some("the working directory `..` is not in the input root"),
        );
        check(
            &outputs("/tmp", "a"),
            Some("the working directory `/tmp` is not in the input root"),
        );
        #[expect(deprecated, reason = "clients of version 2.0 know no other fields")]
        check(
            &|command| command.output_files.push("../a".to_owned()),
            Some("the output `../a` is not in the input root"),
        );
        #[expect(deprecated, reason = "clients of version 2.0 know no other fields")]
        check(
            &|command| command.output_directories.push("/".to_owned()),
            Some("the output `/` is not in the input root"),
        );
        check(
            &|command| command.arguments.clear(),
            Some("the Command names no program"),
        );
        check(
            &|command| command.arguments[0].clear(),
            Some("the Command names no program"),
        );
        check(
            &|command| command.arguments.push("a\0b".to_owned()),
            Some("an argument has a null character"),
        );
        let variable = |name: &'static str, value: &'static str| {
            move |command: &mut reapi::Command| {
                command.environment_variables.push(reapi::command::EnvironmentVariable {
                    name: name.to_owned(),
                    value: value.to_owned(),
                });
            }
        };
        check(&variable("PATH", "/usr/bin"), None);
        check(&variable("", "x"), Some("there can be no environment variable ``"));
        check(
            &variable("A=B", "x"),
            Some("there can be no environment variable `A=B`"),
        );
        check(&variable("A", "x\0"), Some("there can be no environment variable `A`"));
    }
}
