//! The life of a bucket in an account: in moto's always, and in one of AWS's where somebody gives credentials for it.

mod scene;

use std::env;

use anyhow::{Context, Result, ensure};
use aws_credential_types::Credentials;
use aws_sdk_s3::{
    Client, Config,
    config::Region,
    error::ProvideErrorMetadata,
    primitives::ByteStream,
    types::{BucketVersioningStatus, VersioningConfiguration},
};
use crd_types::aws::v1alpha1::{AWSProvider, FacetState, S3Bucket};
use harness::wait;
use k8s_openapi::api::core::v1::Secret;
use kube::api::{Patch, PatchParams};
use scene::{
    PATIENCE, Scene,
    outside::{ACCOUNT, REGION},
    state::State,
    wishes::{alone, taken_back},
};
use serde_json::{Value, json};

/// Variables of their own: what a shell has for other purposes is never used.
const ACCESS_KEY_ID: &str = "OPERATOR_TEST_AWS_ACCESS_KEY_ID";
const SECRET_ACCESS_KEY: &str = "OPERATOR_TEST_AWS_SECRET_ACCESS_KEY";
const SESSION_TOKEN: &str = "OPERATOR_TEST_AWS_SESSION_TOKEN";
const ACCOUNT_ID: &str = "OPERATOR_TEST_AWS_ACCOUNT_ID";
const AWS_REGION: &str = "OPERATOR_TEST_AWS_REGION";

/// Where buckets are, and who may make them there.
struct Account {
    keys: Credentials,
    id: String,
    region: String,
    /// None: AWS's own.
    endpoint: Option<String>,
}

impl Account {
    fn of_moto(scene: &Scene) -> Self {
        Self {
            keys: Credentials::new("AKIDEXAMPLE", "secret", None, None, "tests"),
            id: ACCOUNT.to_owned(),
            region: REGION.to_owned(),
            endpoint: Some(scene.aws.url()),
        }
    }

    /// The one that was named for this.
    fn given() -> Result<Self> {
        ensure!(
            env::var_os("CI").is_none(),
            "CI is set: no build has an account to try things in"
        );
        let given = |name: &str| {
            let value = env::var(name).ok();
            value.with_context(|| format!("{name} is not set"))
        };
        let token = env::var(SESSION_TOKEN).ok();
        Ok(Self {
            keys: Credentials::new(
                given(ACCESS_KEY_ID)?,
                given(SECRET_ACCESS_KEY)?,
                token,
                None,
                "tests",
            ),
            id: given(ACCOUNT_ID)?,
            region: given(AWS_REGION)?,
            endpoint: None,
        })
    }

    fn client(&self) -> Client {
        let mut config = Config::builder()
            .behavior_version_latest()
            .credentials_provider(self.keys.clone())
            .region(Region::new(self.region.clone()))
            .force_path_style(self.endpoint.is_some());
        config.set_endpoint_url(self.endpoint.clone());
        Client::from_conf(config.build())
    }
}

#[tokio::test]
async fn a_bucket_lives_in_motos_account() -> Result<()> {
    let scene = Scene::new("account").await?;
    let account = Account::of_moto(&scene);
    tell(&scene, &account).await?;
    let requests = scene.aws.proxy().requests();
    ensure!(!requests.is_empty(), "it was another account");
    Ok(())
}

#[tokio::test]
#[ignore = "needs an AWS account, and makes and deletes a bucket there: see CONTRIBUTING.md"]
async fn a_bucket_lives_in_an_account_of_aws() -> Result<()> {
    let account = Account::given()?;
    let scene = Scene::new("account").await?;
    tell(&scene, &account).await?;
    let requests = scene.aws.proxy().requests();
    ensure!(requests.is_empty(), "it was moto's account");
    Ok(())
}

/// Tells the story, and leaves no bucket however it ends.
async fn tell(scene: &Scene, account: &Account) -> Result<()> {
    // Unique in the world, not only in the test's cluster.
    let bucket = format!("operator-test-{:016x}", fastrand::u64(..));
    let s3 = account.client();
    let told = story(scene, account, &s3, &bucket).await;
    if told.is_err() && exists(&s3, &bucket).await.unwrap_or(true) {
        let removed = remove(&s3, &bucket).await;
        return told.with_context(|| match removed {
            Ok(()) => format!("{bucket} was removed"),
            Err(error) => format!("{bucket} is left behind: {error:#}"),
        });
    }
    told
}

