//! What was committed of one tenant lately: a bounded ring that its switchboard reads.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use tokio::sync::watch;

use crate::domain::{Committed, Version};

/// Changes kept. Who is further behind reads the database.
const KEPT: usize = 4_096;

/// The ring, and a bell that rings when something was added.
#[derive(Debug)]
pub struct Feed {
    ring: Mutex<VecDeque<Arc<Committed>>>,
    /// Counts the outcomes that nobody knows; rings for news as well.
    bell: watch::Sender<u64>,
}

impl Default for Feed {
    fn default() -> Self {
        Self { ring: Mutex::default(), bell: watch::Sender::new(0) }
    }
}

impl Feed {
    /// Rings after each batch, and when the outcome of one is unknown: then its count rises.
    pub fn bell(&self) -> watch::Receiver<u64> {
        self.bell.subscribe()
    }

    /// What the ring has above `after`, without a hole: what follows `after` directly, as far as it goes.
    pub fn following(&self, after: Version) -> Vec<Arc<Committed>> {
        let ring = self.lock();
        let start = ring.partition_point(|c| c.version <= after);
        let next = |(i, c): &(usize, &Arc<Committed>)| c.version == after + 1 + Version::try_from(*i).unwrap_or(0);
        ring.range(start..).enumerate().take_while(next).map(|(_, c)| c.clone()).collect()
    }

    /// Whether the ring holds anything above `after`.
    pub fn is_beyond(&self, after: Version) -> bool {
        self.lock().back().is_some_and(|c| c.version > after)
    }

    /// Forgets all up to a version: it was read from the database, merged.
    pub fn forget(&self, upto: Version) {
        let mut ring = self.lock();
        let gone = ring.partition_point(|c| c.version <= upto);
        ring.drain(..gone);
    }

    pub(super) fn push(&self, batch: impl Iterator<Item = Arc<Committed>>) {
        let mut ring = self.lock();
        for committed in batch {
            // Batches come in version order from the tenant's lane.
            ring.push_back(committed);
        }
        let over = ring.len().saturating_sub(KEPT);
        ring.drain(..over);
        drop(ring);
        self.bell.send_modify(|_| ());
    }

    /// Something may have been committed unheard.
    pub(super) fn doubt(&self) {
        self.bell.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Committed>>> {
        self.ring.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Audience, ConversationId, Happening, TenantId, Timestamp};
    use uuid::Uuid;

    fn change(version: Version) -> Arc<Committed> {
        let happening = Happening::ReadAdvanced { conversation: ConversationId(Uuid::nil()), readers: vec![] };
        let (tenant, at) = (TenantId(Uuid::nil()), Timestamp(0));
        Arc::new(Committed { tenant, version, at, audience: Audience::Tenant, happening })
    }

    fn versions(feed: &Feed, after: Version) -> Vec<Version> {
        feed.following(after).iter().map(|c| c.version).collect()
    }

    #[test]
    fn a_reader_gets_what_follows_and_stops_at_a_hole() {
        let feed = Feed::default();
        feed.push([1, 2, 3, 5, 6].map(change).into_iter());
        assert_eq!(versions(&feed, 0), [1, 2, 3]);
        assert_eq!(versions(&feed, 2), [3]);
        assert_eq!(versions(&feed, 3), [] as [Version; 0]);
        assert!(feed.is_beyond(3));
        assert_eq!(versions(&feed, 4), [5, 6]);
        feed.forget(5);
        assert_eq!(versions(&feed, 2), [] as [Version; 0]);
        assert!(!feed.is_beyond(6));
    }

    #[test]
    fn the_ring_is_bounded() {
        let feed = Feed::default();
        feed.push((1..=10_000).map(change));
        assert_eq!(versions(&feed, 0), [] as [Version; 0]);
        assert_eq!(versions(&feed, 10_000 - 4_096).len(), 4_096);
    }
}
