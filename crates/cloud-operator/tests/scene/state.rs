//! What an operator says of itself at `/debug/state`.

use std::time::Duration;

use anyhow::{Context, Result};
use harness::{port::Port, wait};
use serde_json::Value;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
    time::timeout,
};

use super::PATIENCE;

/// Where an operator serves its state.
pub struct State(Port);

impl State {
    /// A place that nobody else has; the operator must be told its [`setting`](Self::setting).
    pub fn reserve() -> Result<Self> {
        Ok(Self(Port::reserve()?))
    }

    pub fn setting(&self) -> String {
        format!("--metrics-bind-address={}", self.0.address())
    }

    /// The state as it is now.
    pub async fn read(&self) -> Result<Value> {
        let ask = async {
            let mut stream = TcpStream::connect(self.0.address()).await?;
            stream
                .write_all(b"GET /debug/state HTTP/1.0\r\n\r\n")
                .await?;
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await?;
            let (_, body) = answer.split_once("\r\n\r\n").context("a body")?;
            anyhow::Ok(serde_json::from_str(body)?)
        };
        // A process that is stopped accepts connections and never answers.
        timeout(Duration::from_secs(5), ask).await?
    }

    /// Waits until the state `holds`.
    pub async fn until(&self, what: &str, holds: impl Fn(&Value) -> bool) -> Result<()> {
        let check = || async {
            let state = self.read().await.map_err(|error| error.to_string())?;
            if holds(&state) {
                return Ok(());
            }
            Err(format!("{state:#}"))
        };
        wait::until(what, PATIENCE, check).await
    }

    /// Waits until nothing runs and nothing is due.
    pub async fn idle(&self) -> Result<()> {
        self.until("nothing to be done", is_idle).await
    }
}

pub fn is_idle(state: &Value) -> bool {
    ["queue/s3bucket", "queue/awsprovider"].iter().all(|queue| {
        let queue = &state[queue];
        let none = |it: &Value| it.as_object().is_some_and(serde_json::Map::is_empty);
        none(&queue["running"]) && queue["oldestWaiting"].is_null()
    })
}
