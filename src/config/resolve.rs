//! Layers → one [`Config`]. Pure: what depends on the machine comes in as [`Machine`].

use super::error::ConfigError;
use super::layers::{Given, Layers, without_dots};
use super::locate::IgnoredFile;
use super::origin::Origin;
use super::settings::{self, Fallback, Kind, Setting};
use super::{Config, Endpoint, PathsMode, ProgressMode, Strategy, endpoint, value};
use serde::Serialize;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// A configuration, and what a person may want to know about it.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The values.
    pub config: Config,
    /// Who set each setting, by key.
    pub origins: BTreeMap<&'static str, Origin>,
    /// Project files that did not count.
    pub ignored: Vec<IgnoredFile>,
    /// What was not given to a server that only a project's file names.
    pub withheld: Vec<Withheld>,
}

/// A setting that belongs to servers which the user named, and was kept from one that only a project's file names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Withheld {
    /// The setting.
    pub key: &'static str,
    /// The server.
    pub address: String,
    /// Where the server is named.
    pub named_by: Origin,
}

/// What the values depend on besides the layers.
#[derive(Clone, Debug, Default)]
pub struct Machine {
    /// What `~/` means.
    pub home: Option<PathBuf>,
    /// `$XDG_CACHE_HOME/rewrap`, where it is writable.
    pub cache: Option<PathBuf>,
    /// At least 1.
    pub processors: u32,
    /// The directory of the project's file that counts.
    pub project_dir: Option<PathBuf>,
}

/// Works out every setting.
pub fn resolve(layers: &Layers, machine: &Machine) -> Result<Resolved, ConfigError> {
    let mut reader = Reader {
        layers,
        machine,
        origins: BTreeMap::new(),
        withheld: Vec::new(),
    };
    let remote_executor = reader.endpoint("remote_executor")?;
    let remote_cache = match reader.endpoint("remote_cache")? {
        Some(cache) => Some(cache),
        None => remote_executor.clone(),
    };
    let servers = (remote_executor.is_some(), remote_cache.is_some());
    let strategy = reader.strategy("strategy", servers)?.unwrap_or(match servers {
        (true, _) => Strategy::RemoteLocalFallback,
        (false, true) => Strategy::CacheOnly,
        (false, false) => Strategy::Local,
    });
    let disk_cache = reader.path("disk_cache")?.or_else(|| machine.cache.clone());
    let config = Config {
        strategy,
        link_strategy: reader.strategy("link_strategy", servers)?.unwrap_or(strategy),
        archive_strategy: reader.strategy("archive_strategy", servers)?.unwrap_or(Strategy::Local),
        paths: reader.paths_mode()?,
        exec_root: reader.path("exec_root")?,
        project_dir: machine.project_dir.clone(),
        worker_roots: reader.list("worker_roots", |word| absolute(word, machine.home.as_deref()))?,
        state_dir: machine.cache.clone().or_else(|| disk_cache.clone()),
        disk_cache,
        disk_cache_max_size: reader.required("disk_cache_max_size", value::size)?,
        remote_executor,
        remote_cache_compression: reader
            .one("remote_cache_compression", value::switch)?
            .unwrap_or_else(|| is_far(remote_cache.as_ref())),
        remote_cache,
        remote_instance_name: reader.required("remote_instance_name", |text| Ok(text.to_owned()))?,
        remote_timeout: reader.duration("remote_timeout")?,
        remote_retries: reader.count("remote_retries")?,
        remote_retry_max_delay: reader.duration("remote_retry_max_delay")?,
        remote_default_exec_properties: reader.properties()?,
        remote_accept_cached: reader.required("remote_accept_cached", value::switch)?,
        remote_upload_local_results: reader
            .one("remote_upload_local_results", value::switch)?
            .unwrap_or(strategy == Strategy::CacheOnly),
        local_jobs: reader
            .one("local_jobs", |text| value::count(text, 1))?
            .unwrap_or(machine.processors),
        daemon_idle_timeout: reader.duration("daemon_idle_timeout")?,
        progress: reader.progress()?,
    };
    Ok(Resolved {
        config,
        origins: reader.origins,
        ignored: Vec::new(),
        withheld: reader.withheld,
    })
}

struct Reader<'l> {
    layers: &'l Layers,
    machine: &'l Machine,
    origins: BTreeMap<&'static str, Origin>,
    withheld: Vec<Withheld>,
}

