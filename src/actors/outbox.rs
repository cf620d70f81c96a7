//! What goes out from one of our numbers: in turn, at its pace, each attempt committed before and after the carrier has it.
//!
//! An attempt begins by the committed step `queued → sending`, in which consent is checked for the last time. What is
//! found `sending` when this starts was handed over by a process that is gone: nobody knows, so it is `unconfirmed`; unless
//! the carrier knows attempts by their names, and so can be asked by handing it over again.

mod asking;
mod leave;

use std::{
    collections::HashSet,
    sync::{Arc, atomic::Ordering},
    time::Duration,
};

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message, SpawnHandle,
    WrapFuture,
};
use metrics::counter;
use tracing::{error, info, warn};

use crate::{
    carriers::Carrier,
    domain::{
        AttemptId, By, Change, Committed, ConversationId, Decision, Guard, Happening, Refusal, Seq, Timestamp,
        change::DeliveryMoved,
        phone::Number,
        sms::{
            delivery::{Delivery, DeliveryError, PARKED, Rejection, Status, Submitted},
            turns::{Next, Turn, Turns},
        },
    },
    storage::{StorageError, Underway, Waiting, ledger::Unit},
};

use super::{Engine, arbiters::apart};
use asking::{answer_of, interrupted_at};
use leave::{Leave, leave, no_carrier};

/// Texts that are held in memory; more of them wait in the database.
const HELD: usize = 2_000;
/// What the database refused is tried again after this.
const AGAIN: Duration = Duration::from_secs(1);
/// The actor of one sending number.
pub(super) struct Outbox {
    engine: Arc<Engine>,
    ours: Number,
    turns: Turns,
    /// What is being handed over by this actor.
    mine: HashSet<(ConversationId, Seq, Number)>,
    /// Whether it has looked into the database: until then nothing goes out, lest something goes before its turn.
    is_loaded: bool,
    /// More waits in the database than is held here.
    more: bool,
    wakes: Option<SpawnHandle>,
    busy_since_tick: bool,
}

/// A text waits at this number.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Post(pub Turn);

/// Something may wait that it was not told of.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Look;

impl Engine {
    /// What was committed and goes out is given to the outboxes. What they miss they find in the database.
    pub(super) fn post(&self, changes: &[Arc<Committed>]) {
        for committed in changes {
            super::queues::count(&committed.happening);
            let (Happening::MessageCreated(m) | Happening::MessageUpdated(m)) = &committed.happening else { continue };
            for delivery in m.deliveries.iter().filter(|d| d.status == Status::Queued) {
                let Some(ours) = delivery.our_number.clone() else { continue };
                let told =
                    self.outboxes.lease(ours).is_ok_and(|to| to.tell(Post(turn(m.conversation, m.seq, delivery))));
                if !told {
                    self.may_have_missed();
                }
            }
        }
    }

    /// Sees to it that what falls due at this number goes out: an outbox that starts looks into the database, one that
    /// lives knows.
    pub(super) fn wake_outbox(&self, ours: Number) {
        drop(self.outboxes.lease(ours));
    }

    /// ... and that it looks into the database all the same: something may be there that it was not told of.
    pub(super) fn look_again(&self, ours: Number) {
        if let Ok(lease) = self.outboxes.lease(ours) {
            lease.tell(Look);
        }
    }
}

fn turn_of(waiting: &Waiting) -> Turn {
    turn(waiting.conversation, waiting.seq, &waiting.delivery)
}

fn turn(conversation: ConversationId, seq: Seq, d: &Delivery) -> Turn {
    Turn { place: d.place, conversation, seq, number: d.number.clone(), segments: d.segments, due_at: d.due_at }
}

impl Outbox {
    pub(super) fn start(engine: Arc<Engine>, ours: Number, arbiter: &ArbiterHandle) -> Addr<Self> {
        Self::start_in_arbiter(arbiter, move |ctx| {
            ctx.set_mailbox_capacity(4_096);
            let turns = Turns::new(1.0);
            let (mine, wakes) = (HashSet::new(), None);
            Self { engine, ours, turns, mine, is_loaded: false, more: false, wakes, busy_since_tick: true }
        })
    }

