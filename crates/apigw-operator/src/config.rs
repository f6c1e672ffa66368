//! The operator's own settings, beside those that every operator has.

use std::{
    future::Future,
    net::{IpAddr, SocketAddr},
    path::PathBuf,
    str::FromStr,
};

use clap::{ArgAction, Parser, ValueEnum, builder::BoolishValueParser};
use kube::Client;
use operator_core::{
    cluster::write::Writer,
    decide::{clock::Clock, key::ObjectKey, rotation::Lifetimes},
    process::{
        certs::{
            Certificates, ClientCertificates, ClientSecret, MountedFiles, Name, Names, SelfSigned,
            Upkeep,
        },
        config::{Common, FeatureGates, Gate, Listen, ListenAddress, gates},
        program::Program,
    },
};
use rustls::pki_types::ServerName;

use crate::OperatorError;

/// The port of the gateways' service.
const PORT: u16 = 9444;
/// The namespace that the operator is taken to run in where nothing says it.
const NAMESPACE: &str = "avapigw-system";
/// What client certificates that are issued for gateways are named.
const GATEWAY: &str = "avapigw-gateway";
/// Where cert-manager's certificate is mounted unless files are named.
const CERT_MANAGER_DIRECTORY: &str = "k8s-webhook-server/serving-certs";

/// Routes and backends of AVAPIGW gateways as Kubernetes objects.
///
/// Every setting can be given as a flag, in the environment, or as a file of that name in the mounted
/// ConfigMap; the first of these wins.
#[derive(Clone, Debug, Parser)]
#[command(name = "apigw-operator", version)]
pub struct Config {
    /// What every operator has.
    #[command(flatten)]
    pub common: Common,

    /// Parts to turn on or off, as in DebugState=false,Traces=true; every name that is allowed is told where one is
    /// not known.
    #[arg(
        long,
        env = "FEATURE_GATES",
        value_name = "GATES",
        value_parser = FeatureGates::of(Self::GATES),
        default_value = "",
        hide_default_value = true
    )]
    pub feature_gates: FeatureGates,

    /// Where gateways are served: :port, host:port, or 0 for no server. [default: :9444]
    #[arg(long, env = "GRPC_BIND_ADDRESS", value_name = "ADDRESS")]
    pub grpc_bind_address: Option<Listen>,

    /// The port alone of grpc-bind-address.
    #[arg(long, env = "GRPC_PORT", value_name = "PORT")]
    pub grpc_port: Option<u16>,

    /// The address by which other replicas reach this one; the Pod's own. Without it, and without a host in
    /// grpc-bind-address, gateways of other replicas are not counted.
    #[arg(long, env = "POD_IP", value_name = "IP")]
    pub pod_ip: Option<IpAddr>,

    /// Whether gateways must show a client certificate of our authority. One that is shown is always verified.
    /// Without it, whoever reaches the port reads all routes and backends, and can speak for any gateway.
    #[arg(
        long,
        env = "GRPC_REQUIRE_CLIENT_CERT",
        value_name = "BOOL",
        action = ArgAction::Set,
        value_parser = BoolishValueParser::new(),
        default_value = "true",
        default_missing_value = "true",
        num_args = 0..=1,
        require_equals = true
    )]
    pub grpc_require_client_cert: bool,

    /// Where the certificate comes from.
    #[arg(
        long,
        env = "CERT_PROVIDER",
        value_name = "PROVIDER",
        default_value = "selfsigned"
    )]
    pub cert_provider: CertProvider,

    /// The certificate, with cert-provider=file or cert-manager.
    #[arg(long, env = "CERT_FILE", value_name = "FILE")]
    pub cert_file: Option<PathBuf>,

    /// Its private key.
    #[arg(long, env = "KEY_FILE", value_name = "FILE")]
    pub key_file: Option<PathBuf>,

    /// The authorities that clients' certificates are verified by; without it, those that follow the
    /// certificate in its file.
    #[arg(long, env = "CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,

    /// The Secret of the own authority and its certificate, with cert-provider=selfsigned.
    #[arg(
        long,
        env = "CERT_SECRET_NAME",
        value_name = "NAME",
        default_value = "avapigw-operator-grpc-cert"
    )]
    pub cert_secret_name: String,

    /// The namespace of that Secret; the operator's own by default.
    #[arg(long, env = "CERT_SECRET_NAMESPACE", value_name = "NAMESPACE")]
    pub cert_secret_namespace: Option<String>,

    /// The Service that gateways dial; the certificate is issued for its names.
    #[arg(
        long,
        env = "CERT_SERVICE_NAME",
        value_name = "NAME",
        default_value = "avapigw-operator"
    )]
    pub cert_service_name: String,

    /// The namespace of that Service; the operator's own by default.
    #[arg(long, env = "CERT_NAMESPACE", value_name = "NAMESPACE")]
    pub cert_namespace: Option<String>,

    /// Names that the certificate is issued for in place of the Service's; comma-separated.
    #[arg(
        long,
        env = "CERT_DNS_NAMES",
        value_name = "NAMES",
        value_delimiter = ','
    )]
    pub cert_dns_names: Vec<Name>,

    /// Secrets, each as namespace/name, that a client certificate for gateways is issued into;
    /// comma-separated.
    #[arg(
        long,
        env = "GATEWAY_CERT_SECRETS",
        value_name = "SECRETS",
        value_delimiter = ','
    )]
    pub gateway_cert_secrets: Vec<SecretName>,
}

