//! A key pair and a token that sing when they are seen where they must not be.

mod needles;
#[path = "../scene/mod.rs"]
mod scene;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use crd_types::aws::v1alpha1::{AWSProvider, S3Bucket};
use harness::{
    aws::refusal,
    proxy::{Action, Rule, Verb, kubernetes, kubernetes::Attributes},
    wait,
};
use http::StatusCode;
use k8s_openapi::api::{coordination::v1::Lease, core::v1::Secret, events::v1::Event};
use kube::{
    Api,
    api::{ListParams, Patch, PatchParams},
};
use needles::Needles;
use scene::{PATIENCE, Scene, program::Served};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

struct Canaries {
    id: &'static str,
    secret: &'static str,
    token: &'static str,
}

/// As AWS makes them.
static AWS_SHAPED: Canaries = Canaries {
    id: "ASIAQX3CANARY7ZK2WPV",
    secret: "c4NaRyS3cR3tK7MDENGbPxRfiCYz9Qm2VtLw8HsJ",
    token: "IQoJb3JpZ2luX2VjEc4NaRyT0k3n9Lr5Gq2XbV7wYpZs8DmFhKjTuNcE4aR6oI1iUyHgBvQe0WxMlSdPzOf",
};

/// As some store that is not AWS's makes them.
static PLAIN: Canaries = Canaries {
    id: "plain-canary-key-id",
    secret: "plain-canary-secret-of-words",
    token: "plain-canary-session-token-of-words",
};

/// As STS makes them for a role.
static OF_A_ROLE: Canaries = Canaries {
    id: "ASIAR0LECANARY5QW8TB",
    secret: "r0LeCaNaRyS3cR3tXq7Nd9VbKfHs2Jp4Zt6WmYgL",
    token: "FwoGZXIvYXdzEr0LeCaNaRyT0k3nUo7Hx3Lk9PzQv5BnSd1RjCfEwYgMtAiZpXcVbNmQwErTyUiOpAsDfG",
};

struct Stage {
    scene: Scene,
    served: Served,
    /// Those in the Secret.
    stored: &'static Canaries,
    /// Those with which S3 is called.
    used: &'static Canaries,
    needles: Needles,
}

#[tokio::test]
async fn keys_of_aws_never_show_in_json() -> Result<()> {
    never_show("json", &AWS_SHAPED, &AWS_SHAPED).await
}

#[tokio::test]
async fn keys_of_aws_never_show_in_text() -> Result<()> {
    never_show("human", &AWS_SHAPED, &AWS_SHAPED).await
}

#[tokio::test]
async fn keys_of_another_store_never_show_in_json() -> Result<()> {
    never_show("json", &PLAIN, &PLAIN).await
}

#[tokio::test]
async fn keys_of_another_store_never_show_in_text() -> Result<()> {
    never_show("human", &PLAIN, &PLAIN).await
}

#[tokio::test]
async fn keys_of_a_role_never_show_in_json() -> Result<()> {
    never_show("json", &AWS_SHAPED, &OF_A_ROLE).await
}

#[tokio::test]
async fn keys_of_a_role_never_show_in_text() -> Result<()> {
    never_show("human", &AWS_SHAPED, &OF_A_ROLE).await
}

async fn never_show(
    format: &str,
    stored: &'static Canaries,
    used: &'static Canaries,
) -> Result<()> {
    let scene = Scene::new("canary").await?;
    let environment = [("LOG_LEVEL", "trace"), ("LOG_FORMAT", format)];
    let served = scene.program(&scene.cluster.config(), &[], &environment)?;
    let stage = Stage {
        needles: Needles::of(
            [stored, used]
                .into_iter()
                .flat_map(|it| [it.id, it.secret, it.token]),
        ),
        scene,
        served,
        stored,
        used,
    };
    stage.whole_life().await?;

    let status = stage.served.program.terminate().await?;
    let output = stage.served.program.output();
    ensure!(status.code() == Some(0), "{output}");
    ensure!(
        output.contains("TRACE") || output.contains("\"trace\""),
        "no trace"
    );
    stage.silent("output", &output)
}

