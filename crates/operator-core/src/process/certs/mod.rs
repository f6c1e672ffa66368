//! The certificates that an operator serves and dials with, and how they are renewed without touching a
//! connection.
//!
//! They come from an own authority in a Secret ([`Certificates::self_signed`]) or from mounted files
//! ([`Certificates::mounted`]). Either gives the certificates, which are there once [`Upkeep`] runs and has
//! found or made them, and which every handshake looks up anew.
//!
//! **The Secret** holds `ca.crt` (every authority that is trusted), `ca.key` (of the one that issues),
//! `tls.crt` and `tls.key`, and `next-ca.key` while a successor waits
//! ([`rotation`](crate::decide::rotation)). All replicas share the one certificate in it: they serve the same
//! names, gateways may use it as their client certificate, and only the leader ever needs a key of an
//! authority. The leader alone writes it, each time on condition that it is as it was read; the others read
//! it. A Secret that was made beforehand is adopted if it is empty or has an authority with its key. One that
//! is not understood is left alone and reported; deleting it makes a new authority.

mod authority;
mod certificate;
mod clients;
mod counts;
mod handshake;
mod holdings;
mod material;
mod mounted;
mod names;
mod self_signed;
#[cfg(test)]
mod testing;

use std::{fmt, sync::Arc};

use jiff::Timestamp;
use parking_lot::Mutex;
use rustls::{ClientConfig, ServerConfig, crypto::aws_lc_rs};
use serde::Serialize;
use tokio::sync::watch;

pub use self::{
    clients::{ClientSecret, InvalidClient},
    counts::Counts,
    mounted::MountedFiles,
    names::{Name, Names, NotAName},
    self_signed::SelfSigned,
};
use self::{counts::Counters, handshake::Handshakes, material::Material};
use crate::{
    cluster::{election::Leadership, write::Writer},
    decide::clock::Clock,
};

/// The certificates in force. Cheap to clone.
#[derive(Clone)]
pub struct Certificates(Arc<Shared>);

struct Shared {
    /// What they come from, for people.
    origin: String,
    material: watch::Sender<Option<Arc<Material>>>,
    problem: Mutex<Option<Problem>>,
    counters: Counters,
    handshakes: Handshakes,
}

/// What stands in the way of the next state.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Problem {
    /// What is told of it; nothing that is secret.
    words: String,
    /// Whether another replica, which leads, is to do something about it, and this one cannot.
    is_the_leaders: bool,
}

/// Whether a client of ours must show a certificate. One that is shown is always verified.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ClientCertificates {
    /// It must.
    Required,
    /// It may.
    Optional,
    /// It is not asked for one: it is known by something else, or need not be.
    Unasked,
}

/// Finds, makes and renews certificates for as long as it [runs](Self::run).
pub struct Upkeep(Origin);

enum Origin {
    SelfSigned(Box<self_signed::Keeper>),
    Mounted(mounted::Reader),
}

/// How the certificates stand, for `/debug/state`.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertificatesState {
    /// The Secret or the files that they come from.
    pub origin: String,
    /// When the certificate in force expires.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// When each trusted authority expires.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub authorities: Vec<Timestamp>,
    /// What stands in the way of the next state, if anything does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
}

impl Certificates {
    /// Certificates of an own authority, kept in a Secret. `writer` names the operator: as the Secret's field
    /// manager, in its label `managed-by`, and with `-ca` in the authority's common name.
    pub fn self_signed(settings: SelfSigned, writer: Writer, clock: Clock) -> (Self, Upkeep) {
        let certificates = Self::new(format!("Secret {}", settings.secret), clock);
        let keeper = self_signed::Keeper::new(settings, writer, certificates.clone());
        (certificates, Upkeep(Origin::SelfSigned(Box::new(keeper))))
    }

    /// Certificates that somebody else keeps in mounted files.
    pub fn mounted(files: MountedFiles, clock: Clock) -> (Self, Upkeep) {
        let certificates = Self::new(files.to_string(), clock);
        let reader = mounted::Reader::new(files, certificates.clone());
        (certificates, Upkeep(Origin::Mounted(reader)))
    }

    fn new(origin: String, clock: Clock) -> Self {
        let (material, current) = watch::channel(None);
        Self(Arc::new(Shared {
            origin,
            material,
            problem: Mutex::default(),
            counters: Counters::default(),
            handshakes: Handshakes {
                current,
                clock,
                provider: Arc::new(aws_lc_rs::default_provider()),
            },
        }))
    }

    /// For servers: TLS 1.2 or 1.3, the certificate and the trusted authorities of the moment of each
    /// handshake. Handshakes fail while there is none. `alpn` are the protocols offered, `b"h2"` for gRPC.
    pub fn server_config(&self, clients: ClientCertificates, alpn: &[&[u8]]) -> Arc<ServerConfig> {
        Arc::new(self.0.handshakes.server(clients, alpn))
    }

