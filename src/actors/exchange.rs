//! What comes over carriers' links: on disk before it is answered, then put together and taken as any text is, in the order
//! in which somebody texted to a number of ours.
//!
//! A text has no name over SMPP. It gets ours when it is kept, and that makes it one text however often it is taken from
//! there; the same octets again are the same text where the carrier may not have seen that we had it.

mod assembly;
mod sessions;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak},
    time::Duration,
};

use metrics::counter;
use sha2::{Digest, Sha256};
use tokio::{sync::oneshot, time::timeout};
use tracing::{error, info, warn};
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
use sessions::{Heard, Sessions, Which};

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
/// The header of a PDU: the rest is the same when it comes again.
const HEADER: usize = 16;
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
    /// Held while a piece is looked for and kept.
    keeping: tokio::sync::Mutex<()>,
    /// Pairs whose texts are being taken, and who waits for what has come since.
    pairs: Mutex<BTreeMap<Pair, Vec<oneshot::Sender<()>>>>,
}

impl Exchange {
    /// For these sections of the configuration, of which there is at least one.
    pub fn new(sections: Vec<String>, alphabet: smpp::DefaultAlphabet) -> Arc<Self> {
        Arc::new(Self {
            sections,
            alphabet,
            engine: OnceLock::new(),
            sessions: Mutex::default(),
            keeping: tokio::sync::Mutex::default(),
            pairs: Mutex::default(),
        })
    }

    /// The engine is there from now on.
    pub fn reaches(&self, engine: &Arc<Engine>) {
        let _ = self.engine.set(Arc::downgrade(engine));
    }

    /// Sees to what is left, until the engine is gone: what a process that is gone kept and didn't use, long texts that stay
    /// incomplete, receipts that came early.
    pub async fn keep(self: Arc<Self>) {
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
        if let Some((live, before)) = settled {
            engine.storage.pieces_settled(&self.sections, &live, before, now).await?;
            self.sessions().is_settled(before);
        }
        Ok(())
    }

    async fn taken(
        self: &Arc<Self>,
        session: Uuid,
        heard_at: Timestamp,
        delivered: smpp::Delivered,
    ) -> Result<Option<Uuid>, Refusal> {
        let engine = self.engine().filter(|engine| !engine.is_stopping()).ok_or(Refusal::Busy)?;
        match delivered {
            smpp::Delivered::Text(arrived) => self.text(&engine, session, heard_at, *arrived).await.map(Some),
            smpp::Delivered::Receipt { id, receipt } => self.receipt(&engine, id, receipt).await.map(|()| None),
            smpp::Delivered::Unreadable { reason, pdu } => {
                let kind = ("application/octet-stream", pdu);
                let id = engine.clock.new_id();
                dead_letter(&engine, id, None, self.account(), kind, reason).await.map(|()| None)
            }
        }
    }

