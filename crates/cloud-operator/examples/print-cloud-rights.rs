//! Writes what this operator may do in the cluster, and what the API server is to ask it: `print-cloud-rights DIR`.
//! Names in capitals stand for what an installation says.

use std::{env, error::Error, fs, path::PathBuf};

use cloud_operator::{admission, rbac};
use k8s_openapi::api::admissionregistration::v1::{ServiceReference, WebhookClientConfig};
use operator_core::process::certs::SelfSigned;
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        return Err("usage: print-cloud-rights DIR".into());
    };
    let by_service = |path: &str| WebhookClientConfig {
        service: Some(ServiceReference {
            name: "SERVICE-NAME".to_owned(),
            namespace: "RELEASE-NAMESPACE".to_owned(),
            path: Some(path.to_owned()),
            port: None,
        }),
        ..WebhookClientConfig::default()
    };
    let rights = json!({
        "rules": {
            "watched": rbac::watched(),
            "election": rbac::election(),
            "namespaces": rbac::namespaces(),
            "installation": rbac::installation(),
            "metrics": rbac::metrics(),
            "metricsReader": rbac::metrics_reader(),
            "admission": rbac::admission("CLUSTER-NAME"),
            "ownSecret": SelfSigned::rules_for(vec!["SECRET-NAME".to_owned()]),
            "view": rbac::view(),
            "edit": rbac::edit(),
            "admin": rbac::admin(),
        },
        "webhooks": admission::configuration("CLUSTER-NAME", by_service).webhooks,
    });
    let file = PathBuf::from(folder).join("cloud-operator.json");
    fs::write(file, rights.to_string())?;
    Ok(())
}
