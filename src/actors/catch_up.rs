//! What a client gets that comes back, or begins: what it missed, or the newest page. The same for a WebSocket and for
//! `GET /v1/sync`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use crate::{
    domain::{
        Caller, Committed, ConversationId, Happening, Refusal, Version,
        conversation::{Message, PARTICIPANTS_SHOWN},
        extension::People,
        phone::Number,
    },
    protocol::{
        frames::{EventFrame, Snapshot},
        shapes::{Conversation, MyQueue},
    },
    storage::{CatchUp, Reader, Row, Storage, StorageError},
};

use super::Engine;

/// Rows that a client may be behind and still get what changed.
const BEHIND: usize = 1_000;
/// Conversations in a snapshot.
const SNAPSHOT: usize = 50;

/// Where a client begins.
#[derive(Debug)]
pub struct Beginning {
    /// Whether `events` go on from the client's cursor.
    pub resumed: bool,
    /// Else the newest page.
    pub snapshot: Option<Snapshot>,
    /// My SMS queues, as of the cursor or later.
    pub queues: Vec<MyQueue>,
    /// What was missed.
    pub events: Vec<EventFrame>,
    /// The version as of which all this is so.
    pub cursor: Version,
}

/// Goes on from a cursor, or begins anew: the first time, too far behind, in another epoch, or from the future.
pub async fn begin(
    engine: &Arc<Engine>,
    caller: &Caller,
    cursor: Option<Version>,
    epoch: Option<&str>,
) -> Result<Beginning, Refusal> {
    let storage = &engine.storage;
    let same_epoch = epoch == Some(storage.epoch().to_string().as_str());
    if let Some(after) = cursor.filter(|_| same_epoch)
        && let CatchUp::Changes(rows, cursor) =
            storage.changes(caller.tenant, Reader::Extension(caller.extension), after, BEHIND).await?
    {
        let events = events(storage, caller, &rows).await?;
        let queues = engine.my_queues(caller).await?;
        return Ok(Beginning { resumed: true, snapshot: None, queues, events, cursor });
    }
    let (mut rows, cursor) = storage.snapshot(caller.tenant, caller.extension, SNAPSHOT + 1).await?;
    let more = rows.len() > SNAPSHOT;
    rows.truncate(SNAPSHOT);
    let next = rows.last().filter(|_| more).map(page_end);
    let conversations = seen_by(storage, caller, &rows).await?;
    let numbers: BTreeSet<_> = rows.iter().flat_map(numbers).collect();
    let names = shown_as(storage, caller, numbers).await?;
    let snapshot = Some(Snapshot { conversations, names, next });
    let queues = engine.my_queues(caller).await?;
    Ok(Beginning { resumed: false, snapshot, queues, events: vec![], cursor })
}

/// Reads on: the switchboard's ring does not reach back to where this stands.
pub async fn read_on(engine: &Arc<Engine>, caller: &Caller, beginning: &mut Beginning) -> Result<(), Refusal> {
    let reader = Reader::Extension(caller.extension);
    match engine.storage.changes(caller.tenant, reader, beginning.cursor, BEHIND).await? {
        CatchUp::Changes(rows, upto) => {
            beginning.events.extend(events(&engine.storage, caller, &rows).await?);
            beginning.cursor = upto;
            beginning.queues = engine.my_queues(caller).await?;
            Ok(())
        }
        CatchUp::TooFar => Err(Refusal::Busy),
    }
}

/// These rows as the caller sees them.
pub async fn seen_by(storage: &Storage, caller: &Caller, rows: &[Row]) -> Result<Vec<Conversation>, StorageError> {
    let named = rows.iter().flat_map(|row| {
        let participants = row.facts.participants.iter().map(|r| r.extension);
        participants.chain(row.last_message.iter().flat_map(Message::people))
    });
    let people = storage.people(caller.tenant, named).await?;
    let names = storage.contact_names(caller, rows.iter().flat_map(numbers)).await?;
    let seen = |row: &Row| {
        let (last, opted_out) = (row.last_message.as_ref(), row.opted_out);
        let seen = Conversation::seen_by(caller.extension, &row.facts, last, row.my_read, opted_out, &people);
        seen.with_names(&names)
    };
    Ok(rows.iter().map(seen).collect())
}

/// What the caller may show for each of these: a name where one is known, else the number as people write it.
pub async fn shown_as(
    storage: &Storage,
    caller: &Caller,
    numbers: impl IntoIterator<Item = Number> + Clone,
) -> Result<BTreeMap<String, String>, StorageError> {
    let mut known = storage.contact_names(caller, numbers.clone()).await?;
    let shown = |number: Number| {
        let shown = known.remove(&number).unwrap_or_else(|| number.international());
        (number.to_string(), shown)
    };
    Ok(numbers.into_iter().map(shown).collect())
}

/// Whoever outside is shown in a row.
fn numbers(row: &Row) -> impl Iterator<Item = Number> {
    let theirs = row.facts.pair.iter().map(|pair| pair.theirs.clone());
    let author = row.last_message.iter().filter_map(|message| message.author.number().cloned());
    theirs.chain(row.facts.numbers.iter().take(PARTICIPANTS_SHOWN).cloned()).chain(author)
}

/// A conversation as it is after what the caller has just done in it, whether they may still read it or not.
pub async fn row_after(engine: &Engine, caller: &Caller, id: ConversationId) -> Result<Conversation, Refusal> {
    let row = engine.storage.row_after(caller.tenant, caller.extension, id).await?.ok_or(Refusal::NotFound)?;
    seen_by(&engine.storage, caller, &[row]).await?.pop().ok_or(Refusal::NotFound)
}

/// What to ask for after this row.
pub fn page_end(row: &Row) -> String {
    format!("{}.{}", row.facts.last_activity_at.0, row.facts.id.0.as_simple())
}

async fn events(storage: &Storage, caller: &Caller, rows: &[Committed]) -> Result<Vec<EventFrame>, StorageError> {
    let named = rows.iter().flat_map(|row| match &row.happening {
        Happening::MessageCreated(message) | Happening::MessageUpdated(message) => message.people().collect(),
        Happening::ConversationUpdated { facts, .. } => facts.participants.iter().map(|r| r.extension).collect(),
        Happening::ReadAdvanced { readers, .. } => readers.iter().map(|r| r.extension).collect(),
        Happening::ParticipantsChanged { added, removed, .. } => added.iter().chain(removed.iter()).copied().collect(),
        Happening::ConversationRemoved { .. }
        | Happening::ExtensionUpdated(_)
        | Happening::PhoneNumberUpdated(_)
        | Happening::ConsentUpdated { .. }
        | Happening::UnroutedUpdated(_)
        | Happening::SettingsUpdated
        | Happening::VoiceQueueUpdated(_)
        | Happening::NamesUpdated(_)
        | Happening::QueueUpdated(_)
        | Happening::AgentUpdated { .. }
        | Happening::QueueWaiting { .. }
        | Happening::QueueTaken { .. } => vec![],
    });
    let people: People = storage.people(caller.tenant, named).await?;
    Ok(rows.iter().map(|row| EventFrame::of(row, &people)).collect())
}
