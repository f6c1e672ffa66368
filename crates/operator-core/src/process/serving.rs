//! The certificate that an operator serves HTTPS with.

use super::{
    certs::{Certificates, Names, SelfSigned, Upkeep},
    config::{Common, ServingCertificate},
};
use crate::{
    cluster::write::Writer,
    decide::{clock::Clock, key::ObjectKey, rotation::Lifetimes},
};

const NO_NAMESPACE: &str = "the namespace of the Secret with the certificate for HTTPS is not known: set POD_NAMESPACE \
    (--pod-namespace), or mount a certificate and name it by SERVING_CERT_FILE (--serving-cert-file) and \
    SERVING_KEY_FILE (--serving-key-file), or serve metrics over plain HTTP by METRICS_SECURE=false \
    (--metrics-secure=false)";

impl Common {
    /// The own authority of the operator of this name, if it is to have one for HTTPS.
    ///
    /// # Errors
    /// Which setting is missing or does not fit.
    pub fn serving_authority(&self, operator: &str) -> Result<Option<SelfSigned>, String> {
        let ServingCertificate::SelfSigned { secret, names } = &self.https.certificate else {
            return Ok(None);
        };
        let namespace = self.pod_namespace.as_deref();
        let of_lease = self.election.as_ref().map(|it| it.namespace.as_str());
        let namespace = namespace.or(of_lease).ok_or(NO_NAMESPACE)?;
        let names = match &names[..] {
            [first, others @ ..] => Names::new(first.clone(), others.iter().cloned()),
            [] => Names::of_service(operator, namespace).map_err(|why| why.to_string())?,
        };
        let default = || format!("{operator}-serving-cert");
        let secret = secret.clone().unwrap_or_else(default);
        Ok(Some(SelfSigned {
            secret: ObjectKey::new(namespace, secret),
            names,
            lifetimes: Lifetimes::default(),
            clients: Vec::new(),
        }))
    }

    /// The certificate for HTTPS, and what keeps it.
    ///
    /// # Errors
    /// As [`serving_authority`](Self::serving_authority).
    pub(super) fn serving_certificates(
        &self,
        writer: Writer,
        clock: Clock,
    ) -> Result<(Certificates, Upkeep), String> {
        let authority = self.serving_authority(writer.manager())?;
        Ok(match (&self.https.certificate, authority) {
            (ServingCertificate::Mounted(files), _) => Certificates::mounted(files.clone(), clock),
            (ServingCertificate::SelfSigned { .. }, Some(authority)) => {
                Certificates::self_signed(authority, writer, clock)
            }
            (ServingCertificate::SelfSigned { .. }, None) => return Err(NO_NAMESPACE.to_owned()),
        })
    }
}
