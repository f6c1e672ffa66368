//! What an operator says of itself at `/debug/state`.

use std::net::SocketAddr;

use anyhow::Result;
use harness::{port::Port, wait};
use serde_json::Value;

use super::{PATIENCE, program::get};

/// Where an operator serves its state.
pub struct State {
    address: SocketAddr,
    _reserved: Option<Port>,
}

impl State {
    /// That of an operator that serves it at this address.
    pub fn at(address: SocketAddr) -> Self {
        Self {
            address,
            _reserved: None,
        }
    }

    /// A place that nobody else has; the operator must be told its [`setting`](Self::setting).
    pub fn reserve() -> Result<Self> {
        let port = Port::reserve()?;
        Ok(Self {
            address: port.address(),
            _reserved: Some(port),
        })
    }

    pub fn setting(&self) -> String {
        format!("--metrics-bind-address={}", self.address)
    }

    /// The state as it is now.
    pub async fn read(&self) -> Result<Value> {
        let answer = get(self.address, "/debug/state").await?;
        Ok(serde_json::from_str(&answer.body)?)
    }

    /// The metrics as they are now.
    pub async fn metrics(&self) -> Result<String> {
        Ok(get(self.address, "/metrics").await?.body)
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
