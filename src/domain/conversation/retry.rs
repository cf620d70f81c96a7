//! `retry`: a person starts another attempt of a delivery that didn't arrive, or perhaps didn't.

use crate::domain::{
    Caller, Change, Decision, ExtensionId, Guard, Refusal, Seq, Timestamp, change::DeliveryMoved,
    sms::delivery::Delivery,
};

use super::{Conversation, Kind, send::held};

/// What a person saw when they pressed Retry, and the delivery as it is.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Of which message.
    pub seq: Seq,
    /// Who wrote that.
    pub author: Option<ExtensionId>,
    /// It, as it is.
    pub delivery: Delivery,
    /// The attempt that was seen.
    pub attempt: i64,
    /// When they pressed it.
    pub now: Timestamp,
}

/// Another attempt, if the one that was seen is the newest and has come to nothing; else no change.
pub fn retry(conversation: &Conversation, who: &Caller, seen: &Seen) -> Result<Decision, Refusal> {
    let caller = who.extension;
    match &conversation.queue {
        Some(queued) => held(conversation, queued, who)?,
        None => drop(conversation.member(caller)?),
    }
    if conversation.kind == Kind::Group && seen.author != Some(caller) {
        return Err(Refusal::Forbidden("only who wrote it may send it again: it goes out from their number".into()));
    }
    let Some(again) = seen.delivery.retry(seen.attempt, seen.now) else { return Ok(Decision::default()) };
    let mut guards = vec![
        conversation.guard(),
        Guard::Delivery {
            conversation: conversation.id,
            seq: seen.seq,
            number: seen.delivery.number.clone(),
            attempt: seen.delivery.attempt,
            status: seen.delivery.status,
        },
    ];
    let ours = match (&conversation.queue, &conversation.pair) {
        (Some(_), Some(pair)) => {
            conversation.reach.own_number(&pair.ours, &mut guards)?;
            pair.ours.clone()
        }
        _ => conversation.reach.sender(caller, again.our_number.as_ref(), &mut guards)?,
    };
    if conversation.reach.is_opted_out(&ours, &again.number) {
        return Err(Refusal::OptedOut);
    }
    guards.push(Guard::Consent { ours, theirs: again.number.clone(), opted_out: false });
    let moved = DeliveryMoved {
        conversation: conversation.id,
        seq: seen.seq,
        delivery: again,
        begins: None,
        provider_ids: vec![],
        audience: conversation.audience.clone(),
    };
    let changes = [Change::DeliveryMoved(Box::new(moved))].into_iter().chain(conversation.told_of_text());
    Ok(Decision { guards, changes: changes.collect() })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{OURS, THEIRS, caller, claimed, ext, mixed, number, thread, waiting};
    use super::super::{Pair, reach};
    use super::*;
    use crate::domain::sms::delivery::Status;

    fn seen(status: Status, attempt: i64) -> Seen {
        let delivery = Delivery { status, our_number: Some(number(OURS)), ..reach::queued(number(THEIRS), 1) };
        Seen { seq: 4, author: Some(ext(1)), delivery, attempt, now: Timestamp(9) }
    }

    #[test]
    fn what_came_to_nothing_is_queued_again() {
        for status in [Status::Failed, Status::Undelivered, Status::Unconfirmed] {
            let decision = retry(&thread(), &caller(1), &seen(status, 1)).unwrap();
            let [Change::DeliveryMoved(moved)] = &decision.changes[..] else { panic!("one change") };
            assert_eq!((moved.delivery.status, moved.delivery.attempt), (Status::Queued, 2));
        }
    }

    #[test]
    fn another_attempt_than_the_newest_or_one_that_arrived_is_no_change() {
        for seen in [seen(Status::Failed, 7), seen(Status::Delivered, 1), seen(Status::Sending, 1)] {
            assert_eq!(retry(&thread(), &caller(1), &seen), Ok(Decision::default()));
        }
    }

    #[test]
    fn nothing_goes_to_who_said_stop_or_without_the_number() {
        let mut stopped = thread();
        stopped.reach.opted_out = [Pair { ours: number(OURS), theirs: number(THEIRS) }].into();
        assert_eq!(retry(&stopped, &caller(1), &seen(Status::Failed, 1)), Err(Refusal::OptedOut));
        let mut gone = thread();
        gone.reach.senders.clear();
        assert!(matches!(retry(&gone, &caller(1), &seen(Status::Failed, 1)), Err(Refusal::SmsNotEnabled(_))));
    }

    #[test]
    fn in_a_group_only_its_author_may() {
        assert!(retry(&mixed(), &caller(1), &seen(Status::Failed, 1)).is_ok());
        assert!(matches!(retry(&mixed(), &caller(2), &seen(Status::Failed, 1)), Err(Refusal::Forbidden(_))));
        assert_eq!(retry(&mixed(), &caller(9), &seen(Status::Failed, 1)), Err(Refusal::NotFound));
    }

    #[test]
    fn in_a_queue_who_holds_it_now() {
        assert!(retry(&claimed(2), &caller(2), &seen(Status::Failed, 1)).is_ok());
        assert_eq!(retry(&waiting(), &caller(1), &seen(Status::Failed, 1)), Err(Refusal::NotFound));
    }
}
