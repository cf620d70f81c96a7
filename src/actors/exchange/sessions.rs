//! Whether what comes over the links of an account came before.
//!
//! A carrier brings again what it did not see answered: soon after the session in which it brought it has ended, over
//! whichever link of the account is there, and if none is, soon after one is bound again. It may know before us that a
//! session has ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;

use crate::{carriers::smpp::Presence, domain::Timestamp, storage::SamePiece};

/// So soon.
const SOON: Duration = Duration::from_secs(60);
/// So many that we refused are remembered.
const MOST: usize = 1_000;
/// A part of a long text that came within this is not another one.
const SAME: Duration = Duration::from_secs(5 * 60);

/// The sessions of an account's links.
#[derive(Default)]
pub(super) struct Sessions {
    live: BTreeMap<Uuid, Presence>,
    /// Until then the carrier may bring again what came in sessions that are over. None: it brought all of that.
    until: Option<Timestamp>,
    /// What may be kept though the carrier was told to bring it again.
    refused: BTreeSet<Uuid>,
}

/// What came over a link.
pub(super) struct Heard {
    /// In which session.
    pub session: Uuid,
    /// When, however long it waited since.
    pub at: Timestamp,
    /// Whether it is a part of a long text.
    pub is_part: bool,
}

/// What it is.
#[derive(Debug)]
pub(super) enum Which {
    /// A new one.
    New,
    /// This one, which came before.
    Again(Uuid),
    /// It depends on whether the carrier is there in this session, and has read our answer in it.
    DependsOn(Uuid, Presence),
}

