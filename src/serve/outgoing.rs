//! An answer that is a stream: made by a task of its own, a few messages ahead of its client.

use std::time::Duration;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// What a service returns.
pub(super) type Answer<T> = ReceiverStream<Result<T, Status>>;

/// Messages made ahead of the client.
const AHEAD: usize = 2;

/// The end that sends.
pub(super) struct Outgoing<T> {
    messages: mpsc::Sender<Result<T, Status>>,
    /// Room for an error when there is none for anything else.
    last: mpsc::OwnedPermit<Result<T, Status>>,
    stall: Duration,
}

/// Why no more can be sent: the client is gone, or takes nothing.
pub(super) struct Stopped(Option<Status>);

impl<T> Outgoing<T> {
    /// Both ends. A client that takes nothing for as long as `stall` is told so and gets no more.
    pub(super) fn new(stall: Duration) -> (Self, Answer<T>) {
        let (messages, answer) = mpsc::channel(AHEAD + 1);
        let last = messages.clone().try_reserve_owned().expect("a new channel has room");
        let outgoing = Self { messages, last, stall };
        (outgoing, ReceiverStream::new(answer))
    }

    /// Sends the next message when there is room for it.
    pub(super) async fn send(&self, message: T) -> Result<(), Stopped> {
        match tokio::time::timeout(self.stall, self.messages.send(Ok(message))).await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(_)) => Err(Stopped(None)),
            Err(_) => Err(Stopped(Some(Status::deadline_exceeded("the client takes nothing")))),
        }
    }

    /// Ends the stream: well, or with what stopped it.
    pub(super) fn end(self, result: Result<(), Stopped>) {
        if let Err(Stopped(Some(status))) = result {
            self.last.send(Err(status));
        }
    }
}

impl From<Status> for Stopped {
    fn from(status: Status) -> Self {
        Self(Some(status))
    }
}

/// The answer of one message, or of none.
pub(super) fn at_once<T>(message: Option<T>) -> Answer<T> {
    let (messages, answer) = mpsc::channel(1);
    if let Some(message) = message {
        let sent = messages.try_send(Ok(message));
        debug_assert!(sent.is_ok(), "a new channel has room");
    }
    ReceiverStream::new(answer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio_stream::StreamExt as _;

    #[tokio::test]
    async fn a_client_that_takes_nothing_is_told_so() {
        let (outgoing, answer) = Outgoing::new(Duration::from_millis(10));
        let mut result = Ok(());
        for n in 0..3 {
            result = outgoing.send(n).await;
        }
        outgoing.end(result);
        let got: Vec<_> = answer
            .map(|message| message.map_err(|status| status.code()))
            .collect()
            .await;
        assert_eq!(got, [Ok(0), Ok(1), Err(tonic::Code::DeadlineExceeded)]);
    }

    #[tokio::test]
    async fn what_a_client_left_is_not_made() {
        let (outgoing, answer) = Outgoing::new(Duration::from_mins(1));
        drop(answer);
        assert!(matches!(outgoing.send(()).await, Err(Stopped(None))));
    }
}
