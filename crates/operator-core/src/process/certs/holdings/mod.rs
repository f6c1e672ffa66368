//! What the Secret of the authority holds.

use std::{mem, sync::Arc};

use jiff::Timestamp;
use rustls::crypto::CryptoProvider;
use secrecy::{ExposeSecret, SecretSlice};

use super::{
    authority::{Authority, Leaf, Unusable, Usage},
    certificate::{Certificate, Unreadable},
    material::{Material, Unfit},
    names::Names,
};
use crate::{
    cluster::secrets::{SecretValues, Wanted},
    decide::rotation::{Held, Lifetimes, Plan, Turn},
};

/// The key for all authorities that are trusted.
pub(super) const BUNDLE: &str = "ca.crt";
/// The key for the key of the authority that issues.
const AUTHORITY_KEY: &str = "ca.key";
/// The key for the key of the authority that issues next, while there is one.
const NEXT_KEY: &str = "next-ca.key";
/// The key for the certificate in force.
pub(super) const LEAF: &str = "tls.crt";
/// The key for its key.
pub(super) const LEAF_KEY: &str = "tls.key";

/// The content of a Secret that has an authority.
#[derive(Debug)]
pub(super) struct Holdings {
    issuing: Authority,
    next: Option<Authority>,
    /// Trusted, and nothing else.
    retired: Vec<Certificate>,
    leaf: Option<Leaf>,
}

