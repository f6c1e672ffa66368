//! One test's own stage: a namespace, proxies before the API server and before AWS, and operators that see
//! nothing else.

#![allow(dead_code, reason = "no test file uses all of it")]

pub mod hook;
pub mod outside;
pub mod program;
pub mod state;
pub mod wishes;

use std::{
    collections::{BTreeMap, BTreeSet},
    ffi::OsString,
    future::Future,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use cloud_operator::Config;
use crd_types::{
    aws::v1alpha1::{AWSProvider, S3Bucket, crds},
    lifecycle::{HasLifecycle, Lifecycle, Managed},
};
use futures::future::join_all;
use harness::{ApiProxy, AwsProxy, Cluster, ControlPlane, Moto, Namespace, wait};
use k8s_openapi::api::core::v1::{Event, Secret};
use kube::{
    Api, Client, ResourceExt,
    api::{DeleteParams, ListParams, Patch, PatchParams, PostParams},
};
use operator_core::{
    decide::clock::Clock,
    process::config::{Inputs, load},
};
use outside::Somebody;
use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::{sync::oneshot, task::JoinHandle};

pub use harness::wait::PATIENCE;

/// The interval at which operators of a scene look for drift.
pub const INTERVAL: Duration = Duration::from_secs(300);

/// The clusters that know the definitions, by their addresses.
static INSTALLED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Settings of an operator whose clock a test moves by minutes: that costs neither the lease nor a pass in hand.
pub const UNHURRIED: &[&str] = &[
    "--leader-election-lease-duration=1h",
    "--leader-election-renew-deadline=50m",
    "--reconcile-timeout=1h",
];

/// One test's own stage.
pub struct Scene {
    pub cluster: Cluster,
    pub namespace: Namespace,
    pub api: ApiProxy,
    pub aws: AwsProxy,
    /// Somebody else of the same AWS account.
    pub somebody: Somebody,
    client: Client,
}

/// An operator that runs in this process.
pub struct Running {
    pub clock: Clock,
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), cloud_operator::OperatorError>>,
}

impl Scene {
    pub async fn new(prefix: &str) -> Result<Self> {
        Self::on(ControlPlane::shared().await?, prefix).await
    }

    /// A stage on a cluster of the test's own.
    pub async fn on(cluster: &Cluster, prefix: &str) -> Result<Self> {
        if !INSTALLED.lock().contains(&cluster.url()) {
            cluster.install_crds(crds()).await?;
            INSTALLED.lock().insert(cluster.url());
        }
        Self::as_it_is(cluster, prefix).await
    }

    /// A stage on a cluster of the test's own, with the definitions that it has.
    pub async fn as_it_is(cluster: &Cluster, prefix: &str) -> Result<Self> {
        let moto = Moto::shared().await?;
        log_if_asked();
        let cluster = cluster.clone();
        let namespace = cluster.namespace(prefix).await?;
        let api = ApiProxy::start(&cluster.config()).await?;
        let aws = AwsProxy::start(moto.url()).await?;
        Ok(Self {
            client: cluster.client()?,
            cluster,
            namespace,
            api,
            aws,
            somebody: Somebody::new(moto).await?,
        })
    }

    /// A name for a bucket that no other test has.
    pub fn bucket_name(&self, name: &str) -> String {
        format!("{}-{name}", self.namespace.name())
    }

    /// The settings of an operator of this scene, as its command line gives them.
    pub fn settings(&self) -> Vec<String> {
        let namespace = self.namespace.name();
        let endpoint = self.aws.url();
        vec![
            format!("--watch-namespaces={namespace}"),
            format!("--leader-election-namespace={namespace}"),
            format!("--pod-name={namespace}"),
            format!("--reconcile-interval={}s", INTERVAL.as_secs()),
            // The next pass may come a tenth of its interval early.
            format!("--drift-interval={}s", INTERVAL.as_secs() * 9 / 10),
            "--metrics-bind-address=0".to_owned(),
            "--metrics-secure=false".to_owned(),
            "--health-probe-bind-address=0".to_owned(),
            format!("--allowed-endpoints={endpoint}"),
            "--allow-http-endpoints=true".to_owned(),
        ]
    }

