//! AWS accounts and resources as Kubernetes objects.

pub mod aws;
mod config;
pub mod provider;
pub mod rbac;
pub mod s3bucket;

use std::{
    collections::BTreeSet,
    future::Future,
    pin::pin,
    sync::{Arc, OnceLock},
};

use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use kube::Client;
use operator_core::{
    cluster::{
        cache::{Cache, Change, Whole},
        secrets::Secrets,
    },
    decide::{clock::Clock, key::ObjectKey, queue::Class},
    engines::{controller::Controller, external::Engine, references::References},
    process::operator::Operator,
};
use serde_json::json;

pub use self::config::Config;
use self::{
    aws::Aws,
    provider::{Providers, Sessions, provider_of},
    s3bucket::{S3Buckets, is_held},
};
pub use operator_core::process::operator::OperatorError;

/// The operator's name: its field manager and the reporter of its events.
pub const NAME: &str = "cloud-operator";
/// The Lease that its replicas share; the name that earlier operators for these kinds used.
pub const LEASE: &str = "infra-operator.aws-infra-operator.runner.codes";

/// Runs the operator until `stop`. Dropping the future stops it at once, as a crash would.
///
/// # Errors
/// When it cannot start, or a part of it ends by itself.
pub async fn run(
    config: Config,
    client: Client,
    clock: Clock,
    stop: impl Future<Output = ()>,
) -> Result<(), OperatorError> {
    let version = env!("CARGO_PKG_VERSION");
    let aws = Aws::new(config.aws());
    let mut stop = pin!(stop);
    let installation = tokio::select! {
        biased;
        () = &mut stop => return Ok(()),
        name = config.installation.name(&client, &clock) => name?,
    };
    let mut operator = Operator::new(
        NAME,
        version,
        LEASE,
        config.common,
        client.clone(),
        clock.clone(),
    );

    let providers: Arc<Cache<Whole<AWSProvider>>> = operator.cache("awsprovider");
    let buckets: Arc<Cache<Whole<S3Bucket>>> = operator.cache("s3bucket");
    let sessions = Arc::new(Sessions::new(clock.clone()));

    let engine = Engine::new(
        S3Buckets::new(sessions.clone()),
        installation,
        clock.clone(),
    );
    let bucket_controller = operator.controller(&buckets, engine);

    let provider_controller: Arc<OnceLock<Arc<Controller<Providers>>>> = Arc::default();
    let wake_provider = {
        let controller = provider_controller.clone();
        move |provider: &ObjectKey| {
            if let Some(controller) = controller.get() {
                controller.trigger(provider, Class::Reference);
            }
        }
    };
    let users = users_of_providers(&buckets, wake_provider.clone());
    let secrets = Secrets::new(client, clock, {
        let wake = wake_provider.clone();
        move |_, users| users.iter().for_each(&wake)
    });
    operator.state.section("secrets", {
        let secrets = secrets.clone();
        move || json!(secrets.state())
    });
    // Also where somebody took the finalizer off by force, and no pass saw it go.
    providers.observe(Box::new({
        let (sessions, secrets) = (sessions.clone(), secrets.clone());
        move |provider, change| {
            if let Change::Deleted(_) = change {
                sessions.remove(provider);
                secrets.track(provider, BTreeSet::new());
            }
        }
    }));
    let reconciler = Providers::new(aws, sessions.clone(), secrets, {
        let (users, buckets, sessions) = (users.clone(), buckets.clone(), sessions.clone());
        move |provider| {
            // Whoever may not use a provider must not hold it up either.
            let needs_it = |key: &ObjectKey| {
                buckets
                    .get(key)
                    .is_some_and(|bucket| is_held(&bucket) || sessions.serves(&bucket))
            };
            // A bucket that cannot be read may be in need of it, too.
            let known = buckets.synced() && buckets.state().unreadable == 0;
            known.then(|| {
                users
                    .users_of(provider)
                    .into_iter()
                    .filter(needs_it)
                    .collect()
            })
        }
    });
    let controller = operator.controller(&providers, reconciler);
    let _ = provider_controller.set(controller);

    sessions.on_doubt(wake_provider.clone());
    sessions.on_change(move |provider| {
        for bucket in users.users_of(provider) {
            bucket_controller.trigger(&bucket, Class::Reference);
        }
    });
    operator.run(stop).await
}

/// Who uses which provider, kept from the buckets' changes. `released` is told of a provider that lost a user.
fn users_of_providers(
    buckets: &Cache<Whole<S3Bucket>>,
    released: impl Fn(&ObjectKey) + Send + Sync + 'static,
) -> Arc<References> {
    let references = Arc::new(References::default());
    let index = references.clone();
    buckets.observe(Box::new(move |bucket, change| match change {
        Change::Added(object) | Change::Updated { new: object, .. } => {
            index.set(bucket, Some(provider_of(object)));
        }
        Change::Deleted(old) => {
            index.set(bucket, None);
            released(&provider_of(old));
        }
        Change::Unreadable(_) | Change::UnreadableGone => {}
    }));
    references
}
