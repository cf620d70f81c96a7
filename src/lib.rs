//! Partyline: the real-time messaging engine of a business phone system. `ARCHITECTURE.md` is the map.

pub mod clock;
pub mod domain;
pub mod storage;
pub mod protocol;
pub mod actors;
pub mod config;
pub mod http;
pub mod app;
pub mod demo;
