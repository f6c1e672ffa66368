//! Status and finalizers: what is sent, and what each refusal means.

use std::pin::pin;

use futures::AsyncReadExt;
use harness::{
    UserRules,
    proxy::{Verb, kubernetes::Attributes},
};
use http::header::ACCEPT;
use k8s_openapi::api::rbac::v1::PolicyRule;
use kube::{Api, Client, Resource, ResourceExt, api::DynamicObject, core::ApiResource};
use operator_core::{
    cluster::{
        leading::Leading,
        write::{Target, WriteError, Writer},
    },
    decide::{
        clock::Clock,
        outcome::{Class, Fault},
    },
};
use serde_json::{Value, json};

use crate::{
    gadget::{Gadget, GadgetStatus},
    stage::{self, Stage},
};

const MINE: &str = "gadgets.example.com/mine";

struct Desk {
    stage: Stage,
    writer: Writer,
    leading: Leading,
}

impl Desk {
    async fn new() -> Self {
        let stage = Stage::new().await;
        let writer = Writer::new(stage.client.clone(), "gadget-operator");
        Self {
            writer,
            leading: Leading::always(Clock::system()),
            stage,
        }
    }

    async fn write(
        &self,
        gadget: &Gadget,
        new: &GadgetStatus,
    ) -> Result<Option<Gadget>, WriteError> {
        self.writer.patch_status(&self.leading, gadget, new).await
    }

    /// The bodies of the writes so far.
    fn sent(&self) -> Vec<Value> {
        let requests = self.stage.proxy().requests();
        let writes = requests
            .iter()
            .filter(|request| request.call.verb == Verb::Write);
        writes
            .map(|request| serde_json::from_slice(&request.call.body).unwrap())
            .collect()
    }
}

fn status(place: Option<&str>, seen: Option<i64>) -> GadgetStatus {
    GadgetStatus {
        place: place.map(str::to_owned),
        seen,
        ..GadgetStatus::default()
    }
}

#[tokio::test]
async fn a_status_is_written_as_what_changed() {
    let desk = Desk::new().await;
    let gadget = desk.stage.create("one", 1).await;
    let uid = gadget.uid().unwrap();

    let first = status(Some("here"), Some(1));
    let written = desk.write(&gadget, &first).await.unwrap().unwrap();
    let moved = desk.write(&written, &status(None, Some(1))).await;
    let moved = moved.unwrap().unwrap();
    let sent = json!([
        { "op": "test", "path": "/metadata/uid", "value": uid },
        { "op": "test", "path": "/metadata/resourceVersion", "value": written.resource_version() },
        { "op": "remove", "path": "/status/place" },
    ]);
    assert_eq!(desk.sent()[1], sent);

    let mut stored = desk.stage.gadgets().get("one").await.unwrap();
    let managers = stored.managed_fields_mut().drain(..);
    let managers: Vec<_> = managers
        .filter(|entry| entry.subresource.is_some())
        .collect();
    assert!(
        managers
            .iter()
            .any(|entry| entry.manager.as_deref() == Some("gadget-operator")),
        "{managers:?}"
    );
    // The answer does not hold it, so it must be known.
    let without_managers = |mut gadget: Gadget| {
        gadget.meta_mut().managed_fields = None;
        serde_json::to_value(gadget).unwrap()
    };
    assert_eq!(without_managers(moved), without_managers(stored));
}

/// The API server understands how writes want to be answered, for a kind of a definition and for one of its own.
#[tokio::test]
async fn writes_are_answered_with_metadata_as_protobuf() {
    let desk = Desk::new().await;
    let gadget = desk.stage.create("one", 1).await;
    desk.write(&gadget, &status(None, Some(1))).await.unwrap();
    let requests = desk.stage.proxy().requests();
    let written = requests.iter().find(|it| it.call.verb == Verb::Write);
    let call = &written.unwrap().call;
    let of_gadget = call.path.strip_suffix("/status").unwrap();
    for path in [of_gadget, "/api/v1/namespaces/default"] {
        let request = http::Request::get(path).header(ACCEPT, &call.headers[ACCEPT]);
        let request = request.body(Vec::new()).unwrap();
        let mut answer = pin!(desk.stage.client.request_stream(request).await.unwrap());
        let mut body = Vec::new();
        answer.read_to_end(&mut body).await.unwrap();
        let text = String::from_utf8_lossy(&body);
        assert!(text.starts_with("k8s\0"), "{path}: {text}");
        assert!(text.contains("PartialObjectMetadata"), "{path}: {text}");
    }
}

