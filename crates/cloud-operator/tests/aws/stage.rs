//! What each of these tests stands on: a proxy of its own before the shared moto, a session through it, and a
//! way to play the engine's part.

use std::{collections::BTreeMap, sync::Arc};

use cloud_operator::{
    aws::{Access, Aws, Bucket, EndpointPolicy, Hop, Keys, Pace, Paces, Settings, Source, Tenant},
    provider::Sessions,
    s3bucket::{Desired, Observed, S3Buckets},
};
use crd_types::aws::v1alpha1::{ProviderRef, S3Bucket, S3BucketStatus};
use harness::{aws::AwsProxy, moto::Moto, proxy::Proxy};
use operator_core::{
    cluster::leading::Leading,
    decide::{clock::Clock, key::ObjectKey, outcome::Fault},
    engines::external::{Claim, Diff, External, Facets, Mark, Presence},
};

pub const REGION: &str = "eu-central-1";
/// The account of every key that moto does not know.
pub const ACCOUNT: &str = "123456789012";
pub const OTHER_ACCOUNT: &str = "210987654321";

/// A proxy, a session through it, and the buckets of that session.
pub struct Stage {
    pub aws: AwsProxy,
    pub tenant: Tenant,
    pub buckets: S3Buckets,
    pub leading: Leading,
}

/// One object and its bucket.
pub struct Case<'a> {
    pub stage: &'a Stage,
    pub object: S3Bucket,
    pub mark: Mark,
    pub bucket: Bucket,
}

impl Stage {
    pub async fn new() -> Self {
        let aws = AwsProxy::start(Moto::shared().await.unwrap().url())
            .await
            .unwrap();
        Self::before(aws, access("stage")).await
    }

    /// Another stage on the same proxy, in `region` and, if it is another, in `account`.
    pub async fn beside(&self, region: &str, account: &str) -> Self {
        let role_arn = format!("arn:aws:iam::{account}:role/beside");
        let hop = (account != ACCOUNT).then(|| Hop::to(role_arn));
        let access = Access {
            region: region.parse().unwrap(),
            chain: hop.into_iter().collect(),
            ..access("beside")
        };
        Self::before(self.aws.clone(), access).await
    }

    async fn before(aws: AwsProxy, access: Access) -> Self {
        let access = Access {
            endpoint: Some(aws.url().parse().unwrap()),
            ..access
        };
        let session = Arc::new(client(&aws).open(&access).await.unwrap());
        let tenant = Tenant::new(session, Pace::default(), "tests");
        let clock = Clock::system();
        let sessions = Arc::new(Sessions::new(
            Paces::new(None, clock.clone()),
            clock.clone(),
        ));
        Self {
            aws,
            tenant,
            buckets: S3Buckets::new(sessions),
            leading: Leading::always(clock),
        }
    }

    pub fn proxy(&self) -> &Proxy {
        self.aws.proxy()
    }

    /// The object `name`, whose bucket has this name too.
    pub fn case(&self, name: &str) -> Case<'_> {
        let object = S3Bucket::builder(name, "tests")
            .provider_ref(ProviderRef::named(
                name.parse::<crd_types::names::ObjectName>().unwrap(),
            ))
            .bucket_name(
                name.parse::<crd_types::aws::v1alpha1::BucketName>()
                    .unwrap(),
            )
            .build();
        let mark = Mark {
            installation: "installation".into(),
            kind: "S3Bucket.aws-infra-operator.runner.codes".into(),
            namespace: "tests".into(),
            name: name.into(),
            uid: "uid-1".into(),
        };
        let bucket = self.buckets.identity(&object, &self.tenant).unwrap();
        Case {
            stage: self,
            object,
            mark,
            bucket,
        }
    }
}

