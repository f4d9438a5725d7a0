//! Who gets in, and what is refused.

use super::{Authority, Server, command, write_tokens};
use crate::tools::missing;
use rewrap::config::Endpoint;
use rewrap::remote::{Connections, Policy, Remote, RequestMetadata};
use rustix::process::Signal;
use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Handle;

fn endpoint(address: &str) -> Endpoint {
    Endpoint {
        address: address.to_owned(),
        headers: Vec::new(),
        tls_certificate: None,
        tls_client: None,
    }
}

fn with_token(endpoint: Endpoint, token: &str) -> Endpoint {
    Endpoint {
        headers: vec![("authorization".to_owned(), format!("Bearer {token}"))],
        ..endpoint
    }
}

/// "served", or the error.
async fn ask(endpoint: &Endpoint) -> String {
    let policy = Policy {
        retries: 0,
        max_delay: Duration::from_millis(2),
        call_timeout: Duration::from_secs(20),
    };
    let connections = Connections::new(Handle::current(), std::env::temp_dir());
    let instance = connections.instance(endpoint, "").unwrap();
    let remote = Remote::new(instance, policy, RequestMetadata::default());
    match remote.capabilities().await {
        Ok(_) => "served".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[track_caller]
fn refused(text: &str, part: &str) {
    assert!(text.contains(part), "{text:?} does not say {part:?}");
}

/// What the program says instead of starting; the log before it is not the point.
fn said(dir: &Path, options: &[&str]) -> String {
    let output = command(dir, options).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    let text = text
        .split_inclusive('\n')
        .skip_while(|line| !line.starts_with("rewrap:"));
    let text = text.collect::<String>().replace(&*dir.to_string_lossy(), "/S");
    format!("exit {}\n{text}", output.status.code().unwrap())
}

fn file(dir: &Path, name: &str, text: &str, mode: u32) -> String {
    let path = dir.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn what_cannot_be_is_explained() {
    let dir = tempfile::tempdir().unwrap();
    let shown = |options: &[&str]| said(dir.path(), options);
    insta::assert_snapshot!(shown(&["--listen", "localhost:1"]), @r"
    exit 2
    rewrap: error: cannot understand the command line
      caused by: invalid value 'localhost:1' for '--listen <ADDRESS>': not an IP address and port as in `127.0.0.1:8980` or `[::1]:8980`, nor `unix:/path`; port 0 picks one
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(shown(&["--listen", "0.0.0.0:0"]), @r"
    exit 2
    rewrap: error: cannot listen at 0.0.0.0:0 without TLS: it is not loopback, and an open server runs anybody's programs
      hint: give --tls-certificate and --tls-key, and --tls-client-ca or --tokens
      hint: or listen at 127.0.0.1, which only users of this machine reach
    ");
    insta::assert_snapshot!(shown(&["--listen", "[::]:0", "--tls-certificate", "a", "--tls-key", "b"]), @r"
    exit 2
    rewrap: error: cannot listen at [::]:0 for everybody: it is not loopback, and an open server runs anybody's programs
      hint: give --tls-client-ca to admit by certificate, or --tokens to admit by token
    ");
    insta::assert_snapshot!(shown(&["--tokens", "a"]), @r"
    exit 2
    rewrap: error: cannot understand the command line
      caused by: missing: --tls-key <FILE>, --tls-certificate <FILE>
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(shown(&["--tls-certificate", "a"]), @r"
    exit 2
    rewrap: error: cannot understand the command line
      caused by: missing: --tls-key <FILE>
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(shown(&["--timeout", "2h", "--max-timeout", "1h"]), @r"
    exit 2
    rewrap: error: cannot use --timeout 2h: it is longer than --max-timeout 1h
    ");
    insta::assert_snapshot!(shown(&["--size", "ten"]), @r"
    exit 2
    rewrap: error: cannot understand the command line
      caused by: invalid value 'ten' for '--size <SIZE>': not a size; write bytes, or a unit as in `500M` or `10G`
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    insta::assert_snapshot!(shown(&["--slots", "0"]), @r"
    exit 2
    rewrap: error: cannot understand the command line
      caused by: invalid value '0' for '--slots <NUMBER>': 0 is not in 1..=65535
      hint: `rewrap --help` and `rewrap COMMAND --help` show what there is
    ");
    let not_a_socket = format!("unix:{}", file(dir.path(), "file", "", 0o600));
    insta::assert_snapshot!(shown(&["--listen", &not_a_socket]), @r"
    exit 1
    rewrap: error: cannot listen at `/S/file`: it is not a socket
      hint: remove it, or listen elsewhere
    ");
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let Some(authority) = Authority::new() else { return };
    let dir = tempfile::tempdir().unwrap();
    let ([certificate, key], [_, other]) = (authority.sign("server"), authority.sign("other"));
    let tls = |key: &str, more: &[&str]| {
        let options = [
            "--listen",
            "127.0.0.1:0",
            "--tls-certificate",
            &certificate,
            "--tls-key",
            key,
        ];
        said(dir.path(), &[&options, more].concat()).replace(&authority.path(""), "/A/")
    };
    let tokens = |text: &str, mode: u32| file(dir.path(), "tokens", text, mode);
    insta::assert_snapshot!(tls(&other, &[]), @r"
    exit 1
    rewrap: error: cannot use the certificate `/A/server.pem` with the key `/A/other.key`
      caused by: keys may not be consistent: KeyMismatch
    ");
    insta::assert_snapshot!(tls(&certificate, &[]), @r"
    exit 1
    rewrap: error: cannot find a private key in PEM in `/A/server.pem`
    ");
    insta::assert_snapshot!(tls(&key, &["--tls-client-ca", "/nonexistent"]), @r"
    exit 1
    rewrap: error: cannot read `/nonexistent`
      caused by: No such file or directory (os error 2)
    ");
    insta::assert_snapshot!(tls(&key, &["--tokens", &tokens("open sesame", 0o600)]), @r"
    exit 1
    rewrap: error: cannot understand /S/tokens:1: not a name and a SHA-256 in hexadecimal
      hint: `printf %s TOKEN | sha256sum` prints the SHA-256 of a token
    ");
    insta::assert_snapshot!(tls(&key, &["--tokens", &tokens("", 0o666)]), @r"
    exit 1
    rewrap: error: cannot trust the tokens in `/S/tokens`: others than its owner may write it (`chmod go-w` helps)
    ");
}

#[test]
fn a_directory_has_one_server() {
    let dir = tempfile::tempdir().unwrap();
    let options = ["--listen", "127.0.0.1:0"];
    let mut server = Server::start(dir.path(), &options);
    let output = command(dir.path(), &options).output().unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    refused(&text, &format!("another server does (pid {})", server.process.id()));
    // Whatever becomes of a server, its directory is free again.
    server.signal(Signal::KILL);
    server.ended();
    Server::start(dir.path(), &options).stop();
}

#[tokio::test]
async fn the_same_user_is_served_and_others_are_not() {
    let dir = tempfile::tempdir().unwrap();
    let socket = dir.path().join("run/socket");
    let socket = format!("unix:{}", socket.display());
    let listen = ["--listen", "127.0.0.1:0", "--listen", &socket];
    let server = Server::start(dir.path(), &listen);
    for address in &server.addresses {
        assert_eq!(ask(&endpoint(address)).await, "served", "{}", server.log());
    }
    // A token on its way can be read; where it is not needed it was sent by mistake.
    refused(&ask(&with_token(endpoint(server.address()), "x")).await, "without TLS");
    server.stop();
    if !rustix::process::geteuid().is_root() {
        missing("root");
        return;
    }
    // The other user is the server's: that needs no client that can become somebody else.
    let strange = tempfile::tempdir().unwrap();
    fs::set_permissions(strange.path(), Permissions::from_mode(0o777)).unwrap();
    for (allowed, expected) in [(&[][..], "does not serve uid 0"), (&["--allow-uid", "0"], "served")] {
        let dir = strange.path().join(allowed.len().to_string());
        fs::create_dir(&dir).unwrap();
        std::os::unix::fs::chown(&dir, Some(65534), Some(65534)).unwrap();
        let socket = format!("unix:{}/run/socket", dir.display());
        let options = [&["--listen", "127.0.0.1:0", "--listen", &socket][..], allowed].concat();
        let mut program = command(&dir, &options);
        program.uid(65534).gid(65534);
        let server = Server::of_command(program, &dir, &options);
        for address in &server.addresses {
            refused(&ask(&endpoint(address)).await, expected);
        }
        server.stop();
    }
}

#[test]
fn a_unix_socket_is_the_owners_and_goes_with_the_server() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("run/socket");
    let server = Server::start(dir.path(), &["--listen", &format!("unix:{}", path.display())]);
    let mode = |path: &Path| fs::symlink_metadata(path).unwrap().mode() & 0o7777;
    assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o700, 0o700));
    assert_eq!(mode(&dir.path().join("server")), 0o700);
    server.stop();
    assert_eq!(fs::read_dir(path.parent().unwrap()).unwrap().count(), 0);
}

#[tokio::test]
async fn through_tls_a_certificate_or_a_token_is_needed() {
    let (Some(ours), Some(other)) = (Authority::new(), Authority::new()) else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let tokens = dir.path().join("tokens");
    write_tokens(&tokens, &[("ali", "open sesame"), ("baba", "wheat")]);
    let [certificate, key] = ours.sign("server");
    let options = |more: &[&str]| {
        let tls = [
            "--listen",
            "0.0.0.0:0",
            "--tls-certificate",
            &certificate,
            "--tls-key",
            &key,
        ];
        [&tls, more].concat().into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    let start = |more: &[&str]| {
        let options = options(more);
        let options: Vec<_> = options.iter().map(String::as_str).collect();
        Server::start(dir.path(), &options)
    };
    let of = |server: &Server| {
        let port = server.address().rsplit_once(':').unwrap().1.to_owned();
        assert!(server.address().starts_with("grpcs://0.0.0.0:"), "{}", server.address());
        Endpoint {
            tls_certificate: Some(ours.path("ca.pem").into()),
            ..endpoint(&format!("grpcs://127.0.0.1:{port}"))
        }
    };
    let certified = |endpoint: &Endpoint, authority: &Authority| {
        let [certificate, key] = authority.sign("client").map(PathBuf::from);
        Endpoint {
            tls_client: Some((certificate, key)),
            ..endpoint.clone()
        }
    };
    let tokens_option = tokens.to_str().unwrap();
    let ca = ours.path("ca.pem");

    let server = start(&["--tokens", tokens_option]);
    let nobody = of(&server);
    refused(&ask(&nobody).await, "needs the header `authorization: Bearer TOKEN`");
    refused(
        &ask(&with_token(nobody.clone(), "barley")).await,
        "does not know that token",
    );
    assert_eq!(ask(&with_token(nobody.clone(), "open sesame")).await, "served");
    // Without a restart.
    write_tokens(&tokens, &[("baba", "wheat")]);
    refused(
        &ask(&with_token(nobody.clone(), "open sesame")).await,
        "does not know that token",
    );
    assert_eq!(ask(&with_token(nobody, "wheat")).await, "served");
    server.stop();

    let server = start(&["--tls-client-ca", &ca]);
    let nobody = of(&server);
    refused(&ask(&nobody).await, "cannot reach");
    refused(&ask(&with_token(nobody.clone(), "wheat")).await, "cannot reach");
    refused(&ask(&certified(&nobody, &other)).await, "cannot reach");
    assert_eq!(ask(&certified(&nobody, &ours)).await, "served");
    server.stop();

    let server = start(&["--tls-client-ca", &ca, "--tokens", tokens_option]);
    let nobody = of(&server);
    refused(&ask(&nobody).await, "authorization");
    assert_eq!(ask(&with_token(nobody.clone(), "wheat")).await, "served");
    assert_eq!(ask(&certified(&nobody, &ours)).await, "served");
    refused(&ask(&certified(&nobody, &other)).await, "cannot reach");
    let plain = nobody.address.replace("grpcs", "grpc");
    refused(&ask(&with_token(endpoint(&plain), "wheat")).await, "cannot reach");
    server.stop();
}

#[tokio::test]
async fn a_connection_that_is_no_connection_harms_nobody() {
    let dir = tempfile::tempdir().unwrap();
    let server = Server::start(dir.path(), &["--listen", "127.0.0.1:0"]);
    let at = server.address().strip_prefix("grpc://").unwrap().to_owned();
    let silent = TcpStream::connect(&at).unwrap();
    let check = |bytes: &[u8]| {
        let mut stream = TcpStream::connect(&at).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        stream.write_all(bytes).unwrap();
        let mut answer = Vec::new();
        // A reset is an end as well.
        match stream.read_to_end(&mut answer) {
            Ok(_) => {}
            Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset, "{bytes:?}"),
        }
    };
    check(b"GET / HTTP/1.1\r\n\r\n");
    check(&[0xff; 100]);
    // A header block of 64 KiB that goes on for ever.
    let mut flood = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    flood.extend([0, 0x40, 0, 1, 0, 0, 0, 0, 1]);
    flood.extend([0; 0x4000]);
    for _ in 0..64 {
        flood.extend([0, 0x40, 0, 9, 0, 0, 0, 0, 1]);
        flood.extend([0; 0x4000]);
    }
    let mut stream = TcpStream::connect(&at).unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    // It may have been broken off before everything was sent.
    stream.write_all(&flood).ok();
    let mut answer = Vec::new();
    match stream.read_to_end(&mut answer) {
        Ok(_) => {}
        Err(error) => assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset),
    }
    assert_eq!(ask(&endpoint(server.address())).await, "served", "{}", server.log());
    drop(silent);
    assert!(!server.log().contains("panic"), "{}", server.log());
    server.stop();
}