    /// An operator in this process, with the usual settings.
    pub fn operator(&self) -> Result<Running> {
        self.operator_with(&[])
    }

    /// An operator in this process; `more` settings win over the usual ones.
    pub fn operator_with(&self, more: &[&str]) -> Result<Running> {
        self.operator_as(&self.cluster.config(), more)
    }

    /// An operator in this process that is this user of the cluster.
    pub fn operator_as(&self, user: &kube::Config, more: &[&str]) -> Result<Running> {
        let client = Client::try_from(self.api.config_for(user)?)?;
        Running::start(config(self.settings(), more)?, client)
    }

    pub fn providers(&self) -> Api<AWSProvider> {
        self.api_of()
    }

    pub fn buckets(&self) -> Api<S3Bucket> {
        self.api_of()
    }

    /// Straight to the API server, as an administrator.
    pub fn api_of<K>(&self) -> Api<K>
    where
        K: kube::Resource<Scope = kube::core::NamespaceResourceScope, DynamicType: Default>,
    {
        Api::namespaced(self.client.clone(), self.namespace.name())
    }

    /// A Secret with keys, and a provider that uses it.
    pub async fn provider(&self, name: &str) -> Result<AWSProvider> {
        self.keys(name, "AKIDEXAMPLE").await?;
        self.create(json!({
            "kind": "AWSProvider",
            "metadata": { "name": name },
            "spec": {
                "region": "eu-central-1",
                "endpoint": self.aws.url(),
                "credentialsSecret": { "name": name },
            },
        }))
        .await
    }

