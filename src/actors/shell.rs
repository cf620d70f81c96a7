//! The shell that runs *decide → commit → apply* for one conversation (or queue), whatever its rules are.
//!
//! Commands that leave the revision alone are pipelined: decided on the committed state and handed to the ledger in the
//! order in which they came, without waiting for each other. One that changes the revision waits for those under way.
//! After a conflict nothing more is handed over until all under way are answered; then the state is read anew and they
//! are decided again, in their first order.

use std::{
    collections::VecDeque,
    future::Future,
    mem,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message, SpawnHandle,
    StreamHandler, WrapFuture,
};
use futures_channel::mpsc::{UnboundedSender, unbounded};
use tokio::sync::oneshot;
use tracing::{debug, error};

use crate::{
    domain::{By, Committed, Decision, Happening, Refusal, Timestamp, conversation::Message as Stored},
    storage::{
        Storage, StorageError,
        ledger::{Once, Outcome, Unit},
    },
};

use super::{
    Engine,
    arbiters::apart,
    registry::{Permit, Registry},
};

/// Commands that wait in one shell, and units of it under way, beyond which it is `busy`.
const WAITING: usize = 4_096;
const IN_FLIGHT: usize = 1_024;
/// Decided so often in vain, a command gives up.
const TRIES: u8 = 20;
/// Commands that are gathered: the first at once, those of this time together.
const GATHER: Duration = Duration::from_secs(1);

/// An actor that panicked is gone after this, and the next look-up starts another.
const UNWINDING: Duration = Duration::from_millis(10);

/// What a shell runs: a state of the domain, and how its commands are decided.
pub(super) trait Subject: Sized + Unpin + 'static {
    type Id: super::registry::Key + Copy + std::fmt::Display + Unpin + Send + 'static;
    type Command: Clone + Unpin + Send + 'static;
    /// What the shell keeps beside the state.
    type Beside: Default + Unpin + 'static;

    fn load(storage: Storage, id: Self::Id) -> impl Future<Output = Result<Option<Self>, StorageError>> + Send;
    fn registry(engine: &Engine) -> &Registry<Self::Id, Shell<Self>>;
    fn probe(engine: &Engine, id: Self::Id);
    fn decide(&self, by: &By, command: &Self::Command) -> Result<Decision, Refusal>;
    /// The command's own name, by which its repetition is known.
    fn once(by: &By, command: &Self::Command) -> Option<Once>;
    /// Whether a conflict is for who asks to look at: the command rests on what they have read.
    fn is_decided_elsewhere(command: &Self::Command) -> bool;
    /// Whether a refusal rests on what others alter, so that it is decided once more on a state read anew.
    fn is_doubtful(refusal: &Refusal) -> bool;
    /// Whether what was decided rests on a refusal of that kind.
    fn rests_on_doubt(decision: &Decision) -> bool;
    /// Whether what was committed has made the state one that must be read anew.
    fn is_outdated(&self) -> bool;
    /// The answer to a command whose `client_id` was used before.
    fn again(id: Self::Id, command: &Self::Command, first: Stored) -> Result<Stored, Refusal>;
    fn changes_revision(command: &Self::Command) -> bool;
    /// Whether many of these in a second become one decision, made by [`Subject::together`].
    fn is_gathered(command: &Self::Command) -> bool;
    fn together(decisions: Vec<Decision>) -> Decision;
    fn apply(&mut self, committed: &Committed);
    fn next_deadline(&self) -> Option<Timestamp>;
    /// Its deadline has come.
    fn fall_due(engine: Arc<Engine>, of: By, id: Self::Id) -> impl Future<Output = ()> + 'static;
    /// The engine, on behalf of whose company it is.
    fn tenant(&self) -> By;
}

/// What a command that was carried out has done.
#[derive(Clone, Debug)]
pub enum Answer {
    /// These changes, if any were needed.
    Done(Vec<Arc<Committed>>),
    /// It was done before, and this is what it made.
    Again(Box<Stored>),
    /// The same text came in before.
    Repeated,
    /// What who asked has read has changed meanwhile; nothing was done.
    Moved,
}

