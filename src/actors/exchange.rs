//! What comes over carriers' links: on disk before it is answered, then put together and taken as any text is, in the order
//! in which somebody texted to a number of ours.
//!
//! A text has no name over SMPP. It gets ours when it is kept, and that makes it one text however often it is taken from
//! there; the same octets again are the same text where the carrier may not have seen that we had it.

mod assembly;
mod keeping;
mod sessions;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use metrics::counter;
use tokio::{
    sync::{mpsc, oneshot},
    time::timeout,
};
use tracing::{error, warn};
use uuid::Uuid;

use crate::{
    carriers::{Pending, smpp},
    domain::{
        MessageText, Refusal, TenantId, Timestamp,
        conversation::Pair,
        sms::{
            delivery::Receipt,
            inbound::{Incoming, News},
        },
    },
    storage::{DeadLetter, HeldReceipt, StorageError, StoredPiece},
};

use super::{Engine, texts::Received};
use assembly::texts;
use keeping::{Arrival, Job};
use sessions::{Sessions, Settled};

const EVERY: Duration = Duration::from_secs(1);
/// What was kept and is not used after this (in microseconds) was missed.
const LEFT_US: i64 = 10 * 1_000_000;
/// A long text of which parts are missing is shown without them after this.
const LONG_US: i64 = 5 * 60 * 1_000_000;
/// A receipt waits so long for what it is of.
const HELD_US: i64 = 60 * 1_000_000;
/// What the carrier knows to be answered is needed no more after this ...
const ANSWERED_US: i64 = 10 * 60 * 1_000_000;
/// ... and it brings nothing again after this.
const ALL_US: i64 = 3 * 24 * 3_600 * 1_000_000;
/// Looked at in a round.
const AT_ONCE: usize = 500;
/// How often what can't be stored is tried, before the carrier is to bring it again.
const TRIES: usize = 5;
const PAUSE: Duration = Duration::from_millis(200);
/// What can't be taken is tried again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// A carrier waits no longer than this for its text to be where it belongs: some wait 5 s for an answer in all.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the links of one account reach.
pub struct Exchange {
    /// The sections of the configuration that share the account: what comes on one may be another's.
    sections: Vec<String>,
    alphabet: smpp::DefaultAlphabet,
    engine: OnceLock<Weak<Engine>>,
    sessions: Mutex<Sessions>,
    /// What is to be written, and who writes it, until that has begun.
    jobs: mpsc::UnboundedSender<Job>,
    to_be_written: Mutex<Option<mpsc::UnboundedReceiver<Job>>>,
    /// Pairs whose texts are being taken, and who waits for what has come since.
    pairs: Mutex<BTreeMap<Pair, Vec<oneshot::Sender<()>>>>,
}

impl Exchange {
    /// For these sections of the configuration, of which there is at least one.
    pub fn new(sections: Vec<String>, alphabet: smpp::DefaultAlphabet) -> Arc<Self> {
        let (jobs, to_be_written) = mpsc::unbounded_channel();
        Arc::new(Self {
            sections,
            alphabet,
            engine: OnceLock::new(),
            sessions: Mutex::default(),
            jobs,
            to_be_written: Mutex::new(Some(to_be_written)),
            pairs: Mutex::default(),
        })
    }

