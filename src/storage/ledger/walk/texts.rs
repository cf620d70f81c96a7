//! What becomes of texts: their deliveries, files and consent.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::domain::{
    AttachmentId, AttemptId, Audience, Change, Committed, ConversationId, ExtensionId, Guard, Happening, Seq, TenantId,
    UnroutedId, Version,
    change::DeliveryMoved,
    conversation::{Attachment, AttachmentState, NewMessage, Pair, Stand},
    phone::Number,
    settings::Settings,
    sms::{
        consent::Consent,
        delivery::{Delivery, Status},
        inbound::{Incoming, Media},
        keywords::Keyword,
    },
};

use super::Walk;

/// What is to be written of texts.
#[derive(Debug, Default)]
pub(in super::super) struct TextWrites {
    /// Carrier, its name for the text, whose it was.
    pub incoming: Vec<(String, String, TenantId)>,
    pub numbers_added: Vec<(ConversationId, Number, TenantId)>,
    pub numbers_removed: Vec<(ConversationId, Number)>,
    /// Deliveries that have come further.
    pub moved: BTreeMap<(ConversationId, Seq, Number), Delivery>,
    pub attempts: Vec<NewAttempt>,
    /// The carrier's names for an attempt, by part.
    pub parts: Vec<(AttemptId, usize, String)>,
    /// Messages of which something was altered, and when.
    pub updated: BTreeMap<(ConversationId, Seq), Version>,
    /// Who texted them last from this number of ours.
    pub last_senders: BTreeMap<(TenantId, Pair), ExtensionId>,
    pub attachments: Vec<(AttachmentId, ConversationId, Seq, usize, TenantId, Media)>,
    pub settled: Vec<(AttachmentId, String, AttachmentState, Option<i64>)>,
    pub consents: Vec<(Consent, TenantId, Version)>,
    pub automatic: Vec<(TenantId, Pair, Option<Keyword>)>,
    pub unrouted: Vec<(UnroutedId, Incoming, TenantId, Version)>,
    pub assigned: BTreeSet<(UnroutedId, Version)>,
    pub settings: BTreeMap<TenantId, (Settings, i64, Version)>,
}

/// An attempt that begins.
#[derive(Debug)]
pub(in super::super) struct NewAttempt {
    pub id: AttemptId,
    pub tenant: TenantId,
    pub conversation: ConversationId,
    pub seq: Seq,
    pub number: Number,
    pub attempt: i64,
    pub carrier: String,
}

impl Walk {
    pub(super) fn text_guard_holds(&self, tenant: TenantId, guard: &Guard) -> bool {
        let ground = &self.ground;
        match guard {
            Guard::Consent { ours, theirs, opted_out } => {
                let from = |ours| ground.opted_out.contains(&(tenant, ours, theirs.clone()));
                (from(None) || from(Some(ours.clone()))) == *opted_out
            }
            Guard::Delivery { conversation, seq, number, attempt, status } => {
                let message = ground.messages.get(&(*conversation, *seq));
                let delivery = message.and_then(|m| m.deliveries.iter().find(|d| d.number == *number));
                delivery.is_some_and(|d| d.attempt == *attempt && d.status == *status)
            }
            Guard::AutomaticTexts { ours, theirs, sent } => {
                let pair = Pair { ours: ours.clone(), theirs: theirs.clone() };
                ground.automatic.get(&(tenant, pair)).copied().unwrap_or(0) == *sent
            }
            Guard::Unrouted(id) => ground.unrouted.contains(&(tenant, *id)),
            Guard::Settings(revision) => ground.settings.get(&tenant) == Some(revision),
            _ => false,
        }
    }

