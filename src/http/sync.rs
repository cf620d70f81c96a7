//! What the WebSocket sends after `hello`, for clients without one.

use actix_web::{
    get,
    web::{Data, Json, Query},
};
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    actors::catch_up,
    protocol::{
        frames::{EventFrame, Snapshot},
        requests::Sync,
        shapes::MyQueue,
    },
};

use super::{
    Shared,
    auth::SignedIn,
    error::{Problems, Refused},
};

/// Where a client stands now.
#[derive(Debug, Serialize, ToSchema)]
pub struct Synced {
    /// Whether `events` go on from the cursor; else drop what you hold.
    pub resumed: bool,
    /// Of the database.
    pub epoch: String,
    /// The newest conversations, where it is not resumed.
    pub snapshot: Option<Snapshot>,
    /// My SMS queues, whole.
    pub queues: Vec<MyQueue>,
    /// What was missed.
    pub events: Vec<EventFrame>,
    /// Ask with this next.
    pub cursor: i64,
    /// Whether there is more right away.
    pub more: bool,
}

/// What changed since a cursor, or the newest page.
#[utoipa::path(tag = "people", params(Sync), responses((status = 200, body = Synced), Problems))]
#[get("/v1/sync")]
pub async fn sync(shared: Data<Shared>, who: SignedIn, Query(query): Query<Sync>) -> Result<Json<Synced>, Refused> {
    let caller = &who.identity.caller;
    let beginning = catch_up::begin(&shared.engine, caller, query.cursor, query.epoch.as_deref()).await?;
    Ok(Json(Synced {
        resumed: beginning.resumed,
        epoch: shared.engine.storage.epoch().to_string(),
        snapshot: beginning.snapshot,
        queues: beginning.queues,
        events: beginning.events,
        cursor: beginning.cursor,
        more: false,
    }))
}