impl Stage {
    async fn whole_life(&self) -> Result<()> {
        let scene = &self.scene;
        self.store(self.stored.id, self.stored.secret, self.stored.token)
            .await?;
        let mut spec = json!({
            "region": "eu-central-1",
            "endpoint": scene.aws.url(),
            "credentialsSecret": { "name": "account" },
        });
        if !std::ptr::eq(self.stored, self.used) {
            spec["assumeRoleARN"] = "arn:aws:iam::123456789012:role/canary".into();
            let assumes = |call: &harness::proxy::Call| call.about == "AssumeRole";
            let answer = Action::Answer(assumed(self.used));
            scene.aws.proxy().rule(Rule::when(assumes, answer));
        }
        let object =
            json!({ "kind": "AWSProvider", "metadata": { "name": "account" }, "spec": spec });
        scene.create::<AWSProvider>(object).await?;
        let wish = scene.every_facet("data").await?;
        scene.bucket("data", "account", wish).await?;
        scene.ready::<S3Bucket>("data").await?;
        let mut calls = scene.aws.proxy().requests().into_iter();
        ensure!(
            calls.any(|it| it.call.about == "CreateBucket" && it.call.signer == self.used.id),
            "it was made with other keys"
        );
        self.inspect("ready").await?;

        self.refused_by_s3().await?;
        self.refused_by_sts().await?;
        self.unusable_values().await?;
        self.unreadable_answer().await?;

        self.store(self.stored.id, self.stored.secret, self.stored.token)
            .await?;
        scene.request_pass::<AWSProvider>("account").await?;
        scene.ready::<AWSProvider>("account").await?;
        scene.delete::<S3Bucket>("data").await?;
        scene.gone::<S3Bucket>("data").await?;
        scene.delete::<AWSProvider>("account").await?;
        scene.gone::<AWSProvider>("account").await?;
        self.inspect("gone").await
    }

