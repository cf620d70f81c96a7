//! `send`: a member writes a message, once. Where somebody outside is in it, it goes out by SMS as well.

use crate::domain::{
    Caller, Change, ClientId, ConversationId, Decision, ExtensionId, Guard, MessageText, Refusal, Role, phone::Number,
    sms::segments::estimate,
};

use super::{Conversation, Direction, Kind, Message, NewMessage, Pair, Queued, Reply};

/// A member writes. Its place is given by the ledger.
pub fn send(
    conversation: &Conversation,
    caller: &Caller,
    client_id: ClientId,
    text: &MessageText,
    from: Option<&Number>,
) -> Result<Decision, Refusal> {
    let author = caller.extension;
    match &conversation.queue {
        Some(queued) => held(conversation, queued, caller)?,
        None => drop(conversation.member(author)?),
    }
    let audience = conversation.audience.clone();
    let inside = NewMessage::text(conversation.id, author, client_id, text.clone(), audience);
    let mut guards = vec![conversation.guard()];
    let message = match (conversation.kind, &conversation.pair) {
        (Kind::Sms, Some(pair)) => to_customer(conversation, author, pair, from, inside, &mut guards)?,
        _ if !conversation.numbers.is_empty() => to_group(conversation, author, from, inside, &mut guards)?,
        _ if from.is_some() => return Err(Refusal::invalid("from: nobody outside is in this conversation")),
        _ => inside,
    };
    guards.extend(conversation.queue.as_ref().map(|queued| queued.line.guard()));
    let changes = [Change::MessageAdded(message)].into_iter().chain(conversation.told_of_text());
    Ok(Decision { guards, changes: changes.collect() })
}

/// In a queue conversation only who holds it writes to the customer.
pub(super) fn held(conversation: &Conversation, queued: &Queued, caller: &Caller) -> Result<(), Refusal> {
    match queued.state.holder() {
        Some(holder) if holder.id == caller.extension => Ok(()),
        Some(holder) if caller.role >= Role::Supervisor => {
            Err(Refusal::Forbidden(format!("only {holder} writes to the customer")))
        }
        // Who held it last, and supervisors, may know how it stands.
        _ if caller.role >= Role::Supervisor || conversation.members.contains_key(&caller.extension) => {
            Err(queued.not_held())
        }
        _ => Err(Refusal::NotFound),
    }
}

/// In a thread: from its own number, and only if that may be.
fn to_customer(
    thread: &Conversation,
    author: ExtensionId,
    Pair { ours, theirs }: &Pair,
    from: Option<&Number>,
    inside: NewMessage,
    guards: &mut Vec<Guard>,
) -> Result<NewMessage, Refusal> {
    if from.is_some_and(|from| from != ours) {
        return Err(Refusal::invalid(format!("from: this thread goes out from {ours}; another number has its own")));
    }
    inside.text.check_sms()?;
    if !theirs.is_textable() {
        return Err(Refusal::InvalidNumber("this sender can't be texted back".into()));
    }
    match &thread.queue {
        None => drop(thread.reach.sender(author, Some(ours), guards)?),
        Some(_) => thread.reach.own_number(ours, guards)?,
    }
    if thread.reach.is_opted_out(ours, theirs) {
        return Err(Refusal::OptedOut);
    }
    let segments = estimate(inside.text.as_str()).segments;
    let deliveries = vec![thread.reach.delivery(Some(ours), theirs, segments, guards)];
    Ok(NewMessage { direction: Direction::Outbound, deliveries, reply: Reply::Given, ..inside })
}

/// In a group: members get it whatever becomes of the texts; each number outside is texted from the author's number.
fn to_group(
    group: &Conversation,
    author: ExtensionId,
    from: Option<&Number>,
    inside: NewMessage,
    guards: &mut Vec<Guard>,
) -> Result<NewMessage, Refusal> {
    inside.text.check_sms()?;
    let ours = match (group.reach.sender(author, from, guards), from) {
        (Ok(ours), _) => Some(ours),
        // Who names a number must have it; who names none may write all the same.
        (Err(refusal), Some(_)) => return Err(refusal),
        (Err(_), None) => {
            guards.extend(group.reach.senders.get(&author).map(|s| Guard::Extension(author, s.revision)));
            None
        }
    };
    let segments = estimate(inside.text.as_str()).segments;
    let numbers = group.numbers.iter();
    let deliveries = numbers.map(|theirs| group.reach.delivery(ours.as_ref(), theirs, segments, guards)).collect();
    Ok(NewMessage { direction: Direction::Outbound, deliveries, ..inside })
}

