//! The page that Prometheus reads, on a listener of its own: plain HTTP, `GET /metrics` and nothing else.

use super::Metrics;
use hyper::body::Incoming;
use hyper::header::{ALLOW, CONTENT_TYPE};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// One reads it every few seconds.
const MOST_CONNECTIONS: usize = 16;

/// For the whole of a connection: it carries one answer.
const PATIENCE: Duration = Duration::from_secs(10);

/// As the text format names itself (OpenMetrics 1.0; `/metrics` of Prometheus is a part of it).
const TEXT: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Serves the page until it is dropped.
pub async fn serve(listener: TcpListener, metrics: Arc<Metrics>) {
    let connections = Arc::new(Semaphore::new(MOST_CONNECTIONS));
    loop {
        let permit = connections.clone().acquire_owned().await.expect("never closed");
        let stream = match listener.accept().await {
            Ok((stream, _)) => stream,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a reader of the metrics");
                // Out of descriptors, most likely: they come back.
                tokio::time::sleep(Duration::from_millis(100)).await;
                continue;
            }
        };
        let metrics = metrics.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let service =
                service_fn(move |request| std::future::ready(Ok::<_, Infallible>(answer(&request, &metrics))));
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .keep_alive(false)
                .serve_connection(TokioIo::new(stream), service);
            match tokio::time::timeout(PATIENCE, connection).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => tracing::debug!(%error, "a reader of the metrics went away"),
                Err(_) => tracing::debug!("a reader of the metrics was too slow"),
            }
        });
    }
}

fn answer(request: &Request<Incoming>, metrics: &Metrics) -> Response<String> {
    let mut response = Response::new(String::new());
    if request.uri().path() != "/metrics" {
        *response.status_mut() = StatusCode::NOT_FOUND;
    } else if !matches!(*request.method(), Method::GET | Method::HEAD) {
        *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
        response
            .headers_mut()
            .insert(ALLOW, "GET, HEAD".parse().expect("a header value"));
    } else {
        let text = metrics.text().expect("writing to a String cannot fail");
        response
            .headers_mut()
            .insert(CONTENT_TYPE, TEXT.parse().expect("a header value"));
        *response.body_mut() = text;
    }
    response
}