    /// S3 echoes the key, what was signed and the signature.
    async fn refused_by_s3(&self) -> Result<()> {
        let Canaries { id, secret, token } = self.used;
        for (code, said) in [
            (
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided.",
            ),
            (
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
        ] {
            let body = format!(
                "<Error><Code>{code}</Code><Message>{said} {id} {secret} {token}</Message>\
                 <AWSAccessKeyId>{id}</AWSAccessKeyId><StringToSign>{secret}</StringToSign>\
                 <CanonicalRequest>x-amz-security-token:{token}</CanonicalRequest></Error>"
            );
            self.while_s3_says(body, code).await?;
        }
        if self.plain() {
            return Ok(());
        }
        // A code that is none, and keys in a refusal that is about something else: known by their shape.
        for code in [id, "AccessDenied"] {
            let body =
                format!("<Error><Code>{code}</Code><Message>{id}: {secret}</Message></Error>");
            self.while_s3_says(body, code).await?;
        }
        Ok(())
    }

    async fn while_s3_says(&self, body: String, code: &str) -> Result<()> {
        let answer = refusal::s3(StatusCode::FORBIDDEN, code, "").map(|_| body.into());
        let rule = self.scene.aws.proxy().rule(Rule::when(
            |call| call.about == "GetBucketTagging",
            Action::Answer(answer),
        ));
        self.edit_bucket().await?;
        unready::<S3Bucket>(&self.scene, "data").await?;
        self.inspect(&format!("S3 says {code}")).await?;
        rule.remove();
        // The provider may be in doubt, too.
        self.scene.request_pass::<AWSProvider>("account").await?;
        self.scene.request_pass::<S3Bucket>("data").await?;
        self.scene.ready::<S3Bucket>("data").await?;
        Ok(())
    }

    async fn refused_by_sts(&self) -> Result<()> {
        let Canaries { id, secret, token } = self.used;
        for code in ["InvalidClientTokenId", "SignatureDoesNotMatch", "Unheard"] {
            if code == "Unheard" && self.plain() {
                continue;
            }
            let said = format!("The security token {token} of {id} is invalid: {secret}");
            let rule = self.scene.aws.proxy().rule(Rule::when(
                |call| call.about == "GetCallerIdentity",
                Action::Answer(refusal::query(StatusCode::FORBIDDEN, code, &said)),
            ));
            self.edit_provider().await?;
            self.scene
                .refused::<AWSProvider>("account", "AuthenticationFailed")
                .await?;
            self.inspect(&format!("STS says {code}")).await?;
            rule.remove();
            self.recovered().await?;
        }
        Ok(())
    }

    /// Values that no request can carry, and half a pair.
    async fn unusable_values(&self) -> Result<()> {
        let Canaries { id, secret, token } = self.stored;
        let broken = format!("{id}\n{secret}");
        self.store(&broken, secret, token).await?;
        self.edit_provider().await?;
        unready::<AWSProvider>(&self.scene, "account").await?;
        self.inspect("a line break in a key").await?;

        self.store(id, " ", token).await?;
        self.scene
            .refused::<AWSProvider>("account", "InvalidSecret")
            .await?;
        self.inspect("an empty value").await?;
        self.store(id, secret, token).await?;
        self.recovered().await
    }

    /// A Secret in a form that cannot be read, as some proxy or version might send it.
    async fn unreadable_answer(&self) -> Result<()> {
        let Canaries { id, secret, .. } = self.stored;
        for data in [
            json!(secret),
            json!({ "AWS_ACCESS_KEY_ID": [id] }),
            json!({ "id": secret }),
        ] {
            let secret = json!({ "apiVersion": "v1", "kind": "Secret", "data": data });
            let read = |call: &harness::proxy::Call| {
                Attributes::of(call).is_some_and(|of| of.resource == "secrets" && of.verb == "get")
            };
            let answer =
                kubernetes::refusal(StatusCode::OK, "", "").map(|_| secret.to_string().into());
            let rule = self
                .scene
                .api
                .proxy()
                .rule(Rule::when(read, Action::Answer(answer)));
            self.edit_provider().await?;
            unready::<AWSProvider>(&self.scene, "account").await?;
            self.inspect("an answer that cannot be read").await?;
            rule.remove();
            self.recovered().await?;
        }
        Ok(())
    }

    /// Whether only the code of a refusal tells that its words may hold a key.
    fn plain(&self) -> bool {
        std::ptr::eq(self.used, &PLAIN)
    }

    async fn recovered(&self) -> Result<()> {
        self.scene.request_pass::<AWSProvider>("account").await?;
        self.scene.ready::<AWSProvider>("account").await?;
        Ok(())
    }

    async fn store(&self, id: &str, secret: &str, token: &str) -> Result<()> {
        let keys: Secret = serde_json::from_value(json!({
            "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "account" },
            "stringData": {
                "AWS_ACCESS_KEY_ID": id,
                "AWS_SECRET_ACCESS_KEY": secret,
                "AWS_SESSION_TOKEN": token,
            },
        }))?;
        let params = PatchParams::apply("test").force();
        let secrets = self.scene.api_of::<Secret>();
        secrets
            .patch("account", &params, &Patch::Apply(&keys))
            .await?;
        Ok(())
    }

    /// A new generation: what fails now is not taken for a hitch.
    async fn edit_bucket(&self) -> Result<()> {
        let edit = json!({ "spec": { "tags": { "edit": format!("{:x}", fastrand::u64(..)) } } });
        self.scene.patch::<S3Bucket>("data", edit).await?;
        Ok(())
    }

    async fn edit_provider(&self) -> Result<()> {
        let edit =
            json!({ "spec": { "defaultTags": { "edit": format!("{:x}", fastrand::u64(..)) } } });
        self.scene.patch::<AWSProvider>("account", edit).await?;
        Ok(())
    }

    /// Looks into everything that people and machines may read.
    async fn inspect(&self, when: &str) -> Result<()> {
        let looked = async {
            for path in ["/metrics", "/debug/state"] {
                self.silent(path, &self.served.ask(path).await?.body)?;
            }
            self.silent("/readyz", &self.served.probe("/readyz?verbose").await?.body)?;
            self.silent("output", &self.served.program.output())?;
            self.silent(
                "AWSProviders",
                &all(self.scene.api_of::<AWSProvider>()).await?,
            )?;
            self.silent("S3Buckets", &all(self.scene.api_of::<S3Bucket>()).await?)?;
            self.silent("Leases", &all(self.scene.api_of::<Lease>()).await?)?;
            self.silent("Events", &all(self.scene.api_of::<Event>()).await?)?;
            // Everything that it ever wrote, read later or not.
            for write in self.scene.api.proxy().requests() {
                if write.call.verb == Verb::Write {
                    self.silent("write", &String::from_utf8_lossy(&write.call.body))?;
                }
            }
            anyhow::Ok(())
        };
        looked.await.with_context(|| format!("when {when}"))
    }

    fn silent(&self, place: &str, text: &str) -> Result<()> {
        match self.needles.find(text) {
            None => Ok(()),
            Some(found) => anyhow::bail!("{place} shows {found}"),
        }
    }
}

/// STS's answer to whoever takes on a role (AWS STS API Reference, "AssumeRole").
fn assumed(canaries: &Canaries) -> http::Response<Bytes> {
    let Canaries { id, secret, token } = canaries;
    let body = format!(
        "<AssumeRoleResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleResult><Credentials>\
         <AccessKeyId>{id}</AccessKeyId><SecretAccessKey>{secret}</SecretAccessKey>\
         <SessionToken>{token}</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials>\
         </AssumeRoleResult></AssumeRoleResponse>"
    );
    http::Response::new(body.into())
}

async fn all<K>(api: Api<K>) -> Result<String>
where
    K: Clone + DeserializeOwned + Serialize + std::fmt::Debug,
{
    let list = api.list(&ListParams::default()).await?;
    Ok(serde_json::to_string_pretty(&list)?)
}

/// Waits until the object's present generation is not ready, for whatever reason.
async fn unready<K: crd_types::lifecycle::Managed>(scene: &Scene, name: &str) -> Result<()> {
    wait::wait_for(
        &scene.api_of::<K>(),
        name,
        "it is not ready",
        PATIENCE,
        |object: &K| {
            let object: Value = serde_json::to_value(object).unwrap_or_default();
            let generation = &object["metadata"]["generation"];
            let conditions = object["status"]["conditions"].as_array();
            conditions.into_iter().flatten().any(|condition| {
                condition["type"] == "Ready"
                    && condition["status"] == "False"
                    && condition["observedGeneration"] == *generation
            })
        },
    )
    .await?;
    Ok(())
}