#[tokio::test]
async fn nothing_is_sent_where_nothing_differs() {
    let desk = Desk::new().await;
    let gadget = desk.stage.create("one", 1).await;
    let written = desk
        .write(&gadget, &status(Some("here"), None))
        .await
        .unwrap()
        .unwrap();
    assert!(
        desk.write(&written, &status(Some("here"), None))
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(desk.sent().len(), 1);
}

#[tokio::test]
async fn a_status_never_lands_on_another_object() {
    let desk = Desk::new().await;
    let gadget = desk.stage.create("one", 1).await;
    let wanted = status(Some("here"), None);

    desk.stage.resize("one", 2).await;
    let based = desk.write(&gadget, &wanted).await.unwrap_err();
    assert!(
        matches!(based, WriteError::Conflict),
        "it changed since: {based:?}"
    );

    desk.stage.delete("one").await;
    let gone = desk.write(&gadget, &wanted).await.unwrap_err();
    assert!(matches!(gone, WriteError::Gone), "{gone:?}");
    let mut earlier = desk.stage.create("one", 1).await;
    earlier.meta_mut().uid = gadget.uid();
    let reborn = desk.write(&earlier, &wanted).await.unwrap_err();
    assert!(
        matches!(reborn, WriteError::Conflict),
        "another life: {reborn:?}"
    );
    assert!(
        desk.stage
            .gadgets()
            .get("one")
            .await
            .unwrap()
            .status
            .is_none()
    );
}

#[tokio::test]
async fn without_the_right_nothing_is_sent() {
    let mut desk = Desk::new().await;
    let gadget = desk.stage.create("one", 1).await;
    let held = desk
        .writer
        .add_finalizer(&desk.leading, &gadget, MINE)
        .await
        .unwrap()
        .unwrap();
    desk.stage.proxy().clear();
    desk.leading = stage::ended_term(&desk.stage).await;

    let refused = desk
        .write(&held, &status(Some("here"), None))
        .await
        .unwrap_err();
    assert!(matches!(refused, WriteError::NotLeading(_)), "{refused:?}");
    let refused = desk
        .writer
        .add_finalizer(&desk.leading, &held, "gadgets.example.com/more")
        .await
        .unwrap_err();
    assert!(matches!(refused, WriteError::NotLeading(_)), "{refused:?}");
    let refused = desk
        .writer
        .remove_finalizers(&desk.leading, &held, &[MINE])
        .await
        .unwrap_err();
    let fault = Fault::from(refused);
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Transient, "LeadershipLost")
    );
    let about_gadgets = |verb| {
        desk.stage
            .proxy()
            .counts()
            .iter()
            .any(|(v, about, _)| v == verb && about.contains("gadgets"))
    };
    assert!(
        !about_gadgets(Verb::Write),
        "{:?}",
        desk.stage.proxy().requests()
    );
}

