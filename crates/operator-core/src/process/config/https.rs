//! The settings of what an operator serves over HTTPS, as they are written.

use std::path::PathBuf;

use clap::Args;

use crate::process::certs::{MountedFiles, Name};

/// The raw values; [`Https`] is what they mean together.
#[derive(Args)]
pub(super) struct HttpsFlags {
    /// Whether /metrics and /debug/state are served over HTTPS, and only to whoever shows a token (Authorization:
    /// Bearer) of a user with the right to get the path (nonResourceURLs). Without it, over plain HTTP to whoever
    /// reaches the port.
    #[arg(long, env = "METRICS_SECURE", default_value = "true")]
    pub metrics_secure: bool,

    /// A mounted certificate for HTTPS (PEM), in the place of one of an own authority.
    #[arg(long, env = "SERVING_CERT_FILE", value_name = "FILE")]
    pub serving_cert_file: Option<PathBuf>,

    /// Its private key.
    #[arg(long, env = "SERVING_KEY_FILE", value_name = "FILE")]
    pub serving_key_file: Option<PathBuf>,

    /// The authorities of the mounted certificate; without it, those that follow the certificate in its file.
    #[arg(long, env = "SERVING_CA_FILE", value_name = "FILE")]
    pub serving_ca_file: Option<PathBuf>,

    /// The Secret in the operator's namespace that keeps the own authority and the certificate for HTTPS.
    /// [default: the operator's name with -serving-cert]
    #[arg(long, env = "SERVING_CERT_SECRET_NAME", value_name = "NAME")]
    pub serving_cert_secret_name: Option<String>,

    /// Names that the certificate for HTTPS is issued for, comma-separated. [default: those of the Service with the
    /// operator's name]
    #[arg(
        long,
        env = "SERVING_CERT_DNS_NAMES",
        value_name = "NAMES",
        value_delimiter = ','
    )]
    pub serving_cert_dns_names: Vec<Name>,
}

/// What is served over HTTPS, and with which certificate.
#[derive(Clone, Debug)]
pub struct Https {
    /// Whether metrics and state are.
    pub metrics: bool,
    /// Where the certificate comes from.
    pub certificate: ServingCertificate,
}

/// Where the certificate for HTTPS comes from.
#[derive(Clone, Debug)]
pub enum ServingCertificate {
    /// Files that somebody else keeps.
    Mounted(MountedFiles),
    /// An own authority, kept in a Secret.
    SelfSigned {
        /// The Secret's name, if it is not to be named for the operator.
        secret: Option<String>,
        /// What it is issued for; for the operator's Service if there are none.
        names: Vec<Name>,
    },
}

impl TryFrom<HttpsFlags> for Https {
    type Error = String;

    fn try_from(flags: HttpsFlags) -> Result<Self, String> {
        let certificate = match (flags.serving_cert_file, flags.serving_key_file) {
            (Some(certificate), Some(key)) => ServingCertificate::Mounted(MountedFiles {
                certificate,
                key,
                authorities: flags.serving_ca_file,
            }),
            (None, None) if flags.serving_ca_file.is_none() => ServingCertificate::SelfSigned {
                secret: flags.serving_cert_secret_name,
                names: flags.serving_cert_dns_names,
            },
            _ => {
                return Err(
                    "SERVING_CERT_FILE and SERVING_KEY_FILE go together, and SERVING_CA_FILE goes with them: set \
                     both files, or none of the three for a certificate of an own authority"
                        .to_owned(),
                );
            }
        };
        Ok(Self {
            metrics: flags.metrics_secure,
            certificate,
        })
    }
}