/// Where the certificate comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CertProvider {
    /// An own authority, kept in a Secret.
    #[value(name = "selfsigned")]
    SelfSigned,
    /// Mounted files.
    File,
    /// The files that cert-manager's Secret is mounted as.
    CertManager,
}

impl CertProvider {
    /// As the setting names it.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SelfSigned => "selfsigned",
            Self::File => "file",
            Self::CertManager => "cert-manager",
        }
    }
}

/// A Secret as `namespace/name`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretName(pub ObjectKey);

impl FromStr for SecretName {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split('/').collect::<Vec<_>>()[..] {
            [namespace, name] if !namespace.is_empty() && !name.is_empty() => {
                Ok(Self(ObjectKey::new(namespace, name)))
            }
            _ => Err("namespace/name"),
        }
    }
}

impl Program for Config {
    const NAME: &'static str = crate::NAME;
    const VERSION: &'static str = env!("CARGO_PKG_VERSION");
    const GATES: &'static [&'static Gate] = &[&gates::DEBUG_STATE, &gates::TRACES];

    fn common(&self) -> &Common {
        &self.common
    }

    fn common_mut(&mut self) -> &mut Common {
        &mut self.common
    }

    fn feature_gates(&self) -> &FeatureGates {
        &self.feature_gates
    }

    fn check(&self) -> Result<(), String> {
        let grpc = self.grpc().map_err(|why| why.to_string())?;
        if let CertOrigin::Mounted(files) = self.origin().map_err(|why| why.to_string())? {
            files.check()?;
        }
        self.server_names().map_err(|why| why.to_string())?;
        let own = [("GRPC_BIND_ADDRESS", grpc.as_ref())];
        self.common.could_start(crate::NAME, false, &own)
    }

    async fn run(
        self,
        client: Client,
        clock: Clock,
        stop: impl Future<Output = ()> + Send,
    ) -> Result<(), OperatorError> {
        crate::run(self, client, clock, stop).await
    }
}

/// Where the certificate comes from, and all that it takes.
enum CertOrigin {
    SelfSigned(SelfSigned),
    Mounted(MountedFiles),
}

impl Config {
    /// Where gateways are served, if at all.
    ///
    /// # Errors
    /// Where two settings contradict each other.
    pub(crate) fn grpc(&self) -> Result<Option<ListenAddress>, OperatorError> {
        let address = self.grpc_bind_address.clone();
        Listen::settled("GRPC", address, self.grpc_port, PORT).map_err(OperatorError::Settings)
    }

    /// Where other replicas reach this one, which serves at `bound`; none if nobody says so.
    pub(crate) fn reached_at(&self, bound: SocketAddr) -> Option<SocketAddr> {
        let own = Some(bound.ip()).filter(|ip| !ip.is_unspecified());
        let ip = self.pod_ip.or(own)?;
        Some(SocketAddr::new(ip, bound.port()))
    }

