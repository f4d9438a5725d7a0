//! Typed errors of the library → [`Failure`], with the hints that are true for them.

use crate::config::{ConfigError, FILE_NAME};
use crate::daemon::DaemonError;
use crate::daemon::client::ControlError;
use crate::failure::{Failure, FailureKind};
use crate::host::fs::PathError;
use crate::serve::ServeError;
use crate::serve::tokens::TokensError;
use crate::store::StoreError;
use crate::wire::place::PlaceError;
use std::error::Error;

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        let failure = |what: String| Self::new(FailureKind::Config, what);
        let with_cause = |mut failure: Self, cause: String| {
            failure.causes.push(cause);
            failure
        };
        match error {
            ConfigError::BadValue { key, text, origin, why } => {
                let failure = with_cause(failure(format!("cannot use `{text}` as `{key}`")), why);
                with_cause(failure, format!("set by {origin}"))
            }
            ConfigError::UnknownKey {
                key,
                path,
                line,
                similar,
            } => {
                let what = format!("cannot use `{key}` at {}:{line}", path.display());
                let failure = with_cause(failure(what), "there is no such setting".into());
                match similar {
                    Some(similar) => failure.hint(format!("did you mean `{similar}`?")),
                    None => failure.hint("`rewrap config show` lists all settings"),
                }
            }
            ConfigError::NotForProjects { key, origin, why } => {
                let failure = with_cause(failure(format!("cannot let {origin} set `{key}`")), why.into());
                failure.hint(format!(
                    "set `{key}` in your own ~/.config/rewrap/{FILE_NAME}, or by variable or flag"
                ))
            }
            ConfigError::Syntax { path, line, message } => {
                with_cause(failure(format!("cannot understand {}:{line}", path.display())), message)
            }
            ConfigError::Needs { key, origin, needs } => {
                let failure = failure(format!("cannot use `{key}` without `{needs}`"));
                with_cause(failure, format!("`{key}` is set by {origin}")).hint(format!("set `{needs}` too"))
            }
            ConfigError::Unreadable(error) => Self {
                kind: FailureKind::Config,
                ..host(&*error)
            },
        }
    }
}

impl From<PathError> for Failure {
    fn from(error: PathError) -> Self {
        host(&error)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        host(&error)
    }
}

impl From<PlaceError> for Failure {
    fn from(error: PlaceError) -> Self {
        host(&error)
    }
}

impl From<ControlError> for Failure {
    fn from(error: ControlError) -> Self {
        host(&error)
    }
}

impl From<DaemonError> for Failure {
    fn from(error: DaemonError) -> Self {
        host(&error)
    }
}

impl From<ServeError> for Failure {
    fn from(error: ServeError) -> Self {
        let failure = host(&error);
        let usage = |failure| Self {
            kind: FailureKind::Usage,
            ..failure
        };
        match error {
            ServeError::InUse { .. } => failure.hint("give this server another directory by --dir"),
            ServeError::NeedsTls(_) => usage(failure)
                .hint("give --tls-certificate and --tls-key, and --tls-client-ca or --tokens")
                .hint("or listen at 127.0.0.1, which only users of this machine reach"),
            ServeError::NeedsCredentials(_) => {
                usage(failure).hint("give --tls-client-ca to admit by certificate, or --tokens to admit by token")
            }
            ServeError::StrangeHome(_) | ServeError::NotEmpty(_) => {
                failure.hint("take a directory that does not exist yet, by --dir")
            }
            ServeError::NotASocket(_) => failure.hint("remove it, or listen elsewhere"),
            ServeError::OpenDirectory(_) => {
                failure.hint("take a directory that does not exist yet, or take the right to write away (`chmod go-w`)")
            }
            ServeError::Tokens(TokensError::Malformed { .. }) => {
                failure.hint("`printf %s TOKEN | sha256sum` prints the SHA-256 of a token")
            }
            _ => failure,
        }
    }
}

fn host(error: &dyn Error) -> Failure {
    let failure = Failure::new(FailureKind::Host, error.to_string());
    match error.source() {
        Some(source) => failure.caused_by(source),
        None => failure,
    }
}
