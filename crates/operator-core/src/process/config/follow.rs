//! Follows the mounted ConfigMap for as long as the operator runs.

use std::{
    collections::BTreeMap, ffi::OsString, fmt, fs, io, path::Path, sync::Arc, time::Duration,
};

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

/// How the settings of a program are followed.
#[derive(Clone, Copy, Debug)]
pub struct Rules<P> {
    /// Those that every operator has.
    pub common: fn(&P) -> &Common,
    /// Whether the program could start with them. A change that takes a restart is refused where it could not:
    /// otherwise all replicas would stop for it, and none come back.
    pub could_start: fn(&P) -> Result<(), String>,
    /// Its own that take effect at once, by their environment names; it is told of them by [`Anew`].
    pub live: &'static [&'static str],
}

/// Follows the settings that a process was started with.
pub struct Follower<P> {
    rules: Rules<P>,
    anew: watch::Sender<Option<Arc<P>>>,
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

/// A program's settings as they are read anew, whenever some have changed that take effect at once. By default
/// nobody follows them, and they never are.
pub struct Anew<P>(Option<watch::Receiver<Option<Arc<P>>>>);

impl<P> Anew<P> {
    /// Waits until they have changed again.
    pub async fn next(&mut self) -> Arc<P> {
        loop {
            let changed = match &mut self.0 {
                Some(settings) => settings.changed().await.ok().map(|()| settings),
                None => None,
            };
            // Nobody follows them, or not any more.
            let Some(settings) = changed else {
                return std::future::pending().await;
            };
            if let Some(settings) = &*settings.borrow_and_update() {
                return settings.clone();
            }
        }
    }
}

impl<P> Default for Anew<P> {
    fn default() -> Self {
        Self(None)
    }
}

impl<P> Clone for Anew<P> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<P> fmt::Debug for Anew<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Anew(..)")
    }
}

impl<P: Parser + 'static> Follower<P> {
    /// Follows what `loaded` was read from, the command line and the environment of this process included.
    pub fn new(loaded: &Loaded<P>, rules: Rules<P>, clock: Clock) -> Self {
        Self::by(loaded, rules, clock, load_again)
    }

    /// Follows what `load` reads.
    pub fn by(
        loaded: &Loaded<P>,
        rules: Rules<P>,
        clock: Clock,
        load: impl Fn() -> Result<Loaded<P>, ConfigError> + Send + 'static,
    ) -> Self {
        Self {
            refused: watch::Sender::new(None),
            live: watch::Sender::new(Live::of((rules.common)(&loaded.settings))),
            anew: watch::Sender::new(None),
            rules,
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

    /// For the program, whose own settings are among those that take effect at once.
    pub fn anew(&self) -> Anew<P> {
        Anew(Some(self.anew.subscribe()))
    }

    /// Ends when something has changed that takes a restart; of the rest it tells
    /// [`followed`](Self::followed) and [`anew`](Self::anew), and `level` of
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
            if news.live.is_empty() {
                continue;
            }
            let live = Live::of((self.rules.common)(&loaded.settings));
            self.live.send_replace(live);
            self.anew.send_replace(Some(Arc::new(loaded.settings)));
            level(live.log_level);
            tracing::info!(
                changed = news.live.join(", "),
                "settings that were changed are in force"
            );
        }
    }

    /// What is to hold from now on, and what is new in it.
    fn read(&self) -> Result<(Loaded<P>, News), String> {
        let loaded = (self.load)().map_err(|refused| refused.to_string())?;
        let news = News::between(&self.values, &loaded.values, self.rules.live);
        if !news.restart.is_empty() {
            (self.rules.could_start)(&loaded.settings)?;
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
