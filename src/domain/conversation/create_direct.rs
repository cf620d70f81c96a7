//! `create direct`: exactly one chat per pair of extensions.

use crate::domain::{Caller, Change, ConversationId, Decision, ExtensionId, Refusal, change::NewConversation};

use super::Kind;

/// What makes the pair's chat the only one: the same for both, whoever begins.
pub fn natural_key(a: ExtensionId, b: ExtensionId) -> String {
    let (low, high) = if a <= b { (a, b) } else { (b, a) };
    format!("direct:{}:{}", low.0.as_simple(), high.0.as_simple())
}

/// A chat of the caller with another, where there is none yet.
pub fn create_direct(caller: &Caller, other: ExtensionId, id: ConversationId) -> Result<Decision, Refusal> {
    if other == caller.extension {
        return Err(Refusal::TooFewParticipants("a chat needs somebody else in it".into()));
    }
    let conversation = NewConversation {
        id,
        kind: Kind::Direct,
        natural_key: Some(natural_key(caller.extension, other)),
        name: None,
        members: [caller.extension, other].into(),
        pair: None,
        numbers: [].into(),
        queue: None,
    };
    Ok(Decision { guards: vec![], changes: vec![Change::ConversationCreated(conversation)] })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{caller, chat, ext};
    use super::*;

    #[test]
    fn the_pair_has_one_key_whoever_begins() {
        assert_eq!(natural_key(ext(1), ext(2)), natural_key(ext(2), ext(1)));
        assert_ne!(natural_key(ext(1), ext(2)), natural_key(ext(1), ext(3)));
    }

    #[test]
    fn both_are_in_it_from_the_beginning() {
        let decision = create_direct(&caller(1), ext(2), chat().id).unwrap();
        let [Change::ConversationCreated(made)] = &decision.changes[..] else { panic!("one change") };
        assert_eq!(&made.members[..], &[ext(1), ext(2)]);
    }

    #[test]
    fn nobody_chats_alone() {
        let alone = create_direct(&caller(1), ext(1), chat().id);
        assert!(matches!(alone, Err(Refusal::TooFewParticipants(_))));
    }
}
