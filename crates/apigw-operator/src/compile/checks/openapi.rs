//! Where an OpenAPI document comes from.

use crd_types::apigw::v1alpha1::OpenApiValidation;

use super::{Checked, given, refuse, url::is_http};

const PATH: &str = "spec.openAPIValidation";

pub(super) fn check(validation: Option<&OpenApiValidation>) -> Checked {
    let Some(validation) = validation.filter(|validation| validation.enabled) else {
        return Ok(());
    };
    let file = given(validation.spec_file.as_ref());
    let url = validation.spec_url.as_ref().filter(|url| !url.is_empty());
    let inline = given(validation.spec_inline.as_ref());
    if !file && url.is_none() && !inline && validation.spec_config_map_ref.is_none() {
        return refuse(
            PATH,
            "needs a document: give specFile, specURL, specInline or specConfigMapRef",
        );
    }
    if file && url.is_some() {
        return refuse(
            format!("{PATH}.specURL"),
            "must not be given together with specFile, which is",
        );
    }
    match url {
        Some(url) if !is_http(url) => {
            // What stands before an @ may be a password.
            let found = match url.contains('@') {
                true => "what it is".to_owned(),
                false => format!("{url:?}"),
            };
            refuse(
                format!("{PATH}.specURL"),
                format!(
                    "must be a URL with the scheme http or https and a host, its special characters \
                     percent-encoded, not {found}"
                ),
            )
        }
        _ => Ok(()),
    }
}
