//! What agents, supervisors and the PBX ask of SMS queues and their conversations. A claim is decided by the conversation
//! on a copy of the agent's row; who loses a race reads anew and decides again.

use std::sync::{Arc, atomic::Ordering};

use tracing::{error, info};

use crate::{
    domain::{
        By, Caller, Change, ConversationId, ExtensionId, Guard, Happening, QueueId, Refusal, Role, TenantId,
        change::Appearance,
        conversation::{
            Command, Conversation, Message, Pair, Stand, SystemEvent, queued, start::start, transfer::Target,
        },
        phone::Number,
        provision::phone_number::StoredNumber,
        queue::{
            self, Agent, Line, Queue, Settings,
            put::{self, Wanted},
            set_agent::Wish,
        },
    },
    protocol::shapes::{self, MyQueue},
    storage::{Board, Row},
};

use super::{Answer, Engine, queue::look, shell};

/// How often a lost race is run again.
const TRIES: usize = 20;

/// To whom a conversation shall go, as people name them.
#[derive(Clone, Debug)]
pub enum Wanting {
    /// An agent of its queue, by number.
    Agent(String),
    /// A queue.
    Queue(QueueId),
}

impl Wanting {
    /// What a request names: one of the two.
    pub fn of(extension: Option<String>, queue: Option<String>) -> Result<Self, Refusal> {
        match (extension, queue) {
            (Some(number), None) => Ok(Wanting::Agent(number)),
            (None, Some(id)) => {
                let id = id.parse().map_err(|_| Refusal::NoSuchQueue(id.chars().take(40).collect()))?;
                Ok(Wanting::Queue(id))
            }
            _ => Err(Refusal::invalid("extension or queue: one of them")),
        }
    }
}

impl Engine {
    /// Makes a queue, or alters it to be so. Answers its id, and whether it is new.
    pub async fn put_queue(
        self: &Arc<Self>,
        by: &By,
        key: &str,
        settings: Settings,
        members: Vec<String>,
    ) -> Result<(QueueId, bool), Refusal> {
        let tenant = by.tenant();
        let unchecked = Wanted { settings, members, present: vec![], feeding: vec![] };
        unchecked.check(key)?;
        for _ in 0..TRIES {
            let present = self.storage.colleagues(tenant, &unchecked.members).await?;
            let mut present: Vec<_> = present.into_values().map(|who| who.id).collect();
            let stored = self.storage.queue_of_key(tenant, key).await?;
            if let Some(id) = stored {
                present.extend(self.storage.concerned_by(tenant, id).await?);
            }
            present.sort_unstable();
            present.dedup();
            let wanted = Wanted { present, feeding: self.storage.feeding(tenant, key).await?, ..unchecked.clone() };
            let Some(id) = stored else {
                let id = QueueId(self.clock.new_id());
                if self.commit(by, put::create(id, key, &wanted)?).await? {
                    return Ok((id, true));
                }
                continue;
            };
            let before = self.storage.queue(id).await?.ok_or(Refusal::NotFound)?;
            let made = before.deleted;
            let command = queue::Command::Put(Arc::new(wanted));
            match shell::ask::<Queue>(self.clone(), id, by.clone(), command).await? {
                Answer::Moved => {}
                _ => {
                    let goes = |agent: &&Agent| !unchecked.members.contains(&agent.who.number);
                    for gone in before.agents.values().filter(goes) {
                        self.release_all(tenant, id, gone.who.id).await;
                    }
                    return Ok((id, made));
                }
            }
        }
        Err(Refusal::Busy)
    }

    /// Gives a queue up, in which nothing is open.
    pub async fn delete_queue(self: &Arc<Self>, by: &By, key: &str) -> Result<(), Refusal> {
        let tenant = by.tenant();
        for _ in 0..TRIES {
            let id = self.storage.queue_of_key(tenant, key).await?.ok_or(Refusal::NotFound)?;
            let feeding = self.storage.feeding(tenant, key).await?;
            let present = self.storage.concerned_by(tenant, id).await?;
            let wish = queue::delete::Wish { in_use: self.storage.is_in_use(id).await?, present, feeding };
            let command = queue::Command::Delete(Arc::new(wish));
            match shell::ask::<Queue>(self.clone(), id, by.clone(), command).await? {
                Answer::Moved => {}
                _ => return Ok(()),
            }
        }
        Err(Refusal::Busy)
    }

