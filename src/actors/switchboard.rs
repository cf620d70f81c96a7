//! The one door through which sessions hear of anything: it delivers what is committed, in version order, to those who
//! are told, and knows who is there.
//!
//! It delivers only what follows directly on what it delivered last. On a hole it waits a moment for the ring, then
//! reads the rows past its last version from the database, as any reader would.

mod presence;
mod roster;

use std::{
    collections::{BTreeSet, HashMap},
    mem,
    sync::Arc,
    time::Duration,
};

use actix::{
    Actor, ActorContext, ActorFutureExt, Addr, ArbiterHandle, AsyncContext, Context, Handler, Message, MessageResult,
    StreamHandler, WrapFuture,
};
use bytestring::ByteString;
use metrics::counter;
use tokio_stream::wrappers::WatchStream;
use tracing::{debug, error, warn};

use crate::{
    domain::{
        Audience, Caller, Committed, ExtensionId, Happening, QueueId, SessionId, TenantId, Version,
        extension::{Extension, People},
        presence::State,
        queue::Agent,
    },
    protocol::frames::{Close, EventFrame, ServerFrame},
    storage::{CatchUp, Reader, SecretHash, StorageError, ledger::Feed},
};

use super::{
    Engine,
    arbiters::apart,
    session::{Deliver, Requeue, SessionAddr, Status},
};

use presence::Presences;
use roster::{Roster, Seat};

/// How long the ring may take to close a hole.
const PATIENCE: Duration = Duration::from_millis(50);
/// How often the counter is compared with what was delivered.
const CHECK_EVERY: Duration = Duration::from_secs(1);
/// Changes that are queued before they are handed over: each may be for a thousand sessions.
const AT_ONCE: usize = 256;
/// Rows read at once to close a hole; beyond that sessions come back by themselves.
const MOST_MISSED: usize = 20_000;

pub(super) struct Switchboard {
    engine: Arc<Engine>,
    tenant: TenantId,
    feed: Arc<Feed>,
    /// Everyone of the tenant, as of `last`; `None` until it is read.
    people: Option<People>,
    /// Who is available in each queue, as of `last`.
    available: HashMap<QueueId, Arc<[ExtensionId]>>,
    /// Those whose queues are others since, to be told with the next flush.
    requeues: BTreeSet<ExtensionId>,
    /// The last version delivered.
    last: Version,
    /// Reading what was missed, or about to.
    repairing: bool,
    /// Outcomes that nobody knew, as of the last bell.
    unknowns: u64,
    /// The counter was ahead at the last check, and nothing has come since.
    behind_since: Option<Version>,
    roster: Roster,
    presences: Presences,
    idle_ticks: u64,
}

impl Switchboard {
    pub(super) fn start(engine: Arc<Engine>, tenant: TenantId, arbiter: &ArbiterHandle) -> Addr<Self> {
        Self::start_in_arbiter(arbiter, move |ctx| {
            ctx.set_mailbox_capacity(16_384);
            let feed = engine.ledger.subscribe(tenant);
            Self {
                engine,
                tenant,
                feed,
                people: None,
                available: HashMap::new(),
                requeues: BTreeSet::new(),
                last: 0,
                repairing: false,
                unknowns: 0,
                behind_since: None,
                roster: Roster::default(),
                presences: Presences::default(),
                idle_ticks: 0,
            }
        })
    }

    /// Reads who is in the tenant, and from which version on it delivers.
    fn open(&mut self, ctx: &mut Context<Self>) {
        let (storage, tenant) = (self.engine.storage.clone(), self.tenant);
        let read = async move {
            // The version first: who is altered between the two reads is told of again, which does no harm.
            let version = storage.current_version(tenant).await?;
            Ok::<_, StorageError>((version, storage.everyone(tenant).await?, storage.availability(tenant).await?))
        };
        ctx.wait(read.into_actor(self).map(|read, me, ctx| match read {
            Ok((version, people, agents)) => {
                me.know(&agents);
                me.last = version;
                me.feed.forget(version);
                for person in &people {
                    me.presences.names(person);
                }
                me.people = Some(people.into_iter().map(|e| (e.id, (e.number, e.name))).collect());
                me.drain(ctx);
            }
            Err(error) => {
                error!(tenant = %me.tenant, %error, "the switchboard can't read");
                ctx.run_later(CHECK_EVERY, Self::open);
            }
        }));
    }

    /// Delivers what follows, and sees to it if something is missing.
    fn drain(&mut self, ctx: &mut Context<Self>) {
        if self.people.is_none() || self.repairing {
            return;
        }
        let following = self.feed.following(self.last);
        for some in following.chunks(AT_ONCE) {
            some.iter().for_each(|committed| self.deliver(committed));
            self.flush();
        }
        if self.feed.is_beyond(self.last) {
            self.repair_after(PATIENCE, ctx);
        }
    }

