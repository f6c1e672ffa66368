//! Parts of a bucket's configuration that moto loses, wholly or in some fields, or does not know: the overlay keeps
//! their XML as it was written, and answers with it.

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::aws::{refusal, s3::S3Call};

/// A part that is kept.
pub(in crate::aws) struct Kept {
    /// The query that names it.
    pub(in crate::aws) part: &'static str,
    /// The element of its XML.
    pub(in crate::aws) root: &'static str,
    pub(in crate::aws) without: Without,
    /// What is said with the XML, and not in it.
    pub(super) beside: Option<Header>,
}

/// A header of both the write and the read of a part.
pub(in crate::aws) struct Header {
    pub(super) name: &'static str,
    /// What it says where the write has none.
    default: &'static str,
}

impl Header {
    /// What a write says.
    pub(super) fn said(&self, call: &S3Call) -> String {
        let said = call.headers.get(self.name);
        let said = said.and_then(|said| said.to_str().ok());
        said.unwrap_or(self.default).to_owned()
    }
}

/// What is answered where there is nothing.
#[derive(Clone, Copy)]
pub(in crate::aws) enum Without {
    /// An error with this code.
    Code(&'static str),
    /// This inside of the element.
    Empty(&'static str),
    /// The bucket has several, each under an id; all are listed in this element.
    Listed(&'static str),
}

use Without::{Code, Empty, Listed};

/// Where AWS documents each answer: API Reference, the page of the `Get…` operation.
pub(super) static KEPT: [Kept; 10] = [
    // moto drops sizes, in the rules and beside them, and NewerNoncurrentVersions.
    Kept {
        beside: Some(Header {
            name: "x-amz-transition-default-minimum-object-size",
            default: "all_storage_classes_128K",
        }),
        ..kept(
            "lifecycle",
            "LifecycleConfiguration",
            Code("NoSuchLifecycleConfiguration"),
        )
    },
    // moto drops filters and what is replicated besides objects.
    kept(
        "replication",
        "ReplicationConfiguration",
        Code("ReplicationConfigurationNotFoundError"),
    ),
    // moto drops EventBridge and takes targets that are not there.
    kept("notification", "NotificationConfiguration", Empty("")),
    // moto answers in another element.
    kept("accelerate", "AccelerateConfiguration", Empty("")),
    // moto would make a bucket of it, or knows no way to delete it.
    kept(
        "requestPayment",
        "RequestPaymentConfiguration",
        Empty("<Payer>BucketOwner</Payer>"),
    ),
    kept("abac", "AbacStatus", Empty("<Status>Disabled</Status>")),
    kept(
        "intelligent-tiering",
        "IntelligentTieringConfiguration",
        Listed("ListBucketIntelligentTieringConfigurationsOutput"),
    ),
    kept(
        "metrics",
        "MetricsConfiguration",
        Listed("ListMetricsConfigurationsResult"),
    ),
    kept(
        "inventory",
        "InventoryConfiguration",
        Listed("ListInventoryConfigurationsResult"),
    ),
    kept(
        "analytics",
        "AnalyticsConfiguration",
        Listed("ListBucketAnalyticsConfigurationResult"),
    ),
];

pub(in crate::aws) const fn kept(part: &'static str, root: &'static str, without: Without) -> Kept {
    Kept {
        part,
        root,
        without,
        beside: None,
    }
}

impl Kept {
    /// The part that this query is about.
    pub(super) fn of(query: &str) -> Option<&'static Self> {
        let mut names = query.split('&').map(|pair| pair.split('=').next());
        names.find_map(|name| KEPT.iter().find(|kept| Some(kept.part) == name))
    }

    /// The answer where there is nothing.
    pub(in crate::aws) fn nothing(&self) -> Response<Bytes> {
        let none = |code| {
            let message = "The specified configuration does not exist";
            refusal::s3(StatusCode::NOT_FOUND, code, message)
        };
        match self.without {
            Code(code) => none(code),
            Empty(inside) => document(&format!("<{root}>{inside}</{root}>", root = self.root)),
            Listed(_) => none("NoSuchConfiguration"),
        }
    }

    /// Up to 100 of several, and where the next page begins: API Reference, `ListBucketMetricsConfigurations`.
    pub(super) fn page(&self, all: &[String], from: usize) -> Response<Bytes> {
        const PAGE: usize = 100;
        let Listed(root) = self.without else {
            return self.nothing();
        };
        let inside: String = all
            .iter()
            .skip(from)
            .take(PAGE)
            .map(String::as_str)
            .collect();
        let next = match all.len() > from + PAGE {
            true => format!(
                "<IsTruncated>true</IsTruncated><NextContinuationToken>{}</NextContinuationToken>",
                from + PAGE
            ),
            false => "<IsTruncated>false</IsTruncated>".to_owned(),
        };
        document(&format!("<{root}>{inside}{next}</{root}>"))
    }
}

/// A document as it goes out.
pub(in crate::aws) fn document(xml: &str) -> Response<Bytes> {
    let declaration = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";
    refusal::xml(StatusCode::OK, format!("{declaration}{xml}"))
}

/// The element that a client wrote, without what stands before it; none if it is not this element.
pub(in crate::aws) fn element<'a>(body: &'a str, root: &str) -> Option<&'a str> {
    let begin = body.find(&format!("<{root}"))?;
    let text = body[begin..].trim_end();
    let whole = text.ends_with(&format!("</{root}>")) || text.ends_with("/>");
    whole.then_some(text)
}