/// The message that a send made, and whether it is new.
pub fn sent(answer: Answer) -> Option<(Stored, bool)> {
    match answer {
        Answer::Again(first) => Some((*first, false)),
        Answer::Done(changes) => changes.iter().find_map(|committed| match &committed.happening {
            Happening::MessageCreated(message) => Some((message.clone(), true)),
            _ => None,
        }),
        Answer::Repeated | Answer::Moved => None,
    }
}

/// A command on its way to a shell.
pub(super) struct Ask<S: Subject> {
    by: By,
    command: S::Command,
    answer: oneshot::Sender<Result<Answer, Refusal>>,
    /// Set before the command's unit goes to the ledger: from then on a lost answer is an unknown outcome.
    handed_over: Arc<AtomicBool>,
    /// Dropped with the answer.
    _permit: Permit,
}

impl<S: Subject> Message for Ask<S> {
    type Result = ();
}

/// Asks a subject's shell, started if need be. The command has its place in line when this returns.
pub(super) fn ask<S: Subject>(
    engine: Arc<Engine>,
    id: S::Id,
    by: By,
    command: S::Command,
) -> impl Future<Output = Result<Answer, Refusal>> {
    let first = enqueue::<S>(&engine, id, by.clone(), command.clone());
    async move {
        let (answer, handed_over) = first?;
        match within(&engine, answer).await {
            Some(answer) => answer,
            None if handed_over.load(Ordering::Acquire) => Err(Refusal::OutcomeUnknown),
            // The actor died before the command reached the ledger: once more, and once only.
            None => {
                engine.after_panic();
                // Its mailbox closes a moment after its handler has unwound.
                tokio::time::sleep(UNWINDING).await;
                let (answer, handed_over) = enqueue::<S>(&engine, id, by, command)?;
                match within(&engine, answer).await {
                    Some(answer) => answer,
                    None if handed_over.load(Ordering::Acquire) => Err(Refusal::OutcomeUnknown),
                    None => Err(Refusal::Busy),
                }
            }
        }
    }
}

/// The answer; `None` if it is lost, `outcome_unknown` if it takes too long.
async fn within(
    engine: &Engine,
    answer: oneshot::Receiver<Result<Answer, Refusal>>,
) -> Option<Result<Answer, Refusal>> {
    match tokio::time::timeout(engine.behaviour.answer_within, answer).await {
        Ok(answer) => answer.ok(),
        Err(_) => Some(Err(Refusal::OutcomeUnknown)),
    }
}

type Enqueued = (oneshot::Receiver<Result<Answer, Refusal>>, Arc<AtomicBool>);

fn enqueue<S: Subject>(engine: &Engine, id: S::Id, by: By, command: S::Command) -> Result<Enqueued, Refusal> {
    let (addr, permit) = S::registry(engine).lease(id)?.into_permit();
    let (answer, receiver) = oneshot::channel();
    let handed_over = Arc::new(AtomicBool::new(false));
    let ask = Ask { by, command, answer, handed_over: handed_over.clone(), _permit: permit };
    // Full: certainly not done. Closed: it just died; the receiver finds out, and asks once more.
    match addr.try_send(ask) {
        Err(actix::dev::SendError::Full(_)) => Err(Refusal::Busy),
        Ok(()) | Err(actix::dev::SendError::Closed(_)) => Ok((receiver, handed_over)),
    }
}

/// The actor.
pub(super) struct Shell<S: Subject> {
    engine: Arc<Engine>,
    id: S::Id,
    /// `None`: there is no such thing.
    state: Option<S>,
    /// Not yet decided.
    waiting: VecDeque<Pending<S>>,
    /// Handed to the ledger, which answers in this order.
    in_flight: VecDeque<Pending<S>>,
    /// In conflict: to be decided again when nothing is under way.
    again: Vec<Pending<S>>,
    /// Whether the state must be read anew before anything else is decided.
    stale: bool,
    gathering: Option<Vec<Ask<S>>>,
    outcomes: UnboundedSender<Outcome>,
    busy_since_tick: bool,
    /// The one timer, and for when it is set.
    armed: Option<(Timestamp, SpawnHandle)>,
    /// The deadline that was acted on last: what did not succeed is tried again by the sweep.
    fired: Option<Timestamp>,
    beside: S::Beside,
}

