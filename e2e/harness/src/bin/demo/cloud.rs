//! The life of a bucket.

use std::fs;

use anyhow::{Context, Result};
use harness::wait::{PATIENCE, until};
use serde_json::Value;

use crate::bucket::Bucket;
use crate::stage::{Stage, tree};
use crate::teller::Teller;

/// The kinds that the scene is about, for kubectl.
pub const KINDS: &str = "awsproviders,s3buckets";

/// The sample that is applied, in the source tree.
const SAMPLE: &str = "examples/aws/first-bucket.yaml";

/// Plays it: applied, Ready, broken and repaired, deleted.
///
/// # Errors
/// At the first step that does not happen in time.
pub async fn play(stage: &Stage, teller: &Teller) -> Result<()> {
    let sample = Sample::read(&stage.aws())?;
    let bucket = Bucket::new(&stage.aws(), &sample.region, &sample.bucket);
    appear(stage, teller, &sample, &bucket).await?;
    drift(stage, teller, &bucket).await?;
    vanish(stage, teller, &sample, &bucket).await
}

/// Applies the sample again, for somebody who wants to look around.
///
/// # Errors
/// When it does not become Ready in time.
pub async fn leave_standing(stage: &Stage, teller: &Teller) -> Result<()> {
    let sample = Sample::read(&stage.aws())?;
    teller.chapter("It stays up");
    stage.kubectl().apply(&sample.manifest).await?;
    ready(stage, &sample).await?;
    teller.happened("the sample is applied again and Ready; in another terminal:");
    let namespace = stage.namespace();
    let lines = [
        format!("alias kubectl={}", stage.kubectl().program()),
        format!("export KUBECONFIG={}", stage.kubeconfig().display()),
        format!("kubectl -n {namespace} get awsp,s3 -o wide"),
        format!("kubectl -n {namespace} edit s3 {}", sample.name),
        "kubectl explain s3bucket.spec".to_owned(),
        format!(
            "curl -s '{}/{}?tagging'    # the bucket as moto has it",
            stage.moto(),
            sample.bucket
        ),
        format!("curl -s {}/debug/state", stage.operator().metrics()),
        format!("curl -s {}/metrics", stage.operator().metrics()),
        format!("tail -f {}", stage.operator().log().display()),
    ];
    for line in lines {
        teller.typed(&line);
    }
    teller.chapter("Ctrl-C ends it.");
    Ok(())
}

async fn appear(stage: &Stage, teller: &Teller, sample: &Sample, bucket: &Bucket) -> Result<()> {
    teller.chapter(&format!("A bucket appears ({SAMPLE})"));
    teller.typed(&format!("kubectl apply -f {SAMPLE}"));
    teller.shown(&stage.kubectl().apply(&sample.manifest).await?);
    ready(stage, sample).await?;
    teller.happened("both are Ready");
    stage.kubectl().show(teller, &["get", "awsp,s3"]).await?;

    let versioning = bucket
        .versioning()
        .await?
        .unwrap_or_else(|| "never enabled".to_owned());
    let encryption = bucket.encryption().await?;
    teller.happened(&format!("AWS has the bucket {}", sample.bucket));
    teller.shown(&format!(
        "versioning   {versioning}\nencryption   {encryption}"
    ));
    for (key, value) in bucket.tags().await? {
        teller.shown(&format!("tag          {key} = {value}"));
    }
    Ok(())
}

async fn drift(stage: &Stage, teller: &Teller, bucket: &Bucket) -> Result<()> {
    teller.chapter("Drift is repaired");
    bucket.suspend_versioning().await?;
    teller.happened("somebody suspends versioning, past the operator");
    until("versioning to be enabled again", PATIENCE, || async {
        match bucket.versioning().await {
            Ok(Some(status)) if status == "Enabled" => Ok(()),
            Ok(other) => Err(format!("it is {other:?}")),
            Err(error) => Err(format!("{error:#}")),
        }
    })
    .await?;
    teller.happened(
        "it is enabled again: the operator looks every 10 s here, every 5 minutes by default",
    );
    stage.kubectl().show(teller, &["get", "events"]).await
}

async fn vanish(stage: &Stage, teller: &Teller, sample: &Sample, bucket: &Bucket) -> Result<()> {
    teller.chapter("Deletion cleans up");
    let delete = ["delete", "s3", &sample.name, "--timeout=60s"];
    stage.kubectl().show(teller, &delete).await?;
    anyhow::ensure!(
        !bucket.exists().await?,
        "the object is gone, and the bucket {} is still there",
        sample.bucket
    );
    teller.happened("the object is gone, and so is the bucket");
    Ok(())
}

async fn ready(stage: &Stage, sample: &Sample) -> Result<()> {
    let bucket = format!("s3bucket/{}", sample.name);
    let provider = format!("awsprovider/{}", sample.provider);
    for object in [provider, bucket] {
        let wait = ["wait", "--for=condition=Ready", "--timeout=60s", &object];
        stage.kubectl().run(&wait).await?;
    }
    Ok(())
}

/// The sample with the one thing that only this run knows: where AWS is.
struct Sample {
    manifest: String,
    provider: String,
    name: String,
    bucket: String,
    region: String,
}

impl Sample {
    fn read(endpoint: &str) -> Result<Self> {
        let read = || format!("cannot read {SAMPLE}");
        let text = fs::read_to_string(tree().join(SAMPLE)).with_context(read)?;
        let mut objects: Vec<Value> = serde_saphyr::from_multiple(&text).with_context(read)?;
        let mut sample = Self {
            manifest: String::new(),
            provider: String::new(),
            name: String::new(),
            bucket: String::new(),
            region: String::new(),
        };
        for object in &mut objects {
            let name = object["metadata"]["name"]
                .as_str()
                .unwrap_or_default()
                .to_owned();
            match object["kind"].as_str() {
                Some("AWSProvider") => {
                    object["spec"]["endpoint"] = endpoint.into();
                    sample.provider = name;
                    sample.region = object["spec"]["region"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned();
                }
                Some("S3Bucket") => {
                    sample.bucket = object["spec"]["bucketName"]
                        .as_str()
                        .unwrap_or_default()
                        .to_owned();
                    sample.name = name;
                }
                _ => {}
            }
        }
        sample.manifest =
            serde_json::json!({ "apiVersion": "v1", "kind": "List", "items": objects }).to_string();
        Ok(sample)
    }
}
