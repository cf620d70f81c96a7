//! Where a conversation stands in its queue: it waits, somebody holds it, or it is closed. When its clock runs out.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::domain::{
    Caller, Change, ConversationId, Decision, ExtensionId, Refusal, Role, Timestamp,
    change::{Appearance, QueueMoved},
    extension::Colleague,
    queue::{Line, seconds},
};

use super::{Author, Conversation, Gone, Kind, Pair, SystemEvent, system::pill};

/// A conversation's place in its queue.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Queued {
    /// The queue that it is in now.
    pub line: Arc<Line>,
    /// What becomes of it there.
    pub state: State,
    /// Since when that is so: from entering, the claim or transfer, the release, the closing.
    pub since: Timestamp,
    /// Since when the customer is owed a reply.
    pub owed_since: Option<Timestamp>,
    /// Who last held it.
    pub last_held_by: Option<ExtensionId>,
}

/// What becomes of a queue conversation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum State {
    /// For somebody to claim it.
    Waiting,
    /// This agent holds it.
    Claimed(Colleague),
    /// It is over; by whom, or nobody was available in time (*Missed*).
    Closed(Option<Colleague>),
}

/// The state's name alone: who it is doesn't matter to a clock.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stand {
    /// For somebody to claim it.
    Waiting,
    /// Somebody holds it.
    Claimed,
    /// It is over.
    Closed,
}

impl Stand {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Stand::Waiting => "waiting",
            Stand::Claimed => "claimed",
            Stand::Closed => "closed",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Stand::Waiting, Stand::Claimed, Stand::Closed].into_iter().find(|s| s.as_str() == name)
    }

    /// From when its timeout counts: waiting, from entering or re-entering; claimed, while the customer is owed a reply,
    /// from the claim or their first unanswered text, whichever is later.
    pub fn clock_since(self, since: Timestamp, owed_since: Option<Timestamp>) -> Option<Timestamp> {
        match self {
            Stand::Waiting => Some(since),
            Stand::Claimed => owed_since.map(|owed| owed.max(since)),
            Stand::Closed => None,
        }
    }

    /// Since when it waits: since the oldest text that nobody answered; if there is none, since the release.
    pub fn waiting_since(self, since: Timestamp, owed_since: Option<Timestamp>) -> Option<Timestamp> {
        (self == Stand::Waiting).then(|| owed_since.unwrap_or(since))
    }
}

/// Why a conversation waits no longer in a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Taken {
    /// An agent took it.
    Claimed,
    /// It is over.
    Closed,
    /// A supervisor gave it to an agent, or to another queue.
    Transferred,
}

impl State {
    /// Its name alone.
    pub fn stand(&self) -> Stand {
        match self {
            State::Waiting => Stand::Waiting,
            State::Claimed(_) => Stand::Claimed,
            State::Closed(_) => Stand::Closed,
        }
    }

    /// Who holds it.
    pub fn holder(&self) -> Option<&Colleague> {
        match self {
            State::Claimed(holder) => Some(holder),
            State::Waiting | State::Closed(_) => None,
        }
    }
}

impl Queued {
    /// A conversation that is in the queue from now on; the ledger knows when that is.
    pub fn new(line: Arc<Line>, state: State) -> Self {
        let last_held_by = state.holder().map(|holder| holder.id);
        Queued { line, state, since: Timestamp(0), owed_since: None, last_held_by }
    }

    /// When it is released for want of a reply, or closed for want of an agent.
    pub fn deadline(&self) -> Option<Timestamp> {
        let stand = self.state.stand();
        let timeout = match stand {
            Stand::Waiting => self.line.settings.unclaimed_timeout_s,
            Stand::Claimed | Stand::Closed => self.line.settings.idle_timeout_s,
        };
        let since = stand.clock_since(self.since, self.owed_since).filter(|_| timeout > 0)?;
        Some(since + seconds(timeout))
    }

    /// Since when it waits.
    pub fn waiting_since(&self) -> Option<Timestamp> {
        self.state.stand().waiting_since(self.since, self.owed_since)
    }

    /// Whether nobody was available in time.
    pub fn is_missed(&self) -> bool {
        self.state == State::Closed(None)
    }

    /// Why who doesn't hold it can't do what its holder may.
    pub fn not_held(&self) -> Refusal {
        match &self.state {
            State::Waiting => Refusal::NotClaimed,
            State::Claimed(holder) => Refusal::AlreadyClaimed(Box::new(holder.clone())),
            State::Closed(_) => Refusal::ConversationClosed,
        }
    }
}

/// What makes an open queue conversation the only one of its pair.
pub fn natural_key(Pair { ours, theirs }: &Pair) -> String {
    format!("queue:{ours}:{theirs}")
}

impl Conversation {
    /// What its holder and supervisors may do: the place as it is. Whether the caller may know of it at all is settled
    /// before this is asked.
    pub(super) fn steered_by(&self, caller: &Caller) -> Result<&Queued, Refusal> {
        let Some(queued) = &self.queue else {
            self.member(caller.extension)?;
            return Err(Refusal::Forbidden("this conversation belongs to no queue".into()));
        };
        let holds = queued.state.holder().is_some_and(|holder| holder.id == caller.extension);
        match queued.state {
            State::Closed(_) => Err(Refusal::ConversationClosed),
            _ if holds || caller.role >= Role::Supervisor => Ok(queued),
            _ => Err(queued.not_held()),
        }
    }

