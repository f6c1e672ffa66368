use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    lifecycle::{HasLifecycle, Lifecycle},
    schema::conform,
};

/// What became of an AWSProvider.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
#[schemars(transform = conform)]
pub struct AWSProviderStatus {
    /// What every kind's status has.
    #[serde(flatten)]
    pub lifecycle: Lifecycle,

    /// Account in which the credentials are valid.
    #[serde(default, rename = "accountID", skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 12))]
    pub account_id: Option<String>,

    /// ARN of the user or role that the credentials stand for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 2048))]
    pub caller_identity: Option<String>,

    /// Partition of AWS that the account is in: aws, aws-cn, aws-us-gov …
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 32))]
    pub partition: Option<String>,

    /// External ID with which this provider assumes every role of spec for which none is given. It is made of
    /// the installation, the namespace and the name, so no other provider has it: let the role's trust policy
    /// ask for it (sts:ExternalId), and nobody else can have the operator assume the role.
    #[serde(
        default,
        rename = "externalID",
        skip_serializing_if = "Option::is_none"
    )]
    #[schemars(length(max = 512))]
    pub external_id: Option<String>,

    /// When AWS first accepted the credentials now in use. It does not move while nothing changes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_authentication_time: Option<Time>,
}

impl HasLifecycle for AWSProviderStatus {
    fn lifecycle(&self) -> &Lifecycle {
        &self.lifecycle
    }
    fn lifecycle_mut(&mut self) -> &mut Lifecycle {
        &mut self.lifecycle
    }
}
