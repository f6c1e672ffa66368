//! Requests without a pause, and what went wrong with them.

use std::sync::Arc;

use anyhow::Result;
use gateway::{Event, Gateway};
use operator_core::decide::clock::{Clock, Moment};
use tokio::{sync::watch, task::JoinHandle};

use super::http::get;

/// Requests for one path of a gateway, one after the other, until it is asked what came of them.
pub struct Traffic {
    gateway: Arc<Gateway>,
    served: watch::Receiver<usize>,
    stop: watch::Sender<bool>,
    task: JoinHandle<Vec<Miss>>,
}

/// A request that was not answered with 200.
#[derive(Debug)]
struct Miss {
    from: Moment,
    to: Moment,
    #[expect(dead_code, reason = "shown when a test fails")]
    answer: Result<(u16, String), String>,
}

impl Traffic {
    /// Begins; `clock` is the gateway's.
    pub fn of(gateway: &Arc<Gateway>, path: &'static str, clock: &Clock) -> Self {
        let (stop, stopped) = watch::channel(false);
        let (serve, served) = watch::channel(0);
        let (to, clock) = (gateway.clone(), clock.clone());
        let task = tokio::spawn(async move {
            let mut missed = Vec::new();
            while !*stopped.borrow() {
                let from = clock.now();
                match get(&to, path).await {
                    Ok((200, _)) => serve.send_modify(|served| *served += 1),
                    other => missed.push(Miss {
                        from,
                        to: clock.now(),
                        answer: other.map_err(|error| error.to_string()),
                    }),
                }
            }
            missed
        });
        Self {
            gateway: gateway.clone(),
            served,
            stop,
            task,
        }
    }

    /// Waits until another hundred were served.
    pub async fn goes_on(&mut self) -> Result<()> {
        let enough = *self.served.borrow() + 100;
        self.served.wait_for(|served| *served >= enough).await?;
        Ok(())
    }

    /// Stops. Fails if a request was not served at a time at which the gateway was not building its table of
    /// routes anew: a gateway of this kind does that in place, and may miss requests meanwhile.
    pub async fn was_served(self) -> Result<()> {
        self.stop.send_replace(true);
        let missed = self.task.await?;
        let events = self.gateway.events();
        let rebuilding = |miss: &Miss| {
            events.iter().any(|record| match &record.event {
                Event::Processed(update) => {
                    record.at >= miss.from && record.at - update.took <= miss.to
                }
                _ => false,
            })
        };
        let lost: Vec<_> = missed.iter().filter(|miss| !rebuilding(miss)).collect();
        anyhow::ensure!(lost.is_empty(), "requests were lost: {lost:#?}");
        Ok(())
    }
}