    pub(super) fn text_change(&mut self, tenant: TenantId, change: &Change) -> Option<Arc<Committed>> {
        match change {
            Change::DeliveryMoved(moved) => self.moved(tenant, moved),
            Change::AttachmentSettled { conversation, seq, id, content_type, state, size, audience } => {
                let message = self.ground.messages.get_mut(&(*conversation, *seq))?;
                let file = message.attachments.iter_mut().find(|a| a.id == *id)?;
                *file = Attachment { id: *id, content_type: content_type.clone(), state: *state, size: *size };
                self.writes.texts.settled.push((*id, content_type.clone(), *state, *size));
                self.updated(tenant, (*conversation, *seq), audience)
            }
            Change::ConsentPut { consent, audience } => Some(self.consent(tenant, consent, audience)),
            Change::AutomaticText { ours, theirs, keyword } => {
                let pair = Pair { ours: ours.clone(), theirs: theirs.clone() };
                *self.ground.automatic.entry((tenant, pair.clone())).or_insert(0) += 1;
                self.writes.texts.automatic.push((tenant, pair, *keyword));
                None
            }
            Change::UnroutedAdded { id, incoming, audience } => {
                let version = self.next_version(tenant);
                self.writes.texts.unrouted.push((*id, (**incoming).clone(), tenant, version));
                let audience = Audience::Extensions(audience.clone());
                Some(self.committed(tenant, version, audience, Happening::UnroutedUpdated(*id)))
            }
            Change::UnroutedAssigned { id, audience } => {
                let version = self.next_version(tenant);
                self.ground.unrouted.remove(&(tenant, *id));
                self.writes.texts.assigned.insert((*id, version));
                let audience = Audience::Extensions(audience.clone());
                Some(self.committed(tenant, version, audience, Happening::UnroutedUpdated(*id)))
            }
            Change::SettingsPut(settings) => {
                let version = self.next_version(tenant);
                let revision = self.ground.settings.entry(tenant).or_insert(0);
                *revision += 1;
                self.writes.texts.settings.insert(tenant, ((**settings).clone(), *revision, version));
                Some(self.committed(tenant, version, Audience::Tenant, Happening::SettingsUpdated))
            }
            _ => None,
        }
    }

    /// The deliveries with which a message begins, at this moment; who texted whom last is remembered.
    pub(super) fn begun(&mut self, tenant: TenantId, new: &NewMessage, place: Version) -> Vec<Delivery> {
        let now = self.now;
        if let Some(author) = new.author.extension() {
            let sent = new.deliveries.iter().filter(|d| d.status == Status::Queued);
            let pairs = sent.filter_map(|d| Some(Pair { ours: d.our_number.clone()?, theirs: d.number.clone() }));
            self.writes.texts.last_senders.extend(pairs.map(|pair| ((tenant, pair), author)));
        }
        let begun = |d: &Delivery| Delivery { updated_at: now, due_at: now, since: now, place, ..d.clone() };
        new.deliveries.iter().map(begun).collect()
    }

    pub(super) fn attached(&mut self, tenant: TenantId, new: &NewMessage, seq: Seq) -> Vec<Attachment> {
        let placed = new.attachments.iter().enumerate();
        let rows = placed.map(|(n, (id, media))| (*id, new.conversation, seq, n, tenant, media.clone()));
        self.writes.texts.attachments.extend(rows);
        let pending = |(id, media): &(AttachmentId, Media)| Attachment {
            id: *id,
            content_type: media.content_type.clone(),
            state: AttachmentState::Pending,
            size: None,
        };
        new.attachments.iter().map(pending).collect()
    }

    fn moved(&mut self, tenant: TenantId, moved: &DeliveryMoved) -> Option<Arc<Committed>> {
        let DeliveryMoved { conversation, seq, delivery, begins, provider_ids, audience } = moved;
        let message = self.ground.messages.get_mut(&(*conversation, *seq))?;
        *message.deliveries.iter_mut().find(|d| d.number == delivery.number)? = delivery.clone();
        let all_failed = message.deliveries.iter().all(|d| d.status.has_failed());
        let by_us = message.author.extension().is_some();
        let texts = &mut self.writes.texts;
        texts.moved.insert((*conversation, *seq, delivery.number.clone()), delivery.clone());
        if let Some(id) = delivery.attempt_id {
            texts.attempts.extend(begins.clone().map(|carrier| NewAttempt {
                id,
                tenant,
                conversation: *conversation,
                seq: *seq,
                number: delivery.number.clone(),
                attempt: delivery.attempt,
                carrier,
            }));
            texts.parts.extend(provider_ids.iter().enumerate().map(|(part, name)| (id, part, name.clone())));
        }
        // What was no answer after all: the customer waits again, from now; until it is sent again. What they said since
        // counts by itself, and so does another answer.
        let now = self.now;
        let exchange = self.ground.exchanges.get(&(*conversation, *seq)).copied().unwrap_or_default();
        let head = self.ground.heads.get_mut(conversation)?;
        let is_open = head.stand.is_none_or(|(stand, _)| stand != Stand::Closed);
        if by_us && is_open && exchange.asked_before && !exchange.asked_since && !exchange.answered {
            head.needs_reply_since = if all_failed { head.needs_reply_since.or(Some(now)) } else { None };
        }
        self.updated(tenant, (*conversation, *seq), audience)
    }

