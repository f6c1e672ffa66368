//! What a test may expect of the cluster that it shares.

use std::time::Duration;

use harness::wait::{PATIENCE, until, wait_for, wait_gone};
use harness::{Cluster, ControlPlane, UserRules};
use k8s_openapi::api::core::v1::{ConfigMap, Event, Namespace, ServiceAccount};
use k8s_openapi::api::rbac::v1::PolicyRule;
use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::CustomResourceDefinition;
use kube::api::{Api, DeleteParams, ListParams, ObjectMeta, PostParams};
use serde_json::json;

async fn cluster() -> &'static Cluster {
    ControlPlane::shared().await.unwrap()
}

fn config_map(name: &str, text: &str) -> ConfigMap {
    ConfigMap {
        metadata: ObjectMeta {
            name: Some(name.into()),
            ..ObjectMeta::default()
        },
        data: Some([("text".into(), text.into())].into()),
        ..ConfigMap::default()
    }
}

fn rule(verb: &str, resource: &str) -> PolicyRule {
    PolicyRule {
        api_groups: Some(vec![String::new()]),
        resources: Some(vec![resource.into()]),
        verbs: vec![verb.into()],
        ..PolicyRule::default()
    }
}

#[tokio::test]
async fn the_server_says_which_kubernetes_it_is() {
    let version = cluster()
        .await
        .client()
        .unwrap()
        .apiserver_version()
        .await
        .unwrap();
    assert_eq!(version.major, "1");
    assert!(version.git_version.starts_with("v1."), "{version:?}");
    assert!(
        version
            .git_version
            .starts_with(&format!("v1.{}.", version.minor)),
        "{version:?}"
    );
}

#[tokio::test]
async fn a_namespace_is_unique_and_really_goes_away() {
    let cluster = cluster().await;
    let (one, two) = (
        cluster.namespace("gone").await.unwrap(),
        cluster.namespace("gone").await.unwrap(),
    );
    assert_ne!(one.name(), two.name());
    let maps: Api<ConfigMap> = one.api().unwrap();
    maps.create(&PostParams::default(), &config_map("held", "x"))
        .await
        .unwrap();

    one.delete().await.unwrap();

    assert!(maps.get_opt("held").await.unwrap().is_none());
    let namespaces: Api<Namespace> = Api::all(cluster.client().unwrap());
    assert!(namespaces.get_opt(one.name()).await.unwrap().is_none());
    assert!(namespaces.get_opt(two.name()).await.unwrap().is_some());
}

#[tokio::test]
async fn controllers_work_in_a_new_namespace() {
    let namespace = cluster().await.namespace("controllers").await.unwrap();
    let accounts: Api<ServiceAccount> = namespace.api().unwrap();
    wait_for(
        &accounts,
        "default",
        "the account of every namespace",
        PATIENCE,
        |_| true,
    )
    .await
    .unwrap();
    let maps: Api<ConfigMap> = namespace.api().unwrap();
    let authority = wait_for(&maps, "kube-root-ca.crt", "the authority", PATIENCE, |_| {
        true
    })
    .await
    .unwrap();
    assert!(authority.data.unwrap()["ca.crt"].contains("BEGIN CERTIFICATE"));
}

#[tokio::test]
async fn a_user_may_do_what_its_rules_say_and_nothing_else() {
    let cluster = cluster().await;
    let (mine, other) = (
        cluster.namespace("mine").await.unwrap(),
        cluster.namespace("other").await.unwrap(),
    );
    let rules = UserRules {
        cluster: vec![rule("list", "namespaces")],
        namespaced: vec![(mine.name().into(), vec![rule("create", "configmaps")])],
    };
    let user = cluster.user("limited", rules).await.unwrap();
    let client = user.client().unwrap();
    let maps = |namespace: &str| Api::<ConfigMap>::namespaced(client.clone(), namespace);
    let new = PostParams::default();

    maps(mine.name())
        .create(&new, &config_map("a", "x"))
        .await
        .unwrap();
    Api::<Namespace>::all(client.clone())
        .list(&ListParams::default())
        .await
        .unwrap();

    for refused in [
        maps(mine.name()).get("a").await.map(drop).unwrap_err(),
        maps(other.name())
            .create(&new, &config_map("a", "x"))
            .await
            .map(drop)
            .unwrap_err(),
        Api::<Namespace>::all(client.clone())
            .get("default")
            .await
            .map(drop)
            .unwrap_err(),
    ] {
        let kube::Error::Api(status) = refused else {
            panic!("{refused}");
        };
        assert!(status.is_forbidden(), "{status:?}");
        assert!(status.message.contains(user.name()), "{status:?}");
    }
}

