//! Events to the PBX: each enabled webhook is a reader with a cursor.
//!
//! What is committed after its cursor is read, merged by version, stored as deliveries, and the cursor moved, in one
//! transaction; then they are sent one after the other. While one can't be delivered nothing more is read, so states that
//! pass meanwhile are merged. One node at a time works on a webhook: whoever has it leased.

use std::{
    collections::HashMap,
    sync::{Arc, Weak},
    time::Duration,
};

use metrics::counter;
use serde_json::json;
use tokio::{
    sync::{Notify, watch},
    task::JoinHandle,
};
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::{
    domain::{
        By, Committed, Refusal, TenantId, Timestamp, WebhookId,
        audit::Entry,
        webhook::{self, Kind, Secret, State, Then, WEBHOOKS_MAX, Wanted, Webhook},
    },
    protocol::{frames::EventFrame, webhooks::body},
    storage::{NewDelivery, StorageError, WebhookDelivery, WebhookTurn},
    webhooks::{Key, Letter, Post, new_secret},
};

use super::{Engine, catch_up, outbox::HandingOver};

/// How often a lost race is run again.
const TRIES: usize = 20;
/// Versions that are read at once.
const AT_ONCE: i64 = 500;
/// How much longer than an attempt a lease lasts.
const SPARE: Duration = Duration::from_secs(5);
/// All webhooks are looked at, whatever the database says of their work, after so many looks.
const ALL: u32 = 60;
/// What was settled is kept for so long, and so many of each webhook.
const KEPT: Duration = Duration::from_secs(7 * 24 * 3_600);
const MOST_KEPT: i64 = 10_000;
/// What the database refused is tried again after this.
const AGAIN: Duration = Duration::from_secs(1);

/// How webhooks are worked on.
#[derive(Clone, Debug)]
pub struct WebhookBehaviour {
    /// The pauses after failed attempts: after the last of them a delivery is given up.
    pub pauses: Vec<Duration>,
    /// For an answer of the receiver.
    pub answer_within: Duration,
    /// How often it is looked for work that nobody told of.
    pub look_every: Duration,
}

impl Default for WebhookBehaviour {
    fn default() -> Self {
        let (answer_within, look_every) = (Duration::from_secs(15), Duration::from_secs(1));
        Self { pauses: webhook::pauses(), answer_within, look_every }
    }
}

/// What the engine knows of its webhooks.
pub(super) struct Desk {
    /// This process, among those that share the database.
    node: Uuid,
    /// Rings when one was put, or something is to be sent anew.
    changed: Notify,
}

impl Desk {
    pub(super) fn new(node: Uuid) -> Self {
        Self { node, changed: Notify::new() }
    }
}

/// What became of a `PUT`.
#[derive(Clone, Debug)]
pub struct PutAway {
    /// As it is then.
    pub webhook: Webhook,
    /// Whether it is new.
    pub made: bool,
    /// Its secret, if nobody gave one.
    pub made_up: Option<Secret>,
}

impl Engine {
    /// Makes a webhook, or alters it to be so.
    pub async fn put_webhook(
        &self,
        by: &By,
        key: &str,
        url: &str,
        events: &Wanted,
        secret: Option<Secret>,
    ) -> Result<PutAway, Refusal> {
        let tenant = by.tenant();
        // Not the address: there may be a secret in it.
        let entry = Entry::new("webhook.put", key, Some(json!({ "events": events.names() })));
        for _ in 0..TRIES {
            if let Some(was) = self.storage.webhook(tenant, key).await? {
                let secret = secret.as_ref().unwrap_or(&was.secret);
                let same = was.url == url && was.events == *events && was.secret == *secret;
                if same && was.state != State::Disabled {
                    return Ok(PutAway { webhook: was, made: false, made_up: None });
                }
                if !self.storage.alter_webhook(&was, url, events, secret).await? {
                    continue;
                }
            } else {
                let made_up =
                    if secret.is_none() { Some(Secret(new_secret().map_err(StorageError::from)?)) } else { None };
                let Some(given) = secret.as_ref().or(made_up.as_ref()) else { return Err(Refusal::Busy) };
                if self.storage.make_webhook(tenant, key, url, events, given).await? {
                    self.storage.audit(by, &entry).await?;
                    self.webhooks.changed.notify_one();
                    let webhook = self.storage.webhook(tenant, key).await?.ok_or(Refusal::Busy)?;
                    return Ok(PutAway { webhook, made: true, made_up });
                }
                if self.storage.webhooks(tenant, None, WEBHOOKS_MAX).await?.len() >= WEBHOOKS_MAX {
                    return Err(Refusal::invalid(format!("a company has up to {WEBHOOKS_MAX} webhooks")));
                }
                continue;
            }
            self.storage.audit(by, &entry).await?;
            self.webhooks.changed.notify_one();
            let webhook = self.storage.webhook(tenant, key).await?.ok_or(Refusal::Busy)?;
            return Ok(PutAway { webhook, made: false, made_up: None });
        }
        Err(Refusal::Busy)
    }

