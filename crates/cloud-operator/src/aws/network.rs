//! The way out of the process: proxies, and whom TLS believes.

use std::{
    convert::Infallible,
    fmt, fs,
    path::{Path, PathBuf},
    str::FromStr,
    sync::Arc,
};

use aws_smithy_http_client::{
    proxy::ProxyConfig,
    tls::{TlsContext, TrustStore},
};
use http::Uri;
use rustls::{
    RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};

/// Where a Pod asks for its own credentials: the metadata of instance and container, and EKS Pod Identity.
/// These hosts are on the node, behind no proxy.
const OF_THE_NODE: &str = "169.254.169.254,169.254.170.2,169.254.170.23,fd00:ec2::254,fd00:ec2::23";

/// How every client of the process reaches the outside.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// The proxy for `https` (`HTTPS_PROXY`).
    pub https_proxy: Option<Proxy>,
    /// The proxy for plain `http` (`HTTP_PROXY`).
    pub http_proxy: Option<Proxy>,
    /// Hosts that are reached without a proxy (`NO_PROXY`).
    pub no_proxy: String,
    /// Authorities that TLS believes besides those of the system.
    pub authorities: Option<Authorities>,
}

impl Network {
    /// Whom TLS believes.
    pub(super) fn trust(&self) -> TlsContext {
        let mut trust = TrustStore::default();
        if let Some(Authorities(pem)) = &self.authorities {
            trust.add_pem_certificate(pem.as_slice());
        }
        let context = TlsContext::builder().with_trust_store(trust).build();
        context.expect("without names of its own there is nothing in a context that could be wrong")
    }

    /// The way for `https`.
    pub(super) fn for_https(&self) -> ProxyConfig {
        self.through(self.https_proxy.as_ref(), ProxyConfig::https)
    }

    /// The way for plain `http`.
    pub(super) fn for_http(&self) -> ProxyConfig {
        self.through(self.http_proxy.as_ref(), ProxyConfig::http)
    }

    fn through<E: fmt::Debug>(
        &self,
        proxy: Option<&Proxy>,
        config: impl FnOnce(Uri) -> Result<ProxyConfig, E>,
    ) -> ProxyConfig {
        // The matcher would take an asterisk for every name, but for no address.
        let needed = self.no_proxy.split(',').all(|host| host.trim() != "*");
        let Some(Proxy(uri)) = proxy.filter(|_| needed) else {
            return ProxyConfig::disabled();
        };
        let config = config(uri.clone());
        config
            .expect("a Proxy has a scheme and a host")
            .no_proxy(format!("{},{OF_THE_NODE}", self.no_proxy))
    }
}

/// A proxy as a setting gives it, which nobody has looked at yet: it may hold a password, so it is neither
/// refused by what shows values nor shown itself.
#[derive(Clone)]
pub struct ProxySetting(String);

impl FromStr for ProxySetting {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for ProxySetting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ProxySetting(..)")
    }
}

impl ProxySetting {
    /// The proxy that it names.
    ///
    /// # Errors
    /// What is allowed, and as much of what was found as holds no password.
    pub fn proxy(&self) -> Result<Proxy, String> {
        let text = match self.0.contains("://") {
            true => self.0.clone(),
            false => format!("http://{}", self.0),
        };
        let uri = text.parse::<Uri>().ok().filter(|uri| {
            let scheme = matches!(uri.scheme_str(), Some("http" | "https"));
            scheme && is_place(uri) && matches!(uri.path(), "" | "/") && uri.query().is_none()
        });
        uri.map(Proxy).ok_or_else(|| {
            format!(
                "{} is not allowed; allowed: http(s)://[user:password@]host[:port], where @ : / % in user and \
                 password are written as %40 %3A %2F %25",
                self.shown()
            )
        })
    }

    /// Without user and password; where it is unclear what they are, nothing.
    fn shown(&self) -> String {
        match self.0.contains('@') {
            true => "its value (not shown: it may hold a password)".to_owned(),
            false => format!("{:?}", self.0),
        }
    }
}

/// Whether there is a host, and a port that is a number if there is one.
fn is_place(uri: &Uri) -> bool {
    let Some(authority) = uri.authority() else {
        return false;
    };
    let (_, place) = authority
        .as_str()
        .rsplit_once('@')
        .unwrap_or(("", authority.as_str()));
    let host = authority.host();
    match authority.port_u16() {
        _ if host.is_empty() => false,
        Some(port) => place == format!("{host}:{port}"),
        None => place == host,
    }
}

/// A proxy.
#[derive(Clone)]
pub struct Proxy(Uri);

impl fmt::Debug for Proxy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Proxy({:?})", self.0.host())
    }
}

/// Authorities from a bundle (PEM).
#[derive(Clone)]
pub struct Authorities(Arc<Vec<u8>>);

