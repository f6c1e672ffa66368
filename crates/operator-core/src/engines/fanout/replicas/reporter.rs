//! Reports to whoever leads.

use std::{fmt, sync::Arc, time::Duration};

use futures::{Stream, stream};
use replica_protocol::{ReportRequest, replicas_client::ReplicasClient};
use tokio::sync::watch;
use tonic::{Code, Status};

use super::{
    super::{board::Board, refusals::Refusals},
    dial::{Dialling, dial},
    tell::Telling,
};
use crate::{cluster::election::LeaderAddress, decide::clock::Clock};

/// The longest pause before another try, and how long a stream must have lasted to count as a success.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
const SHORTEST_PAUSE: Duration = Duration::from_secs(1);
/// How long a leader may be out of reach until that is worth a warning.
const UNREACHABLE: Duration = Duration::from_secs(30);
/// How long the leader may take to hear that this replica stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// Reports what this replica's receivers have, and what they refused, to whoever leads.
pub struct Reporter<R, I> {
    /// This replica's name in the election.
    pub replica: Arc<str>,
    /// Whose own receivers are reported.
    pub board: Arc<Board<R, I>>,
    /// Of which this replica's own are reported.
    pub refusals: Arc<Refusals<I>>,
    /// The time.
    pub clock: Clock,
}

impl<R, I> Reporter<R, I>
where
    R: Ord + Clone + fmt::Display + Send + Sync + 'static,
    I: Ord + Clone + fmt::Display + Send + Sync + 'static,
{
    /// Reports until `stop` is true or its sender is gone, for as long as another replica is the
    /// [`leader`](crate::cluster::election::Leadership::leader). Dials again after 1 to 10 s where a stream
    /// ends, and at once where another one leads.
    pub async fn run(
        self,
        mut leader: watch::Receiver<Option<LeaderAddress>>,
        dialling: Dialling,
        stop: watch::Receiver<bool>,
    ) {
        let reporting = async {
            loop {
                let present = leader.borrow_and_update().clone();
                let report = async {
                    match present {
                        Some(present) => self.persist(&present, &dialling, &stop).await,
                        None => stopped(&stop).await,
                    }
                };
                tokio::select! {
                    Ok(()) = leader.changed() => {}
                    () = report => return,
                }
            }
        };
        let late = async {
            stopped(&stop).await;
            self.clock.sleep(FAREWELL).await;
        };
        tokio::select! {
            () = reporting => {}
            () = late => {}
        }
    }

    /// Reports to this leader, again and again, until the stop.
    async fn persist(
        &self,
        leader: &LeaderAddress,
        dialling: &Dialling,
        stop: &watch::Receiver<bool>,
    ) {
        let LeaderAddress { identity, address } = leader;
        let (mut failures, mut told) = (0, None);
        let mut since = self.clock.now();
        loop {
            let began = self.clock.now();
            let Err(status) = self.report(leader, dialling, stop).await else {
                // This side has ended it.
                return;
            };
            if self.clock.now().since(began) >= LONGEST_PAUSE {
                (failures, told) = (0, None);
                since = self.clock.now();
            }
            let lasting = self.clock.now().since(since) >= UNREACHABLE;
            let why = (status.code(), status.message().to_owned(), lasting);
            match status.code() {
                _ if told.as_ref() == Some(&why) => {}
                // It may have just begun or ceased to lead: the election will tell.
                Code::Unavailable if !lasting => {
                    tracing::debug!(
                        leader = identity,
                        address,
                        "no report to the leader: {}",
                        why.1
                    );
                }
                code => {
                    tracing::warn!(leader = identity, address, %code, "cannot report to the leader: {}", why.1);
                }
            }
            told = Some(why);
            let pause = self.clock.sleep(pause(failures, fastrand::f64()));
            failures += 1;
            tokio::select! {
                () = pause => {}
                () = stopped(stop) => return,
            }
        }
    }

    /// One stream, until either side ends it.
    async fn report(
        &self,
        leader: &LeaderAddress,
        dialling: &Dialling,
        stop: &watch::Receiver<bool>,
    ) -> Result<(), Status> {
        let channel = dial(&leader.address, dialling).await;
        let channel = channel.map_err(|error| Status::unavailable(explained(&error)))?;
        let reports = self.reports(stop.clone());
        ReplicasClient::new(channel).report(reports).await?;
        Ok(())
    }

    /// What is taken from it is sent: it gets on as fast as the leader hears.
    fn reports(
        &self,
        stop: watch::Receiver<bool>,
    ) -> impl Stream<Item = ReportRequest> + Send + 'static {
        let teller = Teller {
            telling: Telling::open(&self.replica),
            receivers: self.board.own_changes(),
            refused: self.refusals.own_changes(),
            board: self.board.clone(),
            refusals: self.refusals.clone(),
            clock: self.clock.clone(),
            stop,
            compared: false,
        };
        stream::unfold(teller, |mut teller| async {
            Some((teller.next().await?, teller))
        })
    }
}

struct Teller<R, I> {
    telling: Telling<R, I>,
    board: Arc<Board<R, I>>,
    refusals: Arc<Refusals<I>>,
    receivers: watch::Receiver<()>,
    refused: watch::Receiver<()>,
    clock: Clock,
    stop: watch::Receiver<bool>,
    compared: bool,
}

impl<R, I> Teller<R, I>
where
    R: Ord + Clone + fmt::Display,
    I: Ord + Clone + fmt::Display,
{
    /// None once this replica stops.
    async fn next(&mut self) -> Option<ReportRequest> {
        loop {
            if *self.stop.borrow() {
                return None;
            }
            if let Some(message) = self.telling.next() {
                return Some(message);
            }
            if std::mem::replace(&mut self.compared, true) {
                tokio::select! {
                    changed = self.receivers.changed() => changed.ok()?,
                    changed = self.refused.changed() => changed.ok()?,
                    () = stopped(&self.stop) => return None,
                }
            }
            self.receivers.mark_unchanged();
            self.refused.mark_unchanged();
            let (own, refused) = (self.board.own(), self.refusals.own());
            self.telling.compare(own, refused, self.clock.now());
        }
    }
}

async fn stopped(stop: &watch::Receiver<bool>) {
    // An error says that the sender is gone.
    let _ = stop.clone().wait_for(|stop| *stop).await;
}

/// The longest one doubles with each failure. `jitter`, from `[0, 1)`, keeps replicas apart.
fn pause(failures: u32, jitter: f64) -> Duration {
    let longest = SHORTEST_PAUSE.saturating_mul(2_u32.saturating_pow(failures + 1));
    let spread = longest.min(LONGEST_PAUSE) - SHORTEST_PAUSE;
    SHORTEST_PAUSE + spread.mul_f64(jitter)
}

/// With the causes: a channel's error alone says no more than that there was one.
fn explained(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(error.source(), |cause| cause.source());
    causes.fold(error.to_string(), |text, cause| format!("{text}: {cause}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_from_one_second_to_ten_and_are_spread() {
        let seconds = |failures, jitter| pause(failures, jitter).as_secs_f64();
        for failures in [0, 1, 2, 3, 50, u32::MAX - 1] {
            assert_eq!(seconds(failures, 0.0), 1.0);
        }
        let longest = [0, 1, 2, 3, 50].map(|failures| seconds(failures, 0.999_999).round());
        assert_eq!(longest, [2.0, 4.0, 8.0, 10.0, 10.0]);
    }
}
