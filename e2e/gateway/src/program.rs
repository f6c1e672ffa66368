//! A gateway as a program: one JSON line an event on standard output.

use std::io::{self, Write};
use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Result, anyhow};
use clap::Parser;
use tokio::runtime::Runtime;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::{mpsc, oneshot};

use crate::{Gateway, Identity, Options, Phase, Record, Tls};

/// Runs an AVAPIGW gateway for tests until SIGTERM or Ctrl-C.
#[derive(Debug, Parser)]
#[command(name = "gateway")]
struct Arguments {
    /// The operator; its certificate must carry the host.
    #[arg(long, value_name = "HOST:PORT")]
    operator_address: String,
    /// Speaks TLS to the operator.
    #[arg(long, requires = "operator_ca_file")]
    operator_tls: bool,
    /// The only roots that are trusted, as PEM.
    #[arg(long, value_name = "FILE", requires = "operator_tls")]
    operator_ca_file: Option<PathBuf>,
    /// A certificate to show to the operator, as PEM.
    #[arg(long, value_name = "FILE", requires_all = ["operator_key_file", "operator_tls"])]
    operator_cert_file: Option<PathBuf>,
    /// Its key.
    #[arg(long, value_name = "FILE", requires = "operator_cert_file")]
    operator_key_file: Option<PathBuf>,
    /// Only these namespaces are asked for.
    #[arg(long, value_name = "NAMES", value_delimiter = ',')]
    operator_namespaces: Vec<String>,
    /// The gateway's name.
    #[arg(long)]
    gateway_name: String,
    /// Its namespace.
    #[arg(long, default_value = "default")]
    gateway_namespace: String,
    /// The Pod it runs in.
    #[arg(long, env = "POD_NAME", default_value = "")]
    pod_name: String,
    /// Where HTTP is served.
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// A name, or name:port, that stands for an address; may be given many times.
    #[arg(long, value_name = "NAME=IP:PORT", value_parser = resolved)]
    resolve: Vec<(String, SocketAddr)>,
    /// Also ends when the standard input closes, as it does when the starting process dies.
    #[arg(long)]
    until_stdin_closes: bool,
}

fn resolved(text: &str) -> Result<(String, SocketAddr), String> {
    let parts = text.split_once('=').filter(|(name, _)| !name.is_empty());
    let (name, address) = parts.ok_or("it must be NAME=IP:PORT")?;
    let address = address.parse().map_err(|e| format!("{address}: {e}"))?;
    Ok((name.to_owned(), address))
}

impl Arguments {
    fn options(self) -> Options {
        let identity =
            self.operator_cert_file
                .zip(self.operator_key_file)
                .map(|(cert_file, key_file)| Identity {
                    cert_file,
                    key_file,
                });
        let ca_file = self.operator_ca_file.filter(|_| self.operator_tls);
        let tls = ca_file.map(|ca_file| Tls { ca_file, identity });
        Options {
            tls,
            namespace: self.gateway_namespace,
            pod: self.pod_name,
            namespaces: self.operator_namespaces,
            listen: Some(self.listen),
            resolve: self.resolve.into_iter().collect(),
            ..Options::new(self.operator_address, self.gateway_name)
        }
    }
}

/// Runs a gateway as this process's arguments say, until it is told to end.
///
/// # Errors
/// When it cannot start, or ends by itself.
pub fn main() -> Result<()> {
    Runtime::new()?.block_on(run(Arguments::parse()))
}

async fn run(arguments: Arguments) -> Result<()> {
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut terminate = signal(SignalKind::terminate())?;
    let input = arguments.until_stdin_closes.then(end_of_input);
    let closed = async {
        match input {
            Some(end) => drop(end.await),
            None => std::future::pending().await,
        }
    };

    let (sender, events) = mpsc::unbounded_channel();
    let mut gateway = Gateway::start(Options {
        events: Some(sender),
        ..arguments.options()
    })
    .await?;
    let mut writing = std::pin::pin!(write(events));
    let result = tokio::select! {
        _ = interrupt.recv() => Ok(()),
        _ = terminate.recv() => Ok(()),
        () = closed => Ok(()),
        written = &mut writing => return written,
        () = gateway.ended() => match gateway.state().phase {
            Phase::GaveUp => Err(anyhow!("no registration: gave up")),
            phase => Err(anyhow!("ended: {phase:?}")),
        },
    };
    // With the gateway its side of the channel goes, and the writing ends after the last event.
    drop(gateway);
    writing.await?;
    result
}

async fn write(mut events: mpsc::UnboundedReceiver<Record>) -> Result<()> {
    while let Some(record) = events.recv().await {
        let mut output = io::stdout().lock();
        serde_json::to_writer(&mut output, &record)?;
        writeln!(output)?;
        output.flush()?;
    }
    Ok(())
}

/// Resolves when the standard input has no more to read. A thread of its own: a read cannot be
/// cancelled, and must not hold up the end of the runtime.
fn end_of_input() -> oneshot::Receiver<()> {
    let (ended, end) = oneshot::channel();
    std::thread::spawn(move || {
        let _ = io::copy(&mut io::stdin().lock(), &mut io::sink());
        let _ = ended.send(());
    });
    end
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    const LEAST: [&str; 5] = [
        "gateway",
        "--operator-address",
        "operator.test:9444",
        "--gateway-name",
        "gateway-0",
    ];

    fn parse(more: &[&str]) -> Result<Options, clap::Error> {
        let all = LEAST.iter().chain(more);
        Arguments::try_parse_from(all).map(Arguments::options)
    }

    #[test]
    fn the_flags_fit_together() {
        Arguments::command().debug_assert();
        let plain = parse(&["--resolve", "a=127.0.0.1:1"]).unwrap();
        assert!(plain.tls.is_none());
        assert_eq!(plain.resolve["a"].port(), 1);
        let tls = ["--operator-tls", "--operator-ca-file", "ca"];
        assert!(parse(&tls).unwrap().tls.unwrap().identity.is_none());
        let pair = ["--operator-cert-file", "crt", "--operator-key-file", "key"];
        let both = parse(&[&tls[..], &pair].concat()).unwrap();
        assert!(both.tls.unwrap().identity.is_some());
    }

    #[test]
    fn half_of_a_pair_is_refused() {
        for wrong in [
            &["--operator-tls"][..],
            &["--operator-ca-file", "ca"],
            &[
                "--operator-tls",
                "--operator-ca-file",
                "ca",
                "--operator-key-file",
                "key",
            ],
            &["--resolve", "a"],
            &["--resolve", "a=b"],
        ] {
            assert!(parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