    fn deliver(&mut self, committed: &Committed) {
        self.last = self.last.max(committed.version);
        if let Happening::ExtensionUpdated(extension) = &committed.happening {
            self.extension_updated(extension);
        }
        if let Happening::AgentUpdated { queue, agent } = &committed.happening {
            self.agent_updated(*queue, agent);
        }
        self.ask_queues_anew(committed);
        if matches!(&committed.audience, Audience::Extensions(who) if who.is_empty()) {
            return;
        }
        let Some(people) = &self.people else { return };
        let frame = ByteString::from(ServerFrame::Event(EventFrame::of(committed, people)).to_text());
        match &committed.audience {
            Audience::Tenant => self.roster.queue_for_all(committed.version, &frame),
            Audience::Extensions(who) => self.roster.queue(who, committed.version, &frame),
            Audience::Agents(queue) => {
                let available = self.available.get(queue);
                available.into_iter().for_each(|who| self.roster.queue(who, committed.version, &frame));
            }
        }
    }

    /// Who is available where, read from the database.
    fn know(&mut self, agents: &[(QueueId, ExtensionId, bool)]) {
        let mut available: HashMap<_, Vec<_>> = HashMap::new();
        for (queue, who, _) in agents.iter().filter(|(.., available)| *available) {
            available.entry(*queue).or_default().push(*who);
        }
        self.available = available.into_iter().map(|(queue, who)| (queue, who.into())).collect();
    }

    fn agent_updated(&mut self, queue: QueueId, agent: &Agent) {
        let others = self.available.get(&queue).map_or(&[][..], |who| who);
        let others = others.iter().copied().filter(|who| *who != agent.who.id);
        let who = others.chain(agent.is_available().then_some(agent.who.id)).collect();
        self.available.insert(queue, who);
    }

    /// Those whose queues are others since: they are given them anew, as a whole.
    fn ask_queues_anew(&mut self, committed: &Committed) {
        match (&committed.happening, &committed.audience) {
            (Happening::AgentUpdated { agent, .. }, _) => drop(self.requeues.insert(agent.who.id)),
            (Happening::QueueUpdated(_), Audience::Extensions(who)) => self.requeues.extend(who.iter()),
            _ => {}
        }
    }

    fn extension_updated(&mut self, extension: &Extension) {
        if let Some(people) = &mut self.people {
            people.insert(extension.id, (extension.number.clone(), extension.name.clone()));
        }
        self.presences.names(extension);
        for seat in self.roster.of(extension.id) {
            let status = Status(extension.clone());
            if seat.addr.try_send(status).is_err() {
                seat.evict();
            }
        }
    }

    /// Hands each session what was queued for it. One whose mailbox is full reads too slowly: it is taken off.
    fn flush(&mut self) {
        let (delivered, gone) = self.roster.flush();
        counter!("partyline_events_delivered_total").increment(delivered);
        for seat in gone {
            self.presences.remove(seat.extension, seat.session, self.engine.clock.now());
        }
        // After what was queued: what waits and is taken before this is of no account then.
        for seat in mem::take(&mut self.requeues).into_iter().flat_map(|who| self.roster.of(who)) {
            if seat.addr.try_send(Requeue).is_err() {
                seat.evict();
            }
        }
    }

    fn repair_after(&mut self, patience: Duration, ctx: &mut Context<Self>) {
        self.repairing = true;
        ctx.run_later(patience, |me, ctx| {
            me.repairing = false;
            if !me.feed.following(me.last).is_empty() {
                return me.drain(ctx);
            }
            me.repair(ctx);
        });
    }

    /// Reads what is past the last version from the database, merged, and goes on from there.
    fn repair(&mut self, ctx: &mut Context<Self>) {
        self.repairing = true;
        let (storage, tenant, after) = (self.engine.storage.clone(), self.tenant, self.last);
        let read = async move {
            let changes = storage.changes(tenant, Reader::Tenant, after, MOST_MISSED).await?;
            Ok::<_, StorageError>((changes, storage.availability(tenant).await?))
        };
        ctx.spawn(apart(read).into_actor(self).map(|read, me, ctx| {
            me.repairing = false;
            match read {
                Ok((CatchUp::Changes(rows, upto), agents)) => {
                    debug!(tenant = %me.tenant, from = me.last, upto, rows = rows.len(), "a hole was closed");
                    counter!("partyline_holes_closed_total").increment(u64::from(upto > me.last));
                    for some in rows.chunks(AT_ONCE) {
                        some.iter().for_each(|row| me.deliver(row));
                        me.flush();
                    }
                    me.last = me.last.max(upto);
                    me.feed.forget(me.last);
                    // What waited and was taken meanwhile is not told again: queues are given as a whole.
                    me.know(&agents);
                    me.requeues.extend(me.roster.everyone());
                    me.flush();
                    me.drain(ctx);
                }
                Ok((CatchUp::TooFar, _)) => {
                    warn!(tenant = %me.tenant, "too much was missed: sessions come back by themselves");
                    let now = me.engine.clock.now();
                    for seat in me.roster.clear() {
                        me.presences.remove(seat.extension, seat.session, now);
                        seat.end(Close::TooSlow);
                    }
                    me.people = None;
                    me.open(ctx);
                }
                Err(error) => {
                    error!(tenant = %me.tenant, %error, "a hole can't be closed");
                    me.repair_after(CHECK_EVERY, ctx);
                }
            }
        }));
    }