#[tokio::test]
async fn a_users_kubeconfig_works_for_another_process() {
    let cluster = cluster().await;
    let rules = UserRules {
        cluster: vec![rule("list", "namespaces")],
        ..UserRules::default()
    };
    let user = cluster.user("kubeconfig", rules).await.unwrap();
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("kubeconfig");
    user.write_kubeconfig(&file).unwrap();

    let read = Cluster::from_kubeconfig(&file).await.unwrap();
    assert_eq!(read.url(), cluster.url());
    let client = read.client().unwrap();
    Api::<Namespace>::all(client.clone())
        .list(&ListParams::default())
        .await
        .unwrap();
    let refused = Api::<ConfigMap>::all(client)
        .list(&ListParams::default())
        .await
        .unwrap_err();
    assert!(refused.to_string().contains(user.name()), "{refused}");
}

#[tokio::test]
async fn definitions_may_be_installed_by_many_at_once() {
    let cluster = cluster().await;
    let definition: CustomResourceDefinition = serde_json::from_value(json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "probes.harness.test"},
        "spec": {
            "group": "harness.test",
            "scope": "Namespaced",
            "names": {"kind": "Probe", "plural": "probes", "singular": "probe"},
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object"}},
            }],
        },
    }))
    .unwrap();
    let installs = (0..8).map(|_| cluster.install_crds([definition.clone()]));
    futures::future::try_join_all(installs).await.unwrap();

    // What kinds there are is told a moment after they are served.
    let told = || async {
        let mut kubectl = tokio::process::Command::from(cluster.kubectl());
        let output = kubectl
            .args(["get", "probes", "-A"])
            .output()
            .await
            .unwrap();
        match output.status.success() {
            true => Ok(()),
            false => Err(format!("{output:?}")),
        }
    };
    until("kubectl to know them", PATIENCE, told).await.unwrap();
}

#[tokio::test]
async fn a_wait_that_gives_up_shows_the_object_and_its_events() {
    let namespace = cluster().await.namespace("waits").await.unwrap();
    let maps: Api<ConfigMap> = namespace.api().unwrap();
    let made = maps
        .create(&PostParams::default(), &config_map("stuck", "not yet"))
        .await
        .unwrap();
    let event: Event = serde_json::from_value(json!({
        "metadata": {"generateName": "stuck-"},
        "involvedObject": {"kind": "ConfigMap", "name": "stuck", "namespace": namespace.name(), "uid": made.metadata.uid},
        "type": "Warning", "reason": "Stuck", "message": "the reason that a person looks for",
    }))
    .unwrap();
    namespace
        .api::<Event>()
        .unwrap()
        .create(&PostParams::default(), &event)
        .await
        .unwrap();

    let ready = |map: &ConfigMap| match map.data.as_ref().map(|data| data["text"].as_str()) {
        Some("ready") => Ok(()),
        other => Err(format!("text is {other:?}")),
    };
    // However long the first answer takes here: a wait that is too short for it shows no object.
    let mut patience = Duration::from_millis(250);
    let message = loop {
        let waited = wait_for(&maps, "stuck", "its text", patience, ready).await;
        let message = waited.unwrap_err().to_string();
        if message.contains("last seen") || patience > PATIENCE {
            break message;
        }
        patience *= 2;
    };
    for part in [
        "its text",
        r#"text is Some("not yet")"#,
        "name: stuck",
        "text: not yet",
        "Warning Stuck: the reason that a person looks for",
    ] {
        assert!(message.contains(part), "{part} is missing in: {message}");
    }
    assert!(!message.contains("managedFields"), "{message}");
}

#[tokio::test]
async fn a_wait_sees_a_change_and_an_end() {
    let namespace = cluster().await.namespace("changes").await.unwrap();
    let maps: Api<ConfigMap> = namespace.api().unwrap();
    let text_is = |wanted: &'static str| {
        move |map: &ConfigMap| map.data.as_ref().is_some_and(|data| data["text"] == wanted)
    };

    let second = wait_for(
        &maps,
        "changing",
        "its second text",
        PATIENCE,
        text_is("second"),
    );
    let change = async {
        let made = maps
            .create(&PostParams::default(), &config_map("changing", "first"))
            .await
            .unwrap();
        wait_for(
            &maps,
            "changing",
            "its first text",
            PATIENCE,
            text_is("first"),
        )
        .await
        .unwrap();
        let mut next = config_map("changing", "second");
        next.metadata.resource_version = made.metadata.resource_version;
        maps.replace("changing", &PostParams::default(), &next)
            .await
            .unwrap();
    };
    let (seen, ()) = tokio::join!(second, change);
    assert_eq!(seen.unwrap().data.unwrap()["text"], "second");

    let end = wait_gone(&maps, "changing", PATIENCE);
    let delete = async {
        maps.delete("changing", &DeleteParams::default())
            .await
            .unwrap()
    };
    let (ended, _) = tokio::join!(end, delete);
    ended.unwrap();
}