    /// The conversation at another place: who held it leaves it, who takes it joins, and the pill stands between.
    pub(super) fn moved(&self, step: Step<'_>) -> Vec<Change> {
        let Step { from, to, pill: (author, words, event), reason, taken } = step;
        let (before, after) = (from.state.holder().map(|h| h.id), to.state.holder().map(|h| h.id));
        let closed = to.state.stand() == Stand::Closed;
        // Who held it when it was closed keeps it to read.
        let stays: Arc<[ExtensionId]> = if closed { self.audience.clone() } else { after.into_iter().collect() };
        let row = Appearance { queue: Some(to.clone()), ..self.appearance_with(&stays) };
        let row = Appearance { participant_count: i64::try_from(stays.len()).unwrap_or(i64::MAX), ..row };
        let joins = after.filter(|who| before != Some(*who));
        let natural_key = self.pair.as_ref().map(natural_key).unwrap_or_default();
        let moved = QueueMoved { row: row.clone(), joins, natural_key, audience: stays.clone() };
        let mut changes = vec![Change::QueueMoved(Box::new(moved)), pill(self.id, author, words, event, &stays)];
        if let Some(who) = before.filter(|who| !closed && after != Some(*who)) {
            changes.push(Change::HolderLeft { conversation: self.id, who, reason });
        }
        if let Some((reason, by)) = taken {
            changes.push(Change::WaitingTaken { queue: from.line.id, conversation: self.id, reason, by });
        }
        if to.state == State::Waiting {
            changes.push(Change::WaitingShown { row: Box::new(row), last: None });
        }
        changes
    }

    /// After a text, whoever shows the conversation is told of its row: agents of what waits, its holder of the clock.
    pub(super) fn told_of_text(&self) -> Option<Change> {
        let queued = self.queue.as_ref()?;
        let row = Box::new(self.appearance());
        match queued.state {
            State::Waiting => Some(Change::WaitingShown { row, last: None }),
            State::Claimed(_) => Some(Change::RowShown { row, audience: self.audience.clone() }),
            State::Closed(_) => None,
        }
    }
}

/// One step of a conversation's life in a queue.
pub(super) struct Step<'a> {
    /// Where it stood.
    pub from: &'a Queued,
    /// Where it stands then.
    pub to: Queued,
    /// Who did it, the words for it, and what it was.
    pub pill: (Author, String, SystemEvent),
    /// Why who held it does so no longer.
    pub reason: Gone,
    /// Why it waits no longer, where it waited; and by whom.
    pub taken: Option<(Taken, Option<Colleague>)>,
}

/// The row of a conversation that begins in its queue: nobody is in it.
pub(super) fn beginning(id: ConversationId, pair: &Pair, queued: Queued) -> Appearance {
    Appearance {
        id,
        kind: Kind::Sms,
        name: None,
        participants: vec![],
        participant_count: 0,
        pair: Some(pair.clone()),
        numbers: [].into(),
        queue: Some(queued),
    }
}

/// A decision on a queue conversation: it rests on the conversation and on its queue.
pub(super) fn decided(conversation: &Conversation, queued: &Queued, changes: Vec<Change>) -> Decision {
    Decision { guards: vec![conversation.guard(), queued.line.guard()], changes }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{colleague, waiting};
    use super::*;

    #[test]
    fn the_unclaimed_clock_runs_from_entering_and_only_if_it_is_set() {
        let mut queued = waiting().queue.unwrap();
        assert_eq!(queued.deadline(), None);
        Arc::make_mut(&mut queued.line).settings.unclaimed_timeout_s = 60;
        queued.since = Timestamp(5_000_000);
        queued.owed_since = Some(Timestamp(1_000_000));
        assert_eq!(queued.deadline(), Some(Timestamp(65_000_000)));
        assert_eq!(queued.waiting_since(), Some(Timestamp(1_000_000)), "the customer has waited longer");
    }

    #[test]
    fn the_idle_clock_runs_while_a_reply_is_owed_from_the_later_of_claim_and_text() {
        let mut queued = waiting().queue.unwrap();
        queued.state = State::Claimed(colleague(1));
        queued.since = Timestamp(50_000_000);
        assert_eq!(queued.deadline(), None, "nobody waits");
        for (owed, deadline) in [(10, 350), (80, 380)] {
            queued.owed_since = Some(Timestamp(owed * 1_000_000));
            assert_eq!(queued.deadline(), Some(Timestamp(deadline * 1_000_000)));
        }
        queued.state = State::Closed(None);
        assert_eq!((queued.deadline(), queued.waiting_since()), (None, None));
    }

    #[test]
    fn states_keep_their_names() {
        for stand in [Stand::Waiting, Stand::Claimed, Stand::Closed] {
            assert_eq!(Stand::parse(stand.as_str()), Some(stand));
        }
    }
}
