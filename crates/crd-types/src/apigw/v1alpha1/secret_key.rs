use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One value of a Secret in the namespace of the object.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKey {
    /// Name of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub name: String,

    /// Key of the value within the data of the Secret.
    #[schemars(length(min = 1, max = 253))]
    pub key: String,
}
