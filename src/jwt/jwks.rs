//! Where public keys come from, and when they are fetched again.
//!
//! One task fetches, so that a thousand tokens under a new key are one request. What it last got stays good while
//! fetching fails.

use std::{
    fmt,
    path::PathBuf,
    sync::Arc,
    time::{Duration, SystemTime},
};

use reqwest::Client;
use tokio::{
    sync::{Notify, watch},
    time::{Instant, sleep_until, timeout},
};
use tracing::{info, warn};

use crate::outgoing;

use super::keys::{self, Key, Ring};

/// A set of keys is far shorter (bytes).
const LONGEST: usize = 256 << 10;
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const FETCH_WITHIN: Duration = Duration::from_secs(10);

/// A file or an address.
pub enum Source {
    /// Read again when it changes.
    File(PathBuf),
    /// Asked again when a token names a key that isn't known, and now and then.
    Url(Client, String),
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::File(path) => write!(f, "{}", path.display()),
            Source::Url(_, url) => write!(f, "{url}"),
        }
    }
}

impl Source {
    /// What the configuration names: an http(s) URL, else a file.
    pub fn of(named: &str) -> Result<Self, String> {
        if !["http://", "https://"].iter().any(|scheme| named.starts_with(scheme)) {
            return Ok(Source::File(named.into()));
        }
        if named.starts_with("http://") {
            warn!("[jwt] jwks is http: who can alter it on its way signs in as anybody");
        }
        let client = outgoing::client(CONNECT_WITHIN)?.timeout(FETCH_WITHIN).build();
        Ok(Source::Url(client.map_err(|error| format!("no HTTP client: {error}"))?, named.to_owned()))
    }

    /// How often it is asked.
    pub fn pace(&self) -> Pace {
        match self {
            Source::File(_) => Pace { least: Duration::from_secs(1), most: Duration::from_secs(2) },
            Source::Url(..) => Pace { least: Duration::from_secs(30), most: Duration::from_secs(15 * 60) },
        }
    }

    /// What it holds; nothing if that is a file which has not changed since `before`.
    async fn read(&self, before: &mut Option<(SystemTime, u64)>) -> Result<Option<Ring>, String> {
        match self {
            Source::File(path) => {
                let told = tokio::fs::metadata(path).await.map_err(|error| error.to_string())?;
                let stamp = (told.modified().map_err(|error| error.to_string())?, told.len());
                if *before == Some(stamp) {
                    return Ok(None);
                }
                if told.len() > LONGEST as u64 {
                    return Err("it is too large".into());
                }
                let text = tokio::fs::read(path).await.map_err(|error| error.to_string())?;
                // One that can't be understood may be half written: it is looked at again.
                let ring = keys::read(&text)?;
                *before = Some(stamp);
                Ok(Some(ring))
            }
            Source::Url(client, url) => {
                let response = client.get(url).send().await.map_err(|error| error.without_url().to_string())?;
                if response.status() != 200 {
                    return Err(format!("it answers {}", response.status()));
                }
                let text = outgoing::collected(response, LONGEST).await.map_err(|error| format!("{error:?}"))?;
                keys::read(&text).map(Some)
            }
        }
    }
}

/// Between two fetches.
#[derive(Clone, Copy, Debug)]
pub struct Pace {
    /// No sooner than this, whatever is asked for.
    pub least: Duration,
    /// No later than this.
    pub most: Duration,
}

/// Keys that are kept up to date.
#[derive(Debug)]
pub struct KeySet {
    source: Source,
    pace: Pace,
    state: watch::Sender<State>,
    asked: Notify,
}

#[derive(Debug)]
struct State {
    ring: Arc<Ring>,
    /// How often it was fetched, or tried to be.
    times: u64,
    /// Before this it is not fetched again; nothing while that is under way.
    not_before: Option<Instant>,
}

impl KeySet {
    /// Knows nothing yet: [`KeySet::keep`] fetches.
    pub fn new(source: Source, pace: Pace) -> Arc<Self> {
        let state = State { ring: Arc::default(), times: 0, not_before: None };
        Arc::new(Self { source, pace, state: watch::Sender::new(state), asked: Notify::new() })
    }

    /// Reads a file for the first time: that it can't be is a mistake to be told of at once. An address may answer later.
    pub async fn check(&self) -> Result<(), String> {
        match &self.source {
            Source::File(_) => self.source.read(&mut None).await.map(|_| ()),
            Source::Url(..) => Ok(()),
        }
    }

    /// Fetches, again and again.
    pub async fn keep(self: Arc<Self>) {
        let (mut before, mut trouble) = (None, None);
        loop {
            let again = Instant::now() + self.pace.least;
            self.state.send_modify(|s| s.not_before = None);
            let (ring, failed) = match self.source.read(&mut before).await {
                Ok(ring) => (ring, None),
                Err(why) => (None, Some(why)),
            };
            if let Some(ring) = &ring {
                info!(source = ?self.source, keys = ring.len(), "the keys of tokens were read");
            }
            // The same trouble is told once.
            if let Some(why) = failed.as_ref().filter(|_| failed != trouble) {
                warn!(source = ?self.source, why, "the keys of tokens can't be read; those that were read before count");
            }
            trouble = failed;
            self.state.send_modify(|s| {
                (s.times, s.not_before) = (s.times + 1, Some(again));
                s.ring = ring.map_or_else(|| s.ring.clone(), Arc::new);
            });
            sleep_until(again).await;
            // What was not to be had is not waited for as long.
            if trouble.is_none() {
                let _ = timeout(self.pace.most.saturating_sub(self.pace.least), self.asked.notified()).await;
            }
        }
    }

    /// The key of this name. One that isn't known is asked for, if that may be.
    pub(super) async fn find(&self, name: &str) -> Option<Arc<Key>> {
        let mut state = self.state.subscribe();
        let times = {
            let state = state.borrow();
            if let Some(key) = state.ring.get(name) {
                return Some(key.clone());
            }
            self.asked.notify_one();
            if state.not_before.is_some_and(|moment| Instant::now() < moment) {
                return None;
            }
            state.times
        };
        let fetched = timeout(CONNECT_WITHIN + FETCH_WITHIN, state.wait_for(|s| s.times > times)).await;
        fetched.ok()?.ok()?.ring.get(name).cloned()
    }
}
