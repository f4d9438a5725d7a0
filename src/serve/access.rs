//! Who may speak to the server. An open Execute is code execution, so nobody may by default but the user who runs it.
//!
//! - A Unix socket, or loopback without TLS: the kernel says which user is at the other end; asked once per connection.
//! - TLS: a certificate of one's authority, or a token with each call; on loopback without either, the user again.
//! - Anything else is refused when the server starts.

use super::caller::Caller;
use super::error::ServeError;
use super::options::{ListenAddress, ServeOptions};
use super::tokens::Tokens;
use std::collections::BTreeSet;
use tonic::Status;
use tonic::codegen::http::HeaderMap;
use tonic::codegen::http::header::AUTHORIZATION;

/// How clients of one address are told apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// By the user at the other end. In plain text, so a token that comes along has been exposed.
    User,
    /// The same, with TLS or without a network.
    UserUnseen,
    /// By certificate or token, through TLS.
    Credentials,
}

/// The rule for an address; an error if there is none that is safe.
pub(super) fn rule(address: &ListenAddress, options: &ServeOptions) -> Result<Rule, ServeError> {
    let ListenAddress::Tcp(tcp) = address else {
        return Ok(Rule::UserUnseen);
    };
    let loopback = tcp.ip().to_canonical().is_loopback();
    match &options.tls {
        None if loopback => Ok(Rule::User),
        None => Err(ServeError::NeedsTls(*tcp)),
        Some(tls) if tls.client_ca.is_some() || options.tokens.is_some() => Ok(Rule::Credentials),
        Some(_) if loopback => Ok(Rule::UserUnseen),
        Some(_) => Err(ServeError::NeedsCredentials(*tcp)),
    }
}

/// What is known of a connection's other end.
#[derive(Debug)]
pub(super) enum Peer {
    /// A local user; `None` if the kernel could not say.
    User(Option<u32>),
    /// A client whose certificate has been verified, by its fingerprint.
    Certificate(String),
    /// Somebody, through TLS.
    Unknown,
}

/// What a connection may do.
#[derive(Debug)]
pub(super) enum Gate {
    /// Whatever the server can; a token that comes along is not looked at.
    Open(Caller),
    /// The same, but no call may carry a token.
    OpenInPlain(Caller),
    /// Each call needs a token.
    NeedsToken,
    /// Nothing, for this reason.
    Closed(Status),
}

/// Who may connect.
#[derive(Debug)]
pub(super) struct Access {
    uids: BTreeSet<u32>,
    takes_certificates: bool,
    tokens: Option<Tokens>,
}

impl Access {
    /// The server's own user, those allowed besides, and who has a token.
    pub(super) fn new(options: &ServeOptions, tokens: Option<Tokens>) -> Self {
        let own = rustix::process::geteuid().as_raw();
        Self {
            uids: options.allow_uids.iter().copied().chain([own]).collect(),
            takes_certificates: options.tls.as_ref().is_some_and(|tls| tls.client_ca.is_some()),
            tokens,
        }
    }

    /// Who may connect by this rule, for the log.
    pub(super) fn describe(&self, rule: Rule) -> String {
        if rule == Rule::Credentials {
            let certificate = self.takes_certificates.then_some("a certificate");
            let token = self.tokens.is_some().then_some("a token");
            let ways: Vec<_> = certificate.into_iter().chain(token).collect();
            return format!("clients with {}", ways.join(" or "));
        }
        let uids: Vec<_> = self.uids.iter().map(u32::to_string).collect();
        format!("uid {}", uids.join(", "))
    }

    /// Decides about a connection.
    pub(super) fn gate(&self, rule: Rule, peer: Peer) -> Gate {
        match peer {
            Peer::Certificate(fingerprint) => Gate::Open(Caller(format!("certificate {fingerprint}"))),
            Peer::Unknown => Gate::NeedsToken,
            Peer::User(None) => Gate::Closed(Status::unauthenticated(
                "this server could not find out whose connection this is",
            )),
            Peer::User(Some(uid)) if !self.uids.contains(&uid) => Gate::Closed(Status::permission_denied(format!(
                "this server does not serve uid {uid}; `rewrap serve --allow-uid {uid}` would let it"
            ))),
            Peer::User(Some(uid)) => {
                let caller = Caller(format!("uid {uid}"));
                match rule {
                    Rule::User => Gate::OpenInPlain(caller),
                    Rule::UserUnseen | Rule::Credentials => Gate::Open(caller),
                }
            }
        }
    }

