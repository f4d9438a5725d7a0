//! Connections to servers: addresses, TLS, keepalive, headers. Shared by everything that runs in the daemon.

mod address;

use super::call::Instance;
use crate::config::Endpoint;
use crate::host::file_id::FileId;
use crate::host::fs::{PathContext, PathError};
use address::Address;
use hyper_util::client::legacy::connect::HttpConnector;
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Identity};

/// TCP, TLS and HTTP/2 together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A peer that vanished is noticed by the kernel within a minute, without the server having to agree.
const TCP_KEEPALIVE: Duration = Duration::from_secs(30);
const TCP_KEEPALIVE_INTERVAL: Duration = Duration::from_secs(10);
const TCP_KEEPALIVE_PROBES: u32 = 3;
/// The same for data that nobody acknowledges, for which TCP's own patience is a quarter of an hour.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(30);
/// For proxies that acknowledge and forget. gRPC servers by default close connections of clients that ping a silent
/// stream more often than every five minutes.
const HTTP2_KEEPALIVE: Duration = Duration::from_secs(305);
const HTTP2_KEEPALIVE_TIMEOUT: Duration = Duration::from_secs(20);
/// HTTP/2's own 64 KiB would bound a download to 64 KiB per round trip.
const STREAM_WINDOW: u32 = 2 << 20;
const CONNECTION_WINDOW: u32 = 16 << 20;
/// Execute streams per connection. Servers allow about a hundred streams on one, and a call beyond that waits for an
/// execution to end.
const STREAMS_PER_CONNECTION: usize = 64;
/// A connection that is suspected dead is not replaced again sooner.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(10);

/// Why an endpoint cannot be used as it is set. Texts name headers, never their values.
#[derive(Debug, thiserror::Error)]
pub enum ChannelError {
    /// The address has a form that we do not know.
    #[error("cannot use the address `{address}`: {reason}")]
    Address {
        /// Without what stands before `@`.
        address: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A header that HTTP does not allow.
    #[error("cannot send the header `{name}` to `{address}`: {reason}")]
    Header {
        /// The endpoint.
        address: String,
        /// The header's name.
        name: String,
        /// What is wrong with its name or value.
        reason: &'static str,
    },
    /// A certificate or key that cannot be read.
    #[error(transparent)]
    File(#[from] PathError),
    /// Certificates or keys that make no TLS configuration.
    #[error("cannot set up TLS for `{address}`: {cause}")]
    Tls {
        /// The endpoint.
        address: String,
        /// What the TLS library says.
        cause: String,
    },
}

/// All connections of a process, by endpoint settings: two builds with two servers, or with two credentials for one
/// server, share nothing.
pub struct Connections {
    runtime: Handle,
    spool: PathBuf,
    open: Mutex<HashMap<Endpoint, Open>>,
}

struct Open {
    /// Certificate files as they were when they were read; `None` for one that is not there.
    files: Vec<(PathBuf, Option<FileId>)>,
    connection: Arc<Connection>,
    instances: HashMap<String, Arc<Instance>>,
}

impl Connections {
    /// No connection yet. They will live on `runtime`; large downloads go to unnamed files in the directory `spool`.
    pub fn new(runtime: Handle, spool: PathBuf) -> Self {
        Self {
            runtime,
            spool,
            open: Mutex::default(),
        }
    }

    /// The server of these settings under this instance name. Connects at the first call only. Certificate files are
    /// read again when they change.
    pub fn instance(&self, endpoint: &Endpoint, name: &str) -> Result<Arc<Instance>, ChannelError> {
        let files: Vec<_> = tls_files(endpoint)
            .map(|path| (path.to_owned(), FileId::of(path).ok()))
            .collect();
        let mut open = self.open.lock().expect("no panic while locked");
        if open.get(endpoint).is_none_or(|entry| entry.files != files) {
            let entry = Open {
                files,
                connection: Arc::new(Connection::new(endpoint, self.runtime.clone())?),
                instances: HashMap::new(),
            };
            open.insert(endpoint.clone(), entry);
        }
        let entry = open.get_mut(endpoint).expect("just inserted");
        if let Some(instance) = entry.instances.get(name) {
            return Ok(instance.clone());
        }
        let instance = Arc::new(Instance::new(
            entry.connection.clone(),
            name.to_owned(),
            self.spool.clone(),
        ));
        entry.instances.insert(name.to_owned(), instance.clone());
        Ok(instance)
    }
}

fn tls_files(endpoint: &Endpoint) -> impl Iterator<Item = &Path> {
    let client = endpoint.tls_client.iter().flat_map(|(cert, key)| [cert, key]);
    endpoint.tls_certificate.iter().chain(client).map(PathBuf::as_path)
}

/// One endpoint.
pub(super) struct Connection {
    address: String,
    headers: MetadataMap,
    secrets: Vec<String>,
    dial: Dial,
    runtime: Handle,
    calls: Mutex<Calls>,
    executions: Mutex<Vec<Lane>>,
}

struct Calls {
    channel: Channel,
    since: Instant,
}

/// A connection for Execute streams; counts its users.
#[derive(Clone)]
pub(super) struct Lane {
    pub(super) channel: Channel,
    users: Arc<()>,
}

impl Connection {
    fn new(endpoint: &Endpoint, runtime: Handle) -> Result<Self, ChannelError> {
        let address = Address::parse(&endpoint.address)?;
        let headers = metadata(&endpoint.headers, address.shown())?;
        let dial = Dial::new(&address, endpoint)?;
        let calls = Calls {
            channel: dial.channel(&runtime),
            since: Instant::now(),
        };
        Ok(Self {
            address: address.shown().to_owned(),
            headers,
            secrets: endpoint.headers.iter().map(|(_, value)| value.clone()).collect(),
            dial,
            runtime,
            calls: Mutex::new(calls),
            executions: Mutex::default(),
        })
    }

    /// For people: the address without credentials.
    pub(super) fn address(&self) -> &str {
        &self.address
    }

    /// What every call carries.
    pub(super) fn headers(&self) -> &MetadataMap {
        &self.headers
    }

    /// Texts that no message may repeat.
    pub(super) fn secrets(&self) -> impl Iterator<Item = &str> {
        self.secrets.iter().map(String::as_str)
    }

    /// The connection for calls that are answered soon.
    pub(super) fn channel(&self) -> Channel {
        self.calls.lock().expect("no panic while locked").channel.clone()
    }

    /// A connection with room for one more Execute stream.
    pub(super) fn lane(&self) -> Lane {
        let mut lanes = self.executions.lock().expect("no panic while locked");
        let roomy = lanes
            .iter()
            .find(|lane| Arc::strong_count(&lane.users) <= STREAMS_PER_CONNECTION);
        if let Some(lane) = roomy {
            return lane.clone();
        }
        let lane = Lane {
            channel: self.dial.channel(&self.runtime),
            users: Arc::new(()),
        };
        lanes.push(lane.clone());
        lane
    }

    /// A call got no answer in its time: later ones use a new connection, in case this one leads nowhere.
    pub(super) fn suspect(&self) {
        let mut calls = self.calls.lock().expect("no panic while locked");
        if calls.since.elapsed() >= RENEWAL_INTERVAL {
            calls.channel = self.dial.channel(&self.runtime);
            calls.since = Instant::now();
        }
    }

    pub(super) fn runtime(&self) -> &Handle {
        &self.runtime
    }
}

/// How to make a new connection.
struct Dial {
    endpoint: tonic::transport::Endpoint,
    tcp: Option<HttpConnector>,
}

impl Dial {
    fn new(address: &Address, settings: &Endpoint) -> Result<Self, ChannelError> {
        let tls_error = |error: &tonic::transport::Error| ChannelError::Tls {
            address: address.shown().to_owned(),
            cause: chain(error),
        };
        let mut endpoint = tonic::transport::Endpoint::from_shared(address.uri())
            .map_err(|_| ChannelError::Address {
                address: address.shown().to_owned(),
                reason: "it is no host and port",
            })?
            .user_agent(concat!(env!("CARGO_PKG_NAME"), "/", env!("CARGO_PKG_VERSION")))
            .expect("name and version are header text")
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(HTTP2_KEEPALIVE)
            .keep_alive_timeout(HTTP2_KEEPALIVE_TIMEOUT)
            .keep_alive_while_idle(false)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(CONNECTION_WINDOW);
        if address.is_tls() {
            endpoint = endpoint.tls_config(tls(settings)?).map_err(|error| tls_error(&error))?;
        }
        Ok(Self {
            endpoint,
            tcp: (!address.is_unix()).then(tcp),
        })
    }

    fn channel(&self, runtime: &Handle) -> Channel {
        let _inside = runtime.enter();
        match &self.tcp {
            Some(tcp) => self.endpoint.connect_with_connector_lazy(tcp.clone()),
            None => self.endpoint.connect_lazy(),
        }
    }
}

fn tcp() -> HttpConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false); // `https` is ours to wrap.
    tcp.set_nodelay(true);
    tcp.set_keepalive(Some(TCP_KEEPALIVE));
    tcp.set_keepalive_interval(Some(TCP_KEEPALIVE_INTERVAL));
    tcp.set_keepalive_retries(Some(TCP_KEEPALIVE_PROBES));
    tcp.set_tcp_user_timeout(Some(TCP_USER_TIMEOUT));
    tcp.set_connect_timeout(Some(CONNECT_TIMEOUT));
    tcp
}

