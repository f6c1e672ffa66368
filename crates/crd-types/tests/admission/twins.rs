//! What the types of this crate make of an object that the API server judges.

use std::str::FromStr;

use crd_types::{
    apigw::v1alpha1::{APIRoute, Backend, GoDuration, Method, Pattern},
    aws::v1alpha1::{
        AWSProvider, BucketName, Endpoint, PolicyArn, Region, RoleArn, S3Bucket, SessionName,
        SessionPolicy, TokenFile,
    },
    names::{DataKey, NamespaceName, ObjectName},
};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use crate::{expressions::expressions, objects::base_with, server::Server, tree};

/// Reads an object and checks its spec; an error says what is wrong.
pub fn accept(object: &Value) -> Result<(), String> {
    fn read<T: DeserializeOwned>(object: &Value) -> Result<T, String> {
        serde_json::from_value(object.clone()).map_err(|error| error.to_string())
    }
    let checked = match object["kind"].as_str() {
        Some("APIRoute") => read::<APIRoute>(object)?.spec.check(),
        Some("Backend") => read::<Backend>(object)?.spec.check(),
        Some("AWSProvider") => read::<AWSProvider>(object)?.spec.check(),
        Some("S3Bucket") => read::<S3Bucket>(object)?.spec.check(),
        kind => panic!("no type for the kind {kind:?}"),
    };
    checked.map_err(|error| error.to_string())
}

/// Texts on both sides of every corner of a syntax, for a field that has it.
struct Corners {
    kind: &'static str,
    field: &'static str,
    in_rust: fn(&str) -> bool,
    texts: Vec<&'static str>,
}

