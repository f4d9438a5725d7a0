//! The table of all settings. TOML key, variable, flag, help text and the page `docs/settings.md` follow from a row.
//!
//! Knows names and kinds; what values mean is worked out by [`resolve`](super::resolve).

/// What texts a setting takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// One of these words.
    Choice(&'static [&'static str]),
    /// Any text.
    Text,
    /// An absolute path.
    Path,
    /// Several absolute paths.
    Paths,
    /// Several `Name=Value`, sent as gRPC metadata.
    Headers,
    /// Several `name=value`.
    Properties,
    /// A time span. A bare number means seconds, as in Bazel.
    Duration {
        /// Whether it may be zero.
        zero: bool,
    },
    /// Bytes.
    Size,
    /// `true` or `false`.
    Switch,
    /// A whole number.
    Count {
        /// The smallest one allowed.
        least: u32,
    },
    /// The address of a server.
    Endpoint,
}

impl Kind {
    /// Whether several values may be given.
    pub fn is_list(self) -> bool {
        matches!(self, Self::Paths | Self::Headers | Self::Properties)
    }

    /// What stands between the items of a list in a variable that has no line break.
    pub fn separator(self) -> Option<char> {
        match self {
            Self::Paths => Some(':'),
            Self::Properties => Some(','),
            // A header's value may hold any printable character.
            _ => None,
        }
    }

    /// What a value looks like, for the help text and the reference page.
    pub fn syntax(self) -> String {
        match self {
            Self::Choice(words) => words.join(" | "),
            Self::Text => "text".into(),
            Self::Path => "path".into(),
            Self::Paths => "paths".into(),
            Self::Headers => "Name=Value, several".into(),
            Self::Properties => "name=value, several".into(),
            Self::Duration { .. } => "duration: seconds, or with a unit (`500ms`, `30s`, `5m`, `2h`, `1d`)".into(),
            Self::Size => "size: bytes, or with `K`, `M`, `G`, `T` (powers of 1024)".into(),
            Self::Switch => "true | false".into(),
            Self::Count { .. } => "number".into(),
            Self::Endpoint => "address: `grpcs://host:port`, `grpc://host:port` or `unix:/path`".into(),
        }
    }

    /// The placeholder in the help text.
    pub fn placeholder(self) -> &'static str {
        match self {
            Self::Choice(_) => "WORD",
            Self::Text => "TEXT",
            Self::Path | Self::Paths => "PATH",
            Self::Headers | Self::Properties => "NAME=VALUE",
            Self::Duration { .. } => "TIME",
            Self::Size => "SIZE",
            Self::Switch => "BOOL",
            Self::Count { .. } => "N",
            Self::Endpoint => "ADDRESS",
        }
    }
}

/// What holds where nobody sets a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fallback {
    /// This text, read like a user's.
    Text(&'static str),
    /// What this says.
    Computed(&'static str),
}

/// Whether a project's `rewrap.toml` may set it. Such a file comes with a checkout, so it is trusted less than the
/// user's own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InProject {
    /// It may.
    Allowed,
    /// It may not, because …
    Refused(&'static str),
}

/// The words of the settings that say where steps run.
const STRATEGIES: &[&str] = &["local", "remote", "remote_local_fallback", "cache_only"];

/// The commands that take a setting as a flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taker {
    /// `rewrap build`.
    Build,
    /// `rewrap config show`.
    Config,
    /// `rewrap store …`.
    Store,
}

/// One row.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// The TOML key, and with `--` in front the flag.
    pub key: &'static str,
    /// What texts it takes.
    pub kind: Kind,
    /// What holds otherwise.
    pub fallback: Fallback,
    /// What it is for: sentences.
    pub doc: &'static str,
    /// Whether a project's file may set it.
    pub in_project: InProject,
    /// Its value is never shown.
    pub secret: bool,
    /// The commands that take it as a flag.
    pub takers: &'static [Taker],
}

impl Setting {
    /// `REWRAP_<KEY>`.
    pub fn variable(&self) -> String {
        format!("{PREFIX}{}", self.key.to_ascii_uppercase())
    }
}

/// What every variable of ours begins with.
pub const PREFIX: &str = "REWRAP_";

/// Variables of ours that are no settings: how wrapper, daemon and commands speak with each other, and which real tool
/// a wrapper stands for.
pub const OTHER_VARIABLES: &[&str] = &[
    "REWRAP_AR",
    "REWRAP_BUILD_ID",
    "REWRAP_CC",
    "REWRAP_CXX",
    "REWRAP_DISABLE",
    "REWRAP_INSIDE",
    "REWRAP_LD",
    "REWRAP_LOG",
    "REWRAP_OBJCOPY",
    "REWRAP_RANLIB",
    "REWRAP_STRIP",
];