/// One unit of work to be: a command, or several that were gathered.
struct Pending<S: Subject> {
    asks: Vec<Ask<S>>,
    tries: u8,
    /// Set on a bare look-up: the answer, unless the `client_id` is known.
    refusal: Option<Refusal>,
}

impl<S: Subject> Pending<S> {
    fn of(asks: Vec<Ask<S>>) -> Self {
        Self { asks, tries: 0, refusal: None }
    }

    fn changes_revision(&self) -> bool {
        self.asks.iter().any(|ask| S::changes_revision(&ask.command))
    }

    fn answer(self, answer: &Result<Answer, Refusal>) {
        for ask in self.asks {
            let _ = ask.answer.send(answer.clone());
        }
    }
}

impl<S: Subject> Shell<S> {
    pub(super) fn start(engine: Arc<Engine>, id: S::Id, arbiter: &ArbiterHandle) -> Addr<Self> {
        Self::start_in_arbiter(arbiter, move |ctx| {
            ctx.set_mailbox_capacity(WAITING);
            let (outcomes, settled) = unbounded();
            ctx.add_stream(settled);
            Self {
                engine,
                id,
                state: None,
                waiting: VecDeque::new(),
                in_flight: VecDeque::new(),
                again: Vec::new(),
                stale: false,
                gathering: None,
                outcomes,
                busy_since_tick: true,
                armed: None,
                fired: None,
                beside: S::Beside::default(),
            }
        })
    }

    /// The state, for what is never stored.
    pub(super) fn state_mut(&mut self) -> Option<&mut S> {
        self.state.as_mut()
    }

    /// Whether who is in it may be another by now: what is under way changes the revision.
    pub(super) fn is_revising(&self) -> bool {
        self.stale || self.in_flight.front().is_some_and(Pending::changes_revision)
    }

    pub(super) fn engine(&self) -> &Arc<Engine> {
        &self.engine
    }

    pub(super) fn id(&self) -> S::Id {
        self.id
    }

    pub(super) fn beside_mut(&mut self) -> &mut S::Beside {
        &mut self.beside
    }

    /// It is spoken to, in another way than by commands.
    pub(super) fn is_in_use(&mut self) {
        self.busy_since_tick = true;
    }

    /// Reads the state. Nothing is under way, and what comes waits in the mailbox.
    fn load(&mut self, ctx: &mut Context<Self>) {
        let loaded = S::load(self.engine.storage.clone(), self.id).into_actor(self);
        ctx.wait(loaded.map(|loaded, me, ctx| {
            match loaded {
                Ok(state) => (me.state, me.stale) = (state, false),
                Err(error) => {
                    error!(id = %me.id, %error, "a state could not be read");
                    for pending in mem::take(&mut me.again).into_iter().chain(mem::take(&mut me.waiting)) {
                        pending.answer(&Err(Refusal::StorageUnavailable));
                    }
                    (me.state, me.stale) = (None, true);
                    return;
                }
            }
            for pending in mem::take(&mut me.again).into_iter().rev() {
                me.waiting.push_front(pending);
            }
            me.pump(ctx);
            me.arm(ctx);
            // Nobody shall fill the memory by asking for what isn't there.
            if me.state.is_none() {
                me.busy_since_tick = false;
                me.stop_if_idle(ctx);
            }
        }));
    }

    /// Decides and hands over all that may go now.
    fn pump(&mut self, ctx: &mut Context<Self>) {
        if self.stale {
            if self.in_flight.is_empty() {
                self.load(ctx);
            }
            return;
        }
        while let Some(next) = self.waiting.front().filter(|_| !self.stale) {
            let alone = next.changes_revision() || self.in_flight.front().is_some_and(Pending::changes_revision);
            if self.in_flight.len() >= IN_FLIGHT || (alone && !self.in_flight.is_empty()) {
                return;
            }
            if let Some(next) = self.waiting.pop_front() {
                self.hand_over(next);
            }
        }
        if self.stale && self.in_flight.is_empty() {
            self.load(ctx);
        }
    }

