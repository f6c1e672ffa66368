//! An operator that is installed as a Deployment, under exactly the rules that stand beside its code.

use anyhow::{Context, Result, bail, ensure};
use cloud_operator::{LEASE, NAME, admission, rbac};
use crd_types::aws::v1alpha1::{S3Bucket, crds};
use harness::Namespace;
use harness::process::Signal;
use harness::wait::{PATIENCE, until, wait_for};
use k8s_openapi::api::admissionregistration::v1::{ServiceReference, WebhookClientConfig};
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::coordination::v1::Lease;
use k8s_openapi::api::core::v1::Pod;
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::LabelSelector;
use kube::ResourceExt;
use kube::api::{Api, EvictParams, ListParams, Patch, PatchParams, PostParams};
use kube::runtime::watcher::watch_object;
use node::Bench;
use serde_json::{Value, json};

use crate::stage::{OPERATOR, apply, container, is_ready, merge, restricted, same};

/// Short enough for a test, long enough for a busy machine to renew.
const LEASE_SETTINGS: [&str; 3] = [
    "--leader-election-lease-duration=6s",
    "--leader-election-renew-deadline=4s",
    "--leader-election-retry-period=500ms",
];

/// An operator in a namespace of its own, which is also the one that it watches.
struct Installed<'a> {
    bench: &'a Bench,
    namespace: Namespace,
}

/// What differs between installations.
struct Wish<'a> {
    replicas: u32,
    arguments: &'a [String],
}

const ALONE: Wish<'_> = Wish {
    replicas: 1,
    arguments: &[],
};

