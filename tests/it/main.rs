//! The system from outside: the real engine on a real database, spoken to over HTTP and WebSocket as a client does.
#![allow(clippy::disallowed_methods, clippy::unwrap_used, clippy::expect_used)] // a test's ids and times are its own

mod client;
mod engine;

mod audit;
mod authority;
mod carriers;
mod contacts;
mod conversations;
mod crash;
mod deletion;
mod delivery;
mod demo;
mod dice;
mod frames;
mod full_disk;
mod groups;
mod interface;
mod jwt;
mod layers;
mod logs;
mod membership;
mod model;
mod people;
mod phone_numbers;
mod presence;
mod queues;
mod resume;
mod sends;
mod slow_readers;
mod sms;
mod tenants;
mod tokens;
mod voice_queues;
mod webhooks;
