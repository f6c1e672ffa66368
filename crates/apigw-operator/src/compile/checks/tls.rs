//! Certificates of routes and backends.

use crd_types::apigw::v1alpha1::{BackendTls, RouteTls, VaultTls};

use super::{Checked, given, refuse};

pub(super) fn of_route(tls: &RouteTls) -> Checked {
    let (certificate, key) = (given(tls.cert_file.as_ref()), given(tls.key_file.as_ref()));
    if certificate != key {
        let (missing, other) = if key {
            ("certFile", "keyFile")
        } else {
            ("keyFile", "certFile")
        };
        return refuse(
            format!("spec.tls.{missing}"),
            format!("must be given together with {other}, which is"),
        );
    }
    let from_vault = tls.vault.as_ref().is_some_and(|vault| vault.enabled);
    if !tls.sni_hosts.is_empty() && !certificate && !from_vault {
        return refuse(
            "spec.tls.sniHosts",
            "needs a certificate: certFile and keyFile, or vault",
        );
    }
    vault(tls.vault.as_ref())?;
    for (at, host) in tls.sni_hosts.iter().enumerate() {
        if !is_host(host) {
            return refuse(
                format!("spec.tls.sniHosts[{at}]"),
                format!(
                    "{host:?} is no host name: at most 253 characters, labels of 1 to 63 letters, digits and \
                     hyphens that neither begin nor end with a hyphen, or * for any label"
                ),
            );
        }
    }
    Ok(())
}

pub(super) fn of_backend(tls: &BackendTls) -> Checked {
    if tls.enabled {
        vault(tls.vault.as_ref())
    } else {
        Ok(())
    }
}

/// That it names mount and role was checked with the kind.
fn vault(vault: Option<&VaultTls>) -> Checked {
    match vault.filter(|vault| vault.enabled) {
        Some(vault) if !given(vault.common_name.as_ref()) => refuse(
            "spec.tls.vault.commonName",
            "must name the host of the certificate that Vault issues",
        ),
        _ => Ok(()),
    }
}

fn is_host(host: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_label = |label: &str| {
        label == "*"
            || (1..=63).contains(&label.len())
                && label.bytes().all(may_stand)
                && !label.starts_with('-')
                && !label.ends_with('-')
    };
    host.len() <= 253 && host.split('.').all(is_label)
}