    /// Reads what waits. What comes meanwhile waits in the mailbox.
    fn load(&mut self, ctx: &mut Context<Self>) {
        let (engine, ours, mine) = (self.engine.clone(), self.ours.clone(), self.mine.clone());
        let read = async move {
            let phone = engine.storage.phone_number(&ours).await?;
            let carrier = phone.and_then(|p| engine.carriers.get(&p.phone_number.carrier).cloned());
            let waiting = engine.storage.waiting_at(&ours, HELD).await?;
            let is_mine = |w: &&Waiting| mine.contains(&(w.conversation, w.seq, w.delivery.number.clone()));
            let mut to_be_asked = vec![];
            for interrupted in waiting.iter().filter(|w| w.is_sending() && !is_mine(w)) {
                match interrupted_at(&engine, interrupted).await? {
                    Some(attempt) => to_be_asked.push((turn_of(interrupted), attempt)),
                    None => lost(&engine, interrupted).await,
                }
            }
            Ok::<_, StorageError>((carrier.map_or(1.0, |c| c.pace_per_s()), waiting, to_be_asked))
        };
        ctx.wait(read.into_actor(self).map(move |read, me, ctx| match read {
            Ok((pace, waiting, to_be_asked)) => {
                me.turns.set_pace(pace);
                (me.is_loaded, me.more) = (true, waiting.len() >= HELD);
                for (turn, attempt) in to_be_asked {
                    me.ask_again(turn, attempt, ctx);
                }
                for w in waiting.iter().filter(|w| !w.is_sending()) {
                    me.turns.add(turn_of(w));
                }
                me.pump(ctx);
            }
            Err(error) => {
                error!(%error, "an outbox can't read");
                ctx.run_later(AGAIN, Self::load);
            }
        }));
    }

    /// What a process that is gone was handing over: what became of it is found out, and until then nothing else goes to
    /// that number.
    fn ask_again(&mut self, turn: Turn, attempt: Box<Attempt>, ctx: &mut Context<Self>) {
        self.turns.begun(&turn.number);
        let name = (turn.conversation, turn.seq, turn.number.clone());
        self.mine.insert(name.clone());
        let (engine, ours) = (self.engine.clone(), self.ours.clone());
        let asked = async move {
            let _counted = HandingOver::begin(&engine);
            submitted(&engine, &ours, &turn, *attempt, true).await
        };
        ctx.spawn(apart(asked).into_actor(self).map(move |again, me, ctx| {
            me.is_over(&name, again.map_or(Over::Done, Over::Again), ctx);
        }));
    }

    /// Hands over what may go now.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        if let Some(wakes) = self.wakes.take() {
            ctx.cancel_future(wakes);
        }
        while self.is_loaded && !self.engine.is_stopping() {
            let now = self.engine.clock.now();
            match self.turns.next(now) {
                Next::Take(turn) => {
                    self.busy_since_tick = true;
                    let name = (turn.conversation, turn.seq, turn.number.clone());
                    self.mine.insert(name.clone());
                    let work = hand_over(self.engine.clone(), self.ours.clone(), turn);
                    ctx.spawn(apart(work).into_actor(self).map(move |over, me, ctx| me.is_over(&name, over, ctx)));
                }
                // A clock that jumps is noticed within a second.
                Next::Wait(until) => {
                    let wait = until.since(now).min(AGAIN);
                    self.wakes = Some(ctx.run_later(wait, Self::pump));
                    return;
                }
                Next::Nothing if self.more && self.turns.is_empty() => {
                    return self.load(ctx);
                }
                Next::Nothing => return,
            }
        }
    }

    /// A turn is over.
    fn is_over(&mut self, name: &(ConversationId, Seq, Number), over: Over, ctx: &mut Context<Self>) {
        self.mine.remove(name);
        // First, so that what came after it doesn't go before it.
        match over {
            Over::Done => {}
            Over::Again(turn) => self.turns.add(turn),
            Over::Held(turn) => {
                self.turns.hold(turn.due_at);
                self.turns.add(turn);
            }
        }
        self.turns.settled(&name.2);
        self.pump(ctx);
    }

    fn stop_if_idle(&mut self, ctx: &mut Context<Self>) {
        let idle = !std::mem::replace(&mut self.busy_since_tick, false) && self.turns.is_empty() && !self.more;
        if idle && self.engine.outboxes.passivate(self.ours.clone()) {
            ctx.stop();
        }
    }
}

impl Actor for Outbox {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.load(ctx);
        ctx.run_interval(self.engine.behaviour.idle_after, Self::stop_if_idle);
    }
}