    async fn text(
        self: &Arc<Self>,
        engine: &Arc<Engine>,
        session: Uuid,
        heard_at: Timestamp,
        arrived: smpp::Arrived,
    ) -> Result<Uuid, Refusal> {
        let digest = Sha256::digest(arrived.pdu.get(HEADER..).unwrap_or_default()).to_vec();
        let place = arrived.piece.place;
        let mut there = BTreeSet::new();
        let keeping = loop {
            // The same again, over another link for one, is looked for when this is on disk.
            let keeping = self.keeping.lock().await;
            let mut same = engine.storage.pieces_like(&digest).await?;
            same.retain(|piece| self.sections.contains(&piece.carrier));
            let heard = Heard { session, at: heard_at, is_part: place.is_some(), there: &there };
            let which = self.sessions().which(&same, &heard);
            match which {
                Which::New => break keeping,
                Which::Again(before) => {
                    // In this session it does not come another time: who says the same now says it again.
                    engine.storage.piece_came_again(before, session).await?;
                    counter!("partyline_smpp_repeats_total", "carrier" => self.account().to_owned()).increment(1);
                    return Ok(before);
                }
                Which::DependsOn(other, presence) => {
                    drop(keeping);
                    // If that takes long, the carrier is to bring it again: then it may be known.
                    let is_there = timeout(PATIENCE, presence.is_there()).await.map_err(|_| Refusal::Busy)?;
                    if is_there {
                        there.insert(other);
                    } else {
                        self.sessions().ended(other, engine.clock.now());
                    }
                }
            }
        };
        let id = engine.clock.new_id();
        let pair = Pair { ours: arrived.to.clone(), theirs: arrived.from.clone() };
        let kept = StoredPiece {
            id,
            carrier: self.account().to_owned(),
            ours: arrived.to,
            theirs: arrived.from,
            long_text: place.as_ref().map(long_text),
            part: place.map_or(1, |place| place.part),
            total: place.map_or(1, |place| place.total),
            data_coding: arrived.piece.data_coding,
            octets: arrived.piece.octets,
            digest,
            at: heard_at,
            session: Some(session),
        };
        if let Err(error) = stored(|| engine.storage.keep_piece(&kept)).await {
            self.sessions().refused(id);
            return Err(error);
        }
        drop(keeping);
        // Who hears our answer finds the text where it belongs; but nothing that came after it waits for that any longer.
        let _ = timeout(PATIENCE, self.wake(pair)).await;
        Ok(id)
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
        let (may_be_more, mut has_taken) = (pieces.len() >= AT_ONCE, false);
        pieces.retain(|piece| self.sections.contains(&piece.carrier));
        for text in texts(pieces) {
            let is_late = text.first.at <= before(now, LONG_US);
            if !text.is_whole() && !is_late {
                continue;
            }
            let (id, says) = (text.first.id, text.says(self.alphabet));
            let StoredPiece { theirs: from, ours: to, .. } = text.first.clone();
            match self.receive(engine, id, smpp::Kept { id: id.to_string(), from, to, text: says }).await {
                Ok(()) => {
                    let used = text.pieces();
                    stored(|| engine.storage.pieces_used(&used, now)).await?;
                    has_taken = true;
                }
                // What comes after it is not to wait for ever.
                Err(error) if is_late => error!(%error, piece = %id, "a text that came over a link can't be taken"),
                Err(error) => return Err(error),
            }
        }
        // Else it is pieces whose others may still come.
        if may_be_more && has_taken {
            drop(self.wake(pair.clone()));
        }
        Ok(())
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
        self.0.sessions().ended(session, self.0.now());
    }

    fn take(&self, session: Uuid, delivered: smpp::Delivered) -> Pending<Result<Option<Uuid>, smpp::NotNow>> {
        let (exchange, heard_at) = (self.0.clone(), self.0.now());
        Box::pin(async move {
            let taken = tokio::spawn(async move { exchange.taken(session, heard_at, delivered).await }).await;
            taken.map_err(|_| smpp::NotNow)?.map_err(|error| {
                warn!(%error, "the carrier is to bring it again");
                smpp::NotNow
            })
        })
    }

    fn answered(&self, taken: Vec<Uuid>) -> Pending<()> {
        let exchange = self.0.clone();
        Box::pin(async move {
            let Some(engine) = exchange.engine() else { return };
            // If that is not noted, a repeat may be taken for one a while longer: no more than that.
            if let Err(error) = engine.storage.pieces_answered(&taken, engine.clock.now()).await {
                info!(%error, "it is not noted that the carrier has seen our answers");
            }
        })
    }
}

fn before(now: Timestamp, micros: i64) -> Timestamp {
    Timestamp(now.0 - micros)
}

/// What the pieces of one long text of a pair have in common.
fn long_text(place: &smpp::Place) -> String {
    let form = match place.form {
        smpp::Form::Udh8 => "udh8",
        smpp::Form::Udh16 => "udh16",
        smpp::Form::Sar => "sar",
    };
    format!("{form}/{}/{}", place.reference, place.total)
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