impl Sessions {
    /// A link is bound.
    pub fn bound(&mut self, session: Uuid, presence: Presence, now: Timestamp) {
        self.live.insert(session, presence);
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

    /// What has come again: what we refused; what isn't known to be answered, of a session that is over; and at any time a
    /// part of a long text that was here just now. Within a session people say the same twice.
    pub fn which(&mut self, same: &[SamePiece], heard: &Heard) -> Which {
        if let Some(found) = same.iter().find(|s| self.refused.remove(&s.id)) {
            return Which::Again(found.id);
        }
        // A clock that is set back makes it no longer than twice that; a session may have ended a little after it came.
        let is_soon = self.until.is_some_and(|until| heard.at < until && until.since(heard.at) <= SOON * 2);
        let is_live = |s: &SamePiece| s.session.is_some_and(|session| self.live.contains_key(&session));
        let is_again = |s: &&SamePiece| is_soon && !s.is_answered && !is_live(s);
        let is_doubled = |s: &&SamePiece| heard.is_part && heard.at.since(s.at) < SAME;
        if let Some(found) = same.iter().find(|s| is_again(s) || is_doubled(s)) {
            return Which::Again(found.id);
        }
        let others = same.iter().filter(|s| !s.is_answered).filter_map(|s| s.session);
        let mut others = others.filter(|session| *session != heard.session);
        let doubtful = others.find_map(|session| self.live.get_key_value(&session));
        doubtful.map_or(Which::New, |(session, presence)| Which::DependsOn(*session, presence.clone()))
    }

    /// Once that time is over, and what came in it was looked at: what came before this in other sessions than these does
    /// not come again. Not while there is no link to bring it.
    pub fn settled(&self, now: Timestamp) -> Option<(Vec<Uuid>, Timestamp)> {
        let until = self.until.filter(|until| now >= *until + SOON && !self.live.is_empty())?;
        Some((self.live.keys().copied().collect(), until))
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

    fn there() -> Presence {
        Presence::new().0
    }

    /// What has come again at that time, in a session in which nothing had come.
    fn repeated(sessions: &mut Sessions, same: &[SamePiece], is_part: bool, at: Timestamp) -> Option<Uuid> {
        let heard = Heard { session: Uuid::nil(), at, is_part };
        match sessions.which(same, &heard) {
            Which::Again(id) => Some(id),
            _ => None,
        }
    }

    fn same(session: Uuid, is_answered: bool) -> [SamePiece; 1] {
        let (digest, carrier) = (vec![], "wholesale".into());
        [SamePiece { digest, id: OLD, carrier, session: Some(session), at: NOW, is_answered }]
    }

    /// The link was bound at first, lost after 100 s, and bound again after another 100.
    fn rebound() -> Sessions {
        let mut sessions = Sessions::default();
        sessions.bound(OLD, there(), NOW);
        sessions.ended(OLD, s(100));
        sessions.bound(NEW, there(), s(200));
        sessions
    }

    #[test]
    fn soon_after_a_bind_what_isn_t_known_to_be_answered_comes_again() {
        let is_repeat = |same: &[SamePiece], at| repeated(&mut rebound(), same, false, s(at)).is_some();
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
        sessions.bound(OLD, there(), NOW);
        sessions.bound(OTHER, there(), NOW);
        assert_eq!(repeated(&mut sessions, &same(OLD, false), false, s(5)), None, "the link is there");
        sessions.ended(OLD, s(5_000));
        assert_eq!(repeated(&mut sessions, &same(OLD, false), false, s(5_030)), Some(OLD));
        assert_eq!(repeated(&mut sessions, &same(OTHER, false), false, s(5_030)), None);
        assert_eq!(repeated(&mut sessions, &same(OLD, false), false, s(5_060)), None);
    }

    #[test]
    fn what_came_over_one_link_and_then_over_another_depends_on_whether_the_first_is_there() {
        let mut sessions = Sessions::default();
        sessions.bound(OLD, there(), NOW);
        sessions.bound(OTHER, there(), NOW);
        let which = |sessions: &mut Sessions, session, is_answered| {
            let heard = Heard { session, at: s(5_000), is_part: false };
            match sessions.which(&same(OLD, is_answered), &heard) {
                Which::New => "new",
                Which::Again(_) => "again",
                Which::DependsOn(session, _) if session == OLD => "depends",
                Which::DependsOn(..) => "depends on another",
            }
        };
        assert_eq!(which(&mut sessions, OTHER, false), "depends");
        assert_eq!(which(&mut sessions, OTHER, true), "new");
        assert_eq!(which(&mut sessions, OLD, false), "new", "within a session people say the same twice");
        sessions.ended(OLD, s(5_002));
        assert_eq!(which(&mut sessions, OTHER, false), "again", "it had ended when that came, as is known now");
        assert_eq!(which(&mut sessions, OTHER, true), "new", "the carrier read our answer before it ended");
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
        assert_eq!(repeated(&mut sessions, &same(OLD, false), false, s(9_000)), None);
        sessions.bound(OTHER, there(), s(9_000));
        assert_eq!(repeated(&mut sessions, &same(NEW, false), false, s(9_001)), Some(OLD));
    }

    #[test]
    fn a_bind_while_it_is_noted_is_not_lost() {
        let mut sessions = rebound();
        let (_, before) = sessions.settled(s(320)).unwrap();
        sessions.ended(NEW, s(321));
        sessions.is_settled(before);
        sessions.bound(OTHER, there(), s(322));
        assert_eq!(repeated(&mut sessions, &same(NEW, false), false, s(323)), Some(OLD));
    }

    #[test]
    fn what_we_refused_comes_again_in_the_same_session_once() {
        let mut sessions = Sessions::default();
        sessions.bound(NEW, there(), NOW);
        sessions.refused(OLD);
        assert_eq!(repeated(&mut sessions, &same(NEW, false), false, s(5_000)), Some(OLD));
        assert_eq!(repeated(&mut sessions, &same(NEW, false), false, s(5_001)), None);
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_make_it_long() {
        let mut sessions = rebound();
        assert_eq!(repeated(&mut sessions, &same(OLD, false), false, s(100)), None);
    }

    #[test]
    fn a_part_that_comes_twice_is_one() {
        let is_repeat = |is_part, at| repeated(&mut Sessions::default(), &same(OLD, true), is_part, s(at)).is_some();
        assert!(is_repeat(true, 1) && is_repeat(true, 299));
        assert!(!is_repeat(true, 300), "its number may be another text's by now");
        assert!(!is_repeat(false, 1));
    }
}
