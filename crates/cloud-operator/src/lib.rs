//! AWS accounts and resources as Kubernetes objects.

pub mod admission;
pub mod aws;
mod config;
mod drift;
pub mod iam;
mod metrics;
pub mod provider;
pub mod rbac;
pub mod s3bucket;

use std::{
    collections::BTreeSet,
    future::Future,
    pin::pin,
    sync::{Arc, OnceLock},
    time::Duration,
};

use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use kube::Client;
use operator_core::{
    cluster::{
        cache::{Cache, Change, Whole},
        secrets::Secrets,
    },
    decide::{clock::Clock, key::ObjectKey, queue::Class},
    engines::{
        controller::Controller,
        external::{Engine, NamespaceWords, Owner, Words},
    },
    process::{
        build::build,
        config::{Anew, Namespaces},
        operator::{Admission, Operator},
    },
};
use serde_json::json;
use tokio::sync::watch;

pub use self::config::Config;
use self::{
    admission::Inherited,
    aws::{Aws, Paces},
    metrics::{Finalizers, Finalizing},
    provider::{BucketsOfProviders, ExternalIds, Providers, Sessions},
    s3bucket::{LeftBehind, Namesakes, S3Buckets},
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
    let settings = config.aws().map_err(OperatorError::Settings)?;
    let paces = Paces::new(config.aws_calls(), clock.clone());
    let webhook = config.webhooks().map_err(OperatorError::Settings)?;
    let gates = config.feature_gates;
    let aws = Aws::new(settings, clock.clone()).within(paces.clone());
    let mut stop = pin!(stop);
    let installation = tokio::select! {
        biased;
        () = &mut stop => return Ok(()),
        name = config.installation.name(&client, &clock) => name?,
    };
    let watched = config.common.namespaces.clone();
    let mut operator = Operator::new(
        NAME,
        build!(),
        LEASE,
        config.common,
        client.clone(),
        clock.clone(),
    );

    operator.gated(&gates);
    let intervals = Intervals {
        drift: watch::Sender::new(config.drift_interval.0),
        sweep: watch::Sender::new(config.sweep_interval.0),
    };
    let providers: Arc<Cache<Whole<AWSProvider>>> = operator.cache("awsprovider");
    let buckets: Arc<Cache<Whole<S3Bucket>>> = operator.packed_cache("s3bucket");
    let namesakes = Namesakes::among(&buckets);
    let sessions = Arc::new(Sessions::new(paces.clone(), clock.clone()));
    let domain = S3Buckets::new(sessions.clone());
    let live = metrics::Live::of(&providers, &buckets);
    let finalizers = Finalizers::new();
    let (meter, drift) = (aws.meter(), domain.drift());
    metrics::register(
        &operator.metrics,
        meter,
        drift,
        &finalizers,
        &sessions,
        live,
    );

    let namespaces: Arc<Cache<Words<S3Bucket>>> = operator.cluster_projection("namespace");
    let owner = Owner {
        installation: installation.clone(),
        named_by_cluster: config.installation.configured.is_none(),
        earlier: config
            .earlier_installations
            .iter()
            .map(ToString::to_string)
            .collect(),
        deletion_policy: config.deletion_policy,
    };
    let engine = Engine::new(
        domain,
        owner,
        NamespaceWords::new(namespaces.clone(), client.clone()),
        intervals.drift.subscribe(),
        clock.clone(),
    );
    let engine = finalizers.counting("s3bucket", s3bucket::is_held, engine);
    let bucket_controller = operator.controller(&buckets, engine);
    wake_with_namespaces(&namespaces, &buckets, &bucket_controller);

    let provider_controller: Arc<OnceLock<Arc<Controller<Finalizing<Providers>>>>> = Arc::default();
    let wake_provider = {
        let controller = provider_controller.clone();
        move |provider: &ObjectKey| {
            if let Some(controller) = controller.get() {
                controller.trigger(provider, Class::Reference);
            }
        }
    };
    let users = Arc::new(BucketsOfProviders::of(
        &buckets,
        sessions.clone(),
        wake_provider.clone(),
    ));
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
    let external_ids = ExternalIds {
        installation: installation.clone(),
        enforced: config.enforce_external_ids,
    };
    if let Some(address) = webhook {
        operator.admission(Admission {
            address,
            configuration: config.webhook.webhook_configuration,
            validators: admission::validators(
                providers.clone(),
                buckets.clone(),
                namesakes.clone(),
                users.clone(),
                Inherited {
                    namespaces,
                    operator: config.deletion_policy,
                },
            ),
        });
    }
    let reconciler = Providers::new(aws, external_ids, sessions.clone(), secrets, users.clone());
    let reconciler = finalizers.counting("awsprovider", provider::is_held, reconciler);
    let controller = operator.controller(&providers, reconciler);
    let _ = provider_controller.set(controller);

    let left_behind = Arc::new(LeftBehind::new(
        sessions.clone(),
        buckets.clone(),
        namesakes,
        installation,
        move |namespace| match &watched {
            Namespaces::All => true,
            Namespaces::Only(names) => names.iter().any(|name| name == namespace),
        },
    ));
    sweep(&mut operator, left_behind, intervals.sweep.subscribe());
    operator.part(follow(config.anew, paces, intervals));

    sessions.on_doubt(wake_provider.clone());
    sessions.on_change(move |provider| {
        for bucket in users.all(provider) {
            bucket_controller.trigger(&bucket, Class::Reference);
        }
    });
    operator.run(stop).await
}

