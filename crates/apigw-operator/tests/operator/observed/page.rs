//! What an operator shows over HTTP.

use std::collections::BTreeMap;

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use harness::{port::Port, wait};
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use serde_json::Value;

use crate::stage::{PATIENCE, Running, Stage, UNHURRIED};

/// An operator that shows what it does.
pub struct Shown {
    pub operator: Running,
    port: Port,
}

/// Every sample, by its name and labels as they are written.
pub type Samples = BTreeMap<String, f64>;

impl Shown {
    /// An operator of this stage, whose clock may be moved by minutes.
    pub fn on(stage: &Stage) -> Result<Self> {
        let port = Port::reserve()?;
        let address = format!("--metrics-bind-address={}", port.address());
        let shown = [&*address, "--metrics-secure=false"];
        let settings: Vec<&str> = UNHURRIED.iter().copied().chain(shown).collect();
        let operator = stage.operator_with(&settings)?;
        Ok(Self { operator, port })
    }

    pub async fn page(&self, path: &str) -> Result<String> {
        let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
        let url = format!("http://{}{path}", self.port.address());
        let answer = client.get(url.parse()?).await?;
        ensure!(answer.status() == 200, "{path}: {}", answer.status());
        let body = answer.into_body().collect().await?.to_bytes();
        Ok(String::from_utf8(body.to_vec())?)
    }

    pub async fn samples(&self) -> Result<Samples> {
        let page = self.page("/metrics").await?;
        let lines = page.lines().filter(|line| !line.starts_with('#'));
        let sample = |line: &str| {
            let (name, value) = line.rsplit_once(' ')?;
            Some((name.to_owned(), value.parse().ok()?))
        };
        lines
            .map(|line| sample(line).with_context(|| format!("not a sample: {line}")))
            .collect()
    }

    /// Waits until these samples, without the operator's prefix, have these values.
    pub async fn counts(&self, expected: &[(&str, f64)]) -> Result<()> {
        let are = || async {
            let samples = self.samples().await.map_err(|error| error.to_string())?;
            let wrong = expected.iter().filter_map(|(name, expected)| {
                let found = samples.get(&format!("avapigw_operator_{name}"));
                (found != Some(expected)).then(|| format!("{name} is {found:?}, not {expected}"))
            });
            let wrong: Vec<_> = wrong.collect();
            match wrong.is_empty() {
                true => Ok(()),
                false => Err(wrong.join("\n")),
            }
        };
        wait::until("the metrics say so", PATIENCE, are).await
    }

    /// Waits until the section `gateways` of the state is as `wanted` asks.
    pub async fn gateways(&self, wanted: impl Fn(&Value) -> bool) -> Result<Value> {
        let found = parking_lot::Mutex::new(Value::Null);
        let is = || async {
            let page = self.page("/debug/state").await;
            let page = page.map_err(|error| error.to_string())?;
            let mut state: Value = serde_json::from_str(&page).map_err(|e| e.to_string())?;
            *found.lock() = state["gateways"].take();
            let shown = found.lock();
            match wanted(&shown) {
                true => Ok(()),
                false => Err(format!("{:#}", *shown)),
            }
        };
        wait::until("the state says so", PATIENCE, is).await?;
        Ok(found.into_inner())
    }
}
