//! What `rewrap serve` is told: where to listen, where to keep things, who may connect, how much an action may use.

use super::sandbox::SandboxMode;
use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

/// How a server is to be.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Where clients find it; at least one.
    pub listen: Vec<ListenAddress>,
    /// Holds the store, what running actions need, and a lock; made if it is not there. No other server may use it.
    pub dir: PathBuf,
    /// Bytes that blobs and results may take; 0 means no bound.
    pub size: u64,
    /// Actions at a time.
    pub slots: usize,
    /// Users besides the server's own who may connect through a Unix socket or loopback without TLS.
    pub allow_uids: Vec<u32>,
    /// TLS for all TCP addresses.
    pub tls: Option<TlsFiles>,
    /// The file of tokens, for TLS.
    pub tokens: Option<PathBuf>,
    /// Where `/metrics` is answered, in plain HTTP and to everybody.
    pub metrics: Option<SocketAddr>,
    /// What each action may do.
    pub actions: ActionOptions,
}

impl ServeOptions {
    /// The defaults: an action per processor, 50 GiB, nobody but the server's own user, no TLS.
    pub fn new(listen: Vec<ListenAddress>, dir: PathBuf) -> Self {
        Self {
            listen,
            dir,
            size: 50 << 30,
            slots: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            allow_uids: Vec::new(),
            tls: None,
            tokens: None,
            metrics: None,
            actions: ActionOptions::default(),
        }
    }
}

/// What each action may do and use.
#[derive(Clone, Debug)]
pub struct ActionOptions {
    /// Whether actions are kept away from the machine.
    pub sandbox: SandboxMode,
    /// Directories and files besides the default ones that actions can read.
    pub roots: Vec<PathBuf>,
    /// Platform properties that the server has; an action that asks for another value of such a name is refused.
    pub platform: Vec<(String, String)>,
    /// Bytes of memory of one action; `None` means no bound.
    pub memory: Option<u64>,
    /// Bytes of all outputs of one action together.
    pub output_size: u64,
    /// How long an action may run that does not say so itself.
    pub timeout: Duration,
    /// The longest that an action may ask for.
    pub max_timeout: Duration,
}

impl Default for ActionOptions {
    /// A sandbox if there can be one, 4 GiB of outputs, an hour and at most a day.
    fn default() -> Self {
        Self {
            sandbox: SandboxMode::default(),
            roots: Vec::new(),
            platform: Vec::new(),
            memory: None,
            output_size: 4 << 30,
            timeout: Duration::from_hours(1),
            max_timeout: Duration::from_hours(24),
        }
    }
}

/// Certificates and keys, all in PEM.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// The server's certificate, followed by those between it and the authority.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
    /// Authorities whose certificates admit a client.
    pub client_ca: Option<PathBuf>,
}

/// An address to listen at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ListenAddress {
    /// Port 0 lets the kernel choose.
    Tcp(SocketAddr),
    /// An absolute path.
    Unix(PathBuf),
}

impl FromStr for ListenAddress {
    type Err = String;

    /// `ADDRESS:PORT`, `[ADDRESS]:PORT` or `unix:/PATH`. Not a host name: what it resolves to may change, and whether
    /// TLS is required depends on it.
    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(rest) = text.strip_prefix("unix:") {
            let path = rest.strip_prefix("//").unwrap_or(rest);
            return if path.starts_with('/') && !path.ends_with('/') {
                Ok(Self::Unix(path.into()))
            } else {
                Err("the path of a Unix socket must be absolute, as in `unix:/run/rewrap.sock`".into())
            };
        }
        if text.contains("://") {
            return Err("write an address without a scheme; with --tls-certificate it speaks TLS".into());
        }
        text.parse().map(Self::Tcp).map_err(|_| {
            "not an IP address and port as in `127.0.0.1:8980` or `[::1]:8980`, nor `unix:/path`; port 0 picks one"
                .into()
        })
    }
}

impl fmt::Display for ListenAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Tcp(address) => address.fmt(f),
            Self::Unix(path) => write!(f, "unix:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_numbers_or_paths() {
        #[track_caller]
        fn check(text: &str, shown: Option<&str>) {
            let parsed = text.parse::<ListenAddress>().ok().map(|address| address.to_string());
            assert_eq!(parsed.as_deref(), shown, "{text}");
        }
        check("127.0.0.1:8980", Some("127.0.0.1:8980"));
        check("[::1]:0", Some("[::1]:0"));
        check("0.0.0.0:80", Some("0.0.0.0:80"));
        check("unix:/run/x.sock", Some("unix:/run/x.sock"));
        check("unix:///run/x.sock", Some("unix:/run/x.sock"));
        for bad in [
            "",
            "8980",
            ":8980",
            "localhost:8980",
            "127.0.0.1",
            "127.0.0.1:65536",
            "::1:80",
            "grpc://127.0.0.1:8980",
            "unix:x.sock",
            "unix:",
            "unix:/",
            "unix:/run/",
        ] {
            check(bad, None);
        }
    }
}
