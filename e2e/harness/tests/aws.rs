//! What AWS does beyond moto, by plain HTTP through the proxy, against a real moto.

use bytes::Bytes;
use harness::aws::{AwsProxy, refusal};
use harness::moto::Moto;
use harness::proxy::{Action, Call, Outcome, Proxy, Rule, Verb};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// Somebody with an access key, calling in a region.
#[derive(Clone)]
struct Caller {
    endpoint: String,
    /// None when it calls moto itself.
    proxy: Option<AwsProxy>,
    access_key: String,
    region: &'static str,
}

const OWN_ACCOUNT: &str = "123456789012";
const OTHER_ACCOUNT: &str = "222222222222";

impl Caller {
    /// Behind a proxy of its own.
    async fn own() -> Self {
        let moto = Moto::shared().await.unwrap();
        let proxy = AwsProxy::start(moto.url()).await.unwrap();
        Self {
            endpoint: proxy.url(),
            proxy: Some(proxy),
            access_key: "AKIAIOSFODNN7EXAMPLE".into(),
            region: "us-east-1",
        }
    }

    /// Without the proxy.
    async fn of_moto() -> Self {
        Self {
            endpoint: Moto::shared().await.unwrap().url().into(),
            proxy: None,
            ..Self::own().await
        }
    }

    fn proxy(&self) -> &Proxy {
        self.proxy.as_ref().unwrap().proxy()
    }

    fn in_region(&self, region: &'static str) -> Self {
        Self {
            region,
            ..self.clone()
        }
    }

    /// The same proxy, with a session in another account.
    async fn in_other_account(&self) -> Self {
        let role = format!("arn:aws:iam::{OTHER_ACCOUNT}:role/test");
        let form =
            format!("Action=AssumeRole&Version=2011-06-15&RoleSessionName=test&RoleArn={role}");
        let answer = self.ask("sts", Method::POST, "/", &[FORM], form).await;
        let session = text(&answer);
        Self {
            access_key: element(&session, "AccessKeyId").to_owned(),
            ..self.clone()
        }
    }

    async fn s3(&self, method: Method, path: &str) -> Response<Bytes> {
        self.ask("s3", method, path, &[XML], String::new()).await
    }

    async fn put(&self, path: &str, body: &str) -> Response<Bytes> {
        self.ask("s3", Method::PUT, path, &[XML], body.into()).await
    }

    async fn ask(
        &self,
        service: &str,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: String,
    ) -> Response<Bytes> {
        let Self {
            endpoint,
            access_key,
            region,
            ..
        } = self;
        let mut request = Request::builder()
            .method(method)
            .uri(format!("{endpoint}{path}"))
            .header(
                "authorization",
                format!(
                    "AWS4-HMAC-SHA256 Credential={access_key}/20260101/{region}/{service}/aws4_request, \
                     SignedHeaders=host;x-amz-date, Signature=0123"
                ),
            );
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        send(request.body(Full::from(body)).unwrap()).await.unwrap()
    }
}

const XML: (&str, &str) = ("content-type", "application/xml");
const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

async fn send(
    request: Request<Full<Bytes>>,
) -> Result<Response<Bytes>, hyper_util::client::legacy::Error> {
    let client = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request).await?.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Ok(Response::from_parts(head, body))
}

fn text(answer: &Response<Bytes>) -> String {
    String::from_utf8(answer.body().to_vec()).unwrap()
}

/// The text of the only element of this name.
fn element<'a>(xml: &'a str, name: &str) -> &'a str {
    let (open, close) = (format!("<{name}>"), format!("</{name}>"));
    let parts: Vec<&str> = xml.split(&open).collect();
    assert_eq!(parts.len(), 2, "{name} in {xml}");
    parts[1].split(&close).next().unwrap()
}

fn code(answer: &Response<Bytes>) -> String {
    element(&text(answer), "Code").to_owned()
}