impl Handler<Post> for Outbox {
    type Result = ();

    fn handle(&mut self, Post(turn): Post, ctx: &mut Self::Context) {
        self.busy_since_tick = true;
        self.more |= self.turns.len() >= HELD;
        // While more waits in the database, that is where it is found, in its turn.
        if !self.more {
            self.turns.add(turn);
            self.pump(ctx);
        }
    }
}

impl Handler<Look> for Outbox {
    type Result = ();

    fn handle(&mut self, _: Look, ctx: &mut Self::Context) {
        self.load(ctx);
    }
}

/// Counts what is being handed over, so that a stop waits for it.
pub(super) struct HandingOver(Arc<Engine>);

impl HandingOver {
    pub(super) fn begin(engine: &Arc<Engine>) -> Self {
        engine.handing_over.fetch_add(1, Ordering::AcqRel);
        Self(engine.clone())
    }
}

impl Drop for HandingOver {
    fn drop(&mut self) {
        self.0.handing_over.fetch_sub(1, Ordering::AcqRel);
    }
}

/// How a turn ends.
enum Over {
    /// The text is the outbox's no more.
    Done,
    /// It has another turn.
    Again(Turn),
    /// ... and nothing else goes before that: there is no connection.
    Held(Turn),
}

/// One text's turn, from `queued` to an answer that is committed.
async fn hand_over(engine: Arc<Engine>, ours: Number, turn: Turn) -> Over {
    let _counted = HandingOver::begin(&engine);
    let again = match take(&engine, &ours, &turn).await {
        Taken::Mine(taken) => submitted(&engine, &ours, &turn, *taken, false).await,
        Taken::Later(due_at) => Some(Turn { due_at, ..turn }),
        Taken::Held(due_at) => return Over::Held(Turn { due_at, ..turn }),
        Taken::Behind => {
            // Nobody told this outbox of the one before it.
            engine.look_again(ours);
            Some(Turn { due_at: engine.clock.now() + AGAIN, ..turn })
        }
        Taken::Nowhere(attempt) => {
            let refused = Submitted::Rejected(Rejection::Permanent, no_carrier());
            settle(&engine, &turn, attempt, &refused, None).await
        }
        Taken::Over => None,
    };
    again.map_or(Over::Done, Over::Again)
}

/// Gives an attempt to its carrier, and commits the answer. `is_again`: the carrier may have it already.
async fn submitted(engine: &Arc<Engine>, ours: &Number, turn: &Turn, taken: Attempt, is_again: bool) -> Option<Turn> {
    let answer = answer_of(engine, ours, turn, &taken, is_again).await?;
    let how = match &answer {
        Submitted::Accepted { .. } => "accepted",
        Submitted::Unknown | Submitted::Unknowable => "unknown",
        Submitted::Rejected(Rejection::Permanent, _) => "refused",
        Submitted::Rejected(Rejection::OptedOut, _) => "opted_out",
        Submitted::Rejected(Rejection::Throttled(_), _) => "throttled",
        Submitted::Rejected(Rejection::Temporary, _) => "temporary",
        Submitted::Rejected(Rejection::Auth, _) => "auth",
    };
    counter!("partyline_sms_submits_total", "carrier" => taken.name.clone(), "answer" => how).increment(1);
    if let Submitted::Rejected(Rejection::Auth, error) = &answer {
        park(engine, &taken.name, error);
    } else if matches!(answer, Submitted::Unknown | Submitted::Unknowable) {
        warn!(carrier = taken.name, attempt = %taken.attempt, "the carrier's answer was lost");
    } else {
        engine.parked.remove(&taken.name);
    }
    // While it was asked, a callback may have said more.
    let known = (!taken.carrier.knows_attempts()).then_some(taken.underway);
    settle(engine, turn, taken.attempt, &answer, known).await
}

/// The carrier does not know us: texts wait, and one of them asks once in a while.
fn park(engine: &Engine, carrier: &str, error: &DeliveryError) {
    engine.parked.insert(carrier.to_owned(), engine.clock.now() + PARKED);
    error!(carrier, code = error.code, "the carrier does not take our credentials: texts wait");
}

struct Attempt {
    attempt: AttemptId,
    name: String,
    carrier: Arc<dyn Carrier>,
    /// As it was when it was taken.
    underway: Underway,
}

