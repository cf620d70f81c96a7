//! How often each may do something, counted on this node.

use std::{hash::Hash, net::IpAddr, time::Duration};

use dashmap::DashMap;

use crate::domain::{
    ExtensionId, Refusal, Timestamp,
    limits::{Bucket, Quota, Window},
};

/// Entries kept before those that say nothing any more are dropped.
const SWEEP_AT: usize = 10_000;

/// Sends of each extension, and failed logins.
#[derive(Debug)]
pub struct Limits {
    sends: Quota,
    buckets: DashMap<ExtensionId, Bucket>,
    failures: Failures,
}

/// How many failed logins are too many.
#[derive(Debug)]
pub struct Failures {
    /// For one extension.
    pub per_extension: usize,
    /// From one address.
    pub per_address: usize,
    /// In this time.
    pub span: Duration,
    extensions: DashMap<String, Window>,
    addresses: DashMap<IpAddr, Window>,
}

impl Default for Failures {
    fn default() -> Self {
        Self::new(10, 100)
    }
}

impl Failures {
    /// So many in five minutes.
    pub fn new(per_extension: usize, per_address: usize) -> Self {
        let span = Duration::from_secs(300);
        Self { per_extension, per_address, span, extensions: DashMap::new(), addresses: DashMap::new() }
    }

    /// Counts an attempt as failed before it is tried, so that many at once are no way around; see [`Self::succeeded`].
    pub fn attempt(&self, extension: &str, address: IpAddr, now: Timestamp) -> Result<(), Refusal> {
        self.take(&self.addresses, address, self.per_address, now)?;
        self.take(&self.extensions, extension.to_owned(), self.per_extension, now).inspect_err(|_| {
            give_back(&self.addresses, &address);
        })
    }

    /// The attempt was none that counts.
    pub fn succeeded(&self, extension: &str, address: IpAddr) {
        give_back(&self.addresses, &address);
        give_back(&self.extensions, &extension.to_owned());
    }

    fn take<K: Eq + Hash>(&self, of: &DashMap<K, Window>, key: K, limit: usize, now: Timestamp) -> Result<(), Refusal> {
        if of.len() > SWEEP_AT {
            of.retain(|_, window| window.count(self.span, now) > 0);
        }
        of.entry(key).or_default().take(limit, self.span, now).map_err(limited)
    }
}

fn give_back<K: Eq + Hash>(of: &DashMap<K, Window>, key: &K) {
    if let Some(mut window) = of.get_mut(key) {
        window.give_back();
    }
}

fn limited(wait: Duration) -> Refusal {
    Refusal::RateLimited { retry_after_s: wait.as_secs() + 1 }
}

impl Limits {
    pub(super) fn new(sends: Quota, failures: Failures) -> Self {
        Self { sends, buckets: DashMap::new(), failures }
    }

    /// Failed logins.
    pub fn failures(&self) -> &Failures {
        &self.failures
    }

    /// So many more entries in timelines.
    pub fn send(&self, extension: ExtensionId, entries: u32, now: Timestamp) -> Result<(), Refusal> {
        if self.buckets.len() > SWEEP_AT {
            self.buckets.retain(|_, bucket| !bucket.is_full(self.sends, now));
        }
        let mut bucket = self.buckets.entry(extension).or_insert_with(|| Bucket::full(self.sends, now));
        bucket.take_many(entries.into(), self.sends, now).map_err(limited)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    #[test]
    fn many_attempts_at_once_are_no_way_around_and_successes_do_not_count() {
        let failures = Failures::new(10, 100);
        let address = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let now = Timestamp(0);
        for _ in 0..50 {
            failures.attempt("201", address, now).unwrap();
            failures.succeeded("201", address);
        }
        let allowed = (0..30).filter(|_| failures.attempt("201", address, now).is_ok()).count();
        assert_eq!(allowed, 10);
        let allowed = (0..200).filter(|n| failures.attempt(&n.to_string(), address, now).is_ok()).count();
        assert_eq!(allowed, 90, "the address had ten before");
    }
}
