//! What containers have written, for the API server, which asks a node for it as it would ask a kubelet.

use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::Result;
use axum::Router;
use axum::extract::{self, RawQuery, State};
use axum::http::StatusCode;
use axum::routing::get;
use harness::{Family, TlsFront};
use k8s_openapi::api::core::v1::Pod;
use kube::api::Api;
use kube::{Client, ResourceExt};
use tokio::net::TcpListener;
use tokio::task::JoinSet;

/// A server of logs, until it is dropped.
#[derive(Debug)]
pub struct Logs {
    front: TlsFront,
    _serving: JoinSet<std::io::Result<()>>,
}

#[derive(Clone)]
struct Kept {
    client: Client,
    folder: PathBuf,
}

impl Logs {
    /// Serves, at this address, the logs in a folder of Pods. Whoever can reach it may read: only Pods can.
    ///
    /// # Errors
    /// When the address is not one of this process's network.
    pub async fn serve(address: IpAddr, client: Client, folder: PathBuf) -> Result<Self> {
        let listener = TcpListener::bind((Family::of(address).loopback(), 0)).await?;
        let front = TlsFront::at(address, listener.local_addr()?, &[]).await?;
        let app = Router::new()
            .route("/containerLogs/{namespace}/{pod}/{container}", get(log))
            .with_state(Kept { client, folder });
        let mut serving = JoinSet::new();
        serving.spawn(async move { axum::serve(listener, app).await });
        Ok(Self {
            front,
            _serving: serving,
        })
    }

    /// Its port.
    pub fn port(&self) -> u16 {
        self.front.address().port()
    }
}

/// Where the log of a Pod is kept, both streams of its container.
pub fn file(pods: &Path, pod: &Pod) -> PathBuf {
    pods.join(pod.uid().unwrap_or_default()).join("log")
}

/// The log of a Pod's only container.
async fn log(
    State(kept): State<Kept>,
    extract::Path((namespace, pod, _container)): extract::Path<(String, String, String)>,
    RawQuery(query): RawQuery,
) -> Result<String, (StatusCode, String)> {
    if let Some(wish) = query.filter(|it| !it.is_empty()) {
        let why = format!("this node tells all that was written so far, and knows no {wish}");
        return Err((StatusCode::BAD_REQUEST, why));
    }
    let unknown = |error: String| (StatusCode::NOT_FOUND, error);
    let pods: Api<Pod> = Api::namespaced(kept.client, &namespace);
    let found = pods.get(&pod).await.map_err(|e| unknown(e.to_string()))?;
    let read = fs::read(file(&kept.folder, &found));
    let bytes = read.map_err(|e| unknown(format!("it was not started: {e}")))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}