enum Taken {
    /// It is to be handed over now, under this name.
    Mine(Box<Attempt>),
    /// Not before this.
    Later(Timestamp),
    /// Nothing goes out before this: its carrier has no connection.
    Held(Timestamp),
    /// One before it to the same number is not settled.
    Behind,
    /// It was taken, and its carrier is gone since.
    Nowhere(AttemptId),
    /// It is no longer queued, or was refused.
    Over,
}

/// Takes a text from `queued` to `sending`, or refuses it, by a commit.
async fn take(engine: &Arc<Engine>, ours: &Number, turn: &Turn) -> Taken {
    // The same name however often it is tried: a commit whose answer was lost is known by it.
    let attempt = AttemptId(engine.clock.new_id());
    loop {
        if engine.is_stopping() {
            return Taken::Over;
        }
        match try_take(engine, ours, turn, attempt).await {
            Ok(Some(taken)) => return taken,
            // Something moved: look again.
            Ok(None) => {}
            Err(error) => {
                warn!(%error, "a text can't be taken now");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

async fn try_take(
    engine: &Arc<Engine>,
    ours: &Number,
    turn: &Turn,
    attempt: AttemptId,
) -> Result<Option<Taken>, Refusal> {
    let now = engine.clock.now();
    let Some(underway) = engine.storage.underway(turn.conversation, turn.seq).await? else {
        return Ok(Some(Taken::Over));
    };
    let is_mine = |d: &Delivery| d.status == Status::Sending && d.attempt_id == Some(attempt);
    let mine = underway.delivery(&turn.number).filter(|d| d.status == Status::Queued || is_mine(d));
    let Some(delivery) = mine else { return Ok(Some(Taken::Over)) };
    if delivery.status == Status::Queued && delivery.due_at > now {
        return Ok(Some(Taken::Later(delivery.due_at)));
    }
    if delivery.status == Status::Queued && engine.storage.is_behind(ours, &turn.number, delivery.place).await? {
        return Ok(Some(Taken::Behind));
    }
    let Leave { carrier, refusal, guards: rests_on } = leave(engine, ours, &underway, delivery).await?;
    let handed_to =
        |underway| move |(carrier, name)| Taken::Mine(Box::new(Attempt { attempt, name, carrier, underway }));
    if is_mine(delivery) {
        // It was taken, and the answer lost: nothing has been written to the carrier yet.
        return Ok(Some(carrier.map_or(Taken::Nowhere(attempt), handed_to(underway.clone()))));
    }
    if let (None, Some((carrier, _))) = (&refusal, &carrier)
        && carrier.is_unreachable()
        && let Some(later) = delivery.waits_for_connection(engine.behaviour.give_up_after, now)
    {
        return Ok(Some(Taken::Held(later)));
    }
    // A carrier that does not know us is asked once in a while, and not for each text.
    if let (None, Some((_, name))) = (&refusal, &carrier)
        && let Some(mut parked) = engine.parked.get_mut(name)
    {
        if *parked > now {
            return Ok(Some(Taken::Later(*parked)));
        }
        *parked = now + PARKED;
    }
    let (moved, begins) = match (&refusal, &carrier) {
        (Some(error), _) => (delivery.refuse(error.clone(), now), None),
        (None, Some((_, name))) => (delivery.take(attempt, now), Some(name.clone())),
        (None, None) => (None, None),
    };
    let Some(moved) = moved else { return Ok(Some(Taken::Over)) };
    let guards = [guards(&underway, turn.seq, delivery), rests_on].concat();
    if !commit(engine, &underway, moved.clone(), guards, begins, vec![], vec![]).await? {
        return Ok(None);
    }
    let taken = carrier.filter(|_| refusal.is_none());
    Ok(Some(taken.map_or(Taken::Over, handed_to(underway.with(moved)))))
}

/// Commits how the carrier answered, however long it takes: first on what is known of the text, then on what the database
/// says. Answers the turn, if it comes again.
async fn settle(
    engine: &Arc<Engine>,
    turn: &Turn,
    attempt: AttemptId,
    answer: &Submitted,
    mut known: Option<Underway>,
) -> Option<Turn> {
    loop {
        match try_settle(engine, turn, attempt, answer, known.take()).await {
            Ok(Some(status)) => return status.map(|due_at| Turn { due_at, ..turn.clone() }),
            Ok(None) => {}
            Err(error) => {
                error!(%error, %attempt, "a carrier's answer can't be stored yet");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}

/// `None`: something moved. `Some(Some(due))`: queued again.
async fn try_settle(
    engine: &Arc<Engine>,
    turn: &Turn,
    attempt: AttemptId,
    answer: &Submitted,
    known: Option<Underway>,
) -> Result<Option<Option<Timestamp>>, Refusal> {
    let now = engine.clock.now();
    let found = match known {
        Some(known) => Some(known),
        None => engine.storage.underway(turn.conversation, turn.seq).await?,
    };
    let Some(underway) = found else { return Ok(Some(None)) };
    let mine = underway.delivery(&turn.number).filter(|d| d.attempt_id == Some(attempt));
    let Some(delivery) = mine else { return Ok(Some(None)) };
    // Spreads the pauses: the last bits of a UUIDv7 are random.
    let dice = f64::from(u16::try_from(attempt.0.as_u128() & 0xffff).unwrap_or(0)) / 65_536.0;
    let moved = delivery.answered(answer, engine.behaviour.give_up_after, dice, now);
    let provider_ids = match answer {
        Submitted::Accepted { provider_ids, .. } => provider_ids.clone(),
        _ => vec![],
    };
    if moved.is_none() && provider_ids.is_empty() {
        return Ok(Some(None));
    }
    let moved = moved.unwrap_or_else(|| delivery.clone());
    let due = (moved.status == Status::Queued).then_some(moved.due_at);
    let guards = guards(&underway, turn.seq, delivery);
    let mut also = vec![];
    if let Submitted::Rejected(Rejection::OptedOut, _) = answer {
        also = engine.opted_out_by_carrier(&underway, &moved, now).await?;
    }
    Ok(commit(engine, &underway, moved, guards, None, provider_ids, also).await?.then_some(due))
}

/// What a change of a delivery rests on: the conversation, for who is told, and the delivery itself.
pub(super) fn guards(underway: &Underway, seq: i64, delivery: &Delivery) -> Vec<Guard> {
    let conversation = underway.message.conversation;
    let Delivery { number, attempt, status, .. } = delivery.clone();
    vec![
        Guard::Conversation(conversation, underway.revision),
        Guard::Delivery { conversation, seq, number, attempt, status },
    ]
}

/// Commits a change of a delivery; false if what it rests on has moved.
pub(super) async fn commit(
    engine: &Arc<Engine>,
    underway: &Underway,
    delivery: Delivery,
    guards: Vec<Guard>,
    begins: Option<String>,
    provider_ids: Vec<String>,
    also: Vec<Change>,
) -> Result<bool, Refusal> {
    let moved = DeliveryMoved {
        conversation: underway.message.conversation,
        seq: underway.message.seq,
        delivery,
        begins,
        provider_ids,
        audience: underway.audience.clone(),
    };
    // Whether the customer is owed a reply may be another matter now.
    let status = moved.delivery.status;
    let matters = underway.is_queued && (status.has_failed() || status == Status::Queued);
    let mut changes = vec![Change::DeliveryMoved(Box::new(moved))];
    changes.extend(also);
    if matters {
        changes.extend(engine.told_anew(underway.tenant, underway.message.conversation).await?);
    }
    let unit = Unit { by: By::Engine(underway.tenant), once: None, decision: Decision { guards, changes } };
    // Who hands it over knows that it is queued again: it is not posted.
    Ok(engine.commit_unit(unit).await?.is_some())
}

/// A text was being handed over by a process that is gone.
async fn lost(engine: &Arc<Engine>, interrupted: &Waiting) {
    loop {
        let settled = async {
            let found = engine.storage.underway(interrupted.conversation, interrupted.seq).await?;
            let Some(underway) = found else { return Ok(true) };
            let Some(delivery) = underway.delivery(&interrupted.delivery.number) else { return Ok(true) };
            let Some(lost) = delivery.lost(engine.clock.now()) else { return Ok(true) };
            let guards = guards(&underway, interrupted.seq, delivery);
            commit(engine, &underway, lost, guards, None, vec![], vec![]).await
        };
        match settled.await {
            Ok(true) => {
                info!(conversation = %interrupted.conversation, seq = interrupted.seq, "was being sent when the process ended");
                return;
            }
            Ok(false) => {}
            Err(error) => {
                let error: Refusal = error;
                warn!(%error, "what was being sent can't be settled yet");
                tokio::time::sleep(AGAIN).await;
            }
        }
    }
}
