//! Addresses of servers, as users write them → one normal form.

use std::net::IpAddr;

/// `grpc://host:port`, `grpcs://host:port` or `unix:/path` from what a user writes. No scheme means `grpcs`, as in
/// Bazel; no port means 443 for `grpcs` and 80 for `grpc`, as in gRPC's name resolution. The host becomes lower case,
/// since two spellings of one server must not look like two.
pub fn normalise(text: &str) -> Result<String, String> {
    if text.contains('@') {
        return Err("an address cannot hold credentials; use `remote_header`".into());
    }
    if let Some(rest) = text.strip_prefix("unix:") {
        let path = rest.strip_prefix("//").unwrap_or(rest);
        return if path.starts_with('/') && path.len() > 1 {
            Ok(format!("unix:{path}"))
        } else {
            Err("the path of a `unix:` address must be absolute".into())
        };
    }
    let (scheme, rest) = match text.split_once("://") {
        Some((scheme, rest)) => (scheme.to_ascii_lowercase(), rest),
        None => ("grpcs".to_owned(), text),
    };
    let default_port = match scheme.as_str() {
        "grpcs" => 443,
        "grpc" => 80,
        "http" | "https" => {
            return Err("HTTP caches are not supported yet; use a `grpcs`, `grpc` or `unix` address".into());
        }
        _ => return Err(format!("`{scheme}` is not one of the schemes grpcs, grpc, unix")),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.contains(['/', '?', '#']) {
        return Err("a gRPC address has no path; the instance name is the setting `remote_instance_name`".into());
    }
    let (host, port) = split_port(authority)?;
    let port = match port {
        Some(port) => port
            .parse::<u16>()
            .ok()
            .filter(|port| *port > 0)
            .ok_or("the port is not a number from 1 to 65535")?,
        None => default_port,
    };
    Ok(format!("{scheme}://{}:{port}", host.to_ascii_lowercase()))
}

/// Whether an address in normal form is one of this machine, judged by the address alone.
pub fn is_local(address: &str) -> bool {
    let Some((_, authority)) = address.split_once("://") else {
        return true; // A Unix socket.
    };
    let Ok((host, _)) = split_port(authority) else {
        return false;
    };
    let number = host.trim_matches(['[', ']']).parse::<IpAddr>();
    host == "localhost" || number.is_ok_and(|address| address.is_loopback())
}

/// Host (an IPv6 address with its brackets) and port.
fn split_port(authority: &str) -> Result<(&str, Option<&str>), String> {
    let (host, port) = if authority.starts_with('[') {
        let end = authority
            .find(']')
            .ok_or("the bracket of the IPv6 address is not closed")?;
        let (host, rest) = authority.split_at(end + 1);
        match (rest.strip_prefix(':'), rest) {
            (Some(port), _) => (host, Some(port)),
            (None, "") => (host, None),
            (None, _) => return Err("something other than a port follows the IPv6 address".into()),
        }
    } else {
        match authority.split_once(':') {
            Some((_, port)) if port.contains(':') => return Err("write an IPv6 address in brackets".into()),
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        }
    };
    let in_host = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_' | b'[' | b']' | b':');
    if host.is_empty() || host == "[]" || !host.bytes().all(in_host) {
        return Err("not a host name".into());
    }
    Ok((host, port))
}

#[cfg(test)]
mod tests {
    use super::{is_local, normalise};

    #[test]
    fn addresses_of_this_machine_are_known() {
        #[track_caller]
        fn check(text: &str, expected: bool) {
            let address = normalise(text).expect(text);
            assert_eq!(is_local(&address), expected, "{text}");
        }
        for here in [
            "unix:/run/x.sock",
            "grpc://localhost",
            "LocalHost:1",
            "grpc://127.0.0.5:80",
            "[::1]",
        ] {
            check(here, true);
        }
        for elsewhere in [
            "build.example",
            "10.0.0.1",
            "[2001:db8::1]:8980",
            "localhost.example",
            "0.0.0.0",
        ] {
            check(elsewhere, false);
        }
    }

    #[test]
    fn addresses_get_scheme_and_port() {
        #[track_caller]
        fn check(text: &str, expected: &str) {
            assert_eq!(normalise(text).as_deref(), Ok(expected), "{text}");
        }
        check("build.example", "grpcs://build.example:443");
        check("build.example:8980", "grpcs://build.example:8980");
        check("grpcs://Build.Example/", "grpcs://build.example:443");
        check("grpc://localhost:8980", "grpc://localhost:8980");
        check("GRPC://localhost", "grpc://localhost:80");
        check("grpc://[::1]:50051", "grpc://[::1]:50051");
        check("[2001:DB8::1]", "grpcs://[2001:db8::1]:443");
        check("unix:/run/x.sock", "unix:/run/x.sock");
        check("unix:///run/x.sock", "unix:/run/x.sock");
    }

    #[test]
    fn other_addresses_are_refused_with_the_reason() {
        #[track_caller]
        fn check(text: &str, part: &str) {
            let why = normalise(text).expect_err(text);
            assert!(why.contains(part), "{text}: {why}");
        }
        check("http://cache.example", "not supported yet");
        check("https://cache.example/x", "not supported yet");
        check("ftp://x", "`ftp`");
        check("grpc://user:secret@host", "remote_header");
        check("grpc://host/instance", "remote_instance_name");
        check("grpc://host:port", "port");
        check("host:0", "port");
        check("::1", "brackets");
        check("[::1", "closed");
        check("grpc://", "host name");
        check("grpc://a b", "host name");
        check("unix:run/x.sock", "absolute");
    }
}
