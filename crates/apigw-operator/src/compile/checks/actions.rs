//! What a route does with its requests.

use crd_types::apigw::v1alpha1::{
    APIRouteSpec, Destination, DirectResponse, Redirect, RedirectCode,
};

use super::{Checked, PORTS, refuse, required, within};

pub(super) fn check(spec: &APIRouteSpec) -> Checked {
    if spec.route.is_empty() && spec.redirect.is_none() && spec.direct_response.is_none() {
        return refuse(
            "spec",
            "says nothing of what to do with requests: give route, redirect or directResponse",
        );
    }
    for (at, place) in spec.route.iter().enumerate() {
        destination(&format!("spec.route[{at}].destination"), &place.destination)?;
        within(format!("spec.route[{at}].weight"), place.weight, 0..=100)?;
    }
    spec.redirect.as_deref().map_or(Ok(()), redirect)?;
    spec.direct_response.as_deref().map_or(Ok(()), answer)
}

fn destination(path: &str, destination: &Destination) -> Checked {
    required(format!("{path}.host"), &destination.host)?;
    within(format!("{path}.port"), destination.port, PORTS)
}

fn redirect(redirect: &Redirect) -> Checked {
    let code = redirect.code.get();
    if !RedirectCode::ALL.contains(&code) {
        return refuse(
            "spec.redirect.code",
            format!("must be 301, 302, 303, 307 or 308, not {code}"),
        );
    }
    let mut port = redirect.port.iter();
    port.try_for_each(|port| within("spec.redirect.port", *port, PORTS))
}

fn answer(answer: &DirectResponse) -> Checked {
    within("spec.directResponse.status", answer.status, 100..=599)
}
