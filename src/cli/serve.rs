//! `rewrap serve`.

use super::print;
use crate::config::value;
use crate::failure::{Failure, FailureKind};
use crate::serve::options::{ActionOptions, ListenAddress, ServeOptions, TlsFiles};
use crate::serve::sandbox::SandboxMode;
use crate::{daemon, serve};
use clap::{Args, ValueEnum};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

const DETAILS: &str = "\
Who may connect:
  Unix socket, loopback   the user who runs the server, and those of --allow-uid
  elsewhere               through TLS: with a certificate (--tls-client-ca) or a token (--tokens)

Examples:
  rewrap serve                                               on 127.0.0.1:8980, for yourself
  REWRAP_REMOTE_EXECUTOR=grpc://127.0.0.1:8980 rewrap build -- make
  rewrap serve --listen unix:/run/user/1000/reapi/socket
  rewrap serve --listen 0.0.0.0:8980 --tls-certificate cert.pem --tls-key key.pem --tokens tokens

A file of tokens has a name and the SHA-256 of a token on each line:
  token=$(openssl rand -hex 32)
  echo \"ci $(printf %s $token | sha256sum | cut -d' ' -f1)\" >>tokens
Clients send it as `authorization: Bearer TOKEN`.";

/// Be a Remote Execution server on this machine: cache, and actions in a sandbox.
///
/// Prints a line per address once clients can connect; the log goes to stderr. SIGTERM and SIGINT let running actions
/// end; a second one does not.
#[derive(Debug, Args)]
#[command(after_help = DETAILS)]
pub(super) struct Arguments {
    /// Where to listen: `127.0.0.1:8980`, `[::1]:0` (the kernel chooses a port), `unix:/path`; may be repeated
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:8980")]
    listen: Vec<ListenAddress>,
    /// Where to keep everything; one server at a time [default: rewrap/serve in the user's cache directory]
    #[arg(long, value_name = "DIRECTORY")]
    dir: Option<PathBuf>,
    /// How much blobs and results may take; what was not used for longest goes first; 0: as much as there is
    #[arg(long, value_name = "SIZE", default_value = "50G", value_parser = value::size)]
    size: u64,
    /// How many actions may run at a time [default: the number of processors]
    #[arg(long, value_name = "NUMBER", value_parser = clap::value_parser!(u16).range(1..))]
    slots: Option<u16>,
    /// Where to answer `/metrics`, in plain HTTP and for everybody who can reach it
    #[arg(long, value_name = "ADDRESS")]
    metrics: Option<SocketAddr>,
    /// What to log
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = LogLevel::Info)]
    log_level: LogLevel,
    #[command(flatten)]
    actions: ActionArguments,
    #[command(flatten)]
    clients: ClientArguments,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Actions")]
struct ActionArguments {
    /// Whether actions see only their inputs and the system's directories, without a network
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = Sandbox::Auto)]
    sandbox: Sandbox,
    /// A directory that actions can read, besides the system's; may be repeated
    #[arg(long, value_name = "PATH")]
    root: Vec<PathBuf>,
    /// A platform property of this server; actions that ask for another value are refused; may be repeated
    #[arg(long, value_name = "NAME=VALUE", value_parser = value::property)]
    platform: Vec<(String, String)>,
    /// How much memory an action may use [default: all there is]
    #[arg(long, value_name = "SIZE", value_parser = value::size)]
    memory: Option<u64>,
    /// How much the outputs of an action may come to
    #[arg(long, value_name = "SIZE", default_value = "4G", value_parser = value::size)]
    output_size: u64,
    /// How long an action may run that sets no limit itself
    #[arg(long, value_name = "TIME", default_value = "1h", value_parser = value::duration)]
    timeout: Duration,
    /// The longest limit that an action may set
    #[arg(long, value_name = "TIME", default_value = "24h", value_parser = value::duration)]
    max_timeout: Duration,
}

