//! The leader takes other replicas' reports.

use std::{fmt, str::FromStr, sync::Arc};

use replica_protocol::{ReportRequest, ReportResponse, replicas_server};
use rustls::pki_types::ServerName;
use tokio::sync::watch;
use tonic::{Request, Response, Status, Streaming};

use super::{
    super::{
        board::{Board, Reporting},
        refusals::Refusals,
    },
    LONGEST_MESSAGE,
    hear::{Heard, Hearing},
};
use crate::{cluster::election::Leadership, decide::clock::Clock, engines::peer::Peer};

/// Takes other replicas' reports into the board and the refusals of this one while it leads.
pub struct Replicas<R, I> {
    /// Which the reports go to.
    pub board: Arc<Board<R, I>>,
    /// Which the reports go to.
    pub refusals: Arc<Refusals<I>>,
    /// Whether this replica leads.
    pub leadership: Leadership,
    /// What replicas serve as, with a certificate that they all share. Who shows no certificate for one of these
    /// is none of them.
    pub names: Vec<ServerName<'static>>,
    /// The time.
    pub clock: Clock,
    /// Ends every stream when it turns true.
    pub stop: watch::Receiver<bool>,
}

impl<R, I> Replicas<R, I>
where
    R: Ord + Clone + FromStr + Send + Sync + 'static,
    I: Ord + Clone + fmt::Display + FromStr + Send + Sync + 'static,
{
    /// For the routes of a server whose requests hold their [`Peer`] (`process::grpc`).
    pub fn into_server(self: Arc<Self>) -> replicas_server::ReplicasServer<Self> {
        replicas_server::ReplicasServer::from_arc(self).max_decoding_message_size(LONGEST_MESSAGE)
    }

    /// Tells the board of each term of leadership. No report is taken where this does not run. Never ends.
    pub async fn run(&self) {
        let mut terms = self.leadership.watch();
        loop {
            self.follow();
            if terms.borrow_and_update().is_some() {
                let others = self.leadership.is_inherited();
                self.board.leads(others, self.clock.now());
            }
            if terms.changed().await.is_err() {
                // No election goes on any more.
                self.follow();
                return std::future::pending().await;
            }
        }
    }

    fn follow(&self) {
        self.board.follows(self.clock.now());
        self.refusals.forget_reported();
    }

    fn authenticate(&self, peer: Option<&Peer>) -> Result<(), Status> {
        let is_replica = |peer: &Peer| self.names.iter().any(|name| peer.may_serve_as(name));
        match peer {
            Some(peer) if is_replica(peer) => Ok(()),
            peer => {
                let address = peer.map(|peer| peer.address.to_string());
                let names: Vec<_> = self.names.iter().map(ServerName::to_str).collect();
                tracing::warn!(peer = address, "somebody who is no replica wants to report");
                Err(Status::permission_denied(format!(
                    "only replicas report here: they show a certificate for servers that is for one of {}",
                    names.join(", ")
                )))
            }
        }
    }

    /// Takes the reports of one stream until the other side ends it.
    async fn listen(&self, mut stream: Streaming<ReportRequest>) -> Result<(), Status> {
        let first = next(&mut stream).await?;
        let (replica, mut hearing) = Hearing::open(first)?;
        let reporting = self.board.reports(replica, self.clock.now());
        let reporting = reporting.ok_or_else(not_leading)?;
        tracing::info!(replica = %reporting.replica(), "another replica reports");
        let taken = Taken {
            replicas: self,
            reporting,
        };
        let listening = async {
            while let Some(message) = next(&mut stream).await? {
                if !taken.take(hearing.hear(message)?) {
                    return Err(over());
                }
            }
            Ok(())
        };
        tokio::select! {
            biased;
            () = taken.reporting.over() => Err(over()),
            ended = listening => ended,
        }
    }
}

/// A stream is over however it ends, also where the server is told nothing but that the connection is gone.
struct Taken<'a, R, I>
where
    R: Ord + Clone,
    I: Ord + Clone + fmt::Display,
{
    replicas: &'a Replicas<R, I>,
    reporting: Reporting,
}

impl<R, I> Taken<'_, R, I>
where
    R: Ord + Clone,
    I: Ord + Clone + fmt::Display,
{
    /// Says whether the stream is still valid.
    fn take(&self, heard: Heard<R, I>) -> bool {
        let Replicas {
            board,
            refusals,
            clock,
            ..
        } = self.replicas;
        let (reporting, replica) = (&self.reporting, self.reporting.replica());
        match heard {
            Heard::Nothing => board.while_valid(reporting, || {}),
            Heard::Receiver {
                id,
                session,
                connected,
                has,
            } => board.reported(reporting, &id, session, has, clock.now() - connected),
            Heard::Left(id) => board.reported_left(reporting, &id, clock.now()),
            Heard::Refused(id, refusal) => {
                board.while_valid(reporting, || refusals.reported(replica, &id, refusal))
            }
            Heard::RefusalGone(id) => {
                board.while_valid(reporting, || refusals.withdrawn(replica, &id))
            }
        }
    }
}

impl<R, I> Drop for Taken<'_, R, I>
where
    R: Ord + Clone,
    I: Ord + Clone + fmt::Display,
{
    fn drop(&mut self) {
        let Replicas { board, clock, .. } = self.replicas;
        board.ended(&self.reporting, clock.now());
        tracing::info!(replica = %self.reporting.replica(), "another replica reports no more");
    }
}

#[tonic::async_trait]
impl<R, I> replicas_server::Replicas for Replicas<R, I>
where
    R: Ord + Clone + FromStr + Send + Sync + 'static,
    I: Ord + Clone + fmt::Display + FromStr + Send + Sync + 'static,
{
    async fn report(
        &self,
        request: Request<Streaming<ReportRequest>>,
    ) -> Result<Response<ReportResponse>, Status> {
        self.authenticate(request.extensions().get::<Peer>())?;
        if self.leadership.current().is_none() {
            return Err(not_leading());
        }
        let mut stop = self.stop.clone();
        let listening = self.listen(request.into_inner());
        tokio::select! {
            biased;
            _ = stop.wait_for(|stop| *stop) => Err(Status::unavailable("this replica stops")),
            ended = listening => ended.map(|()| Response::new(ReportResponse {})),
        }
    }
}

/// What cannot be decoded makes no sense either; where the connection is gone, nobody hears the answer.
async fn next(stream: &mut Streaming<ReportRequest>) -> Result<Option<ReportRequest>, Status> {
    let next = stream.message().await;
    next.map_err(|status| Status::invalid_argument(status.message()))
}

fn over() -> Status {
    Status::unavailable(
        "this replica leads no more, or another term or another stream of yours has begun",
    )
}

fn not_leading() -> Status {
    Status::unavailable("this replica does not lead")
}
