//! Queues of calls have no actor: what the PBX reports of them is decided on what is stored, and committed.

use crate::domain::{
    By, Refusal,
    provision::voice_queue::{self, VoiceQueue},
};

use super::Engine;

/// How often a lost race is run again.
const TRIES: usize = 20;

impl Engine {
    /// Makes a queue of calls as the PBX reports it. Answers whether it is new.
    pub async fn put_voice_queue(&self, by: &By, reported: &VoiceQueue) -> Result<bool, Refusal> {
        let tenant = by.tenant();
        for _ in 0..TRIES {
            let stored = self.storage.voice_queue(tenant, &reported.key).await?;
            let (decision, made) = voice_queue::put_voice_queue(stored.as_ref(), reported.clone());
            if decision.changes.is_empty() || self.commit(by, decision).await? {
                return Ok(made);
            }
        }
        Err(Refusal::Busy)
    }

    /// The PBX has a queue of calls no longer.
    pub async fn delete_voice_queue(&self, by: &By, key: &str) -> Result<(), Refusal> {
        let tenant = by.tenant();
        voice_queue::check_key(key)?;
        for _ in 0..TRIES {
            let stored = self.storage.voice_queue(tenant, key).await?;
            if self.commit(by, voice_queue::delete_voice_queue(stored)?).await? {
                return Ok(());
            }
        }
        Err(Refusal::Busy)
    }
}
