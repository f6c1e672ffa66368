//! AWS's stand-in in this process answers as moto does behind the overlay.

use bytes::Bytes;
use harness::aws::{AwsProxy, StandIn};
use harness::moto::Moto;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;
use quick_xml::events::Event;

const ACCOUNT: &str = "123456789012";
const REGION: &str = "eu-central-1";
const XMLNS: &str = "xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"";

/// What is asked: the method, what follows the bucket's name, and the body.
struct Question {
    method: Method,
    rest: &'static str,
    body: String,
    region: &'static str,
    owner: &'static str,
}

impl Question {
    fn new(method: Method, rest: &'static str, body: &str) -> Self {
        Self {
            method,
            rest,
            body: body.to_owned(),
            region: REGION,
            owner: ACCOUNT,
        }
    }

    fn get(rest: &'static str) -> Self {
        Self::new(Method::GET, rest, "")
    }

    fn put(rest: &'static str, body: &str) -> Self {
        Self::new(Method::PUT, rest, body)
    }

    fn delete(rest: &'static str) -> Self {
        Self::new(Method::DELETE, rest, "")
    }

    fn head() -> Self {
        Self::new(Method::HEAD, "", "")
    }
}

#[derive(Debug, PartialEq)]
struct Answer {
    status: StatusCode,
    /// The region that the bucket is in, as a header says.
    region: Option<String>,
    /// The texts of all elements with their names; of an error its code alone.
    texts: Vec<(String, String)>,
}

async fn ask(endpoint: &str, service: &str, path: &str, question: &Question) -> Answer {
    let Question {
        method,
        body,
        region,
        owner,
        ..
    } = question;
    let request = Request::builder()
        .method(method)
        .uri(format!("{endpoint}{path}"))
        .header("x-amz-expected-bucket-owner", *owner)
        .header("content-type", content_type(service))
        .header(
            "authorization",
            format!(
                "AWS4-HMAC-SHA256 Credential=AKIA{ACCOUNT}/20260101/{region}/{service}/aws4_request, \
                 SignedHeaders=host, Signature=00"
            ),
        );
    let request = request.body(Full::from(body.clone())).unwrap();
    let client: Client<_, Full<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let (head, body) = client.request(request).await.unwrap().into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    let mut texts = texts(std::str::from_utf8(&body).unwrap());
    if !head.status.is_success() {
        texts.retain(|(name, _)| name == "Code");
    }
    let region = head.headers.get("x-amz-bucket-region");
    Answer {
        status: head.status,
        region: region.map(|it| it.to_str().unwrap().to_owned()),
        texts,
    }
}

fn content_type(service: &str) -> &'static str {
    match service {
        "sts" => "application/x-www-form-urlencoded",
        _ => "application/xml",
    }
}

fn texts(xml: &str) -> Vec<(String, String)> {
    let mut reader = quick_xml::Reader::from_str(xml);
    let (mut name, mut texts) = (String::new(), Vec::new());
    loop {
        match reader.read_event().unwrap() {
            Event::Start(start) => {
                name = start.local_name().as_ref().to_owned();
            }
            Event::Text(text) if !text.trim().is_empty() => {
                texts.push((name.clone(), text.to_string()));
            }
            Event::Eof => return texts,
            _ => {}
        }
    }
}

