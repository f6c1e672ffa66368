use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    names::{DataKey, NamespaceName, ObjectName},
    rules::InvalidField,
    stored::Stored,
};

/// The AWSProvider whose account, region and credentials an object uses.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ProviderRef {
    /// Name of the AWSProvider.
    pub name: Stored<ObjectName>,
    /// Namespace of the AWSProvider; the object's own if left out. A provider of another namespace must list
    /// this object's namespace in its spec.allowedNamespaces; until then the object is Ready=False with
    /// reason NotAllowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Stored<NamespaceName>>,
}

impl ProviderRef {
    /// A provider of the object's own namespace.
    pub fn named(name: ObjectName) -> Self {
        Self {
            name: name.into(),
            namespace: None,
        }
    }

    /// The provider's namespace, for an object in the namespace `own`.
    pub fn namespace_or<'a>(&'a self, own: &'a str) -> &'a str {
        self.namespace.as_ref().map_or(own, Stored::as_str)
    }

    /// Checks what admission checks, for a reference at `path`.
    ///
    /// # Errors
    /// The first field that admission would refuse.
    pub fn check(&self, path: &str) -> Result<(), InvalidField> {
        check_object(&self.name, self.namespace.as_ref(), path)
    }
}

/// A Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretRef {
    /// Name of the Secret.
    pub name: Stored<ObjectName>,
    /// Namespace of the Secret. Only the provider's own namespace is read; it is what leaving this out means.
    /// Another one is admitted, and the provider is then Ready=False with reason NotAllowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Stored<NamespaceName>>,
}

impl SecretRef {
    /// Checks what admission checks, for a reference at `path`.
    ///
    /// # Errors
    /// The first field that admission would refuse.
    pub fn check(&self, path: &str) -> Result<(), InvalidField> {
        check_object(&self.name, self.namespace.as_ref(), path)
    }
}

/// One value of a Secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    pub name: Stored<ObjectName>,
    /// Namespace of the Secret. Only the provider's own namespace is read; it is what leaving this out means.
    /// Another one is admitted, and the provider is then Ready=False with reason NotAllowed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub namespace: Option<Stored<NamespaceName>>,
    /// Key of the value within the Secret's data.
    pub key: Stored<DataKey>,
}

impl SecretKeyRef {
    /// Checks what admission checks, for a reference at `path`.
    ///
    /// # Errors
    /// The first field that admission would refuse.
    pub fn check(&self, path: &str) -> Result<(), InvalidField> {
        check_object(&self.name, self.namespace.as_ref(), path)?;
        self.key.check(&format!("{path}.key"))
    }
}

fn check_object(
    name: &Stored<ObjectName>,
    namespace: Option<&Stored<NamespaceName>>,
    path: &str,
) -> Result<(), InvalidField> {
    name.check(&format!("{path}.name"))?;
    namespace.map_or(Ok(()), |namespace| {
        namespace.check(&format!("{path}.namespace"))
    })
}
