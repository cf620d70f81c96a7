//! Whether what comes over the links of an account came before.
//!
//! A carrier brings again what it did not see answered: soon after the session in which it brought it has ended, over
//! whichever link of the account is there, and if none is, soon after one is bound again.

use std::{collections::BTreeSet, time::Duration};

use uuid::Uuid;

use crate::{domain::Timestamp, storage::SamePiece};

/// So soon.
const SOON: Duration = Duration::from_secs(60);
/// So many that we refused are remembered.
const MOST: usize = 1_000;
/// A part of a long text that came within this is not another one.
const SAME: Duration = Duration::from_secs(5 * 60);

/// The sessions of an account's links.
#[derive(Default)]
pub(super) struct Sessions {
    live: BTreeSet<Uuid>,
    /// Until then the carrier may bring again what came in sessions that are over. None: it brought all of that.
    until: Option<Timestamp>,
    /// What may be kept though the carrier was told to bring it again.
    refused: BTreeSet<Uuid>,
}

impl Sessions {
    /// A link is bound.
    pub fn bound(&mut self, session: Uuid, now: Timestamp) {
        self.live.insert(session);
        self.until = Some(now + SOON);
    }

    /// It is there no more.
    pub fn ended(&mut self, session: Uuid, now: Timestamp) {
        self.live.remove(&session);
        self.until = Some(now + SOON);
    }

    /// The carrier is told to bring this again, though it may be on disk: the disk did not say.
    pub fn refused(&mut self, id: Uuid) {
        self.refused.insert(id);
        while self.refused.len() > MOST {
            self.refused.pop_first();
        }
    }

    /// The one that has come again, if it is no new text: what we refused; what isn't known to be answered, of a session
    /// that is over; and at any time a part of a long text that was here just now. Within a session people say the same
    /// twice. `heard_at`: when it came, however long it waited since.
    pub fn repeated(&mut self, same: &[SamePiece], is_part: bool, heard_at: Timestamp) -> Option<Uuid> {
        if let Some(found) = same.iter().find(|s| self.refused.remove(&s.id)) {
            return Some(found.id);
        }
        // A clock that is set back makes it no longer.
        let is_soon = self.until.is_some_and(|until| heard_at < until && until.since(heard_at) <= SOON);
        let is_live = |s: &SamePiece| s.session.is_some_and(|session| self.live.contains(&session));
        let is_again = |s: &&SamePiece| is_soon && !s.is_answered && !is_live(s);
        let is_doubled = |s: &&SamePiece| is_part && heard_at.since(s.at) < SAME;
        same.iter().find(|s| is_again(s) || is_doubled(s)).map(|s| s.id)
    }

    /// Once that time is over, and what came in it was looked at: what came before this in other sessions than these does
    /// not come again. Not while there is no link to bring it.
    pub fn settled(&self, now: Timestamp) -> Option<(Vec<Uuid>, Timestamp)> {
        let until = self.until.filter(|until| now >= *until + SOON && !self.live.is_empty())?;
        Some((self.live.iter().copied().collect(), until))
    }

    /// That is noted.
    pub fn is_settled(&mut self, before: Timestamp) {
        self.until.take_if(|until| *until == before);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000_000_000);
    const OLD: Uuid = Uuid::from_u128(1);
    const NEW: Uuid = Uuid::from_u128(2);
    const OTHER: Uuid = Uuid::from_u128(3);

    fn s(seconds: u64) -> Timestamp {
        NOW + Duration::from_secs(seconds)
    }

    fn same(session: Uuid, is_answered: bool) -> [SamePiece; 1] {
        [SamePiece { id: OLD, carrier: "wholesale".into(), session: Some(session), at: NOW, is_answered }]
    }

    /// The link was bound at first, lost after 100 s, and bound again after another 100.
    fn rebound() -> Sessions {
        let mut sessions = Sessions::default();
        sessions.bound(OLD, NOW);
        sessions.ended(OLD, s(100));
        sessions.bound(NEW, s(200));
        sessions
    }

    #[test]
    fn soon_after_a_bind_what_isn_t_known_to_be_answered_comes_again() {
        let is_repeat = |same: &[SamePiece], at| rebound().repeated(same, false, s(at)).is_some();
        assert!(is_repeat(&same(OLD, false), 201) && is_repeat(&same(OLD, false), 259));
        assert!(!is_repeat(&same(OLD, false), 260), "long after the bind people say the same twice");
        assert!(!is_repeat(&same(OLD, true), 201), "the carrier knows that we have it");
        assert!(!is_repeat(&same(NEW, false), 201), "it came in this very session");
        assert!(is_repeat(&same(OTHER, false), 201), "a process that is gone took it");
        assert!(!is_repeat(&[], 201));
        let of_old_times = [SamePiece { session: None, ..same(OLD, false)[0].clone() }];
        assert!(is_repeat(&of_old_times, 201));
    }

    #[test]
    fn what_one_link_left_comes_again_over_another() {
        let mut sessions = Sessions::default();
        sessions.bound(OLD, NOW);
        sessions.bound(OTHER, NOW);
        assert_eq!(sessions.repeated(&same(OLD, false), false, s(5)), None, "the link is there");
        sessions.ended(OLD, s(5_000));
        assert_eq!(sessions.repeated(&same(OLD, false), false, s(5_030)), Some(OLD));
        assert_eq!(sessions.repeated(&same(OTHER, false), false, s(5_030)), None);
        assert_eq!(sessions.repeated(&same(OLD, false), false, s(5_060)), None);
    }

    #[test]
    fn what_did_not_come_again_in_time_does_not_any_more() {
        let mut sessions = rebound();
        assert_eq!(sessions.settled(s(319)), None);
        let (live, before) = sessions.settled(s(320)).unwrap();
        assert_eq!((live, before), (vec![NEW], s(260)));
        sessions.is_settled(before);
        assert_eq!(sessions.settled(s(1_000)), None, "once");
        sessions.ended(NEW, s(1_000));
        assert_eq!(sessions.settled(s(9_000)), None, "nobody could bring it");
        assert_eq!(sessions.repeated(&same(OLD, false), false, s(9_000)), None);
        sessions.bound(OTHER, s(9_000));
        assert_eq!(sessions.repeated(&same(NEW, false), false, s(9_001)), Some(OLD));
    }

    #[test]
    fn a_bind_while_it_is_noted_is_not_lost() {
        let mut sessions = rebound();
        let (_, before) = sessions.settled(s(320)).unwrap();
        sessions.ended(NEW, s(321));
        sessions.is_settled(before);
        sessions.bound(OTHER, s(322));
        assert_eq!(sessions.repeated(&same(NEW, false), false, s(323)), Some(OLD));
    }

    #[test]
    fn what_we_refused_comes_again_in_the_same_session_once() {
        let mut sessions = Sessions::default();
        sessions.bound(NEW, NOW);
        sessions.refused(OLD);
        assert_eq!(sessions.repeated(&same(NEW, false), false, s(5_000)), Some(OLD));
        assert_eq!(sessions.repeated(&same(NEW, false), false, s(5_001)), None);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_make_it_longer() {
        let mut sessions = rebound();
        assert_eq!(sessions.repeated(&same(OLD, false), false, s(100)), None);
    }

    #[test]
    fn a_part_that_comes_twice_is_one() {
        let is_repeat = |is_part, at| Sessions::default().repeated(&same(OLD, true), is_part, s(at)).is_some();
        assert!(is_repeat(true, 1) && is_repeat(true, 299));
        assert!(!is_repeat(true, 300), "its number may be another text's by now");
        assert!(!is_repeat(false, 1));
    }
}
