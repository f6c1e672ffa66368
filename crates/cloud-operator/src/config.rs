//! The operator's settings.

use clap::Parser;
use operator_core::process::config::Common;

use crate::aws::endpoint::EndpointPolicy;

/// AWS accounts and resources as Kubernetes objects.
///
/// Every setting can be given as a flag, in the environment, or as a file of that name in the mounted
/// ConfigMap; the first of these wins.
#[derive(Clone, Debug, Parser)]
#[command(name = "cloud-operator", version)]
pub struct Config {
    /// What every operator has.
    #[command(flatten)]
    pub common: Common,
    /// Which custom endpoints a provider may name.
    #[command(flatten)]
    pub endpoints: EndpointPolicy,
}
