//! The threads on which conversations and switchboards live: one per core, by hash of id.

use std::{
    hash::{DefaultHasher, Hash, Hasher},
    thread::available_parallelism,
};

use actix::{Arbiter, ArbiterHandle};

pub(super) struct Arbiters(Vec<ArbiterHandle>);

impl Arbiters {
    pub(super) fn start() -> Self {
        let cores = available_parallelism().map_or(2, usize::from);
        Self((0..cores).map(|_| Arbiter::new().handle()).collect())
    }

    /// Where the actor of this id lives.
    pub(super) fn of(&self, id: &impl Hash) -> ArbiterHandle {
        let mut hasher = DefaultHasher::new();
        id.hash(&mut hasher);
        let n = usize::try_from(hasher.finish() % self.0.len() as u64).unwrap_or(0);
        self.0[n].clone()
    }

    pub(super) fn stop(&self) {
        for arbiter in &self.0 {
            arbiter.stop();
        }
    }
}
