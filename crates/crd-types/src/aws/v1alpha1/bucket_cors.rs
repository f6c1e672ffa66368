use std::ops::RangeInclusive;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    rules::{Rule, checks},
    stored::Stored,
    text::{Text, text},
};

/// What browsers may do from pages of other origins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct CorsRule {
    /// Origins of the pages, each with at most one `*`.
    #[schemars(length(min = 1, max = 100), inner(length(min = 1, max = 1024)))]
    pub allowed_origins: Vec<String>,
    /// GET, PUT, HEAD, POST, DELETE.
    #[schemars(length(min = 1, max = 5))]
    pub allowed_methods: Vec<Stored<CorsMethod>>,
    /// Headers that a request may carry, each with at most one `*`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 1024)))]
    pub allowed_headers: Vec<String>,
    /// Headers of the answer that a page may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 100), inner(length(min = 1, max = 1024)))]
    pub expose_headers: Vec<String>,
    /// How many seconds a browser may remember the answer to its question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0, max = 2_147_483_647))]
    pub max_age_seconds: Option<i32>,
}

checks!(CorsRule {
    allowed_methods: ".allowedMethods"
});

/// An HTTP method that S3 knows in CORS rules.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CorsMethod(String);

impl Text for CorsMethod {
    const WHAT: &'static str = "CORS method";
    const LENGTH: RangeInclusive<usize> = 3..=6;
    const RULES: &'static [Rule<str>] = &[Rule::new(
        "self in ['GET', 'PUT', 'HEAD', 'POST', 'DELETE']",
        "must be GET, PUT, HEAD, POST or DELETE",
        |text| ["GET", "PUT", "HEAD", "POST", "DELETE"].contains(&text),
    )];
}
text!(CorsMethod);
