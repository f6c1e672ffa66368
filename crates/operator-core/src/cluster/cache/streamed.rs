//! Lists that come as the beginning of a watch: one request and no pages, neither here nor in the API server.

use http::{Request, Uri};
use kube::{
    Client,
    client::Body,
    runtime::watcher::{Config, Error},
};
use tower::service_fn;

use super::follow::WATCH_SECONDS;
use crate::cluster::refusal::code;

/// What is wrong with a streamed list that ends early.
pub(super) const CUT: &str = "watch: the stream ended before the list was complete";

/// How the next list is asked for, and whether one is under way.
///
/// What goes wrong amid a streamed list may go wrong amid each: then pages are asked for, until a list is complete.
#[derive(Debug, Default)]
pub(super) struct List {
    paged: bool,
    under_way: bool,
}

impl List {
    /// What kube's watcher is to do.
    pub(super) fn form(&self) -> Config {
        let config = Config::default().timeout(WATCH_SECONDS);
        match self.paged {
            true => config,
            false => config.streaming_lists(),
        }
    }

    pub(super) fn is_under_way(&self) -> bool {
        self.under_way
    }

    /// Whether a watch failed because the API server streams no lists, as those before Kubernetes 1.34 may not.
    pub(super) fn is_refused(&self, error: &Error) -> bool {
        !self.paged && matches!(error, Error::WatchStartFailed(error) if code(error) == Some(422))
    }

    pub(super) fn begins(&mut self) {
        self.under_way = true;
    }

    pub(super) fn is_complete(&mut self) {
        *self = Self::default();
    }

    /// It was refused, or broken off.
    pub(super) fn failed(&mut self) {
        *self = Self {
            paged: true,
            under_way: false,
        };
    }
}

/// The client, but that a streamed list is of what is there now.
///
/// kube asks for version 0 or newer, which is whatever the API server remembers: maybe a state before our own last
/// writes. Where no version is named, it first makes sure that it knows all (Kubernetes documentation, "API concepts",
/// "Streaming lists").
pub(super) fn newest(client: &Client) -> Client {
    let inner = client.clone();
    let service = service_fn(move |mut request: Request<Body>| {
        if let Some(newest) = of_the_newest(request.uri()) {
            *request.uri_mut() = newest;
        }
        let client = inner.clone();
        async move { client.send(request).await }
    });
    Client::new(service, client.default_namespace())
}

fn of_the_newest(uri: &Uri) -> Option<Uri> {
    let query = uri.query()?;
    if !query.split('&').any(|it| it == "sendInitialEvents=true") {
        return None;
    }
    let kept = query.split('&').filter(|it| *it != "resourceVersion=0");
    let kept = kept.collect::<Vec<_>>().join("&");
    format!("{}?{kept}", uri.path()).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_version_is_named_of_a_streamed_list_alone() {
        let newest = |uri: &str| of_the_newest(&uri.parse().unwrap()).map(|uri| uri.to_string());
        assert_eq!(
            newest("/apis/g/v1/things?watch=true&sendInitialEvents=true&resourceVersion=0")
                .unwrap(),
            "/apis/g/v1/things?watch=true&sendInitialEvents=true"
        );
        assert_eq!(
            newest("/apis/g/v1/things?watch=true&resourceVersion=0"),
            None
        );
        assert_eq!(newest("/apis/g/v1/things"), None);
    }
}