    /// Decides about a call.
    pub(super) fn admit(&self, gate: &Gate, headers: &HeaderMap) -> Result<Caller, Status> {
        match gate {
            Gate::Open(caller) => Ok(caller.clone()),
            Gate::OpenInPlain(caller) => match bearer(headers) {
                None => Ok(caller.clone()),
                Some(_) => Err(Status::unauthenticated(
                    "a token must not be sent without TLS, where others can read it; this address needs none",
                )),
            },
            Gate::NeedsToken => {
                let token = bearer(headers).ok_or_else(|| {
                    Status::unauthenticated("this server needs the header `authorization: Bearer TOKEN`")
                })?;
                let name = self.tokens.as_ref().and_then(|tokens| tokens.name_of(token));
                name.map(|name| Caller(format!("token {name}")))
                    .ok_or_else(|| Status::unauthenticated("this server does not know that token"))
            }
            Gate::Closed(status) => Err(status.clone()),
        }
    }
}

/// The token of `authorization: Bearer TOKEN` (RFC 6750; the scheme's name in any case).
fn bearer(headers: &HeaderMap) -> Option<&[u8]> {
    const SCHEME: &[u8] = b"bearer ";
    let value = headers.get(AUTHORIZATION)?.as_bytes();
    let (scheme, token) = value.split_at_checked(SCHEME.len())?;
    scheme.eq_ignore_ascii_case(SCHEME).then(|| token.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write as _;
    use std::path::PathBuf;
    use tonic::Code;

    fn headers(authorization: Option<&str>) -> HeaderMap {
        let entry = authorization.map(|text| (AUTHORIZATION, text.parse().unwrap()));
        entry.into_iter().collect()
    }

    fn access(allowed: &[u32]) -> (Access, tempfile::NamedTempFile) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        // Of `open sesame`.
        writeln!(
            file,
            "ali 41ef4bb0b23661e66301aac36066912dac037827b4ae63a7b1165a5aa93ed4eb"
        )
        .unwrap();
        let options = ServeOptions {
            allow_uids: allowed.to_vec(),
            ..ServeOptions::new(Vec::new(), PathBuf::new())
        };
        (Access::new(&options, Some(Tokens::open(file.path()).unwrap())), file)
    }

    #[test]
    fn a_call_is_admitted_by_user_certificate_or_token() {
        let own = rustix::process::geteuid().as_raw();
        let (other, allowed) = (own + 1, own + 2);
        let (access, _file) = access(&[allowed]);
        let check = |rule, peer, authorization, expected: Result<String, Code>| {
            let shown = format!("{rule:?} {peer:?} {authorization:?}");
            let admitted = access.admit(&access.gate(rule, peer), &headers(authorization));
            let admitted = admitted.map(|caller| caller.0).map_err(|status| status.code());
            assert_eq!(admitted, expected, "{shown}");
        };
        let user = |uid: u32| Ok(format!("uid {uid}"));
        for rule in [Rule::User, Rule::UserUnseen] {
            check(rule, Peer::User(Some(own)), None, user(own));
            check(rule, Peer::User(Some(allowed)), None, user(allowed));
            check(rule, Peer::User(Some(other)), None, Err(Code::PermissionDenied));
            check(rule, Peer::User(None), None, Err(Code::Unauthenticated));
            check(rule, Peer::User(Some(own)), Some("Basic abc"), user(own));
        }
        let right = Some("Bearer open sesame");
        check(Rule::User, Peer::User(Some(own)), right, Err(Code::Unauthenticated));
        check(Rule::UserUnseen, Peer::User(Some(own)), right, user(own));
        let token = |authorization, expected| check(Rule::Credentials, Peer::Unknown, authorization, expected);
        token(right, Ok("token ali".into()));
        token(Some("bearer  open sesame "), Ok("token ali".into()));
        for wrong in [
            None,
            Some("Bearer"),
            Some("Bearer "),
            Some("Bearer open"),
            Some("Basic open sesame"),
            Some("open sesame"),
        ] {
            token(wrong, Err(Code::Unauthenticated));
        }
        let certificate = || Peer::Certificate("AB".into());
        check(Rule::Credentials, certificate(), None, Ok("certificate AB".into()));
    }
}
