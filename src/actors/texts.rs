//! Texts that come in, and news of those that went out: where they belong is decided on what the database says of the pair
//! of numbers, and committed with what that rests on. Who loses a race decides again.

use std::{sync::Arc, time::Duration};

use tracing::info;

use crate::{
    domain::{
        AttachmentId, By, Caller, Change, ConversationId, Decision, ExtensionId, Guard, Refusal, Seq, TenantId,
        Timestamp, UnroutedId,
        conversation::{
            Command, Conversation, Message, Pair, consent,
            create_sms::{create_sms, natural_key},
            enter::enter,
            receive::{Arrival, entries, meaning, obey},
            retry,
        },
        phone::Number,
        provision::phone_number::StoredNumber,
        queue::Line,
        settings::Settings,
        sms::{
            consent::{Consent, Source},
            delivery::{Delivery, Receipt},
            inbound::{Incoming, News},
            keywords::keyword,
            route::{Route, route},
        },
    },
    storage::{Lookup, Underway, ledger::Once},
};

use super::{
    Answer, Engine,
    outbox::{commit, guards},
    shell,
};

/// How often a lost race is run again.
const TRIES: usize = 20;

/// How long a carrier's request is tried before it is refused: Twilio waits 15 s for an answer.
const PATIENCE: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(200);

/// What became of a text that came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Received {
    /// It is stored, or was before.
    Taken,
    /// It is for a number that is nobody's here.
    Nobodys(&'static str),
}

/// To whom a text goes that is nobody's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Assignee {
    /// An extension, by number.
    Extension(String),
    /// A queue, by the PBX's own name for it.
    Queue(String),
}

/// A text that came in is taken once, by its carrier's name for it.
pub(super) fn once(incoming: &Incoming) -> Once {
    Once::Incoming { carrier: incoming.carrier.clone(), provider_id: incoming.provider_id.clone() }
}

impl Engine {
    /// A text comes in. When this answers `Taken` it is on disk. Not every carrier brings a text again that was refused
    /// for a moment: so this waits a while before it refuses.
    pub async fn receive(self: &Arc<Self>, incoming: Incoming) -> Result<Received, Refusal> {
        self.patiently(|| {
            let (me, incoming) = (self.clone(), incoming.clone());
            async move { me.try_receive(incoming).await }
        })
        .await
    }

    /// Tries what may be done twice until it succeeds, or for [`PATIENCE`].
    async fn patiently<T, F>(&self, what: impl Fn() -> F) -> Result<T, Refusal>
    where
        F: Future<Output = Result<T, Refusal>>,
    {
        let until = tokio::time::Instant::now() + PATIENCE;
        loop {
            match what().await {
                Err(Refusal::Busy | Refusal::StorageUnavailable | Refusal::OutcomeUnknown)
                    if tokio::time::Instant::now() < until && !self.is_stopping() =>
                {
                    tokio::time::sleep(PAUSE).await;
                }
                done => return done,
            }
        }
    }

    async fn try_receive(self: &Arc<Self>, incoming: Incoming) -> Result<Received, Refusal> {
        let pair = Pair { ours: incoming.to.clone(), theirs: incoming.from.clone() };
        for _ in 0..TRIES {
            let stored = self.storage.phone_number(&pair.ours).await?.filter(|n| !n.deleted);
            let Some(number) = stored else { return Ok(Received::Nobodys("the number is nobody's here")) };
            if number.phone_number.carrier != incoming.carrier {
                return Ok(Received::Nobodys("the number belongs to another carrier"));
            }
            let (tenant, now) = (number.tenant, self.clock.now());
            let by = &By::Engine(tenant);
            let named = number.phone_number.extension.as_deref();
            let may_be_word = incoming.keyword.is_some() || keyword(incoming.text.as_str()).is_some();
            let mut lookup = self.storage.lookup(tenant, &pair, named, may_be_word, now).await?;
            lookup.pair.we_answer =
                self.carriers.get(&incoming.carrier).is_some_and(|carrier| !carrier.answers_keywords());
            let attachments = incoming.media.iter().map(|_| AttachmentId(self.clock.new_id())).collect();
            let word = meaning(&incoming, &lookup.pair);
            let mut arrival = Arrival {
                incoming: incoming.clone(),
                word,
                attachments,
                known: lookup.pair.clone(),
                guards: vec![Guard::PhoneNumber(pair.ours.clone(), number.revision)],
                also: vec![],
                now,
            };
            // A word of consent is shown in the pair's newest conversation, and opens none of a queue.
            let taken = match (word.and(lookup.newest), route(&lookup.known)) {
                (Some(newest), _) => self.into_conversation(by, newest, arrival).await?,
                (None, Route::Thread(owner)) => {
                    arrival.guards.extend(revision(&lookup, owner));
                    self.into_thread(by, owner, &pair, arrival).await?
                }
                (None, Route::Open(open)) => self.into_conversation(by, open, arrival).await?,
                (None, Route::Queue(_)) if word.is_some() => self.into_unrouted(by, arrival).await?,
                (None, Route::Queue(_)) => match &lookup.feeds {
                    Some(line) => self.into_queue(by, line, arrival).await?,
                    None => false,
                },
                (None, Route::Unrouted) => self.into_unrouted(by, arrival).await?,
            };
            if taken {
                return Ok(Received::Taken);
            }
        }
        Err(Refusal::Busy)
    }

