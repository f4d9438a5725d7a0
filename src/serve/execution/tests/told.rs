//! What is told of operations besides their streams: lists and the log.

use super::*;
use tonic::Code;

#[tokio::test(start_paused = true)]
async fn operations_are_listed_in_pages_to_those_who_began_them() {
    let fixture = Fixture::new(1);
    let by = |caller: Option<&str>, page_token: String, page_size| {
        let mut request = Request::new(ListOperationsRequest {
            page_size,
            page_token,
            ..Default::default()
        });
        if let Some(caller) = caller {
            request.extensions_mut().insert(Caller(caller.to_owned()));
        }
        fixture.service.list_operations(request)
    };
    let mut names = std::collections::BTreeSet::new();
    for at in 0..5 {
        let mut request = Request::new(request(fixture.action(&["/bin/true", &at.to_string()])));
        request.extensions_mut().insert(Caller("ann".to_owned()));
        let mut updates = fixture
            .service
            .execute(request)
            .await
            .expect("an operation")
            .into_inner();
        names.insert(next(&mut updates).await.name);
    }
    let (mut listed, mut token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let page = by(Some("ann"), token, 2).await.expect("a page").into_inner();
        listed.extend(page.operations.into_iter().map(|operation| operation.name));
        token = page.next_page_token;
        pages += 1;
        if token.is_empty() {
            break;
        }
    }
    assert_eq!((&listed, pages), (&names.into_iter().collect(), 3));
    for stranger in [None, Some("bob")] {
        assert!(
            by(stranger, String::new(), 0)
                .await
                .expect("a page")
                .get_ref()
                .operations
                .is_empty()
        );
    }
    assert_eq!(
        fixture.get(&listed[0]).await.expect_err("another's").code(),
        Code::NotFound
    );
    assert_eq!(
        fixture.cancel(&listed[0]).await.expect_err("another's").code(),
        Code::NotFound
    );
}

#[tokio::test(start_paused = true)]
async fn the_log_has_a_line_for_each_operation_and_none_of_the_arguments() {
    #[derive(Clone, Default)]
    struct Lines(Arc<std::sync::Mutex<Vec<u8>>>);
    impl std::io::Write for Lines {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0.lock().expect("no panic").write(bytes)
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let lines = Lines::default();
    let writer = lines.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_ansi(false)
        .with_writer(move || writer.clone());
    let _here = tracing::subscriber::set_default(subscriber.finish());
    let fixture = Fixture::new(1);
    let secret = |_: &mut reapi::Action, command: &mut reapi::Command| {
        command.environment_variables.push(reapi::command::EnvironmentVariable {
            name: "TOKEN".to_owned(),
            value: "hunter2".to_owned(),
        });
    };
    let action = fixture.action_with(&["/opt/bin/tool", "--password=hunter2"], secret);
    for _ in 0..2 {
        let mut asked = Request::new(request(action));
        asked.extensions_mut().insert(Caller("ann".to_owned()));
        end(fixture.service.execute(asked).await.expect("an operation").into_inner()).await;
    }
    fixture.service.tasks.close();
    fixture.service.tasks.wait().await;
    let text = String::from_utf8(lines.0.lock().expect("no panic").clone()).expect("text");
    assert!(!text.contains("hunter2"), "{text}");
    let told: Vec<&str> = text.lines().filter(|line| line.contains("executed")).collect();
    assert_eq!(told.len(), 2, "{text}");
    for (line, from) in told
        .iter()
        .zip(["program=`tool` outcome=Succeeded", "from=\"cache\" queue=0ns"])
    {
        for part in [from, "caller=\"ann\"", "exit=0", &format!("action={action}")] {
            assert!(line.contains(part), "no {part}: {line}");
        }
    }
}
