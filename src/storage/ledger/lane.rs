//! One lane: takes what waits, commits it as one transaction, answers, publishes.

use std::{collections::BTreeMap, panic::AssertUnwindSafe, sync::Arc};

use futures_util::FutureExt;
use metrics::{counter, histogram};
use sea_orm::DbErr;
use tokio::sync::mpsc;
use tracing::{error, warn};

use crate::{
    domain::{Committed, Happening, TenantId},
    storage::{Dialect, Storage, StorageError},
};

use super::{
    Bells, Fault, Faults, Feeds, Job, Outcome, Unit, ground,
    walk::{Known, Verdict, walk},
    write,
};

/// Units in one transaction, at most.
const BATCH: usize = 1_024;

pub(super) struct Lane {
    storage: Storage,
    feeds: Feeds,
    bells: Bells,
    faults: Option<Faults>,
}

/// Why a batch was not, or may not have been, committed.
enum Failure {
    /// The database can't be reached, or takes no transaction: nothing was tried.
    Unavailable,
    Aborted,
    /// What it was decided on has moved while it was written.
    Moved,
    Unknown,
}

impl Lane {
    pub(super) fn new(storage: Storage, feeds: Feeds, bells: Bells, faults: Option<Faults>) -> Self {
        Self { storage, feeds, bells, faults }
    }

    pub(super) async fn run(self, mut jobs: mpsc::Receiver<Job>) {
        let mut batch = Vec::with_capacity(BATCH);
        // What queues up during one commit is the next batch: no timer is needed.
        while jobs.recv_many(&mut batch, BATCH).await > 0 {
            let mut stop = false;
            let mut units = Vec::with_capacity(batch.len());
            let mut answers = Vec::with_capacity(batch.len());
            for job in batch.drain(..) {
                match job {
                    Job::Commit(unit, answer) => {
                        units.push(unit);
                        answers.push(answer);
                    }
                    Job::Stop => stop = true,
                }
            }
            // A panic here must not end the lane: nobody can tell what it left undone.
            let outcomes = AssertUnwindSafe(self.commit(&units)).catch_unwind().await.unwrap_or_else(|_| {
                self.storage.0.writer.suspect();
                self.doubt(&units);
                units.iter().map(|_| Outcome::Unknown).collect()
            });
            for (outcome, answer) in outcomes.into_iter().zip(answers) {
                answer(outcome);
            }
            if stop {
                return;
            }
        }
    }

    async fn commit(&self, units: &[Unit]) -> Vec<Outcome> {
        if units.is_empty() {
            return vec![];
        }
        match self.attempt(units).await {
            Ok(outcomes) => outcomes,
            // A bad unit harms nobody: the others are committed without it.
            Err(Failure::Aborted | Failure::Moved) if units.len() > 1 => {
                let mut outcomes = Vec::with_capacity(units.len());
                for unit in units {
                    match self.attempt(std::slice::from_ref(unit)).await {
                        Ok(one) => outcomes.extend(one),
                        Err(Failure::Aborted) => outcomes.push(Outcome::Aborted),
                        Err(Failure::Moved) => outcomes.push(Outcome::Conflict),
                        Err(Failure::Unknown) => {
                            self.doubt(std::slice::from_ref(unit));
                            outcomes.push(Outcome::Unknown);
                        }
                        // No use in trying the others.
                        Err(Failure::Unavailable) => break,
                    }
                }
                outcomes.resize_with(units.len(), || Outcome::Aborted);
                outcomes
            }
            Err(Failure::Aborted) => vec![Outcome::Aborted],
            Err(Failure::Moved) => vec![Outcome::Conflict],
            Err(Failure::Unknown) => {
                self.doubt(units);
                units.iter().map(|_| Outcome::Unknown).collect()
            }
            Err(Failure::Unavailable) => units.iter().map(|_| Outcome::Aborted).collect(),
        }
    }

    /// What may have been committed unheard is found by its versions.
    fn doubt(&self, units: &[Unit]) {
        for unit in units {
            if let Some(feed) = self.feeds.get(&unit.tenant()) {
                feed.doubt();
            }
            self.ring(unit.tenant());
        }
    }