    /// Into a conversation that is there; false if what that rests on has moved.
    async fn into_conversation(
        self: &Arc<Self>,
        by: &By,
        id: ConversationId,
        arrival: Arrival,
    ) -> Result<bool, Refusal> {
        let command = Command::Receive(Arc::new(arrival));
        match shell::ask::<Conversation>(self.clone(), id, by.clone(), command).await {
            Ok(Answer::Moved) | Err(Refusal::NotFound) => Ok(false),
            Ok(_) => Ok(true),
            Err(refusal) => Err(refusal),
        }
    }

    /// Into an extension's thread, made if need be.
    async fn into_thread(
        self: &Arc<Self>,
        by: &By,
        owner: ExtensionId,
        pair: &Pair,
        mut arrival: Arrival,
    ) -> Result<bool, Refusal> {
        let tenant = by.tenant();
        if let Some(id) = self.storage.by_natural_key(tenant, &natural_key(owner, pair)).await? {
            return self.into_conversation(by, id, arrival).await;
        }
        let id = ConversationId(self.clock.new_id());
        let once = arrival.also.is_empty().then(|| once(&arrival.incoming));
        // Whose thread it is hears of what they said, too.
        if !arrival.known.threads_of.contains(&owner) {
            arrival.known.threads_of = arrival.known.threads_of.iter().copied().chain([owner]).collect();
        }
        let mut decision = entries(id, &[owner].into(), &arrival);
        decision.changes.insert(0, create_sms(owner, pair.clone(), id));
        self.commit_once(by, once, decision).await
    }

    /// Into a new conversation of a queue; false if what that rests on has moved, or the pair has one by now.
    async fn into_queue(self: &Arc<Self>, by: &By, line: &Arc<Line>, arrival: Arrival) -> Result<bool, Refusal> {
        let id = ConversationId(self.clock.new_id());
        let once = arrival.also.is_empty().then(|| once(&arrival.incoming));
        self.commit_once(by, once, enter(id, line, &arrival)).await
    }

    /// To the administrators.
    async fn into_unrouted(self: &Arc<Self>, by: &By, arrival: Arrival) -> Result<bool, Refusal> {
        let tenant = by.tenant();
        let id = UnroutedId(self.clock.new_id());
        let audience = self.storage.administrators(tenant).await?.into();
        // What was a word of consent when it came in waits for nobody, whoever gets it.
        let incoming = Box::new(Incoming { keyword: arrival.word, ..arrival.incoming.clone() });
        let changes = vec![Change::UnroutedAdded { id, incoming, audience }];
        let mut decision = Decision { guards: arrival.guards.clone(), changes };
        if let Some(word) = arrival.word {
            obey(word, &arrival, &mut decision);
        }
        let once = Some(once(&arrival.incoming));
        info!(unrouted = %id, "a text came in that is nobody's");
        self.commit_once(by, once, decision).await
    }

