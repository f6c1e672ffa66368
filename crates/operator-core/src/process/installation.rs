//! What marks resources outside the cluster as one installation's own.

use std::{fmt, str::FromStr, sync::Arc, time::Duration};

use clap::Args;
use k8s_openapi::api::core::v1::Namespace;
use kube::{Api, Client, ResourceExt};

use crate::{
    cluster::refusal::{code, explain},
    decide::clock::Clock,
};

/// How long until an API server that did not answer is asked again: at first, and at most.
const PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));

/// How often an API server may refuse to tell before that is taken for its answer.
const REFUSALS: u32 = 3;
/// How long one answer is waited for.
const PATIENCE: Duration = Duration::from_secs(10);

/// The setting of an operator that owns something outside the cluster.
#[derive(Clone, Debug, Default, Args)]
pub struct Installation {
    /// What marks outside resources as this installation's own. Changing it disowns what exists.
    /// [default: the UID of the namespace kube-system]
    #[arg(long = "installation-id", env = "INSTALLATION_ID", value_name = "ID")]
    pub configured: Option<InstallationId>,
}

/// The installation's default name cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "cannot read the UID of the namespace kube-system, which names this installation: {0}; \
     allow it by RBAC, or set INSTALLATION_ID (--installation-id)"
)]
pub struct Nameless(String);

impl Installation {
    /// The installation's name: as configured, else the cluster's, for which an API server that does not answer is
    /// waited for. Whoever waits serves no probes yet.
    ///
    /// # Errors
    /// When the API server refuses to tell.
    pub async fn name(&self, client: &Client, clock: &Clock) -> Result<Arc<str>, Nameless> {
        let name = match &self.configured {
            Some(configured) => configured.0.as_str().into(),
            None => of_the_cluster(client, clock).await?,
        };
        tracing::info!(installation = &*name, "outside resources are marked");
        Ok(name)
    }
}

async fn of_the_cluster(client: &Client, clock: &Clock) -> Result<Arc<str>, Nameless> {
    let namespaces: Api<Namespace> = Api::all(client.clone());
    let (mut pause, longest) = PAUSES;
    let mut refusals = 0;
    loop {
        let asked = namespaces.get("kube-system");
        let why = match clock.until(clock.now() + PATIENCE, asked).await {
            Some(Ok(found)) => {
                let uid = found
                    .uid()
                    .ok_or_else(|| Nameless("it has none".to_owned()));
                return Ok(uid?.into());
            }
            Some(Err(error)) => {
                let why = explain(&error);
                // One that has just started refuses what it is yet to read the rules of.
                if let Some(400..=428 | 430..500) = code(&error) {
                    if refusals == REFUSALS {
                        return Err(Nameless(why));
                    }
                    refusals += 1;
                }
                why
            }
            None => format!("no answer within {PATIENCE:?}"),
        };
        tracing::warn!(
            "the API server does not tell the UID of the namespace kube-system, and is asked again: {why}"
        );
        clock.sleep(pause).await;
        pause = (2 * pause).min(longest);
    }
}

/// What marks outside resources as one installation's own: 1 to 63 letters, digits, `.`, `-` and `_`, so
/// that it fits into every outside system's tags and names.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct InstallationId(String);

impl fmt::Display for InstallationId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for InstallationId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_');
        if (1..=63).contains(&text.len()) && text.bytes().all(allowed) {
            Ok(Self(text.to_owned()))
        } else {
            Err("1 to 63 letters, digits, '.', '-' and '_'")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_fits_into_every_outside_systems_tags() {
        for name in ["a", "prod-1", "0f3c.eu_west", &"x".repeat(63)] {
            assert_eq!(
                name.parse::<InstallationId>().map(|id| id.0).as_deref(),
                Ok(name)
            );
        }
        for name in ["", "a/b", "a b", "\u{e4}", &"x".repeat(64)] {
            assert!(name.parse::<InstallationId>().is_err(), "{name:?}");
        }
    }
}
