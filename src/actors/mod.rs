//! The actors, and the engine that they make together. All of actix is here and in `http`.
//!
//! Whoever wants something of a conversation goes through [`Engine`]; it finds or starts the actor.

mod arbiters;
pub mod catch_up;
mod conversation;
#[cfg(feature = "smpp")]
pub mod exchange;
mod identity;
mod limits;
mod outbox;
mod phonebooks;
mod provision;
mod queue;
pub mod queues;
mod registry;
pub mod session;
mod shell;
pub mod simulated;
pub mod sweep;
mod switchboard;
pub mod texts;
mod voice_queues;
pub mod webhooks;

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread::available_parallelism,
    time::Duration,
};

use dashmap::DashMap;
use tokio::sync::Semaphore;

use crate::{
    carriers::Carriers,
    clock::Clock,
    domain::{
        By, Caller, ConversationId, ExtensionId, QueueId, Refusal, TenantId, Timestamp,
        conversation::{Command, Conversation},
        limits::Quota,
        phone::Number,
        presence,
        queue::Queue,
    },
    jwt::Issuer,
    storage::{SecretHash, Storage, ledger::Ledger},
};

pub use identity::Identity;
pub use limits::{Failures, Limits};
pub use phonebooks::{Load, Replaced};
pub use provision::ExtensionRequest;
pub use shell::{Answer, sent};
pub use webhooks::WebhookBehaviour;

use arbiters::Arbiters;
use outbox::Outbox;
use registry::Registry;
use shell::Shell;
use switchboard::Switchboard;

/// How the engine behaves, in the words of the configuration.
#[derive(Clone, Debug)]
pub struct Behaviour {
    /// Between two pings of the server.
    pub heartbeat: Duration,
    /// For a first `hello`.
    pub hello_within: Duration,
    /// After which an unused actor stops.
    pub idle_after: Duration,
    /// Sends of one extension.
    pub sends: Quota,
    /// Frames of one session.
    pub frames: Quota,
    /// Waits for an answer of the engine no longer than this.
    pub answer_within: Duration,
    /// Refusals of a carrier that may pass are waited out for so long.
    pub give_up_after: Duration,
    /// The largest file that is kept with a text, in bytes.
    pub attachment_max: usize,
    /// Events to the PBX.
    pub webhooks: WebhookBehaviour,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            heartbeat: Duration::from_secs(25),
            hello_within: Duration::from_secs(10),
            idle_after: Duration::from_secs(60),
            sends: Quota { per_s: 50.0, burst: 200.0 },
            frames: Quota { per_s: 200.0, burst: 1_000.0 },
            answer_within: Duration::from_secs(30),
            give_up_after: Duration::from_secs(4 * 3_600),
            attachment_max: 5 << 20,
            webhooks: WebhookBehaviour::default(),
        }
    }
}

/// Half of the connections that read: the others are for whoever reads little.
const SEARCHES: usize = 2;

/// Called before each decision of a conversation; a test lets it panic.
pub type Probe = Arc<dyn Fn(ConversationId) + Send + Sync>;

/// How people sign in.
#[derive(Debug)]
pub struct SigningIn {
    /// Failed logins.
    pub failures: Failures,
    /// Whose signed tokens are taken, if anybody's.
    pub issuer: Option<Issuer>,
}

/// The engine of one node.
pub struct Engine {
    /// The database.
    pub storage: Storage,
    /// What time it is.
    pub clock: Clock,
    /// How it behaves.
    pub behaviour: Behaviour,
    /// How often something may be done.
    pub limits: Limits,
    /// Whose signed tokens are taken, if anybody's.
    issuer: Option<Issuer>,
    /// Who carries texts.
    pub carriers: Carriers,
    ledger: Ledger,
    outboxes: Registry<Number, Outbox>,
    /// Texts being handed to carriers.
    handing_over: AtomicUsize,
    /// Carriers that do not take our credentials, and when they are asked again.
    parked: DashMap<String, Timestamp>,
    /// A commit's answer was lost: texts may wait that no outbox was told of.
    may_have_missed: AtomicBool,
    conversations: Registry<ConversationId, Shell<Conversation>>,
    queues: Registry<QueueId, Shell<Queue>>,
    switchboards: Registry<TenantId, Switchboard>,
    arbiters: Arc<Arbiters>,
    /// A password's hash takes 19 MiB and a core: so many at once, and no more.
    hashing: Semaphore,
    /// Searches through phonebooks: so many at once.
    searching: Semaphore,
    stopping: AtomicBool,
    probe: Option<Probe>,
    /// Conversations may have lost their agent: the next sweep looks for them.
    may_have_orphans: AtomicBool,
    webhooks: Arc<webhooks::Desk>,
}

impl std::fmt::Debug for Engine {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Engine").field("behaviour", &self.behaviour).finish_non_exhaustive()
    }
}