    /// Gives a text that is nobody's to an extension, or to a queue.
    pub async fn assign_unrouted(self: &Arc<Self>, by: &By, id: UnroutedId, to: &Assignee) -> Result<(), Refusal> {
        let tenant = by.tenant();
        for _ in 0..TRIES {
            let (_, incoming, _) = self.storage.one_unrouted(tenant, id).await?.ok_or(Refusal::NotFound)?;
            let pair = Pair { ours: incoming.to.clone(), theirs: incoming.from.clone() };
            let now = self.clock.now();
            let lookup = self.storage.lookup(tenant, &pair, None, false, now).await?;
            let (known, guards) = (lookup.pair, vec![Guard::Unrouted(id)]);
            let audience = self.storage.administrators(tenant).await?.into();
            let also = vec![Change::UnroutedAssigned { id, audience }];
            let attachments = incoming.media.iter().map(|_| AttachmentId(self.clock.new_id())).collect();
            // A word of consent was obeyed when it came in: it isn't when somebody reads it.
            let mut arrival = Arrival { incoming, word: None, attachments, known, guards, also, now };
            let taken = match to {
                Assignee::Extension(number) => {
                    let found = self.storage.extension(tenant, number).await?.filter(|e| e.extension.enabled);
                    let owner = found.ok_or_else(|| Refusal::NoSuchExtension(number.clone()))?;
                    arrival.guards.push(Guard::Extension(owner.extension.id, owner.revision));
                    self.into_thread(by, owner.extension.id, &pair, arrival).await?
                }
                Assignee::Queue(_) if arrival.incoming.keyword.is_some() => {
                    return Err(Refusal::invalid("queue: a word of consent waits for nobody; give it to an extension"));
                }
                Assignee::Queue(key) => {
                    let line = self.storage.line_of(tenant, key).await?;
                    let line = line.ok_or_else(|| Refusal::NoSuchQueue(key.clone()))?;
                    match lookup.known.open {
                        Some(open) => self.into_conversation(by, open, arrival).await?,
                        None => self.into_queue(by, &line, arrival).await?,
                    }
                }
            };
            if taken {
                return Ok(());
            }
        }
        Err(Refusal::Busy)
    }

    /// News of a text that went out. False if nobody knows of such a text.
    pub async fn news(self: &Arc<Self>, carrier: &str, news: News) -> Result<bool, Refusal> {
        self.patiently(|| {
            let (me, carrier, news) = (self.clone(), carrier.to_owned(), news.clone());
            async move { me.try_news(&carrier, news).await }
        })
        .await
    }

    async fn try_news(self: &Arc<Self>, carrier: &str, news: News) -> Result<bool, Refusal> {
        let attempted = match (&news.attempt, &news.provider_id) {
            (Some(id), _) => self.storage.attempt(*id).await?,
            (None, Some(name)) => self.storage.attempt_named(carrier, name).await?,
            (None, None) => None,
        };
        let Some(attempted) = attempted.filter(|a| a.carrier == carrier) else { return Ok(false) };
        // The phone has a text when it has all parts; one that it never gets is enough to fail it.
        let receipt = match (&news.receipt, attempted.part) {
            (Receipt::Delivered, Some(part)) if !self.storage.part_delivered(attempted.id, part).await? => {
                &Receipt::Sent
            }
            (receipt, _) => receipt,
        };
        for _ in 0..TRIES {
            let found = self.storage.underway(attempted.conversation, attempted.seq).await?;
            let Some(underway) = found else { return Ok(false) };
            let Some(delivery) = underway.delivery(&attempted.number) else { return Ok(false) };
            let now = self.clock.now();
            let moved = delivery.receipt(attempted.attempt, receipt, now);
            let also = match news.opted_out {
                true => self.opted_out_by_carrier(&underway, delivery, now).await?,
                false => vec![],
            };
            let done = match moved {
                Some(moved) => {
                    let guards = guards(&underway, attempted.seq, delivery);
                    commit(self, &underway, moved, guards, None, vec![], also).await?
                }
                None if also.is_empty() => true,
                // It says nothing new of the text, and something of them.
                None => self.commit(&By::Engine(underway.tenant), Decision { guards: vec![], changes: also }).await?,
            };
            if done {
                return Ok(true);
            }
        }
        Err(Refusal::Busy)
    }

