//! What operators, and those who use them, may do in the cluster, as users read it: `docs/rbac.md`.

use std::fmt::Write;

use anyhow::{Context, Result, ensure};
use k8s_openapi::api::rbac::v1::PolicyRule;
use operator_core::process::certs::SelfSigned;

const HEAD: &str = "\
# Rights in the cluster

What the charts grant, and `cargo xtask manifests`: these rules and no others. Tests play what an operator does, and fail for a rule that is missing and for one that nothing needs; others compare
the charts' roles with the same list. This page is made from it. Rights in AWS are told in [iam.md](iam.md).

NAMESPACE is the one that the operator is installed in; `…` stands for the operator's name there, as in `cloud-operator.NAMESPACE`, which is what its own ClusterRole is called, too.
`rbac.create: false` leaves an operator's rights to you, `rbac.aggregate: false` those of users.

";

const LIMITED: &str = "\
## Some namespaces only

With `watchNamespaces: [a, b]` the rules about its objects are granted by a Role in each of these namespaces, and nowhere else. The namespaces must exist when the chart is installed. What remains
cluster-wide stands so in the tables: namespaces' metadata, the operator's own webhooks, and questions about tokens.

## What RBAC cannot say

- `patch` of an object would allow another spec; operators write finalizers by it and nothing else. `get` of Secrets or ConfigMaps cannot be bound to those that objects name, nor a creation of
  Secrets to a name. So whoever takes over an operator could do these; limit it to some namespaces where that matters.
- None of the rules reads or writes Pods, Deployments, definitions or roles, or changes a Secret that is a user's.
- Whoever may write an `AWSProvider` acts with the operator's trust ([accounts.md](accounts.md#what-tenants-can-reach)), so that `edit` does not have it.
";

/// Rights that are granted in one place, on one condition.
struct Part {
    granted: &'static str,
    rules: Vec<PolicyRule>,
    /// What each resource is needed for.
    needed: &'static [(&'static str, &'static str)],
}

/// Rights of whoever uses the operator's kinds.
struct Users {
    role: &'static str,
    held_by: &'static str,
    rules: Vec<PolicyRule>,
}

const EVERYWHERE: &str = "cluster-wide, or in each of `watchNamespaces`";
const ELECTION: &str = "in NAMESPACE, unless `leaderElection.enabled` is false";
const METRICS: &str = "cluster-wide, unless `metrics.enabled` or `metrics.secure` is false";

/// The page.
pub fn page() -> Result<String> {
    let mut text = HEAD.to_owned();
    section(&mut text, "cloud-operator", &cloud(), &cloud_users())?;
    section(&mut text, "apigw-operator", &apigw(), &apigw_users())?;
    text.push_str(LIMITED);
    text.push_str(
        "\nMade by `cargo xtask gen-docs` from the rules that stand beside each operator's code.\n",
    );
    Ok(text)
}

fn cloud() -> Vec<Part> {
    use cloud_operator::rbac;
    vec![
        Part {
            granted: EVERYWHERE,
            rules: rbac::watched(),
            needed: &[
                (
                    "awsproviders",
                    "its own kinds; `patch` puts finalizers on and takes them off",
                ),
                ("awsproviders/status", "what it says of them"),
                (
                    "secrets",
                    "the credentials that an AWSProvider names in its own namespace: values by `get` of that Secret alone, changes by a watch of metadata in namespaces that hold one; RBAC \
                     cannot say either",
                ),
                ("events", "what has happened to an object"),
            ],
        },
        Part {
            granted: "cluster-wide",
            rules: rbac::namespaces(),
            needed: &[(
                "namespaces",
                "the annotation `deletion-policy` of namespaces: metadata alone",
            )],
        },
        Part {
            granted: "cluster-wide, unless `installationId` is set",
            rules: rbac::installation(),
            needed: &[("namespaces", "the cluster's UID, for the ownership mark")],
        },
        Part {
            granted: "cluster-wide, unless `webhook.enabled` is false or `certificate.mode` is `cert-manager`",
            rules: rbac::admission("cloud-operator.NAMESPACE"),
            needed: &[(
                "validatingwebhookconfigurations",
                "the `caBundle` of its own webhooks",
            )],
        },
        election(rbac::election()),
        metrics(rbac::metrics()),
        Part {
            granted: "in NAMESPACE, where `certificate.mode` is `selfsigned` and anything is served over HTTPS",
            rules: own_secret("cloud-operator-serving-cert"),
            needed: &[OWN_SECRET],
        },
    ]
}

