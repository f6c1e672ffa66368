//! Hosts of a backend.

use crd_types::apigw::v1alpha1::{BackendHost, HealthCheck};

use super::{Checked, PORTS, refuse, required, within};

pub(super) fn check(hosts: &[BackendHost]) -> Checked {
    if hosts.is_empty() {
        return refuse("spec.hosts", "must name at least one host");
    }
    for (at, host) in hosts.iter().enumerate() {
        required(format!("spec.hosts[{at}].address"), &host.address)?;
        within(format!("spec.hosts[{at}].port"), host.port, PORTS)?;
        within(format!("spec.hosts[{at}].weight"), host.weight, 0..=100)?;
    }
    Ok(())
}

pub(super) fn health(check: &HealthCheck) -> Checked {
    required("spec.healthCheck.path", &check.path)?;
    let (up, down) = (check.healthy_threshold, check.unhealthy_threshold);
    let counts = 0..=i64::MAX;
    within("spec.healthCheck.healthyThreshold", up, counts.clone())?;
    within("spec.healthCheck.unhealthyThreshold", down, counts)
}