    fn hand_over(&mut self, mut pending: Pending<S>) {
        S::probe(&self.engine, self.id);
        let decision = self.decide(&mut pending);
        // Those who ask together, and may, are of one tenant: the subject's.
        let Some(first) = pending.asks.first() else { return };
        let (by, once) = (first.by.clone(), S::once(&first.by, &first.command));
        let is_doubtful = match &decision {
            Some(Ok(decision)) => S::rests_on_doubt(decision),
            Some(Err(refusal)) => S::is_doubtful(refusal),
            None => false,
        };
        if is_doubtful && pending.tries == 0 {
            (self.stale, pending.tries) = (true, 1);
            self.again.push(pending);
            return;
        }
        let decision = match decision {
            Some(Ok(decision)) if decision.changes.is_empty() && once.is_none() => {
                return pending.answer(&Ok(Answer::Done(vec![])));
            }
            Some(Ok(decision)) => decision,
            Some(Err(refusal)) if once.is_none() => return pending.answer(&Err(refusal)),
            // A repetition of what was done before it was refused answers what was done: look it up in its turn.
            Some(Err(refusal)) => {
                pending.refusal = Some(refusal);
                Decision::default()
            }
            None => return,
        };
        for ask in &pending.asks {
            ask.handed_over.store(true, Ordering::Release);
        }
        let outcomes = self.outcomes.clone();
        let unit = Unit { by, once, decision };
        let handed = self.engine.ledger.submit(unit, move |outcome| {
            let _ = outcomes.unbounded_send(outcome);
        });
        match handed {
            Ok(()) => self.in_flight.push_back(pending),
            Err(_) => pending.answer(&Err(Refusal::Busy)),
        }
    }

    /// What the asks mean together; those that are refused alone are answered and dropped. `None`: none is left.
    fn decide(&self, pending: &mut Pending<S>) -> Option<Result<Decision, Refusal>> {
        let decide =
            |ask: &Ask<S>| self.state.as_ref().map_or(Err(Refusal::NotFound), |s| s.decide(&ask.by, &ask.command));
        if let [only] = &pending.asks[..] {
            return Some(decide(only));
        }
        let mut decisions = Vec::with_capacity(pending.asks.len());
        for ask in mem::take(&mut pending.asks) {
            match decide(&ask) {
                Ok(decision) => {
                    decisions.push(decision);
                    pending.asks.push(ask);
                }
                Err(refusal) => drop(ask.answer.send(Err(refusal))),
            }
        }
        (!pending.asks.is_empty()).then(|| Ok(S::together(decisions)))
    }

    fn settle(&mut self, mut pending: Pending<S>, outcome: Outcome) {
        match outcome {
            Outcome::Committed(changes) => {
                if let Some(state) = &mut self.state {
                    changes.iter().for_each(|committed| state.apply(committed));
                    self.stale |= state.is_outdated();
                }
                self.engine.post(&changes);
                let answer = pending.refusal.take().map_or(Ok(Answer::Done(changes)), Err);
                pending.answer(&answer);
            }
            Outcome::Known(first) => {
                let answer = match pending.asks.first() {
                    Some(ask) => S::again(self.id, &ask.command, *first).map(|m| Answer::Again(Box::new(m))),
                    None => return,
                };
                pending.answer(&answer);
            }
            Outcome::Repeated => pending.answer(&Ok(Answer::Repeated)),
            Outcome::Conflict if pending.asks.iter().any(|ask| S::is_decided_elsewhere(&ask.command)) => {
                self.stale = true;
                pending.answer(&Ok(Answer::Moved));
            }
            Outcome::Conflict if pending.tries >= TRIES => {
                self.stale = true;
                pending.answer(&Err(Refusal::Busy));
            }
            Outcome::Conflict => {
                debug!(id = %self.id, tries = pending.tries, "decided on what has moved: again");
                metrics::counter!("partyline_conflicts_total").increment(1);
                self.stale = true;
                pending.tries += 1;
                self.again.push(pending);
            }
            Outcome::Aborted => pending.answer(&Err(Refusal::StorageUnavailable)),
            Outcome::Unknown => {
                self.stale = true;
                self.engine.may_have_missed();
                pending.answer(&Err(Refusal::OutcomeUnknown));
            }
        }
    }