#[tokio::test]
async fn a_refusal_says_what_is_missing() {
    let desk = Desk::new().await;
    let gadget = desk.stage.create("one", 1).await;
    let user = desk
        .stage
        .cluster
        .user("powerless", UserRules::default())
        .await
        .unwrap();
    let writer = Writer::new(desk.stage.client_of(&user), "gadget-operator");
    let wanted = status(None, Some(1));
    let denied = writer.patch_status(&desk.leading, &gadget, &wanted).await;
    let fault = Fault::from(denied.unwrap_err());
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Blocked, "Forbidden")
    );
    let expected = "may not patch gadgets/status.gadgets.example.com: ";
    assert!(
        fault.message.starts_with(expected) && fault.message.contains(user.name()),
        "{fault}"
    );

    let rule = PolicyRule {
        api_groups: Some(vec!["gadgets.example.com".into()]),
        resources: Some(vec!["gadgets".into(), "gadgets/status".into()]),
        verbs: vec!["patch".into()],
        ..PolicyRule::default()
    };
    let rules = UserRules {
        cluster: vec![rule],
        ..UserRules::default()
    };
    let user = desk.stage.cluster.user("writer", rules).await.unwrap();
    let writer = Writer::new(desk.stage.client_of(&user), "gadget-operator");
    let gadget = writer
        .patch_status(&desk.leading, &gadget, &wanted)
        .await
        .unwrap()
        .expect("the status is new");
    writer
        .add_finalizer(&desk.leading, &gadget, MINE)
        .await
        .unwrap();
    let verbs: Vec<_> = desk
        .stage
        .proxy()
        .requests()
        .iter()
        .filter_map(|r| Attributes::of(&r.call))
        .collect();
    assert!(
        verbs.iter().all(|attributes| attributes.verb == "patch"),
        "{verbs:?}"
    );
}

#[tokio::test]
async fn an_unreadable_object_can_still_be_told_why() {
    let desk = Desk::new().await;
    let namespace = desk.stage.namespace.name();
    let odd = stage::create(&desk.stage.others, namespace, "odd", json!("large")).await;
    let (key, uid) = (desk.stage.key("odd"), odd.uid().unwrap());
    let target = Target {
        key: &key,
        uid: &uid,
        resource_version: None,
    };
    let tell = |target, said: GadgetStatus| {
        let (writer, leading) = (&desk.writer, &desk.leading);
        async move {
            writer
                .patch_unread_status::<Gadget>(leading, target, &said)
                .await
        }
    };
    tell(target, status(Some("recorded"), Some(1)))
        .await
        .unwrap();
    tell(target, status(None, Some(2))).await.unwrap();
    let kind = ApiResource::erase::<Gadget>(&());
    let any: Api<DynamicObject> = Api::namespaced_with(desk.stage.others.clone(), namespace, &kind);
    let stored = any.get("odd").await.unwrap().data["status"].clone();
    assert_eq!(
        stored,
        json!({ "ready": false, "place": "recorded", "seen": 2 }),
        "a record is kept"
    );
    let other = tell(
        Target {
            uid: "another",
            ..target
        },
        status(None, Some(3)),
    )
    .await
    .unwrap_err();
    assert!(matches!(other, WriteError::Conflict), "{other:?}");
}

#[tokio::test]
async fn a_finalizer_is_added_once_beside_those_of_others() {
    let desk = Desk::new().await;
    let gadget = desk.stage.create("one", 1).await;
    let held = desk
        .writer
        .add_finalizer(&desk.leading, &gadget, MINE)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(held.finalizers(), [MINE]);
    assert!(
        desk.writer
            .add_finalizer(&desk.leading, &held, MINE)
            .await
            .unwrap()
            .is_none()
    );

    let theirs = "gadgets.example.com/theirs";
    let both = desk
        .writer
        .add_finalizer(&desk.leading, &held, theirs)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(both.finalizers(), [MINE, theirs]);
    let left = desk
        .writer
        .remove_finalizers(&desk.leading, &both, &[MINE, "absent"])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(left.finalizers(), [theirs]);
    assert!(
        desk.writer
            .remove_finalizers(&desk.leading, &left, &[MINE])
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(desk.sent().len(), 3, "nothing was sent in vain");
    let freed = desk
        .writer
        .remove_finalizers(&desk.leading, &left, &[theirs])
        .await
        .unwrap()
        .unwrap();
    assert_eq!(freed.finalizers(), [""; 0]);
    let again = desk
        .writer
        .add_finalizer(&desk.leading, &freed, MINE)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        again.finalizers(),
        [MINE],
        "an emptied list is as good as none"
    );
}

