//! What the PBX provisions: idempotent upserts of whole objects. What is so already makes no change.

pub mod extension;
pub mod phone_number;
pub mod voice_queue;