fn corners() -> Vec<Corners> {
    fn is<T: FromStr>(text: &str) -> bool {
        text.parse::<T>().is_ok()
    }
    let names = vec![
        "a", "a-b", "a.b", "-a", "a-", "a.-b", "a..b", ".a", "a.", "A", "ä", "a b", "a_b", "1.2",
        "a/b",
    ];
    vec![
        Corners {
            kind: "APIRoute",
            field: "spec.timeout",
            in_rust: is::<GoDuration>,
            texts: vec![
                "0s",
                "1h2m3s",
                "1.5s",
                ".5s",
                "1.s",
                "1.5.5s",
                "5",
                "s",
                "-1s",
                "+1s",
                "1 s",
                "1S",
                "1d",
                "1sm",
                "1us2ns",
                "1µs",
                "1ms ",
                "\n1s",
                "1s\n",
                "",
                "999999999h",
                "1e3s",
            ],
        },
        Corners {
            kind: "APIRoute",
            field: "spec.match[].methods[]",
            in_rust: is::<Method>,
            texts: vec![
                "get", "Get", "TRACE", "*", "**", "", "G", "GETS", " GET", "ſ", "GET|",
            ],
        },
        Corners {
            kind: "APIRoute",
            field: "spec.match[].uri.regex",
            in_rust: is::<Pattern>,
            texts: expressions(),
        },
        Corners {
            kind: "S3Bucket",
            field: "spec.providerRef.name",
            in_rust: is::<ObjectName>,
            texts: names.clone(),
        },
        Corners {
            kind: "S3Bucket",
            field: "spec.providerRef.namespace",
            in_rust: is::<NamespaceName>,
            texts: names,
        },
        Corners {
            kind: "AWSProvider",
            field: "spec.accessKeyIDRef.key",
            in_rust: is::<DataKey>,
            texts: vec!["a", "A.b_c-1", "..", "-", "a/b", "a b", "ä", "a\n"],
        },
        Corners {
            kind: "S3Bucket",
            field: "spec.bucketName",
            in_rust: is::<BucketName>,
            texts: vec![
                "abc",
                "a-c",
                "a.c",
                "ab",
                "-bc",
                "ab-",
                ".bc",
                "ab.",
                "a..c",
                "a.-.c",
                "ABC",
                "äbc",
                "a_c",
                "a\nc",
                "1.2.3.4",
                "1.2.3",
                "1.2.3.4.5",
                "1.2.3.4a",
                "a1.2.3.4",
                "xn--a",
                "xn-a",
                "sthree-a",
                "sthree",
                "s3alias",
                "a-s3alias",
                "a--ol-s3",
                "a.mrap",
                "amrap",
                "a--x-s3",
                "a--table-s3",
                "amzn-s3-demo-a",
                "amzn-s3-a",
            ],
        },
        Corners {
            kind: "AWSProvider",
            field: "spec.endpoint",
            in_rust: is::<Endpoint>,
            texts: vec![
                "http://a",
                "https://a.b:1/c",
                "https://a:",
                "https://a:123456",
                "https://a:b",
                "https://:1",
                "https:///a",
                "https://a/b c",
                "https://a?b",
                "https://a#b",
                "https://a@b",
                "ftp://a.bc",
                "HTTPS://a",
                "https://[::1]",
                "https://[::1]:9",
                "https://[::1",
                "https://::1]",
                "https://[]",
                "https://[g]",
                "https://a_b",
                "https://ä",
                "https://a//~b",
                "https://[::1]x",
                "https://a\n",
            ],
        },
        Corners {
            kind: "AWSProvider",
            field: "spec.region",
            in_rust: is::<Region>,
            texts: vec![
                "a",
                "eu-central-1",
                "eu--1",
                "-eu",
                "eu-",
                "EU",
                "eu.1",
                "eu_1",
                "ä",
            ],
        },
        Corners {
            kind: "AWSProvider",
            field: "spec.assumeRoleARN",
            in_rust: is::<RoleArn>,
            texts: vec![
                "arn:aws:iam::111122223333:role/r",
                "arn:aws-us-gov:iam::111122223333:role/p/q",
                "arn:aws-:iam::111122223333:role/r",
                "arn:awsx:iam::111122223333:role/r",
                "arn:aws:iam::1111222233334:role/r",
                "arn:aws:iam:x:111122223333:role/r",
                "arn:aws:iam::111122223333:role/",
                "arn:aws:iam::111122223333:role/ä",
                "arn:aws:iam::111122223333:role/a b",
                "arn:aws:iam::111122223333:role/a:b",
                "arn:aws:sts::111122223333:assumed-role/r",
            ],
        },
        Corners {
            kind: "AWSProvider",
            field: "spec.assumeRoleChain[].policyARNs[]",
            in_rust: is::<PolicyArn>,
            texts: vec![
                "arn:aws:iam::aws:policy/a",
                "arn:aws-cn:iam::111122223333:policy/p/q",
                "arn:aws:iam::aws:policy/",
                "arn:aws:iam::AWS:policy/name",
                "arn:aws:iam::11112222333:policy/name",
                "arn:aws:iam:x:aws:policy/name",
                "arn:aws:iam::aws:policy/a b",
                "arn:aws:iam::111122223333:role/name",
            ],
        },
        Corners {
            kind: "AWSProvider",
            field: "spec.assumeRoleChain[].sessionName",
            in_rust: is::<SessionName>,
            texts: vec!["ab", "a", "a+=,.@-_9", "a b", "a:b", "a/b", "ä9", "ab\n"],
        },
        Corners {
            kind: "AWSProvider",
            field: "spec.assumeRoleChain[].policy",
            in_rust: is::<SessionPolicy>,
            texts: vec![
                "{}", "{", "}{", "[]", " {}\n", "{\t}", "{ÿ}", "{Ā}", "{\u{1}}", "{}x", "\u{a0}{}",
                "{\u{a0}}", "{\u{85}}",
            ],
        },
        Corners {
            kind: "AWSProvider",
            field: "spec.webIdentity.tokenFile",
            in_rust: is::<TokenFile>,
            texts: vec![
                "/a",
                "/",
                "a",
                "/a/b",
                "/a/",
                "//a",
                "/a//b",
                "/.",
                "/..",
                "/...",
                "/a/..",
                "/a/../b",
                "/a/./b",
                "/..a",
                "/a/..data/t",
                "/a b",
                "/ä",
                "/a\n",
            ],
        },
    ]
}

#[tokio::test]
async fn a_syntax_is_the_same_in_rust_and_in_the_api_server() {
    let server = Server::start().await;
    let crds = crd_types::crds();
    let mut differences = Vec::new();
    for Corners {
        kind,
        field,
        in_rust,
        texts,
    } in corners()
    {
        let crd = crds.iter().find(|crd| crd.spec.names.kind == kind).unwrap();
        let node = tree::nodes(crd)
            .into_iter()
            .find(|node| node.path.to_string() == field)
            .unwrap();
        for text in texts {
            let (mut object, pointer) = base_with(kind, &node.path);
            *object.pointer_mut(&pointer).unwrap() = json!(text);
            let answer = server.admit(&object).await;
            if answer.is_ok() != in_rust(text) {
                let answer = answer.map(drop);
                differences.push(format!("{kind} {field} {text:?}: {answer:?}"));
            }
        }
    }
    assert!(differences.is_empty(), "{differences:#?}");
}
