//! A mounted ConfigMap that changes.

use std::{
    fs,
    os::unix::fs::symlink,
    path::{Path, PathBuf},
    pin::pin,
    task::Poll,
    time::Duration,
};

use clap::Parser;
use futures::poll;
use operator_core::{
    decide::clock::Clock,
    process::config::{
        self, Anew, Common, Follower, GoDuration, Inputs, Live, Loaded, LogLevel, Rules, load,
    },
};
use tempfile::TempDir;
use tokio::{sync::watch, task::JoinHandle};

#[derive(Debug, Parser)]
struct Settings {
    #[command(flatten)]
    common: Common,
    /// Who is greeted.
    #[arg(long, env = "GREETED", default_value = "nobody")]
    greeted: String,
    /// How long nothing is said.
    #[arg(long, env = "PAUSE", default_value = "1m")]
    pause: GoDuration,
    /// A file that there must be.
    #[arg(long, env = "WORDS")]
    words: Option<PathBuf>,
}

/// As the start of an operator finds out.
fn could_start(settings: &Settings) -> Result<(), String> {
    let Some(words) = &settings.words else {
        return Ok(());
    };
    let read = fs::read(words).map(|_| ());
    read.map_err(|why| format!("WORDS {}: {why}", words.display()))
}

const RULES: Rules<Settings> = Rules {
    common: |settings| &settings.common,
    could_start,
    live: &["PAUSE"],
};

fn read(folder: &Path) -> Loaded<Settings> {
    loaded(folder).expect("settings")
}

fn loaded(folder: &Path) -> Result<Loaded<Settings>, operator_core::process::config::ConfigError> {
    let args = ["example-operator", "--leader-elect=false", "--greeted=all"];
    load(&Inputs {
        args: args.into_iter().map(Into::into).collect(),
        env: &|name| (name == "CONFIG_DIR").then(|| folder.into()),
        facts: &[],
    })
}

/// A folder that is followed.
struct Followed {
    clock: Clock,
    folder: TempDir,
    live: watch::Receiver<Live>,
    refused: watch::Receiver<Option<String>>,
    anew: Anew<Settings>,
    restart: JoinHandle<()>,
}

impl Followed {
    /// With these files at first, as the kubelet mounts them.
    fn from(files: &[(&str, &str)]) -> Self {
        let folder = TempDir::new().unwrap();
        publish(folder.path(), "..1", files);
        let (clock, loaded) = (Clock::system(), read(folder.path()));
        assert_eq!(loaded.settings.greeted, "all");
        let path = folder.path().to_owned();
        let again = path.clone();
        let load = move || self::loaded(&again);
        let follower = Follower::by(&loaded, RULES, clock.clone(), load);
        let config::Followed { live, refused } = follower.followed();
        let anew = follower.anew();
        let restart =
            tokio::spawn(async move { follower.restart_needed(Some(&path), |_| {}).await });
        Self {
            clock,
            folder,
            live,
            refused,
            anew,
            restart,
        }
    }

    fn publish(&self, version: &str, files: &[(&str, &str)]) {
        publish(self.folder.path(), version, files);
    }

    /// Lets time go on until it is said why what was published does not hold, or that it does.
    async fn judged(&mut self) -> Option<String> {
        self.refused.mark_unchanged();
        while !self.refused.has_changed().expect("it is followed") {
            self.clock.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
        }
        self.refused.borrow_and_update().clone()
    }

    /// Lets time go on until what holds has changed.
    async fn changed(&mut self) -> Live {
        loop {
            self.clock.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
            if self.live.has_changed().unwrap_or_default() {
                return *self.live.borrow_and_update();
            }
            assert!(!self.restart.is_finished(), "no restart was needed");
        }
    }
}

/// Swaps the files as the kubelet does: by a symbolic link to a folder with all of them.
fn publish(folder: &Path, version: &str, files: &[(&str, &str)]) {
    let target = folder.join(version);
    fs::create_dir(&target).unwrap();
    for (name, value) in files {
        fs::write(target.join(name), value).unwrap();
        let visible = folder.join(name);
        if !visible.exists() {
            symlink(Path::new("..data").join(name), visible).unwrap();
        }
    }
    symlink(version, folder.join("..data.new")).unwrap();
    fs::rename(folder.join("..data.new"), folder.join("..data")).unwrap();
}