/// The request to delete this many objects.
fn deletion(keys: usize) -> String {
    let keys: String = (0..keys)
        .map(|key| format!("<Object><Key>{key}</Key></Object>"))
        .collect();
    format!("<Delete>{keys}</Delete>")
}

fn location(region: &str) -> String {
    format!(
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <LocationConstraint>{region}</LocationConstraint></CreateBucketConfiguration>"
    )
}

fn tags(tags: &[(&str, &str)]) -> String {
    let tags: String = tags
        .iter()
        .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"))
        .collect();
    format!(
        "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
         <Tags>{tags}</Tags></CreateBucketConfiguration>"
    )
}

#[tokio::test]
async fn a_bucket_is_created_with_its_tags() {
    let own = Caller::own().await;
    let body = tags(&[("team", "a &amp; b"), ("empty", "")]);
    assert_eq!(own.put("/tags-kept", &body).await.status(), StatusCode::OK);
    let kept = text(&own.s3(Method::GET, "/tags-kept?tagging").await);
    assert!(
        kept.contains("<Key>team</Key><Value>a &amp; b</Value>"),
        "{kept}"
    );
    assert!(kept.contains("<Key>empty</Key>"), "{kept}");

    assert_eq!(own.put("/tags-none", "").await.status(), StatusCode::OK);
    let none = own.s3(Method::GET, "/tags-none?tagging").await;
    assert_eq!(code(&none), "NoSuchTagSet");
}

