//! Certificates in mounted files that somebody else renews.

use std::{fmt, path::PathBuf, time::Duration};

use secrecy::{ExposeSecret, SecretSlice};
use tokio::{fs, pin};

use super::{
    Certificates, Problem,
    certificate::{Certificate, Unreadable},
    counts::Attempt,
    material::{Material, Unfit},
};

/// How often the files are read.
const LOOK: Duration = Duration::from_secs(10);

/// Where the certificates are. The files are compared by content: a Kubernetes volume swaps them by a
/// symbolic link, and other tools write them in place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MountedFiles {
    /// The certificate, and after it those that lead from it to an authority (PEM).
    pub certificate: PathBuf,
    /// Its private key (PEM).
    pub key: PathBuf,
    /// The trusted authorities (PEM); without it, those that follow the certificate in its file.
    pub authorities: Option<PathBuf>,
}

impl MountedFiles {
    /// Whether they are all there and can be read. What is in them may come right while the program runs.
    ///
    /// # Errors
    /// The first that cannot be read, and why.
    pub fn check(&self) -> Result<(), String> {
        let files = [
            Some(&self.certificate),
            Some(&self.key),
            self.authorities.as_ref(),
        ];
        for file in files.into_iter().flatten() {
            std::fs::File::open(file).map_err(|why| format!("{}: {why}", file.display()))?;
        }
        Ok(())
    }
}

impl fmt::Display for MountedFiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "files {}, {}",
            self.certificate.display(),
            self.key.display()
        )?;
        match &self.authorities {
            Some(authorities) => write!(f, ", {}", authorities.display()),
            None => Ok(()),
        }
    }
}

/// Reads the files, and takes them into use when they are consistent.
pub(super) struct Reader {
    files: MountedFiles,
    certificates: Certificates,
}

/// The files' content.
struct Content {
    certificate: Vec<u8>,
    key: SecretSlice<u8>,
    authorities: Option<Vec<u8>>,
}

/// Why the files are not taken into use. Never holds a key.
#[derive(Debug, thiserror::Error)]
enum Unused {
    #[error("cannot read {0}: {1}")]
    Unread(String, std::io::Error),
    #[error("{0} {1}")]
    Certificates(String, Unreadable),
    #[error("{0} holds no authority after the certificate, and no other file is named for them")]
    NoAuthorities(String),
    #[error("{0}; what was in use before stays")]
    Unfit(#[from] Unfit),
}

impl PartialEq for Content {
    fn eq(&self, other: &Self) -> bool {
        self.certificate == other.certificate
            && self.key.expose_secret() == other.key.expose_secret()
            && self.authorities == other.authorities
    }
}

impl Reader {
    pub(super) fn new(files: MountedFiles, certificates: Certificates) -> Self {
        Self {
            files,
            certificates,
        }
    }

    pub(super) async fn run(self, stop: impl Future<Output = ()>) {
        pin!(stop);
        let mut used = None;
        loop {
            let problem = self.look(&mut used).await.err();
            if problem.is_some() {
                self.certificates.0.counters.failed(Attempt::Read);
            }
            self.certificates.note(problem.map(Problem::own));
            tokio::select! {
                biased;
                () = &mut stop => return,
                () = self.certificates.clock().sleep(LOOK) => {}
            }
        }
    }

    async fn look(&self, used: &mut Option<Content>) -> Result<(), Unused> {
        let content = self.read().await?;
        if used.as_ref() == Some(&content) {
            return Ok(());
        }
        self.certificates.take(self.material(&content)?);
        *used = Some(content);
        Ok(())
    }

    async fn read(&self) -> Result<Content, Unused> {
        let MountedFiles {
            certificate,
            key,
            authorities,
        } = &self.files;
        Ok(Content {
            certificate: read(certificate).await?,
            key: read(key).await?.into(),
            authorities: match authorities {
                Some(authorities) => Some(read(authorities).await?),
                None => None,
            },
        })
    }

    fn material(&self, content: &Content) -> Result<Material, Unused> {
        let path = |path: &PathBuf| path.display().to_string();
        let all = |file: &PathBuf, text: &[u8]| {
            Certificate::all(text).map_err(|why| Unused::Certificates(path(file), why))
        };
        let chain = all(&self.files.certificate, &content.certificate)?;
        let authorities = match (&self.files.authorities, &content.authorities) {
            (Some(file), Some(text)) => all(file, text)?,
            _ => chain[1..].to_vec(),
        };
        if authorities.is_empty() {
            return Err(Unused::NoAuthorities(path(&self.files.certificate)));
        }
        let provider = &self.certificates.0.handshakes.provider;
        Ok(Material::new(
            &authorities,
            &chain,
            content.key.expose_secret(),
            provider,
        )?)
    }
}

async fn read(path: &PathBuf) -> Result<Vec<u8>, Unused> {
    fs::read(path)
        .await
        .map_err(|error| Unused::Unread(path.display().to_string(), error))
}
