//! Who trusts whom: authorities, client certificates, files that change.

use super::*;
use crate::tools::missing;
use std::path::Path;
use std::process::Command;
use tonic::transport::{Certificate, ServerTlsConfig};

/// An authority and what it has signed, made by the `openssl` program.
struct Authority(tempfile::TempDir);

impl Authority {
    /// `None`, said aloud, if the program is not installed and need not be.
    fn new() -> Option<Self> {
        let authority = Self(tempfile::tempdir().expect("a directory"));
        // A name of its own: two authorities of one name would be one with a wrong signature.
        let name = authority.0.path().file_name().expect("a name").to_string_lossy();
        if authority.make("ca", &["-subj", &format!("/CN={name}")]) {
            return Some(authority);
        }
        missing("openssl");
        None
    }

    /// A certificate and its key, signed by the authority.
    fn sign(&self, name: &str) -> (PathBuf, PathBuf) {
        let (ca, key) = (self.path("ca.pem"), self.path("ca.key"));
        let signed_by = ["-CA", ca.to_str().expect("text"), "-CAkey", key.to_str().expect("text")];
        let subject = ["-subj", "/CN=127.0.0.1", "-addext", "subjectAltName=IP:127.0.0.1"];
        let end = ["-addext", "basicConstraints=critical,CA:FALSE"];
        assert!(self.make(name, &[&signed_by[..], &subject, &end].concat()));
        (self.path(&format!("{name}.pem")), self.path(&format!("{name}.key")))
    }

    fn make(&self, name: &str, arguments: &[&str]) -> bool {
        let output = Command::new("openssl")
            .args([
                "req",
                "-x509",
                "-newkey",
                "ec",
                "-pkeyopt",
                "ec_paramgen_curve:P-256",
                "-nodes",
            ])
            .arg("-keyout")
            .arg(self.path(&format!("{name}.key")))
            .arg("-out")
            .arg(self.path(&format!("{name}.pem")))
            .args(arguments)
            .output();
        output.is_ok_and(|output| output.status.success())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn server(&self, asks_clients: bool) -> FakeReapi {
        let (certificate, key) = self.sign("server");
        let mut tls =
            ServerTlsConfig::new().identity(tonic::transport::Identity::from_pem(read(&certificate), read(&key)));
        if asks_clients {
            tls = tls.client_ca_root(Certificate::from_pem(read(&self.path("ca.pem"))));
        }
        FakeReapi::start_tls(Habits::default(), tls)
    }
}

fn read(path: &Path) -> Vec<u8> {
    std::fs::read(path).expect("a file")
}

/// "connected", or the error.
async fn connect(endpoint: &Endpoint) -> String {
    let hasty = Policy { retries: 0, ..POLICY };
    match client_of(endpoint, hasty).capabilities().await {
        Ok(_) => "connected".to_owned(),
        Err(error) => error.to_string(),
    }
}

#[tokio::test]
async fn a_server_is_trusted_by_its_authority_only() {
    let (Some(ours), Some(other)) = (Authority::new(), Authority::new()) else {
        return;
    };
    let server = ours.server(false);
    let with = |tls_certificate| Endpoint {
        tls_certificate,
        ..server.endpoint()
    };
    assert_eq!(connect(&with(Some(ours.path("ca.pem")))).await, "connected");
    let unknown = |text: String| assert!(text.contains("invalid peer certificate: UnknownIssuer"), "{text}");
    unknown(connect(&with(Some(other.path("ca.pem")))).await);
    let plain = Endpoint {
        address: format!("grpc://127.0.0.1:{}", server.port()),
        ..server.endpoint()
    };
    let text = connect(&plain).await;
    assert!(text.starts_with("cannot reach `grpc://127.0.0.1:"), "{text}");
}

#[tokio::test]
async fn a_client_shows_its_certificate_to_a_server_that_asks() {
    let Some(authority) = Authority::new() else { return };
    let server = authority.server(true);
    let with = |tls_client| Endpoint {
        tls_certificate: Some(authority.path("ca.pem")),
        tls_client,
        ..server.endpoint()
    };
    assert_eq!(connect(&with(Some(authority.sign("client")))).await, "connected");
    let text = connect(&with(None)).await;
    // TLS 1.3 tells after the handshake, so that the reason may come too late.
    assert!(text.starts_with("cannot reach `grpcs://127.0.0.1:"), "{text}");
}

#[tokio::test]
async fn a_certificate_that_was_renewed_is_read_again() {
    let Some(authority) = Authority::new() else { return };
    let endpoint = Endpoint {
        address: "grpcs://127.0.0.1:1".to_owned(),
        headers: Vec::new(),
        tls_certificate: Some(authority.path("ca.pem")),
        tls_client: None,
    };
    let connections = Connections::new(Handle::current(), std::env::temp_dir());
    let get = || connections.instance(&endpoint, "").expect("an instance");
    let before = get();
    assert!(std::sync::Arc::ptr_eq(&before, &get()));
    std::fs::rename(authority.sign("next").0, authority.path("ca.pem")).expect("renew");
    assert!(!std::sync::Arc::ptr_eq(&before, &get()));
}