    /// The engine is there from now on.
    pub fn reaches(&self, engine: &Arc<Engine>) {
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    /// Writes what comes, and sees to what is left, until the engine is gone: what a process that is gone kept and didn't use,
    /// long texts that stay incomplete, receipts that came early.
    pub async fn keep(self: Arc<Self>) {
        if let Some(jobs) = self.to_be_written.lock().unwrap_or_else(PoisonError::into_inner).take() {
            tokio::spawn(self.clone().write_all(jobs));
        }
        let mut round = 0_u32;
        loop {
            let Some(engine) = self.engine().filter(|engine| !engine.is_stopping()) else { return };
            match self.look(&engine, round).await {
                Ok(()) => round = round.wrapping_add(1),
                Err(error) => error!(%error, "what came over a link can't be looked at yet"),
            }
            drop(engine);
            tokio::time::sleep(EVERY).await;
        }
    }

    async fn look(self: &Arc<Self>, engine: &Arc<Engine>, round: u32) -> Result<(), Refusal> {
        let now = engine.clock.now();
        let all = Timestamp(i64::MAX);
        let (left, long) = if round == 0 { (all, all) } else { (before(now, LEFT_US), before(now, LONG_US)) };
        for pair in engine.storage.pairs_of_pieces(&self.sections, left, long, AT_ONCE).await? {
            drop(self.wake(pair));
        }
        for held in engine.storage.held_receipts(&self.sections, AT_ONCE).await? {
            if let Err(error) = self.held(engine, &held, now).await {
                warn!(%error, receipt = %held.id, "a receipt that is held can't be looked at yet");
            }
        }
        self.settle(engine, now).await?;
        // What could not be noted is tried again.
        self.write(Job::Answered(vec![]));
        if round.is_multiple_of(60) {
            engine.storage.forget_pieces(before(now, ANSWERED_US), before(now, ALL_US)).await?;
        }
        Ok(())
    }

    async fn held(&self, engine: &Arc<Engine>, held: &HeldReceipt, now: Timestamp) -> Result<(), Refusal> {
        let is_known = self.news(engine, &held.provider_id, &held.receipt).await?;
        let is_over = held.at <= before(now, HELD_US);
        if is_known || is_over {
            engine.storage.let_receipt_go(held.id).await?;
        }
        if is_over && !is_known {
            counter!("partyline_carrier_news_unknown_total", "carrier" => self.account().to_owned()).increment(1);
        }
        Ok(())
    }

    /// What came in sessions that are over, and did not come again in time, does not any more.
    async fn settle(&self, engine: &Arc<Engine>, now: Timestamp) -> Result<(), Refusal> {
        let settled = self.sessions().settled(now);
        if let Some(Settled { done, open, but }) = settled {
            engine.storage.pieces_settled(&self.sections, &open, &but, now).await?;
            self.sessions().is_settled(&done);
        }
        Ok(())
    }

    /// Begins to take it.
    fn take(self: &Arc<Self>, session: Uuid, delivered: smpp::Delivered) -> Pending<Result<Option<Uuid>, Refusal>> {
        let Some(engine) = self.engine().filter(|engine| !engine.is_stopping()) else {
            return Box::pin(async { Err(Refusal::Busy) });
        };
        let me = self.clone();
        let taking = match delivered {
            smpp::Delivered::Text(arrived) => {
                let (name, heard) = ((engine.clock.new_id(), self.account()), (session, engine.clock.now()));
                let (arrival, kept) = Arrival::new(name, heard, *arrived, PATIENCE);
                self.write(Job::Keep(Box::new(arrival)));
                return Box::pin(async move {
                    let kept = kept.await.map_err(|_| Refusal::Busy)??;
                    // Who hears our answer finds the text where it belongs; but for that it waits no longer.
                    if let Some(taken) = kept.taken {
                        let _ = timeout(PATIENCE, taken).await;
                    }
                    Ok(Some(kept.id))
                });
            }
            smpp::Delivered::Receipt { id, receipt } => {
                tokio::spawn(async move { me.receipt(&engine, id, receipt).await })
            }
            smpp::Delivered::Unreadable { reason, pdu } => tokio::spawn(async move {
                let (id, kind) = (engine.clock.new_id(), ("application/octet-stream", pdu));
                dead_letter(&engine, id, None, me.account(), kind, reason).await
            }),
        };
        Box::pin(async move { taking.await.map_err(|_| Refusal::Busy)?.map(|()| None) })
    }

    /// There is something to take of a pair's. What is answered is told when it is taken.
    fn wake(self: &Arc<Self>, pair: Pair) -> oneshot::Receiver<()> {
        let (told, taken) = oneshot::channel();
        let mut pairs = self.pairs();
        if !pairs.contains_key(&pair) {
            tokio::spawn(self.clone().work(pair.clone()));
        }
        pairs.entry(pair).or_default().push(told);
        taken
    }

    /// Takes what there is of a pair's, in order, until there is no more.
    async fn work(self: Arc<Self>, pair: Pair) {
        let _left = Left(&self, &pair);
        while let Some(waiting) = self.waiting(&pair) {
            let mut waiting = Some(waiting);
            loop {
                let Some(engine) = self.engine().filter(|engine| !engine.is_stopping()) else { return };
                let taken = self.put_together(&engine, &pair).await;
                waiting.take().into_iter().flatten().for_each(|told| _ = told.send(()));
                let Err(error) = taken else { break };
                warn!(%error, carrier = self.account(), "a text that came over a link is taken later");
                drop(engine);
                tokio::time::sleep(AGAIN).await;
            }
        }
    }

    /// Who waits for more of a pair's to be taken, if there is more.
    fn waiting(&self, pair: &Pair) -> Option<Vec<oneshot::Sender<()>>> {
        let mut pairs = self.pairs();
        let waiting = pairs.get_mut(pair).map(std::mem::take).filter(|waiting| !waiting.is_empty());
        if waiting.is_none() {
            pairs.remove(pair);
        }
        waiting
    }

    /// Takes the texts of which all pieces are there, or those that are if no more are waited for.
    async fn put_together(self: &Arc<Self>, engine: &Arc<Engine>, pair: &Pair) -> Result<(), Refusal> {
        let now = engine.clock.now();
        let mut pieces = engine.storage.unused_pieces(pair, AT_ONCE).await?;
        let may_be_more = pieces.len() >= AT_ONCE;
        let (mut used, mut taken) = (vec![], Ok(()));
        pieces.retain(|piece| self.sections.contains(&piece.carrier));
        for text in texts(pieces) {
            let is_late = text.first.at <= before(now, LONG_US);
            if !text.is_whole() && !is_late {
                continue;
            }
            let (id, says) = (text.first.id, text.says(self.alphabet));
            let StoredPiece { theirs: from, ours: to, .. } = text.first.clone();
            match self.receive(engine, id, smpp::Kept { id: id.to_string(), from, to, text: says }).await {
                Ok(()) => used.extend(text.pieces()),
                // What comes after it is not to wait for ever.
                Err(error) if is_late => error!(%error, piece = %id, "a text that came over a link can't be taken"),
                Err(error) => {
                    taken = Err(error);
                    break;
                }
            }
        }
        if !used.is_empty() {
            // Without this they are taken again, and found to be there.
            let (told, is_written) = oneshot::channel();
            self.write(Job::Used(used, told));
            is_written.await.map_err(|_| Refusal::StorageUnavailable)?;
            // If none was used it is pieces whose others may still come.
            if may_be_more {
                drop(self.wake(pair.clone()));
            }
        }
        taken
    }

    async fn receive(&self, engine: &Arc<Engine>, id: Uuid, kept: smpp::Kept) -> Result<(), Refusal> {
        let owner = engine.storage.phone_number(&kept.to).await?;
        let carrier = owner.as_ref().map(|number| number.phone_number.carrier.clone());
        let carrier = carrier.filter(|carrier| self.sections.contains(carrier));
        let carrier = carrier.unwrap_or_else(|| self.account().to_owned());
        let incoming = Incoming {
            carrier,
            provider_id: kept.id.clone(),
            from: kept.from.clone(),
            to: kept.to.clone(),
            text: MessageText::stored(kept.text.clone()),
            media: vec![],
            keyword: None,
        };
        let Received::Nobodys(reason) = engine.receive(incoming).await? else { return Ok(()) };
        let owner = owner.filter(|number| !number.deleted).map(|number| number.tenant);
        let body = serde_json::to_vec(&kept).map_err(|_| Refusal::StorageUnavailable)?;
        dead_letter(engine, id, owner, self.account(), (smpp::Kept::CONTENT_TYPE, body), reason).await
    }

    async fn receipt(&self, engine: &Arc<Engine>, provider_id: String, receipt: Receipt) -> Result<(), Refusal> {
        if self.news(engine, &provider_id, &receipt).await? {
            return Ok(());
        }
        let (id, carrier, at) = (engine.clock.new_id(), self.account().to_owned(), engine.clock.now());
        let held = HeldReceipt { id, carrier, provider_id, receipt, at };
        stored(|| engine.storage.hold_receipt(&held)).await
    }

    /// A text may have gone out by any link of the account.
    async fn news(&self, engine: &Arc<Engine>, provider_id: &str, receipt: &Receipt) -> Result<bool, Refusal> {
        for section in &self.sections {
            let (provider_id, receipt) = (Some(provider_id.to_owned()), receipt.clone());
            let news = News { attempt: None, provider_id, receipt, opted_out: false };
            if engine.news(section, news).await? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The name under which all of its links keep what comes.
    fn account(&self) -> &str {
        self.sections.first().map_or("", String::as_str)
    }

    fn pairs(&self) -> MutexGuard<'_, BTreeMap<Pair, Vec<oneshot::Sender<()>>>> {
        self.pairs.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn sessions(&self) -> MutexGuard<'_, Sessions> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The engine's time. Before it is there, nothing comes.
    fn now(&self) -> Timestamp {
        self.engine().map_or(Timestamp(0), |engine| engine.clock.now())
    }

    fn engine(&self) -> Option<Arc<Engine>> {
        self.engine.get().and_then(Weak::upgrade)
    }
}

/// A worker that dies leaves its pair to the next one.
struct Left<'a>(&'a Exchange, &'a Pair);

impl Drop for Left<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.pairs().remove(self.1);
        }
    }
}

