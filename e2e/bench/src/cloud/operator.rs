//! The operator's program, from its start to its end.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result, bail};
use harness::process::Child;
use operator_core::decide::clock::{Clock, Moment};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::{sleep, timeout},
};

use super::{PATIENCE, figures::Idle};
use crate::{cpu::cpu, resident::Resident};

/// How long it may take to end: as long as a Pod's may.
const GRACE: Duration = Duration::from_secs(30);
/// How often it is asked whether it is ready.
const QUESTIONS: Duration = Duration::from_millis(2);

/// A running operator.
pub struct Operator {
    child: Child,
    clock: Clock,
    /// The time from its start until it said that it was ready.
    pub ready_after: Duration,
}

impl Operator {
    /// Takes a program that was started at `begun` and answers its probes at `probes`; waits until it is ready.
    pub async fn ready(
        child: Child,
        begun: Moment,
        clock: &Clock,
        probes: SocketAddr,
    ) -> Result<Self> {
        let ready = async {
            while !is_ready(probes).await {
                sleep(QUESTIONS).await;
            }
        };
        tokio::select! {
            ready = timeout(PATIENCE, ready) => {
                ready.with_context(|| format!("it is not ready: {}", child.log_tail(20)))?;
            }
            status = child.wait() => bail!("the operator ended with {status}: {}", child.log_tail(20)),
        }
        let ready_after = clock.now().since(begun);
        Ok(Self {
            child,
            clock: clock.clone(),
            ready_after,
        })
    }

    /// What it costs while nothing happens for so long.
    pub async fn idle(&self, time: Duration) -> Result<Idle> {
        let (begun, before) = (self.clock.now(), cpu(&self.child)?);
        sleep(time).await;
        let used = cpu(&self.child)?.saturating_sub(before);
        let time = self.clock.now().since(begun);
        Ok(Idle {
            resident: Resident::of(self.child.pid())?,
            core: used.div_duration_f64(time),
            time,
        })
    }

    /// Stops it as a Pod is stopped.
    pub async fn stop(self) -> Result<()> {
        let status = self.child.stop(GRACE).await;
        match status.success() {
            true => Ok(()),
            false => bail!(
                "the operator ended with {status}: {}",
                self.child.log_tail(20)
            ),
        }
    }
}

/// Whether `/readyz` answers 200.
async fn is_ready(probes: SocketAddr) -> bool {
    let ask = async {
        let mut stream = TcpStream::connect(probes).await?;
        let question =
            format!("GET /readyz HTTP/1.1\r\nHost: {probes}\r\nConnection: close\r\n\r\n");
        stream.write_all(question.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        Ok::<_, std::io::Error>(answer)
    };
    ask.await
        .is_ok_and(|answer| answer.starts_with("HTTP/1.1 200 "))
}