impl<'l> Reader<'l> {
    /// What counts for the setting, noting its origin; `None` if the default does.
    fn given(&mut self, key: &'static str) -> Option<&'l Given> {
        let given = self.layers.find(key).filter(|given| !given.is_empty());
        let origin = given.map_or(Origin::Default, |given| given.origin.clone());
        self.origins.insert(key, origin);
        given
    }

    /// A value of one word, `None` if the default counts and is computed.
    fn one<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Result<Option<T>, ConfigError> {
        let setting = row(key);
        if let Some(given) = self.given(key) {
            return match given.words.as_slice() {
                [word] => parse(word)
                    .map(Some)
                    .map_err(|why| bad(setting, word, &given.origin, why)),
                words => Err(bad(
                    setting,
                    &words.join(", "),
                    &given.origin,
                    "more than one value".into(),
                )),
            };
        }
        match setting.fallback {
            Fallback::Text(text) => parse(text)
                .map(Some)
                .map_err(|why| bad(setting, text, &Origin::Default, why)),
            Fallback::Computed(_) => Ok(None),
        }
    }

    /// A value whose default is a text of the table.
    fn required<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Result<T, ConfigError> {
        Ok(self.one(key, parse)?.expect("the table holds a default"))
    }

    fn duration(&mut self, key: &'static str) -> Result<Duration, ConfigError> {
        let may_be_zero = matches!(row(key).kind, Kind::Duration { zero: true });
        self.required(key, |text| match value::duration(text)? {
            Duration::ZERO if !may_be_zero => Err("must be longer than 0".into()),
            duration => Ok(duration),
        })
    }

    fn count(&mut self, key: &'static str) -> Result<u32, ConfigError> {
        let Kind::Count { least } = row(key).kind else {
            unreachable!("`{key}` is a count in the table")
        };
        self.required(key, |text| value::count(text, least))
    }

    fn path(&mut self, key: &'static str) -> Result<Option<PathBuf>, ConfigError> {
        let home = self.machine.home.as_deref();
        self.one(key, |text| absolute(text, home))
    }

    fn list<T>(&mut self, key: &'static str, parse: impl Fn(&str) -> Result<T, String>) -> Result<Vec<T>, ConfigError> {
        let setting = row(key);
        let Some(given) = self.given(key) else {
            let Fallback::Text(text) = setting.fallback else {
                return Ok(Vec::new());
            };
            let words = text
                .split(setting.kind.separator().unwrap_or('\n'))
                .filter(|word| !word.is_empty());
            return words
                .map(|word| parse(word).map_err(|why| bad(setting, word, &Origin::Default, why)))
                .collect();
        };
        let parsed = given
            .words
            .iter()
            .map(|word| parse(word).map_err(|why| bad(setting, word, &given.origin, why)));
        parsed.collect()
    }

    /// Sorted, as the protocol wants platform properties.
    fn properties(&mut self) -> Result<Vec<(String, String)>, ConfigError> {
        let mut properties = self.list("remote_default_exec_properties", value::property)?;
        properties.sort();
        properties.dedup();
        Ok(properties)
    }

    fn paths_mode(&mut self) -> Result<PathsMode, ConfigError> {
        self.required("paths", |text| match text {
            "exact" => Ok(PathsMode::Exact),
            "portable" => Ok(PathsMode::Portable),
            _ => Err(expected("paths")),
        })
    }

    fn progress(&mut self) -> Result<ProgressMode, ConfigError> {
        self.required("progress", |text| match text {
            "auto" => Ok(ProgressMode::Auto),
            "always" => Ok(ProgressMode::Always),
            "never" => Ok(ProgressMode::Never),
            _ => Err(expected("progress")),
        })
    }

    /// One of the settings that say where steps run; `None` where nobody says. `servers`: whether there are an executor
    /// and a cache.
    fn strategy(
        &mut self,
        key: &'static str,
        (executor, cache): (bool, bool),
    ) -> Result<Option<Strategy>, ConfigError> {
        let chosen = self.one(key, |text| match text {
            "local" => Ok(Strategy::Local),
            "remote" => Ok(Strategy::Remote),
            "remote_local_fallback" => Ok(Strategy::RemoteLocalFallback),
            "cache_only" => Ok(Strategy::CacheOnly),
            "racing" => Err("racing is not supported yet".into()),
            _ => Err(expected(key)),
        })?;
        let missing = match chosen {
            Some(Strategy::Remote | Strategy::RemoteLocalFallback) if !executor => Some("remote_executor"),
            Some(Strategy::CacheOnly) if !cache => Some("remote_cache"),
            _ => None,
        };
        match missing {
            Some(needs) => Err(ConfigError::Needs {
                key,
                origin: self.origins[key].clone(),
                needs,
            }),
            None => Ok(chosen),
        }
    }

    /// A server with the credentials that belong to it. They belong to every server that the user names; one that only
    /// a project's file names gets none, or a checkout could send them anywhere.
    fn endpoint(&mut self, key: &'static str) -> Result<Option<Endpoint>, ConfigError> {
        let headers = self.headers()?;
        let tls_client = self.tls_client()?;
        let certificate = self.path("tls_certificate")?;
        let Some(address) = self.one(key, endpoint::normalise)? else {
            return Ok(None);
        };
        let named_by = self.origins[key].clone();
        if named_by.is_trusted() || self.is_named_by_user(&address) {
            let tls_certificate = self.trusted_certificate()?;
            return Ok(Some(Endpoint {
                address,
                headers,
                tls_certificate,
                tls_client,
            }));
        }
        for (key, kept) in [
            ("remote_header", !headers.is_empty()),
            ("tls_client_key", tls_client.is_some()),
        ] {
            if kept {
                self.withheld.push(Withheld {
                    key,
                    address: address.clone(),
                    named_by: named_by.clone(),
                });
            }
        }
        Ok(Some(Endpoint {
            address,
            headers: Vec::new(),
            tls_certificate: certificate,
            tls_client: None,
        }))
    }

    /// The same name given twice is joined with a comma, as in Bazel.
    fn headers(&mut self) -> Result<Vec<(String, String)>, ConfigError> {
        let mut joined: Vec<(String, String)> = Vec::new();
        for (name, value) in self.list("remote_header", value::header)? {
            match joined.iter_mut().find(|(earlier, _)| *earlier == name) {
                Some((_, values)) => *values = format!("{values},{value}"),
                None => joined.push((name, value)),
            }
        }
        Ok(joined)
    }

    fn tls_client(&mut self) -> Result<Option<(PathBuf, PathBuf)>, ConfigError> {
        let needs = |reader: &Self, key: &'static str, needs| {
            let origin = reader.origins[key].clone();
            Err(ConfigError::Needs { key, origin, needs })
        };
        match (self.path("tls_client_certificate")?, self.path("tls_client_key")?) {
            (Some(certificate), Some(key)) => Ok(Some((certificate, key))),
            (None, None) => Ok(None),
            (Some(_), None) => needs(self, "tls_client_certificate", "tls_client_key"),
            (None, Some(_)) => needs(self, "tls_client_key", "tls_client_certificate"),
        }
    }

