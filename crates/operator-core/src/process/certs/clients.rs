//! Client certificates, each in a Secret of its own: for gateways, which mount it.

use jiff::Timestamp;

use super::{
    authority::{Leaf, Usage},
    counts::Counters,
    holdings::{self, BUNDLE, Holdings, LEAF, LEAF_KEY},
    names::{Name, Names, NotAName},
    self_signed::{SelfSigned, Unsettled, read},
};
use crate::{
    cluster::{
        leading::Leading,
        secrets::{OwnSecret, Wanted},
        write::{WriteError, Writer},
    },
    decide::{key::ObjectKey, rotation::LeafTimes},
};

/// A client certificate to be issued into a Secret: of type `kubernetes.io/tls`, with `ca.crt` beside the
/// pair.
#[derive(Clone, Debug)]
pub struct ClientSecret {
    /// Where it is kept.
    pub secret: ObjectKey,
    names: Names,
}

/// A client whose name fits into no certificate.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the client {name} of namespace {namespace} cannot be named in a certificate: {why}")]
pub struct InvalidClient {
    name: String,
    namespace: String,
    why: NotAName,
}

impl ClientSecret {
    /// The Secret `secret` holds the certificate of the client `name` of `namespace`: its common name is
    /// `name`, and its alternative names are `name` and `name.namespace`.
    ///
    /// # Errors
    /// [`InvalidClient`] unless the two make up DNS names.
    pub fn new(secret: ObjectKey, name: &str, namespace: &str) -> Result<Self, InvalidClient> {
        let invalid = |why| InvalidClient {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            why,
        };
        let main: Name = name.parse().map_err(invalid)?;
        let full: Name = format!("{name}.{namespace}").parse().map_err(invalid)?;
        Ok(Self {
            secret,
            names: Names::new(main, [full]),
        })
    }
}

/// Issues and renews client certificates.
pub(super) struct ClientSecrets {
    times: LeafTimes,
    operator: String,
    secrets: Vec<(OwnSecret, Names)>,
}

/// What it took to keep one.
struct Kept {
    wrote: bool,
    issued: bool,
}

impl ClientSecrets {
    pub(super) fn new(settings: &SelfSigned, writer: Writer) -> Self {
        let own = |client: &ClientSecret| {
            let secret = OwnSecret::new(client.secret.clone(), writer.clone());
            (secret, client.names.clone())
        };
        Self {
            times: settings.lifetimes.leaf,
            operator: writer.manager().to_owned(),
            secrets: settings.clients.iter().map(own).collect(),
        }
    }

    /// Makes every Secret as it should be. Says whether anything was written; one that fails does not keep
    /// the others back.
    pub(super) async fn keep(
        &self,
        leading: &Leading,
        holdings: &Holdings,
        now: Timestamp,
        counters: &Counters,
    ) -> Result<bool, Unsettled> {
        let (mut written, mut failed) = (false, None);
        for (secret, names) in &self.secrets {
            match self.keep_one(leading, secret, names, holdings, now).await {
                Ok(Kept { wrote, issued }) => {
                    written |= wrote;
                    if issued {
                        counters.issued();
                    }
                }
                Err(unsettled) => failed = failed.or(Some(unsettled)),
            }
        }
        failed.map_or(Ok(written), Err)
    }

    async fn keep_one(
        &self,
        leading: &Leading,
        secret: &OwnSecret,
        names: &Names,
        holdings: &Holdings,
        now: Timestamp,
    ) -> Result<Kept, Unsettled> {
        let stored = read(secret, leading.clock()).await?;
        if let Some(stored) = &stored
            && !secret.is_kept(stored)
        {
            let operator = self.operator.clone();
            return Err(Unsettled::Foreign(secret.key().clone(), operator));
        }
        let issuing = holdings.issuing();
        let by = issuing.certificate.validity;
        let fits = |leaf: &Leaf| {
            leaf.certificate.names == *names.all()
                && issuing.certificate.has_issued(&leaf.certificate)
        };
        let held = stored.as_ref();
        let held = held
            .and_then(|stored| holdings::leaf(&stored.values))
            .filter(fits);
        let validity = held.as_ref().map(|leaf| leaf.certificate.validity);
        let held = held.filter(|_| !self.times.is_due(now, validity, by));
        let issued = held.is_none();
        let leaf = match held {
            Some(held) => Ok(held),
            None => issuing.issue(names, Usage::Client, self.times.validity(now, by)),
        };
        let leaf = leaf.map_err(|why| Unsettled::Unissued {
            secret: secret.key().clone(),
            why: why.to_string(),
        })?;
        let wanted = Wanted::from([
            (BUNDLE, Some(holdings.bundle().into_bytes().into())),
            (LEAF, Some(leaf.stored_certificate())),
            (LEAF_KEY, Some(leaf.key)),
        ]);
        let written = match &stored {
            Some(stored) => secret.change(leading, stored, &wanted).await,
            None => secret
                .create(leading, "kubernetes.io/tls", &wanted)
                .await
                .map(|()| true),
        };
        match written {
            Ok(wrote) => Ok(Kept { wrote, issued }),
            // It is read again.
            Err(WriteError::Conflict | WriteError::Gone) => Ok(Kept {
                wrote: true,
                issued: false,
            }),
            Err(why) => Err(Unsettled::Unwritten {
                secret: secret.key().clone(),
                why,
            }),
        }
    }
}
