//! Who is at the other end of a connection.

use std::{net::SocketAddr, sync::Arc};

use rustls::{
    client::verify_server_name,
    pki_types::{CertificateDer, ServerName},
    server::ParsedCertificate,
};
use x509_parser::parse_x509_certificate;

/// The peer of an accepted connection, as gRPC services find it among a request's extensions.
#[derive(Clone, Debug)]
pub struct Peer {
    /// Where it dialled from.
    pub address: SocketAddr,
    /// The certificates that it has shown, its own first; empty where none was asked for. The handshake has
    /// verified that the trusted authorities vouch for them.
    pub certificates: Arc<[CertificateDer<'static>]>,
}

impl Peer {
    /// Whether its certificate is one that a server may show under this name.
    pub fn may_serve_as(&self, name: &ServerName<'_>) -> bool {
        self.certificates
            .first()
            .is_some_and(|own| is_for_servers(own) && speaks_for(own, name))
    }
}

fn speaks_for(certificate: &CertificateDer<'_>, name: &ServerName<'_>) -> bool {
    ParsedCertificate::try_from(certificate)
        .is_ok_and(|parsed| verify_server_name(&parsed, name).is_ok())
}

/// A certificate that names no purpose is for every one (RFC 5280, 4.2.1.12).
fn is_for_servers(certificate: &CertificateDer<'_>) -> bool {
    let Ok((_, parsed)) = parse_x509_certificate(certificate) else {
        return false;
    };
    match parsed.extended_key_usage() {
        Ok(None) => true,
        Ok(Some(usage)) => usage.value.server_auth || usage.value.any,
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, ExtendedKeyUsagePurpose, KeyPair};
    use rstest::rstest;

    use super::*;

    fn peer(names: &[&str], purposes: &[ExtendedKeyUsagePurpose]) -> Peer {
        let names = names.iter().map(ToString::to_string).collect::<Vec<_>>();
        let mut params = CertificateParams::new(names).unwrap();
        params.extended_key_usages = purposes.to_vec();
        let key = KeyPair::generate().unwrap();
        let certificate = params.self_signed(&key).unwrap();
        Peer {
            address: ([127, 0, 0, 1], 1).into(),
            certificates: [certificate.der().clone()].into(),
        }
    }

    use ExtendedKeyUsagePurpose::{ClientAuth, ServerAuth};

    #[rstest]
    #[case::a_replica(&["a", "operator.system.svc"], &[ServerAuth, ClientAuth], true)]
    #[case::no_purpose(&["operator.system.svc"], &[], true)]
    #[case::another_name(&["gateway.shop.svc"], &[ServerAuth, ClientAuth], false)]
    #[case::a_longer_name(&["x.operator.system.svc"], &[ServerAuth], false)]
    #[case::for_clients_alone(&["operator.system.svc"], &[ClientAuth], false)]
    #[case::no_name(&[], &[ServerAuth], false)]
    fn who_may_serve(
        #[case] names: &[&str],
        #[case] purposes: &[ExtendedKeyUsagePurpose],
        #[case] may: bool,
    ) {
        let own = ServerName::try_from("operator.system.svc").unwrap();
        assert_eq!(peer(names, purposes).may_serve_as(&own), may);
    }

    #[test]
    fn without_a_certificate_that_can_be_read_nobody_may() {
        let own = ServerName::try_from("operator").unwrap();
        for certificates in [vec![], vec![CertificateDer::from(vec![1, 2, 3])]] {
            let peer = Peer {
                address: ([127, 0, 0, 1], 1).into(),
                certificates: certificates.into(),
            };
            assert!(!peer.may_serve_as(&own));
        }
    }
}