fn apigw() -> Vec<Part> {
    use apigw_operator::rbac;
    vec![
        Part {
            granted: EVERYWHERE,
            rules: rbac::watched(),
            needed: &[
                (
                    "apiroutes",
                    "its own kinds; `patch` takes off finalizers of the older operator",
                ),
                ("apiroutes/status", "what it says of them"),
                ("services", "whether a destination is one: names alone"),
                (
                    "configmaps",
                    "those that a route names: values by `get` of these alone, changes by a watch of metadata in namespaces that hold one",
                ),
                ("events", "what has happened to an object"),
            ],
        },
        election(rbac::election()),
        metrics(rbac::metrics()),
        Part {
            granted: "in NAMESPACE, where `certificate.mode` is `selfsigned` and anything is served over HTTPS",
            rules: own_secret("avapigw-operator-serving-cert"),
            needed: &[OWN_SECRET],
        },
        Part {
            granted: "in NAMESPACE, where `grpc.tls.mode` is `selfsigned`",
            rules: own_secret("avapigw-operator-grpc-cert"),
            needed: &[OWN_SECRET],
        },
        Part {
            granted: "in the namespace of each Secret of `grpc.tls.gatewayCertSecrets`",
            rules: own_secret("SECRET"),
            needed: &[(
                "secrets",
                "the client certificate for gateways; a creation cannot be bound to a name",
            )],
        },
    ]
}

const OWN_SECRET: (&str, &str) = (
    "secrets",
    "its own authority and certificate; a creation cannot be bound to a name",
);

fn own_secret(name: &str) -> Vec<PolicyRule> {
    SelfSigned::rules_for(vec![name.to_owned()])
}

fn election(rules: Vec<PolicyRule>) -> Part {
    Part {
        granted: ELECTION,
        rules,
        needed: &[("leases", "who leads")],
    }
}

fn metrics(rules: Vec<PolicyRule>) -> Part {
    Part {
        granted: METRICS,
        rules,
        needed: &[
            ("tokenreviews", "whose token a caller of `/metrics` shows"),
            ("subjectaccessreviews", "whether that account may read it"),
        ],
    }
}

fn cloud_users() -> Vec<Users> {
    use cloud_operator::rbac;
    users(
        rbac::view(),
        rbac::edit(),
        rbac::admin(),
        rbac::metrics_reader(),
    )
}

fn apigw_users() -> Vec<Users> {
    use apigw_operator::rbac;
    users(
        rbac::view(),
        rbac::edit(),
        rbac::admin(),
        rbac::metrics_reader(),
    )
}

fn users(
    view: Vec<PolicyRule>,
    edit: Vec<PolicyRule>,
    admin: Vec<PolicyRule>,
    reader: Vec<PolicyRule>,
) -> Vec<Users> {
    let role = |role, held_by, rules| Users {
        role,
        held_by,
        rules,
    };
    vec![
        role("…-view", "whoever has Kubernetes' `view`", view),
        role("…-edit", "whoever has `edit`", edit),
        role("…-admin", "whoever has `admin`", admin),
        role(
            "…-metrics-reader",
            "the accounts of `metrics.readers`",
            reader,
        ),
    ]
}