    /// Takes a webhook away.
    pub async fn delete_webhook(&self, by: &By, key: &str) -> Result<(), Refusal> {
        if !self.storage.delete_webhook(by.tenant(), key).await? {
            return Err(Refusal::NotFound);
        }
        self.webhooks.changed.notify_one();
        Ok(self.storage.audit(by, &Entry::new("webhook.delete", key, None)).await?)
    }

    /// Sends a delivery once more, now.
    pub async fn replay_webhook_delivery(&self, webhook: WebhookId, id: Uuid) -> Result<WebhookDelivery, Refusal> {
        let delivery = self.storage.replay_webhook_delivery(webhook, id).await?.ok_or(Refusal::NotFound)?;
        self.webhooks.changed.notify_one();
        Ok(delivery)
    }

    /// Others may go on with what this node worked on.
    pub(super) async fn release_webhooks(&self) {
        if let Err(error) = self.storage.release_webhooks(self.webhooks.node).await {
            warn!(%error, "webhooks stay leased for some seconds");
        }
    }
}

/// One who works on a webhook, while that is enabled.
struct Worker {
    wake: Arc<Notify>,
    task: JoinHandle<()>,
}

/// Sees to it that each enabled webhook has somebody who works on it, until the engine is gone.
pub async fn run(engine: Weak<Engine>, post: Post) {
    let mut workers: HashMap<WebhookId, Worker> = HashMap::new();
    let mut round = 0_u32;
    loop {
        // Its workers end by themselves: whoever waits for an answer gets it.
        let Some(engine) = engine.upgrade().filter(|engine| !engine.is_stopping()) else { return };
        match engine.storage.enabled_webhooks(engine.webhooks.node, engine.clock.now()).await {
            Ok(enabled) => {
                workers.retain(|id, worker| {
                    let is_enabled = enabled.iter().any(|w| w.id == *id);
                    if !is_enabled {
                        worker.task.abort();
                    }
                    is_enabled && !worker.task.is_finished()
                });
                for one in &enabled {
                    let worker = workers
                        .entry(one.id)
                        .or_insert_with(|| Worker::start(&engine, post.clone(), one.id, one.tenant));
                    if one.is_due || round.is_multiple_of(ALL) {
                        worker.wake.notify_one();
                    }
                }
                if round.is_multiple_of(ALL) {
                    for one in &enabled {
                        forget(&engine, one.id).await;
                    }
                }
                round = round.wrapping_add(1);
            }
            Err(error) => error!(%error, "nobody knows what webhooks wait for"),
        }
        let (desk, every) = (engine.webhooks.clone(), engine.behaviour.webhooks.look_every);
        drop(engine);
        tokio::select! {
            () = tokio::time::sleep(every) => {}
            () = desk.changed.notified() => {}
        }
    }
}

/// Forgets what was settled long ago, in small steps.
async fn forget(engine: &Engine, id: WebhookId) {
    loop {
        match engine.storage.forget_webhook_deliveries(id, KEPT, MOST_KEPT).await {
            Ok(true) => tokio::task::yield_now().await,
            Ok(false) => return,
            Err(error) => return error!(%error, "old deliveries can't be forgotten"),
        }
    }
}

impl Worker {
    fn start(engine: &Arc<Engine>, post: Post, id: WebhookId, tenant: TenantId) -> Self {
        let wake = Arc::new(Notify::new());
        // It looks at once: whatever it missed is in the database.
        wake.notify_one();
        let bell = engine.ledger.bell(tenant);
        let task = tokio::spawn(work(Arc::downgrade(engine), post, id, wake.clone(), bell));
        Self { wake, task }
    }
}

async fn work(engine: Weak<Engine>, post: Post, id: WebhookId, wake: Arc<Notify>, mut bell: watch::Receiver<()>) {
    let mut due: Option<Duration> = None;
    loop {
        tokio::select! {
            () = wake.notified() => {}
            rang = bell.changed() => if rang.is_err() { return },
            () = tokio::time::sleep(due.unwrap_or(Duration::MAX)) => {}
        }
        let Some(engine) = engine.upgrade().filter(|engine| !engine.is_stopping()) else { return };
        bell.mark_unchanged();
        due = match (Turns { engine: &engine, post: &post, id }).take().await {
            Ok(until) => until.map(|until| until.since(engine.clock.now())),
            Err(error) => {
                error!(webhook = %id, %error, "a webhook can't be worked on now");
                Some(AGAIN)
            }
        };
    }
}

