//! What goes over the wire: shapes, requests, frames, and the one table of errors.
//!
//! Clients, the PBX and carriers rely on these names. OpenAPI is generated from them.

pub mod audit;
pub mod contacts;
pub mod frames;
pub mod problem;
pub mod requests;
pub mod shapes;
pub mod voice_queues;

use crate::domain::Refusal;

/// An id as it comes in: opaque, so one that can't be an id is simply not there.
pub fn id<T: std::str::FromStr>(text: &str) -> Result<T, Refusal> {
    text.parse().map_err(|_| Refusal::NotFound)
}
