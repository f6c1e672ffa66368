//! The tokens of a Pod's account, asked for and renewed as the kubelet does it.

use std::collections::BTreeMap;
use std::time::Duration;

use k8s_openapi::api::authentication::v1::{BoundObjectReference, TokenRequest, TokenRequestSpec};
use k8s_openapi::api::core::v1::{Pod, PodSpec, ServiceAccount};
use kube::api::{Api, PostParams};
use kube::{Client, ResourceExt};
use operator_core::decide::clock::Moment;

use super::volumes::Tokens;

/// Of a token's time: after it a new one is asked for.
const WORN: f64 = 0.8;
/// A token is never used for longer.
const LONGEST: Duration = Duration::from_secs(24 * 3600);
/// Where a spec does not say how long a token is to live.
const LIFE: i64 = 3600;

/// The tokens that a Pod has. It has no `Debug`: they are secret.
#[derive(Default)]
pub struct Held(BTreeMap<(String, String), Token>);

struct Token {
    text: String,
    renew: Moment,
}

/// A token as a spec asks for it.
#[derive(Debug, PartialEq, Eq)]
struct Wanted {
    place: (String, String),
    audience: Option<String>,
    seconds: i64,
}

impl Held {
    /// When the next one is to be renewed; [`Moment::NEVER`] without any.
    pub fn renewal(&self) -> Moment {
        let renewals = self.0.values().map(|token| token.renew);
        renewals.min().unwrap_or(Moment::NEVER)
    }

    /// All of them.
    pub fn tokens(&self) -> Tokens {
        let tokens = self.0.iter();
        tokens
            .map(|(place, token)| (place.clone(), token.text.clone()))
            .collect()
    }

    /// Asks for those that are missing or worn. A worn one stays where no new one can be had.
    ///
    /// # Errors
    /// What the API server says of the first that it refuses.
    pub async fn refresh(&mut self, client: &Client, pod: &Pod, now: Moment) -> kube::Result<()> {
        let Some(spec) = &pod.spec else {
            return Ok(());
        };
        let namespace = pod.namespace().unwrap_or_default();
        let accounts: Api<ServiceAccount> = Api::namespaced(client.clone(), &namespace);
        let account = spec.service_account_name.as_deref().unwrap_or("default");
        for wanted in wanted(spec) {
            if self
                .0
                .get(&wanted.place)
                .is_some_and(|held| now < held.renew)
            {
                continue;
            }
            let request = request(pod, &wanted);
            let params = PostParams::default();
            let answer = accounts
                .create_token_request(account, &params, &request)
                .await?;
            let token = answer.status.map(|it| it.token).unwrap_or_default();
            let renew = now + lasts(wanted.seconds);
            self.0.insert(wanted.place, Token { text: token, renew });
        }
        Ok(())
    }
}

/// What the spec asks for, not what the API server made of it: that may let a token live on for those who do not read
/// it again, and it warns of them.
fn lasts(seconds: i64) -> Duration {
    let life = Duration::from_secs(seconds.unsigned_abs());
    life.mul_f64(WORN).min(LONGEST)
}

fn wanted(spec: &PodSpec) -> Vec<Wanted> {
    let volumes = spec.volumes.iter().flatten();
    let sources = volumes.flat_map(|volume| {
        let projected = volume.projected.iter();
        let sources = projected.flat_map(|it| it.sources.iter().flatten());
        sources.map(|source| (volume.name.clone(), source))
    });
    let tokens = sources.filter_map(|(volume, source)| {
        let token = source.service_account_token.as_ref()?;
        Some(Wanted {
            place: (volume, token.path.clone()),
            audience: token.audience.clone().filter(|it| !it.is_empty()),
            seconds: token.expiration_seconds.unwrap_or(LIFE),
        })
    });
    tokens.collect()
}

fn request(pod: &Pod, wanted: &Wanted) -> TokenRequest {
    TokenRequest {
        spec: TokenRequestSpec {
            audiences: wanted.audience.iter().cloned().collect(),
            expiration_seconds: Some(wanted.seconds),
            bound_object_ref: Some(BoundObjectReference {
                api_version: Some("v1".to_owned()),
                kind: Some("Pod".to_owned()),
                name: Some(pod.name_any()),
                uid: pod.uid(),
            }),
        },
        ..TokenRequest::default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn every_token_of_a_spec_is_asked_for_as_it_says() {
        let spec = serde_json::from_value(json!({
            "containers": [],
            "volumes": [
                { "name": "tmp", "emptyDir": {} },
                { "name": "aws", "projected": { "sources": [
                    { "serviceAccountToken": { "path": "token", "audience": "sts.amazonaws.com", "expirationSeconds": 86400 } },
                ] } },
                { "name": "api", "projected": { "sources": [
                    { "configMap": { "name": "kube-root-ca.crt" } },
                    { "serviceAccountToken": { "path": "token" } },
                ] } },
            ],
        }));
        let of = |volume: &str, audience: Option<&str>, seconds| Wanted {
            place: (volume.to_owned(), "token".to_owned()),
            audience: audience.map(str::to_owned),
            seconds,
        };
        let expected = [
            of("aws", Some("sts.amazonaws.com"), 86400),
            of("api", None, 3600),
        ];
        assert_eq!(wanted(&spec.unwrap()), expected);
    }

    #[test]
    fn a_token_is_renewed_before_it_ends() {
        assert_eq!(lasts(600), Duration::from_secs(480));
        assert_eq!(lasts(7 * 24 * 3600), LONGEST);
    }
}