#[tokio::test]
async fn a_bucket_with_refused_tags_is_not_created() {
    let own = Caller::own().await;
    let refused = own.put("/tags-refused", &tags(&[("aws:mine", "x")])).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(code(&refused), "InvalidTag");
    let malformed = own.put("/tags-refused", "<CreateBucketConfig").await;
    assert_eq!(code(&malformed), "MalformedXML");
    let head = own.s3(Method::HEAD, "/tags-refused").await;
    assert_eq!(head.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_bucket_with_a_name_that_aws_does_not_know_is_not_created() {
    let own = Caller::own().await;
    for name in ["Capital", "under_score", "-hyphen", "dot."] {
        let refused = own.put(&format!("/{name}"), "").await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST, "{name}");
        assert_eq!(code(&refused), "InvalidBucketName", "{name}");
        let head = own.s3(Method::HEAD, &format!("/{name}")).await;
        assert_eq!(head.status(), StatusCode::NOT_FOUND, "{name}");
    }
    let made = own.put("/0.name-of-all.kinds9", "").await;
    assert_eq!(made.status(), StatusCode::OK);
}

#[tokio::test]
async fn tags_of_aws_stay_and_are_sent_along() {
    let own = Caller::own().await;
    own.put("/system-tags", &tags(&[("team", "a")])).await;
    let path = "/system-tags?tagging";
    let set = |tags: &[(&str, &str)]| {
        let tags: String = tags
            .iter()
            .map(|(key, value)| format!("<Tag><Key>{key}</Key><Value>{value}</Value></Tag>"))
            .collect();
        format!("<Tagging><TagSet>{tags}</TagSet></Tagging>")
    };
    let (team, stack) = (("team", "b"), ("aws:stack", "one"));
    let refused = async |tags: &[(&str, &str)]| {
        let refused = own.put(path, &set(tags)).await;
        assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
        assert_eq!(code(&refused), "InvalidTag");
        element(&text(&refused), "Message").to_owned()
    };
    let added = refused(&[team, stack]).await;
    assert!(added.contains("added"), "{added}");

    let by_aws = [("x-overlay-by-aws", "yes"), XML];
    let both = set(&[("team", "a"), stack]);
    let done = own.ask("s3", Method::PUT, path, &by_aws, both).await;
    assert!(done.status().is_success(), "{}", text(&done));
    let removed = refused(&[team]).await;
    assert!(removed.contains("removed"), "{removed}");
    refused(&[team, ("aws:stack", "two")]).await;
    refused(&[team, stack, ("aws:other", "x")]).await;
    assert_eq!(code(&own.s3(Method::DELETE, path).await), "InvalidTag");

    let kept = own.put(path, &set(&[team, stack])).await;
    assert!(kept.status().is_success(), "{}", text(&kept));
    let found = text(&own.s3(Method::GET, path).await);
    for tag in [
        "<Key>team</Key><Value>b</Value>",
        "<Key>aws:stack</Key><Value>one</Value>",
    ] {
        assert!(found.contains(tag), "{tag} in {found}");
    }
}

#[tokio::test]
async fn creating_a_bucket_again_changes_nothing() {
    let own = Caller::own().await;
    own.put("/again", &tags(&[("first", "yes")])).await;
    own.s3(Method::DELETE, "/again?publicAccessBlock").await;
    let again = own.put("/again", &tags(&[("second", "yes")])).await;
    assert_eq!(again.status(), StatusCode::OK, "as in us-east-1");
    let kept = text(&own.s3(Method::GET, "/again?tagging").await);
    assert!(kept.contains("first") && !kept.contains("second"), "{kept}");
    let block = own.s3(Method::GET, "/again?publicAccessBlock").await;
    assert_eq!(code(&block), "NoSuchPublicAccessBlockConfiguration");
}

#[tokio::test]
async fn another_region_is_redirected() {
    let east = Caller::own().await;
    let west = east.in_region("eu-west-1");
    let created = west.put("/region-bucket", &location("eu-west-1")).await;
    assert_eq!(created.status(), StatusCode::OK);

    let head = east.s3(Method::HEAD, "/region-bucket").await;
    assert_eq!(head.status(), StatusCode::MOVED_PERMANENTLY);
    assert_eq!(head.headers()["x-amz-bucket-region"], "eu-west-1");
    assert!(head.body().is_empty());
    let read = east.s3(Method::GET, "/region-bucket?versioning").await;
    assert_eq!(read.status(), StatusCode::MOVED_PERMANENTLY);
    assert_eq!(code(&read), "PermanentRedirect");
    let deletion = east.s3(Method::DELETE, "/region-bucket").await;
    assert_eq!(deletion.status(), StatusCode::MOVED_PERMANENTLY);

    let found = east.s3(Method::GET, "/region-bucket?location").await;
    assert!(text(&found).contains("eu-west-1"), "{}", text(&found));
    let head = west.s3(Method::HEAD, "/region-bucket").await;
    assert_eq!(head.status(), StatusCode::OK);
    let absent = east.s3(Method::HEAD, "/region-absent").await;
    assert_eq!(absent.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn another_account_is_denied() {
    let own = Caller::own().await;
    let other = own.in_other_account().await;
    own.put("/account-bucket", "").await;

    let head = other.s3(Method::HEAD, "/account-bucket").await;
    assert_eq!(head.status(), StatusCode::FORBIDDEN);
    assert_eq!(head.headers()["x-amz-bucket-region"], "us-east-1");
    assert!(head.body().is_empty());
    let write = other.s3(Method::DELETE, "/account-bucket?tagging").await;
    assert_eq!(code(&write), "AccessDenied");
    let create = other.put("/account-bucket", "").await;
    assert_eq!(code(&create), "BucketAlreadyExists");

    // What it knows is in moto: another proxy agrees.
    let elsewhere = Caller {
        access_key: other.access_key.clone(),
        ..Caller::own().await
    };
    let head = elsewhere.s3(Method::HEAD, "/account-bucket").await;
    assert_eq!(head.status(), StatusCode::FORBIDDEN);

    other.put("/account-bucket-2", "").await;
    let head = other.s3(Method::HEAD, "/account-bucket-2").await;
    assert_eq!(head.status(), StatusCode::OK);
    let head = own.s3(Method::HEAD, "/account-bucket-2").await;
    assert_eq!(head.status(), StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn the_expected_owner_is_checked() {
    let own = Caller::own().await;
    own.put("/owner-bucket", "").await;
    let ask = |method, path: &'static str, owner: &'static str| {
        let own = own.clone();
        async move {
            let header = [("x-amz-expected-bucket-owner", owner)];
            own.ask("s3", method, path, &header, String::new()).await
        }
    };
    for (owner, status) in [
        (OWN_ACCOUNT, StatusCode::OK),
        (OTHER_ACCOUNT, StatusCode::FORBIDDEN),
        ("me", StatusCode::BAD_REQUEST),
    ] {
        let head = ask(Method::HEAD, "/owner-bucket", owner).await;
        assert_eq!(head.status(), status, "{owner}");
        let read = ask(Method::GET, "/owner-bucket?versioning", owner).await;
        assert_eq!(read.status(), status, "{owner}");
    }
    let deletion = ask(Method::DELETE, "/owner-bucket", OTHER_ACCOUNT).await;
    assert_eq!(code(&deletion), "AccessDenied");
    let head = own.s3(Method::HEAD, "/owner-bucket").await;
    assert_eq!(head.status(), StatusCode::OK);
}

#[tokio::test]
async fn a_bucket_is_always_encrypted() {
    let own = Caller::own().await;
    own.put("/encrypted", "").await;
    let is_default = |answer: Response<Bytes>| {
        assert_eq!(answer.status(), StatusCode::OK);
        let answer = text(&answer);
        assert_eq!(element(&answer, "SSEAlgorithm"), "AES256");
        assert_eq!(element(&answer, "BucketKeyEnabled"), "false");
    };
    is_default(own.s3(Method::GET, "/encrypted?encryption").await);

    let kms = "<ServerSideEncryptionConfiguration><Rule><ApplyServerSideEncryptionByDefault>\
               <SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault>\
               </Rule></ServerSideEncryptionConfiguration>";
    own.put("/encrypted?encryption", kms).await;
    let set = text(&own.s3(Method::GET, "/encrypted?encryption").await);
    assert_eq!(element(&set, "SSEAlgorithm"), "aws:kms");
    own.s3(Method::DELETE, "/encrypted?encryption").await;
    is_default(own.s3(Method::GET, "/encrypted?encryption").await);

    let absent = own.s3(Method::GET, "/encrypted-absent?encryption").await;
    assert_eq!(code(&absent), "NoSuchBucket");
}

#[tokio::test]
async fn versioning_is_answered_under_its_own_name() {
    let caller = Caller::own().await;
    let path = "/never-versioned?versioning";
    caller.put("/never-versioned", "").await;
    let answer = caller.s3(Method::GET, path).await;
    assert_eq!(answer.status(), StatusCode::OK);
    assert!(
        text(&answer).contains("<VersioningConfiguration "),
        "{}",
        text(&answer)
    );
    let enabled = "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>";
    caller.put(path, enabled).await;
    let answer = text(&caller.s3(Method::GET, path).await);
    assert!(answer.contains("<VersioningConfiguration "), "{answer}");
    assert!(answer.contains("<Status>Enabled</Status>"), "{answer}");
}

#[tokio::test]
async fn a_new_bucket_enforces_ownership_until_told_otherwise() {
    let own = Caller::own().await;
    own.put("/ownership", "").await;
    let controls = text(&own.s3(Method::GET, "/ownership?ownershipControls").await);
    assert_eq!(element(&controls, "ObjectOwnership"), "BucketOwnerEnforced");
    own.s3(Method::DELETE, "/ownership?ownershipControls").await;
    let none = own.s3(Method::GET, "/ownership?ownershipControls").await;
    assert_eq!(code(&none), "OwnershipControlsNotFoundError");

    let chosen = [("x-amz-object-ownership", "ObjectWriter")];
    let path = "/ownership-chosen";
    own.ask("s3", Method::PUT, path, &chosen, String::new())
        .await;
    let controls = own
        .s3(Method::GET, "/ownership-chosen?ownershipControls")
        .await;
    assert_eq!(element(&text(&controls), "ObjectOwnership"), "ObjectWriter");
}

#[tokio::test]
async fn a_new_bucket_blocks_public_access_until_told_otherwise() {
    let own = Caller::own().await;
    own.put("/blocked", "").await;
    let block = text(&own.s3(Method::GET, "/blocked?publicAccessBlock").await);
    for part in [
        "BlockPublicAcls",
        "IgnorePublicAcls",
        "BlockPublicPolicy",
        "RestrictPublicBuckets",
    ] {
        assert_eq!(element(&block, part), "true");
    }
    own.s3(Method::DELETE, "/blocked?publicAccessBlock").await;
    let none = own.s3(Method::GET, "/blocked?publicAccessBlock").await;
    assert_eq!(code(&none), "NoSuchPublicAccessBlockConfiguration");
}

#[tokio::test]
async fn a_lost_answer_leaves_the_whole_bucket_behind() {
    let own = Caller::own().await;
    let creation = |call: &Call| call.about == "CreateBucket";
    own.proxy()
        .rule(Rule::when(creation, Action::DropAfter).once());
    let request = Request::put(format!("{}/lost-answer", own.endpoint))
        .header(
            "authorization",
            "AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20260101/us-east-1/s3/aws4_request",
        )
        .body(Full::from(tags(&[("mark", "ours")])));
    send(request.unwrap()).await.unwrap_err();

    let kept = text(&own.s3(Method::GET, "/lost-answer?tagging").await);
    assert_eq!(element(&kept, "Value"), "ours");
    let first = own.proxy().requests()[0].clone();
    assert_eq!(first.outcome, Outcome::CutAfter(StatusCode::OK));
}

#[tokio::test]
async fn operations_are_counted_by_name_and_refused_in_their_own_words() {
    let own = Caller::own().await;
    own.put("/counted", "").await;
    own.s3(Method::GET, "/counted?tagging").await;
    own.in_other_account().await;
    let counts = own.proxy().counts();
    let all: Vec<_> = counts.iter().collect();
    let expected = [
        (Verb::Read, "AssumeRole", 1),
        (Verb::Read, "GetBucketTagging", 1),
        (Verb::Write, "CreateBucket", 1),
    ];
    assert_eq!(all, expected, "the overlay's own questions do not count");

    let slow = refusal::s3(StatusCode::SERVICE_UNAVAILABLE, "SlowDown", "Reduce <it>");
    own.proxy().rule(Rule::when(|_| true, Action::Answer(slow)));
    let answer = own.s3(Method::GET, "/counted?tagging").await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(code(&answer), "SlowDown");
    assert_eq!(element(&text(&answer), "Message"), "Reduce &lt;it&gt;");
}

/// When this fails, moto has learned something, and an entry of the overlay may go.
#[tokio::test]
async fn every_entry_is_needed_still() {
    let own = Caller::of_moto().await;
    own.put("/bare", &tags(&[("team", "a")])).await;
    for (part, missing) in [
        ("tagging", "NoSuchTagSet"),
        (
            "encryption",
            "ServerSideEncryptionConfigurationNotFoundError",
        ),
        ("ownershipControls", "OwnershipControlsNotFoundError"),
        ("publicAccessBlock", "NoSuchPublicAccessBlockConfiguration"),
    ] {
        let answer = own.s3(Method::GET, &format!("/bare?{part}")).await;
        assert_eq!(code(&answer), missing);
    }
    let of_aws = "<Tagging><TagSet><Tag><Key>aws:a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    assert_eq!(code(&own.put("/bare?tagging", of_aws).await), "InvalidTag");
    let elsewhere = own.in_region("eu-west-1").s3(Method::HEAD, "/bare").await;
    assert_eq!(elsewhere.status(), StatusCode::OK);
    let other = own.in_other_account().await.s3(Method::HEAD, "/bare").await;
    assert_eq!(other.status(), StatusCode::OK);
    let owner = [("x-amz-expected-bucket-owner", OTHER_ACCOUNT)];
    let head = own.ask("s3", Method::HEAD, "/bare", &owner, String::new());
    assert_eq!(head.await.status(), StatusCode::OK);
    assert_eq!(own.put("/Bare_Name", "").await.status(), StatusCode::OK);
    let many = own.ask("s3", Method::POST, "/bare?delete", &[XML], deletion(1001));
    assert_eq!(many.await.status(), StatusCode::OK);
    let path = "/bare?lifecycle";
    let varies = [(LEAST_SIZE, "varies_by_storage_class"), XML];
    own.ask("s3", Method::PUT, path, &varies, LIFECYCLE.into())
        .await;
    let rules = own.s3(Method::GET, path).await;
    // It answers AWS's default, whatever was chosen.
    assert_eq!(rules.headers()[LEAST_SIZE], "all_storage_classes_128K");
}

#[tokio::test]
async fn more_than_1000_objects_are_not_deleted_at_once() {
    let own = Caller::own().await;
    own.put("/deletions", "").await;
    let path = "/deletions?delete";
    let delete = async |keys| {
        own.ask("s3", Method::POST, path, &[XML], deletion(keys))
            .await
    };
    assert_eq!(delete(1000).await.status(), StatusCode::OK);
    let refused = delete(1001).await;
    assert_eq!(refused.status(), StatusCode::BAD_REQUEST);
    assert_eq!(code(&refused), "MalformedXML");
}

/// From which size on objects move where no rule says it.
const LEAST_SIZE: &str = "x-amz-transition-default-minimum-object-size";

#[tokio::test]
async fn a_lifecycle_without_a_least_size_takes_that_of_aws() {
    let own = Caller::own().await;
    own.put("/least-size", "").await;
    let path = "/least-size?lifecycle";
    let chosen = [(LEAST_SIZE, "varies_by_storage_class"), XML];
    let silent = [XML];
    for (headers, size) in [
        (&chosen[..], "varies_by_storage_class"),
        (&silent[..], "all_storage_classes_128K"),
    ] {
        let put = own.ask("s3", Method::PUT, path, headers, LIFECYCLE.into());
        assert_eq!(put.await.status(), StatusCode::OK, "{size}");
        let rules = own.s3(Method::GET, path).await;
        assert_eq!(rules.headers()[LEAST_SIZE], size);
    }
}

const LIFECYCLE: &str = "<LifecycleConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Rule><ID>a</ID>\
    <Filter><ObjectSizeGreaterThan>5</ObjectSizeGreaterThan></Filter><Status>Enabled</Status>\
    <NoncurrentVersionExpiration><NewerNoncurrentVersions>2</NewerNoncurrentVersions>\
    <NoncurrentDays>3</NoncurrentDays></NoncurrentVersionExpiration></Rule></LifecycleConfiguration>";

#[tokio::test]
async fn what_moto_loses_is_kept_as_it_was_written() {
    let own = Caller::own().await;
    own.put("/kept", "").await;
    own.put(
        "/kept?versioning",
        "<VersioningConfiguration><Status>Enabled</Status></VersioningConfiguration>",
    )
    .await;
    let parts = [
        ("lifecycle", LIFECYCLE, "NoSuchLifecycleConfiguration"),
        (
            "replication",
            "<ReplicationConfiguration><Role>r</Role><Rule><Filter><Prefix>p</Prefix></Filter></Rule></ReplicationConfiguration>",
            "ReplicationConfigurationNotFoundError",
        ),
        (
            "notification",
            "<NotificationConfiguration><EventBridgeConfiguration/></NotificationConfiguration>",
            "<NotificationConfiguration></NotificationConfiguration>",
        ),
        (
            "requestPayment",
            "<RequestPaymentConfiguration><Payer>Requester</Payer></RequestPaymentConfiguration>",
            "<Payer>BucketOwner</Payer>",
        ),
        (
            "accelerate",
            "<AccelerateConfiguration><Status>Enabled</Status></AccelerateConfiguration>",
            "<AccelerateConfiguration></AccelerateConfiguration>",
        ),
        (
            "abac",
            "<AbacStatus><Status>Enabled</Status></AbacStatus>",
            "<Status>Disabled</Status>",
        ),
    ];
    for (part, xml, without) in parts {
        let path = format!("/kept?{part}");
        let none = text(&own.s3(Method::GET, &path).await);
        assert!(none.contains(without), "{part}: {none}");
        let put = own.put(&path, xml).await;
        assert_eq!(put.status(), StatusCode::OK, "{part}: {}", text(&put));
        // Another proxy agrees.
        let found = text(&Caller::own().await.s3(Method::GET, &path).await);
        assert!(found.ends_with(xml), "{part}: {found}");
        let removed = own.s3(Method::DELETE, &path).await;
        assert_eq!(removed.status(), StatusCode::NO_CONTENT, "{part}");
        let none = text(&own.s3(Method::GET, &path).await);
        assert!(none.contains(without), "{part}: {none}");
        assert_eq!(code(&own.put(&path, "<Other/>").await), "MalformedXML");
        let nowhere = own.put(&format!("/kept-nowhere?{part}"), xml).await;
        assert_eq!(code(&nowhere), "NoSuchBucket", "{part}");
    }
    own.put("/kept?lifecycle", LIFECYCLE).await;
    own.s3(Method::DELETE, "/kept").await;
    own.put("/kept", "").await;
    let anew = own.s3(Method::GET, "/kept?lifecycle").await;
    assert_eq!(
        code(&anew),
        "NoSuchLifecycleConfiguration",
        "it went with the bucket"
    );
}

#[tokio::test]
async fn what_a_bucket_has_several_of_is_listed_in_pages() {
    let own = Caller::own().await;
    own.put("/several", "").await;
    for part in ["metrics", "analytics", "inventory", "intelligent-tiering"] {
        let kind = match part {
            "intelligent-tiering" => "IntelligentTieringConfiguration".to_owned(),
            part => format!("{}{}Configuration", part[..1].to_uppercase(), &part[1..]),
        };
        let id = |number: usize| format!("id.{number:03}");
        for number in 0..101 {
            let id = id(number);
            let xml = format!("<{kind}><Id>{id}</Id></{kind}>");
            let put = own.put(&format!("/several?{part}&id={id}"), &xml).await;
            assert_eq!(put.status(), StatusCode::OK, "{part}");
        }
        let first = text(&own.s3(Method::GET, &format!("/several?{part}")).await);
        assert!(
            first.contains(&id(99)) && !first.contains(&id(100)),
            "{first}"
        );
        let next = element(&first, "NextContinuationToken");
        let path = format!("/several?{part}&continuation-token={next}");
        let last = text(&own.s3(Method::GET, &path).await);
        assert!(last.contains(&id(100)) && !last.contains(&id(99)), "{last}");
        assert_eq!(element(&last, "IsTruncated"), "false");

        let one = format!("/several?{part}&id={}", id(7));
        assert!(text(&own.s3(Method::GET, &one).await).contains(&id(7)));
        own.s3(Method::DELETE, &one).await;
        assert_eq!(
            code(&own.s3(Method::GET, &one).await),
            "NoSuchConfiguration"
        );
        let first = text(&own.s3(Method::GET, &format!("/several?{part}")).await);
        assert!(!first.contains(&id(7)) && first.contains(&id(8)));
    }
}

#[tokio::test]
async fn what_a_bucket_has_decides_what_it_takes() {
    let own = Caller::own().await;
    own.put("/judged", "").await;
    let refused =
        async |path: &str, body: &str| code(&own.put(&format!("/judged?{path}"), body).await);
    let statement = |who: &str| {
        format!(
            "{{\"Statement\": [{{\"Effect\": \"Allow\", \"Principal\": {who}, \"Action\": \"s3:GetObject\", \
             \"Resource\": \"arn:aws:s3:::judged/*\"}}]}}"
        )
    };
    assert_eq!(refused("policy", "{").await, "MalformedPolicy");
    assert_eq!(
        refused("policy", "{\"Statement\": []").await,
        "MalformedPolicy"
    );
    assert_eq!(refused("policy", &statement("\"*\"")).await, "AccessDenied");
    let private = own
        .put("/judged?policy", &statement("{\"AWS\": \"123456789012\"}"))
        .await;
    assert!(private.status().is_success(), "{}", text(&private));

    let acl = async |acl: &str| {
        let headers = [("x-amz-acl", acl), ("content-length", "0"), XML];
        own.ask("s3", Method::PUT, "/judged?acl", &headers, String::new())
            .await
    };
    assert_eq!(
        code(&acl("public-read").await),
        "AccessControlListNotSupported"
    );
    let ownership = |ownership: &str| {
        format!(
            "<OwnershipControls><Rule><ObjectOwnership>{ownership}</ObjectOwnership></Rule></OwnershipControls>"
        )
    };
    own.put("/judged?ownershipControls", &ownership("ObjectWriter"))
        .await;
    assert_eq!(
        code(&acl("public-read").await),
        "AccessDenied",
        "public ones are blocked"
    );
    own.s3(Method::DELETE, "/judged?publicAccessBlock").await;
    assert!(acl("public-read").await.status().is_success());
    assert_eq!(
        refused("ownershipControls", &ownership("BucketOwnerEnforced")).await,
        "InvalidBucketAclWithObjectOwnership"
    );
    assert!(acl("private").await.status().is_success());

    let replication = "<ReplicationConfiguration><Role>r</Role></ReplicationConfiguration>";
    assert_eq!(refused("replication", replication).await, "InvalidRequest");
    let versioning = |status: &str| {
        format!("<VersioningConfiguration><Status>{status}</Status></VersioningConfiguration>")
    };
    own.put("/judged?versioning", &versioning("Enabled")).await;
    assert!(
        own.put("/judged?replication", replication)
            .await
            .status()
            .is_success()
    );
    assert_eq!(
        refused("versioning", &versioning("Suspended")).await,
        "InvalidBucketState"
    );
    own.s3(Method::DELETE, "/judged?replication").await;
    let lock = "<ObjectLockConfiguration><ObjectLockEnabled>Enabled</ObjectLockEnabled></ObjectLockConfiguration>";
    assert!(
        own.put("/judged?object-lock", lock)
            .await
            .status()
            .is_success()
    );
    assert_eq!(
        refused("versioning", &versioning("Suspended")).await,
        "InvalidBucketState"
    );

    let twice = LIFECYCLE.replace("<Rule>", "<Rule><ID>a</ID></Rule><Rule>");
    assert_eq!(refused("lifecycle", &twice).await, "InvalidArgument");
    let both = LIFECYCLE.replace("<Filter>", "<Filter><Prefix>p</Prefix>");
    assert_eq!(refused("lifecycle", &both).await, "MalformedXML");

    let queue = |name: &str| {
        format!(
            "<NotificationConfiguration><QueueConfiguration><Id>a</Id>\
             <Queue>arn:aws:sqs:us-east-1:123456789012:{name}</Queue><Event>s3:ObjectCreated:*</Event>\
             </QueueConfiguration></NotificationConfiguration>"
        )
    };
    assert_eq!(
        refused("notification", &queue("judged-nobody")).await,
        "InvalidArgument"
    );
    let moto = Moto::shared().await.unwrap();
    moto.queue("judged-somebody", "us-east-1").await.unwrap();
    let told = own
        .put("/judged?notification", &queue("judged-somebody"))
        .await;
    assert!(told.status().is_success(), "{}", text(&told));

    let tagging = "<Tagging><TagSet><Tag><Key>a</Key><Value>b</Value></Tag></TagSet></Tagging>";
    assert!(
        own.put("/judged?tagging", tagging)
            .await
            .status()
            .is_success()
    );
    own.put(
        "/judged?abac",
        "<AbacStatus><Status>Enabled</Status></AbacStatus>",
    )
    .await;
    assert_eq!(refused("tagging", tagging).await, "MethodNotAllowed");
}
