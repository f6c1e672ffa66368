//! A certificate authority: its certificate and its key, and what it issues.

use std::{fmt, time::Duration};

use jiff::Timestamp;
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PublicKeyData, date_time_ymd,
};
use rustls::pki_types::{PrivateKeyDer, pem::PemObject};
use secrecy::{ExposeSecret, SecretSlice, zeroize::Zeroizing};

use super::{certificate::Certificate, names::Names};
use crate::decide::rotation::Validity;

/// The longest common name that X.509 allows; a longer name is only an alternative one.
const COMMON_NAME: usize = 64;

/// A certificate authority that can issue.
pub(super) struct Authority {
    pub certificate: Certificate,
    /// The key as it is stored: PEM.
    pub stored_key: SecretSlice<u8>,
    key: Zeroizing<KeyPair>,
}

/// A certificate and its key.
#[derive(Clone)]
pub(super) struct Leaf {
    pub certificate: Certificate,
    /// PEM.
    pub key: SecretSlice<u8>,
}

/// What a certificate may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Usage {
    /// By a server, which is a client of other replicas, too.
    ServerAndClient,
    /// By a client alone.
    Client,
}

/// Why an authority cannot be used. Never holds a key.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unusable {
    #[error(
        "holds no private key that can be used (PEM; PKCS#8, PKCS#1 or SEC 1; RSA of 2048 bits or more, ECDSA or Ed25519)"
    )]
    Key,
    #[error("is not the key of any certificate in ca.crt")]
    ForeignKey,
    #[error(
        "belongs to a certificate in ca.crt that may not issue others (basicConstraints has no CA:TRUE)"
    )]
    NoAuthority,
    #[error("cannot issue a certificate that its own in ca.crt verifies")]
    Issues,
    #[error("cannot be used to issue: {0}")]
    Crypto(#[from] rcgen::Error),
}

impl Authority {
    /// Makes a new one.
    pub(super) fn found(common_name: &str, validity: Validity) -> Result<Self, Unusable> {
        let key = Zeroizing::new(KeyPair::generate()?);
        let mut params = params(validity);
        params.distinguished_name = distinguished(common_name);
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![
            KeyUsagePurpose::DigitalSignature,
            KeyUsagePurpose::KeyCertSign,
            KeyUsagePurpose::CrlSign,
        ];
        let certificate = ours(params.self_signed(&*key)?)?;
        Ok(Self {
            certificate,
            stored_key: stored(&key),
            key,
        })
    }

    /// The one of `bundle` that `stored_key` belongs to; of several, the one that lasts longest.
    pub(super) fn adopt(
        bundle: &[Certificate],
        stored_key: SecretSlice<u8>,
    ) -> Result<Self, Unusable> {
        let (key, public) = public_key(&stored_key).ok_or(Unusable::Key)?;
        let own = bundle.iter().filter(|own| own.public_key == public);
        let certificate = own
            .max_by_key(|own| own.validity.until)
            .ok_or(Unusable::ForeignKey)?;
        if !certificate.is_authority {
            return Err(Unusable::NoAuthority);
        }
        Ok(Self {
            certificate: certificate.clone(),
            stored_key,
            key,
        })
    }

    /// Issues a certificate with a key of its own.
    pub(super) fn issue(
        &self,
        names: &Names,
        usage: Usage,
        validity: Validity,
    ) -> Result<Leaf, Unusable> {
        let key = Zeroizing::new(KeyPair::generate()?);
        let mut params = params(validity);
        params.subject_alt_names = names.subject_alternatives()?;
        params.distinguished_name = distinguished(&names.first().to_string());
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = usage.purposes();
        params.use_authority_key_identifier_extension = true;
        let issuer = Issuer::from_ca_cert_der(&self.certificate.der, &*self.key)?;
        let certificate = ours(params.signed_by(&*key, &issuer)?)?;
        // An adopted certificate may have a subject that is not reproduced to the letter.
        if !self.certificate.has_issued(&certificate) {
            return Err(Unusable::Issues);
        }
        Ok(Leaf {
            certificate,
            key: stored(&key),
        })
    }
}

impl Leaf {
    /// The two as they are stored, if they belong together.
    pub(super) fn of(certificate: Certificate, key: SecretSlice<u8>) -> Option<Self> {
        let belongs = public_key(&key)?.1 == certificate.public_key;
        belongs.then_some(Self { certificate, key })
    }

    pub(super) fn stored_certificate(&self) -> SecretSlice<u8> {
        self.certificate.pem.clone().into_bytes().into()
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Leaf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Leaf")
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}

impl Usage {
    fn purposes(self) -> Vec<ExtendedKeyUsagePurpose> {
        match self {
            Self::ServerAndClient => vec![
                ExtendedKeyUsagePurpose::ServerAuth,
                ExtendedKeyUsagePurpose::ClientAuth,
            ],
            Self::Client => vec![ExtendedKeyUsagePurpose::ClientAuth],
        }
    }
}

fn params(validity: Validity) -> CertificateParams {
    let epoch = date_time_ymd(1970, 1, 1);
    let since = |moment: Timestamp| {
        let seconds = u64::try_from(moment.as_second()).unwrap_or_default();
        epoch + Duration::from_secs(seconds)
    };
    let mut params = CertificateParams::default();
    params.not_before = since(validity.from);
    params.not_after = since(validity.until);
    params
}

fn distinguished(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    if common_name.len() <= COMMON_NAME {
        name.push(DnType::CommonName, common_name);
    }
    name
}

/// Reads what we have just written.
fn ours(certificate: rcgen::Certificate) -> Result<Certificate, Unusable> {
    Certificate::read(&certificate.pem()).map_err(|_| Unusable::Issues)
}

/// Reads a key, and tells its DER-encoded SubjectPublicKeyInfo.
fn public_key(stored: &SecretSlice<u8>) -> Option<(Zeroizing<KeyPair>, Vec<u8>)> {
    let key = PrivateKeyDer::from_pem_slice(stored.expose_secret()).ok()?;
    let key = KeyPair::try_from(&*Zeroizing::new(key)).ok()?;
    let public = key.subject_public_key_info();
    Some((Zeroizing::new(key), public))
}

fn stored(key: &KeyPair) -> SecretSlice<u8> {
    key.serialize_pem().into_bytes().into()
}