impl Engine {
    /// Starts the arbiters on which conversations and switchboards live; they themselves start on first use.
    pub fn start(
        storage: Storage,
        ledger: Ledger,
        carriers: Carriers,
        clock: Clock,
        behaviour: Behaviour,
        signing_in: SigningIn,
        probe: Option<Probe>,
    ) -> Arc<Self> {
        let arbiters = Arc::new(Arbiters::start());
        Arc::new_cyclic(|engine: &std::sync::Weak<Engine>| {
            let (pool, me) = (arbiters.clone(), engine.clone());
            let conversations = Registry::new("conversation", clock.clone(), move |id| {
                Some(Shell::start(me.upgrade()?, id, &pool.of(&id)))
            });
            let (pool, me) = (arbiters.clone(), engine.clone());
            let queues =
                Registry::new("queue", clock.clone(), move |id| Some(Shell::start(me.upgrade()?, id, &pool.of(&id))));
            let (pool, me) = (arbiters.clone(), engine.clone());
            let switchboards = Registry::new("switchboard", clock.clone(), move |tenant| {
                Some(Switchboard::start(me.upgrade()?, tenant, &pool.of(&tenant)))
            });
            let (pool, me) = (arbiters.clone(), engine.clone());
            let outboxes = Registry::new("outbox", clock.clone(), move |ours: Number| {
                let arbiter = pool.of(&ours);
                Some(Outbox::start(me.upgrade()?, ours, &arbiter))
            });
            let limits = Limits::new(behaviour.sends, signing_in.failures);
            let hashing = Semaphore::new(available_parallelism().map_or(2, usize::from));
            let stopping = AtomicBool::new(false);
            let webhooks = Arc::new(webhooks::Desk::new(clock.new_id()));
            Engine {
                storage,
                clock,
                behaviour,
                limits,
                issuer: signing_in.issuer,
                carriers,
                ledger,
                outboxes,
                handing_over: AtomicUsize::new(0),
                parked: DashMap::new(),
                may_have_missed: AtomicBool::new(false),
                conversations,
                queues,
                switchboards,
                arbiters,
                hashing,
                searching: Semaphore::new(SEARCHES),
                stopping,
                probe,
                may_have_orphans: AtomicBool::new(false),
                webhooks,
            }
        })
    }

    /// A command of an extension to a conversation. It takes its place in the conversation's order when this is
    /// called, before the answer is awaited.
    pub fn ask(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        conversation: ConversationId,
        command: Command,
    ) -> impl Future<Output = Result<Answer, Refusal>> + use<> {
        if let Some(entries) = command.entries()
            && let Err(refusal) = self.limits.send(caller.extension, entries, self.clock.now())
        {
            return futures_util::future::Either::Left(std::future::ready(Err(refusal)));
        }
        let writes = matches!(command, Command::Send { .. } | Command::Retry(_) | Command::Consent(_));
        let asked = shell::ask::<Conversation>(self.clone(), conversation, By::Extension(caller.clone()), command);
        let (me, caller) = (self.clone(), caller.clone());
        futures_util::future::Either::Right(async move {
            match asked.await {
                Err(Refusal::NotFound) if writes => {
                    // On its own: a session may stop polling this.
                    let why = tokio::spawn(async move { me.why_not(&caller, conversation).await });
                    Err(why.await.unwrap_or(Refusal::NotFound))
                }
                answer => answer,
            }
        })
    }

    /// Why somebody may not write in a conversation that is not theirs: who may read it is told how it stands.
    async fn why_not(&self, caller: &Caller, id: ConversationId) -> Refusal {
        match self.storage.row(caller.tenant, caller.extension, id).await {
            Ok(row) => row.and_then(|row| Some(row.facts.queue?.not_held())).unwrap_or(Refusal::NotFound),
            Err(error) => error.into(),
        }
    }

    /// Somebody types. Nothing is answered; who is no member tells nobody.
    pub fn typing(self: &Arc<Self>, caller: &Arc<Caller>, conversation: ConversationId) {
        if let Ok(lease) = self.conversations.lease(conversation) {
            lease.tell(conversation::Typing { caller: caller.clone() });
        }
    }

    /// Whether these extensions are there, as this tenant's switchboard sees it.
    pub async fn presence(&self, tenant: TenantId, of: Vec<ExtensionId>) -> Vec<presence::State> {
        let count = of.len();
        let Ok(lease) = self.switchboards.lease(tenant) else { return vec![presence::State::Offline; count] };
        let asked = lease.addr().send(switchboard::WhoIsThere(of));
        match actix::clock::timeout(self.behaviour.answer_within, asked).await {
            Ok(Ok(states)) => states,
            _ => vec![presence::State::Offline; count],
        }
    }

    /// A token was revoked: the sessions that came with it end.
    pub fn revoked(&self, caller: &Caller, token: SecretHash) {
        if let Ok(lease) = self.switchboards.lease(caller.tenant) {
            lease.tell(switchboard::EndSessions { of: caller.extension, token });
        }
    }

    /// Tells every session to come back later, spread over `over`. New ones are refused from now on.
    pub async fn go_away(&self, over: Duration) {
        self.stopping.store(true, Ordering::Release);
        for lease in self.switchboards.all() {
            let _ =
                actix::clock::timeout(Duration::from_secs(1), lease.addr().send(switchboard::GoAway { over })).await;
        }
    }

    /// Whether the server stops: no new sessions.
    pub fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Acquire)
    }

    /// Whether a carrier does not take our credentials.
    pub fn is_parked(&self, carrier: &str) -> bool {
        self.parked.get(carrier).is_some_and(|until| *until > self.clock.now())
    }

    /// Waits for carriers' answers, commits what was decided, and stops the arbiters. Nobody asks any more.
    pub async fn stop(&self) {
        let patience = crate::carriers::ANSWER_WITHIN;
        let _ = tokio::time::timeout(patience, async {
            while self.handing_over.load(Ordering::Acquire) > 0 {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        })
        .await;
        self.release_webhooks().await;
        self.ledger.stop().await;
        self.arbiters.stop();
    }

    /// Texts may have been committed unheard: the next sweep looks for them.
    fn may_have_missed(&self) {
        self.may_have_missed.store(true, Ordering::Release);
    }

    fn after_panic(&self) {
        self.may_have_missed();
        metrics::counter!("partyline_actor_panics_total").increment(1);
    }
}
