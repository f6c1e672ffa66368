//! Writes what this operator may do in the cluster: `print-apigw-rights DIR`. Names in capitals stand for what an
//! installation says.

use std::{env, error::Error, fs, path::PathBuf};

use apigw_operator::rbac;
use operator_core::process::certs::SelfSigned;
use serde_json::json;

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        return Err("usage: print-apigw-rights DIR".into());
    };
    let rights = json!({
        "rules": {
            "watched": rbac::watched(),
            "election": rbac::election(),
            "metrics": rbac::metrics(),
            "metricsReader": rbac::metrics_reader(),
            "ownSecret": SelfSigned::rules_for(vec!["SECRET-NAME".to_owned()]),
            "view": rbac::view(),
            "edit": rbac::edit(),
            "admin": rbac::admin(),
        },
    });
    let file = PathBuf::from(folder).join("apigw-operator.json");
    fs::write(file, rights.to_string())?;
    Ok(())
}