    /// The record that a carrier's word makes, if it says what we didn't know. What they said since the text went out counts
    /// for more: the carrier may be late, or say it again.
    pub(super) async fn opted_out_by_carrier(
        &self,
        underway: &Underway,
        delivery: &Delivery,
        now: Timestamp,
    ) -> Result<Vec<Change>, Refusal> {
        let Some(ours) = delivery.our_number.clone() else { return Ok(vec![]) };
        let (tenant, number) = (underway.tenant, delivery.number.clone());
        let recorded = self.storage.consents_of(tenant, &number).await?;
        let concerns = |c: &Consent| c.our_number.as_ref().is_none_or(|number| *number == ours);
        let is_known = |c: &Consent| c.opted_out && c.our_number.as_ref() == Some(&ours);
        let is_newer = |c: &Consent| !c.opted_out && concerns(c) && c.at >= delivery.since;
        if recorded.iter().any(|c| is_known(c) || is_newer(c)) {
            return Ok(vec![]);
        }
        let consent = Consent {
            our_number: Some(ours),
            number: number.clone(),
            opted_out: true,
            source: Source::Carrier,
            by: None,
            reason: None,
            at: now,
        };
        let audience = self.storage.threads_with(tenant, &number).await?.into();
        Ok(vec![Change::ConsentPut { consent, audience }])
    }

    /// The caller's thread with a number outside, and whether it is new.
    pub async fn create_sms(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        number: &str,
        from: Option<&str>,
    ) -> Result<(ConversationId, bool), Refusal> {
        let from = from.map(Number::owned).transpose()?;
        for _ in 0..TRIES {
            if let Some(ours) = &from
                && let Some((stored, line)) = self.fed_by(caller.tenant, ours).await?
            {
                let theirs = self.typed(caller, &[number.to_owned()], Some(ours)).await?;
                let pair = Pair { ours: ours.clone(), theirs: theirs.into_iter().next().ok_or(Refusal::NotFound)? };
                match self.start_in_queue(caller, &line, &pair, &stored).await? {
                    Some(started) => return Ok(started),
                    None => continue,
                }
            }
            let senders = self.storage.senders(caller.tenant, caller.extension).await?;
            let may = |s: &&crate::storage::CallerId| s.sms_enabled && !s.feeds_queue;
            let chosen = senders.iter().filter(may).find(|s| from.as_ref().is_none_or(|f| s.number == *f));
            let ours = chosen.map(|s| s.number.clone()).or_else(|| from.clone());
            let theirs = self.typed(caller, &[number.to_owned()], ours.as_ref()).await?;
            let ours = ours.ok_or_else(Refusal::no_sender)?;
            let theirs = theirs.into_iter().next().ok_or(Refusal::NotFound)?;
            let pair = Pair { ours: ours.clone(), theirs };
            let key = natural_key(caller.extension, &pair);
            // A thread that is there can be read, whoever has the number now.
            if let Some(id) = self.storage.by_natural_key(caller.tenant, &key).await? {
                return Ok((id, false));
            }
            if chosen.is_none() {
                return Err(Refusal::sender_gone(&ours));
            }
            self.limits.send(caller.extension, 1, self.clock.now())?;
            let id = ConversationId(self.clock.new_id());
            let changes = vec![create_sms(caller.extension, pair, id)];
            if self.commit(&By::Extension(caller.clone()), Decision { guards: vec![], changes }).await? {
                return Ok((id, true));
            }
        }
        Err(Refusal::Busy)
    }

    /// The queue that a number of ours feeds, and the number.
    async fn fed_by(&self, tenant: TenantId, ours: &Number) -> Result<Option<(StoredNumber, Arc<Line>)>, Refusal> {
        let stored = self.storage.phone_number(ours).await?.filter(|n| !n.deleted && n.tenant == tenant);
        let Some(stored) = stored else { return Ok(None) };
        let Some(key) = &stored.phone_number.queue else { return Ok(None) };
        Ok(self.storage.line_of(tenant, key).await?.map(|line| (stored, line)))
    }

    /// Numbers that somebody typed, read in the region of the number that they go out from, else the company's.
    pub async fn typed(
        &self,
        caller: &Caller,
        numbers: &[String],
        ours: Option<&Number>,
    ) -> Result<Vec<Number>, Refusal> {
        if numbers.is_empty() {
            return Ok(vec![]);
        }
        if numbers.len() > 200 {
            return Err(Refusal::TooManyParticipants { participants: numbers.len(), limit: 50 });
        }
        let mut region = ours.and_then(Number::region);
        if region.is_none() && ours.is_none() {
            let senders = self.storage.senders(caller.tenant, caller.extension).await?;
            region = senders.iter().find(|s| s.sms_enabled && !s.feeds_queue).and_then(|s| s.number.region());
        }
        let region = match region {
            Some(region) => region,
            None => self.storage.settings(caller.tenant).await?.settings.region,
        };
        numbers.iter().map(|text| Number::typed(text, &region)).collect()
    }

