//! The operator's own settings, beside those that every operator has.

use std::path::PathBuf;

use clap::{ArgAction, Parser, builder::BoolishValueParser};
use operator_core::process::{config::Common, installation::Installation};

use crate::aws::{AllowedEndpoint, EndpointPolicy, Settings};

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

    /// What marks outside resources.
    #[command(flatten)]
    pub installation: Installation,

    /// Endpoints other than AWS's own that an AWSProvider may name: https://host:port, or host:port for any
    /// scheme; comma-separated. None by default.
    #[arg(
        long,
        env = "ALLOWED_ENDPOINTS",
        value_name = "ENDPOINTS",
        value_delimiter = ','
    )]
    pub allowed_endpoints: Vec<AllowedEndpoint>,

    /// Whether an allowed endpoint may be plain http, which shows all traffic to whoever listens. For
    /// stand-ins on the same machine.
    #[arg(
        long,
        env = "ALLOW_HTTP_ENDPOINTS",
        value_name = "BOOL",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new(),
        default_value = "false",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true
    )]
    pub allow_http_endpoints: bool,

    /// The Pod's own identity token, with which an AWSProvider's spec.roleARN is assumed; the platform that
    /// projects it sets this.
    #[arg(long, env = "AWS_WEB_IDENTITY_TOKEN_FILE", value_name = "FILE")]
    pub web_identity_token_file: Option<PathBuf>,
}

impl Config {
    /// How AWS is talked to.
    pub(crate) fn aws(&self) -> Settings {
        Settings {
            endpoints: EndpointPolicy {
                allowed: self.allowed_endpoints.clone(),
                allow_http: self.allow_http_endpoints,
            },
            web_identity_token_file: self.web_identity_token_file.clone(),
            ..Settings::default()
        }
    }
}
