//! The settings of an operator that has webhooks.

use clap::Args;

use crate::process::config::{Listen, ListenAddress};

/// Where admission is served, if at all. Flatten it into the operator's own settings.
#[derive(Clone, Debug, Default, Args)]
pub struct WebhookSettings {
    /// Where admission webhooks are served, over HTTPS with the certificate of SERVING_CERT_…; 0 for nowhere.
    /// [default: nowhere]
    #[arg(long, env = "WEBHOOK_BIND_ADDRESS", value_name = "ADDRESS")]
    pub webhook_bind_address: Option<Listen>,

    /// The port alone of WEBHOOK_BIND_ADDRESS.
    #[arg(long, env = "WEBHOOK_PORT", value_name = "PORT")]
    pub webhook_port: Option<u16>,

    /// The ValidatingWebhookConfiguration of which the leader keeps every caBundle, and nothing else, so that the
    /// API server believes that certificate. [default: none, somebody else does]
    #[arg(long, env = "WEBHOOK_CONFIGURATION", value_name = "NAME")]
    pub webhook_configuration: Option<String>,
}

impl WebhookSettings {
    /// Where admission is served.
    ///
    /// # Errors
    /// Where two settings contradict each other.
    pub fn address(&self) -> Result<Option<ListenAddress>, String> {
        if self.webhook_bind_address.is_none() && self.webhook_port.is_none() {
            return Ok(None);
        }
        let address = self.webhook_bind_address.clone();
        // One of the two is given, so that there is no default.
        Listen::settled("WEBHOOK", address, self.webhook_port, 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_or_an_address_turns_it_on() {
        let settings = |address: Option<&str>, port| WebhookSettings {
            webhook_bind_address: address.map(|it| it.parse().unwrap()),
            webhook_port: port,
            webhook_configuration: None,
        };
        let port = |settings: WebhookSettings| settings.address().map(|it| it.map(|it| it.port()));
        assert_eq!(port(settings(None, None)), Ok(None));
        assert_eq!(port(settings(None, Some(9443))), Ok(Some(9443)));
        assert_eq!(port(settings(None, Some(0))), Ok(None));
        assert_eq!(port(settings(Some("0"), None)), Ok(None));
        assert_eq!(port(settings(Some(":9443"), None)), Ok(Some(9443)));
        let refused = port(settings(Some(":9443"), Some(9444))).unwrap_err();
        assert!(refused.contains("WEBHOOK_PORT is 9444"), "{refused}");
    }
}
