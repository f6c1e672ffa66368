//! Other people's programs, as the person before the terminal would use them.

use std::process::Stdio;

use anyhow::{Context, Result, bail};
use tokio::io::AsyncWriteExt;
use tokio::process::Command;

/// Runs one to its end, with this input, and returns what it prints.
///
/// # Errors
/// When it fails; the message is its own, after the command line `typed`.
pub async fn run(command: std::process::Command, typed: &str, input: &str) -> Result<String> {
    let mut running = Command::from(command)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("cannot start {typed}"))?;
    if let Some(mut stdin) = running.stdin.take() {
        stdin.write_all(input.as_bytes()).await?;
    }
    let output = running.wait_with_output().await?;
    if !output.status.success() {
        let message = String::from_utf8_lossy(&output.stderr);
        bail!("{typed}: {}", message.trim());
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A command line as a person types it.
pub fn line(program: &str, args: &[&str]) -> String {
    let words = [program].into_iter().chain(args.iter().copied());
    words.map(quoted).collect::<Vec<_>>().join(" ")
}

/// A word for a shell: quoted only when it must be.
pub fn quoted(word: &str) -> String {
    match word.contains(['{', '[', '"', ' ', '*', '?', '(']) {
        true => format!("'{word}'"),
        false => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_take_for_something_else_is_quoted() {
        let args = ["install", "--set=a[0].b=c", "--set=d={e}"];
        assert_eq!(
            line("helm", &args),
            "helm install '--set=a[0].b=c' '--set=d={e}'"
        );
    }
}