async fn story(scene: &Scene, account: &Account, s3: &Client, bucket: &str) -> Result<()> {
    let state = State::reserve()?;
    let operator = scene.operator_with(&[&state.setting()])?;
    provider(scene, account).await?;
    let wish = alone(bucket);
    let mut spec = wish.clone();
    spec["bucketName"] = bucket.into();
    spec["emptyOnDelete"] = true.into();
    scene.bucket("data", "account", spec).await?;
    in_sync(scene, &state).await?;
    let tag = ("team".to_owned(), "a".to_owned());
    let policy = meant(wish["policy"].as_str().context("a text")?)?;
    // AWS may show for a while what was before, here and below.
    wait::until("what was asked for to show", PATIENCE, || async {
        let has = Has::read(s3, bucket).await?;
        let versioned = has.versioning == Some(BucketVersioningStatus::Enabled);
        let as_asked = versioned && has.tags.contains(&tag) && has.policy.as_ref() == Some(&policy);
        ensure!(as_asked, "{has:?}");
        Ok(())
    })
    .await?;
    let had = Has::read(s3, bucket).await?;

    let suspended = VersioningConfiguration::builder()
        .status(BucketVersioningStatus::Suspended)
        .build();
    let put = s3.put_bucket_versioning().bucket(bucket);
    put.versioning_configuration(suspended).send().await?;
    s3.delete_bucket_policy().bucket(bucket).send().await?;
    wait::until("the drift to show", PATIENCE, || async {
        let has = Has::read(s3, bucket).await?;
        ensure!(
            has.versioning != had.versioning && has.policy.is_none(),
            "as it was: {has:?}"
        );
        Ok(())
    })
    .await?;
    in_sync(scene, &state).await?;
    ensure!(Has::read(s3, bucket).await? == had);

    let nothing = taken_back(&wish);
    scene
        .patch::<S3Bucket>("data", json!({ "spec": nothing }))
        .await?;
    in_sync(scene, &state).await?;
    wait::until("the policy to go", PATIENCE, || async {
        let has = Has::read(s3, bucket).await?;
        ensure!(has.policy.is_none(), "{has:?}");
        Ok(())
    })
    .await?;

    for content in ["old", "new"] {
        let put = s3.put_object().bucket(bucket).key("object");
        let body = ByteStream::from_static(content.as_bytes());
        put.body(body).send().await?;
    }
    scene.delete::<S3Bucket>("data").await?;
    scene.gone::<S3Bucket>("data").await?;
    ensure!(!exists(s3, bucket).await?);
    scene.delete::<AWSProvider>("account").await?;
    scene.gone::<AWSProvider>("account").await?;
    operator.stop().await
}

async fn provider(scene: &Scene, account: &Account) -> Result<()> {
    let keys = &account.keys;
    let mut data = json!({
        "AWS_ACCESS_KEY_ID": keys.access_key_id(),
        "AWS_SECRET_ACCESS_KEY": keys.secret_access_key(),
    });
    if let Some(token) = keys.session_token() {
        data["AWS_SESSION_TOKEN"] = token.into();
    }
    let secret = json!({
        "apiVersion": "v1", "kind": "Secret", "metadata": { "name": "account" }, "stringData": data,
    });
    let params = PatchParams::apply("test").force();
    let secrets = scene.api_of::<Secret>();
    secrets
        .patch("account", &params, &Patch::Apply(&secret))
        .await?;
    let mut spec = json!({
        "region": account.region, "expectedAccountID": account.id, "credentialsSecret": { "name": "account" },
    });
    if let Some(endpoint) = &account.endpoint {
        spec["endpoint"] = endpoint.as_str().into();
    }
    let object = json!({ "kind": "AWSProvider", "metadata": { "name": "account" }, "spec": spec });
    scene.create::<AWSProvider>(object).await?;
    scene.ready::<AWSProvider>("account").await?;
    Ok(())
}

