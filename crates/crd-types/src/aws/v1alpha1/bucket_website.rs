use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::rules::{Rule, Ruled, checks, with_rules};

/// How the bucket answers as a website.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct Website {
    /// What is appended to the address of a folder: index.html.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub index_document: Option<String>,
    /// Key of the object that is shown when something is not found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub error_document: Option<String>,
    /// Sends every request to another host; in the place of all else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub redirect_all_requests_to: Option<RedirectAll>,
    /// Which requests are sent elsewhere; the first rule that matches counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 50))]
    pub routing_rules: Vec<RoutingRule>,
}

impl Ruled for Website {
    const RULES: &'static [Rule<Self>] = &[
        Rule::new(
            "has(self.indexDocument) != has(self.redirectAllRequestsTo)",
            "give one of indexDocument and redirectAllRequestsTo",
            |website| {
                website.index_document.is_some() != website.redirect_all_requests_to.is_some()
            },
        ),
        Rule::of_field(
            ".redirectAllRequestsTo",
            "!has(self.redirectAllRequestsTo) || (!has(self.errorDocument) && !has(self.routingRules))",
            "nothing stands beside redirectAllRequestsTo",
            |website| {
                website.redirect_all_requests_to.is_none()
                    || (website.error_document.is_none() && website.routing_rules.is_empty())
            },
        ),
    ];
}

checks!(ruled Website { routing_rules: ".routingRules" });

/// Another host for every request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RedirectAll {
    /// Name of the host.
    #[schemars(length(min = 1, max = 255))]
    pub host_name: String,
    /// http or https; left out: as the request came.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<WebsiteProtocol>,
}

/// Requests that are sent elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoutingRule {
    /// Which requests; left out: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub condition: Option<RoutingCondition>,
    /// Where to.
    pub redirect: RoutingRedirect,
}

checks!(RoutingRule {
    redirect: ".redirect"
});

/// Which requests a rule is about: those for which all that is given holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct RoutingCondition {
    /// The answer would have this status: "404".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 3))]
    pub http_error_code_returned_equals: Option<String>,
    /// The key begins with this.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub key_prefix_equals: Option<String>,
}

/// Where requests are sent; what is left out stays as in the request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = with_rules::<Self>)]
pub struct RoutingRedirect {
    /// Name of the host.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub host_name: Option<String>,
    /// Status of the answer: "301", which is what leaving it out means.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 3, max = 3))]
    pub http_redirect_code: Option<String>,
    /// http or https.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protocol: Option<WebsiteProtocol>,
    /// What takes the place of the condition's prefix.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1024))]
    pub replace_key_prefix_with: Option<String>,
    /// What takes the place of the whole key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 1024))]
    pub replace_key_with: Option<String>,
}

impl Ruled for RoutingRedirect {
    const RULES: &'static [Rule<Self>] = &[Rule::new(
        "!(has(self.replaceKeyPrefixWith) && has(self.replaceKeyWith))",
        "replaceKeyPrefixWith and replaceKeyWith exclude each other",
        |redirect| {
            redirect.replace_key_prefix_with.is_none() || redirect.replace_key_with.is_none()
        },
    )];
}

checks!(ruled RoutingRedirect {});

/// How a website is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum WebsiteProtocol {
    /// Plain.
    Http,
    /// Over TLS.
    Https,
}
