use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Requests are held against an OpenAPI document. The gateway needs one source of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct OpenApiValidation {
    /// Whether requests are held against the document.
    #[serde(default)]
    pub enabled: bool,

    /// File on the gateways with the document. The gateway does not take it together with specURL.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub spec_file: Option<String>,

    /// Address of the document.
    #[serde(rename = "specURL", default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 4096))]
    pub spec_url: Option<String>,

    /// The document itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 1_048_576))]
    pub spec_inline: Option<String>,

    /// A ConfigMap in the namespace of the route with the document.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec_config_map_ref: Option<ConfigMapKey>,

    /// True: a request that does not conform is refused. Otherwise it is only noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fail_on_error: Option<bool>,

    /// True: bodies are checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_request_body: Option<bool>,

    /// True: parameters are checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_request_params: Option<bool>,

    /// True: headers are checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_request_headers: Option<bool>,

    /// True: security requirements are checked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validate_security: Option<bool>,
}

/// One value of a ConfigMap.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConfigMapKey {
    /// Name of the ConfigMap.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Key of the value. May be left out if the ConfigMap has only one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 253))]
    pub key: Option<String>,
}