fn tls(settings: &Endpoint) -> Result<ClientTlsConfig, ChannelError> {
    let read = |path: &PathBuf| std::fs::read(path).at("read", path);
    let mut tls = ClientTlsConfig::new();
    tls = match &settings.tls_certificate {
        Some(path) => tls.ca_certificate(Certificate::from_pem(read(path)?)),
        None => tls.with_native_roots(),
    };
    if let Some((certificate, key)) = &settings.tls_client {
        tls = tls.identity(Identity::from_pem(read(certificate)?, read(key)?));
    }
    Ok(tls)
}

fn metadata(headers: &[(String, String)], address: &str) -> Result<MetadataMap, ChannelError> {
    let mut map = MetadataMap::new();
    for (name, value) in headers {
        let bad = |reason| ChannelError::Header {
            address: address.to_owned(),
            name: name.clone(),
            reason,
        };
        let key = AsciiMetadataKey::from_bytes(name.to_ascii_lowercase().as_bytes())
            .map_err(|_| bad("it is no name of a text header"))?;
        let mut text =
            AsciiMetadataValue::try_from(value.as_str()).map_err(|_| bad("its value is not printable ASCII"))?;
        text.set_sensitive(true);
        map.append(key, text);
    }
    Ok(map)
}

/// An error with everything that it wraps, on one line.
pub(super) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut parts: Vec<String> = Vec::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let text = cause.to_string();
        // Wrappers often repeat what they wrap.
        if parts.last().is_none_or(|last| !last.contains(&text)) {
            parts.push(text);
        }
        next = cause.source();
    }
    parts.join(": ")
}

#[cfg(test)]
mod tests;
