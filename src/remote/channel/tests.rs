use super::*;

fn endpoint(address: &str) -> Endpoint {
    Endpoint {
        address: address.to_owned(),
        headers: Vec::new(),
        tls_certificate: None,
        tls_client: None,
    }
}

fn connections() -> Connections {
    Connections::new(Handle::current(), std::env::temp_dir())
}

#[tokio::test]
async fn one_endpoint_and_name_is_one_instance() {
    let connections = connections();
    let get = |endpoint: &Endpoint, name| connections.instance(endpoint, name).expect("instance");
    let here = endpoint("grpc://127.0.0.1:1");
    let with_key = Endpoint {
        headers: vec![("key".to_owned(), "1234".to_owned())],
        ..here.clone()
    };
    assert!(Arc::ptr_eq(&get(&here, "a"), &get(&here, "a")));
    assert!(!Arc::ptr_eq(&get(&here, "a"), &get(&here, "b")));
    assert!(!Arc::ptr_eq(&get(&here, "a"), &get(&with_key, "a")));
}

#[tokio::test]
async fn bad_headers_are_named_without_their_values() {
    let check = |name: &str, value: &str, expected: &str| {
        let endpoint = Endpoint {
            headers: vec![(name.to_owned(), value.to_owned())],
            ..endpoint("grpc://h")
        };
        let error = connections().instance(&endpoint, "").err().expect("refused");
        assert_eq!(error.to_string(), expected);
    };
    let text = "cannot send the header `a b` to `grpc://h`: it is no name of a text header";
    check("a b", "secret", text);
    let text = "cannot send the header `x-bin` to `grpc://h`: it is no name of a text header";
    check("x-bin", "secret", text);
    let text = "cannot send the header `x` to `grpc://h`: its value is not printable ASCII";
    check("x", "secret\n", text);
}

#[tokio::test]
async fn a_certificate_that_cannot_be_read_is_named() {
    let endpoint = Endpoint {
        tls_certificate: Some(PathBuf::from("/nowhere/ca.pem")),
        ..endpoint("grpcs://h")
    };
    let error = connections().instance(&endpoint, "").err().expect("refused");
    assert_eq!(error.to_string(), "cannot read `/nowhere/ca.pem`");
}

#[tokio::test]
async fn executions_beyond_what_one_connection_takes_get_another() {
    let connection = Connection::new(&endpoint("grpc://127.0.0.1:1"), Handle::current()).expect("connection");
    let lanes: Vec<_> = (0..=STREAMS_PER_CONNECTION).map(|_| connection.lane()).collect();
    assert_eq!(connection.executions.lock().expect("lock").len(), 2);
    drop(lanes);
    let _again = connection.lane();
    assert_eq!(connection.executions.lock().expect("lock").len(), 2);
}