fn questions() -> Vec<Question> {
    let rule = "<Rule><ID>old</ID><Status>Enabled</Status><Filter><Prefix>logs/</Prefix></Filter>\
                <Expiration><Days>90</Days></Expiration></Rule>";
    let block = |on: bool| {
        format!(
            "<PublicAccessBlockConfiguration {XMLNS}><BlockPublicAcls>{on}</BlockPublicAcls>\
             <IgnorePublicAcls>true</IgnorePublicAcls><BlockPublicPolicy>{on}</BlockPublicPolicy>\
             <RestrictPublicBuckets>true</RestrictPublicBuckets></PublicAccessBlockConfiguration>"
        )
    };
    let tags =
        |value: &str| format!("<TagSet><Tag><Key>team</Key><Value>{value}</Value></Tag></TagSet>");
    let lifecycle =
        |rules: &str| format!("<LifecycleConfiguration {XMLNS}>{rules}</LifecycleConfiguration>");
    let create = format!(
        "<CreateBucketConfiguration {XMLNS}><LocationConstraint>{REGION}</LocationConstraint>\
         <Tags><Tag><Key>team</Key><Value>a &amp; b</Value></Tag></Tags></CreateBucketConfiguration>"
    );
    let parts = [
        "?tagging",
        "?versioning",
        "?encryption",
        "?publicAccessBlock",
        "?ownershipControls",
        "?lifecycle",
    ];
    let read = || parts.map(Question::get);
    let mut all = vec![
        Question::head(),
        Question::get("?tagging"),
        Question::put("", &create),
        Question::put("", &create),
        Question::head(),
        Question {
            region: "us-east-1",
            ..Question::head()
        },
        Question {
            owner: "210987654321",
            ..Question::get("?tagging")
        },
    ];
    all.extend(read());
    all.extend([
        Question::put("?tagging", &format!("<Tagging {XMLNS}>{}</Tagging>", tags("b"))),
        Question::put(
            "?versioning",
            &format!(
                "<VersioningConfiguration {XMLNS}><Status>Enabled</Status></VersioningConfiguration>"
            ),
        ),
        Question::put(
            "?encryption",
            &format!(
                "<ServerSideEncryptionConfiguration {XMLNS}><Rule><ApplyServerSideEncryptionByDefault>\
                 <SSEAlgorithm>aws:kms</SSEAlgorithm></ApplyServerSideEncryptionByDefault>\
                 <BucketKeyEnabled>true</BucketKeyEnabled></Rule></ServerSideEncryptionConfiguration>"
            ),
        ),
        Question::put("?publicAccessBlock", &block(false)),
        Question::put(
            "?ownershipControls",
            &format!(
                "<OwnershipControls {XMLNS}><Rule><ObjectOwnership>ObjectWriter</ObjectOwnership></Rule>\
                 </OwnershipControls>"
            ),
        ),
        Question::put("?lifecycle", &lifecycle(rule)),
        Question::put("?lifecycle", &lifecycle(&rule.repeat(2))),
    ]);
    all.extend(read());
    all.extend(
        parts
            .into_iter()
            .filter(|it| *it != "?versioning")
            .map(Question::delete),
    );
    all.extend(read());
    all.extend([Question::delete(""), Question::head(), Question::delete("")]);
    all
}

#[tokio::test]
async fn it_answers_as_moto_does_behind_the_overlay() {
    let moto = AwsProxy::start(Moto::shared().await.unwrap().url())
        .await
        .unwrap();
    let stand_in = AwsProxy::before(&StandIn::default()).await.unwrap();
    for (number, question) in questions().iter().enumerate() {
        let path = format!("/stand-in-as-moto{}", question.rest);
        let expected = ask(&moto.url(), "s3", &path, question).await;
        let found = ask(&stand_in.url(), "s3", &path, question).await;
        let Question { method, .. } = question;
        assert_eq!(found, expected, "{number}: {method} {path}");
    }
    let who = "Action=GetCallerIdentity&Version=2011-06-15";
    let who = Question::new(Method::POST, "", who);
    for endpoint in [moto.url(), stand_in.url()] {
        let answer = ask(&endpoint, "sts", "/", &who).await;
        let account = ("Account".to_owned(), ACCOUNT.to_owned());
        assert!(answer.texts.contains(&account), "{endpoint}: {answer:?}");
    }
}

#[tokio::test]
async fn what_it_does_not_know_it_refuses() {
    let stand_in = AwsProxy::before(&StandIn::default()).await.unwrap();
    let (url, path) = (stand_in.url(), "/refused");
    let create = "<CreateBucketConfiguration><LocationConstraint>eu-central-1</LocationConstraint>\
                  </CreateBucketConfiguration>";
    let created = ask(&url, "s3", path, &Question::put("", create)).await;
    assert_eq!(created.status, StatusCode::OK);
    for question in [
        Question::get("?policy"),
        Question::get("?list-type=2"),
        Question::put("/object", "text"),
        Question::delete("?versioning"),
    ] {
        let path = format!("{path}{}", question.rest);
        let answer = ask(&url, "s3", &path, &question).await;
        assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED, "{path}");
    }
    let role = Question::new(Method::POST, "", "Action=AssumeRole&Version=2011-06-15");
    let answer = ask(&url, "sts", "/", &role).await;
    assert_eq!(answer.status, StatusCode::NOT_IMPLEMENTED);
}
