//! Carries what a session decides to its receiver, and the receiver's answers back.

use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, mpsc, watch};

use crate::decide::clock::{Clock, Moment};

/// One receiver's side of the exchange, decided without I/O.
pub trait Session: Send + 'static {
    /// What every receiver must have.
    type Target: Send + Sync + 'static;
    /// What a receiver is sent.
    type Message: Send + 'static;

    /// What to do now that the receiver must have `target`.
    fn next(&mut self, target: &Arc<Self::Target>, now: Moment) -> Next<Self>;
}

/// What a session does next.
#[derive(Debug)]
pub enum Next<S: Session + ?Sized> {
    /// Sends something, and is asked again.
    Send {
        /// What its receiver is sent.
        message: S::Message,
        /// What the receiver has once it has taken it: on the way to a target, that may be something else.
        brings: Arc<S::Target>,
    },
    /// Waits for an answer, another target, or this moment.
    Wait(Moment),
}

/// A session that goes on. Nothing that its receiver does or leaves undone touches another one.
pub struct Exchange<S> {
    session: Mutex<S>,
    told: Notify,
    closed: watch::Sender<bool>,
}

impl<S: Session> Exchange<S> {
    /// The exchange of this session.
    pub fn new(session: S) -> Self {
        Self {
            session: Mutex::new(session),
            told: Notify::new(),
            closed: watch::Sender::new(false),
        }
    }

    /// Tells the session what its receiver said.
    pub fn tell<R>(&self, what: impl FnOnce(&mut S) -> R) -> R {
        let answer = what(&mut self.session.lock());
        self.told.notify_one();
        answer
    }

    /// Looks at the session.
    pub fn look<R>(&self, at: impl FnOnce(&S) -> R) -> R {
        at(&self.session.lock())
    }

    /// Ends the exchange, in order: what is on its way still arrives.
    pub fn close(&self) {
        self.closed.send_replace(true);
    }

    /// Runs the exchange until it is closed, or nobody takes what is `outgoing` any more. `sends` is told of each
    /// message before it leaves, by what the receiver has once it has taken it.
    pub async fn run(
        &self,
        mut target: watch::Receiver<Option<Arc<S::Target>>>,
        outgoing: mpsc::Sender<S::Message>,
        sends: impl Fn(&S::Target),
        clock: &Clock,
    ) {
        let mut closed = self.closed.subscribe();
        let exchange = async {
            loop {
                let wished = target.borrow_and_update().clone();
                let next = match wished {
                    Some(wished) => self.session.lock().next(&wished, clock.now()),
                    None => Next::Wait(Moment::NEVER),
                };
                match next {
                    Next::Send { message, brings } => {
                        sends(&brings);
                        if outgoing.send(message).await.is_err() {
                            return;
                        }
                    }
                    Next::Wait(until) => tokio::select! {
                        () = self.told.notified() => {}
                        changed = target.changed() => if changed.is_err() { return },
                        () = clock.sleep_until(until) => {}
                        () = outgoing.closed() => return,
                    },
                }
            }
        };
        tokio::select! {
            _ = closed.wait_for(|closed| *closed) => {}
            () = exchange => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sends each target once the one before was answered.
    #[derive(Default)]
    struct OneAtATime {
        sent: Option<u32>,
        unanswered: bool,
    }

    impl Session for OneAtATime {
        type Target = u32;
        type Message = u32;

        fn next(&mut self, target: &Arc<u32>, _: Moment) -> Next<Self> {
            if self.unanswered || self.sent == Some(**target) {
                return Next::Wait(Moment::NEVER);
            }
            (self.sent, self.unanswered) = (Some(**target), true);
            let (message, brings) = (**target, target.clone());
            Next::Send { message, brings }
        }
    }

    #[tokio::test]
    async fn what_changes_while_one_is_unanswered_is_sent_once() {
        let targets = watch::Sender::new(None);
        let exchange = Arc::new(Exchange::new(OneAtATime::default()));
        let (sender, mut received) = mpsc::channel(1);
        let (running, target) = (exchange.clone(), targets.subscribe());
        let task = tokio::spawn(async move {
            running.run(target, sender, |_| {}, &Clock::system()).await;
        });
        targets.send_replace(Some(Arc::new(1)));
        assert_eq!(received.recv().await, Some(1));
        for target in 2..=50 {
            targets.send_replace(Some(Arc::new(target)));
            tokio::task::yield_now().await;
        }
        assert!(received.try_recv().is_err(), "the first is unanswered");
        exchange.tell(|session| session.unanswered = false);
        assert_eq!(received.recv().await, Some(50));

        exchange.close();
        assert_eq!(received.recv().await, None);
        task.await.expect("it ends");
    }

    #[tokio::test]
    async fn it_ends_where_the_receiver_went_away() {
        let targets = watch::Sender::new(Some(Arc::new(1)));
        let exchange = Exchange::new(OneAtATime::default());
        let (sender, received) = mpsc::channel(1);
        drop(received);
        exchange
            .run(targets.subscribe(), sender, |_| {}, &Clock::system())
            .await;
    }
}