impl<'a> Installed<'a> {
    /// All but the Deployment.
    async fn prepared(bench: &'a Bench) -> Result<Self> {
        bench.cluster().install_crds(crds()).await?;
        let namespace = restricted(bench, "operator").await?;
        let installed = Self { bench, namespace };
        let (name, namespace) = (NAME, installed.name());
        let metadata = json!({ "name": name, "namespace": namespace });
        let settings = json!({
            "WATCH_NAMESPACES": namespace, "LOG_FORMAT": "json", "METRICS_SECURE": "false",
        });
        for object in [
            json!({ "apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata }),
            json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": settings }),
            json!({
                "apiVersion": "v1", "kind": "Service", "metadata": metadata,
                "spec": {
                    "selector": { "app": name },
                    "ports": [{ "name": "webhooks", "port": 443, "targetPort": "webhooks" }],
                },
            }),
        ] {
            apply(bench, object).await?;
        }
        Ok(installed)
    }

    async fn new(bench: &'a Bench, wish: Wish<'_>) -> Result<Self> {
        let installed = Self::prepared(bench).await?;
        installed.grant(rbac::election(), rbac::watched()).await?;
        installed.deploy(wish).await?;
        installed.available().await?;
        Ok(installed)
    }

    fn name(&self) -> &str {
        self.namespace.name()
    }

    /// Gives its account the rules of the lease and of what it watches, besides those that hold cluster-wide.
    async fn grant(&self, election: Vec<PolicyRule>, watched: Vec<PolicyRule>) -> Result<()> {
        let own = [election, watched, vec![certificate()]].concat();
        let anyway = [
            rbac::namespaces(),
            rbac::installation(),
            rbac::admission(self.name()),
        ]
        .concat();
        let account = json!([{ "kind": "ServiceAccount", "name": NAME, "namespace": self.name() }]);
        for (kind, metadata, rules) in [
            (
                "Role",
                json!({ "name": NAME, "namespace": self.name() }),
                own,
            ),
            ("ClusterRole", json!({ "name": self.name() }), anyway),
        ] {
            let api = "rbac.authorization.k8s.io";
            let (role, binding) = (format!("{api}/v1"), format!("{kind}Binding"));
            let reference = json!({ "apiGroup": api, "kind": kind, "name": metadata["name"] });
            apply(
                self.bench,
                json!({ "apiVersion": role, "kind": kind, "metadata": metadata, "rules": rules }),
            )
            .await?;
            apply(
                self.bench,
                json!({
                    "apiVersion": role, "kind": binding, "metadata": metadata,
                    "roleRef": reference, "subjects": account,
                }),
            )
            .await?;
        }
        Ok(())
    }

    async fn deploy(&self, wish: Wish<'_>) -> Result<()> {
        let probe = |path: &str| {
            json!({
                "httpGet": { "path": path, "port": "probes" },
                "periodSeconds": 1, "timeoutSeconds": 20, "failureThreshold": 120,
            })
        };
        let arguments = LEASE_SETTINGS.iter().map(|it| (*it).to_owned());
        let arguments: Vec<String> = arguments.chain(wish.arguments.iter().cloned()).collect();
        let field = |path: &str| json!({ "fieldRef": { "fieldPath": path } });
        let deployment = json!({
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": { "name": NAME, "namespace": self.name() },
            "spec": {
                "replicas": wish.replicas,
                "selector": { "matchLabels": { "app": NAME } },
                "strategy": { "type": "RollingUpdate", "rollingUpdate": { "maxSurge": 1, "maxUnavailable": 0 } },
                "template": {
                    "metadata": { "labels": { "app": NAME } },
                    "spec": {
                        "serviceAccountName": NAME,
                        "enableServiceLinks": false,
                        "terminationGracePeriodSeconds": 60,
                        "securityContext": {
                            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "fsGroup": 65532,
                            "seccompProfile": { "type": "RuntimeDefault" },
                        },
                        "containers": [{
                            "name": "operator", "image": OPERATOR, "args": arguments,
                            "env": [
                                { "name": "CONFIG_DIR", "value": "/etc/operator/settings" },
                                { "name": "POD_NAME", "valueFrom": field("metadata.name") },
                                { "name": "POD_NAMESPACE", "valueFrom": field("metadata.namespace") },
                            ],
                            "ports": [
                                { "name": "metrics", "containerPort": 8080 },
                                { "name": "probes", "containerPort": 8081 },
                                { "name": "webhooks", "containerPort": 9443 },
                            ],
                            "livenessProbe": probe("/healthz"), "readinessProbe": probe("/readyz"),
                            "resources": { "requests": { "cpu": "50m", "memory": "64Mi" } },
                            "securityContext": {
                                "allowPrivilegeEscalation": false, "capabilities": { "drop": ["ALL"] },
                                "readOnlyRootFilesystem": true,
                            },
                            "volumeMounts": [
                                { "name": "settings", "mountPath": "/etc/operator/settings", "readOnly": true },
                            ],
                        }],
                        "volumes": [{ "name": "settings", "configMap": { "name": NAME } }],
                    },
                },
            },
        });
        apply(self.bench, deployment).await.map(drop)
    }

    /// Waits until the rollout is complete.
    async fn available(&self) -> Result<Deployment> {
        wait_for(
            &self.namespace.api()?,
            NAME,
            "the rollout to be complete",
            2 * PATIENCE,
            complete,
        )
        .await
    }

    async fn pods(&self) -> Result<Vec<Pod>> {
        let pods: Api<Pod> = self.namespace.api()?;
        let mine = ListParams::default().labels(&format!("app={NAME}"));
        let mut found = pods.list(&mine).await?.items;
        found.retain(|pod| pod.metadata.deletion_timestamp.is_none());
        Ok(found)
    }

    async fn pod(&self) -> Result<Pod> {
        self.pods().await?.pop().context("a Pod")
    }

    /// Waits until a Pod's log has `text`.
    async fn logs(&self, pod: &Pod, text: &str) -> Result<()> {
        let said = || async {
            let log = self.bench.node().log(pod).map_err(|e| e.to_string())?;
            if log.contains(text) { Ok(()) } else { Err(log) }
        };
        until(&format!("the log to say {text:?}"), PATIENCE, said).await
    }

    /// Waits until somebody leads who fits, and says who: `POD_NUMBER`, another number for each process.
    async fn leader(&self, fits: impl Fn(&str) -> bool) -> Result<String> {
        let leases: Api<Lease> = self.namespace.api()?;
        let holder = |lease: &Lease| {
            let holder = lease.spec.as_ref();
            let holder = holder.and_then(|it| it.holder_identity.clone());
            holder.unwrap_or_default()
        };
        let leads = |lease: &Lease| {
            let holder = holder(lease);
            if !holder.is_empty() && fits(&holder) {
                Ok(())
            } else {
                Err(format!("{holder:?} leads"))
            }
        };
        let lease = wait_for(&leases, LEASE, "a leader", 2 * PATIENCE, leads).await?;
        Ok(holder(&lease))
    }

    async fn set(&self, data: Value) -> Result<()> {
        let configs: Api<k8s_openapi::api::core::v1::ConfigMap> = self.namespace.api()?;
        let patch = Patch::Merge(json!({ "data": data }));
        configs.patch(NAME, &PatchParams::default(), &patch).await?;
        Ok(())
    }
}

/// The Pod that leads; names of Pods have no underscore.
fn pod_of(holder: &str) -> &str {
    holder.split('_').next().unwrap_or(holder)
}

/// What a chart allows it for its own certificate.
fn certificate() -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec!["secrets".to_owned()]),
        verbs: ["get", "create", "patch"].map(str::to_owned).into(),
        ..PolicyRule::default()
    }
}