/// The answer where this `client_id` was used before: the first message, if that is what is meant again.
pub fn again(first: Message, conversation: ConversationId, text: &MessageText) -> Result<Message, Refusal> {
    if first.conversation == conversation && first.text == *text && first.event.is_none() {
        Ok(first)
    } else {
        Err(Refusal::IdempotencyConflict)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{
        OURS, THEIRS, caller, chat, claimed, closed, colleague, ext, message, mixed, number, senders, supervisor,
        thread, waiting,
    };
    use super::super::{Author, Reach, Sender};
    use super::*;
    use crate::domain::sms::delivery::{Delivery, Status};
    use uuid::Uuid;

    fn text(s: &str) -> MessageText {
        MessageText::parse(s.into()).unwrap()
    }

    fn client_id() -> ClientId {
        ClientId(Uuid::from_u128(9))
    }

    fn sent(conversation: &Conversation, author: u128, from: Option<&str>) -> Result<NewMessage, Refusal> {
        let from = from.map(number);
        let decision = send(conversation, &caller(author), client_id(), &text("Hi"), from.as_ref())?;
        let [Change::MessageAdded(message)] = &decision.changes[..] else { panic!("one message") };
        Ok(message.clone())
    }

    fn code(d: &Delivery) -> (Status, Option<&str>) {
        (d.status, d.error.as_ref().map(|e| e.code.as_str()))
    }

    #[test]
    fn a_member_s_message_is_for_all_members() {
        let c = chat();
        let decision = send(&c, &caller(1), client_id(), &text("Hi"), None).unwrap();
        assert_eq!(decision.guards, [Guard::Conversation(c.id, 1)]);
        let [Change::MessageAdded(message)] = &decision.changes[..] else { panic!("one message") };
        assert_eq!((&message.author, &message.audience[..]), (&Author::Extension(ext(1)), &[ext(1), ext(2)][..]));
    }

    #[test]
    fn who_is_no_member_finds_nothing() {
        assert_eq!(sent(&chat(), 3, None), Err(Refusal::NotFound));
        assert_eq!(sent(&thread(), 2, None), Err(Refusal::NotFound));
    }

    #[test]
    fn a_thread_s_text_goes_out_from_its_number_and_is_the_reply() {
        let message = sent(&thread(), 1, Some(OURS)).unwrap();
        let [delivery] = &message.deliveries[..] else { panic!("one delivery") };
        assert_eq!((delivery.our_number.clone(), &delivery.number), (Some(number(OURS)), &number(THEIRS)));
        assert_eq!((code(delivery), message.reply), ((Status::Queued, None), Reply::Given));
        let elsewhere = sent(&thread(), 1, Some("+14045550101"));
        assert!(matches!(elsewhere, Err(Refusal::InvalidRequest(_))), "another number has its own thread");
    }

    #[test]
    fn a_thread_rests_on_consent_and_on_who_has_the_number() {
        let guards = send(&thread(), &caller(1), client_id(), &text("Hi"), None).unwrap().guards;
        assert!(guards.contains(&Guard::Extension(ext(1), 3)));
        assert!(guards.contains(&Guard::PhoneNumber(number(OURS), 5)));
        assert!(guards.contains(&Guard::Consent { ours: number(OURS), theirs: number(THEIRS), opted_out: false }));
    }

    #[test]
    fn nothing_is_stored_for_who_said_stop_or_without_a_number() {
        let mut stopped = thread();
        stopped.reach.opted_out = stopped.pair.iter().cloned().collect();
        assert_eq!(sent(&stopped, 1, None), Err(Refusal::OptedOut));
        let mut company = thread();
        company.reach.opted_out_of_all.insert(number(THEIRS));
        assert_eq!(sent(&company, 1, None), Err(Refusal::OptedOut));
        let changes: [fn(&mut Sender); 2] = [|s| s.sms_enabled = false, |s| s.feeds_queue = true];
        for change in changes {
            let mut gone = thread();
            gone.reach.senders.get_mut(&ext(1)).unwrap().numbers.iter_mut().for_each(change);
            assert!(matches!(sent(&gone, 1, None), Err(Refusal::SmsNotEnabled(_))));
        }
        let mut short = thread();
        short.pair = Some(Pair { ours: number(OURS), theirs: number("72345") });
        assert!(matches!(sent(&short, 1, None), Err(Refusal::InvalidNumber(_))), "a short code is read only");
    }

    #[test]
    fn in_a_group_members_get_it_whatever_becomes_of_the_texts() {
        let from_two = sent(&mixed(), 2, None).unwrap();
        assert_eq!(from_two.deliveries[0].our_number, Some(number("+14045550101")), "the author's own number");
        let from_three = sent(&mixed(), 3, None).unwrap();
        assert_eq!(code(&from_three.deliveries[0]), (Status::Failed, Some("sms_not_enabled")));
        let mut stopped = mixed();
        stopped.reach.opted_out = [Pair { ours: number(OURS), theirs: number(THEIRS) }].into();
        assert_eq!(code(&sent(&stopped, 1, None).unwrap().deliveries[0]), (Status::Failed, Some("opted_out")));
        assert_eq!(code(&sent(&stopped, 2, None).unwrap().deliveries[0]), (Status::Queued, None), "to 1 alone");
        assert_eq!(from_two.reply, Reply::Neither);
    }

    #[test]
    fn who_names_a_number_must_have_it() {
        let reach = Reach { senders: [(ext(1), senders(&[OURS, "+14045550102"]))].into(), ..Reach::default() };
        let group = Conversation { reach, ..mixed() };
        let message = sent(&group, 1, Some("+14045550102")).unwrap();
        assert_eq!(message.deliveries[0].our_number, Some(number("+14045550102")));
        assert!(matches!(sent(&group, 1, Some("+14045550101")), Err(Refusal::SmsNotEnabled(_))));
        assert!(matches!(sent(&chat(), 1, Some(OURS)), Err(Refusal::InvalidRequest(_))));
    }

    #[test]
    fn only_who_holds_a_queue_conversation_writes_and_from_its_number() {
        let decision = send(&claimed(1), &caller(1), client_id(), &text("Hi"), None).unwrap();
        let [Change::MessageAdded(message), Change::RowShown { .. }] = &decision.changes[..] else {
            panic!("and the row, whose clock stops")
        };
        assert_eq!((message.deliveries.len(), message.reply), (1, Reply::Given));
        let rests_on = [Guard::Conversation(claimed(1).id, 1), Guard::PhoneNumber(number(OURS), 5)];
        assert!(rests_on.iter().all(|guard| decision.guards.contains(guard)));
        let refused = |c: &Conversation, by| send(c, &by, client_id(), &text("Hi"), None).unwrap_err();
        assert_eq!(refused(&claimed(1), caller(2)), Refusal::NotFound);
        assert!(matches!(refused(&claimed(1), supervisor(9)), Refusal::Forbidden(_)));
        assert_eq!(refused(&waiting(), supervisor(9)), Refusal::NotClaimed);
        assert_eq!(refused(&closed(1), caller(1)), Refusal::ConversationClosed);
        assert_eq!(held(&claimed(1), claimed(1).queue.as_ref().unwrap(), &caller(1)), Ok(()));
        assert_eq!(claimed(1).queue.unwrap().state.holder(), Some(&colleague(1)));
    }

    #[test]
    fn without_its_number_nobody_writes_from_a_queue() {
        let mut gone = claimed(1);
        gone.reach.own = None;
        let refused = send(&gone, &caller(1), client_id(), &text("Hi"), None);
        assert!(matches!(refused, Err(Refusal::SmsNotEnabled(_))));
    }

    #[test]
    fn what_goes_out_is_shorter() {
        let long = text(&"a".repeat(1_601));
        for c in [thread(), mixed()] {
            let refused = send(&c, &caller(1), client_id(), &long, None);
            assert!(matches!(refused, Err(Refusal::TooLong { limit: 1_600, .. })));
        }
        assert!(send(&chat(), &caller(1), client_id(), &long, None).is_ok());
    }

    #[test]
    fn the_same_again_is_the_first_message_and_anything_else_a_conflict() {
        let c = chat();
        let first = message(1, "Hi");
        assert_eq!(again(first.clone(), c.id, &text("Hi")), Ok(first.clone()));
        assert_eq!(again(first.clone(), c.id, &text("Ho")), Err(Refusal::IdempotencyConflict));
        let elsewhere = ConversationId(Uuid::from_u128(101));
        assert_eq!(again(first, elsewhere, &text("Hi")), Err(Refusal::IdempotencyConflict));
    }
}
