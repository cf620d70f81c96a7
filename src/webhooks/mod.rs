//! Events to the PBX, by the Standard Webhooks convention (<https://www.standardwebhooks.com>): how one is signed, and
//! posted.

mod post;
mod signature;

pub use post::{Letter, Post, check_url};
pub use signature::{Key, NotAKey, new_secret};
