//! Certificates as they are read: PEM in, what matters of X.509 out.

use std::{
    collections::BTreeSet,
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
};

use jiff::Timestamp;
use rustls::pki_types::{CertificateDer, pem::PemObject};
use x509_parser::{
    certificate::X509Certificate, extensions::GeneralName, parse_x509_certificate, time::ASN1Time,
};

use super::names::Name;
use crate::decide::rotation::Validity;

const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
const END: &str = "-----END CERTIFICATE-----";

/// One certificate, and what matters of it.
#[derive(Clone, Debug)]
pub(super) struct Certificate {
    /// With its `BEGIN` and `END` lines, and a line end after them.
    pub pem: String,
    pub der: CertificateDer<'static>,
    pub validity: Validity,
    /// Its DER-encoded SubjectPublicKeyInfo.
    pub public_key: Vec<u8>,
    pub is_authority: bool,
    pub names: BTreeSet<Name>,
    /// Empty if it has none.
    pub common_name: String,
    subject: Vec<u8>,
    issuer: Vec<u8>,
}

/// A text does not hold the certificates that it should.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("holds no certificate (PEM, \"{BEGIN}\")")]
    None,
    #[error("certificate {at} in it cannot be read: {why}")]
    Broken { at: usize, why: String },
}

impl Certificate {
    /// All certificates of a text, at least one; what stands around them is not looked at.
    pub(super) fn all(text: &[u8]) -> Result<Vec<Self>, Unreadable> {
        let text = str::from_utf8(text).map_err(|_| Unreadable::None)?;
        let blocks = text
            .split_inclusive(END)
            .filter_map(|part| part.find(BEGIN).map(|begin| &part[begin..]));
        let broken = |at: usize, why| Unreadable::Broken { at: at + 1, why };
        let read = |(at, block)| Self::read(block).map_err(|why| broken(at, why));
        let all = blocks
            .enumerate()
            .map(read)
            .collect::<Result<Vec<_>, _>>()?;
        if all.is_empty() {
            return Err(Unreadable::None);
        }
        Ok(all)
    }

    /// One block of PEM.
    pub(super) fn read(block: &str) -> Result<Self, String> {
        let der = CertificateDer::from_pem_slice(block.as_bytes())
            .map_err(|error| error.to_string())?
            .into_owned();
        let parsed = parse(&der)?;
        let validity = Validity {
            from: moment(parsed.validity().not_before),
            until: moment(parsed.validity().not_after),
        };
        let names = parsed.subject_alternative_name();
        let names = names.map_err(|error| error.to_string())?;
        let common_name = parsed.subject().iter_common_name().next();
        let common_name = common_name.and_then(|name| name.as_str().ok());
        let names = names.iter().flat_map(|names| &names.value.general_names);
        Ok(Self {
            validity,
            public_key: parsed.public_key().raw.to_vec(),
            is_authority: parsed.is_ca(),
            names: names.filter_map(name).collect(),
            common_name: common_name.unwrap_or_default().to_owned(),
            subject: parsed.subject().as_raw().to_vec(),
            issuer: parsed.issuer().as_raw().to_vec(),
            pem: format!("{}\n", block.trim_end()),
            der,
        })
    }

    /// Whether this is the issuer of `other`, by name and by signature.
    pub(super) fn has_issued(&self, other: &Self) -> bool {
        let (Ok(own), Ok(issued)) = (parse(&self.der), parse(&other.der)) else {
            return false;
        };
        self.subject == other.issuer && issued.verify_signature(Some(own.public_key())).is_ok()
    }
}

fn parse(der: &[u8]) -> Result<X509Certificate<'_>, String> {
    let (rest, parsed) = parse_x509_certificate(der).map_err(|error| error.to_string())?;
    if rest.is_empty() {
        Ok(parsed)
    } else {
        Err("something follows it within its block".to_owned())
    }
}

fn moment(time: ASN1Time) -> Timestamp {
    let seconds = time.timestamp();
    let limit = if seconds < 0 {
        Timestamp::MIN
    } else {
        Timestamp::MAX
    };
    Timestamp::from_second(seconds).unwrap_or(limit)
}

/// A name as we issue them; of others' certificates, names of other forms do not matter.
fn name(name: &GeneralName<'_>) -> Option<Name> {
    match name {
        GeneralName::DNSName(name) => name.parse().ok(),
        GeneralName::IPAddress(octets) => {
            let v4 =
                <[u8; 4]>::try_from(*octets).map(|octets| IpAddr::from(Ipv4Addr::from(octets)));
            let v6 = <[u8; 16]>::try_from(*octets).map(|octets| Ipv6Addr::from(octets).into());
            v4.or(v6).ok().map(Name::Ip)
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::certs::testing;

    #[test]
    fn a_bundle_is_read_certificate_by_certificate() {
        let (one, two) = (testing::authority("one"), testing::authority("two"));
        let bundle = format!("# one\n{}two:\r\n{}the end\n", one.pem, two.pem);
        let read = Certificate::all(bundle.as_bytes()).unwrap();
        let pem: String = read.iter().map(|read| read.pem.as_str()).collect();
        assert_eq!(pem, format!("{}{}", one.pem, two.pem));
        assert_eq!(read[1].der, two.der);
        assert!(read[0].is_authority && read[0].has_issued(&one));
        assert!(!two.has_issued(&one));
    }

    #[test]
    fn what_cannot_be_read_is_named_by_its_place() {
        assert_eq!(Certificate::all(b"").unwrap_err(), Unreadable::None);
        assert_eq!(Certificate::all(b"\xff").unwrap_err(), Unreadable::None);
        let one = testing::authority("one").pem;
        let place = |text: String| match Certificate::all(text.as_bytes()) {
            Err(Unreadable::Broken { at, .. }) => at,
            other => panic!("{other:?}"),
        };
        assert_eq!(place(one[..200].to_owned()), 1, "cut short");
        assert_eq!(
            place(format!("{one}{BEGIN}\nAAAA\n{END}\n")),
            2,
            "no certificate"
        );
        let foreign = one.replace('M', "*");
        assert_eq!(place(foreign), 1, "no base64");
    }
}