fn complete(deployment: &Deployment) -> Result<(), String> {
    let wanted = deployment
        .spec
        .as_ref()
        .and_then(|it| it.replicas)
        .unwrap_or(1);
    let status = deployment.status.clone().unwrap_or_default();
    let observed = status.observed_generation == deployment.metadata.generation;
    let counts = [
        status.replicas,
        status.updated_replicas,
        status.available_replicas,
    ];
    match observed && counts == [Some(wanted); 3] {
        true => Ok(()),
        false => Err(format!("{counts:?} of {wanted}")),
    }
}

pub async fn account(bench: &Bench) -> Result<()> {
    let installed = Installed::prepared(bench).await?;
    installed.grant(Vec::new(), rbac::watched()).await?;
    installed.deploy(ALONE).await?;
    let runs = || async {
        let pod = installed.pod().await.map_err(|e| e.to_string())?;
        let log = bench.node().log(&pod).map_err(|e| e.to_string())?;
        // The API server names whom it refuses.
        let refused = format!("system:serviceaccount:{}:{NAME}", installed.name());
        if log.contains(&refused) {
            Ok(())
        } else {
            Err(log)
        }
    };
    until("its account to be refused the lease", PATIENCE, runs).await?;
    let leases: Api<Lease> = installed.namespace.api()?;
    ensure!(
        leases.get_opt(LEASE).await?.is_none(),
        "it has a lease without the right to it"
    );

    installed.grant(rbac::election(), rbac::watched()).await?;
    let pod = installed.pod().await?.name_any();
    installed.leader(|holder| pod_of(holder) == pod).await?;
    installed.available().await?;
    Ok(())
}

pub async fn settings(bench: &Bench) -> Result<()> {
    let installed = Installed::new(bench, ALONE).await?;
    let pod = installed.pod().await?;
    installed.set(json!({ "LOG_LEVEL": "debug" })).await?;
    installed
        .logs(&pod, "settings that were changed are in force")
        .await?;
    same(
        container(&installed.pod().await?)["restartCount"].clone(),
        json!(0),
    )?;

    // What takes a restart makes it end in order, and the node starts it again.
    installed
        .set(json!({ "MAX_CONCURRENT_RECONCILES": "3" }))
        .await?;
    let again = |pod: &Pod| container(pod)["restartCount"] == 1 && is_ready(pod);
    let pods: Api<Pod> = installed.namespace.api()?;
    let pod = wait_for(
        &pods,
        &pod.name_any(),
        "it to start again",
        2 * PATIENCE,
        again,
    )
    .await?;
    same(
        container(&pod)["lastState"]["terminated"]["reason"].clone(),
        json!("Completed"),
    )
}

pub async fn rollout(bench: &Bench) -> Result<()> {
    let installed = Installed::new(
        bench,
        Wish {
            replicas: 2,
            arguments: &[],
        },
    )
    .await?;
    let before: Vec<String> = installed
        .pods()
        .await?
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    installed
        .leader(|holder| before.iter().any(|it| it == pod_of(holder)))
        .await?;

    let deployments: Api<Deployment> = installed.namespace.api()?;
    let old = deployments.get(NAME).await?.metadata.generation;
    installed
        .deploy(Wish {
            replicas: 2,
            arguments: &["--drift-interval=30m".to_owned()],
        })
        .await?;
    let watched = async {
        use futures::StreamExt;
        let mut states = std::pin::pin!(watch_object(deployments.clone(), NAME));
        while let Some(state) = states.next().await {
            let deployment = state?.context("the Deployment is there")?;
            let available = deployment
                .status
                .as_ref()
                .and_then(|it| it.available_replicas);
            ensure!(
                available >= Some(2),
                "{available:?} are available during the rollout"
            );
            if deployment.metadata.generation > old && complete(&deployment).is_ok() {
                return Ok(());
            }
        }
        bail!("the watch has ended")
    };
    tokio::time::timeout(3 * PATIENCE, watched)
        .await
        .context("the rollout takes too long")??;
    let after: Vec<String> = installed
        .pods()
        .await?
        .iter()
        .map(ResourceExt::name_any)
        .collect();
    ensure!(
        after.len() == 2 && after.iter().all(|it| !before.contains(it)),
        "{before:?}, {after:?}"
    );
    // The old leader has given the lease back.
    installed
        .leader(|holder| after.iter().any(|it| it == pod_of(holder)))
        .await?;
    Ok(())
}