#[derive(Debug, Args)]
#[command(next_help_heading = "Clients")]
struct ClientArguments {
    /// Another user of this machine who may connect; may be repeated
    #[arg(long, value_name = "UID")]
    allow_uid: Vec<u32>,
    /// The server's certificate (PEM), with those between it and the authority; all TCP addresses then speak TLS
    #[arg(long, value_name = "FILE", requires = "tls_key")]
    tls_certificate: Option<PathBuf>,
    /// The private key of the certificate (PEM)
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_key: Option<PathBuf>,
    /// Authorities (PEM) whose certificates admit a client
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tls_client_ca: Option<PathBuf>,
    /// Whose tokens admit a client; read again when it changes; nobody but its owner may be able to write it
    #[arg(long, value_name = "FILE", requires = "tls_certificate")]
    tokens: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sandbox {
    /// If this machine allows it; the log says
    Auto,
    /// Always, or the server does not start
    Require,
    /// Never: actions can do what the server's user can
    Off,
}

impl From<Sandbox> for SandboxMode {
    fn from(sandbox: Sandbox) -> Self {
        match sandbox {
            Sandbox::Auto => Self::Auto,
            Sandbox::Require => Self::Require,
            Sandbox::Off => Self::Off,
        }
    }
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum LogLevel {
    Error,
    Warn,
    Info,
    Debug,
    Trace,
}

impl From<LogLevel> for LevelFilter {
    fn from(level: LogLevel) -> Self {
        match level {
            LogLevel::Error => Self::ERROR,
            LogLevel::Warn => Self::WARN,
            LogLevel::Info => Self::INFO,
            LogLevel::Debug => Self::DEBUG,
            LogLevel::Trace => Self::TRACE,
        }
    }
}

pub(super) fn run(arguments: Arguments) -> Result<ExitCode, Failure> {
    let log_level = arguments.log_level;
    let options = options(arguments)?;
    start_log(log_level);
    serve::serve(&options, |addresses| {
        let clients = addresses.clients.iter().map(|address| format!("{address}\n"));
        let metrics = addresses.metrics.iter().map(|address| format!("metrics {address}\n"));
        let lines: String = clients.chain(metrics).collect();
        // The server is of use even if nobody reads where it is.
        if let Err(failure) = print(lines.as_bytes()) {
            tracing::warn!(%failure, "the addresses were not printed");
        }
    })?;
    Ok(ExitCode::SUCCESS)
}

fn options(arguments: Arguments) -> Result<ServeOptions, Failure> {
    let Arguments { actions, clients, .. } = arguments;
    if actions.timeout > actions.max_timeout {
        let text = value::duration_text;
        let what = format!(
            "cannot use --timeout {}: it is longer than --max-timeout {}",
            text(actions.timeout),
            text(actions.max_timeout)
        );
        return Err(Failure::new(FailureKind::Usage, what));
    }
    let Some(dir) = arguments
        .dir
        .or_else(|| Some(daemon::start::state_directory()?.join("serve")))
    else {
        let failure = Failure::new(FailureKind::Usage, "cannot find a directory to keep things in");
        return Err(failure.hint("give it one by --dir, or set HOME or XDG_CACHE_HOME"));
    };
    let tls = clients.tls_certificate.zip(clients.tls_key);
    let defaults = ServeOptions::new(arguments.listen, dir);
    Ok(ServeOptions {
        size: arguments.size,
        slots: arguments.slots.map_or(defaults.slots, usize::from),
        allow_uids: clients.allow_uid,
        tls: tls.map(|(certificate, key)| TlsFiles {
            certificate,
            key,
            client_ca: clients.tls_client_ca,
        }),
        tokens: clients.tokens,
        metrics: arguments.metrics,
        actions: ActionOptions {
            sandbox: actions.sandbox.into(),
            roots: actions.root,
            platform: actions.platform,
            memory: actions.memory,
            output_size: actions.output_size,
            timeout: actions.timeout,
            max_timeout: actions.max_timeout,
        },
        ..defaults
    })
}

/// Logs to stderr, panics too. The libraries below say much that only matters to their authors.
fn start_log(level: LogLevel) {
    let level = LevelFilter::from(level);
    let targets = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target(env!("CARGO_CRATE_NAME"), level);
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_target(false);
    tracing_subscriber::registry().with(lines).with(targets).init();
    std::panic::set_hook(Box::new(|panic| tracing::error!(%panic, "a thread panicked")));
}