    /// Starts another attempt of a delivery, if the one that was seen is the newest. Answers the message as it is.
    pub async fn retry(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        id: ConversationId,
        seq: Seq,
        number: &Number,
        attempt: i64,
    ) -> Result<Message, Refusal> {
        for _ in 0..TRIES {
            // Who may not know of the conversation learns nothing of its messages.
            let visible = self.storage.row(caller.tenant, caller.extension, id).await?;
            visible.ok_or(Refusal::NotFound)?;
            let underway = self.storage.underway(id, seq).await?.ok_or(Refusal::NotFound)?;
            let delivery = underway.delivery(number).ok_or(Refusal::NotFound)?.clone();
            let author = underway.message.author.extension();
            let seen = retry::Seen { seq, author, delivery, attempt, now: self.clock.now() };
            match self.ask(caller, id, Command::Retry(Arc::new(seen))).await? {
                Answer::Moved => {}
                _ => {
                    let underway = self.storage.underway(id, seq).await?.ok_or(Refusal::NotFound)?;
                    return Ok(underway.message);
                }
            }
        }
        Err(Refusal::Busy)
    }

    /// Records that somebody in a conversation wants no texts, or takes them again.
    pub async fn record_consent(
        self: &Arc<Self>,
        caller: &Arc<Caller>,
        id: ConversationId,
        number: &str,
        opted_out: bool,
        of_all: bool,
    ) -> Result<(), Refusal> {
        let typed = self.typed(caller, &[number.to_owned()], None).await;
        // A short code, or a name, says it too.
        let typed = typed.ok().and_then(|mut typed| typed.pop()).or_else(|| Number::sender(number));
        let number = typed.ok_or_else(|| Refusal::InvalidNumber("that is not a number".into()))?;
        let recorded = self.storage.consents_of(caller.tenant, &number).await?;
        let recorded: Vec<_> = recorded.into_iter().filter(|c| c.opted_out).collect();
        let wish = consent::Wish {
            opted_out,
            of_all,
            recorded_of_all: recorded.iter().any(|c| c.our_number.is_none()),
            by_themselves: recorded.iter().any(|c| matches!(c.source, Source::Keyword | Source::Carrier)),
            recorded_of: recorded.into_iter().filter_map(|c| c.our_number).collect(),
            threads_of: self.storage.threads_with(caller.tenant, &number).await?.into(),
            number,
            now: self.clock.now(),
        };
        self.ask(caller, id, Command::Consent(Arc::new(wish))).await.map(drop)
    }

    /// What the PBX, or an administrator, records. Answers whether that is new.
    pub async fn put_consent(
        &self,
        by: &By,
        our_number: Option<Number>,
        number: Number,
        opted_out: bool,
        reason: Option<String>,
    ) -> Result<bool, Refusal> {
        let tenant = by.tenant();
        let recorded = self.storage.consents_of(tenant, &number).await?;
        let as_is = recorded.iter().find(|c| c.our_number == our_number);
        let was = as_is.is_some_and(|c| c.opted_out);
        if was == opted_out && (!opted_out || as_is.is_some_and(|c| c.reason == reason)) {
            return Ok(false);
        }
        let audience = self.storage.threads_with(tenant, &number).await?.into();
        let at = self.clock.now();
        let consent = Consent { our_number, number, opted_out, source: Source::Pbx, by: None, reason, at };
        let changes = vec![Change::ConsentPut { consent, audience }];
        self.commit(by, Decision { guards: vec![], changes }).await?;
        Ok(!was && opted_out)
    }

    /// What a company sets for all of its people; the same again changes nothing.
    pub async fn put_settings(&self, by: &By, settings: Settings) -> Result<(), Refusal> {
        let tenant = by.tenant();
        settings.check()?;
        for _ in 0..TRIES {
            let stored = self.storage.settings(tenant).await?;
            if stored.settings == settings {
                return Ok(());
            }
            let guards = vec![Guard::Settings(stored.revision)];
            let changes = vec![Change::SettingsPut(Box::new(settings.clone()))];
            if self.commit(by, Decision { guards, changes }).await? {
                return Ok(());
            }
        }
        Err(Refusal::Busy)
    }
}

fn revision(lookup: &Lookup, owner: ExtensionId) -> Option<Guard> {
    lookup.revisions.get(&owner).map(|revision| Guard::Extension(owner, *revision))
}
