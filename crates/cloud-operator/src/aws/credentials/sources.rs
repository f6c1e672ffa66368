//! From a source and a chain of roles to credentials in use; the same way twice leads to the same ones.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use aws_credential_types::{Credentials, provider::SharedCredentialsProvider};
use operator_core::decide::{clock::Clock, outcome::Fault};
use parking_lot::Mutex;
use secrecy::ExposeSecret;

use super::{
    Asker, Cached, Hop, Keys, NAME, Origin, Pod, Renewed, Source, TokenFolders, WebIdentity,
    ambient,
    fingerprint::Fingerprint,
    role::{self, Role},
    session_name,
    web_identity::{self, Exchange, Token, no_token},
};
use crate::aws::{fault::Call, pace::Paces};

/// All credentials in use.
#[derive(Debug)]
pub(in crate::aws) struct Sources {
    clock: Clock,
    pod: Pod,
    folders: Arc<TokenFolders>,
    /// How long one source may take.
    patience: Duration,
    /// How often STS is asked, by each way's first credentials.
    paces: Paces,
    in_use: Mutex<HashMap<[u8; 32], Weak<Cached>>>,
}

impl Sources {
    /// None yet.
    pub fn new(clock: Clock, pod: Pod, folders: TokenFolders, patience: Duration) -> Self {
        Self {
            paces: Paces::new(None, clock.clone()),
            clock,
            pod,
            folders: Arc::new(folders),
            patience,
            in_use: Mutex::default(),
        }
    }

    /// The same, with STS asked no more often than these budgets allow.
    pub fn within(self, paces: Paces) -> Self {
        Self { paces, ..self }
    }

    /// The credentials at the end of `chain`, which begins with those of `source`. Asks nobody yet.
    ///
    /// # Errors
    /// A fault of the provider where the Pod lacks what the source needs.
    pub fn credentials(
        &self,
        asker: &Asker<'_>,
        source: &Source,
        chain: &[Hop],
    ) -> Result<Arc<Cached>, Fault> {
        let (mut way, mut last) = self.first(asker, source)?;
        for hop in chain {
            let base = last;
            let name = hop.session_name.clone();
            let session_name = name.unwrap_or_else(|| session_name(asker.provider));
            way = Role::fingerprint(way, hop, &session_name);
            let asks = Some(asker.asks(role::ASSUME));
            last = self.share(&way, Some(&base), asks, || {
                let config = asker.config.clone().into_builder();
                let role = Role {
                    config: config
                        .credentials_provider(SharedCredentialsProvider::new(Renewed(base.clone())))
                        .build(),
                    hop: hop.clone(),
                    session_name,
                };
                SharedCredentialsProvider::new(role)
            });
        }
        Ok(last)
    }

    fn first(
        &self,
        asker: &Asker<'_>,
        source: &Source,
    ) -> Result<(Fingerprint, Arc<Cached>), Fault> {
        let place = place(asker);
        let (way, cached) = match source {
            Source::Keys(keys) => {
                let way = of_keys(place, keys);
                let cached = self.share(&way, None, None, || {
                    SharedCredentialsProvider::new(given(keys))
                });
                (way, cached)
            }
            Source::WebIdentity(identity) => {
                let token = self.token(identity)?;
                let name = identity.session_name.clone();
                let session_name = name.unwrap_or_else(|| session_name(asker.provider));
                let way = Exchange::fingerprint(place, identity, &session_name);
                let asks = Some(asker.asks(web_identity::EXCHANGE));
                let cached = self.share(&way, None, asks, || {
                    SharedCredentialsProvider::new(Exchange {
                        config: asker.config.clone(),
                        token,
                        role_arn: identity.role_arn.clone(),
                        session_name,
                        duration: identity.duration,
                    })
                });
                (way, cached)
            }
            Source::Ambient => {
                let way = place.with("ambient");
                let cached =
                    self.share(&way, None, None, || ambient::chain(&self.pod, asker.config));
                (way, cached)
            }
        };
        Ok((way, cached))
    }

    fn token(&self, identity: &WebIdentity) -> Result<Token, Fault> {
        match (&identity.token_file, &self.pod.token_file) {
            (Some(file), _) => Ok(Token::Named {
                file: file.clone(),
                folders: self.folders.clone(),
            }),
            (None, Some(file)) => Ok(Token::OfThePod(file.clone())),
            (None, None) => Err(no_token()),
        }
    }

