//! `create group`: a name, and whoever is in it from the beginning.

use std::collections::BTreeSet;

use crate::domain::{
    Caller, Change, ClientId, ConversationId, Decision, ExtensionId, MessageText, Refusal, change::NewConversation,
    name::check_name, phone::Number,
};

use super::{Author, GROUP_MAX, Kind, Message, NUMBERS_MAX, NewMessage, SystemEvent};

/// A group of the caller with others, and with numbers outside. Whoever is named twice is in it once.
pub fn create_group(
    caller: &Caller,
    id: ConversationId,
    client_id: ClientId,
    name: &str,
    others: &[ExtensionId],
    numbers: &[Number],
) -> Result<Decision, Refusal> {
    check_name(name)?;
    let members: BTreeSet<_> = others.iter().copied().chain([caller.extension]).collect();
    if members.len() < 2 {
        return Err(Refusal::TooFewParticipants("a group needs somebody else in it".into()));
    }
    if members.len() > GROUP_MAX {
        return Err(Refusal::TooManyParticipants { participants: members.len(), limit: GROUP_MAX });
    }
    let numbers: BTreeSet<_> = numbers.iter().cloned().collect();
    if numbers.len() > NUMBERS_MAX {
        return Err(Refusal::TooManyParticipants { participants: numbers.len(), limit: NUMBERS_MAX });
    }
    let members: std::sync::Arc<[_]> = members.into_iter().collect();
    let group = NewConversation {
        id,
        kind: Kind::Group,
        natural_key: None,
        name: Some(name.to_owned()),
        members: members.clone(),
        pair: None,
        numbers: numbers.into_iter().collect(),
        queue: None,
    };
    let words = MessageText::of_system(format!("Group created by {caller}"));
    let first = NewMessage {
        author: Author::Extension(caller.extension),
        client_id: Some(client_id),
        event: Some(SystemEvent::Created { by: caller.extension, group: name.to_owned() }),
        ..NewMessage::bare(id, words, members)
    };
    let changes = vec![Change::ConversationCreated(group), Change::MessageAdded(first)];
    Ok(Decision { guards: vec![], changes })
}

/// The answer where this `client_id` was used before: the group that it made, if it is that name again.
pub fn again(first: &Message, name: &str) -> Result<ConversationId, Refusal> {
    match &first.event {
        Some(SystemEvent::Created { group, .. }) if group == name => Ok(first.conversation),
        _ => Err(Refusal::IdempotencyConflict),
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{caller, ext, group};
    use super::*;
    use uuid::Uuid;

    fn create(name: &str, others: &[u128]) -> Result<Decision, Refusal> {
        let others: Vec<_> = others.iter().map(|n| ext(*n)).collect();
        create_group(&caller(1), group().id, ClientId(Uuid::from_u128(9)), name, &others, &[])
    }

    #[test]
    fn it_begins_with_its_members_and_who_made_it() {
        let decision = create("Ops", &[2, 3, 2, 1]).unwrap();
        let [Change::ConversationCreated(made), Change::MessageAdded(first)] = &decision.changes[..] else {
            panic!("two changes")
        };
        assert_eq!(made.members[..], [ext(1), ext(2), ext(3)]);
        assert_eq!((made.name.as_deref(), made.kind), (Some("Ops"), Kind::Group));
        assert_eq!(first.text.as_str(), "Group created by Name 1 (201)");
        assert_eq!(first.audience, made.members);
    }

    #[test]
    fn it_has_a_name_and_two_to_a_thousand_people() {
        assert!(matches!(create(" ", &[2]), Err(Refusal::InvalidName(_))));
        assert!(matches!(create("Ops", &[1]), Err(Refusal::TooFewParticipants(_))));
        let many: Vec<_> = (2..=1_000).collect();
        assert!(create("Ops", &many).is_ok());
        let too_many: Vec<_> = (2..=1_001).collect();
        assert!(matches!(create("Ops", &too_many), Err(Refusal::TooManyParticipants { .. })));
    }

    #[test]
    fn fifty_numbers_outside_fit_and_two_of_us_are_needed_all_the_same() {
        let numbers = |n| (0..n).map(|n| Number::stored(format!("+1404555{n:04}"))).collect::<Vec<_>>();
        let create = |others: &[ExtensionId], n| {
            create_group(&caller(1), group().id, ClientId(Uuid::from_u128(9)), "Ops", others, &numbers(n))
        };
        assert!(create(&[ext(2)], 50).is_ok());
        assert!(matches!(create(&[ext(2)], 51), Err(Refusal::TooManyParticipants { limit: 50, .. })));
        assert!(matches!(create(&[], 3), Err(Refusal::TooFewParticipants(_))));
    }

    #[test]
    fn the_same_again_is_the_first_group_and_anything_else_a_conflict() {
        let mut first = super::super::tests::message(1, "Group created by Name 1 (201)");
        assert_eq!(again(&first, "Ops"), Err(Refusal::IdempotencyConflict), "a text is no group");
        first.event = Some(SystemEvent::Created { by: ext(1), group: "Ops".into() });
        assert_eq!(again(&first, "Ops"), Ok(first.conversation));
        assert_eq!(again(&first, "Sales"), Err(Refusal::IdempotencyConflict));
    }
}