/// Variables with this beginning belong to tests.
pub const TEST_PREFIX: &str = "REWRAP_TEST_";

const STEPS: &[Taker] = &[Taker::Build, Taker::Config];
const STORE: &[Taker] = &[Taker::Build, Taker::Config, Taker::Store];

const ITS_A_KEY: InProject = InProject::Refused("it is a credential, and a checkout must not choose where yours go");
const ITS_SHARED: InProject = InProject::Refused("the store serves all of a user's projects");

/// The row of a key.
pub fn by_key(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The row of a variable, given without [`PREFIX`]. No allocation: this is asked for every variable of every step.
pub fn by_variable_rest(rest: &[u8]) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| {
        let key = setting.key.as_bytes();
        // The lengths are compared first; then `_` stands for itself and letters for their capitals.
        key.len() == rest.len() && key.iter().zip(rest).all(|(k, r)| k.to_ascii_uppercase() == *r)
    })
}

/// All settings, in the order of the reference page.
pub const SETTINGS: &[Setting] = &[
    Setting {
        key: "strategy",
        kind: Kind::Choice(STRATEGIES),
        fallback: Fallback::Computed(
            "`remote_local_fallback` with `remote_executor`, `cache_only` with `remote_cache` alone, else `local`",
        ),
        doc: "Where steps may run and whose results they may take. `local`: here, with the store on disk as the \
              cache. `remote`: on the executor; when it cannot be reached the step fails. `remote_local_fallback`: on \
              the executor; when it cannot be reached the step runs here. `cache_only`: results come from the remote \
              cache, what is missing runs here.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "link_strategy",
        kind: Kind::Choice(STRATEGIES),
        fallback: Fallback::Computed("what `strategy` is"),
        doc: "The same for links alone.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "archive_strategy",
        kind: Kind::Choice(STRATEGIES),
        fallback: Fallback::Text("local"),
        doc: "The same for `ar`, `ranlib`, `strip`, `objcopy` and `dwp`: they take a few milliseconds here, and a \
              hundred times that elsewhere.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "remote_executor",
        kind: Kind::Endpoint,
        fallback: Fallback::Computed("none"),
        doc: "The Remote Execution server. An address without a scheme means `grpcs`. Empty: none.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "remote_cache",
        kind: Kind::Endpoint,
        fallback: Fallback::Computed("the value of `remote_executor`"),
        doc: "The server that holds action cache and blobs.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "remote_instance_name",
        kind: Kind::Text,
        fallback: Fallback::Text(""),
        doc: "The instance name in every call, where one server serves several instances.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "remote_header",
        kind: Kind::Headers,
        fallback: Fallback::Text(""),
        doc: "Metadata of every call, such as an API key. The same name given twice is joined with a comma. Never \
              sent to a server that only a project's `rewrap.toml` names.",
        in_project: ITS_A_KEY,
        secret: true,
        takers: STEPS,
    },
    Setting {
        key: "tls_certificate",
        kind: Kind::Path,
        fallback: Fallback::Computed("the system's authorities"),
        doc: "PEM file with the authorities that may vouch for a server. One that a project's `rewrap.toml` sets \
              counts only for servers that nobody else names.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "tls_client_certificate",
        kind: Kind::Path,
        fallback: Fallback::Computed("none"),
        doc: "PEM file with our own certificate, for servers that ask for one. Needs `tls_client_key`. Never used \
              with a server that only a project's `rewrap.toml` names.",
        in_project: ITS_A_KEY,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "tls_client_key",
        kind: Kind::Path,
        fallback: Fallback::Computed("none"),
        doc: "PEM file with the key of `tls_client_certificate`.",
        in_project: ITS_A_KEY,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "remote_timeout",
        kind: Kind::Duration { zero: false },
        fallback: Fallback::Text("60s"),
        doc: "How long one call may take. An execution may take longer: it is a call that reports meanwhile.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "remote_retries",
        kind: Kind::Count { least: 0 },
        fallback: Fallback::Text("5"),
        doc: "How often a call that failed for a passing reason is tried again. 0: never.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "remote_retry_max_delay",
        kind: Kind::Duration { zero: true },
        fallback: Fallback::Text("5s"),
        doc: "The longest wait between two tries.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "remote_default_exec_properties",
        kind: Kind::Properties,
        fallback: Fallback::Text(""),
        doc: "Platform properties of every action, by which a server picks a worker. A TOML table will do too.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "remote_accept_cached",
        kind: Kind::Switch,
        fallback: Fallback::Text("true"),
        doc: "Whether results are taken from the remote action cache.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "remote_upload_local_results",
        kind: Kind::Switch,
        fallback: Fallback::Computed("`true` with the strategy `cache_only`, else `false`"),
        doc: "Whether results of steps that ran here are put in the remote cache.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "remote_cache_compression",
        kind: Kind::Switch,
        fallback: Fallback::Computed("`true`, but `false` for a server on this machine"),
        doc: "Whether blobs are compressed (zstd) on their way to and from a remote cache that announces it. On by \
              default, other than in Bazel: a network is slower than zstd's fastest level. A server on this machine \
              (a Unix socket, `localhost`, a loopback address) is not.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "paths",
        kind: Kind::Choice(&["exact", "portable"]),
        fallback: Fallback::Text("exact"),
        doc: "Which paths outputs record. `exact`: byte for byte what the compiler writes at home, so results that \
              name their directory serve only that directory. `portable`: one fixed name stands for the exec root, so \
              every checkout shares them; depfiles and diagnostics still carry your own paths.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "exec_root",
        kind: Kind::Path,
        fallback: Fallback::Computed(
            "the directory of the nearest `rewrap.toml`, else the source directory in the nearest `CMakeCache.txt`, \
             else the git root, else the current directory",
        ),
        doc: "The directory whose files are sent as inputs. In a `rewrap.toml` it may be relative to that file; a \
              project's file may not name a directory outside its own.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "worker_roots",
        kind: Kind::Paths,
        fallback: Fallback::Text("/usr"),
        doc: "Directories outside the exec root that workers have too, such as the compiler's. `/usr/local` and \
              `/usr/src` do not count as part of `/usr`; name them to include them.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "disk_cache",
        kind: Kind::Path,
        fallback: Fallback::Computed("`$XDG_CACHE_HOME/rewrap`, which mostly is `~/.cache/rewrap`"),
        doc: "The directory of the store on this machine.",
        in_project: ITS_SHARED,
        secret: false,
        takers: STORE,
    },
    Setting {
        key: "disk_cache_max_size",
        kind: Kind::Size,
        fallback: Fallback::Text("10G"),
        doc: "How large the store on this machine may grow; what was not used for longest goes first.",
        in_project: ITS_SHARED,
        secret: false,
        takers: STORE,
    },
    Setting {
        key: "local_jobs",
        kind: Kind::Count { least: 1 },
        fallback: Fallback::Computed("the number of processors"),
        doc: "How many steps that could not run remotely run here at once.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "daemon_idle_timeout",
        kind: Kind::Duration { zero: true },
        fallback: Fallback::Text("10m"),
        doc: "How long the daemon stays after the last step.",
        in_project: InProject::Refused("the daemon serves all of a user's projects"),
        secret: false,
        takers: STEPS,
    },
    Setting {
        key: "progress",
        kind: Kind::Choice(&["auto", "always", "never"]),
        fallback: Fallback::Text("auto"),
        doc: "Whether `rewrap build` shows steps while they happen. `auto`: on a terminal beside a silent `make`, \
              which shows nothing itself. `always`: also beside other tools, and as plain lines without a terminal.",
        in_project: InProject::Allowed,
        secret: false,
        takers: STEPS,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_unique_lower_case_and_no_other_variable() {
        for (index, setting) in SETTINGS.iter().enumerate() {
            assert!(
                setting.key.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'),
                "{}",
                setting.key
            );
            assert!(
                SETTINGS[..index].iter().all(|earlier| earlier.key != setting.key),
                "{}",
                setting.key
            );
            assert!(
                !OTHER_VARIABLES.contains(&setting.variable().as_str()),
                "{}",
                setting.key
            );
        }
    }

    #[test]
    fn every_doc_is_made_of_sentences() {
        for setting in SETTINGS {
            assert!(setting.doc.starts_with(char::is_uppercase), "{}", setting.key);
            assert!(setting.doc.ends_with('.'), "{}", setting.key);
            assert!(!setting.doc.contains("  "), "{}", setting.key);
        }
    }

    #[test]
    fn a_variable_is_the_key_in_capitals() {
        assert_eq!(by_variable_rest(b"REMOTE_CACHE").expect("known").key, "remote_cache");
        assert!(by_variable_rest(b"remote_cache").is_none());
        assert!(by_variable_rest(b"REMOTE_CACHE_").is_none());
    }
}