impl Authorities {
    /// Reads a bundle.
    ///
    /// # Errors
    /// What is wrong with the file, which is named.
    pub fn read(file: &Path) -> Result<Self, String> {
        let wrong = |why: String| format!("{}: {why}", file.display());
        let pem = fs::read(file).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let certificates = CertificateDer::pem_slice_iter(&pem).collect::<Result<Vec<_>, _>>();
        let certificates = certificates.map_err(|error| wrong(format!("is no PEM: {error}")))?;
        if certificates.is_empty() {
            return Err(wrong(
                "holds no certificate; allowed: certificates in PEM (-----BEGIN CERTIFICATE-----)"
                    .to_owned(),
            ));
        }
        let mut roots = RootCertStore::empty();
        for (index, certificate) in certificates.into_iter().enumerate() {
            roots.add(certificate).map_err(|error| {
                wrong(format!("certificate {} cannot be used: {error}", index + 1))
            })?;
        }
        Ok(Self(Arc::new(pem)))
    }
}

impl fmt::Debug for Authorities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Authorities(..)")
    }
}

/// The settings of the way out, as they are given.
#[derive(Clone, Debug, Default)]
pub struct NetworkSettings {
    /// `HTTPS_PROXY`.
    pub https_proxy: Option<ProxySetting>,
    /// `HTTP_PROXY`.
    pub http_proxy: Option<ProxySetting>,
    /// `NO_PROXY`.
    pub no_proxy: String,
    /// `CA_BUNDLE`.
    pub ca_bundle: Option<PathBuf>,
}

impl NetworkSettings {
    /// What they mean. Reads the bundle.
    ///
    /// # Errors
    /// The setting, and what is wrong with it.
    pub fn network(&self) -> Result<Network, String> {
        let proxy = |setting: &str, given: &Option<ProxySetting>| {
            let proxy = given.as_ref().map(ProxySetting::proxy).transpose();
            proxy.map_err(|why| format!("{setting}: {why}"))
        };
        let authorities = self.ca_bundle.as_deref().map(Authorities::read).transpose();
        Ok(Network {
            https_proxy: proxy("HTTPS_PROXY (--https-proxy)", &self.https_proxy)?,
            http_proxy: proxy("HTTP_PROXY (--http-proxy)", &self.http_proxy)?,
            no_proxy: self.no_proxy.clone(),
            authorities: authorities.map_err(|why| format!("CA_BUNDLE (--ca-bundle): {why}"))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(text: &str) -> Result<Proxy, String> {
        let Ok(setting) = text.parse::<ProxySetting>();
        setting.proxy()
    }

    #[test]
    fn proxies_are_known_with_and_without_scheme() {
        for (text, host) in [
            ("http://proxy.example:3128", "proxy.example"),
            ("https://proxy.example/", "proxy.example"),
            ("proxy.example:3128", "proxy.example"),
            ("http://user:p%40ss@10.0.0.1:8080", "10.0.0.1"),
            ("http://[::1]:8080", "[::1]"),
        ] {
            let Proxy(uri) = proxy(text).unwrap_or_else(|why| panic!("{text}: {why}"));
            assert_eq!(uri.host(), Some(host), "{text}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_and_no_password_shown() {
        for text in [
            "socks5://user:canary@proxy.example",
            "http://user:canary@",
            "http://us er:canary@proxy.example",
            "http://user:canary@proxy.example/path",
            "http://user:canary@proxy.example:port",
        ] {
            let why = proxy(text).expect_err(text);
            assert!(why.contains("http(s)://"), "{why}");
            assert!(
                !why.contains("canary") && !why.contains("proxy.example"),
                "{why}"
            );
        }
        let why = proxy("ftp://proxy.example").expect_err("ftp");
        assert!(why.contains("\"ftp://proxy.example\""), "{why}");
        let settings = NetworkSettings {
            https_proxy: Some(ProxySetting("http://user:canary@proxy.example".to_owned())),
            ..NetworkSettings::default()
        };
        let shown = format!("{settings:?} {:?}", settings.network());
        assert!(!shown.contains("canary"), "{shown}");
    }

    #[test]
    fn the_services_of_the_node_are_behind_no_proxy() {
        let network = Network {
            http_proxy: Some(proxy("http://proxy.example").unwrap()),
            no_proxy: "store.example".to_owned(),
            ..Network::default()
        };
        let shown = format!("{:?}", network.for_http());
        for host in [
            "store.example",
            "169.254.169.254",
            "169.254.170.23",
            "fd00:ec2::23",
        ] {
            assert!(shown.contains(host), "{host} in {shown}");
        }
    }

    #[test]
    fn a_wrong_bundle_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = |name: &str, content: &str| {
            let file = folder.path().join(name);
            fs::write(&file, content).unwrap();
            file
        };
        let no_certificate = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
        for (file, why) in [
            (folder.path().join("missing.pem"), "cannot be read"),
            (file("empty.pem", ""), "holds no certificate"),
            (file("text.pem", "some text"), "holds no certificate"),
            (
                file("cut.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n"),
                "is no PEM",
            ),
            (
                file("other.pem", no_certificate),
                "certificate 1 cannot be used",
            ),
        ] {
            let settings = NetworkSettings {
                ca_bundle: Some(file.clone()),
                ..NetworkSettings::default()
            };
            let refused = settings.network().expect_err(why);
            assert!(refused.contains(&file.display().to_string()), "{refused}");
            assert!(
                refused.contains(why) && refused.contains("CA_BUNDLE"),
                "{refused}"
            );
        }
    }
}
