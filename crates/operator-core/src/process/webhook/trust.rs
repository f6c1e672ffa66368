//! Lets the API server believe the webhooks' certificate.

use std::time::Duration;

use crate::{
    cluster::write::{WriteError, Writer},
    decide::{
        backoff::{Streak, spread},
        clock::{Clock, Moment},
        outcome::Class,
    },
    process::{certs::Certificates, operator::Course},
};

/// How long until it is looked whether the certificate has come, or the authorities have changed.
const LOOK: Duration = Duration::from_secs(1);
/// How long until the configuration is read again though nothing has changed here: somebody may have written it anew.
/// After a failure it is sooner.
const ANEW: Duration = Duration::from_secs(60);

/// Keeps the authorities in a ValidatingWebhookConfiguration, while this replica leads.
pub(in crate::process) struct Trust {
    pub certificates: Certificates,
    pub writer: Writer,
    pub clock: Clock,
    /// The configuration's name.
    pub name: String,
}

impl Trust {
    pub(in crate::process) async fn run(self, mut course: Course) {
        let (mut kept, mut until, mut problem) = (None, Moment::ORIGIN, None);
        let mut failing: Option<Streak> = None;
        loop {
            let leading = course.leadership.current();
            let authorities = self.certificates.authorities();
            if let (Some(leading), Some(authorities)) = (leading, authorities)
                && (kept.as_ref() != Some(&authorities) || self.clock.now() >= until)
            {
                let writing = self
                    .writer
                    .keep_authorities(&leading, &self.name, &authorities);
                let written = writing.await;
                if let Ok(true) = written {
                    tracing::info!(
                        configuration = self.name,
                        "the API server believes our webhooks"
                    );
                }
                let now = self.clock.now();
                failing = match written {
                    Ok(_) => None,
                    Err(_) => Some(failing.map_or(Streak::begin(now), |it| it.and_again(now))),
                };
                let again = failing.map(|it| it.pause(Class::Transient, ANEW));
                let again = again.map(|pause| spread(pause, None, fastrand::f64()));
                until = now + again.unwrap_or(ANEW).min(ANEW);
                kept = Some(authorities);
                problem = self.note(problem, written.err());
            }
            tokio::select! {
                biased;
                () = course.stopped() => return,
                () = self.clock.sleep(LOOK) => {}
            }
        }
    }

    /// Says in the log what is news.
    fn note(&self, before: Option<String>, now: Option<WriteError>) -> Option<String> {
        let now = match now? {
            // Somebody else has written it, or writes it from now on.
            WriteError::Conflict | WriteError::NotLeading(_) => return before,
            WriteError::Gone => "it is not there".to_owned(),
            why => why.to_string(),
        };
        if before.as_ref() != Some(&now) {
            tracing::warn!(
                "cannot write our authorities into ValidatingWebhookConfiguration {} (WEBHOOK_CONFIGURATION), so \
                 that the API server does not believe our webhooks: {now}",
                self.name
            );
        }
        Some(now)
    }
}
