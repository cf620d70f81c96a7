//! Whether somebody is there: over all sessions of an extension, as a value of time.

use std::{collections::HashMap, time::Duration};

use serde::{Deserialize, Serialize};

use super::{SessionId, Timestamp};

/// Sessions, none active for this long, are `away`.
pub const AWAY_AFTER: Duration = Duration::from_secs(300);
/// A lost connection counts for this long, so that a reload does not flicker.
pub const LINGER: Duration = Duration::from_secs(10);

/// What others see.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A session is active, or was within the last 5 minutes.
    Online,
    /// Sessions, but none active for 5 minutes.
    Away,
    /// No session, for 10 seconds.
    #[default]
    Offline,
}

/// One extension's sessions on this node.
#[derive(Clone, Debug, Default)]
pub struct Presence {
    /// `None`: active; else since when it isn't.
    sessions: HashMap<SessionId, Option<Timestamp>>,
    /// The last session that ended, and what was seen then.
    lost: Option<(Timestamp, State)>,
}

impl Presence {
    /// A session begins or says whether its person is at it.
    pub fn set(&mut self, session: SessionId, active: bool, now: Timestamp) {
        let since = self.sessions.entry(session).or_insert(None);
        *since = match (active, *since) {
            (true, _) => None,
            (false, None) => Some(now),
            (false, earlier) => earlier,
        };
    }

    /// A session ended.
    pub fn remove(&mut self, session: SessionId, now: Timestamp) {
        let seen = self.state(now);
        if self.sessions.remove(&session).is_some() && self.sessions.is_empty() {
            self.lost = Some((now, seen));
        }
    }

    /// What others see now.
    pub fn state(&self, now: Timestamp) -> State {
        if self.sessions.is_empty() {
            return match self.lost {
                Some((at, seen)) if now.since(at) < LINGER => seen,
                _ => State::Offline,
            };
        }
        let active = |since: &Option<Timestamp>| since.is_none_or(|t| now.since(t) < AWAY_AFTER);
        if self.sessions.values().any(active) { State::Online } else { State::Away }
    }

    /// When the state may change by itself.
    pub fn next_change(&self, now: Timestamp) -> Option<Timestamp> {
        if self.sessions.is_empty() {
            return self.lost.map(|(at, _)| at + LINGER).filter(|t| *t > now);
        }
        if self.sessions.values().any(Option::is_none) {
            return None;
        }
        self.sessions.values().flatten().max().map(|t| *t + AWAY_AFTER).filter(|t| *t > now)
    }

    /// Whether nothing is left to remember.
    pub fn is_over(&self, now: Timestamp) -> bool {
        self.sessions.is_empty() && self.lost.is_none_or(|(at, _)| now.since(at) >= LINGER)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    const S: i64 = 1_000_000;

    fn session(n: u128) -> SessionId {
        SessionId(Uuid::from_u128(n))
    }

    #[test]
    fn one_active_device_is_enough() {
        let mut p = Presence::default();
        p.set(session(1), true, Timestamp(0));
        p.set(session(2), false, Timestamp(0));
        assert_eq!(p.state(Timestamp(1_000 * S)), State::Online);
        assert_eq!(p.next_change(Timestamp(S)), None);
    }

    #[test]
    fn away_comes_five_minutes_after_the_last_activity() {
        let mut p = Presence::default();
        p.set(session(1), false, Timestamp(0));
        p.set(session(2), false, Timestamp(60 * S));
        assert_eq!(p.next_change(Timestamp(61 * S)), Some(Timestamp(360 * S)));
        assert_eq!(p.state(Timestamp(359 * S)), State::Online);
        assert_eq!(p.state(Timestamp(360 * S)), State::Away);
        p.set(session(1), true, Timestamp(400 * S));
        assert_eq!(p.state(Timestamp(400 * S)), State::Online);
    }

    #[test]
    fn saying_idle_again_does_not_start_the_clock_anew() {
        let mut p = Presence::default();
        p.set(session(1), false, Timestamp(0));
        p.set(session(1), false, Timestamp(200 * S));
        assert_eq!(p.state(Timestamp(300 * S)), State::Away);
    }

    #[test]
    fn a_reload_does_not_flicker() {
        let mut p = Presence::default();
        p.set(session(1), true, Timestamp(0));
        p.remove(session(1), Timestamp(10 * S));
        assert_eq!(p.state(Timestamp(19 * S)), State::Online);
        p.set(session(2), true, Timestamp(19 * S));
        assert_eq!(p.state(Timestamp(60 * S)), State::Online);
        p.remove(session(2), Timestamp(60 * S));
        assert_eq!(p.state(Timestamp(70 * S)), State::Offline);
        assert!(p.is_over(Timestamp(70 * S)));
    }
}
