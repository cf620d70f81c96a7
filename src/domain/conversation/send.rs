//! `send`: a member writes a message, once.

use crate::domain::{Change, ClientId, ConversationId, Decision, ExtensionId, MessageText, Refusal};

use super::{Conversation, Message, NewMessage};

/// A member writes. Its place is given by the ledger.
pub fn send(
    conversation: &Conversation,
    author: ExtensionId,
    client_id: ClientId,
    text: &MessageText,
) -> Result<Decision, Refusal> {
    conversation.member(author)?;
    let message = NewMessage {
        conversation: conversation.id,
        author,
        client_id: Some(client_id),
        text: text.clone(),
        event: None,
        audience: conversation.audience.clone(),
    };
    Ok(Decision { guards: vec![conversation.guard()], changes: vec![Change::MessageAdded(message)] })
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
    use super::super::tests::{chat, ext, message};
    use super::*;
    use crate::domain::Guard;
    use uuid::Uuid;

    fn text(s: &str) -> MessageText {
        MessageText::parse(s.into()).unwrap()
    }

    fn client_id() -> ClientId {
        ClientId(Uuid::from_u128(9))
    }

    #[test]
    fn a_member_s_message_is_for_all_members() {
        let c = chat();
        let decision = send(&c, ext(1), client_id(), &text("Hi")).unwrap();
        assert_eq!(decision.guards, [Guard::Conversation(c.id, 1)]);
        let [Change::MessageAdded(message)] = &decision.changes[..] else { panic!("one message") };
        assert_eq!((message.author, &message.audience[..]), (ext(1), &[ext(1), ext(2)][..]));
    }

    #[test]
    fn who_is_no_member_finds_nothing() {
        assert_eq!(send(&chat(), ext(3), client_id(), &text("Hi")), Err(Refusal::NotFound));
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