    async fn attempt(&self, units: &[Unit]) -> Result<Vec<Outcome>, Failure> {
        let started = std::time::Instant::now();
        let verdicts = self.transact(units).await.inspect_err(|_| self.storage.0.writer.suspect())?;
        histogram!("partyline_ledger_commit_seconds").record(started.elapsed().as_secs_f64());
        #[allow(clippy::cast_precision_loss)] // at most 1,024
        histogram!("partyline_ledger_batch_units").record(units.len() as f64);
        self.publish(&verdicts);
        Ok(verdicts.into_iter().map(Outcome::from).collect())
    }

    async fn transact(&self, units: &[Unit]) -> Result<Vec<Verdict>, Failure> {
        let aborted = |error: StorageError| {
            error!(%error, units = units.len(), "a batch was rolled back");
            counter!("partyline_ledger_aborted_total").increment(1);
            Failure::Aborted
        };
        let fault = self.faults.as_ref().map_or(Fault::None, |f| f(units.len()));
        let dialect = self.storage.0.dialect;
        let now = self.storage.0.clock.now();
        let unavailable = |error: DbErr| {
            error!(%error, units = units.len(), "no transaction could be begun");
            Failure::Unavailable
        };
        let tx = self.storage.0.writer.begin().await.map_err(unavailable)?;
        let named: Vec<_> = units.iter().collect();
        let ground = ground::read(&tx, dialect, &named).await.map_err(aborted)?;
        let (verdicts, writes) = walk(units, ground, now);
        write::write(&tx, dialect, &writes, now).await.map_err(|error| match error {
            StorageError::Moved(_) => Failure::Moved,
            other => aborted(other),
        })?;
        match fault {
            Fault::None | Fault::LoseAnswer => {}
            Fault::Abort => return Err(aborted(StorageError::Inconsistent("a test's wish".into()))),
            Fault::LoseCommit => return Err(Failure::Unknown),
        }
        tx.commit().await.map_err(|error| self.commit_failed(&error))?;
        if fault == Fault::LoseAnswer { Err(Failure::Unknown) } else { Ok(verdicts) }
    }

    /// A full disk rolls back for certain; after anything else that breaks a COMMIT nobody can tell.
    fn commit_failed(&self, error: &DbErr) -> Failure {
        let certain = self.storage.0.dialect == Dialect::Sqlite && error.to_string().contains("(code: 13)");
        error!(%error, certain, "a commit failed");
        if certain {
            counter!("partyline_ledger_aborted_total").increment(1);
            return Failure::Aborted;
        }
        warn!("the outcome of a batch is unknown");
        counter!("partyline_ledger_unknown_total").increment(1);
        Failure::Unknown
    }

    fn publish(&self, verdicts: &[Verdict]) {
        let mut news: BTreeMap<TenantId, Vec<Arc<Committed>>> = BTreeMap::new();
        let mut messages = 0;
        for verdict in verdicts {
            let Verdict::Committed(changes) = verdict else { continue };
            for committed in changes {
                messages += u64::from(matches!(committed.happening, Happening::MessageCreated(_)));
                news.entry(committed.tenant).or_default().push(committed.clone());
            }
        }
        counter!("partyline_messages_committed_total").increment(messages);
        for (tenant, changes) in news {
            if let Some(feed) = self.feeds.get(&tenant) {
                feed.push(changes.into_iter());
            }
            self.ring(tenant);
        }
    }

    fn ring(&self, tenant: TenantId) {
        if let Some(bell) = self.bells.get(&tenant) {
            bell.send_replace(());
        }
    }
}

impl From<Verdict> for Outcome {
    fn from(verdict: Verdict) -> Self {
        match verdict {
            Verdict::Committed(changes) => Outcome::Committed(changes),
            Verdict::Conflict => Outcome::Conflict,
            Verdict::Known(Known::Stored(message)) => Outcome::Known(message),
            Verdict::Known(Known::Twin(first)) => match &first.happening {
                Happening::MessageCreated(message) => Outcome::Known(Box::new(message.clone())),
                _ => Outcome::Conflict,
            },
            Verdict::Known(Known::Incoming) => Outcome::Repeated,
        }
    }
}
