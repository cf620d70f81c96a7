//! What the PBX provisions: idempotent upserts of whole objects. What is so already makes no change.

pub mod call;
pub mod extension;
pub mod phone_number;
pub mod phonebook;
pub mod voice_queue;