/// Work on one webhook.
struct Turns<'a> {
    engine: &'a Arc<Engine>,
    post: &'a Post,
    id: WebhookId,
}

impl Turns<'_> {
    /// Sends all there is to send. Answers when there is more, if that is known.
    async fn take(&self) -> Result<Option<Timestamp>, StorageError> {
        let (storage, clock, node) = (&self.engine.storage, &self.engine.clock, self.engine.webhooks.node);
        let within = self.engine.behaviour.webhooks.answer_within;
        let mut leased_until = Timestamp(0);
        loop {
            if self.engine.is_stopping() {
                return Ok(None);
            }
            let now = clock.now();
            // An attempt that begins ends before the lease does.
            let webhook = if leased_until.since(now) < within + SPARE / 2 {
                leased_until = now + within + SPARE;
                storage.lease_webhook(self.id, node, now, within + SPARE).await?
            } else {
                storage.leased_webhook(self.id, node).await?
            };
            let Some(webhook) = webhook else { return Ok(None) };
            match storage.webhook_turn(self.id, clock.now()).await? {
                WebhookTurn::Send(delivery) => self.send(&webhook, &delivery).await?,
                WebhookTurn::Wait(until) => {
                    storage.webhook_rests(self.id, node).await?;
                    return Ok(Some(until));
                }
                WebhookTurn::Read => {
                    if !self.read(&webhook).await? {
                        storage.webhook_rests(self.id, node).await?;
                        return Ok(None);
                    }
                }
            }
        }
    }

    /// Stores what is to be sent of what happened next. Answers false if nothing has.
    async fn read(&self, webhook: &Webhook) -> Result<bool, StorageError> {
        let (storage, node) = (&self.engine.storage, self.engine.webhooks.node);
        let (changes, upto) = storage.changes_within(webhook.tenant, webhook.cursor, AT_ONCE, &webhook.events).await?;
        if upto == webhook.cursor {
            return Ok(false);
        }
        let frames = catch_up::events(storage, webhook.tenant, &changes).await?;
        let delivery = |(committed, frame): (&Committed, _)| self.delivery(committed, frame);
        let deliveries: Vec<_> = changes.iter().zip(&frames).filter_map(delivery).collect();
        // Whoever else has read it sends it.
        storage.keep_webhook_deliveries(webhook, node, upto, &deliveries).await
    }

    fn delivery(&self, committed: &Committed, frame: &EventFrame) -> Option<NewDelivery> {
        let kind = Kind::of(&committed.happening)?.as_str();
        let body = body(committed, &frame.event).inspect_err(|error| error!(%error, kind, "an event can't be told"));
        Some(NewDelivery { id: self.engine.clock.new_id(), kind, body: body.ok()? })
    }

    async fn send(&self, webhook: &Webhook, delivery: &WebhookDelivery) -> Result<(), StorageError> {
        let _counted = HandingOver::begin(self.engine);
        let Ok(key) = Key::parse(&webhook.secret.0) else {
            return Err(StorageError::Inconsistent(format!("the secret of the webhook {}", webhook.id)));
        };
        let id = delivery.id.to_string();
        let letter =
            Letter { url: &webhook.url, key: &key, id: &id, at: self.engine.clock.now(), body: &delivery.body };
        let attempt = self.post.post(letter).await;
        counter!("partyline_webhook_attempts_total", "outcome" => attempt.outcome()).increment(1);
        // Spreads the pauses: the last bits of a UUIDv7 are random.
        let dice = self.engine.clock.new_id().as_u128() & 0xffff;
        let dice = f64::from(u16::try_from(dice).unwrap_or(0)) / 65_536.0;
        let failed = usize::try_from(delivery.tries).unwrap_or(usize::MAX);
        let then = attempt.then(failed, &self.engine.behaviour.webhooks.pauses, dice);
        match then {
            Then::Delivered => {}
            Then::Again(_) => {
                info!(webhook = %webhook.id, outcome = attempt.outcome(), "an event can't be delivered yet")
            }
            Then::GivenUp => warn!(webhook = %webhook.id, delivery = %id, "an event is given up"),
            Then::Disabled => warn!(webhook = %webhook.id, "a webhook is gone: it is disabled"),
        }
        // What was answered is not to be asked again because the database is slow.
        loop {
            match self.engine.storage.settle_webhook_delivery(webhook, delivery, &attempt, then).await {
                Ok(()) => return Ok(()),
                Err(error) if self.engine.is_stopping() => return Err(error),
                Err(error) => {
                    error!(%error, "what a webhook answered can't be stored yet");
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }
}
