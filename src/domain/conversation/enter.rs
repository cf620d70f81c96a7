//! `enter`: a text comes in to a number that feeds a queue, and nothing of the pair is open: a conversation begins, and waits.

use std::sync::Arc;

use crate::domain::{Change, ConversationId, Decision, ExtensionId, change::NewConversation, queue::Line};

use super::{
    Author, Kind, Pair, Queued, SystemEvent,
    queued::{State, beginning, natural_key},
    receive::{Arrival, entries},
    system::pill,
};

/// A queue conversation with the text in it.
pub fn enter(id: ConversationId, line: &Arc<Line>, arrival: &Arrival) -> Decision {
    let pair = Pair { ours: arrival.incoming.to.clone(), theirs: arrival.incoming.from.clone() };
    let queued = Queued::new(line.clone(), State::Waiting);
    let nobody = [].into();
    let mut decision = entries(id, &nobody, arrival);
    decision.guards.push(line.guard());
    decision.changes.splice(0..0, [created(id, &pair, &queued, &[]), entered(id, line)]);
    let row = Box::new(beginning(id, &pair, queued));
    decision.changes.push(Change::WaitingShown { row, last: None });
    decision
}

/// A queue conversation that begins.
pub(super) fn created(id: ConversationId, pair: &Pair, queued: &Queued, members: &[ExtensionId]) -> Change {
    Change::ConversationCreated(NewConversation {
        id,
        kind: Kind::Sms,
        natural_key: Some(natural_key(pair)),
        name: None,
        members: members.into(),
        pair: Some(pair.clone()),
        numbers: [].into(),
        queue: Some(queued.clone()),
    })
}

fn entered(id: ConversationId, line: &Line) -> Change {
    let name = line.settings.name.clone();
    let words = format!("Entered {name}");
    pill(id, Author::Nobody, words, SystemEvent::Entered { queue: line.id, queue_name: name }, &[].into())
}

#[cfg(test)]
mod tests {
    use super::super::{receive::KnownPair, tests::number};
    use super::*;
    use crate::domain::{
        Guard, MessageText, Timestamp, conversation::Reply, queue::tests::line, sms::inbound::Incoming,
    };
    use uuid::Uuid;

    #[test]
    fn it_begins_with_where_it_came_in_and_then_the_text() {
        let incoming = Incoming {
            carrier: "sim".into(),
            provider_id: "SM1".into(),
            from: number("+14045550199"),
            to: number("+14045550100"),
            text: MessageText::stored("Hello?".into()),
            media: vec![],
            keyword: None,
        };
        let arrival = Arrival {
            incoming,
            word: None,
            attachments: vec![],
            known: KnownPair::default(),
            guards: vec![],
            also: vec![],
            now: Timestamp(0),
        };
        let line = Arc::new(line());
        let decision = enter(ConversationId(Uuid::from_u128(1)), &line, &arrival);
        let [
            Change::ConversationCreated(new),
            Change::MessageAdded(pill),
            Change::MessageAdded(text),
            Change::WaitingShown { row, .. },
        ] = &decision.changes[..]
        else {
            panic!("four changes")
        };
        assert_eq!(new.natural_key.as_deref(), Some("queue:+14045550100:+14045550199"));
        assert_eq!((pill.text.as_str(), text.text.as_str()), ("Entered SMS Support Queue", "Hello?"));
        assert_eq!((text.reply, row.participant_count), (Reply::Owed, 0));
        assert_eq!(decision.guards, [Guard::Queue(line.id, 4)]);
    }
}