    /// The credentials of this way: those in use, or new ones.
    fn share(
        &self,
        way: &Fingerprint,
        base: Option<&Arc<Cached>>,
        asks: Option<(Call, Arc<str>)>,
        source: impl FnOnce() -> SharedCredentialsProvider,
    ) -> Arc<Cached> {
        let way = way.clone().digest();
        let mut in_use = self.in_use.lock();
        if let Some(cached) = in_use.get(&way).and_then(Weak::upgrade) {
            return cached;
        }
        in_use.retain(|_, cached| cached.strong_count() > 0);
        let origin = Origin {
            source: source(),
            pace: base.map_or_else(|| self.paces.pace(), |base| base.pace().clone()),
            base: base.cloned(),
            asks,
        };
        let cached = Arc::new(Cached::new(self.clock.clone(), self.patience, origin));
        in_use.insert(way, Arc::downgrade(&cached));
        cached
    }
}

/// Where STS is asked.
fn place(asker: &Asker<'_>) -> Fingerprint {
    let config = asker.config;
    Fingerprint::new("place")
        .with_option(config.region().map(AsRef::as_ref))
        .with_option(config.endpoint_url())
        .with(&format!(
            "{:?} {:?}",
            config.use_fips(),
            config.use_dual_stack()
        ))
}

fn of_keys(place: Fingerprint, keys: &Keys) -> Fingerprint {
    let token = keys.token.as_ref();
    place
        .with("keys")
        .with(keys.id.expose_secret())
        .with(keys.secret.expose_secret())
        .with_option(token.map(ExposeSecret::expose_secret))
}

fn given(keys: &Keys) -> Credentials {
    let token = keys.token.as_ref();
    Credentials::new(
        keys.id.expose_secret(),
        keys.secret.expose_secret(),
        token.map(|token| token.expose_secret().to_owned()),
        None,
        NAME,
    )
}

#[cfg(test)]
mod tests {
    use aws_config::SdkConfig;
    use operator_core::decide::key::ObjectKey;

    use super::*;

    fn config(region: &'static str) -> SdkConfig {
        let region = aws_config::Region::new(region);
        SdkConfig::builder().region(region).build()
    }

    fn keys(secret: &str) -> Source {
        Source::Keys(Keys {
            id: "AKIA".into(),
            secret: secret.into(),
            token: None,
        })
    }

    fn named(role: &str) -> Hop {
        Hop {
            session_name: Some("shared".into()),
            ..Hop::to(role)
        }
    }

    #[test]
    fn the_same_way_leads_to_the_same_credentials_and_no_other_does() {
        let sources = Sources::new(
            Clock::system(),
            Pod::default(),
            TokenFolders::default(),
            Duration::from_secs(1),
        );
        let get = |provider: &str, region, source: &Source, chain: &[Hop]| {
            let asker = Asker {
                config: &config(region),
                provider: &ObjectKey::new("team", provider),
            };
            sources.credentials(&asker, source, chain).unwrap()
        };
        let one = get("one", "eu-west-1", &keys("a"), &[named("role")]);
        let same = get("two", "eu-west-1", &keys("a"), &[named("role")]);
        assert!(Arc::ptr_eq(&one, &same));

        let tagged = Hop {
            tags: [("team".to_owned(), "a".to_owned())].into(),
            ..named("role")
        };
        for (what, other) in [
            ("key", get("one", "eu-west-1", &keys("b"), &[named("role")])),
            (
                "region",
                get("one", "eu-west-2", &keys("a"), &[named("role")]),
            ),
            (
                "role",
                get("one", "eu-west-1", &keys("a"), &[named("other")]),
            ),
            (
                "source",
                get("one", "eu-west-1", &Source::Ambient, &[named("role")]),
            ),
            ("tags", get("one", "eu-west-1", &keys("a"), &[tagged])),
            ("end", get("one", "eu-west-1", &keys("a"), &[])),
            (
                "order",
                get(
                    "one",
                    "eu-west-1",
                    &keys("a"),
                    &[named("role"), named("role")],
                ),
            ),
            (
                "name",
                get("one", "eu-west-1", &keys("a"), &[Hop::to("role")]),
            ),
        ] {
            assert!(!Arc::ptr_eq(&one, &other), "another {what}");
        }
        let unnamed = |provider| get(provider, "eu-west-1", &keys("a"), &[Hop::to("role")]);
        let (first, second) = (unnamed("one"), unnamed("two"));
        assert!(
            !Arc::ptr_eq(&first, &second),
            "sessions have their providers' names"
        );
    }

    #[test]
    fn what_nobody_uses_is_let_go() {
        let sources = Sources::new(
            Clock::system(),
            Pod::default(),
            TokenFolders::default(),
            Duration::from_secs(1),
        );
        let config = config("eu-west-1");
        let provider = ObjectKey::new("team", "one");
        let asker = Asker {
            config: &config,
            provider: &provider,
        };
        for secret in ["a", "b", "c"] {
            let _let_go = sources.credentials(&asker, &keys(secret), &[named("role")]);
        }
        let kept = sources.credentials(&asker, &keys("d"), &[named("role")]);
        assert!(kept.is_ok());
        assert_eq!(sources.in_use.lock().len(), 2, "a key and a role");
    }
}
