//! Where kept parts lie: in a bucket of moto's that nobody else knows, so that several proxies before one moto agree.

use anyhow::{Context, Result, ensure};
use bytes::Bytes;
use http::{Method, Response, StatusCode};
use serde::Deserialize;
use tokio::sync::OnceCell;

use super::server::{Server, read};
use crate::aws::operation::Scope;

const BUCKET: &str = "overlay.keeps";

/// The parts of buckets that the overlay keeps.
pub(super) struct Keeper {
    made: OnceCell<()>,
}

impl Keeper {
    pub(super) fn new() -> Self {
        Self {
            made: OnceCell::new(),
        }
    }

    /// What is kept of a part of `bucket`; `id` is empty where there is one only.
    pub(super) async fn get(
        &self,
        server: &Server,
        bucket: &str,
        part: &str,
        id: &str,
    ) -> Result<Option<String>> {
        let path = format!("/{BUCKET}/{bucket}/{part}/{id}-");
        let found = self.ask(server, Method::GET, &path, String::new()).await?;
        match found.status() {
            StatusCode::NOT_FOUND => Ok(None),
            _ => Ok(Some(String::from_utf8(found.body().to_vec())?)),
        }
    }

    pub(super) async fn put(
        &self,
        server: &Server,
        bucket: &str,
        part: &str,
        id: &str,
        xml: String,
    ) -> Result<()> {
        let path = format!("/{BUCKET}/{bucket}/{part}/{id}-");
        let put = self.ask(server, Method::PUT, &path, xml).await?;
        ensure!(put.status().is_success(), "moto answered {}", put.status());
        Ok(())
    }

    pub(super) async fn remove(
        &self,
        server: &Server,
        bucket: &str,
        part: &str,
        id: &str,
    ) -> Result<()> {
        let path = format!("/{BUCKET}/{bucket}/{part}/{id}-");
        self.ask(server, Method::DELETE, &path, String::new())
            .await?;
        Ok(())
    }

    /// The ids of what is kept of a part, in order.
    pub(super) async fn ids(
        &self,
        server: &Server,
        bucket: &str,
        part: &str,
    ) -> Result<Vec<String>> {
        let prefix = format!("{bucket}/{part}/");
        let keys = self.keys(server, &prefix).await?;
        let id = |key: &String| Some(key.strip_prefix(&prefix)?.strip_suffix('-')?.to_owned());
        Ok(keys.iter().filter_map(id).collect())
    }

    /// Forgets all of a bucket.
    pub(super) async fn forget(&self, server: &Server, bucket: &str) -> Result<()> {
        for key in self.keys(server, &format!("{bucket}/")).await? {
            let path = format!("/{BUCKET}/{key}");
            self.ask(server, Method::DELETE, &path, String::new())
                .await?;
        }
        Ok(())
    }

    async fn keys(&self, server: &Server, prefix: &str) -> Result<Vec<String>> {
        let path = format!("/{BUCKET}?list-type=2&prefix={prefix}");
        let listed = self.ask(server, Method::GET, &path, String::new()).await?;
        let listed: Listed = read(&listed).context("what is kept")?;
        Ok(listed.contents.into_iter().map(|it| it.key).collect())
    }

    async fn ask(
        &self,
        server: &Server,
        method: Method,
        path: &str,
        body: String,
    ) -> Result<Response<Bytes>> {
        let make = async || {
            let made = server
                .ask(
                    &scope(),
                    Method::PUT,
                    &format!("/{BUCKET}"),
                    "",
                    String::new(),
                )
                .await?;
            ensure!(
                made.status().is_success(),
                "moto answered {}",
                made.status()
            );
            Ok(())
        };
        self.made.get_or_try_init(make).await?;
        server
            .ask(&scope(), method, path, "application/xml", body)
            .await
    }
}

fn scope() -> Scope {
    Scope {
        access_key: "AKIAOVERLAY".into(),
        region: "us-east-1".into(),
        service: "s3".into(),
    }
}

#[derive(Deserialize)]
struct Listed {
    #[serde(rename = "Contents", default)]
    contents: Vec<Key>,
}

#[derive(Deserialize)]
struct Key {
    #[serde(rename = "Key")]
    key: String,
}