    /// Writes the Secret `name` with an access key of this ID.
    pub async fn keys(&self, name: &str, id: &str) -> Result<Secret> {
        let secret: Secret = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": name },
            "stringData": { "AWS_ACCESS_KEY_ID": id, "AWS_SECRET_ACCESS_KEY": "secret" },
        }))?;
        let params = PatchParams::apply("test").force();
        Ok(self
            .api_of::<Secret>()
            .patch(name, &params, &Patch::Apply(&secret))
            .await?)
    }

    /// A bucket object of the provider `provider`; `spec` is merged over the least that it needs.
    pub async fn bucket(&self, name: &str, provider: &str, spec: Value) -> Result<S3Bucket> {
        let mut whole = json!({
            "providerRef": { "name": provider },
            "bucketName": self.bucket_name(name),
        });
        for (field, value) in spec.as_object().into_iter().flatten() {
            whole[field] = value.clone();
        }
        self.create(json!({ "kind": "S3Bucket", "metadata": { "name": name }, "spec": whole }))
            .await
    }

    /// Creates an object of the group as a user would, with strict validation.
    pub async fn create<K>(&self, mut object: Value) -> Result<K>
    where
        K: Managed,
    {
        object["apiVersion"] = K::api_version(&()).into();
        let object: K = serde_json::from_value(object)?;
        let created = self
            .api_of::<K>()
            .create(&PostParams::default(), &object)
            .await;
        created.with_context(|| format!("{} {}", K::kind(&()), object.name_any()))
    }

    /// Merges `patch` into the object.
    pub async fn patch<K: Managed>(&self, name: &str, patch: Value) -> Result<K> {
        let patch = Patch::Merge(patch);
        Ok(self
            .api_of::<K>()
            .patch(name, &PatchParams::default(), &patch)
            .await?)
    }

    pub async fn delete<K: Managed>(&self, name: &str) -> Result<()> {
        self.api_of::<K>()
            .delete(name, &DeleteParams::background())
            .await?;
        Ok(())
    }

    pub async fn gone<K: Managed>(&self, name: &str) -> Result<()> {
        wait::wait_gone(&self.api_of::<K>(), name, PATIENCE).await
    }

    /// Waits until the object's present generation is ready.
    pub async fn ready<K: Managed>(&self, name: &str) -> Result<K> {
        wait::wait_for(
            &self.api_of(),
            name,
            "it is ready",
            PATIENCE,
            |object: &K| {
                let generation = object.meta().generation;
                let lifecycle = object
                    .status()
                    .map(HasLifecycle::lifecycle)
                    .cloned()
                    .unwrap_or_default();
                lifecycle.ready && lifecycle.observed_generation == generation
            },
        )
        .await
    }

    /// Waits until the object's present generation is not ready, for this reason.
    pub async fn refused<K: Managed>(&self, name: &str, reason: &str) -> Result<K> {
        let what = format!("it is not ready: {reason}");
        wait::wait_for(&self.api_of(), name, &what, PATIENCE, |object: &K| {
            let Some(status) = object.status() else {
                return false;
            };
            let ready = status.lifecycle().condition("Ready");
            ready.is_some_and(|ready| {
                ready.status == "False"
                    && ready.reason == reason
                    && ready.observed_generation == object.meta().generation
            })
        })
        .await
    }

    /// Waits until something was published about the object for this reason, and returns the text of the last.
    pub async fn event<K: Managed>(&self, name: &str, reason: &str) -> Result<String> {
        let about = format!(
            "involvedObject.kind={},involvedObject.name={name},reason={reason}",
            K::kind(&())
        );
        let (api, about) = (self.api_of::<Event>(), ListParams::default().fields(&about));
        let text = Mutex::new(None);
        wait::until(&format!("an event {reason}"), PATIENCE, || async {
            let found = api.list(&about).await.map_err(|e| e.to_string())?.items;
            let last = found.into_iter().max_by_key(|e| e.last_timestamp.clone());
            *text.lock() = last.and_then(|event| event.message);
            match text.lock().is_some() {
                true => Ok(()),
                false => Err("none".to_owned()),
            }
        })
        .await?;
        text.into_inner().context("a text")
    }

    /// What kubectl prints in the scene's namespace.
    pub async fn kubectl(&self, args: &[&str]) -> Result<String> {
        let mut command = self.cluster.kubectl();
        command.args(["-n", self.namespace.name()]).args(args);
        let output = tokio::task::spawn_blocking(move || command.output()).await??;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        anyhow::ensure!(
            output.status.success(),
            "kubectl {args:?}: {}",
            text(&output.stderr)
        );
        Ok(text(&output.stdout))
    }

    /// How often the operator asked AWS anything about the bucket.
    pub fn calls_about(&self, bucket: &str) -> usize {
        let requests = self.aws.proxy().requests();
        let about = |path: &str| path.trim_matches('/') == bucket;
        requests.iter().filter(|it| about(&it.call.path)).count()
    }

    /// Asks for a pass and waits until it was answered.
    pub async fn request_pass<K: Managed>(&self, name: &str) -> Result<K> {
        let value = format!("{:x}", fastrand::u64(..));
        let key = format!("{}/reconcile-requested-at", K::group(&()));
        self.patch::<K>(
            name,
            json!({ "metadata": { "annotations": { key: value } } }),
        )
        .await?;
        wait::wait_for(
            &self.api_of(),
            name,
            "the requested pass was made",
            PATIENCE,
            |object: &K| {
                let status = object.status();
                status.is_some_and(|s| {
                    s.lifecycle().last_handled_reconcile_at.as_ref() == Some(&value)
                })
            },
        )
        .await
    }
}

impl Running {
    /// Starts the operator with a clock of its own.
    pub fn start(config: Config, client: Client) -> Result<Self> {
        let clock = Clock::system();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(cloud_operator::run(
            config,
            client,
            clock.clone(),
            async move {
                // A sender that is gone means the same.
                let _ = stopped.await;
            },
        ));
        Ok(Self { clock, stop, task })
    }

    /// Whether it has ended by itself; [`stop`](Self::stop) then tells why.
    pub fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    /// Makes the time of an [`UNHURRIED`] operator fly until the value is dropped, so that no backoff is waited
    /// for. How fast decides nothing: what has a deadline has an hour of that time, three minutes of ours.
    pub fn hurried(&self) -> Hurry {
        self.hurried_while(|| true)
    }