    fn tick(&mut self, ctx: &mut Context<Self>) {
        let now = self.engine.clock.now();
        let roster = &mut self.roster;
        for (session, states) in self.presences.changed(now) {
            if let Some(seat) = roster.by_session(session) {
                seat.tell(ServerFrame::Presence { states }.to_text().into());
            }
        }
        let alone = self.roster.is_empty() && self.presences.is_empty();
        self.idle_ticks = if alone { self.idle_ticks + 1 } else { 0 };
        if self.idle_ticks > self.engine.behaviour.idle_after.as_secs()
            && self.engine.switchboards.passivate(self.tenant)
        {
            self.engine.ledger.unsubscribe(self.tenant);
            return ctx.stop();
        }
        if self.roster.is_empty() || self.repairing || self.people.is_none() {
            return;
        }
        let (storage, tenant) = (self.engine.storage.clone(), self.tenant);
        let read = async move { storage.current_version(tenant).await };
        ctx.spawn(apart(read).into_actor(self).map(|version, me, ctx| match version {
            // Ahead twice with nothing delivered between: a last batch was lost.
            Ok(version) if version > me.last && me.behind_since == Some(me.last) && !me.repairing => {
                me.behind_since = None;
                me.repair(ctx);
            }
            Ok(version) => me.behind_since = (version > me.last).then_some(me.last),
            Err(error) => error!(tenant = %me.tenant, %error, "the counter can't be read"),
        }));
    }
}

/// After a panic its sessions are told at once: they come back, to the next one.
impl Drop for Switchboard {
    fn drop(&mut self) {
        for seat in self.roster.clear() {
            seat.end(Close::GoingAway(0));
        }
    }
}

impl Actor for Switchboard {
    type Context = Context<Self>;

    fn started(&mut self, ctx: &mut Self::Context) {
        let bell = self.feed.bell();
        self.unknowns = *bell.borrow();
        ctx.add_stream(WatchStream::from_changes(bell));
        self.open(ctx);
        ctx.run_interval(CHECK_EVERY, Self::tick);
    }
}

/// The ledger rang: there is news, or an outcome that nobody knows.
impl StreamHandler<u64> for Switchboard {
    fn handle(&mut self, unknowns: u64, ctx: &mut Self::Context) {
        let in_doubt = mem::replace(&mut self.unknowns, unknowns) != unknowns;
        self.drain(ctx);
        if in_doubt && !self.repairing && self.people.is_some() {
            self.repair_after(PATIENCE, ctx);
        }
    }
}

/// A session has read all up to `at`, and wants what follows.
#[derive(Message)]
#[rtype(result = "Attached")]
pub(super) struct Attach {
    pub session: SessionId,
    pub caller: Arc<Caller>,
    pub token: SecretHash,
    pub addr: SessionAddr,
    pub at: Version,
}

/// Whether a session is attached, or must read on first.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Attached {
    Yes,
    ReadOn,
    /// The server stops.
    Stopping,
}

impl Handler<Attach> for Switchboard {
    type Result = MessageResult<Attach>;

