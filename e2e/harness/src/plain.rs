//! Plain HTTP requests to this machine.

use anyhow::{Context, Result};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::client::legacy::Client;
use hyper_util::rt::TokioExecutor;

/// Gets what is there.
///
/// # Errors
/// When there is no answer.
pub async fn get(url: &str) -> Result<(StatusCode, String)> {
    ask(Method::GET, url, "", "").await
}

/// Sends a request with this `Authorization`, which may be empty, and reads the whole answer.
///
/// # Errors
/// When there is none.
pub async fn ask(
    method: Method,
    url: &str,
    authorization: &str,
    body: &str,
) -> Result<(StatusCode, String)> {
    let request = Request::builder()
        .method(method)
        .uri(url)
        .header(AUTHORIZATION, authorization)
        .body(Full::new(Bytes::copy_from_slice(body.as_bytes())))?;
    let client = Client::builder(TokioExecutor::new()).build_http();
    let answer = client
        .request(request)
        .await
        .with_context(|| url.to_owned())?;
    let status = answer.status();
    let body = answer.into_body().collect().await?.to_bytes();
    Ok((status, String::from_utf8_lossy(&body).into_owned()))
}
