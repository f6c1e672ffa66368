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
    could_start: fn(&P) -> Result<(), String>,
    live: watch::Sender<Live>,
    refused: watch::Sender<Option<String>>,
    values: Values,
    load: Box<dyn Fn() -> Result<Loaded<P>, ConfigError> + Send>,
    clock: Clock,
}

/// What an operator knows of the settings that are followed.
#[derive(Clone, Debug)]
pub struct Followed {
    /// What holds at the moment.
    pub live: watch::Receiver<Live>,
    /// Why what the ConfigMap says does not hold, if it does not.
    pub refused: watch::Receiver<Option<String>>,
}

impl<P: Parser + 'static> Follower<P> {
    /// Follows what `loaded` was read from, the command line and the environment of this process included. A change
    /// that takes a restart is refused where `could_start` says that a start would fail: otherwise all replicas
    /// would stop for it, and none come back.
    pub fn new(
        loaded: &Loaded<P>,
        common: fn(&P) -> &Common,
        could_start: fn(&P) -> Result<(), String>,
        clock: Clock,
    ) -> Self {
        Self::by(loaded, common, could_start, clock, load_again)
    }

    /// Follows what `load` reads.
    pub fn by(
        loaded: &Loaded<P>,
        common: fn(&P) -> &Common,
        could_start: fn(&P) -> Result<(), String>,
        clock: Clock,
        load: impl Fn() -> Result<Loaded<P>, ConfigError> + Send + 'static,
    ) -> Self {
        Self {
            common,
            could_start,
            refused: watch::Sender::new(None),
            live: watch::Sender::new(Live::of(common(&loaded.settings))),
            values: loaded.values.clone(),
            load: Box::new(load),
            clock,
        }
    }

    /// For the operator itself.
    pub fn followed(&self) -> Followed {
        Followed {
            live: self.live.subscribe(),
            refused: self.refused.subscribe(),
        }
    }

    /// Ends when something has changed that takes a restart; of the rest it tells
    /// [`followed`](Self::followed), and `level` of
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
            // Why it is refused may lie in other files than these.
            if known.as_ref() == Some(&now) && self.refused.borrow().is_none() {
                continue;
            }
            known = Some(now);
            let read = self.read();
            self.note(read.as_ref().err());
            let Ok((loaded, news)) = read else { continue };
            for warning in &loaded.warnings {
                tracing::warn!("{warning}");
            }
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

    /// What is to hold from now on, and what is new in it.
    fn read(&self) -> Result<(Loaded<P>, News), String> {
        let loaded = (self.load)().map_err(|refused| refused.to_string())?;
        let news = News::between(&self.values, &loaded.values);
        if !news.restart.is_empty() {
            (self.could_start)(&loaded.settings)?;
        }
        Ok((loaded, news))
    }

    /// Notes whether what the ConfigMap says is refused; says so in the log where that is news.
    fn note(&self, refused: Option<&String>) {
        let before = self.refused.send_replace(refused.cloned());
        match refused {
            Some(why) if before.as_ref() != refused => tracing::warn!(
                "the mounted ConfigMap has changed and is refused, so that what was read before holds: {why}"
            ),
            None if before.is_some() => tracing::info!("the mounted ConfigMap is accepted again"),
            _ => {}
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
