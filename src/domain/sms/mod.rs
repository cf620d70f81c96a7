//! Texts to and from the telephone network.

pub mod consent;
pub mod delivery;
pub mod gsm7;
pub mod inbound;
pub mod keywords;
pub mod route;
pub mod segments;
pub mod turns;
