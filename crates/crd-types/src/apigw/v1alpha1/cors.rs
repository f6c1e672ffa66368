use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::method::Method;
use crate::{rules::checks, stored::Stored};

/// What browsers may do from pages of other origins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Cors {
    /// Origins of the pages; * is every origin.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 1024), inner(length(max = 1024)))]
    pub allow_origins: Vec<String>,

    /// HTTP methods that a page may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub allow_methods: Vec<Stored<Method>>,

    /// Headers that a page may send.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub allow_headers: Vec<String>,

    /// Headers of the answer that a page may read.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 256), inner(length(max = 253)))]
    pub expose_headers: Vec<String>,

    /// How many seconds a browser may remember the answer to its question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 0))]
    pub max_age: Option<i64>,

    /// True: a page may send cookies and the like.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub allow_credentials: Option<bool>,
}

checks!(Cors {
    allow_methods: ".allowMethods"
});
