//! Which roles providers may name: one that could name any role would have the operator assume whatever trusts
//! it, in whosever account.

use std::{fmt, str::FromStr};

use operator_core::decide::outcome::Fault;

use super::{credentials::Source, reasons, session::Access};

/// What stands for the namespace of a provider in a pattern.
const NAMESPACE: &str = "{namespace}";

/// What whoever runs the operator allows.
#[derive(Clone, Debug, Default)]
pub struct RolePolicy {
    /// Patterns of roles; empty: every role.
    pub allowed: Vec<RolePattern>,
    /// Namespaces whose providers may use the Pod's own credentials without a role of their own; none: every
    /// namespace.
    pub ambient: Option<Vec<String>>,
}

/// The ARN of a role in which `*` stands for any text, and `{namespace}` for the provider's namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RolePattern(String);

impl RolePolicy {
    /// Admits the roles and the credentials that a provider names.
    ///
    /// # Errors
    /// A terminal fault that names the setting that would allow it.
    pub(super) fn admit(&self, access: &Access) -> Result<(), Fault> {
        let namespace = access.provider.namespace.as_ref();
        if let Source::WebIdentity(identity) = &access.source {
            self.admit_role("spec.roleARN", &identity.role_arn, namespace)?;
        }
        for (index, hop) in access.chain.iter().enumerate() {
            let field = match access.chain.len() {
                1 => "the assumed role".to_owned(),
                _ => format!("role {} of the chain", index + 1),
            };
            self.admit_role(&field, &hop.role_arn, namespace)?;
        }
        match (&access.source, &self.ambient) {
            (Source::Ambient, Some(allowed))
                if !allowed.iter().any(|it| it == "*" || it == namespace) =>
            {
                Err(Fault::terminal(
                    reasons::CREDENTIALS_NOT_ALLOWED,
                    format!(
                        "the provider names no credentials, and those of the operator's own Pod are not for the \
                         namespace {namespace} (allowed: {}); name a credentialsSecret or a roleARN, or let whoever \
                         runs the operator allow it by --ambient-credentials-namespaces or \
                         AMBIENT_CREDENTIALS_NAMESPACES",
                        listed(allowed)
                    ),
                ))
            }
            _ => Ok(()),
        }
    }

    fn admit_role(&self, field: &str, role: &str, namespace: &str) -> Result<(), Fault> {
        if self.allowed.is_empty() || self.allowed.iter().any(|it| it.allows(role, namespace)) {
            return Ok(());
        }
        Err(Fault::terminal(
            reasons::ROLE_NOT_ALLOWED,
            format!(
                "{field}: {role} is not among the roles that providers of the namespace {namespace} may name ({}); \
                 whoever runs the operator can allow it by --allowed-roles or ALLOWED_ROLES",
                listed(&self.allowed)
            ),
        ))
    }
}

impl RolePattern {
    fn allows(&self, role: &str, namespace: &str) -> bool {
        matches(&self.0.replace(NAMESPACE, namespace), role)
    }
}

/// Whether `text` is what `pattern` says, in which `*` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let Some((begin, rest)) = pattern.split_once('*') else {
        return pattern == text;
    };
    let Some(mut left) = text.strip_prefix(begin) else {
        return false;
    };
    let mut parts = rest.split('*');
    let end = parts.next_back().unwrap_or_default();
    for part in parts {
        match left.find(part) {
            Some(at) => left = &left[at + part.len()..],
            None => return false,
        }
    }
    left.ends_with(end)
}

fn listed(allowed: &[impl fmt::Display]) -> String {
    let listed: Vec<_> = allowed.iter().map(ToString::to_string).collect();
    match listed.is_empty() {
        true => "none".to_owned(),
        false => listed.join(", "),
    }
}

impl FromStr for RolePattern {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let text = text.trim();
        let role = text.split(':').collect::<Vec<_>>();
        match role.as_slice() {
            ["arn", _, "iam", "", _, resource] if resource.starts_with("role/") => {
                Ok(Self(text.to_owned()))
            }
            _ => Err(
                "the ARN of an IAM role, in which * stands for any text and {namespace} for the provider's \
                 namespace, as in arn:aws:iam::123456789012:role/tenants/{namespace}/*"
                    .to_owned(),
            ),
        }
    }
}

impl fmt::Display for RolePattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allows(pattern: &str, role: &str) -> bool {
        let pattern: RolePattern = pattern.parse().expect("a pattern");
        pattern.allows(role, "team-a")
    }

    #[test]
    fn patterns() {
        let role = |name: &str| format!("arn:aws:iam::111122223333:role/{name}");
        let tenants = role("tenants/{namespace}/*");
        assert!(allows(&tenants, &role("tenants/team-a/deploy")));
        for name in [
            "tenants/team-b/deploy",
            "tenants/team-a",
            "x/tenants/team-a/deploy",
            "admin",
        ] {
            assert!(!allows(&tenants, &role(name)), "{name}");
        }
        assert!(allows(&role("exact"), &role("exact")));
        assert!(!allows(&role("exact"), &role("exactly")));
        let anywhere = "arn:*:iam::*:role/operator-*-x";
        assert!(allows(
            anywhere,
            "arn:aws-cn:iam::444455556666:role/operator-a-x"
        ));
        assert!(allows(
            anywhere,
            "arn:aws:iam::444455556666:role/operator--x"
        ));
        assert!(!allows(
            anywhere,
            "arn:aws:iam::444455556666:role/operator-x"
        ));
        assert!(!allows(
            anywhere,
            "arn:aws:iam::444455556666:role/operator-a-y"
        ));
    }

    #[test]
    fn a_pattern_is_an_arn() {
        for text in [
            "*",
            "role/name",
            "arn:aws:iam::*:user/*",
            "arn:aws:s3:::bucket",
            "",
        ] {
            assert!(text.parse::<RolePattern>().is_err(), "{text:?}");
        }
    }
}
