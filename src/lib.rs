//! Partyline: the real-time messaging engine of a business phone system. `ARCHITECTURE.md` is the map.

pub mod actors;
pub mod app;
pub mod carriers;
pub mod clock;
pub mod config;
pub mod demo;
pub mod domain;
pub mod http;
pub mod jwt;
mod outgoing;
pub mod protocol;
pub mod storage;
pub mod webhooks;
