//! A gateway's life: register, read the stream, acknowledge, dial again.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use apigw_protocol::{
    AcknowledgeConfigurationRequest, ConfigurationUpdate, GatewayCapabilities,
    RegisterGatewayRequest, StreamConfigurationRequest,
};
use operator_core::decide::clock::Moment;
use tokio::time::timeout;
use tonic::{Code, Status, Streaming};

use crate::behaviour::{Behaviour, Loss, Stuck};
use crate::event::{Event, Outcome, Phase};
use crate::heartbeat;
use crate::link::Link;
use crate::shared::Shared;
use crate::violations;

/// A registration, with the application of what comes with it, takes no longer.
const REGISTRATION: Duration = Duration::from_secs(10);
/// Between two heartbeats, unless the operator says otherwise.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Runs until the process of a real gateway would have ended.
pub(crate) async fn run(shared: Arc<Shared>) {
    let Some(answer) = start(&shared).await else {
        shared.phase(Phase::GaveUp);
        return;
    };
    let Some(interval) = answer.heartbeat else {
        shared.disconnected();
        shared.cut();
        shared.phase(Phase::Crashed);
        return;
    };
    tokio::join!(
        heartbeat::run(&shared, interval),
        streams(&shared, answer.link)
    );
}

struct Registration {
    link: Link,
    /// `None` for an interval that makes a ticker panic.
    heartbeat: Option<Duration>,
}

async fn start(shared: &Shared) -> Option<Registration> {
    let mut failures = 0;
    loop {
        match register(shared).await {
            Ok(answer) => {
                if answer.heartbeat.is_none() {
                    let text = "heartbeat_interval is zero or less: the gateway's process ends";
                    shared.violation(text.into());
                }
                return Some(answer);
            }
            Err(error) => {
                failures += 1;
                failed(shared, &error);
                let wait = shared.options.start.after(failures)?;
                shared.options.clock.sleep(wait).await;
            }
        }
    }
}

async fn reconnect(shared: &Shared) -> Link {
    let mut failures = 0;
    loop {
        failures += 1;
        // It never stops trying, whatever the settings say of a start.
        let longest = shared.options.reconnect.longest;
        let wait = shared.options.reconnect.after(failures);
        shared.options.clock.sleep(wait.unwrap_or(longest)).await;
        match register(shared).await {
            // The ticker was made at the start: another interval is not looked at.
            Ok(answer) => return answer.link,
            Err(error) => failed(shared, &error),
        }
    }
}

fn failed(shared: &Shared, error: &anyhow::Error) {
    // The answer may have come, and applying what came with it may have taken too long.
    shared.disconnected();
    let error = format!("{error:#}");
    shared.note(Event::RegistrationFailed { error });
}

async fn register(shared: &Shared) -> Result<Registration> {
    let registering = async {
        let link = Link::dial(&shared.options).await?;
        let request = registration(shared);
        let answered = link.client().register_gateway(request).await;
        let answer = answered.inspect_err(|status| judge(shared, status))?;
        let answer = answer.into_inner();
        if !answer.success {
            bail!("the operator refused: {}", answer.error_message);
        }
        let heartbeat = match answer.heartbeat_interval {
            None => Some(HEARTBEAT),
            Some(given) => Duration::try_from(given).ok().filter(|it| !it.is_zero()),
        };
        shared.registered(&answer.session_id, link.clone());
        if let Some(snapshot) = answer.initial_config {
            pause(shared).await;
            shared.initial(snapshot);
        }
        Ok(Registration { link, heartbeat })
    };
    let result = timeout(REGISTRATION, registering).await;
    result.with_context(|| format!("no registration within {REGISTRATION:?}"))?
}

fn registration(shared: &Shared) -> RegisterGatewayRequest {
    let mut gateway = shared.info();
    gateway.version = env!("CARGO_PKG_VERSION").into();
    gateway.pod_name.clone_from(&shared.options.pod);
    RegisterGatewayRequest {
        gateway: Some(gateway),
        capabilities: Some(GatewayCapabilities {
            http_routes: true,
            grpc_routes: true,
            websocket: true,
            tls_termination: true,
            mtls: true,
            rate_limiting: true,
            circuit_breaker: true,
            caching: true,
            max_config_size: 0,
        }),
    }
}

async fn streams(shared: &Shared, mut link: Link) {
    loop {
        let end = stream(shared, &link).await;
        if end == End::Deaf {
            shared.phase(Phase::Deaf);
            return;
        }
        shared.disconnected();
        shared.phase(Phase::Reconnecting);
        link = reconnect(shared).await;
    }
}