impl Case<'_> {
    pub fn desired(&self) -> Desired {
        self.stage
            .buckets
            .desired(&self.object, &self.stage.tenant, &self.mark)
            .unwrap()
    }

    pub async fn create(&self) -> Result<(), Fault> {
        let Stage {
            buckets,
            leading,
            tenant,
            ..
        } = self.stage;
        buckets
            .before_creation(leading, tenant, &self.bucket)
            .await?;
        buckets
            .create(leading, tenant, &self.bucket, &self.desired())
            .await
            .map(drop)
    }

    /// In whose name it is looked at.
    pub fn claim(&self) -> Claim {
        Claim {
            mark: self.mark.clone(),
            earlier: [].into(),
        }
    }

    pub async fn observe(&self, owned: &Facets) -> Result<Presence<Observed>, Fault> {
        let spoken_of = S3Buckets::wishes(&self.desired()).into_keys();
        let facets = spoken_of.chain(owned.iter().cloned()).collect();
        self.stage
            .buckets
            .observe(&self.stage.tenant, &self.bucket, &self.claim(), &facets)
            .await
    }

    /// What it has, which must be there and ours, now or in an earlier life.
    pub async fn ours(&self, owned: &Facets) -> Observed {
        match self.observe(owned).await.unwrap() {
            Presence::Ours(observed) | Presence::OursEarlier { observed, .. } => observed,
            other => panic!("not ours: {other:?}"),
        }
    }

    pub async fn diffs(&self, owned: &Facets) -> Vec<Diff> {
        self.stage
            .buckets
            .diff(&self.desired(), Some(&self.ours(owned).await), owned)
    }

    /// Corrects what differs, and says what did and what still does.
    pub async fn correct(&self, owned: &Facets) -> (Vec<String>, Vec<String>) {
        let Stage {
            buckets,
            leading,
            tenant,
            ..
        } = self.stage;
        let diffs = self.diffs(owned).await;
        for step in buckets.plan(&self.desired(), &diffs) {
            buckets
                .perform(leading, tenant, &self.bucket, &step)
                .await
                .unwrap();
        }
        (shown(&diffs), shown(&self.diffs(owned).await))
    }

    pub async fn delete(&self) -> Result<(), Fault> {
        let Stage {
            buckets,
            leading,
            tenant,
            ..
        } = self.stage;
        let mut status = S3BucketStatus::default();
        buckets
            .delete(
                leading,
                tenant,
                &self.bucket,
                &self.object,
                &mut status,
                true,
            )
            .await
            .map(drop)
    }
}

pub fn shown(diffs: &[Diff]) -> Vec<String> {
    diffs.iter().map(ToString::to_string).collect()
}

pub fn facets(names: &[&str]) -> Facets {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// An [`Aws`] that may talk to this proxy.
pub fn client(aws: &AwsProxy) -> Aws {
    Aws::new(settings(aws), Clock::system())
}

/// Settings that allow this proxy.
pub fn settings(aws: &AwsProxy) -> Settings {
    Settings {
        endpoints: EndpointPolicy {
            allowed: vec![aws.url().parse().unwrap()],
            allow_http: true,
        },
        ..Settings::default()
    }
}

/// Static keys, in [`REGION`], no endpoint yet.
pub fn access(provider: &str) -> Access {
    Access {
        provider: ObjectKey::new("tests", provider),
        version: "1".into(),
        region: REGION.parse().unwrap(),
        endpoint: None,
        source: Source::Keys(Keys {
            id: "AKIATESTSTESTSTESTS1".into(),
            secret: "s3cr3t".into(),
            token: None,
        }),
        fips: false,
        dual_stack: false,
        account: None,
        chain: Vec::new(),
        default_tags: BTreeMap::new(),
    }
}

/// A client of S3's own, past operator and proxy: what somebody else does.
pub async fn somebody() -> aws_sdk_s3::Client {
    let moto = Moto::shared().await.unwrap();
    let credentials =
        aws_credential_types::Credentials::new("AKIASOMEBODYELSE0001", "s", None, None, "tests");
    let config = aws_sdk_s3::Config::builder()
        .behavior_version_latest()
        .credentials_provider(credentials)
        .region(aws_sdk_s3::config::Region::new(REGION))
        .endpoint_url(moto.url())
        .force_path_style(true)
        .build();
    aws_sdk_s3::Client::from_conf(config)
}