    fn handle(&mut self, attach: Attach, ctx: &mut Self::Context) -> Self::Result {
        let Attach { session, caller, token, addr, at } = attach;
        if self.engine.is_stopping() {
            return MessageResult(Attached::Stopping);
        }
        self.drain(ctx);
        let missed = if at < self.last { self.feed.following(at) } else { vec![] };
        let reaches = at >= self.last || missed.last().is_some_and(|c| c.version >= self.last);
        let Some(people) = self.people.as_ref().filter(|_| reaches) else {
            return MessageResult(Attached::ReadOn);
        };
        let seat = Seat { session, extension: caller.extension, token, addr };
        let concerns = |c: &&Arc<Committed>| match &c.audience {
            Audience::Tenant => c.version <= self.last,
            Audience::Extensions(who) => c.version <= self.last && who.contains(&caller.extension),
            Audience::Agents(queue) => {
                let available = self.available.get(queue);
                c.version <= self.last && available.is_some_and(|who| who.contains(&caller.extension))
            }
        };
        let concerns_queues = |c: &Arc<Committed>| match (&c.happening, &c.audience) {
            (Happening::AgentUpdated { agent, .. }, _) => agent.who.id == caller.extension,
            (Happening::QueueUpdated(_), Audience::Extensions(who)) => who.contains(&caller.extension),
            _ => false,
        };
        let queues_anew = missed.iter().any(concerns_queues);
        let frames: Vec<_> = missed
            .iter()
            .filter(concerns)
            .map(|c| (c.version, ByteString::from(ServerFrame::Event(EventFrame::of(c, people)).to_text())))
            .collect();
        if !frames.is_empty() && seat.addr.try_send(Deliver(frames)).is_err() {
            seat.evict();
            return MessageResult(Attached::Yes);
        }
        if queues_anew && seat.addr.try_send(Requeue).is_err() {
            seat.evict();
            return MessageResult(Attached::Yes);
        }
        self.roster.add(seat);
        self.presences.set(caller.extension, session, true, self.engine.clock.now());
        MessageResult(Attached::Yes)
    }
}

/// A session is over.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Detach {
    pub session: SessionId,
}

impl Handler<Detach> for Switchboard {
    type Result = ();

    fn handle(&mut self, Detach { session }: Detach, _: &mut Self::Context) {
        let now = self.engine.clock.now();
        if let Some(seat) = self.roster.remove(session) {
            self.presences.remove(seat.extension, session, now);
        }
        self.presences.unwatch(session);
    }
}

/// Something that is told and not stored.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Murmur {
    pub audience: Arc<[ExtensionId]>,
    /// Not to its author's own sessions.
    pub except: ExtensionId,
    pub text: ByteString,
}

impl Handler<Murmur> for Switchboard {
    type Result = ();

    fn handle(&mut self, Murmur { audience, except, text }: Murmur, _: &mut Self::Context) {
        for who in audience.iter().filter(|who| **who != except) {
            for seat in self.roster.of(*who) {
                // Lost, if the session has no room: it was never promised.
                drop(seat.addr.try_send(Deliver::unversioned(text.clone())));
            }
        }
    }
}

/// Whether a session's person is at it.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Active {
    pub extension: ExtensionId,
    pub session: SessionId,
    pub active: bool,
}

impl Handler<Active> for Switchboard {
    type Result = ();

    fn handle(&mut self, Active { extension, session, active }: Active, _: &mut Self::Context) {
        if self.roster.by_session(session).is_some() {
            self.presences.set(extension, session, active, self.engine.clock.now());
        }
    }
}

/// Whose presence a session shows, by number.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Watch {
    pub session: SessionId,
    pub numbers: Vec<String>,
}

impl Handler<Watch> for Switchboard {
    type Result = ();

    fn handle(&mut self, Watch { session, numbers }: Watch, _: &mut Self::Context) {
        let Some(seat) = self.roster.by_session(session) else { return };
        let states = self.presences.watch(session, &numbers, self.engine.clock.now());
        seat.tell(ServerFrame::Presence { states }.to_text().into());
    }
}

/// Whether these are there.
#[derive(Message)]
#[rtype(result = "Vec<State>")]
pub(super) struct WhoIsThere(pub Vec<ExtensionId>);

impl Handler<WhoIsThere> for Switchboard {
    type Result = MessageResult<WhoIsThere>;

    fn handle(&mut self, WhoIsThere(of): WhoIsThere, _: &mut Self::Context) -> Self::Result {
        let now = self.engine.clock.now();
        MessageResult(of.into_iter().map(|id| self.presences.state(id, now)).collect())
    }
}

/// A token was revoked.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct EndSessions {
    pub of: ExtensionId,
    pub token: SecretHash,
}

impl Handler<EndSessions> for Switchboard {
    type Result = ();

    fn handle(&mut self, EndSessions { of, token }: EndSessions, _: &mut Self::Context) {
        for seat in self.roster.of(of).filter(|seat| seat.token == token) {
            seat.end(Close::Revoked);
        }
    }
}

/// The server stops: sessions come back spread over this time.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct GoAway {
    pub over: Duration,
}

impl Handler<GoAway> for Switchboard {
    type Result = ();

    fn handle(&mut self, GoAway { over }: GoAway, _: &mut Self::Context) {
        let seats = mem::take(&mut self.roster).clear();
        let count = u64::try_from(seats.len().max(1)).unwrap_or(1);
        let over = u64::try_from(over.as_millis()).unwrap_or(0);
        for (nth, seat) in (0u64..).zip(seats) {
            seat.end(Close::GoingAway(over * nth / count));
        }
    }
}
