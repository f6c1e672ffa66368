//! Where a session's credentials come from.

mod ambient;
mod cached;
mod fingerprint;
mod role;
mod sources;
mod token;
mod web_identity;

use std::{collections::BTreeMap, fmt, path::PathBuf, sync::Arc};

use aws_config::SdkConfig;
use operator_core::decide::key::ObjectKey;
use secrecy::SecretString;

pub use self::{ambient::Pod, token::TokenFolders};
pub(super) use self::{
    cached::{Cached, Origin, Renewed},
    sources::Sources,
};

use super::fault::Call;

/// The name of a source in the SDK's records.
const NAME: &str = "AWSProvider";
/// `RoleSessionName` takes 2 to 64 characters (AWS STS API Reference, AssumeRole).
const LONGEST_SESSION_NAME: usize = 64;

/// The first credentials.
#[derive(Clone, Debug)]
pub enum Source {
    /// What the operator's Pod has: environment, shared files, web identity, container, instance.
    Ambient,
    /// Long-lived or temporary keys.
    Keys(Keys),
    /// A token of the operator's Pod, exchanged for a role.
    WebIdentity(WebIdentity),
}

/// An access key. Its ID is as secret as the rest here.
#[derive(Clone)]
pub struct Keys {
    /// `AWS_ACCESS_KEY_ID`.
    pub id: SecretString,
    /// `AWS_SECRET_ACCESS_KEY`.
    pub secret: SecretString,
    /// `AWS_SESSION_TOKEN` of temporary keys.
    pub token: Option<SecretString>,
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Keys(..)")
    }
}

/// A role that trusts the issuer of a token.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebIdentity {
    /// The role.
    pub role_arn: String,
    /// The file of the token, which must be in an allowed folder; none: the Pod's own.
    pub token_file: Option<PathBuf>,
    /// The session's name; none: the provider's.
    pub session_name: Option<String>,
    /// For how many seconds; none: AWS's default.
    pub duration: Option<i32>,
}

impl WebIdentity {
    /// The role on AWS's usual terms, for the Pod's own token.
    pub fn of(role_arn: impl Into<String>) -> Self {
        Self {
            role_arn: role_arn.into(),
            token_file: None,
            session_name: None,
            duration: None,
        }
    }
}

/// A role assumed with the credentials before it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hop {
    /// The role.
    pub role_arn: String,
    /// What the role's trust policy may ask for.
    pub external_id: Option<String>,
    /// The session's name; none: the provider's.
    pub session_name: Option<String>,
    /// For how many seconds; none: AWS's default.
    pub duration: Option<i32>,
    /// Tags of the session.
    pub tags: BTreeMap<String, String>,
    /// Keys of those tags that stay with the roles that follow.
    pub transitive_tag_keys: Vec<String>,
    /// A policy that narrows the session.
    pub policy: Option<String>,
    /// Managed policies that narrow it.
    pub policy_arns: Vec<String>,
}

impl Hop {
    /// The role on AWS's usual terms.
    pub fn to(role_arn: impl Into<String>) -> Self {
        Self {
            role_arn: role_arn.into(),
            external_id: None,
            session_name: None,
            duration: None,
            tags: BTreeMap::new(),
            transitive_tag_keys: Vec::new(),
            policy: None,
            policy_arns: Vec::new(),
        }
    }
}

/// Where and for whom STS is asked.
pub(super) struct Asker<'a> {
    /// The session's configuration, without credentials yet.
    pub config: &'a SdkConfig,
    /// The provider, whose name sessions have that have none of their own.
    pub provider: &'a ObjectKey,
}

impl Asker<'_> {
    /// What is asked of STS, and in whose turn.
    fn asks(&self, call: Call) -> (Call, Arc<str>) {
        (call, self.provider.namespace.clone())
    }
}

/// The name of every session for the provider `key`, as CloudTrail shows it: `namespace.name`, cut where AWS
/// would refuse it and then made unique by a hash of the whole.
fn session_name(key: &ObjectKey) -> String {
    let whole = format!("{}.{}", key.namespace, key.name);
    if whole.len() <= LONGEST_SESSION_NAME {
        return whole;
    }
    // FNV-1a: the same name in every release, which the standard library's hashers do not promise.
    let hash = whole.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    let cut = whole.floor_char_boundary(LONGEST_SESSION_NAME - 17);
    format!("{}-{hash:016x}", &whole[..cut])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_named_after_its_provider() {
        assert_eq!(session_name(&ObjectKey::new("team", "aws")), "team.aws");
        let long = |name: &str| session_name(&ObjectKey::new("n".repeat(60), name));
        assert_eq!(long("one").len(), LONGEST_SESSION_NAME);
        assert_ne!(long("one"), long("two"));
    }
}