/// A Secret whose content is not understood, and so is left as it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum Broken {
    #[error("{present} is there, but {missing} is not")]
    Half {
        present: &'static str,
        missing: &'static str,
    },
    #[error("{BUNDLE} {0}")]
    Bundle(#[from] Unreadable),
    #[error("{AUTHORITY_KEY} {0}")]
    Authority(#[from] Unusable),
}

impl Holdings {
    /// Reads a Secret; `None` if it has nothing of an authority. A certificate in force or a successor that
    /// cannot be used counts as none: both can be made again at any time.
    pub(super) fn read(values: &SecretValues) -> Result<Option<Self>, Broken> {
        let (bundle, key) = match (value(values, BUNDLE), value(values, AUTHORITY_KEY)) {
            (None, None) => return Ok(None),
            (Some(bundle), Some(key)) => (bundle, key),
            (None, Some(_)) => return Err(half(AUTHORITY_KEY, BUNDLE)),
            (Some(_), None) => return Err(half(BUNDLE, AUTHORITY_KEY)),
        };
        let mut bundle = Certificate::all(bundle.expose_secret())?;
        let issuing = Authority::adopt(&bundle, key.clone())?;
        let next = value(values, NEXT_KEY);
        let next = next.and_then(|next| Authority::adopt(&bundle, next.clone()).ok());
        let next = next.filter(|next| next.certificate.der != issuing.certificate.der);
        bundle.retain(|one| {
            let is = |authority: &Authority| authority.certificate.der == one.der;
            !is(&issuing) && !next.as_ref().is_some_and(is)
        });
        Ok(Some(Self {
            issuing,
            next,
            retired: bundle,
            leaf: leaf(values),
        }))
    }

    /// What a plan is made from, where the certificate in force is to have these names.
    pub(super) fn held(&self, names: &Names) -> Held {
        let fits = |leaf: &&Leaf| {
            leaf.certificate.names == *names.all()
                && self.issuing.certificate.has_issued(&leaf.certificate)
        };
        let validity = |certificate: &Certificate| certificate.validity;
        Held {
            issuing: self.issuing.certificate.validity,
            next: self.next.as_ref().map(|next| next.certificate.validity),
            retired: self.retired.iter().map(validity).collect(),
            leaf: self
                .leaf
                .as_ref()
                .filter(fits)
                .map(|leaf| leaf.certificate.validity),
        }
    }

    /// Carries out a plan that was made from these holdings; `authority` is the common name of a new one.
    pub(super) fn turned(
        before: Option<Self>,
        plan: Plan,
        authority: &str,
        names: &Names,
        now: Timestamp,
        times: &Lifetimes,
    ) -> Result<Self, Unusable> {
        let found = || Authority::found(authority, times.authority.validity(now));
        let mut turned = match (plan.turn, before) {
            (Turn::Found, before) | (_, before @ None) => Self {
                issuing: found()?,
                next: None,
                retired: before.map(Self::into_trusted).unwrap_or_default(),
                leaf: None,
            },
            (_, Some(before)) => before,
        };
        match plan.turn {
            Turn::Keep | Turn::Found => {}
            Turn::Publish => {
                let unused = turned.next.replace(found()?);
                turned
                    .retired
                    .extend(unused.map(|unused| unused.certificate));
            }
            Turn::Switch => {
                if let Some(next) = turned.next.take() {
                    let before = mem::replace(&mut turned.issuing, next);
                    turned.retired.push(before.certificate);
                }
            }
        }
        let has_expired = |one: &Certificate| one.validity.has_expired(now);
        turned.retired.retain(|retired| !has_expired(retired));
        if plan.issue {
            let by = &turned.issuing;
            let validity = times.leaf.validity(now, by.certificate.validity);
            turned.leaf = Some(by.issue(names, Usage::ServerAndClient, validity)?);
        }
        Ok(turned)
    }

    /// How the Secret stores them.
    pub(super) fn wanted(&self) -> Wanted {
        let leaf = self.leaf.as_ref();
        Wanted::from([
            (BUNDLE, Some(self.bundle().into_bytes().into())),
            (AUTHORITY_KEY, Some(self.issuing.stored_key.clone())),
            (
                NEXT_KEY,
                self.next.as_ref().map(|next| next.stored_key.clone()),
            ),
            (LEAF, leaf.map(Leaf::stored_certificate)),
            (LEAF_KEY, leaf.map(|leaf| leaf.key.clone())),
        ])
    }

    /// What handshakes take; `None` while there is no certificate in force.
    pub(super) fn material(
        &self,
        provider: &Arc<CryptoProvider>,
    ) -> Option<Result<Material, Unfit>> {
        let leaf = self.leaf.as_ref()?;
        let trusted = Vec::from_iter(self.trusted().cloned());
        let chain = std::slice::from_ref(&leaf.certificate);
        Some(Material::new(
            &trusted,
            chain,
            leaf.key.expose_secret(),
            provider,
        ))
    }

    /// The authority that issues.
    pub(super) fn issuing(&self) -> &Authority {
        &self.issuing
    }

    /// All authorities that are trusted, as PEM: the one that issues first.
    pub(super) fn bundle(&self) -> String {
        self.trusted().map(|one| one.pem.as_str()).collect()
    }

    fn trusted(&self) -> impl Iterator<Item = &Certificate> {
        let next = self.next.as_ref().map(|next| &next.certificate);
        let current = [&self.issuing.certificate].into_iter().chain(next);
        current.chain(&self.retired)
    }

    fn into_trusted(self) -> Vec<Certificate> {
        self.trusted().cloned().collect()
    }
}

/// The certificate in force with its key, if both can be read and belong together.
pub(super) fn leaf(values: &SecretValues) -> Option<Leaf> {
    let certificate = Certificate::all(value(values, LEAF)?.expose_secret()).ok()?;
    let certificate = certificate.into_iter().next()?;
    let key = value(values, LEAF_KEY)?.clone();
    Leaf::of(certificate, key)
}

/// A chart may create a Secret with empty values, for the operator to fill.
fn value<'v>(values: &'v SecretValues, key: &str) -> Option<&'v SecretSlice<u8>> {
    values
        .get(key)
        .filter(|value| !value.expose_secret().is_empty())
}

fn half(present: &'static str, missing: &'static str) -> Broken {
    Broken::Half { present, missing }
}

#[cfg(test)]
mod tests;