    /// The caller's own state in a queue.
    pub async fn set_agent(self: &Arc<Self>, caller: &Arc<Caller>, id: QueueId, wish: Wish) -> Result<(), Refusal> {
        wish.check()?;
        self.limits.send(caller.extension, 1, self.clock.now())?;
        let command = queue::Command::SetAgent(wish);
        shell::ask::<Queue>(self.clone(), id, By::Extension(caller.clone()), command).await.map(drop)
    }

    /// The caller's queues, as of now or later.
    pub async fn my_queues(&self, caller: &Caller) -> Result<Vec<MyQueue>, Refusal> {
        let ids = self.storage.queues_of(caller.tenant, caller.extension).await?;
        if ids.is_empty() {
            return Ok(vec![]);
        }
        let held = self.storage.held(caller.tenant, caller.extension).await?;
        let mut mine = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(board) = look(self, id).await? else { continue };
            mine.extend(shown(&board, caller, held.get(&id).copied().unwrap_or(0)));
        }
        self.name_waiting(caller, &mut mine).await?;
        Ok(mine)
    }

    /// With what the caller may show for the customers who wait.
    async fn name_waiting(&self, caller: &Caller, queues: &mut [MyQueue]) -> Result<(), Refusal> {
        let rows = || queues.iter().flat_map(|queue| &queue.waiting);
        let numbers: Vec<_> = rows().filter_map(|row| row.number.clone().map(Number::stored)).collect();
        let names = self.storage.contact_names(caller, numbers).await?;
        for row in queues.iter_mut().flat_map(|queue| &mut queue.waiting) {
            *row = row.clone().with_names(&names);
        }
        Ok(())
    }

    /// One of the caller's queues.
    pub async fn my_queue(&self, caller: &Caller, id: QueueId) -> Result<MyQueue, Refusal> {
        let held = self.storage.held(caller.tenant, caller.extension).await?;
        let board = look(self, id).await?.filter(|board| board.tenant == caller.tenant).ok_or(Refusal::NotFound)?;
        let queue = shown(&board, caller, held.get(&id).copied().unwrap_or(0)).ok_or(Refusal::NotFound)?;
        let mut mine = [queue];
        self.name_waiting(caller, &mut mine).await?;
        let [queue] = mine;
        Ok(queue)
    }

    /// The caller takes what waits.
    pub async fn claim(self: &Arc<Self>, caller: &Arc<Caller>, id: ConversationId) -> Result<(), Refusal> {
        self.limits.send(caller.extension, 1, self.clock.now())?;
        for _ in 0..TRIES {
            let queue = self.storage.queue_in(caller.tenant, id).await?.ok_or(Refusal::NotFound)?;
            let agent = self.storage.agent(caller.tenant, queue, caller.extension).await?;
            let agent = agent.filter(|agent| agent.member).ok_or(Refusal::NotFound)?;
            match self.step(caller, id, Command::Claim(Arc::new(agent))).await {
                Ok(Answer::Moved) | Err(Refusal::NotWaiting) => {}
                done => return done.map(drop),
            }
        }
        Err(Refusal::Busy)
    }

    /// The caller gives it to somebody else.
    pub async fn transfer(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        id: ConversationId,
        to: &Wanting,
    ) -> Result<(), Refusal> {
        self.steers(caller, id).await?;
        for _ in 0..TRIES {
            let queue = self.storage.queue_in(caller.tenant, id).await?.ok_or(Refusal::NotFound)?;
            let target = match to {
                Wanting::Agent(number) => {
                    crate::domain::extension::check_number(number)?;
                    let agent = self.storage.agent_numbered(caller.tenant, queue, number).await?;
                    let agent = agent.ok_or_else(|| Refusal::NoSuchExtension(number.clone()))?;
                    Target::Agent(Box::new(agent))
                }
                Wanting::Queue(wanted) => {
                    let line = self.storage.line(caller.tenant, *wanted).await?;
                    Target::Queue(line.ok_or_else(|| Refusal::NoSuchQueue(wanted.to_string()))?)
                }
            };
            match self.step(caller, id, Command::Transfer(Arc::new(target))).await {
                Ok(Answer::Moved) | Err(Refusal::NotWaiting) => {}
                done => return done.map(drop),
            }
        }
        Err(Refusal::Busy)
    }

    /// The caller gives it back to its queue.
    pub async fn release(self: &Arc<Self>, caller: &Arc<Caller>, id: ConversationId) -> Result<(), Refusal> {
        self.steers(caller, id).await?;
        self.step(caller, id, Command::Release).await.map(drop)
    }

    /// The caller ends it.
    pub async fn close(self: &Arc<Self>, caller: &Arc<Caller>, id: ConversationId) -> Result<(), Refusal> {
        self.steers(caller, id).await?;
        self.step(caller, id, Command::Close).await.map(drop)
    }

    /// Who may not read it learns nothing of it.
    async fn steers(&self, caller: &Caller, id: ConversationId) -> Result<(), Refusal> {
        self.limits.send(caller.extension, 1, self.clock.now())?;
        let readable = self.storage.is_readable(caller.tenant, caller.extension, id).await?;
        if readable { Ok(()) } else { Err(Refusal::NotFound) }
    }

    async fn step(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        id: ConversationId,
        command: Command,
    ) -> Result<Answer, Refusal> {
        shell::ask::<Conversation>(self.clone(), id, By::Extension(caller.clone()), command).await
    }

    /// The caller's conversation from a number that feeds a queue: a new one, or the pair's open one, if it is theirs or
    /// waits.
    pub(super) async fn start_in_queue(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        line: &Arc<Line>,
        pair: &Pair,
        ours: &StoredNumber,
    ) -> Result<Option<(ConversationId, bool)>, Refusal> {
        let agent = self.storage.agent(caller.tenant, line.id, caller.extension).await?.ok_or(Refusal::NotFound)?;
        if !agent.member && caller.role < Role::Supervisor {
            return Err(Refusal::sender_gone(&pair.ours));
        }
        if let Some(open) = self.storage.by_natural_key(caller.tenant, &queued::natural_key(pair)).await? {
            return self.take_open(caller, open).await.map(|()| Some((open, false)));
        }
        if !ours.phone_number.sms_enabled {
            return Err(Refusal::sender_gone(&pair.ours));
        }
        self.limits.send(caller.extension, 1, self.clock.now())?;
        let id = ConversationId(self.clock.new_id());
        let number = Guard::PhoneNumber(pair.ours.clone(), ours.revision);
        let decision = start(id, line, pair, caller, &agent, number)?;
        Ok(self.commit(&By::Extension(caller.clone()), decision).await?.then_some((id, true)))
    }

    /// The pair's open conversation becomes the caller's, if it waits; another's stays theirs, and the caller learns whose.
    async fn take_open(self: &Arc<Self>, caller: &Arc<Caller>, open: ConversationId) -> Result<(), Refusal> {
        let row = self.storage.row_after(caller.tenant, caller.extension, open).await?;
        let place = row.and_then(|row| row.facts.queue).ok_or(Refusal::Busy)?;
        match place.state.holder() {
            Some(holder) if holder.id == caller.extension => Ok(()),
            Some(holder) => Err(Refusal::AlreadyClaimed(Box::new(holder.clone()))),
            None => match self.claim(caller, open).await {
                // It was transferred to a queue that the caller is no member of.
                Err(Refusal::NotFound) => {
                    let queue = &place.line.settings.name;
                    Err(Refusal::AgentUnavailable(format!("a conversation with them waits in {queue}")))
                }
                taken => taken,
            },
        }
    }

    /// A queue conversation's row is told anew: its clock runs, or has stopped; a picture of it is here.
    pub(super) async fn told_anew(&self, tenant: TenantId, id: ConversationId) -> Result<Option<Change>, Refusal> {
        let nobody = ExtensionId(uuid::Uuid::nil());
        let Some(Row { facts, last_message, .. }) = self.storage.row_after(tenant, nobody, id).await? else {
            return Ok(None);
        };
        let Some(stand) = facts.queue.as_ref().map(|queued| queued.state.stand()) else { return Ok(None) };
        let audience = facts.participants.iter().map(|reading| reading.extension).collect();
        let row = Box::new(Appearance::from(facts));
        Ok(match stand {
            Stand::Waiting => Some(Change::WaitingShown { row, last: last_message.map(Box::new) }),
            Stand::Claimed => Some(Change::RowShown { row, audience }),
            Stand::Closed => None,
        })
    }

    /// What falls due in a conversation, if it has. Firing twice does nothing.
    pub(super) async fn time_out(self: &Arc<Self>, tenant: TenantId, id: ConversationId) -> Result<(), Refusal> {
        for _ in 0..TRIES {
            let Some(due) = self.storage.known_when_due(id, self.clock.now()).await? else { return Ok(()) };
            let command = Command::TimeOut(Arc::new(due));
            match shell::ask::<Conversation>(self.clone(), id, By::Engine(tenant), command).await {
                Ok(Answer::Moved) => {}
                Ok(_) | Err(Refusal::NotWaiting | Refusal::NotFound) => return Ok(()),
                Err(refusal) => return Err(refusal),
            }
        }
        Err(Refusal::Busy)
    }

    /// All that an extension holds in a queue goes back. What can't be now, the sweep does.
    async fn release_all(self: &Arc<Self>, tenant: TenantId, queue: QueueId, of: ExtensionId) {
        match self.storage.held_in(tenant, queue, of).await {
            Ok(held) => {
                for id in held {
                    self.abandon(tenant, id, of).await;
                }
            }
            Err(error) => error!(%queue, %error, "what an agent held can't be looked for yet"),
        }
    }

    /// What an extension holds that it may hold no longer goes back.
    pub(super) async fn release_orphans_of(self: &Arc<Self>, tenant: TenantId, who: ExtensionId) {
        match self.storage.orphans_of(tenant, who).await {
            Ok(orphans) => {
                for (tenant, id, of) in orphans {
                    self.abandon(tenant, id, of).await;
                }
            }
            Err(error) => {
                self.may_have_orphans.store(true, Ordering::Release);
                error!(%error, "nobody knows what an extension held");
            }
        }
    }

    /// What agents hold who may do so no longer goes back.
    pub(super) async fn release_orphans(self: &Arc<Self>) {
        match self.storage.orphans().await {
            Ok(orphans) => {
                for (tenant, id, of) in orphans {
                    self.abandon(tenant, id, of).await;
                }
            }
            Err(error) => error!(%error, "nobody knows which conversations lost their agent"),
        }
    }

    async fn abandon(self: &Arc<Self>, tenant: TenantId, id: ConversationId, of: ExtensionId) {
        let command = Command::Abandon { of };
        match shell::ask::<Conversation>(self.clone(), id, By::Engine(tenant), command).await {
            Ok(_) => info!(conversation = %id, "its agent may hold it no longer: it waits again"),
            Err(error) => {
                self.may_have_orphans.store(true, Ordering::Release);
                error!(conversation = %id, %error, "it can't go back to its queue yet");
            }
        }
    }
}

