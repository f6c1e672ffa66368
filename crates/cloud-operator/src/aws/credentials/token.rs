//! Tokens of the operator's Pod, and which of them a provider may name.

use std::path::{Path, PathBuf};

use operator_core::decide::outcome::{Fault, Scope};
use tokio::io::AsyncReadExt;

use crate::aws::reasons::{AUTHENTICATION_FAILED, TOKEN_FILE_NOT_ALLOWED};

/// `WebIdentityToken` has at most 20,000 characters (AWS STS API Reference, AssumeRoleWithWebIdentity).
const LONGEST: u64 = 20_000;

/// The folders that tokens named by providers may be in: whoever may write a provider must not thereby send
/// any file of the operator's Pod to STS. None by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TokenFolders(pub Vec<PathBuf>);

impl TokenFolders {
    /// The token in the file that a provider names.
    ///
    /// # Errors
    /// A terminal fault for a file that is not in one of the folders, also by a link that leads out of it; a
    /// fault of the provider for one that cannot be read.
    pub async fn read(&self, file: &Path) -> Result<String, Fault> {
        // Before anything is looked up: nobody learns which files there are.
        let folder = self.0.iter().find(|folder| file.starts_with(folder));
        let Some(folder) = folder else {
            let listed: Vec<_> = self.0.iter().map(|it| it.display().to_string()).collect();
            let listed = match listed.is_empty() {
                true => "none is allowed".to_owned(),
                false => listed.join(", "),
            };
            return Err(not_allowed(format!(
                "{} is in none of the folders that providers may name ({listed})",
                file.display()
            )));
        };
        let real = tokio::fs::canonicalize(file).await;
        let real = real.map_err(|error| unreadable(file, &error))?;
        let within = tokio::fs::canonicalize(folder).await;
        let within = within.map_err(|error| unreadable(folder, &error))?;
        if !real.starts_with(within) {
            return Err(not_allowed(format!(
                "{} leads out of {}",
                file.display(),
                folder.display()
            )));
        }
        read(&real).await
    }
}

/// The token in a file. It is read at every renewal: the kubelet replaces it long before it ends.
///
/// # Errors
/// A fault of the provider.
pub(super) async fn read(file: &Path) -> Result<String, Fault> {
    let mut text = String::new();
    let read = async {
        let opened = tokio::fs::File::open(file).await?;
        opened.take(LONGEST + 1).read_to_string(&mut text).await
    };
    read.await.map_err(|error| unreadable(file, &error))?;
    let token = text.trim();
    match token.len() as u64 {
        0 => Err(blocked(format!("{} is empty", file.display()))),
        1..=LONGEST => Ok(token.to_owned()),
        _ => Err(blocked(format!(
            "{} has more than {LONGEST} characters",
            file.display()
        ))),
    }
}

fn not_allowed(why: String) -> Fault {
    let text = format!(
        "spec.webIdentity.tokenFile: {why}; whoever runs the operator can allow a folder by \
         --web-identity-token-folders or WEB_IDENTITY_TOKEN_FOLDERS"
    );
    Fault::terminal(TOKEN_FILE_NOT_ALLOWED, text).with_scope(Scope::Provider)
}

fn unreadable(file: &Path, error: &std::io::Error) -> Fault {
    blocked(format!("{} cannot be read: {error}", file.display()))
}

fn blocked(what: String) -> Fault {
    let text = format!("the web identity token {what}");
    Fault::blocked(AUTHENTICATION_FAILED, text).with_scope(Scope::Provider)
}

#[cfg(test)]
mod tests {
    use std::{fs, os::unix::fs::symlink};

    use super::*;

    #[tokio::test]
    async fn only_files_within_the_folders_are_read() {
        let base = tempfile::tempdir().unwrap();
        let [tokens, elsewhere] = ["tokens", "elsewhere"].map(|name| base.path().join(name));
        for folder in [&tokens, &elsewhere] {
            fs::create_dir(folder).unwrap();
            fs::write(folder.join("token"), " token\n").unwrap();
        }
        symlink(elsewhere.join("token"), tokens.join("out")).unwrap();
        // As the kubelet projects it.
        fs::create_dir(tokens.join("..2026")).unwrap();
        fs::write(tokens.join("..2026/aws"), "projected").unwrap();
        symlink("..2026", tokens.join("..data")).unwrap();
        symlink("..data/aws", tokens.join("aws")).unwrap();

        let folders = TokenFolders(vec![tokens.clone()]);
        assert_eq!(folders.read(&tokens.join("token")).await.unwrap(), "token");
        assert_eq!(
            folders.read(&tokens.join("aws")).await.unwrap(),
            "projected"
        );
        for file in [
            elsewhere.join("token"),
            tokens.join("out"),
            tokens.join("../elsewhere/token"),
            base.path().join("tokens-of-others"),
        ] {
            let fault = folders.read(&file).await.expect_err("not allowed");
            assert_eq!(fault.reason, TOKEN_FILE_NOT_ALLOWED, "{fault}");
            assert!(
                fault.message.contains("WEB_IDENTITY_TOKEN_FOLDERS"),
                "{fault}"
            );
        }
        let none = TokenFolders::default();
        let fault = none.read(&tokens.join("token")).await.expect_err("none");
        assert!(fault.message.contains("none is allowed"), "{fault}");
        let missing = folders.read(&tokens.join("missing")).await;
        assert_eq!(missing.expect_err("missing").reason, AUTHENTICATION_FAILED);
    }

    #[tokio::test]
    async fn what_cannot_be_a_token_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let cases = [(" \n".to_owned(), "empty"), ("x".repeat(20_001), "20000")];
        for (content, said) in cases {
            fs::write(file.path(), content).unwrap();
            let fault = read(file.path()).await.expect_err(said);
            assert!(fault.message.contains(said), "{fault}");
        }
    }
}
