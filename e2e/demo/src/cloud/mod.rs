//! The life of a bucket.

mod bucket;

use std::fs;

use anyhow::{Context, Result};
use harness::aws::AwsProxy;
use harness::moto::Moto;
use harness::wait::{PATIENCE, until};
use serde_json::Value;

use self::bucket::Bucket;
use crate::ground::tree;
use crate::operator::{Operator, Wish};
use crate::scene::Scene;
use crate::stage::Stage;
use crate::teller::Teller;

/// The annotation by which a look at everything is asked for.
const ASKS: &str = "aws-infra-operator.runner.codes/reconcile-requested-at";

/// The sample that is applied, in the source tree.
const SAMPLE: &str = "examples/aws/first-bucket.yaml";

/// Applied, Ready, broken and repaired, deleted.
pub struct Cloud {
    stage: Stage,
    moto: Moto,
    aws: AwsProxy,
    operator: Operator,
}

impl Scene for Cloud {
    const OPERATOR: &str = "cloud-operator";
    const KINDS: &str = "awsproviders,s3buckets";

    async fn set(stage: Stage, teller: &Teller) -> Result<Self> {
        let moto = Moto::start().await?;
        let aws = AwsProxy::start_at(stage.ground().address(), moto.url()).await?;
        let endpoint = aws.url();
        teller.happened(&format!("moto plays AWS at {endpoint}"));
        let wish = Wish {
            operator: Self::OPERATOR,
            name: "cloud-operator",
            values: vec![
                format!("aws.allowedEndpoints={{{endpoint}}}"),
                "aws.allowHttpEndpoints=true".to_owned(),
            ],
            flags: vec![
                format!("--allowed-endpoints={endpoint}"),
                "--allow-http-endpoints".to_owned(),
            ],
            dialled: None,
        };
        let operator = Operator::install(&stage, teller, wish).await?;
        Ok(Self {
            stage,
            moto,
            aws,
            operator,
        })
    }

    fn stage(&self) -> &Stage {
        &self.stage
    }

    fn operator(&self) -> &Operator {
        &self.operator
    }

    async fn play(&mut self, teller: &Teller) -> Result<()> {
        let aws = self.aws.url();
        let sample = Sample::read(&aws)?;
        let bucket = Bucket::new(&aws, &sample.region, &sample.bucket);
        appear(&self.stage, teller, &sample, &bucket).await?;
        drift(&self.stage, teller, &sample, &bucket).await?;
        vanish(&self.stage, teller, &sample, &bucket).await
    }

    async fn leave_standing(&self, teller: &Teller) -> Result<()> {
        let sample = Sample::read(&self.aws.url())?;
        self.stage.kubectl().apply(&sample.manifest).await?;
        ready(&self.stage, &sample).await?;
        teller.happened("the sample is applied again and Ready; in another terminal:");
        self.stage.invite(teller);
        let lines = [
            "kubectl get awsp,s3 -o wide".to_owned(),
            format!("kubectl edit s3 {}", sample.name),
            "kubectl explain s3bucket.spec".to_owned(),
            self.stage.inside(&format!(
                "curl -s '{}/{}?tagging'    # the bucket as moto has it",
                self.moto.url(),
                sample.bucket
            )),
        ];
        for line in lines {
            teller.typed(&line);
        }
        self.operator.invite(&self.stage, teller).await
    }
}

async fn appear(stage: &Stage, teller: &Teller, sample: &Sample, bucket: &Bucket) -> Result<()> {
    teller.chapter(&format!("A bucket appears ({SAMPLE})"));
    let kubectl = stage.kubectl();
    kubectl.show_apply(teller, SAMPLE, &sample.manifest).await?;
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

async fn drift(stage: &Stage, teller: &Teller, sample: &Sample, bucket: &Bucket) -> Result<()> {
    teller.chapter("Drift is repaired");
    bucket.suspend_versioning().await?;
    teller
        .happened("somebody suspends versioning, past the operator, and somebody asks it to look");
    let (object, asks) = (&*sample.name, &*format!("{ASKS}=now"));
    let annotate = ["annotate", "s3bucket", object, asks];
    stage.kubectl().show(teller, &annotate).await?;
    until("versioning to be enabled again", PATIENCE, || async {
        match bucket.versioning().await {
            Ok(Some(status)) if status == "Enabled" => Ok(()),
            Ok(other) => Err(format!("it is {other:?}")),
            Err(error) => Err(format!("{error:#}")),
        }
    })
    .await?;
    teller.happened(
        "it is enabled again; unasked, the operator looks at one part of a bucket after the other, one each hour by default",
    );
    let events = ["get", "events"];
    stage.kubectl().show(teller, &events).await.map(drop)
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
    stage.kubectl().ready(&[&provider, &bucket]).await
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