/// Looks until every part is in sync and a look costs no write, as what is in force does not.
async fn in_sync(scene: &Scene, state: &State) -> Result<()> {
    scene.ready::<S3Bucket>("data").await?;
    wait::until("a look that finds all in force", PATIENCE, || async {
        let before = writes(state).await?;
        let bucket = scene.request_pass::<S3Bucket>("data").await?;
        let facets = bucket.status.unwrap_or_default().facets;
        ensure!(
            facets.iter().all(|facet| facet.state == FacetState::InSync),
            "{facets:?}"
        );
        let after = writes(state).await?;
        ensure!(before == after, "{before:#?}, {after:#?}");
        Ok(())
    })
    .await
}

/// What the operator counted of calls that change something.
async fn writes(state: &State) -> Result<Vec<String>> {
    let metrics = state.metrics().await?;
    let calls = metrics
        .lines()
        .filter(|line| line.contains("aws_api_calls_total{"));
    let changes = ["Create", "Put", "Delete", "Tag"].map(|verb| format!("operation=\"{verb}"));
    let writes = calls.filter(|line| changes.iter().any(|it| line.contains(it)));
    Ok(writes.map(str::to_owned).collect())
}

/// What a bucket has, as far as a test asks itself.
#[derive(Debug, PartialEq)]
struct Has {
    tags: Vec<(String, String)>,
    versioning: Option<BucketVersioningStatus>,
    policy: Option<Value>,
}

impl Has {
    async fn read(s3: &Client, bucket: &str) -> Result<Self> {
        let tags = s3.get_bucket_tagging().bucket(bucket).send().await?.tag_set;
        let mut tags: Vec<_> = tags.into_iter().map(|tag| (tag.key, tag.value)).collect();
        tags.sort();
        let versioning = s3.get_bucket_versioning().bucket(bucket).send().await?;
        let policy = match s3.get_bucket_policy().bucket(bucket).send().await {
            Ok(answer) => answer.policy.as_deref().map(meant).transpose()?,
            Err(error) if error.code() == Some("NoSuchBucketPolicy") => None,
            Err(error) => return Err(error.into()),
        };
        Ok(Self {
            tags,
            versioning: versioning.status,
            policy,
        })
    }
}

/// What a policy means, in one of the forms in which AWS may show it: one value or a list of it, in any order, a truth or
/// its text.
fn meant(policy: &str) -> Result<Value> {
    fn form(value: Value) -> Value {
        match value {
            Value::Object(fields) => {
                let fields = fields.into_iter();
                fields.map(|(name, value)| (name, form(value))).collect()
            }
            Value::Array(items) => {
                let mut items: Vec<Value> = items.into_iter().map(form).collect();
                items.sort_by_key(Value::to_string);
                match items.len() {
                    1 => items.remove(0),
                    _ => items.into(),
                }
            }
            Value::Bool(truth) => truth.to_string().into(),
            other => other,
        }
    }
    Ok(form(serde_json::from_str(policy)?))
}

async fn exists(s3: &Client, bucket: &str) -> Result<bool> {
    match s3.head_bucket().bucket(bucket).send().await {
        Ok(_) => Ok(true),
        Err(error) => match error.raw_response().map(|it| it.status().as_u16()) {
            Some(404) => Ok(false),
            _ => Err(error.into()),
        },
    }
}

/// Takes the bucket down as somebody else would.
async fn remove(s3: &Client, bucket: &str) -> Result<()> {
    let found = s3.list_object_versions().bucket(bucket).send().await?;
    let versions = found
        .versions()
        .iter()
        .map(|it| (it.key(), it.version_id()));
    let markers = found.delete_markers().iter();
    for (key, version) in versions.chain(markers.map(|it| (it.key(), it.version_id()))) {
        let delete = s3
            .delete_object()
            .bucket(bucket)
            .set_key(key.map(str::to_owned));
        delete
            .set_version_id(version.map(str::to_owned))
            .send()
            .await?;
    }
    s3.delete_bucket().bucket(bucket).send().await?;
    Ok(())
}
