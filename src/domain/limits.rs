//! How often something may be done. Time is a value: the caller brings it.

use std::{collections::VecDeque, time::Duration};

use super::Timestamp;

/// So many a second, and so many at once.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Quota {
    /// Refilled each second.
    pub per_s: f64,
    /// The most at once.
    pub burst: f64,
}

/// A token bucket, full at first.
#[derive(Clone, Debug)]
pub struct Bucket {
    level: f64,
    at: Timestamp,
}

impl Bucket {
    /// A full bucket.
    pub fn full(quota: Quota, now: Timestamp) -> Self {
        Self { level: quota.burst, at: now }
    }

    /// Takes one, or says how long until there is one.
    pub fn take(&mut self, quota: Quota, now: Timestamp) -> Result<(), Duration> {
        self.take_many(1.0, quota, now)
    }

    /// Takes so many at once: more than there are, too, but then the next has to wait until they are paid off.
    pub fn take_many(&mut self, count: f64, quota: Quota, now: Timestamp) -> Result<(), Duration> {
        self.level = (self.level + now.since(self.at).as_secs_f64() * quota.per_s).min(quota.burst);
        // A clock that went back must not make the bucket wait until it catches up.
        self.at = now;
        if self.level >= 1.0 {
            self.level -= count;
            return Ok(());
        }
        Err(Duration::from_secs_f64(((1.0 - self.level) / quota.per_s).min(3_600.0)))
    }

    /// Whether it is full again, so that it need not be remembered.
    pub fn is_full(&self, quota: Quota, now: Timestamp) -> bool {
        self.level + now.since(self.at).as_secs_f64() * quota.per_s >= quota.burst
    }
}

/// At most so many in a span of time, counted exactly: for failed logins.
#[derive(Clone, Debug, Default)]
pub struct Window(VecDeque<Timestamp>);

impl Window {
    /// Counts one, or says how long until one more is allowed.
    pub fn take(&mut self, limit: usize, span: Duration, now: Timestamp) -> Result<(), Duration> {
        self.forget(span, now);
        match self.0.front() {
            Some(first) if self.0.len() >= limit => Err(span.saturating_sub(now.since(*first))),
            _ => {
                self.0.push_back(now);
                Ok(())
            }
        }
    }

    /// How many were counted in the span that ends now.
    pub fn count(&mut self, span: Duration, now: Timestamp) -> usize {
        self.forget(span, now);
        self.0.len()
    }

    /// Takes the newest back: it turned out not to count.
    pub fn give_back(&mut self) {
        self.0.pop_back();
    }

    fn forget(&mut self, span: Duration, now: Timestamp) {
        while self.0.front().is_some_and(|t| now.since(*t) >= span) {
            self.0.pop_front();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: i64 = 1_000_000;

    #[test]
    fn more_than_there_are_can_be_taken_and_must_be_paid_off() {
        let quota = Quota { per_s: 10.0, burst: 20.0 };
        let mut bucket = Bucket::full(quota, Timestamp(0));
        assert_eq!(bucket.take_many(100.0, quota, Timestamp(0)), Ok(()));
        let wait = bucket.take(quota, Timestamp(0)).unwrap_err();
        assert_eq!(wait, Duration::from_secs_f64(8.1));
        assert_eq!(bucket.take(quota, Timestamp(8_100_000)), Ok(()));
    }

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let quota = Quota { per_s: 50.0, burst: 200.0 };
        let mut bucket = Bucket::full(quota, Timestamp(0));
        let passed = (0..300).filter(|_| bucket.take(quota, Timestamp(0)).is_ok()).count();
        assert_eq!(passed, 200);
        let passed = (0..300).filter(|_| bucket.take(quota, Timestamp(S)).is_ok()).count();
        assert_eq!(passed, 50);
        assert!(bucket.take(quota, Timestamp(S)).unwrap_err() <= Duration::from_millis(20));
        assert!(bucket.is_full(quota, Timestamp(6 * S)));
    }

    #[test]
    fn a_clock_that_goes_back_does_not_lock_the_bucket() {
        let quota = Quota { per_s: 1.0, burst: 1.0 };
        let mut bucket = Bucket::full(quota, Timestamp(100 * S));
        assert!(bucket.take(quota, Timestamp(100 * S)).is_ok());
        assert!(bucket.take(quota, Timestamp(0)).is_err());
        assert!(bucket.take(quota, Timestamp(S)).is_ok());
    }

    #[test]
    fn the_eleventh_failure_in_five_minutes_waits_for_the_first_to_age() {
        let span = Duration::from_secs(300);
        let mut window = Window::default();
        for i in 0..10 {
            assert!(window.take(10, span, Timestamp(i * S)).is_ok());
        }
        assert_eq!(window.take(10, span, Timestamp(20 * S)), Err(Duration::from_secs(280)));
        assert!(window.take(10, span, Timestamp(300 * S)).is_ok());
        window.give_back();
        assert!(window.take(10, span, Timestamp(300 * S)).is_ok());
        assert_eq!(window.count(span, Timestamp(700 * S)), 0);
    }
}