#[tokio::test]
async fn a_finalizer_never_overwrites_what_somebody_else_did() {
    let desk = Desk::new().await;
    let gadget = desk.stage.create("one", 1).await;
    let others = Writer::new(desk.stage.others.clone(), "somebody");
    let theirs = "gadgets.example.com/theirs";
    others
        .add_finalizer(&desk.leading, &gadget, theirs)
        .await
        .unwrap();

    let added = desk
        .writer
        .add_finalizer(&desk.leading, &gadget, MINE)
        .await
        .unwrap_err();
    assert!(matches!(added, WriteError::Conflict), "{added:?}");
    let current = desk.stage.gadgets().get("one").await.unwrap();
    let both = desk
        .writer
        .add_finalizer(&desk.leading, &current, MINE)
        .await
        .unwrap()
        .unwrap();
    others
        .remove_finalizers(&desk.leading, &both, &[theirs])
        .await
        .unwrap();
    let removed = desk
        .writer
        .remove_finalizers(&desk.leading, &both, &[MINE])
        .await
        .unwrap_err();
    assert!(matches!(removed, WriteError::Conflict), "{removed:?}");
    assert_eq!(
        desk.stage.gadgets().get("one").await.unwrap().finalizers(),
        [MINE]
    );
}

#[tokio::test]
async fn a_finalizer_that_comes_too_late_is_told_apart_from_a_bad_object() {
    let desk = Desk::new().await;
    let gadget = desk.stage.create("one", 1).await;
    let others = Writer::new(desk.stage.others.clone(), "somebody");
    let held = others
        .add_finalizer(&desk.leading, &gadget, "gadgets.example.com/theirs")
        .await
        .unwrap()
        .unwrap();
    desk.stage.delete("one").await;

    let late = desk
        .writer
        .add_finalizer(&desk.leading, &held, MINE)
        .await
        .unwrap_err();
    assert!(
        matches!(late, WriteError::Conflict),
        "it is being deleted: {late:?}"
    );
    let other = desk.stage.create("other", 1).await;
    let bad = desk
        .writer
        .add_finalizer(&desk.leading, &other, "no name")
        .await
        .unwrap_err();
    let fault = Fault::from(bad);
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Blocked, "RefusedByAPIServer"),
        "{fault}"
    );
    assert!(fault.message.contains("no name"), "{fault}");
}

#[tokio::test]
async fn the_last_finalizer_lets_a_deleted_object_go() {
    let desk = Desk::new().await;
    let gadget = desk.stage.create("one", 1).await;
    desk.writer
        .add_finalizer(&desk.leading, &gadget, MINE)
        .await
        .unwrap();
    desk.stage.delete("one").await;
    let dying = desk.stage.gadgets().get("one").await.unwrap();
    assert!(dying.meta().deletion_timestamp.is_some());

    desk.writer
        .remove_finalizers(&desk.leading, &dying, &[MINE])
        .await
        .unwrap()
        .unwrap();
    assert!(desk.stage.gadgets().get_opt("one").await.unwrap().is_none());
    let gone = desk
        .writer
        .remove_finalizers(&desk.leading, &dying, &[MINE])
        .await
        .unwrap_err();
    assert!(matches!(gone, WriteError::Gone), "{gone:?}");
    desk.stage.create("one", 1).await;
    let reborn = desk
        .writer
        .remove_finalizers(&desk.leading, &dying, &[MINE])
        .await
        .unwrap_err();
    assert!(
        matches!(reborn, WriteError::Conflict),
        "another life: {reborn:?}"
    );
}

#[tokio::test]
async fn no_answer_is_transient() {
    let desk = Desk::new().await;
    let gadget = desk.stage.create("one", 1).await;
    let nowhere = kube::Config::new("http://127.0.0.1:9".parse().unwrap());
    let writer = Writer::new(Client::try_from(nowhere).unwrap(), "gadget-operator");
    let fault = Fault::from(
        writer
            .add_finalizer(&desk.leading, &gadget, MINE)
            .await
            .unwrap_err(),
    );
    assert_eq!(
        (fault.class, fault.reason.as_str()),
        (Class::Transient, "APIServerUnreachable")
    );
    assert!(fault.message.contains("onnection refused"), "{fault}");
}
