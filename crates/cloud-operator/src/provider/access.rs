//! From the spec of a provider and the Secrets that it names to what a session is opened with.

use std::collections::BTreeSet;

use crd_types::{
    aws::v1alpha1::{AWSProvider, AWSProviderSpec, AssumeRole, Credentials},
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

use super::reasons;
use crate::aws::{Access, Hop, Keys, Source, WebIdentity};

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
    provider.spec.check_partitions().map_err(invalid)?;
    let own = provider.namespace().unwrap_or_default();
    let key = |field: &str, name: &Stored<ObjectName>, namespace: Option<&str>| match namespace {
        Some(namespace) if namespace != own => Err(Fault::terminal(
            reasons::NOT_ALLOWED,
            format!(
                "spec.{field}.namespace: found {namespace}, allowed is only the provider's own namespace {own}: \
                 keep the Secret there"
            ),
        )),
        _ => Ok(ObjectKey::new(own.as_str(), name.as_str())),
    };
    match provider.spec.credentials().map_err(invalid)? {
        Credentials::Ambient | Credentials::WebIdentity { .. } => Ok(BTreeSet::new()),
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

/// What `provider` says to open a session with; reads its Secrets. `external_id` is for roles for which the
/// provider gives none.
///
/// # Errors
/// A fault that names the field, or the key of a Secret.
pub(super) async fn access(
    provider: &AWSProvider,
    secrets: &Secrets,
    external_id: &str,
) -> Result<Found, Fault> {
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
        Credentials::WebIdentity { role, terms } => Source::WebIdentity(WebIdentity {
            role_arn: role.to_string(),
            token_file: terms
                .and_then(|terms| terms.token_file.as_ref())
                .map(|file| file.as_str().into()),
            session_name: terms
                .and_then(|terms| terms.session_name.as_ref())
                .map(ToString::to_string),
            duration: terms.and_then(|terms| terms.duration_seconds),
        }),
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
    let chain = spec.assumed_roles().map_err(invalid)?;
    let chain = chain.into_iter().map(|role| hop(role, external_id));
    let endpoint = spec
        .endpoint
        .as_ref()
        .map(|endpoint| endpoint.parse_at("spec.endpoint"));
    let account = spec
        .expected_account_id
        .as_ref()
        .map(|account| account.parse_at("spec.expectedAccountID"));
    Ok(Found::Access(Box::new(Access {
        provider: ObjectKey::of(provider),
        version,
        region: spec.region.parse_at("spec.region").map_err(invalid)?,
        endpoint: endpoint.transpose().map_err(invalid)?,
        fips: spec.use_fips_endpoint == Some(true),
        dual_stack: spec.use_dual_stack_endpoint == Some(true),
        account: account.transpose().map_err(invalid)?,
        source,
        chain: chain.collect(),
        default_tags: spec.default_tags.to_map(),
    })))
}

/// The external ID of every role for which `provider` gives none: no other provider of any installation has it,
/// and none of this one [may choose it](refuse_anothers_ids).
pub(super) fn external_id(provider: &ObjectKey, installation: &str) -> String {
    format!("{installation}/{}/{}", provider.namespace, provider.name)
}

/// Refuses an external ID that the provider gives: whoever may choose one may take that of another.
///
/// # Errors
/// A terminal fault that names the field.
pub(super) fn refuse_external_ids(spec: &AWSProviderSpec, own: &str) -> Result<(), Fault> {
    let given = match (&spec.external_id, &spec.assume_role_chain) {
        (Some(_), _) => Some("spec.externalID".to_owned()),
        (None, chain) => chain
            .iter()
            .position(|role| role.external_id.is_some())
            .map(|index| format!("spec.assumeRoleChain[{index}].externalID")),
    };
    given.map_or(Ok(()), |field| {
        Err(Fault::terminal(
            reasons::NOT_ALLOWED,
            format!(
                "{field}: providers may not choose external IDs here (--enforce-external-ids or \
                 ENFORCE_EXTERNAL_IDS); leave it out, and let the role's trust policy ask for {own}"
            ),
        ))
    })
}

/// Refuses an external ID that is another provider's own.
///
/// # Errors
/// A terminal fault that names the field.
pub(super) fn refuse_anothers_ids(
    spec: &AWSProviderSpec,
    own: &str,
    installation: &str,
) -> Result<(), Fault> {
    let first = spec.external_id.as_ref().map(ToString::to_string);
    let first = first.map(|id| ("spec.externalID".to_owned(), id));
    let chain = spec.assume_role_chain.iter().enumerate();
    let chain = chain.filter_map(|(index, role)| {
        let id = role.external_id.as_ref()?.to_string();
        Some((format!("spec.assumeRoleChain[{index}].externalID"), id))
    });
    let derived = format!("{installation}/");
    let mut given = first.into_iter().chain(chain);
    match given.find(|(_, id)| id.starts_with(&derived) && id != own) {
        None => Ok(()),
        Some((field, id)) => Err(Fault::terminal(
            reasons::NOT_ALLOWED,
            format!(
                "{field}: {id:?} is the external ID of another AWSProvider; leave it out, and let the role's trust \
                 policy ask for {own}"
            ),
        )),
    }
}

fn hop(role: AssumeRole, external_id: &str) -> Hop {
    Hop {
        role_arn: role.role_arn.to_string(),
        external_id: Some(
            role.external_id
                .map_or_else(|| external_id.to_owned(), |id| id.to_string()),
        ),
        session_name: role.session_name.map(|name| name.to_string()),
        duration: role.duration_seconds,
        tags: role.tags.to_map(),
        transitive_tag_keys: role
            .transitive_tag_keys
            .iter()
            .map(ToString::to_string)
            .collect(),
        policy: role.policy.map(|policy| policy.to_string()),
        policy_arns: role.policy_arns.iter().map(ToString::to_string).collect(),
    }
}

/// A value without the line break that `echo` and editors leave at its end.
fn value((secret, values): &(ObjectKey, SecretValues), key: &str) -> Result<SecretString, Fault> {
    let wrong = |text: String| Fault::terminal(reasons::INVALID_SECRET, text);
    let text = values
        .text(key)
        .map_err(|unusable| wrong(unusable.to_string()))?;
    match text.expose_secret().trim() {
        "" => Err(wrong(format!("key {key:?} of Secret {secret} is empty"))),
        trimmed => Ok(trimmed.into()),
    }
}

fn invalid(field: InvalidField) -> Fault {
    Fault::terminal(reasons::INVALID_SPEC, field.to_string())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn nobody_takes_the_external_id_of_another_provider() {
        let refused = |more: Value| {
            let mut spec = json!({ "region": "eu-central-1" });
            let fields = more.as_object().expect("fields").clone();
            spec.as_object_mut().expect("a spec").extend(fields);
            let spec: AWSProviderSpec = serde_json::from_value(spec).expect("a spec");
            refuse_anothers_ids(&spec, "here/team-b/prod", "here").err()
        };
        let role = "arn:aws:iam::123456789012:role/r";
        let chain =
            |id: &str| json!({ "assumeRoleChain": [{ "roleARN": role, "externalID": id }] });
        let short = |id: &str| json!({ "assumeRoleARN": role, "externalID": id });
        for id in ["here/team-b/prod", "elsewhere/team-a/prod", "partner-42"] {
            assert!(
                refused(chain(id)).is_none() && refused(short(id)).is_none(),
                "{id}"
            );
        }
        let why = refused(chain("here/team-a/prod")).expect("refused").message;
        assert!(
            why.starts_with("spec.assumeRoleChain[0].externalID: "),
            "{why}"
        );
        let why = refused(short("here/team-a/prod")).expect("refused").message;
        assert!(why.starts_with("spec.externalID: "), "{why}");
    }
}