    /// The same, but time flies only while `idle`: for what has a deadline of seconds that is not to be met.
    pub fn hurried_while(&self, idle: impl Fn() -> bool + Send + 'static) -> Hurry {
        let clock = self.clock.clone();
        Hurry(tokio::spawn(async move {
            loop {
                tokio::time::sleep(Duration::from_millis(50)).await;
                if idle() {
                    clock.advance(Duration::from_secs(1));
                }
            }
        }))
    }

    /// Stops it as SIGTERM would.
    pub async fn stop(self) -> Result<()> {
        drop(self.stop);
        Ok(self.task.await??)
    }

    /// Drops it with all its memory, wherever it is.
    pub async fn crash(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Lives all of these side by side to their ends, each told by its name where it fails.
///
/// # Errors
/// All that failed.
pub async fn side_by_side<'a, L>(lives: impl IntoIterator<Item = (&'a str, L)>) -> Result<()>
where
    L: Future<Output = Result<()>>,
{
    let named = lives.into_iter().map(|(name, life)| async move {
        let lived = life.await;
        lived.with_context(|| name.to_owned())
    });
    let lived = join_all(named).await.into_iter();
    let failures = lived.filter_map(|it| it.err().map(|error| format!("{error:#}")));
    let failures: Vec<String> = failures.collect();
    ensure!(failures.is_empty(), "{}", failures.join("\n\n"));
    Ok(())
}

/// What the engine says of the object; empty before the first pass.
pub fn lifecycle<K: Managed>(object: &K) -> Lifecycle {
    let status = object.status().map(HasLifecycle::lifecycle);
    status.cloned().unwrap_or_default()
}

/// The reason of the object's `Ready` condition.
pub fn ready_reason<K: Managed>(object: &K) -> String {
    let lifecycle = lifecycle(object);
    let ready = lifecycle.condition("Ready");
    ready
        .map(|ready| ready.reason.to_string())
        .unwrap_or_default()
}

/// The message of the object's `Ready` condition.
pub fn ready_message<K: Managed>(object: &K) -> String {
    let lifecycle = lifecycle(object);
    let ready = lifecycle.condition("Ready");
    ready
        .map(|ready| ready.message.to_string())
        .unwrap_or_default()
}

/// Time that flies.
pub struct Hurry(JoinHandle<()>);

impl Drop for Hurry {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// `TEST_LOG=debug cargo test …` shows what the operators log.
fn log_if_asked() {
    use clap::ValueEnum;
    use operator_core::process::{config::LogLevel, telemetry};
    if let Some(level) = std::env::var("TEST_LOG")
        .ok()
        .and_then(|l| LogLevel::from_str(&l, true).ok())
    {
        let log = telemetry::human_subscriber(level, Clock::system(), std::io::stderr, false);
        // Another test of this process was first.
        let _ = tracing_subscriber::util::SubscriberInitExt::try_init(log);
    }
}

/// Settings from a command line.
pub fn config(settings: Vec<String>, more: &[&str]) -> Result<Config> {
    let program = OsString::from(cloud_operator::NAME);
    let args = std::iter::once(program)
        .chain(last_wins(settings, more).into_iter().map(OsString::from))
        .collect();
    let loaded = load(&Inputs {
        args,
        env: &|_| None,
        facts: &[],
    });
    Ok(loaded
        .map_err(|refused| anyhow::anyhow!("{refused}"))?
        .settings)
}

/// Of settings that come twice, the last.
fn last_wins(settings: Vec<String>, more: &[&str]) -> Vec<String> {
    let name = |setting: &str| setting.split('=').next().unwrap_or_default().to_owned();
    let mut last: BTreeMap<String, String> = BTreeMap::new();
    for setting in settings
        .into_iter()
        .chain(more.iter().map(|&setting| setting.to_owned()))
    {
        last.insert(name(&setting), setting);
    }
    last.into_values().collect()
}