    /// For clients of other replicas: shows the certificate in force, and verifies the server's by the
    /// authorities trusted at that moment. All replicas show the same names, so whatever address is dialled,
    /// the server's name is one of these.
    pub fn client_config(&self, alpn: &[&[u8]]) -> Arc<ClientConfig> {
        Arc::new(self.0.handshakes.client(alpn))
    }

    /// When the certificate in force expires; `None` while there is none.
    pub fn expires(&self) -> Option<Timestamp> {
        Some(self.current()?.expires)
    }

    /// The common name of the certificate in force, empty if it has none, and when it expires; `None` while there
    /// is no certificate.
    pub fn in_force(&self) -> Option<(String, Timestamp)> {
        let material = self.current()?;
        Some((material.common_name.clone(), material.expires))
    }

    /// The authorities that the certificate in force is known by (PEM), those of tomorrow included; `None` while there
    /// is no certificate.
    pub fn authorities(&self) -> Option<String> {
        Some(self.current()?.trusted.clone())
    }

    /// What this process has done for the certificates so far.
    pub fn counts(&self) -> Counts {
        self.0.counters.so_far()
    }

    /// Whether there is a certificate that has not expired, for `/readyz`. One that another replica has yet to make
    /// counts as there: in a rollout that replica may be one with other settings, which makes none, and which goes only
    /// when this one is ready.
    ///
    /// # Errors
    /// The reason why not.
    pub fn check(&self) -> Result<(), String> {
        let problem = self.0.problem.lock().clone();
        let Some(material) = self.current() else {
            return match problem {
                Some(problem) if problem.is_the_leaders => Ok(()),
                Some(problem) => Err(problem.words),
                None => Err(format!("{} was not read yet", self.0.origin)),
            };
        };
        if self.clock().wall() < material.expires {
            return Ok(());
        }
        let expired = format!("the certificate has expired at {}", material.expires);
        Err(match problem {
            Some(problem) => format!("{expired}; {}", problem.words),
            None => expired,
        })
    }

    /// How the certificates stand.
    pub fn state(&self) -> CertificatesState {
        let material = self.current();
        CertificatesState {
            origin: self.0.origin.clone(),
            expires: material.as_ref().map(|material| material.expires),
            authorities: material.map_or_else(Vec::new, |material| material.authorities.clone()),
            problem: self.0.problem.lock().as_ref().map(|it| it.words.clone()),
        }
    }

    fn current(&self) -> Option<Arc<Material>> {
        self.0.material.borrow().clone()
    }

    fn clock(&self) -> &Clock {
        &self.0.handshakes.clock
    }

    /// From now on handshakes take `material`.
    fn take(&self, material: Material) {
        let before = self.current();
        let (expires, leaf) = (material.expires, material.own.cert.first().cloned());
        let differs = |before: &Arc<Material>| before.own.cert.first() != leaf.as_ref();
        let (is_first, is_another) = (before.is_none(), before.as_ref().is_some_and(differs));
        if is_another {
            self.0.counters.rotated();
        }
        self.0.material.send_replace(Some(Arc::new(material)));
        if is_first || is_another {
            tracing::info!(origin = self.0.origin, %expires, "a certificate is in force");
        }
    }

    /// Notes how the last look went; says so in the log where that is news.
    fn note(&self, problem: Option<Problem>) {
        let origin = &self.0.origin;
        let before = std::mem::replace(&mut *self.0.problem.lock(), problem.clone());
        let before = before.map(|problem| problem.words);
        match problem.map(|problem| problem.words) {
            Some(words) if before.as_ref() != Some(&words) => {
                tracing::warn!(origin, "certificates: {words}");
            }
            Some(_) => {}
            None if before.is_some() => tracing::info!(origin, "certificates: all is well again"),
            None => {}
        }
    }
}

impl Problem {
    /// One of this replica's own.
    fn own(words: impl ToString) -> Self {
        Self {
            words: words.to_string(),
            is_the_leaders: false,
        }
    }
}

impl fmt::Debug for Certificates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificates")
            .field("state", &self.state())
            .finish_non_exhaustive()
    }
}

impl Upkeep {
    /// Runs until `stop` turns true, and ends when nothing is being written any more. Writes only while
    /// leading; mounted files need no leader.
    pub async fn run(self, leadership: Leadership, mut stop: watch::Receiver<bool>) {
        let stopped = async {
            // An error says that the sender is gone: all the more reason.
            let _ = stop.wait_for(|stop| *stop).await;
        };
        match self.0 {
            Origin::SelfSigned(keeper) => keeper.run(leadership, stopped).await,
            Origin::Mounted(reader) => reader.run(stopped).await,
        }
    }
}
