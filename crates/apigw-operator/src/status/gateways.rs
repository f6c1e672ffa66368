//! The list of gateways in a status. Pure.

use std::collections::BTreeSet;

use crd_types::apigw::v1alpha1::{AppliedGateway, AppliedGateways};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use crate::gateways::GatewayId;

/// Lists those that `have` the object now, of `connected` gateways. One that is listed keeps its time where the
/// list is of the same edition.
pub(super) fn list(
    listed: &mut AppliedGateways,
    have: &[GatewayId],
    connected: usize,
    same_edition: bool,
    now: Timestamp,
) {
    let before = std::mem::take(&mut listed.applied_gateways);
    let since = |namespace: &str, name: &str| {
        let known = before
            .iter()
            .find(|known| known.namespace == namespace && known.name == name);
        known
            .filter(|_| same_edition)
            .map_or(Time(now), |known| known.last_applied.clone())
    };
    // Replicas of one gateway are one in the list.
    let names: BTreeSet<_> = have.iter().map(|id| (&*id.namespace, &*id.name)).collect();
    listed.applied_gateways = names
        .into_iter()
        .take(AppliedGateways::MOST)
        .map(|(namespace, name)| AppliedGateway {
            name: name.to_owned(),
            namespace: namespace.to_owned(),
            last_applied: since(namespace, name),
        })
        .collect();
    listed.applied_gateway_count = i32::try_from(have.len()).ok();
    listed.total_gateway_count = i32::try_from(connected).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gateway(name: &str, pod: &str) -> GatewayId {
        format!("ns/{name}/{pod}").parse().expect("a gateway")
    }

    #[test]
    fn replicas_are_listed_once_and_counted_each() {
        let mut listed = AppliedGateways::default();
        let have = [gateway("a", "0"), gateway("a", "1"), gateway("b", "0")];
        list(&mut listed, &have, 4, false, Timestamp::UNIX_EPOCH);
        let names: Vec<_> = listed.applied_gateways.iter().map(|g| &*g.name).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(listed.applied_gateway_count, Some(3));
        assert_eq!(listed.total_gateway_count, Some(4));
    }

    #[test]
    fn the_time_moves_with_the_edition_alone() {
        let mut listed = AppliedGateways::default();
        let at = |second| Timestamp::from_second(second).expect("a time");
        list(&mut listed, &[gateway("a", "0")], 1, false, at(1));
        list(
            &mut listed,
            &[gateway("a", "0"), gateway("b", "0")],
            2,
            true,
            at(2),
        );
        let times: Vec<_> = listed
            .applied_gateways
            .iter()
            .map(|g| g.last_applied.0)
            .collect();
        assert_eq!(times, [at(1), at(2)]);
        list(&mut listed, &[gateway("a", "0")], 1, false, at(3));
        assert_eq!(listed.applied_gateways[0].last_applied.0, at(3));
    }

    #[test]
    fn the_list_is_bounded_and_the_count_is_not() {
        let have: Vec<_> = (0..200)
            .map(|n| gateway(&format!("g{n:03}"), "0"))
            .collect();
        let mut listed = AppliedGateways::default();
        list(&mut listed, &have, 200, false, Timestamp::UNIX_EPOCH);
        assert_eq!(listed.applied_gateways.len(), AppliedGateways::MOST);
        assert_eq!(listed.applied_gateway_count, Some(200));
    }
}