    /// The names that all replicas have, as a TLS client asks for them.
    ///
    /// # Errors
    /// Where the settings give no names.
    pub(crate) fn server_names(&self) -> Result<Vec<ServerName<'static>>, OperatorError> {
        let names = self.names()?;
        // A wildcard is nobody's own name.
        let asked = |name: &Name| ServerName::try_from(name.to_string()).ok();
        Ok(names.all().iter().filter_map(asked).collect())
    }

    /// Which clients are served.
    pub(crate) fn clients(&self) -> ClientCertificates {
        match self.grpc_require_client_cert {
            true => ClientCertificates::Required,
            false => ClientCertificates::Optional,
        }
    }

    /// The names that the certificate is issued for.
    ///
    /// # Errors
    /// Where the settings give no names.
    pub(crate) fn names(&self) -> Result<Names, OperatorError> {
        if let [first, others @ ..] = &self.cert_dns_names[..] {
            return Ok(Names::new(first.clone(), others.iter().cloned()));
        }
        let namespace = self.cert_namespace.as_deref();
        let namespace = namespace.unwrap_or(self.namespace());
        Names::of_service(&self.cert_service_name, namespace).map_err(|why| {
            OperatorError::Settings(format!(
                "CERT_SERVICE_NAME (--cert-service-name) or CERT_NAMESPACE (--cert-namespace): {why}"
            ))
        })
    }

    /// The own authority.
    ///
    /// # Errors
    /// Where the settings give no names.
    pub fn self_signed(&self) -> Result<SelfSigned, OperatorError> {
        let namespace = self.cert_secret_namespace.as_deref();
        let namespace = namespace.unwrap_or(self.namespace());
        let client = |SecretName(secret): &SecretName| {
            ClientSecret::new(secret.clone(), GATEWAY, &secret.namespace).map_err(|why| {
                OperatorError::Settings(format!(
                    "GATEWAY_CERT_SECRETS (--gateway-cert-secrets): {why}"
                ))
            })
        };
        let clients = self.gateway_cert_secrets.iter().map(client);
        Ok(SelfSigned {
            secret: ObjectKey::new(namespace, self.cert_secret_name.as_str()),
            names: self.names()?,
            lifetimes: Lifetimes::default(),
            clients: clients.collect::<Result<_, _>>()?,
        })
    }

    /// The certificates, and what keeps them.
    ///
    /// # Errors
    /// Where the settings do not say which.
    pub(crate) fn certificates(
        &self,
        writer: Writer,
        clock: Clock,
    ) -> Result<(Certificates, Upkeep), OperatorError> {
        Ok(match self.origin()? {
            CertOrigin::SelfSigned(authority) => {
                Certificates::self_signed(authority, writer, clock)
            }
            CertOrigin::Mounted(files) => Certificates::mounted(files, clock),
        })
    }

    fn origin(&self) -> Result<CertOrigin, OperatorError> {
        let issues = self.cert_provider == CertProvider::SelfSigned;
        if !issues && !self.gateway_cert_secrets.is_empty() {
            return Err(OperatorError::Settings(
                "GATEWAY_CERT_SECRETS (--gateway-cert-secrets) needs an own authority: set CERT_PROVIDER \
                 (--cert-provider) to selfsigned, or leave it out"
                    .to_owned(),
            ));
        }
        Ok(match self.cert_provider {
            CertProvider::SelfSigned => CertOrigin::SelfSigned(self.self_signed()?),
            CertProvider::File => CertOrigin::Mounted(self.files()?),
            CertProvider::CertManager => CertOrigin::Mounted(self.cert_manager()),
        })
    }

    fn files(&self) -> Result<MountedFiles, OperatorError> {
        match (&self.cert_file, &self.key_file) {
            (Some(certificate), Some(key)) => Ok(MountedFiles {
                certificate: certificate.clone(),
                key: key.clone(),
                authorities: self.ca_file.clone(),
            }),
            _ => Err(OperatorError::Settings(
                "CERT_PROVIDER (--cert-provider) is file: CERT_FILE (--cert-file) and KEY_FILE (--key-file) \
                 must say where the files are"
                    .to_owned(),
            )),
        }
    }

    fn cert_manager(&self) -> MountedFiles {
        let usual = |name| std::env::temp_dir().join(CERT_MANAGER_DIRECTORY).join(name);
        let or_usual = |file: &Option<PathBuf>, name| file.clone().unwrap_or_else(|| usual(name));
        MountedFiles {
            certificate: or_usual(&self.cert_file, "tls.crt"),
            key: or_usual(&self.key_file, "tls.key"),
            authorities: Some(or_usual(&self.ca_file, "ca.crt")),
        }
    }

    fn namespace(&self) -> &str {
        self.common.pod_namespace.as_deref().unwrap_or(NAMESPACE)
    }
}

#[cfg(test)]
mod tests {
    use operator_core::process::config::{Inputs, load};

    use super::*;

    #[test]
    fn what_a_start_would_refuse_is_told_before() {
        let check = |settings: &[&str]| {
            let args = [
                "apigw-operator",
                "--leader-elect=false",
                "--pod-namespace=n",
            ];
            let loaded = load::<Config>(&Inputs {
                args: args.iter().chain(settings).map(Into::into).collect(),
                env: &|_| None,
                facts: &[],
            });
            loaded.expect("settings that can be read").settings.check()
        };
        assert_eq!(check(&[]), Ok(()));
        for (settings, named) in [
            (&["--cert-provider=file"][..], "CERT_FILE"),
            (
                &["--cert-provider=cert-manager", "--gateway-cert-secrets=a/b"],
                "GATEWAY_CERT_SECRETS",
            ),
            (
                &["--grpc-bind-address=:1", "--grpc-port=2"],
                "GRPC_PORT is 2",
            ),
            (&["--grpc-port=8080"], "GRPC_BIND_ADDRESS is :8080"),
            (&["--cert-service-name=no name"], "CERT_SERVICE_NAME"),
        ] {
            let refused = check(settings).expect_err(named);
            assert!(refused.contains(named), "{refused}");
        }
    }
}
