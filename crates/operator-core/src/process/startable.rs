//! What a start would refuse, told before.

use super::config::{Common, ListenAddress, ServingCertificate, kubeconfig};

/// An address, and the setting that gives it.
pub type Address<'a> = (&'static str, Option<&'a ListenAddress>);

impl Common {
    /// Whether an operator of this name could start with these settings, as far as they tell. `own` are the
    /// addresses that it serves at by settings of its own; `webhooks` says whether one of them takes the certificate
    /// for HTTPS.
    ///
    /// # Errors
    /// The setting that is wrong, and what is allowed.
    pub fn could_start(
        &self,
        operator: &str,
        webhooks: bool,
        own: &[Address<'_>],
    ) -> Result<(), String> {
        let metrics = self.metrics.as_ref();
        if webhooks || (self.https.metrics && metrics.is_some()) {
            self.serving_authority(operator)?;
            if let ServingCertificate::Mounted(files) = &self.https.certificate {
                files.check()?;
            }
        }
        if let Some(file) = &self.kubeconfig {
            kubeconfig(file).map_err(|why| why.to_string())?;
        }
        let common = [
            ("METRICS_BIND_ADDRESS", metrics),
            ("HEALTH_PROBE_BIND_ADDRESS", self.probes.as_ref()),
        ];
        distinct(&[&common, own].concat())
    }
}

/// Whether each server has a port of its own.
fn distinct(addresses: &[Address<'_>]) -> Result<(), String> {
    let mut given = addresses
        .iter()
        .filter_map(|(setting, address)| Some((*setting, (*address)?)));
    while let Some((setting, address)) = given.next() {
        let same = given.clone().find(|(_, other)| other.clashes(address));
        if let Some((other, found)) = same {
            return Err(format!(
                "{setting} is {address} and {other} is {found}: each needs a port of its own, or 0 for no server"
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use rstest::rstest;

    use super::*;

    #[rstest]
    #[case(":8080", ":8081", true)]
    #[case(":8080", ":8080", false)]
    #[case("127.0.0.1:8080", ":8080", false)]
    #[case("127.0.0.1:8080", "0.0.0.0:8080", false)]
    #[case("[::]:8080", "0.0.0.0:8080", false)]
    #[case("[::]:8080", "127.0.0.1:8080", false)]
    #[case("[::1]:8080", "0.0.0.0:8080", true)]
    #[case("localhost:8080", "0.0.0.0:8080", false)]
    #[case("127.0.0.1:8080", "127.0.0.2:8080", true)]
    #[case::any_free_port(":0", ":0", true)]
    fn each_server_has_a_port_of_its_own(
        #[case] one: &str,
        #[case] other: &str,
        #[case] allowed: bool,
    ) {
        let (one, other) = (one.parse().unwrap(), other.parse().unwrap());
        let addresses = [("A", Some(&one)), ("B", None), ("C", Some(&other))];
        let judged = distinct(&addresses);
        assert_eq!(judged.is_ok(), allowed, "{judged:?}");
        if let Err(why) = judged {
            assert!(
                why.starts_with("A is ") && why.contains("and C is "),
                "{why}"
            );
        }
    }
}