    /// The first of its kind goes at once; those of the following second go together.
    fn gather(&mut self, ask: Ask<S>, ctx: &mut Context<Self>) {
        if let Some(gathering) = &mut self.gathering {
            gathering.push(ask);
            return;
        }
        self.waiting.push_back(Pending::of(vec![ask]));
        self.gathering = Some(Vec::new());
        ctx.run_later(GATHER, Self::gathered);
    }

    fn gathered(&mut self, ctx: &mut Context<Self>) {
        let asks = self.gathering.take().unwrap_or_default();
        if asks.is_empty() {
            return;
        }
        self.waiting.push_back(Pending::of(asks));
        self.gathering = Some(Vec::new());
        ctx.run_later(GATHER, Self::gathered);
        self.pump(ctx);
    }

    /// Sets the one timer for the state's deadline.
    fn arm(&mut self, ctx: &mut Context<Self>) {
        let deadline = self.state.as_ref().and_then(S::next_deadline);
        if self.armed.as_ref().map(|(at, _)| *at) == deadline {
            return;
        }
        if let Some((_, timer)) = self.armed.take() {
            ctx.cancel_future(timer);
        }
        let Some(at) = deadline.filter(|at| self.fired != Some(*at)) else { return };
        let timer = ctx.run_later(at.since(self.engine.clock.now()), move |me, ctx| me.fall_due(at, ctx));
        self.armed = Some((at, timer));
    }

    fn fall_due(&mut self, at: Timestamp, ctx: &mut Context<Self>) {
        self.armed = None;
        // The clock may have gone back since.
        if self.engine.clock.now() < at {
            return self.arm(ctx);
        }
        let Some(of) = self.state.as_ref().map(S::tenant) else { return };
        self.fired = Some(at);
        ctx.spawn(apart(S::fall_due(self.engine.clone(), of, self.id)).into_actor(self));
    }

    /// What has a deadline needs not stay for it: the sweep wakes it in time.
    fn stop_if_idle(&mut self, ctx: &mut Context<Self>) {
        let idle = !mem::replace(&mut self.busy_since_tick, false);
        if idle && self.waiting.is_empty() && self.in_flight.is_empty() && S::registry(&self.engine).passivate(self.id)
        {
            ctx.stop();
        }
    }
}

impl<S: Subject> Actor for Shell<S> {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        self.load(ctx);
        ctx.run_interval(self.engine.behaviour.idle_after, Self::stop_if_idle);
    }
}

impl<S: Subject> Handler<Ask<S>> for Shell<S> {
    type Result = ();

    fn handle(&mut self, ask: Ask<S>, ctx: &mut Self::Context) {
        self.busy_since_tick = true;
        if self.waiting.len() >= WAITING || self.gathering.as_ref().is_some_and(|g| g.len() >= WAITING) {
            drop(ask.answer.send(Err(Refusal::Busy)));
            return;
        }
        if S::is_gathered(&ask.command) {
            self.gather(ask, ctx);
        } else {
            self.waiting.push_back(Pending::of(vec![ask]));
        }
        self.pump(ctx);
    }
}

/// What the state was read from is another since: it is read anew before anything else is decided.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Refresh;

impl<S: Subject> Handler<Refresh> for Shell<S> {
    type Result = ();

    fn handle(&mut self, _: Refresh, ctx: &mut Self::Context) {
        self.stale = true;
        self.pump(ctx);
    }
}

impl<S: Subject> StreamHandler<Outcome> for Shell<S> {
    fn handle(&mut self, outcome: Outcome, ctx: &mut Self::Context) {
        if let Some(pending) = self.in_flight.pop_front() {
            self.settle(pending, outcome);
            self.arm(ctx);
        }
        self.pump(ctx);
    }
}