#[tokio::test]
async fn levels_intervals_and_limits_change_without_a_restart() {
    let first = [
        ("LOG_LEVEL", "info"),
        ("RECONCILE_INTERVAL", "5m"),
        ("RECONCILE_TIMEOUT", "2m"),
        ("API_WRITE_RATE", "100"),
        ("MAX_CONCURRENT_RECONCILES", "4"),
    ];
    let mut followed = Followed::from(&first);
    let before = *followed.live.borrow_and_update();
    followed.publish(
        "..2",
        &[
            ("LOG_LEVEL", "debug"),
            ("RECONCILE_INTERVAL", "1h"),
            ("RECONCILE_TIMEOUT", "1m"),
            ("API_WRITE_RATE", "0"),
            ("MAX_CONCURRENT_RECONCILES", "8"),
        ],
    );
    let now = followed.changed().await;
    assert_eq!(now.log_level, LogLevel::Debug);
    assert_eq!(now.reconcile_interval, Duration::from_secs(3600));
    assert_eq!(now.reconcile_timeout, Duration::from_secs(60));
    assert_eq!(now.api_writes, None);
    assert_eq!(now.max_concurrent_reconciles.get(), 8);
    // And back again.
    followed.publish("..3", &first);
    assert_eq!(followed.changed().await, before);
}

#[tokio::test]
async fn settings_of_a_programs_own_change_without_a_restart() {
    let mut followed = Followed::from(&[("PAUSE", "1m"), ("LOG_LEVEL", "info")]);
    for (version, pause, seconds) in [("..2", "1h", 3600), ("..3", "1s", 1)] {
        followed.publish(version, &[("PAUSE", pause), ("LOG_LEVEL", "info")]);
        let mut anew = followed.anew.clone();
        let mut next = pin!(anew.next());
        let settings = loop {
            followed.clock.advance(Duration::from_secs(10));
            tokio::task::yield_now().await;
            if let Poll::Ready(settings) = poll!(&mut next) {
                break settings;
            }
            assert!(!followed.restart.is_finished(), "no restart was needed");
        };
        assert_eq!(settings.pause.0, Duration::from_secs(seconds));
        followed.anew.next().await;
    }
    assert_eq!(followed.live.borrow().log_level, LogLevel::Info);
}

#[tokio::test]
async fn what_is_refused_changes_nothing() {
    let mut followed = Followed::from(&[("LOG_LEVEL", "info")]);
    let before = *followed.live.borrow_and_update();
    followed.publish("..2", &[("LOG_LEVEL", "loud"), ("GREETED", "somebody")]);
    // Looked at while it is so, for the next one comes only after that.
    for _ in 0..20 {
        followed.clock.advance(Duration::from_secs(10));
        tokio::task::yield_now().await;
    }
    assert_eq!(*followed.live.borrow(), before);
    assert!(!followed.restart.is_finished());
    followed.publish("..3", &[("LOG_LEVEL", "warn"), ("GREETED", "somebody")]);
    let now = followed.changed().await;
    assert_eq!(now.log_level, LogLevel::Warn, "a flag wins over GREETED");
}

#[tokio::test]
async fn what_a_start_would_refuse_does_not_end_what_runs() {
    let mut followed = Followed::from(&[("LOG_LEVEL", "info")]);
    let words = followed.folder.path().join("..words");
    let named = words.to_str().expect("a path of text").to_owned();
    let change = [("LOG_LEVEL", "debug"), ("WORDS", named.as_str())];
    followed.publish("..2", &change);
    let refused = followed.judged().await.expect("it is refused");
    assert!(refused.starts_with("WORDS "), "{refused}");
    assert!(!followed.restart.is_finished());
    let before = followed.live.borrow().log_level;
    assert_eq!(before, LogLevel::Info, "all of it, or nothing");

    // Taken back, it is forgotten.
    followed.publish("..3", &[("LOG_LEVEL", "info")]);
    fs::remove_file(followed.folder.path().join("WORDS")).unwrap();
    while followed.judged().await.is_some() {}

    // The file may come later than its name.
    followed.publish("..4", &change);
    assert!(followed.judged().await.is_some());
    fs::write(&words, "hello").unwrap();
    let Followed { clock, restart, .. } = followed;
    while !restart.is_finished() {
        clock.advance(Duration::from_secs(10));
        tokio::task::yield_now().await;
    }
    restart.await.unwrap();
}

#[tokio::test]
async fn whatever_else_changes_takes_a_restart() {
    let followed = Followed::from(&[("LOG_FORMAT", "human")]);
    followed.publish("..2", &[("LOG_FORMAT", "json")]);
    let Followed { clock, restart, .. } = followed;
    while !restart.is_finished() {
        clock.advance(Duration::from_secs(10));
        tokio::task::yield_now().await;
    }
    restart.await.unwrap();
}

#[tokio::test]
async fn without_a_config_map_nothing_is_followed() {
    let folder = TempDir::new().unwrap();
    let (clock, loaded) = (Clock::system(), read(folder.path()));
    let follower = Follower::new(&loaded, RULES, clock.clone());
    let mut restart = pin!(follower.restart_needed(None, |_| {}));
    assert!(poll!(&mut restart).is_pending());
    clock.advance(Duration::from_secs(3600));
    assert!(poll!(&mut restart).is_pending());
}