fn section(text: &mut String, operator: &str, parts: &[Part], users: &[Users]) -> Result<()> {
    let _ = write!(
        text,
        "## `{operator}`\n\n| granted | may | on | for |\n|---|---|---|---|\n"
    );
    for part in parts {
        rows(text, part).with_context(|| format!("{operator}, {}", part.granted))?;
    }
    text.push_str("\n| ClusterRole | held by | may | on |\n|---|---|---|---|\n");
    for Users {
        role,
        held_by,
        rules,
    } in users
    {
        if rules.is_empty() {
            let _ = writeln!(
                text,
                "| none for `{role}` | {held_by} | nothing: specs may hold passwords as plain text | |"
            );
        }
        for rule in rules {
            let (may, on) = (verbs(rule), resources(rule));
            let _ = writeln!(text, "| `{role}` | {held_by} | {may} | {on} |");
        }
    }
    text.push('\n');
    Ok(())
}

fn rows(text: &mut String, part: &Part) -> Result<()> {
    let Part {
        granted,
        rules,
        needed,
    } = part;
    let is_on =
        |rule: &PolicyRule, name: &str| rule.resources.iter().flatten().any(|it| it == name);
    for (name, _) in *needed {
        let used = rules.iter().any(|rule| is_on(rule, name));
        ensure!(used, "no rule is on {name}: take what it is for away");
    }
    for rule in rules {
        let (may, on) = (verbs(rule), resources(rule));
        let (_, reason) = needed
            .iter()
            .find(|(name, _)| is_on(rule, name))
            .with_context(|| format!("{on}: say what it is for"))?;
        let _ = writeln!(text, "| {granted} | {may} | {on} | {reason} |");
    }
    Ok(())
}

fn verbs(rule: &PolicyRule) -> String {
    code(&rule.verbs)
}

/// What a rule is on: paths, or resources with their group and, where it is about some only, their names.
fn resources(rule: &PolicyRule) -> String {
    if let Some(paths) = &rule.non_resource_urls {
        return format!("the path {}", code(paths));
    }
    let resources = code(rule.resources.as_deref().unwrap_or_default());
    let groups = rule.api_groups.as_deref().unwrap_or_default();
    let named: Vec<_> = groups.iter().filter(|it| !it.is_empty()).cloned().collect();
    let of = match named.is_empty() {
        true => String::new(),
        false => format!(" of {}", code(&named)),
    };
    match rule.resource_names.as_deref() {
        None => format!("{resources}{of}"),
        Some(names) => format!("{resources}{of} called {}", code(names)),
    }
}

fn code(names: &[String]) -> String {
    let names: Vec<_> = names.iter().map(|it| format!("`{it}`")).collect();
    names.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn part(needed: &'static [(&'static str, &'static str)]) -> Part {
        Part {
            granted: "everywhere",
            rules: cloud_operator::rbac::installation(),
            needed,
        }
    }

    #[test]
    fn a_row_tells_what_a_rule_allows_and_why() {
        let mut text = String::new();
        rows(&mut text, &part(&[("namespaces", "its UID")])).unwrap();
        assert_eq!(
            text,
            "| everywhere | `get` | `namespaces` called `kube-system` | its UID |\n"
        );
        let reader = cloud_operator::rbac::metrics_reader();
        assert_eq!(resources(&reader[0]), "the path `/metrics`");
    }

    #[test]
    fn a_rule_without_a_reason_is_found_and_so_is_a_reason_without_a_rule() {
        const NONE: &[(&str, &str)] = &[];
        const TOO_MANY: &[(&str, &str)] = &[("namespaces", "its UID"), ("pods", "none")];
        for (needed, named) in [(NONE, "namespaces"), (TOO_MANY, "pods")] {
            let refused = rows(&mut String::new(), &part(needed)).unwrap_err();
            assert!(refused.to_string().contains(named), "{refused}");
        }
    }

    #[test]
    fn the_page_has_every_rule() {
        let page = page().unwrap();
        for row in [
            "| cluster-wide, or in each of `watchNamespaces` | `get`, `list`, `watch` | `secrets` | the credentials",
            "| `…-edit` | whoever has `edit` | `get`, `list`, `watch` | `awsproviders` of `aws-infra-operator.runner.codes` |",
            "| none for `…-view` |",
        ] {
            assert!(page.contains(row), "{row} in {page}");
        }
    }
}
