//! Probes: the requests, and what becomes of their answers.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;
use std::time::Duration;

use http_body_util::Empty;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use k8s_openapi::api::core::v1::{Container, Probe};
use k8s_openapi::apimachinery::pkg::util::intstr::IntOrString;
use operator_core::decide::clock::{Clock, Moment};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

/// Which of the three.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Startup,
    Liveness,
    Readiness,
}

/// What came out, once it came out as often as the probe asks for.
#[derive(Debug)]
pub struct Heard {
    pub kind: Kind,
    /// Why not, if not.
    pub outcome: Result<(), String>,
}

/// A probe of a container by HTTP.
#[derive(Clone, Debug)]
pub struct Plan {
    kind: Kind,
    port: u16,
    path: String,
    delay: Duration,
    period: Duration,
    timeout: Duration,
    failures: u32,
    successes: u32,
}

impl Plan {
    /// The probe of this kind, if the container has one.
    ///
    /// # Errors
    /// When its port cannot be.
    pub fn of(container: &Container, kind: Kind) -> Result<Option<Self>, String> {
        let probe = match kind {
            Kind::Startup => &container.startup_probe,
            Kind::Liveness => &container.liveness_probe,
            Kind::Readiness => &container.readiness_probe,
        };
        let Some((probe, get)) = probe
            .as_ref()
            .and_then(|it| Some((it, it.http_get.as_ref()?)))
        else {
            return Ok(None);
        };
        let path = get
            .path
            .as_deref()
            .filter(|path| !path.is_empty())
            .unwrap_or("/");
        Ok(Some(Self {
            kind,
            port: port(container, &get.port)?,
            path: path.to_owned(),
            ..Self::timed(kind, probe)
        }))
    }

    /// The API server fills in what a spec leaves out; these are its defaults.
    fn timed(kind: Kind, probe: &Probe) -> Self {
        let number = |value: Option<i32>, default: u32| {
            let value = value.and_then(|it| u32::try_from(it).ok());
            value.filter(|it| *it > 0).unwrap_or(default)
        };
        let seconds = |value, default| Duration::from_secs(number(value, default).into());
        Self {
            kind,
            port: 0,
            path: String::new(),
            delay: seconds(probe.initial_delay_seconds, 0),
            period: seconds(probe.period_seconds, 10),
            timeout: seconds(probe.timeout_seconds, 1),
            failures: number(probe.failure_threshold, 3),
            successes: number(probe.success_threshold, 1),
        }
    }

    /// Asks for as long as somebody listens, of a container that runs `since` then; whether it has started is asked no
    /// more once it has.
    pub async fn ask(
        self,
        address: IpAddr,
        since: Moment,
        clock: Clock,
        tell: mpsc::Sender<Heard>,
    ) {
        let mut judge = Judge::new(self.failures, self.successes);
        let address = SocketAddr::new(address, self.port);
        clock.sleep_until(since + self.delay).await;
        loop {
            let next = clock.now() + self.period;
            let answer = tokio::time::timeout(self.timeout, get(address, &self.path)).await;
            let outcome =
                answer.unwrap_or_else(|_| Err(format!("no answer within {:?}", self.timeout)));
            if judge.hear(outcome.is_ok()) {
                let (kind, is_well) = (self.kind, outcome.is_ok());
                let heard = tell.send(Heard { kind, outcome }).await;
                if heard.is_err() || kind == Kind::Startup && is_well {
                    return;
                }
            }
            clock.sleep_until(next).await;
        }
    }
}

fn port(container: &Container, port: &IntOrString) -> Result<u16, String> {
    let number = match port {
        IntOrString::Int(number) => Some(*number),
        IntOrString::String(name) => {
            let mut ports = container.ports.iter().flatten();
            let found = ports.find(|it| it.name.as_ref() == Some(name));
            found.map(|it| it.container_port)
        }
    };
    let number = number.and_then(|it| u16::try_from(it).ok());
    number.ok_or_else(|| format!("a probe's port is {port:?}, which is no port of the container"))
}

async fn get(address: SocketAddr, path: &str) -> Result<(), String> {
    let stream = TcpStream::connect(address)
        .await
        .map_err(|e| format!("{address}: {e}"))?;
    let said = |e: &dyn std::fmt::Display| format!("http://{address}{path}: {e}");
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
        .await
        .map_err(|e| said(&e))?;
    let request = http::Request::get(path)
        .header("host", address.to_string())
        .header("user-agent", "kube-probe/1.36")
        .header("accept", "*/*")
        .header("connection", "close")
        .body(Empty::<Bytes>::new())
        .map_err(|e| said(&e))?;
    // Both in this task: a probe that is given up leaves no connection behind. One that the other side closes may have
    // had its answer just before.
    let mut answer = pin!(sender.send_request(request));
    let answer = tokio::select! {
        answer = &mut answer => answer,
        _ = connection => answer.await,
    };
    let answer = answer.map_err(|e| said(&e))?;
    match answer.status().as_u16() {
        200..400 => Ok(()),
        status => Err(said(&format!("status {status}"))),
    }
}

/// Counts equal answers in a row.
#[derive(Debug)]
struct Judge {
    failures: u32,
    successes: u32,
    last: Option<bool>,
    run: u32,
}

impl Judge {
    fn new(failures: u32, successes: u32) -> Self {
        Self {
            failures,
            successes,
            last: None,
            run: 0,
        }
    }

    /// Whether the answer came as often as it must to count.
    fn hear(&mut self, good: bool) -> bool {
        self.run = if self.last == Some(good) {
            self.run.saturating_add(1)
        } else {
            1
        };
        self.last = Some(good);
        self.run >= if good { self.successes } else { self.failures }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_counts_when_it_comes_often_enough_in_a_row() {
        let mut judge = Judge::new(3, 2);
        let mut hear = |answers: &str| -> String {
            let counts = |answer: char| {
                if judge.hear(answer == '+') {
                    answer
                } else {
                    '.'
                }
            };
            answers.chars().map(counts).collect()
        };
        assert_eq!(hear("+++"), ".++");
        assert_eq!(hear("--+---++"), ".....-.+");
    }

    #[test]
    fn a_port_is_found_by_its_name() {
        let container = |port| -> Container {
            serde_json::from_value(json!({
                "name": "c",
                "ports": [{ "name": "probes", "containerPort": 8081 }],
                "readinessProbe": { "httpGet": { "path": "/readyz", "port": port }, "failureThreshold": 2 },
            }))
            .unwrap()
        };
        let plan = |port| Plan::of(&container(port), Kind::Readiness);
        for port in [json!("probes"), json!(8081)] {
            let plan = plan(port).unwrap().unwrap();
            assert_eq!((plan.port, plan.path.as_str()), (8081, "/readyz"));
            assert_eq!((plan.failures, plan.successes), (2, 1));
            assert_eq!(plan.period, Duration::from_secs(10));
        }
        let refused = plan(json!("other")).unwrap_err();
        assert!(refused.contains("other"), "{refused}");
        let none = Plan::of(&container(json!(1)), Kind::Liveness);
        assert!(none.unwrap().is_none());
    }
}
