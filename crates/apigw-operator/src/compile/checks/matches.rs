//! Names in what a route matches.

use crd_types::apigw::v1alpha1::RouteMatch;

use super::{Checked, refuse, required};

pub(super) fn check(blocks: &[RouteMatch]) -> Checked {
    for (at, block) in blocks.iter().enumerate() {
        for (header_at, header) in block.headers.iter().enumerate() {
            let path = format!("spec.match[{at}].headers[{header_at}].name");
            required(&path, &header.name)?;
            if !is_token(&header.name) {
                return refuse(
                    path,
                    format!(
                        "{:?} cannot be the name of a header: it may have letters, digits and !#$%&'*+-.^_`|~",
                        header.name
                    ),
                );
            }
        }
        for (parameter_at, parameter) in block.query_params.iter().enumerate() {
            let path = format!("spec.match[{at}].queryParams[{parameter_at}].name");
            required(path, &parameter.name)?;
        }
    }
    Ok(())
}

/// A token of HTTP (RFC 9110, 5.6.2).
fn is_token(text: &str) -> bool {
    let may_stand = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty() && text.bytes().all(may_stand)
}
