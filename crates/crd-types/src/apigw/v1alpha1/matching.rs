use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{method::Method, pattern::Pattern};
use crate::{
    rules::{Rule, Ruled, checks, with_rules},
    stored::Stored,
};

/// How a text is matched: exactly, by its beginning or by a regular expression. At most one of the three.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct StringMatch {
    /// The whole text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub exact: Option<String>,

    /// What the text begins with. A path is matched at the boundary of a segment: /api matches /api/v1 and
    /// not /apis.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub prefix: Option<String>,

    /// Regular expression in the syntax of RE2.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<Stored<Pattern>>,
}

impl Ruled for StringMatch {
    const RULES: &'static [Rule<Self>] = &[Rule::new(
        "[has(self.exact) && self.exact != '', has(self.prefix) && self.prefix != '', has(self.regex) && self.regex != ''].filter(given, given).size() <= 1",
        "give at most one of exact, prefix and regex",
        |text| {
            let regex = text.regex.as_ref().map(Stored::as_str);
            let given = [text.exact.as_deref(), text.prefix.as_deref(), regex];
            given
                .into_iter()
                .flatten()
                .filter(|text| !text.is_empty())
                .count()
                <= 1
        },
    )];
}

checks!(ruled StringMatch { regex: ".regex" });

/// One set of requests. Everything that is given must hold; what is left out holds always.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RouteMatch {
    /// Path of the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uri: Option<StringMatch>,

    /// HTTP methods, in any case; * is every method. None: every method. HEAD is served where GET is.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 32))]
    pub methods: Vec<Stored<Method>>,

    /// Headers of the request, all of which must match. The gateway does not see the header Host.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub headers: Vec<HeaderMatch>,

    /// Parameters of the query, all of which must match.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 64), extend("x-kubernetes-list-type" = "atomic"))]
    pub query_params: Vec<QueryParamMatch>,
}

checks!(RouteMatch {
    uri: ".uri",
    methods: ".methods",
    headers: ".headers",
    query_params: ".queryParams"
});

/// A condition on one header. Its name alone asks nothing.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct HeaderMatch {
    /// Name of the header, in any case.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// The whole value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub exact: Option<String>,

    /// What the value begins with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub prefix: Option<String>,

    /// Regular expression in the syntax of RE2 that the value matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<Stored<Pattern>>,

    /// True: the header must be there, whatever its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<bool>,

    /// True: the header must not be there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub absent: Option<bool>,
}

checks!(HeaderMatch { regex: ".regex" });

/// A condition on one parameter of the query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueryParamMatch {
    /// Name of the parameter.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// The whole value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub exact: Option<String>,

    /// Regular expression in the syntax of RE2 that the value matches.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub regex: Option<Stored<Pattern>>,

    /// True: the parameter must be there, whatever its value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub present: Option<bool>,
}

checks!(QueryParamMatch { regex: ".regex" });
