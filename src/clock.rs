//! The one place that knows what time it is, and makes ids and secrets.

use std::{
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use uuid::{ContextV7, Timestamp as UuidTimestamp, Uuid};

use crate::domain::Timestamp;

/// What time it is: the system's, or one that a test moves by hand.
#[derive(Clone, Debug, Default)]
pub enum Clock {
    /// The machine's.
    #[default]
    System,
    /// A test's, in microseconds since 1970.
    Manual(Arc<AtomicI64>),
}

impl Clock {
    /// Now.
    #[allow(clippy::disallowed_methods)] // this is the place
    pub fn now(&self) -> Timestamp {
        match self {
            Clock::System => {
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                Timestamp(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
            }
            Clock::Manual(micros) => Timestamp(micros.load(Ordering::SeqCst)),
        }
    }

    /// Moves a manual clock on.
    pub fn advance(&self, by: Duration) {
        if let Clock::Manual(micros) = self {
            micros.fetch_add(i64::try_from(by.as_micros()).unwrap_or(0), Ordering::SeqCst);
        }
    }

    /// A new UUIDv7, greater than all that this process has made (RFC 9562, 6.2, method 1): what is made in one millisecond
    /// is in order too, and so is what is made after the clock was set back.
    pub fn new_id(&self) -> Uuid {
        static IDS: Mutex<ContextV7> = Mutex::new(ContextV7::new());
        static IDS_OF_TESTS: Mutex<ContextV7> = Mutex::new(ContextV7::new());
        let context = if matches!(self, Clock::System) { &IDS } else { &IDS_OF_TESTS };
        let micros = self.now().0.max(0);
        let seconds = u64::try_from(micros / 1_000_000).unwrap_or(0);
        let nanos = u32::try_from(micros % 1_000_000 * 1_000).unwrap_or(0);
        Uuid::new_v7(UuidTimestamp::from_unix(context, seconds, nanos))
    }
}

/// 32 random bytes as 64 hexadecimal digits, for tokens and keys.
pub fn new_secret() -> Result<String, getrandom::Error> {
    let mut bytes = [0u8; 32];
    getrandom::fill(&mut bytes)?;
    Ok(bytes.iter().map(|b| format!("{b:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_in_order_though_the_clock_stands_still_or_is_set_back() {
        let micros = Arc::new(AtomicI64::new(1_000_000_000_000_000));
        let clock = Clock::Manual(micros.clone());
        let mut ids: Vec<_> = (0..1_000).map(|_| clock.new_id()).collect();
        micros.fetch_sub(60_000_000, Ordering::SeqCst);
        ids.extend((0..1_000).map(|_| clock.new_id()));
        assert!(ids.is_sorted_by(|a, b| a < b));
    }
}