/// A link's end of it. What was begun is finished, even if the link is gone.
pub struct LinkEnd(pub Arc<Exchange>);

impl smpp::Exchange for LinkEnd {
    fn bound(&self, session: Uuid, presence: smpp::Presence) {
        self.0.sessions().bound(session, presence, self.0.now());
    }

    fn ended(&self, session: Uuid) {
        // After all that it has proven.
        self.0.write(Job::Ended(session));
    }

    fn take(&self, session: Uuid, delivered: smpp::Delivered) -> Pending<Result<Option<Uuid>, smpp::NotNow>> {
        let taking = self.0.take(session, delivered);
        Box::pin(async move {
            taking.await.map_err(|error| {
                warn!(%error, "the carrier is to bring it again");
                smpp::NotNow
            })
        })
    }

    fn answered(&self, taken: Vec<Uuid>) {
        self.0.write(Job::Answered(taken));
    }
}

fn before(now: Timestamp, micros: i64) -> Timestamp {
    Timestamp(now.0 - micros)
}

/// Tries what may be done twice for a second.
async fn stored<F: Future<Output = Result<(), StorageError>>>(store: impl Fn() -> F) -> Result<(), Refusal> {
    for _ in 1..TRIES {
        if store().await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
    }
    Ok(store().await?)
}

/// Keeps what can't be used. Of a text that is kept under this name already, there is one.
async fn dead_letter(
    engine: &Arc<Engine>,
    id: Uuid,
    tenant: Option<TenantId>,
    carrier: &str,
    (content_type, body): (&str, Vec<u8>),
    reason: &str,
) -> Result<(), Refusal> {
    warn!(carrier, letter = %id, reason, "what came over a link is kept as a dead letter");
    let letter = DeadLetter {
        id,
        tenant,
        carrier: carrier.to_owned(),
        kind: "inbound".to_owned(),
        content_type: content_type.to_owned(),
        path: String::new(),
        body,
        reason: reason.to_owned(),
        at: engine.clock.now(),
        replayed_at: None,
    };
    stored(|| engine.storage.keep_dead_letter(&letter)).await
}
