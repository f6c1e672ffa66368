//! Requests through gateways, and the servers behind them.

use std::net::SocketAddr;

use anyhow::Result;
use axum::{Router, extract::Request};
use bytes::Bytes;
use gateway::Gateway;
use harness::wait;
use http_body_util::{BodyExt, Empty};
use hyper_util::{client::legacy::Client, rt::TokioExecutor};
use tokio::net::TcpListener;

use super::PATIENCE;

/// A server that answers every request with its name; it ends with the test.
pub async fn origin(name: &'static str) -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let app = Router::new().fallback(move |request: Request| async move {
        format!("{name} {} {}", request.method(), request.uri().path())
    });
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

/// What a gateway answers to GET `path`: the status, and the body.
pub async fn get(gateway: &Gateway, path: &str) -> Result<(u16, String)> {
    let client: Client<_, Empty<Bytes>> = Client::builder(TokioExecutor::new()).build_http();
    let answer = client
        .get(format!("{}{path}", gateway.url()).parse()?)
        .await?;
    let status = answer.status().as_u16();
    let body = answer.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}

/// Waits until a gateway answers GET `path` so.
pub async fn answers(gateway: &Gateway, path: &str, status: u16, body: &str) -> Result<()> {
    let what = format!("GET {path} is answered with {status} {body:?}");
    let asking = wait::until(&what, PATIENCE, || async {
        let answer = get(gateway, path)
            .await
            .map_err(|error| error.to_string())?;
        match answer == (status, body.to_owned()) || (answer.0 == status && body.is_empty()) {
            true => Ok(()),
            false => Err(format!("{answer:?}")),
        }
    });
    Box::pin(asking).await
}
