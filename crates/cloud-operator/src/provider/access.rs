//! From the spec of a provider and the Secrets that it names to what a session is opened with.

use std::collections::BTreeSet;

use crd_types::{
    aws::v1alpha1::{AWSProvider, AWSProviderSpec, Credentials},
    names::ObjectName,
    rules::InvalidField,
    stored::Stored,
};
use kube::ResourceExt;
use operator_core::{
    cluster::{
        secrets::{SecretValues, Secrets},
        write::from_api,
    },
    decide::{key::ObjectKey, outcome::Fault},
};
use secrecy::{ExposeSecret, SecretString};

use crate::aws::{Access, Hop, Keys, Source};

/// What opening a session needs, if it is all there.
pub(super) enum Found {
    /// It is.
    Access(Box<Access>),
    /// This Secret is not there yet.
    NoSecret(ObjectKey),
}

/// The Secrets that `provider` names.
///
/// # Errors
/// A terminal fault for a spec that admission would refuse, and for a Secret of another namespace: whoever may
/// write a provider may not thereby use credentials that he may not read.
pub(super) fn secrets_of(provider: &AWSProvider) -> Result<BTreeSet<ObjectKey>, Fault> {
    provider.spec.check().map_err(invalid)?;
    let own = provider.namespace().unwrap_or_default();
    let key = |field: &str, name: &Stored<ObjectName>, namespace: Option<&str>| match namespace {
        Some(namespace) if namespace != own => Err(Fault::terminal(
            "NotAllowed",
            format!(
                "spec.{field}.namespace: found {namespace}, allowed is only the provider's own namespace {own}: \
                 keep the Secret there"
            ),
        )),
        _ => Ok(ObjectKey::new(own.as_str(), name.as_str())),
    };
    match provider.spec.credentials().map_err(invalid)? {
        Credentials::Ambient | Credentials::WebIdentity(_) => Ok(BTreeSet::new()),
        Credentials::Secret(reference) => {
            let namespace = reference.namespace.as_ref().map(Stored::as_str);
            Ok([key("credentialsSecret", &reference.name, namespace)?].into())
        }
        Credentials::Keys {
            access_key_id,
            secret_access_key,
        } => {
            let [id, secret] = [
                ("accessKeyIDRef", access_key_id),
                ("secretAccessKeyRef", secret_access_key),
            ]
            .map(|(field, it)| key(field, &it.name, it.namespace.as_ref().map(Stored::as_str)));
            Ok([id?, secret?].into())
        }
    }
}

/// What `provider` says to open a session with; reads its Secrets.
///
/// # Errors
/// A fault that names the field, or the key of a Secret.
pub(super) async fn access(provider: &AWSProvider, secrets: &Secrets) -> Result<Found, Fault> {
    let spec = &provider.spec;
    let own = provider.namespace().unwrap_or_default();
    let mut version = format!(
        "{}/{}",
        provider.uid().unwrap_or_default(),
        provider.metadata.generation.unwrap_or_default()
    );
    let mut read = Vec::new();
    for key in secrets_of(provider)? {
        let Some(values) = secrets.get(&key).await.map_err(|error| from_api(&error))? else {
            return Ok(Found::NoSecret(key));
        };
        version = format!("{version},{}", values.version());
        read.push((key, values));
    }
    let secret = |name: &Stored<ObjectName>| {
        let wanted = ObjectKey::new(own.as_str(), name.as_str());
        read.iter()
            .find(|(key, _)| *key == wanted)
            .expect("every Secret that the spec names was read")
    };
    let text = |name: &Stored<ObjectName>, key: &str| value(secret(name), key);
    let source = match spec.credentials().map_err(invalid)? {
        Credentials::Ambient => Source::Ambient,
        Credentials::WebIdentity(role) => Source::WebIdentity {
            role_arn: role.to_string(),
        },
        Credentials::Secret(it) => Source::Keys(Keys {
            id: text(&it.name, AWSProviderSpec::ACCESS_KEY_ID)?,
            secret: text(&it.name, AWSProviderSpec::SECRET_ACCESS_KEY)?,
            token: match secret(&it.name).1.get(AWSProviderSpec::SESSION_TOKEN) {
                Some(_) => Some(text(&it.name, AWSProviderSpec::SESSION_TOKEN)?),
                None => None,
            },
        }),
        Credentials::Keys {
            access_key_id,
            secret_access_key,
        } => Source::Keys(Keys {
            id: text(&access_key_id.name, access_key_id.key.as_str())?,
            secret: text(&secret_access_key.name, secret_access_key.key.as_str())?,
            token: None,
        }),
    };
    let hop = spec.assumed_role().map_err(invalid)?.map(|assumed| Hop {
        role_arn: assumed.role.to_string(),
        external_id: assumed.external_id.map(|id| id.to_string()),
    });
    let endpoint = spec
        .endpoint
        .as_ref()
        .map(|endpoint| endpoint.parse_at("spec.endpoint"));
    Ok(Found::Access(Box::new(Access {
        provider: ObjectKey::of(provider),
        version,
        region: spec.region.parse_at("spec.region").map_err(invalid)?,
        endpoint: endpoint.transpose().map_err(invalid)?,
        source,
        hop,
        default_tags: spec.default_tags.as_map().clone(),
    })))
}

/// A value without the line break that `echo` and editors leave at its end.
fn value((secret, values): &(ObjectKey, SecretValues), key: &str) -> Result<SecretString, Fault> {
    let wrong = |text: String| Fault::terminal("InvalidSecret", text);
    let text = values
        .text(key)
        .map_err(|unusable| wrong(unusable.to_string()))?;
    match text.expose_secret().trim() {
        "" => Err(wrong(format!("key {key:?} of Secret {secret} is empty"))),
        trimmed => Ok(trimmed.into()),
    }
}

fn invalid(field: InvalidField) -> Fault {
    Fault::terminal("InvalidSpec", field.to_string())
}
