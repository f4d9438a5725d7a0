//! Whose turn it is: as many actions at once as there are slots, lower priorities first, and among equals those that
//! came first.

use crate::serve::metrics::Metrics;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, MutexGuard};
use tokio::sync::oneshot;

/// The queue. Clones are one queue.
#[derive(Clone, Debug)]
pub(super) struct Queue {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    inner: Mutex<Inner>,
    slots: usize,
    metrics: Arc<Metrics>,
}

#[derive(Debug)]
struct Inner {
    /// Slots that nobody has; then nobody waits.
    free: usize,
    next: u64,
    /// The priority of each ticket, whether it waits or not.
    priorities: HashMap<u64, i32>,
    waiting: BTreeMap<(i32, u64), oneshot::Sender<Slot>>,
}

impl Queue {
    /// A queue for this many slots; at least one.
    pub(super) fn new(slots: usize, metrics: Arc<Metrics>) -> Self {
        let slots = slots.max(1);
        let inner = Inner {
            free: slots,
            next: 0,
            priorities: HashMap::new(),
            waiting: BTreeMap::new(),
        };
        metrics.slots(slots, 0);
        let shared = Shared {
            inner: Mutex::new(inner),
            slots,
            metrics,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// A place in the queue, from now on. Lower priorities are served first.
    pub(super) fn ticket(&self, priority: i32) -> Ticket {
        let mut inner = self.lock();
        let number = inner.next;
        inner.next += 1;
        inner.priorities.insert(number, priority);
        Ticket {
            queue: self.clone(),
            number,
        }
    }

    /// How many wait.
    #[cfg(test)]
    pub(super) fn waiting(&self) -> usize {
        self.lock().waiting.len()
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.inner.lock().expect("no panic while locked")
    }

    fn tell(&self, inner: &Inner) {
        self.shared.metrics.queue(inner.waiting.len());
        self.shared
            .metrics
            .slots(self.shared.slots, self.shared.slots - inner.free);
    }
}

/// The right to a place in the queue.
#[derive(Debug)]
pub(super) struct Ticket {
    queue: Queue,
    number: u64,
}

impl Ticket {
    /// Waits for a slot; the time since the ticket was given counts.
    pub(super) async fn slot(&self) -> Slot {
        let turn = {
            let mut inner = self.queue.lock();
            if inner.free > 0 {
                inner.free -= 1;
                self.queue.tell(&inner);
                return Slot {
                    queue: self.queue.clone(),
                };
            }
            let (sender, receiver) = oneshot::channel();
            let priority = inner.priorities[&self.number];
            inner.waiting.insert((priority, self.number), sender);
            self.queue.tell(&inner);
            receiver
        };
        let _place = Place(self);
        turn.await.expect("a place is given up by dropping this future only")
    }

    /// Moves forward to this priority, if it is more urgent than the present one.
    pub(super) fn hurry(&self, priority: i32) {
        let mut inner = self.queue.lock();
        let present = inner.priorities[&self.number];
        if priority >= present {
            return;
        }
        inner.priorities.insert(self.number, priority);
        if let Some(turn) = inner.waiting.remove(&(present, self.number)) {
            inner.waiting.insert((priority, self.number), turn);
        }
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        self.queue.lock().priorities.remove(&self.number);
    }
}

/// Among those who wait; who is dropped does not wait any more.
struct Place<'a>(&'a Ticket);

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let Ticket { queue, number } = self.0;
        let mut inner = queue.lock();
        let priority = inner.priorities[number];
        inner.waiting.remove(&(priority, *number));
        queue.tell(&inner);
    }
}

/// The right to run one action, until it is dropped.
#[derive(Debug)]
pub(super) struct Slot {
    queue: Queue,
}

impl Drop for Slot {
    fn drop(&mut self) {
        let next = {
            let mut inner = self.queue.lock();
            let next = inner.waiting.pop_first();
            if next.is_none() {
                inner.free += 1;
            }
            self.queue.tell(&inner);
            next
        };
        if let Some((_, turn)) = next {
            let queue = self.queue.clone();
            // One who has gone leaves it to the next: the slot comes back and is dropped, without the lock.
            drop(turn.send(Slot { queue }));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Who gets the only slot, in turn; `arrivals` are names with priorities.
    fn order(
        arrivals: &[(&'static str, i32)],
        change: impl FnOnce(&mut Vec<(&'static str, Ticket)>),
    ) -> Vec<&'static str> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .expect("a runtime");
        runtime.block_on(async {
            let queue = Queue::new(1, Arc::default());
            let first = queue.ticket(0).slot().await;
            let mut tickets: Vec<_> = arrivals
                .iter()
                .map(|(name, priority)| (*name, queue.ticket(*priority)))
                .collect();
            let (sender, mut order) = tokio::sync::mpsc::unbounded_channel();
            change(&mut tickets);
            let mut tasks = tokio::task::JoinSet::new();
            for (name, ticket) in tickets {
                let sender = sender.clone();
                tasks.spawn(async move {
                    let _slot = ticket.slot().await;
                    sender.send(name).expect("the test listens");
                });
            }
            while queue.waiting() < tasks.len() {
                tokio::task::yield_now().await;
            }
            drop((first, sender));
            let mut served = Vec::new();
            while let Some(name) = order.recv().await {
                served.push(name);
            }
            assert_eq!(queue.lock().free, 1, "the slot is free again");
            assert!(queue.lock().priorities.is_empty(), "tickets leave nothing behind");
            served
        })
    }

    #[test]
    fn lower_priorities_first_then_in_order_of_arrival() {
        let check = |arrivals: &[(&'static str, i32)], expected: &[&str]| {
            assert_eq!(order(arrivals, |_| {}), expected);
        };
        check(&[("a", 0), ("b", 0), ("c", 0)], &["a", "b", "c"]);
        check(&[("a", 1), ("b", 0), ("c", -1), ("d", 0)], &["c", "b", "d", "a"]);
        check(&[("a", i32::MAX), ("b", i32::MIN)], &["b", "a"]);
    }

    #[test]
    fn who_is_hurried_moves_forward_and_never_back() {
        let hurry = |to: i32| order(&[("a", 0), ("b", 0), ("c", 5)], |tickets| tickets[2].1.hurry(to));
        assert_eq!(hurry(-1), ["c", "a", "b"]);
        assert_eq!(hurry(9), ["a", "b", "c"]);
    }

    #[test]
    fn who_leaves_is_passed_over() {
        assert_eq!(order(&[("a", 0), ("b", 0)], |tickets| drop(tickets.remove(0))), ["b"]);
    }

    #[tokio::test]
    async fn a_slot_that_was_sent_to_one_who_has_gone_goes_to_the_next() {
        let queue = Queue::new(1, Arc::default());
        let held = queue.ticket(0).slot().await;
        let (gone, next) = (queue.ticket(0), queue.ticket(0));
        let mut going = Box::pin(gone.slot());
        let mut waiting = Box::pin(next.slot());
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(going.as_mut().poll(&mut context).is_pending());
        drop(held); // Now `going` has it, without knowing.
        let mut context = std::task::Context::from_waker(std::task::Waker::noop());
        assert!(waiting.as_mut().poll(&mut context).is_pending());
        drop(going);
        let slot = waiting.await;
        let mut leaving = Box::pin(gone.slot());
        assert!(leaving.as_mut().poll(&mut context).is_pending());
        assert_eq!(queue.waiting(), 1);
        drop(leaving);
        assert_eq!(queue.waiting(), 0, "the ticket alone does not wait");
        drop(slot);
        assert_eq!(queue.lock().free, 1);
    }
}
