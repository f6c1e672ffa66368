//! From a provider's spec and the values of its Secrets to what a session is opened with.

use std::collections::{BTreeMap, BTreeSet};

use crd_types::{
    aws::v1alpha1::{AWSProvider, AWSProviderSpec, Credentials},
    rules::InvalidField,
};
use operator_core::{
    cluster::secrets::SecretValues,
    decide::{key::ObjectKey, outcome::Fault},
};
use secrecy::SecretString;

use crate::aws::{Access, Hop, Keys, Source};

/// The Secrets that the spec refers to.
///
/// # Errors
/// A terminal fault if the spec is not valid, or names a Secret of another namespace.
pub(super) fn secrets(key: &ObjectKey, spec: &AWSProviderSpec) -> Result<BTreeSet<ObjectKey>, Fault> {
    spec.check().map_err(invalid)?;
    let named = match spec.credentials().map_err(invalid)? {
        Credentials::Ambient | Credentials::WebIdentity(_) => vec![],
        Credentials::Secret(secret) => {
            vec![("spec.credentialsSecret", &secret.name, &secret.namespace)]
        }
        Credentials::Keys { access_key_id: id, secret_access_key: secret } => vec![
            ("spec.accessKeyIDRef", &id.name, &id.namespace),
            ("spec.secretAccessKeyRef", &secret.name, &secret.namespace),
        ],
    };
    named
        .into_iter()
        .map(|(field, name, namespace)| {
            let namespace = namespace.as_ref().map_or(&*key.namespace, |named| named.as_str());
            if namespace == &*key.namespace {
                Ok(ObjectKey::new(namespace, name.as_str()))
            } else {
                Err(not_allowed(field, namespace, &key.namespace))
            }
        })
        .collect()
}

/// What a session is opened with. `values` holds what [`secrets`] named.
///
/// # Errors
/// A terminal fault that names the field or the Secret's key.
pub(super) fn access(
    key: &ObjectKey,
    provider: &AWSProvider,
    values: &BTreeMap<ObjectKey, SecretValues>,
) -> Result<Access, Fault> {
    let spec = &provider.spec;
    let text = |secret: &str, entry: &str| -> Result<SecretString, Fault> {
        let secret = ObjectKey::new(key.namespace.clone(), secret);
        let values = values.get(&secret).ok_or_else(|| {
            Fault::transient("WaitingForSecret", format!("Secret {secret} was not read"))
        })?;
        values.text(entry).map_err(|unusable| Fault::terminal("InvalidSecret", unusable.to_string()))
    };
    let source = match spec.credentials().map_err(invalid)? {
        Credentials::Ambient => Source::Ambient,
        Credentials::WebIdentity(role) => Source::WebIdentity { role_arn: role.to_string() },
        Credentials::Secret(secret) => Source::Keys(Keys {
            id: text(secret.name.as_str(), AWSProviderSpec::ACCESS_KEY_ID)?,
            secret: text(secret.name.as_str(), AWSProviderSpec::SECRET_ACCESS_KEY)?,
            // Long-lived keys have none.
            token: text(secret.name.as_str(), AWSProviderSpec::SESSION_TOKEN).ok(),
        }),
        Credentials::Keys { access_key_id: id, secret_access_key: secret } => Source::Keys(Keys {
            id: text(id.name.as_str(), id.key.as_str())?,
            secret: text(secret.name.as_str(), secret.key.as_str())?,
            token: None,
        }),
    };
    let hop = spec.assumed_role().map_err(invalid)?.map(|assumed| Hop {
        role_arn: assumed.role.to_string(),
        external_id: assumed.external_id.map(|id| id.to_string()),
    });
    let endpoint = spec.endpoint.as_ref().map(|endpoint| endpoint.parse_at("spec.endpoint"));
    Ok(Access {
        provider: key.clone(),
        region: spec.region.parse_at("spec.region").map_err(invalid)?,
        endpoint: endpoint.transpose().map_err(invalid)?,
        source,
        hop,
        default_tags: spec.default_tags.as_map().clone(),
    })
}

fn invalid(field: InvalidField) -> Fault {
    Fault::terminal("InvalidSpec", field.to_string())
}

fn not_allowed(field: &str, found: &str, own: &str) -> Fault {
    Fault::terminal(
        "NotAllowed",
        format!(
            "{field}: found namespace {found}; a provider reads Secrets of its own namespace only ({own}): \
             put the Secret there, or move the provider and list the namespaces that use it in \
             spec.allowedNamespaces"
        ),
    )
}