    /// A message as it is since now.
    fn updated(
        &mut self,
        tenant: TenantId,
        place: (ConversationId, Seq),
        audience: &Arc<[ExtensionId]>,
    ) -> Option<Arc<Committed>> {
        let version = self.touch(tenant, place.0)?;
        let message = self.ground.messages.get_mut(&place)?;
        message.version = version;
        let message = message.clone();
        self.writes.texts.updated.insert(place, version);
        let audience = Audience::Extensions(audience.clone());
        Some(self.committed(tenant, version, audience, Happening::MessageUpdated(message)))
    }

    fn consent(&mut self, tenant: TenantId, consent: &Consent, audience: &Arc<[ExtensionId]>) -> Arc<Committed> {
        let version = self.next_version(tenant);
        let key = (tenant, consent.our_number.clone(), consent.number.clone());
        if consent.opted_out {
            self.ground.opted_out.insert(key);
        } else {
            self.ground.opted_out.remove(&key);
        }
        self.writes.texts.consents.push((consent.clone(), tenant, version));
        let (our_number, number) = (consent.our_number.clone(), consent.number.clone());
        let happening = Happening::ConsentUpdated { our_number, number };
        self.committed(tenant, version, Audience::Extensions(audience.clone()), happening)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{CHAT, JAKE, TENANT, ground};
    use super::super::{Exchange, Ground, Known, Verdict, Writes, walk};
    use super::*;
    use crate::{
        domain::{
            By, Decision, MessageText, Timestamp,
            conversation::{Author, Reply},
            sms::delivery::DeliveryError,
        },
        storage::ledger::{Once, Unit},
    };

    fn number(text: &str) -> Number {
        Number::stored(text.into())
    }

    fn unit(once: Option<Once>, guards: Vec<Guard>, change: Change) -> Unit {
        Unit { by: By::Engine(TENANT), once, decision: Decision { guards, changes: vec![change] } }
    }

    fn text(reply: Reply) -> NewMessage {
        NewMessage { reply, ..NewMessage::bare(CHAT, MessageText::stored("Hi".into()), [JAKE].into()) }
    }

    fn delivery(to: &str, status: Status) -> Delivery {
        Delivery {
            number: number(to),
            our_number: Some(number("+1")),
            status,
            attempt: 1,
            attempt_id: None,
            segments: 1,
            error: None,
            updated_at: Timestamp(0),
            due_at: Timestamp(0),
            since: Timestamp(0),
            place: 0,
            tries: 0,
            confirms_opt_out: false,
        }
    }

    /// The ground with a text in it that went to two, and that the customer had waited for.
    fn sent() -> Ground {
        let unit = unit(None, vec![], Change::MessageAdded(text(Reply::Given)));
        let (verdicts, _) = walk(&[unit], ground(), Timestamp(60));
        let Verdict::Committed(committed) = &verdicts[0] else { panic!("committed") };
        let Happening::MessageCreated(message) = &committed[0].happening else { panic!("a message") };
        let mut message = message.clone();
        message.author = Author::Extension(JAKE);
        message.deliveries = vec![delivery("+2", Status::Queued), delivery("+3", Status::Failed)];
        let ground = ground();
        let exchange = Exchange { asked_before: true, ..Exchange::default() };
        let exchanges = [((CHAT, message.seq), exchange)].into();
        Ground { messages: [((CHAT, message.seq), message)].into(), exchanges, ..ground }
    }

    fn moves(to: Delivery, seen: Status) -> Unit {
        let guard =
            Guard::Delivery { conversation: CHAT, seq: 11, number: to.number.clone(), attempt: 1, status: seen };
        let (provider_ids, audience) = (vec![], [JAKE].into());
        let moved = DeliveryMoved { conversation: CHAT, seq: 11, delivery: to, begins: None, provider_ids, audience };
        unit(None, vec![Guard::Conversation(CHAT, 4), guard], Change::DeliveryMoved(Box::new(moved)))
    }

    fn waits_since(writes: &Writes) -> Option<Timestamp> {
        writes.heads[&CHAT].needs_reply_since
    }

    #[test]
    fn the_customer_waits_from_the_first_text_until_the_reply() {
        let added = |reply| unit(None, vec![], Change::MessageAdded(text(reply)));
        let (_, writes) = walk(&[added(Reply::Owed)], ground(), Timestamp(60));
        assert_eq!(waits_since(&writes), Some(Timestamp(60)));
        let (_, writes) = walk(&[added(Reply::Owed), added(Reply::Neither)], ground(), Timestamp(60));
        assert_eq!(waits_since(&writes), Some(Timestamp(60)), "a word of consent is no reply");
        let (_, writes) = walk(&[added(Reply::Owed), added(Reply::Given)], ground(), Timestamp(60));
        assert_eq!(waits_since(&writes), None);
    }

    #[test]
    fn a_reply_that_reached_nobody_was_none() {
        let failed = Delivery { error: Some(DeliveryError::opted_out()), ..delivery("+2", Status::Failed) };
        let (_, writes) = walk(&[moves(failed, Status::Queued)], sent(), Timestamp(70));
        assert_eq!(waits_since(&writes), Some(Timestamp(70)), "from now on");
        let (_, writes) = walk(&[moves(delivery("+2", Status::Sent), Status::Queued)], sent(), Timestamp(70));
        assert_eq!(waits_since(&writes), None, "it reached one");
    }

    #[test]
    fn sent_again_it_is_one_after_all_and_what_was_said_since_counts_by_itself() {
        let mut failed = sent();
        failed.heads.get_mut(&CHAT).unwrap().needs_reply_since = Some(Timestamp(65));
        failed.messages.values_mut().for_each(|m| m.deliveries[0].status = Status::Failed);
        let again = moves(delivery("+2", Status::Queued), Status::Failed);
        let (_, writes) = walk(std::slice::from_ref(&again), failed, Timestamp(70));
        assert_eq!(waits_since(&writes), None);
        // A later reply has reached them: an earlier one that fails now changes nothing.
        let mut answered = sent();
        answered.exchanges.values_mut().for_each(|exchange| exchange.answered = true);
        let late = Delivery { error: Some(DeliveryError::opted_out()), ..delivery("+2", Status::Failed) };
        let (_, writes) = walk(&[moves(late, Status::Queued)], answered, Timestamp(70));
        assert_eq!(waits_since(&writes), None);
    }

    #[test]
    fn of_two_who_move_a_delivery_on_the_second_looks_again() {
        let twice = [Status::Sending, Status::Sending].map(|to| moves(delivery("+2", to), Status::Queued));
        let (verdicts, writes) = walk(&twice, sent(), Timestamp(70));
        assert!(matches!(verdicts[..], [Verdict::Committed(_), Verdict::Conflict]));
        assert_eq!(writes.texts.moved.len(), 1);
    }

    #[test]
    fn the_same_text_twice_in_a_batch_comes_in_once() {
        let once = Once::Incoming { carrier: "sim".into(), provider_id: "1".into() };
        let twins = [(); 2].map(|()| unit(Some(once.clone()), vec![], Change::MessageAdded(text(Reply::Owed))));
        let (verdicts, writes) = walk(&twins, ground(), Timestamp(60));
        assert!(matches!(verdicts[..], [Verdict::Committed(_), Verdict::Known(Known::Incoming)]));
        assert_eq!((writes.messages.len(), writes.texts.incoming.len()), (1, 1));
    }

    #[test]
    fn who_says_stop_in_the_same_batch_is_heard_by_what_follows() {
        let consent = Consent {
            our_number: Some(number("+1")),
            number: number("+2"),
            opted_out: true,
            source: crate::domain::sms::consent::Source::Keyword,
            by: None,
            reason: None,
            at: Timestamp(0),
        };
        let stop = unit(None, vec![], Change::ConsentPut { consent, audience: [].into() });
        let guard = Guard::Consent { ours: number("+1"), theirs: number("+2"), opted_out: false };
        let send = unit(None, vec![guard], Change::MessageAdded(text(Reply::Given)));
        let (verdicts, _) = walk(&[send.clone(), stop, send], ground(), Timestamp(60));
        assert!(matches!(verdicts[..], [Verdict::Committed(_), Verdict::Committed(_), Verdict::Conflict]));
    }
}