/// A board as one of the queue's members sees it.
fn shown(board: &Board, caller: &Caller, held: i64) -> Option<MyQueue> {
    let nobody = ExtensionId(uuid::Uuid::nil());
    let row = |row: &Row| {
        shapes::Conversation::seen_by(
            nobody,
            &row.facts,
            row.last_message.as_ref(),
            row.my_read,
            row.opted_out,
            &board.people,
        )
    };
    let waiting = || board.waiting.iter().map(row).collect();
    let Board { line, agents, numbers, waiting_count, .. } = board;
    MyQueue::of(caller.extension, line, agents, numbers, waiting, *waiting_count, held)
}

/// Counts the steps of queue conversations for operators.
pub(super) fn count(happening: &Happening) {
    let Happening::MessageCreated(Message { event: Some(event), .. }) = happening else { return };
    let step = match event {
        SystemEvent::Entered { .. } => "entered",
        SystemEvent::Claimed { .. } => "claimed",
        SystemEvent::Transferred { .. } | SystemEvent::TransferredToQueue { .. } => "transferred",
        SystemEvent::Released { .. } => "released",
        SystemEvent::TimedOut { .. } => "timed_out",
        SystemEvent::Closed { .. } => "closed",
        SystemEvent::Missed => "missed",
        _ => return,
    };
    metrics::counter!("partyline_queue_steps_total", "step" => step).increment(1);
}
