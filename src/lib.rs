//! Partyline: the real-time messaging engine of a business phone system. `ARCHITECTURE.md` is the map.

pub mod clock;
pub mod domain;
pub mod storage;
pub mod protocol;
