//! An operator at work: from its first server to its last answer.

use std::{future::Future, time::Duration};

use axum::Router;
use futures::future::join_all;
use serde_json::json;
use tokio::{sync::watch, task::JoinSet};

use super::{Admission, Course, Operator, OperatorError};
use crate::{
    cluster::election::{Candidacy, Election, Leadership},
    decide::key::ObjectKey,
    process::{
        certs::{Certificates, ClientCertificates},
        config::ListenAddress,
        http::{self, Gatekeeper},
        webhook::{Judgement, Trust},
    },
};

/// How long the passes in hand may go on after the operator was told to stop. A Pod has 30 s.
const DRAIN: Duration = Duration::from_secs(20);
/// How long the lease's release and the last answers may take after that.
const FAREWELL: Duration = Duration::from_secs(5);

impl Operator {
    /// Runs until `stop`, then finishes the passes in hand and releases the lease. Dropping the future stops
    /// everything at once, as a crash would.
    ///
    /// # Errors
    /// When a server cannot listen, or a part ends by itself.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), OperatorError> {
        let (stopping, stopped) = watch::channel(false);
        let (closing, closed) = watch::channel(false);
        let (leadership, election) = self.stand_for_election();
        let mut parts = JoinSet::new();
        let mut servers = JoinSet::new();
        self.serve(&mut servers, &closed).await?;
        for part in self.parts {
            parts.spawn(part);
        }
        parts.spawn(async move {
            join_all(self.syncs).await;
            self.synced.send_replace(true);
            std::future::pending().await
        });
        let mut drained = JoinSet::new();
        for start in self.drained {
            drained.spawn(start(Course {
                leadership: leadership.clone(),
                stop: stopped.clone(),
            }));
        }
        let mut candidate = JoinSet::new();
        if let Some(election) = election {
            let mut resign = closed.clone();
            candidate.spawn(election.run(async move {
                // An error says that the sender is gone: all the more reason.
                let _ = resign.wait_for(|closed| *closed).await;
            }));
        }
        tracing::info!(operator = self.name, "started");

        let ended = tokio::select! {
            biased;
            () = stop => None,
            Some(ended) = parts.join_next() => Some(ended),
            Some(ended) = servers.join_next() => Some(ended),
            Some(ended) = drained.join_next() => Some(ended),
            Some(ended) = candidate.join_next() => Some(ended),
        };
        tracing::info!("stopping: finishing the passes in hand");
        stopping.send_replace(true);
        let all_ended = all(&mut drained);
        if self
            .clock
            .until(self.clock.now() + DRAIN, all_ended)
            .await
            .is_none()
        {
            tracing::warn!("passes did not end in time and were given up");
            drained.shutdown().await;
        }
        closing.send_replace(true);
        let released = all(&mut candidate);
        let deadline = self.clock.now() + FAREWELL;
        let farewell = async { tokio::join!(released, all(&mut servers)) };
        if self.clock.until(deadline, farewell).await.is_none() && !candidate.is_empty() {
            tracing::warn!(
                "the lease could not be released; another replica leads when it has run out"
            );
        }
        parts.shutdown().await;
        match ended {
            None => Ok(()),
            Some(ended) => Err(OperatorError::PartEnded(ended.map_or_else(
                |panic| panic.to_string(),
                |()| "it ended by itself".to_owned(),
            ))),
        }
    }

    fn stand_for_election(&mut self) -> (Leadership, Option<Election>) {
        let (leadership, election) = match &self.common.election {
            None => (Leadership::always(self.clock.clone()), None),
            Some(settings) => {
                let candidacy = Candidacy {
                    lease: ObjectKey::new(settings.namespace.as_str(), self.lease),
                    identity: self.identity.clone(),
                    timings: settings.timings,
                    address: self.reports_at.take(),
                };
                let (election, leadership) =
                    Election::new(self.client.clone(), self.clock.clone(), candidacy);
                (leadership, Some(election))
            }
        };
        self.metrics.election(self.lease, {
            let leadership = leadership.clone();
            move || (leadership.current().is_some(), leadership.slow_paths())
        });
        self.state.section("lease", {
            let leadership = leadership.clone();
            move || json!(leadership.state())
        });
        (leadership, election)
    }

    async fn serve(
        &mut self,
        servers: &mut JoinSet<()>,
        closed: &watch::Receiver<bool>,
    ) -> Result<(), OperatorError> {
        let admission = self.admission.take();
        let guarded = self.common.https.metrics && self.common.metrics.is_some();
        let certificates = match guarded || admission.is_some() {
            true => Some(self.certificates()?),
            false => None,
        };
        // Whoever asks is known by a token, or need not be known.
        let tls = certificates
            .as_ref()
            .map(|it| it.server_config(ClientCertificates::Unasked, &[b"http/1.1"]));
        let webhooks = match (admission, certificates) {
            (Some(admission), Some(certificates)) => Some(self.webhooks(admission, certificates)),
            _ => None,
        };
        let probes = http::probes(std::mem::take(&mut self.checks));
        let state = Some(std::mem::take(&mut self.state)).filter(|_| self.shows_state);
        let metrics = http::metrics(self.metrics.clone(), state);
        let metrics = match guarded {
            true => Gatekeeper::new(self.client.clone(), self.clock.clone()).guard(metrics),
            false => metrics,
        };
        let (probed, scraped) = (self.common.probes.clone(), self.common.metrics.clone());
        let wished = [
            probed.map(|at| ("HEALTH_PROBE_BIND_ADDRESS", at, probes, None)),
            scraped.map(|at| {
                let tls = tls.clone().filter(|_| guarded);
                ("METRICS_BIND_ADDRESS", at, metrics, tls)
            }),
            webhooks.map(|(at, webhooks)| ("WEBHOOK_BIND_ADDRESS", at, webhooks, tls)),
        ];
        for (setting, address, router, tls) in wished.into_iter().flatten() {
            let listening = http::bind(setting, &address).await?;
            tracing::info!(setting, address = %listening.address(), tls = tls.is_some(), "listening");
            let (clock, closed) = (self.clock.clone(), closed.clone());
            match tls {
                Some(tls) => servers.spawn(listening.serve_tls(tls, router, clock, closed)),
                None => servers.spawn(listening.serve(router, clock, closed)),
            };
        }
        Ok(())
    }

    /// The certificate for HTTPS, kept from now on.
    fn certificates(&mut self) -> Result<Certificates, OperatorError> {
        let (writer, clock) = (self.writer.clone(), self.clock.clone());
        let kept = self.common.serving_certificates(writer, clock);
        let (certificates, upkeep) = kept.map_err(OperatorError::Settings)?;
        self.state.section("servingCertificate", {
            let certificates = certificates.clone();
            move || json!(certificates.state())
        });
        self.drained(|course| upkeep.run(course.leadership, course.stop));
        Ok(certificates)
    }

    /// Where webhooks are served and how, with a certificate that the API server is told to believe.
    fn webhooks(
        &mut self,
        admission: Admission,
        certificates: Certificates,
    ) -> (ListenAddress, Router) {
        self.checks.ready("serving-certificate", {
            let certificates = certificates.clone();
            move || certificates.check()
        });
        if let Some(name) = admission.configuration {
            let trust = Trust {
                certificates,
                writer: self.writer.clone(),
                clock: self.clock.clone(),
                name,
            };
            self.drained(|course| trust.run(course));
        }
        let judgement = Judgement::new(self.clock.clone(), self.synced.subscribe());
        (admission.address, admission.validators.router(&judgement))
    }
}

async fn all(tasks: &mut JoinSet<()>) {
    while tasks.join_next().await.is_some() {}
}
