//! Bodies with bounds: requests that must not dawdle, answers that are counted until their end.

use super::calls::Call;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use std::future::Future as _;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until};
use tonic::Status;
use tonic::codegen::{Bytes, StdError};

/// How fast a request must come.
#[derive(Clone, Copy, Debug)]
pub(super) enum Pace {
    /// All of it until then.
    Whole(Instant),
    /// Each next part within this time.
    Parts(Duration),
}

/// A request's body that fails with `DEADLINE_EXCEEDED` when the client does not send on.
pub(super) struct PacedBody<B = Incoming> {
    body: B,
    pace: Pace,
    /// Only while there is something to wait for: most requests arrive whole.
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<B> PacedBody<B> {
    pub(super) fn new(body: B, pace: Pace) -> Self {
        Self {
            body,
            pace,
            waiting: None,
        }
    }
}

impl<B> Body for PacedBody<B>
where
    B: Body<Data = Bytes, Error: Into<StdError>> + Unpin,
{
    type Data = Bytes;
    type Error = StdError;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, StdError>>> {
        let this = self.get_mut();
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(cx) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let pace = this.pace;
        let waiting = this.waiting.get_or_insert_with(|| {
            let until = match pace {
                Pace::Whole(until) => until,
                Pace::Parts(time) => Instant::now() + time,
            };
            Box::pin(sleep_until(until))
        });
        waiting.as_mut().poll(cx).map(|()| {
            let late = Status::deadline_exceeded("the rest of the request did not come in time");
            Some(Err(late.into()))
        })
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

/// The body of an answer; the call ends with it.
pub(super) struct CountedBody {
    body: tonic::body::Body,
    /// `None` of a call that was refused.
    _call: Option<Call>,
}

impl CountedBody {
    pub(super) fn new(body: tonic::body::Body, call: Call) -> Self {
        Self {
            body,
            _call: Some(call),
        }
    }

    pub(super) fn refusal(body: tonic::body::Body) -> Self {
        Self { body, _call: None }
    }
}

impl Body for CountedBody {
    type Data = Bytes;
    type Error = Status;

    fn poll_frame(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Status>>> {
        Pin::new(&mut self.get_mut().body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