#[derive(PartialEq)]
enum End {
    /// The gateway dials again.
    Broken,
    /// It never does.
    Deaf,
}

async fn stream(shared: &Shared, link: &Link) -> End {
    let request = StreamConfigurationRequest {
        session_id: shared.session(),
        gateway: Some(shared.info()),
        last_config_version: shared.version(),
        namespaces: shared.options.namespaces.clone(),
        resource_types: vec![],
    };
    let mut updates = match link.client().stream_configuration(request).await {
        Ok(answer) => answer.into_inner(),
        Err(status) => return ended(shared, &status),
    };
    let mut first = true;
    loop {
        match next(shared, &mut updates).await {
            Ok(Some(update)) => {
                if let Some(end) = handle(shared, link, &update, first).await {
                    return end;
                }
                first = false;
            }
            Ok(None) => {
                let reason = "OK".into();
                shared.note(Event::StreamEnded { reason });
                return End::Broken;
            }
            Err(status) => return ended(shared, &status),
        }
    }
}

/// The stream's next update, once the gateway reads.
async fn next(
    shared: &Shared,
    updates: &mut Streaming<ConfigurationUpdate>,
) -> Result<Option<ConfigurationUpdate>, Status> {
    let hangs = |behaviour: &Behaviour| behaviour.stuck == Some(Stuck::Reading);
    let mut behaviour = shared.behaviour.subscribe();
    loop {
        // The sender lives as long as `shared`.
        let _ = behaviour.wait_for(|it| !hangs(it)).await;
        tokio::select! {
            biased;
            _ = behaviour.wait_for(hangs) => {}
            message = updates.message() => return message,
        }
    }
}

fn ended(shared: &Shared, status: &Status) -> End {
    judge(shared, status);
    let code = if violations::too_large(status) {
        Code::ResourceExhausted
    } else {
        status.code()
    };
    let reason = format!("{code:?}: {}", status.message());
    shared.note(Event::StreamEnded { reason });
    if violations::cancelled(status) {
        End::Deaf
    } else {
        End::Broken
    }
}

fn judge(shared: &Shared, status: &Status) {
    if let Some(text) = violations::of_status(status) {
        shared.violation(format!(
            "{text} ({:?}: {})",
            status.code(),
            status.message()
        ));
    }
}

/// Processes one update and acknowledges it; the stream's end if that breaks it.
async fn handle(
    shared: &Shared,
    link: &Link,
    update: &ConfigurationUpdate,
    first: bool,
) -> Option<End> {
    let since = shared.options.clock.now();
    pause(shared).await;
    let outcome = shared.process(update, first, since);
    if outcome == Outcome::Dropped {
        return None;
    }

    let hangs = |behaviour: &Behaviour| behaviour.stuck == Some(Stuck::Acknowledging);
    let mut behaviour = shared.behaviour.subscribe();
    let _ = behaviour.wait_for(|it| !hangs(it)).await;
    let loses = shared.behaviour().loses;
    let version = update.version.clone();
    match loses {
        None => {
            acknowledge(shared, link, version, outcome, since).await;
            None
        }
        Some(Loss::Acknowledgement) => {
            let reason = "it gets lost".into();
            shared.note(Event::NotAcknowledged { version, reason });
            None
        }
        Some(Loss::Connection) => {
            link.cut();
            let reason = "the connection gets lost".to_owned();
            let lost = reason.clone();
            shared.note(Event::NotAcknowledged { version, reason });
            shared.note(Event::StreamEnded { reason: lost });
            Some(End::Broken)
        }
    }
}

/// A slow gateway's work.
async fn pause(shared: &Shared) {
    let takes = shared.behaviour().apply_takes;
    if !takes.is_zero() {
        shared.options.clock.sleep(takes).await;
    }
}

async fn acknowledge(
    shared: &Shared,
    link: &Link,
    version: String,
    outcome: Outcome,
    since: Moment,
) {
    let took = shared.options.clock.now().since(since);
    let error_message = match outcome {
        Outcome::Refused(text) => text,
        Outcome::Applied | Outcome::Nothing | Outcome::Swallowed(_) | Outcome::Dropped => {
            String::new()
        }
    };
    let success = error_message.is_empty();
    let request = AcknowledgeConfigurationRequest {
        session_id: shared.session(),
        gateway: Some(shared.info()),
        config_version: version.clone(),
        success,
        error_message,
        apply_duration: took.try_into().ok(),
    };
    match link.client().acknowledge_configuration(request).await {
        Ok(_) => shared.acknowledged(&version, success),
        Err(status) => {
            let reason = format!("{:?}: {}", status.code(), status.message());
            shared.note(Event::NotAcknowledged { version, reason });
        }
    }
}
