//! Follows the mounted ConfigMap for as long as the operator runs.

use std::{collections::BTreeMap, ffi::OsString, fs, io, path::Path, time::Duration};

use clap::Parser;
use tokio::sync::watch;

use super::{
    Common, ConfigError, Loaded, LogLevel,
    live::{Live, News, Values},
    load::load_again,
};
use crate::decide::clock::Clock;

/// How often the files are read. The kubelet itself takes up to a minute.
const LOOK: Duration = Duration::from_secs(10);

/// What the folder holds, by the files' names; compared by content, as the kubelet swaps it by a symbolic link.
type Content = BTreeMap<OsString, Vec<u8>>;

/// Follows the settings that a process was started with.
pub struct Follower<P> {
    common: fn(&P) -> &Common,
    live: watch::Sender<Live>,
    values: Values,
    load: Box<dyn Fn() -> Result<Loaded<P>, ConfigError> + Send>,
    clock: Clock,
}

impl<P: Parser + 'static> Follower<P> {
    /// Follows what `loaded` was read from, the command line and the environment of this process included.
    pub fn new(loaded: &Loaded<P>, common: fn(&P) -> &Common, clock: Clock) -> Self {
        Self::by(loaded, common, clock, load_again)
    }

    /// Follows what `load` reads.
    pub fn by(
        loaded: &Loaded<P>,
        common: fn(&P) -> &Common,
        clock: Clock,
        load: impl Fn() -> Result<Loaded<P>, ConfigError> + Send + 'static,
    ) -> Self {
        Self {
            common,
            live: watch::Sender::new(Live::of(common(&loaded.settings))),
            values: loaded.values.clone(),
            load: Box::new(load),
            clock,
        }
    }

    /// What holds at the moment.
    pub fn live(&self) -> watch::Receiver<Live> {
        self.live.subscribe()
    }

    /// Ends when something has changed that takes a restart; of the rest it tells [`live`](Self::live), and `level` of
    /// the level that is logged, as it changes. What is refused changes nothing. For ever where there is no ConfigMap.
    pub async fn restart_needed(mut self, loaded_from: Option<&Path>, level: impl Fn(LogLevel)) {
        let Some(folder) = loaded_from else {
            return std::future::pending().await;
        };
        // What was read before may have changed since: the first look reads all again.
        let mut known = None;
        loop {
            self.clock.sleep(LOOK).await;
            // A folder that cannot be read now is there again in a moment.
            let Ok(now) = content(folder) else { continue };
            if known.as_ref() == Some(&now) {
                continue;
            }
            known = Some(now);
            let loaded = match (self.load)() {
                Ok(loaded) => loaded,
                Err(refused) => {
                    tracing::warn!(
                        "the mounted ConfigMap has changed and is refused, so that what was read before holds: {refused}"
                    );
                    continue;
                }
            };
            for warning in &loaded.warnings {
                tracing::warn!("{warning}");
            }
            let news = News::between(&self.values, &loaded.values);
            if !news.restart.is_empty() {
                let changed = news.restart.join(", ");
                tracing::info!(
                    changed,
                    "settings have changed that take a restart: stopping in order"
                );
                return;
            }
            self.values = loaded.values;
            let live = Live::of((self.common)(&loaded.settings));
            let is_new = self.live.send_if_modified(|before| {
                let is_new = *before != live;
                *before = live;
                is_new
            });
            if is_new {
                level(live.log_level);
                tracing::info!(
                    changed = news.live.join(", "),
                    "settings that were changed are in force"
                );
            }
        }
    }
}

fn content(folder: &Path) -> io::Result<Content> {
    let mut content = Content::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        // The kubelet keeps `..data` and the like beside the files.
        if !entry.file_name().as_encoded_bytes().starts_with(b".") {
            content.insert(entry.file_name(), fs::read(entry.path())?);
        }
    }
    Ok(content)
}