    /// The authorities for a server of the user's: never those of a project's file, which could vouch for an impostor.
    fn trusted_certificate(&self) -> Result<Option<PathBuf>, ConfigError> {
        let Some(given) = self
            .layers
            .find_trusted("tls_certificate")
            .filter(|given| !given.is_empty())
        else {
            return Ok(None);
        };
        let word = given.words.join("\n");
        let path = absolute(&word, self.machine.home.as_deref());
        path.map(Some)
            .map_err(|why| bad(row("tls_certificate"), &word, &given.origin, why))
    }

    /// Whether the user names this server too, as either kind.
    fn is_named_by_user(&self, address: &str) -> bool {
        self.layers
            .trusted()
            .flat_map(|layer| [layer.get("remote_executor"), layer.get("remote_cache")])
            .flatten()
            .flat_map(|given| &given.words)
            .any(|word| endpoint::normalise(word).is_ok_and(|named| named == address))
    }
}

/// Whether there is a server, and it is not on this machine.
fn is_far(server: Option<&Endpoint>) -> bool {
    server.is_some_and(|server| !endpoint::is_local(&server.address))
}

fn row(key: &str) -> &'static Setting {
    settings::by_key(key).expect("the setting is in the table")
}

fn bad(setting: &Setting, text: &str, origin: &Origin, why: String) -> ConfigError {
    // An address with credentials in it is refused; they shall not be repeated either.
    let hidden = setting.secret || (setting.kind == Kind::Endpoint && text.contains('@'));
    let text = if hidden { "…" } else { text };
    ConfigError::BadValue {
        key: setting.key,
        text: text.to_owned(),
        origin: origin.clone(),
        why,
    }
}

/// "not one of `a`, `b`".
fn expected(key: &str) -> String {
    let Kind::Choice(words) = row(key).kind else {
        unreachable!("`{key}` is a choice in the table")
    };
    format!("not one of `{}`", words.join("`, `"))
}

fn absolute(text: &str, home: Option<&Path>) -> Result<PathBuf, String> {
    let path = match (text.strip_prefix("~/"), home) {
        (Some(below), Some(home)) => home.join(below),
        (Some(_), None) => return Err("HOME is not set".into()),
        (None, _) => PathBuf::from(text),
    };
    if path.is_absolute() {
        Ok(without_dots(&path))
    } else {
        Err("not an absolute path".into())
    }
}