/// The intervals that may change while the operator runs.
struct Intervals {
    drift: watch::Sender<Duration>,
    sweep: watch::Sender<Duration>,
}

/// Brings into force what takes no restart.
async fn follow(mut anew: Anew<Config>, paces: Paces, intervals: Intervals) {
    loop {
        let config = anew.next().await;
        paces.adjust(config.aws_calls());
        intervals.drift.send_replace(config.drift_interval.0);
        let sweep = config.sweep_interval.0;
        intervals.sweep.send_if_modified(|before| {
            let is_new = *before != sweep;
            *before = sweep;
            is_new
        });
    }
}

/// Has a namespace's buckets looked at when it says something else to them.
fn wake_with_namespaces(
    namespaces: &Cache<Words<S3Bucket>>,
    buckets: &Arc<Cache<Whole<S3Bucket>>>,
    controller: &Arc<Controller<Finalizing<Engine<S3Buckets>>>>,
) {
    let (buckets, controller) = (buckets.clone(), Arc::downgrade(controller));
    namespaces.observe(Box::new(move |namespace, change| {
        let (Change::Updated { old, new }, Some(controller)) = (change, controller.upgrade())
        else {
            return;
        };
        if old != new {
            let keys = buckets.keys().into_iter();
            for bucket in keys.filter(|key| key.namespace == namespace.name) {
                controller.trigger(&bucket, Class::Reference);
            }
        }
    }));
}

/// Has what was left behind looked for, and told.
fn sweep(
    operator: &mut Operator,
    left_behind: Arc<LeftBehind>,
    mut interval: watch::Receiver<Duration>,
) {
    operator.metrics.unclaimed("s3bucket", {
        let left_behind = left_behind.clone();
        move || left_behind.count()
    });
    operator.state.section("unclaimed/s3bucket", {
        let left_behind = left_behind.clone();
        move || left_behind.state()
    });
    let (clock, synced) = (operator.clock.clone(), operator.synced());
    operator.drained(move |mut course| async move {
        tokio::select! {
            () = course.stopped() => return,
            () = synced.wait() => {}
        }
        loop {
            let now = *interval.borrow_and_update();
            let rounds = left_behind.clone().run(clock.clone(), now, course.clone());
            tokio::select! {
                () = rounds => return,
                Ok(()) = interval.changed() => {}
            }
        }
    });
}