pub async fn leader(bench: &Bench) -> Result<()> {
    let installed = Installed::new(
        bench,
        Wish {
            replicas: 2,
            arguments: &[],
        },
    )
    .await?;
    let first = installed.leader(|_| true).await?;
    let pods: Api<Pod> = installed.namespace.api()?;
    let pod = pod_of(&first);
    let process = container(&pods.get(pod).await?)["containerID"].clone();
    let process = process
        .as_str()
        .and_then(|it| it.strip_prefix("process://")?.parse().ok());
    let process =
        rustix::process::Pid::from_raw(process.context("a process")?).context("a process")?;
    rustix::process::kill_process(process, Signal::KILL)?;

    // It may be the next process of the same Pod, which the node starts at once.
    installed.leader(|holder| holder != first).await?;
    let again = |pod: &Pod| container(pod)["restartCount"] == 1 && is_ready(pod);
    let pod = wait_for(&pods, pod, "it to start again", PATIENCE, again).await?;
    same(
        container(&pod)["lastState"]["terminated"]["exitCode"].clone(),
        json!(137),
    )
}

pub async fn budget(bench: &Bench) -> Result<()> {
    let installed = Installed::new(bench, ALONE).await?;
    apply(
        bench,
        json!({
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
            "metadata": { "name": NAME, "namespace": installed.name() },
            "spec": { "minAvailable": 1, "selector": { "matchLabels": { "app": NAME } } },
        }),
    )
    .await?;
    let pods: Api<Pod> = installed.namespace.api()?;
    let evict = async |name: &str| pods.evict(name, &EvictParams::default()).await;
    let only = installed.pod().await?.name_any();
    let refused = || async {
        match evict(&only).await {
            Err(kube::Error::Api(status)) if status.message.contains("disruption budget") => Ok(()),
            other => Err(format!("{other:?}")),
        }
    };
    until("the eviction to be refused", PATIENCE, refused).await?;

    installed
        .deploy(Wish {
            replicas: 2,
            arguments: &[],
        })
        .await?;
    installed.available().await?;
    let granted = || async { evict(&only).await.map(drop) };
    until("one of two to be evicted", PATIENCE, granted).await?;
    harness::wait::wait_gone(&pods, &only, 2 * PATIENCE).await?;
    installed.available().await?;
    Ok(())
}

pub async fn webhooks(bench: &Bench) -> Result<()> {
    let installed = Installed::prepared(bench).await?;
    let name = installed.name().to_owned();
    let reached = |path: &str| WebhookClientConfig {
        service: Some(ServiceReference {
            name: NAME.to_owned(),
            namespace: name.clone(),
            path: Some(path.to_owned()),
            port: Some(443),
        }),
        ..WebhookClientConfig::default()
    };
    let mut configuration = admission::configuration(&name, reached);
    let here = [("kubernetes.io/metadata.name".to_owned(), name.clone())];
    for webhook in configuration.webhooks.iter_mut().flatten() {
        webhook.namespace_selector = Some(LabelSelector {
            match_labels: Some(here.clone().into()),
            ..LabelSelector::default()
        });
    }
    let mut object = json!(configuration);
    merge(
        &mut object,
        json!({ "apiVersion": "admissionregistration.k8s.io/v1", "kind": "ValidatingWebhookConfiguration" }),
    );
    apply(bench, object).await?;
    installed.grant(rbac::election(), rbac::watched()).await?;
    let arguments = [
        "--webhook-bind-address=:9443".to_owned(),
        format!("--webhook-configuration={name}"),
    ];
    installed
        .deploy(Wish {
            replicas: 1,
            arguments: &arguments,
        })
        .await?;
    installed.available().await?;

    let group = "aws-infra-operator.runner.codes/v1alpha1";
    let metadata = |object: &str| json!({ "name": object, "namespace": name });
    let provider = json!({
        "apiVersion": group, "kind": "AWSProvider", "metadata": metadata("account"),
        "spec": { "region": "eu-central-1" },
    });
    apply(bench, provider).await?;
    let bucket = |object: &str| {
        json!({
            "apiVersion": group, "kind": "S3Bucket", "metadata": metadata(object),
            "spec": { "bucketName": format!("{name}-data"), "providerRef": { "name": "account" } },
        })
    };
    apply(bench, bucket("data")).await?;
    let buckets: Api<S3Bucket> = installed.namespace.api()?;
    let second: S3Bucket = serde_json::from_value(bucket("second"))?;
    let dry = PostParams {
        dry_run: true,
        ..PostParams::default()
    };
    let first = format!("S3Bucket {name}/data");
    let refused = || async {
        match buckets.create(&dry, &second).await {
            Err(kube::Error::Api(status)) if status.message.contains(&first) => Ok(()),
            other => Err(format!("{:?}", other.map(|it| it.name_any()))),
        }
    };
    // The authority is written by whoever leads, and the API server hears of it.
    until(
        "a second object for one bucket to be refused",
        2 * PATIENCE,
        refused,
    )
    .await
}
