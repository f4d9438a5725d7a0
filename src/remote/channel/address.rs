//! The forms of an address that Bazel users know.

use super::ChannelError;

/// A parsed `remote_executor` or `remote_cache`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Address {
    shown: String,
    uri: String,
    transport: Transport,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Transport {
    Tcp,
    Tls,
    Unix,
}

impl Address {
    /// `grpc://host[:port]`, `grpcs://host[:port]`, `unix:/path` or `unix:///path`.
    pub(super) fn parse(text: &str) -> Result<Self, ChannelError> {
        if let Some(rest) = text.strip_prefix("unix:") {
            return Self::unix(text, rest);
        }
        let (scheme, rest) = text.split_once("://").unwrap_or(("", text));
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        let host = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let shown = if scheme.is_empty() {
            host.to_owned()
        } else {
            format!("{scheme}://{host}")
        };
        let bad = |reason| ChannelError::Address {
            address: shown.clone(),
            reason,
        };
        let (transport, http) = match scheme {
            "grpc" => (Transport::Tcp, "http"),
            "grpcs" => (Transport::Tls, "https"),
            "http" | "https" => return Err(bad("HTTP caches are not supported, only gRPC")),
            _ => return Err(bad("write `grpc://`, `grpcs://` or `unix:` before it")),
        };
        if host != authority {
            return Err(bad("credentials belong in `remote_header`"));
        }
        if host.is_empty() || host.contains(['/', '?', '#']) {
            return Err(bad("it is no host and port"));
        }
        Ok(Self {
            uri: format!("{http}://{host}"),
            shown,
            transport,
        })
    }

    fn unix(text: &str, rest: &str) -> Result<Self, ChannelError> {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        if !path.starts_with('/') {
            return Err(ChannelError::Address {
                address: text.to_owned(),
                reason: "the path of a socket must be absolute",
            });
        }
        let uri = format!("unix:{path}");
        Ok(Self {
            shown: uri.clone(),
            uri,
            transport: Transport::Unix,
        })
    }

    /// For people; without credentials.
    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// As the gRPC library wants it.
    pub(super) fn uri(&self) -> String {
        self.uri.clone()
    }

    pub(super) fn is_tls(&self) -> bool {
        self.transport == Transport::Tls
    }

    pub(super) fn is_unix(&self) -> bool {
        self.transport == Transport::Unix
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_become_what_the_library_wants() {
        let check = |text: &str, uri: &str| {
            let address = Address::parse(text).expect(text);
            assert_eq!(address.uri(), uri, "{text}");
        };
        check("grpc://localhost:8980", "http://localhost:8980");
        check("grpc://localhost:8980/", "http://localhost:8980");
        check("grpcs://build.example", "https://build.example");
        check("grpcs://[::1]:443", "https://[::1]:443");
        check("unix:/run/x.sock", "unix:/run/x.sock");
        check("unix:///run/x.sock", "unix:/run/x.sock");
    }

    #[test]
    fn what_cannot_be_used_is_refused_without_repeating_credentials() {
        let check = |text: &str, expected: &str| {
            let error = Address::parse(text).expect_err(text).to_string();
            assert_eq!(error, format!("cannot use the address {expected}"));
        };
        check("host:1", "`host:1`: write `grpc://`, `grpcs://` or `unix:` before it");
        check("http://host", "`http://host`: HTTP caches are not supported, only gRPC");
        check(
            "grpc://me:pw@host",
            "`grpc://host`: credentials belong in `remote_header`",
        );
        check("me:pw@host", "`host`: write `grpc://`, `grpcs://` or `unix:` before it");
        check("grpc://", "`grpc://`: it is no host and port");
        check("grpc://host/path", "`grpc://host/path`: it is no host and port");
        check("unix:x.sock", "`unix:x.sock`: the path of a socket must be absolute");
        check(
            "unix://x.sock",
            "`unix://x.sock`: the path of a socket must be absolute",
        );
    }
}
