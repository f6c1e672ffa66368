//! Certificates, keys and tokens of one control plane, as files in its folder.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};
use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, SanType,
};

/// The files that the servers are given.
#[derive(Debug)]
pub(super) struct Credentials {
    /// The authority that signed the serving certificate.
    pub ca: PathBuf,
    pub server_certificate: PathBuf,
    pub server_key: PathBuf,
    /// Signs ServiceAccount tokens.
    pub service_account_key: PathBuf,
    /// Verifies them.
    pub service_account_public_key: PathBuf,
    /// kube-apiserver's `--token-auth-file`.
    pub tokens: PathBuf,
    /// A member of `system:masters`.
    pub admin_kubeconfig: PathBuf,
    pub controller_manager_kubeconfig: PathBuf,
    pub scheduler_kubeconfig: PathBuf,
}

impl Credentials {
    /// Makes new ones for a server at `address`.
    pub fn make(folder: &Path, address: SocketAddr) -> Result<Self> {
        let ca_key = KeyPair::generate()?;
        let mut ca = CertificateParams::default();
        ca.distinguished_name.push(DnType::CommonName, "harness");
        ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        ca.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let ca_certificate = ca.self_signed(&ca_key)?.pem();
        let issuer = Issuer::new(ca, ca_key);

        let server_key = KeyPair::generate()?;
        let names = [
            "localhost",
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
        ];
        let mut server = CertificateParams::new(names.map(String::from))?;
        server
            .distinguished_name
            .push(DnType::CommonName, "kube-apiserver");
        for address in BTreeSet::from([IpAddr::V4(Ipv4Addr::LOCALHOST), address.ip()]) {
            server.subject_alt_names.push(SanType::IpAddress(address));
        }
        server.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        server.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        server.use_authority_key_identifier_extension = true;
        let server_certificate = server.signed_by(&server_key, &issuer)?.pem();

        let service_accounts = KeyPair::generate()?;
        let (admin, controller_manager, scheduler) =
            (random_token()?, random_token()?, random_token()?);
        let tokens = format!(
            "{admin},admin,admin,system:masters\n\
             {controller_manager},system:kube-controller-manager,system:kube-controller-manager\n\
             {scheduler},system:kube-scheduler,system:kube-scheduler\n"
        );

        let file = |name: &str, content: &str| -> Result<PathBuf> {
            let path = folder.join(name);
            write_private(&path, content)?;
            Ok(path)
        };
        let ca = file("ca.crt", &ca_certificate)?;
        let kubeconfig = |user: &str, token: &str| kubeconfig(address, &ca, user, token);
        Ok(Self {
            server_certificate: file("apiserver.crt", &server_certificate)?,
            server_key: file("apiserver.key", &server_key.serialize_pem())?,
            service_account_key: file("service-account.key", &service_accounts.serialize_pem())?,
            service_account_public_key: file(
                "service-account.pub",
                &service_accounts.public_key_pem(),
            )?,
            tokens: file("tokens.csv", &tokens)?,
            admin_kubeconfig: file("kubeconfig", &kubeconfig("admin", &admin))?,
            controller_manager_kubeconfig: file(
                "controller-manager.kubeconfig",
                &kubeconfig("controller-manager", &controller_manager),
            )?,
            scheduler_kubeconfig: file(
                "scheduler.kubeconfig",
                &kubeconfig("scheduler", &scheduler),
            )?,
            ca,
        })
    }
}

fn kubeconfig(address: SocketAddr, ca: &Path, user: &str, token: &str) -> String {
    // The authority is named by a path relative to this file, which all readers resolve.
    let ca = ca.file_name().unwrap_or_default().to_string_lossy();
    format!(
        "apiVersion: v1\n\
         kind: Config\n\
         current-context: control-plane\n\
         contexts:\n\
         - name: control-plane\n\
         \x20 context: {{cluster: control-plane, user: {user}}}\n\
         clusters:\n\
         - name: control-plane\n\
         \x20 cluster: {{server: \"https://{address}\", certificate-authority: {ca}}}\n\
         users:\n\
         - name: {user}\n\
         \x20 user: {{token: \"{token}\"}}\n"
    )
}

/// 128 bits of the kernel's randomness: anybody on this machine can reach the port.
fn random_token() -> Result<String> {
    let mut bytes = [0; 16];
    File::open("/dev/urandom")
        .and_then(|mut source| source.read_exact(&mut bytes))
        .context("cannot read /dev/urandom")?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

fn write_private(path: &Path, content: &str) -> Result<()> {
    OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .and_then(|mut file| file.write_all(content.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}
