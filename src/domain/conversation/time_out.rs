//! Time runs out: a claimed conversation is released for want of a reply, a waiting one closed for want of an agent. A
//! firing counts only if all that it rests on is still so: firing twice does nothing.

use crate::domain::{
    Change, Decision, Guard, MessageText, Refusal, Timestamp,
    extension::Colleague,
    sms::{consent::may_send_automatically, keywords::Keyword, segments::estimate},
};

use super::{
    Author, Conversation, Direction, Gone, NewMessage, Pair, Queued, SystemEvent,
    queued::{State, Step, Taken, decided},
    reach,
    release::back,
};

/// What is known when time has run out.
#[derive(Clone, Debug, PartialEq)]
pub struct Due {
    /// The automatic texts of the last day to the pair, and when.
    pub automatic: Vec<(Option<Keyword>, Timestamp)>,
    /// Automatic texts ever.
    pub automatic_count: i64,
    /// Who holds it, as they are called now.
    pub holder: Option<Colleague>,
    /// Now.
    pub now: Timestamp,
}

/// What falls due here, if it has.
pub fn time_out(conversation: &Conversation, due: &Due) -> Result<Decision, Refusal> {
    let queued = conversation.queue.as_ref().ok_or(Refusal::NotWaiting)?;
    if queued.deadline().is_none_or(|deadline| deadline > due.now) {
        return Err(Refusal::NotWaiting);
    }
    let mut decision = match &queued.state {
        State::Claimed(held_by) => {
            let holder = due.holder.as_ref().filter(|holder| holder.id == held_by.id).unwrap_or(held_by);
            let event = SystemEvent::TimedOut { who: holder.id };
            back(conversation, queued, Author::Nobody, format!(": no reply from {holder}"), event)
        }
        State::Waiting => missed(conversation, queued, due),
        State::Closed(_) => return Err(Refusal::NotWaiting),
    };
    decision.guards.push(Guard::Owed(conversation.id, queued.owed_since));
    Ok(decision)
}

/// In one step: the customer is told, if they may be, and it is over.
fn missed(conversation: &Conversation, queued: &Queued, due: &Due) -> Decision {
    let to = Queued { state: State::Closed(None), ..queued.clone() };
    let words = "Conversation closed: nobody was available".to_owned();
    let pill = (Author::Nobody, words, SystemEvent::Missed);
    let taken = Some((Taken::Closed, None));
    let changes = conversation.moved(Step { from: queued, to, pill, reason: Gone::Released, taken });
    let mut decision = decided(conversation, queued, changes);
    if let Some((text, also)) = response(conversation, queued, due, &mut decision.guards) {
        decision.changes.splice(0..0, [text, also]);
    }
    decision
}

/// The timeout response: once for what came in, within the pair's budget, and to nobody who wants no texts.
fn response(
    conversation: &Conversation,
    queued: &Queued,
    due: &Due,
    guards: &mut Vec<Guard>,
) -> Option<(Change, Change)> {
    let text = queued.line.settings.timeout_response.as_ref()?;
    let Pair { ours, theirs } = conversation.pair.clone()?;
    queued.owed_since?;
    if !may_send_automatically(&theirs, &due.automatic, due.now) {
        return None;
    }
    let own = conversation.reach.own.as_ref()?;
    guards.push(Guard::PhoneNumber(ours.clone(), own.revision));
    let opted_out = conversation.reach.is_opted_out(&ours, &theirs);
    guards.push(Guard::Consent { ours: ours.clone(), theirs: theirs.clone(), opted_out });
    if opted_out || !own.sms_enabled {
        return None;
    }
    guards.push(Guard::AutomaticTexts { ours: ours.clone(), theirs: theirs.clone(), sent: due.automatic_count });
    let mut delivery = reach::queued(theirs.clone(), estimate(text).segments);
    delivery.our_number = Some(ours.clone());
    let bare = NewMessage::bare(conversation.id, MessageText::stored(text.clone()), conversation.audience.clone());
    let reply = NewMessage { direction: Direction::Outbound, deliveries: vec![delivery], ..bare };
    Some((Change::MessageAdded(reply), Change::AutomaticText { ours, theirs, keyword: None }))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{claimed, closed, ext, thread, waiting};
    use super::*;
    use std::sync::Arc;

    fn due(seconds: i64) -> Due {
        Due { automatic: vec![], automatic_count: 0, holder: None, now: Timestamp(seconds * 1_000_000) }
    }

    /// Waits since 0, for a minute, and says so then.
    fn impatient() -> Conversation {
        let mut c = waiting();
        let queued = c.queue.as_mut().unwrap();
        queued.owed_since = Some(Timestamp(0));
        let settings = &mut Arc::make_mut(&mut queued.line).settings;
        (settings.unclaimed_timeout_s, settings.timeout_response) = (60, Some("Nobody is here.".into()));
        c
    }

    fn texts(decision: &Decision) -> Vec<(&str, usize)> {
        let messages = decision.changes.iter().filter_map(|c| match c {
            Change::MessageAdded(message) => Some(message),
            _ => None,
        });
        messages.map(|message| (message.text.as_str(), message.deliveries.len())).collect()
    }

    #[test]
    fn nothing_falls_due_before_its_time() {
        assert_eq!(time_out(&impatient(), &due(59)), Err(Refusal::NotWaiting));
        for c in [waiting(), closed(1), thread(), claimed(1)] {
            assert_eq!(time_out(&c, &due(99_999)), Err(Refusal::NotWaiting));
        }
    }

    #[test]
    fn nobody_was_available_the_customer_is_told_and_it_is_closed() {
        let decision = time_out(&impatient(), &due(60)).unwrap();
        let expected = [("Nobody is here.", 1), ("Conversation closed: nobody was available", 0)];
        assert_eq!(texts(&decision), expected);
        assert!(decision.guards.contains(&Guard::Owed(impatient().id, Some(Timestamp(0)))));
        assert!(matches!(decision.changes.last(), Some(Change::WaitingTaken { reason: Taken::Closed, by: None, .. })));
    }

    #[test]
    fn who_wants_no_texts_or_had_enough_is_not_told() {
        let silent = |c: &Conversation, due: &Due| texts(&time_out(c, due).unwrap()).len() == 1;
        let mut stopped = impatient();
        stopped.reach.opted_out = stopped.pair.iter().cloned().collect();
        assert!(silent(&stopped, &due(60)));
        let robots = Due { automatic: vec![(None, Timestamp(0)); 3], automatic_count: 3, ..due(60) };
        assert!(silent(&impatient(), &robots));
        let mut unasked = impatient();
        unasked.queue.as_mut().unwrap().owed_since = None;
        assert!(silent(&unasked, &due(60)), "no text came in that it could answer");
        let mut short = impatient();
        short.pair.as_mut().unwrap().theirs = super::super::tests::number("72345");
        assert!(silent(&short, &due(60)));
    }

    #[test]
    fn an_agent_who_does_not_reply_loses_it() {
        let mut c = claimed(1);
        c.queue.as_mut().unwrap().owed_since = Some(Timestamp(0));
        let decision = time_out(&c, &due(300)).unwrap();
        assert_eq!(texts(&decision), [("Conversation released back to queue: no reply from Name 1 (201)", 0)]);
        assert!(decision.changes.iter().any(|c| matches!(c, Change::HolderLeft { who, .. } if *who == ext(1))));
    }
}
