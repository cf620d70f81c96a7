//! The conversation actor: the shell with a conversation's rules in it, and typing, which is never stored.

use std::sync::Arc;

use actix::{Handler, Message};
use tracing::warn;

use crate::{
    domain::{
        By, Caller, Change, Committed, ConversationId, Decision, Refusal, Timestamp,
        conversation::{Command, Conversation, Message as Stored, read, send, typing},
    },
    protocol::frames::ServerFrame,
    storage::{Storage, StorageError, ledger::Once},
};

use super::{
    Engine,
    registry::Registry,
    shell::{Shell, Subject},
    switchboard::Murmur,
};

impl Subject for Conversation {
    type Id = ConversationId;
    type Command = Command;
    type Beside = ();

    async fn load(storage: Storage, id: ConversationId) -> Result<Option<Self>, StorageError> {
        storage.conversation(id).await
    }

    fn registry(engine: &Engine) -> &Registry<ConversationId, Shell<Self>> {
        &engine.conversations
    }

    fn probe(engine: &Engine, id: ConversationId) {
        if let Some(probe) = &engine.probe {
            probe(id);
        }
    }

    fn decide(&self, by: &By, command: &Command) -> Result<Decision, Refusal> {
        Conversation::decide(self, by, command)
    }

    fn once(by: &By, command: &Command) -> Option<Once> {
        match command {
            Command::Send { client_id, .. } => Some(Once::Send(by.caller().ok()?.extension, *client_id)),
            // A text that was nobody's came in long ago: who gives it to somebody does so by its own name.
            Command::Receive(arrival) if arrival.also.is_empty() => Some(super::texts::once(&arrival.incoming)),
            _ => None,
        }
    }

    fn is_decided_elsewhere(command: &Command) -> bool {
        matches!(
            command,
            Command::Receive(_) | Command::Retry(_) | Command::Claim(_) | Command::Transfer(_) | Command::TimeOut(_)
        )
    }

    fn is_doubtful(refusal: &Refusal) -> bool {
        matches!(refusal, Refusal::SmsNotEnabled(_) | Refusal::OptedOut | Refusal::NotWaiting)
    }

    fn rests_on_doubt(decision: &Decision) -> bool {
        let failed = |change: &Change| match change {
            Change::MessageAdded(message) => message.deliveries.iter().any(|d| d.our_number.is_none()),
            _ => false,
        };
        decision.changes.iter().any(failed)
    }

    fn is_outdated(&self) -> bool {
        Conversation::is_outdated(self)
    }

    fn again(id: ConversationId, command: &Command, first: Stored) -> Result<Stored, Refusal> {
        match command {
            Command::Send { text, .. } => send::again(first, id, text),
            _ => Err(Refusal::IdempotencyConflict),
        }
    }

    fn changes_revision(command: &Command) -> bool {
        command.changes_revision()
    }

    fn is_gathered(command: &Command) -> bool {
        matches!(command, Command::Read { .. })
    }

    fn together(decisions: Vec<Decision>) -> Decision {
        read::together(decisions)
    }

    fn apply(&mut self, committed: &Committed) {
        Conversation::apply(self, committed);
    }

    fn next_deadline(&self) -> Option<Timestamp> {
        Conversation::next_deadline(self)
    }

    async fn fall_due(engine: Arc<Engine>, of: By, id: ConversationId) {
        if let Err(error) = engine.time_out(of.tenant(), id).await {
            warn!(conversation = %id, %error, "what fell due can't be done yet");
        }
    }

    fn tenant(&self) -> By {
        By::Engine(self.tenant)
    }
}

/// Somebody types.
#[derive(Message)]
#[rtype(result = "()")]
pub(super) struct Typing {
    pub caller: Arc<Caller>,
}

impl Handler<Typing> for Shell<Conversation> {
    type Result = ();

    fn handle(&mut self, Typing { caller }: Typing, _: &mut Self::Context) {
        if self.is_revising() {
            return;
        }
        let now = self.engine().clock.now();
        let Some(conversation) = self.state_mut() else { return };
        let id = conversation.id;
        let Ok(Some(audience)) = typing::typing(conversation, caller.tenant, caller.extension, now) else { return };
        let frame = ServerFrame::Typing { conversation: id.to_string(), extension: caller.number.clone() };
        if let Ok(lease) = self.engine().switchboards.lease(caller.tenant) {
            lease.tell(Murmur { audience, except: caller.extension, text: frame.to_text().into() });
        }
    }
}
