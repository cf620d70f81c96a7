//! The ledger: every change that clients see is committed here, many units of work in one transaction.
//!
//! A lane takes whatever units wait, reads what they rest on ([`ground`]), gives each its verdict and its place
//! ([`walk`]), writes all of it ([`write`]), and only then answers and publishes ([`feed`]).

mod feed;
mod ground;
mod lane;
mod walk;
mod write;

use std::{
    fmt,
    hash::{DefaultHasher, Hash, Hasher},
    sync::Arc,
};

use dashmap::DashMap;
use tokio::{runtime::Handle, sync::mpsc};

use crate::domain::{By, ClientId, Committed, Decision, ExtensionId, TenantId, conversation::Message};

use super::{Dialect, Storage};

pub use feed::Feed;

/// Units waiting for a lane beyond this are `busy`.
const WAITING: usize = 8_192;

/// What is committed together, or not at all.
#[derive(Clone, Debug)]
pub struct Unit {
    /// On whose behalf; its tenant's counter gives it its versions.
    pub by: By,
    /// What this is, if it may come twice: looked up before anything else.
    pub once: Option<Once>,
    /// What it changes and what that rests on; nothing for a bare look-up.
    pub decision: Decision,
}

impl Unit {
    /// Whose counter it takes its versions from.
    pub fn tenant(&self) -> TenantId {
        self.by.tenant()
    }
}

/// What is done once, however often it is asked.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Once {
    /// A send, by its author's own name for it.
    Send(ExtensionId, ClientId),
    /// A text that came in, by its carrier's name for it.
    Incoming {
        /// The section of the configuration.
        carrier: String,
        /// The carrier's name.
        provider_id: String,
    },
}

/// What became of a unit.
#[derive(Clone, Debug)]
pub enum Outcome {
    /// On disk.
    Committed(Vec<Arc<Committed>>),
    /// Its `client_id` was used before: this is the first message.
    Known(Box<Message>),
    /// The same text came in before.
    Repeated,
    /// What it rests on has moved: reload and decide again.
    Conflict,
    /// Certainly not written.
    Aborted,
    /// The connection broke while it committed.
    Unknown,
}

/// Too many units wait; nothing was done.
#[derive(Clone, Copy, Debug)]
pub struct Full;

/// Takes units of work. Cheap to clone.
#[derive(Clone)]
pub struct Ledger {
    lanes: Arc<[mpsc::Sender<Job>]>,
    feeds: Feeds,
}

type Feeds = Arc<DashMap<TenantId, Arc<Feed>>>;

impl fmt::Debug for Ledger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger").field("lanes", &self.lanes.len()).finish_non_exhaustive()
    }
}

/// Who waits for an outcome. Called once, in the order of the units of a tenant.
type Answer = Box<dyn FnOnce(Outcome) + Send>;

enum Job {
    Commit(Unit, Answer),
    /// Commit what came before this, and end.
    Stop,
}

/// What a test wants to go wrong with the next commit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Fault {
    /// Nothing.
    #[default]
    None,
    /// The commit fails: nothing is written.
    Abort,
    /// The commit succeeds, and its answer is lost.
    LoseAnswer,
    /// The commit fails, and its answer is lost.
    LoseCommit,
}

/// Asked before each commit, with the number of its units. The product's never fails anything.
pub type Faults = Arc<dyn Fn(usize) -> Fault + Send + Sync>;

impl Ledger {
    /// Starts the lanes on a runtime of their own.
    pub fn start(storage: &Storage, runtime: &Handle, faults: Option<Faults>) -> Self {
        let lanes = match storage.0.dialect {
            Dialect::Sqlite => 1,
            Dialect::Postgres => 4,
        };
        let feeds = Feeds::default();
        let start = |_| {
            let (sender, jobs) = mpsc::channel(WAITING);
            let lane = lane::Lane::new(storage.clone(), feeds.clone(), faults.clone());
            runtime.spawn(lane.run(jobs));
            sender
        };
        Self { lanes: (0..lanes).map(start).collect(), feeds }
    }

    /// Hands a unit over; the answer comes in the order of the tenant's units.
    pub fn submit(&self, unit: Unit, answer: impl FnOnce(Outcome) + Send + 'static) -> Result<(), Full> {
        let mut hasher = DefaultHasher::new();
        unit.tenant().hash(&mut hasher);
        let lane = usize::try_from(hasher.finish() % self.lanes.len() as u64).unwrap_or(0);
        self.lanes[lane].try_send(Job::Commit(unit, Box::new(answer))).map_err(|_| Full)
    }

    /// Commits what was handed over so far, and ends the lanes.
    pub async fn stop(&self) {
        for lane in self.lanes.iter() {
            let _ = lane.send(Job::Stop).await;
            lane.closed().await;
        }
    }

    /// Commits a unit and waits for what becomes of it.
    pub async fn commit(&self, unit: Unit) -> Result<Outcome, Full> {
        let (sender, outcome) = tokio::sync::oneshot::channel();
        self.submit(unit, move |o| {
            let _ = sender.send(o);
        })?;
        Ok(outcome.await.unwrap_or(Outcome::Unknown))
    }

    /// What is committed of a tenant, from now on.
    pub fn subscribe(&self, tenant: TenantId) -> Arc<Feed> {
        self.feeds.entry(tenant).or_default().clone()
    }

    /// Nobody on this node listens to the tenant any more.
    pub fn unsubscribe(&self, tenant: TenantId) {
        self.feeds.remove(&tenant);
    }
}
