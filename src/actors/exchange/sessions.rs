//! Whether what comes over the links of an account came before.
//!
//! A carrier brings again what it did not see answered: soon after the session in which it brought it has ended, over
//! whichever link of the account is there, or soon after the next bind. It may know before us that a session has ended.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use uuid::Uuid;

use crate::{carriers::smpp::Presence, domain::Timestamp, storage::SamePiece};

/// So soon.
const SOON: Duration = Duration::from_secs(60);
/// So many that we refused are remembered, and so many sessions that are over.
const MOST: usize = 1_000;
/// A part of a long text that came within this is not another one.
const SAME: Duration = Duration::from_secs(5 * 60);

/// The sessions of an account's links.
#[derive(Default)]
pub(super) struct Sessions {
    live: BTreeMap<Uuid, Presence>,
    /// Those of which the carrier may still bring something again.
    over: BTreeMap<Uuid, Over>,
    /// Those of which this process knows nothing else, of the last process for one.
    others: Over,
    /// What came in those is noted not to come again.
    others_settled: bool,
    /// What may be kept though the carrier was told to bring it again.
    refused: BTreeSet<Uuid>,
    /// What something depends on that the carrier was told to bring again.
    disputed: BTreeSet<Uuid>,
}

/// A session that is over.
#[derive(Clone, Copy, Default)]
struct Over {
    /// The carrier brings again until then what came in it.
    until: Option<Timestamp>,
    /// Whether a link was bound since.
    has_bound: bool,
}

impl Over {
    /// A clock that is set back makes it no longer than twice that; a session may have ended a little after it came.
    fn is_soon(self, heard_at: Timestamp) -> bool {
        self.until.is_some_and(|until| heard_at < until && until.since(heard_at) <= SOON * 2)
    }

    fn is_settled(self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now >= until + SOON)
    }

    /// If it was over long ago, and a link was there, this changes nothing.
    fn bound(&mut self, now: Timestamp) {
        if !self.has_bound || self.until.is_some_and(|until| now < until) {
            *self = Self { until: Some(now + SOON), has_bound: true };
        }
    }
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
    /// It depends on whether the carrier has read our answer to this one, in a session that is there.
    DependsOn { piece: Uuid, session: Uuid, presence: Presence },
}

impl Sessions {
    /// A link is bound.
    pub fn bound(&mut self, session: Uuid, presence: Presence, now: Timestamp) {
        self.live.insert(session, presence);
        self.over.values_mut().for_each(|over| over.bound(now));
        self.others.bound(now);
    }

    /// It is there no more.
    pub fn ended(&mut self, session: Uuid, now: Timestamp) {
        self.live.remove(&session);
        self.over.insert(session, Over { until: Some(now + SOON), has_bound: false });
        if self.live.is_empty() {
            // What the carrier had no time to bring it brings after the next bind.
            let unfinished = |over: &&mut Over| over.until.is_some_and(|until| now < until);
            let all = self.over.values_mut().chain([&mut self.others]);
            all.filter(unfinished).for_each(|over| over.has_bound = false);
        }
        while self.over.len() > MOST {
            self.over.pop_first();
        }
    }

    /// Whether a link is there in it.
    pub fn is_live(&self, session: Uuid) -> bool {
        self.live.contains_key(&session)
    }

    /// The carrier is told to bring this again, though it may be on disk: the disk did not say.
    pub fn refused(&mut self, id: Uuid) {
        remember(&mut self.refused, id);
    }

    /// The carrier is told to bring something again that may be this one. When it does it is known whether this one was
    /// read, or its session has ended; however late that is.
    pub fn disputed(&mut self, id: Uuid) {
        remember(&mut self.disputed, id);
    }

    /// What has come again: what we refused; what isn't known to be answered, of a session that is over; and at any time a
    /// part of a long text that was here just now. Within a session people say the same twice.
    pub fn which(&mut self, same: &[SamePiece], heard: &Heard) -> Which {
        if let Some(found) = same.iter().find(|s| self.refused.remove(&s.id)) {
            return Which::Again(found.id);
        }
        let is_doubled = |s: &&SamePiece| heard.is_part && heard.at.since(s.at) < SAME;
        if let Some(found) = same.iter().find(|s| self.is_again(s, heard.at) || is_doubled(s)) {
            self.disputed.remove(&found.id);
            return Which::Again(found.id);
        }
        let others = same.iter().filter(|s| !s.is_answered && s.session != Some(heard.session));
        let mut live = others.filter_map(|s| self.live.get_key_value(&s.session?).map(|found| (s.id, found)));
        live.next().map_or(Which::New, |(piece, (session, presence))| {
            let (session, presence) = (*session, presence.clone());
            Which::DependsOn { piece, session, presence }
        })
    }

    fn is_again(&self, piece: &SamePiece, heard_at: Timestamp) -> bool {
        let is_live = piece.session.is_some_and(|session| self.is_live(session));
        let over = piece.session.and_then(|session| self.over.get(&session)).unwrap_or(&self.others);
        let may_come = over.is_soon(heard_at) || self.disputed.contains(&piece.id);
        !piece.is_answered && !is_live && may_come
    }

    /// Sessions that are over for so long that nothing of them comes again, those of the last process among them, and those
    /// of which something may. Not while there is no link to bring it.
    pub fn settled(&self, now: Timestamp) -> Option<Settled> {
        let (done, mut open): (Vec<_>, Vec<_>) =
            self.over.iter().map(|(session, over)| (*session, *over)).partition(|(_, over)| over.is_settled(now));
        let is_something = !done.is_empty() || !self.others_settled;
        let is_time = !self.live.is_empty() && self.others.is_settled(now) && is_something;
        open.extend(self.live.keys().map(|session| (*session, Over::default())));
        let names = |of: Vec<(Uuid, Over)>| of.into_iter().map(|(session, _)| session).collect();
        let but = self.disputed.iter().copied().collect();
        is_time.then(|| Settled { done: names(done), open: names(open), but })
    }

    /// That is noted.
    pub fn is_settled(&mut self, done: &[Uuid]) {
        done.iter().for_each(|session| _ = self.over.remove(session));
        self.others_settled = true;
    }
}

/// What does not come again.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Settled {
    /// What came in these sessions ...
    pub done: Vec<Uuid>,
    /// ... and in no others than these ...
    pub open: Vec<Uuid>,
    /// ... but for these.
    pub but: Vec<Uuid>,
}

fn remember(ids: &mut BTreeSet<Uuid>, id: Uuid) {
    ids.insert(id);
    while ids.len() > MOST {
        ids.pop_first();
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
        assert!(!is_repeat(&[], 201));
        let of_old_times = [SamePiece { session: None, ..same(OLD, false)[0].clone() }];
        let mut started = Sessions::default();
        started.bound(NEW, there(), NOW);
        assert!(repeated(&mut started, &same(OTHER, false), false, s(59)).is_some(), "a process that is gone took it");
        assert!(repeated(&mut started, &of_old_times, false, s(59)).is_some());
        assert!(repeated(&mut started, &same(OTHER, false), false, s(60)).is_none());
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
        sessions.bound(NEW, there(), s(6_000));
        assert_eq!(repeated(&mut sessions, &same(OLD, false), false, s(6_030)), Some(OLD), "it may wait for that link");
    }

    #[test]
    fn a_link_that_comes_and_goes_does_not_keep_what_another_left_open_for_ever() {
        let mut sessions = Sessions::default();
        sessions.bound(OLD, there(), NOW);
        sessions.bound(OTHER, there(), NOW);
        sessions.ended(OLD, s(0));
        for n in 1..10 {
            let flapping = Uuid::from_u128(100 + u128::from(n));
            sessions.bound(flapping, there(), s(n * 100));
            sessions.ended(flapping, s(n * 100 + 5));
        }
        assert_eq!(repeated(&mut sessions, &same(OLD, false), false, s(910)), None);
    }

    #[test]
    fn a_carrier_that_is_lost_while_it_brings_things_again_does_so_after_the_next_bind() {
        let mut sessions = rebound();
        sessions.ended(NEW, s(210));
        sessions.bound(OTHER, there(), s(1_000));
        assert_eq!(repeated(&mut sessions, &same(OLD, false), false, s(1_050)), Some(OLD));
        assert_eq!(repeated(&mut sessions, &same(NEW, false), false, s(1_050)), Some(OLD));
    }

    #[test]
    fn what_came_over_one_link_and_then_over_another_depends_on_whether_the_first_is_there() {
        let mut sessions = Sessions::default();
        sessions.bound(OLD, there(), NOW);
        sessions.bound(OTHER, there(), NOW);
        let which = |sessions: &mut Sessions, session, is_answered, at| {
            let heard = Heard { session, at: s(at), is_part: false };
            match sessions.which(&same(OLD, is_answered), &heard) {
                Which::New => "new",
                Which::Again(_) => "again",
                Which::DependsOn { piece: OLD, session: OLD, .. } => "depends",
                Which::DependsOn { .. } => "depends on another",
            }
        };
        assert_eq!(which(&mut sessions, OTHER, false, 5_000), "depends");
        assert_eq!(which(&mut sessions, OTHER, true, 5_000), "new");
        assert_eq!(which(&mut sessions, OLD, false, 5_000), "new", "within a session people say the same twice");
        sessions.disputed(OLD);
        sessions.ended(OLD, s(5_002));
        assert_eq!(which(&mut sessions, OTHER, true, 5_000), "new", "the carrier read our answer before it ended");
        assert_eq!(sessions.settled(s(6_000)).unwrap().but, [OLD]);
        assert_eq!(which(&mut sessions, OTHER, false, 6_000), "again", "the carrier was told to bring it again");
        assert_eq!(which(&mut sessions, OTHER, false, 6_000), "new", "it has");
        assert_eq!(which(&mut sessions, OTHER, false, 5_000), "again", "it had ended when that came, as is known now");
    }

    #[test]
    fn what_did_not_come_again_in_time_does_not_any_more() {
        let mut sessions = rebound();
        sessions.is_settled(&[]);
        assert_eq!(sessions.settled(s(319)), None);
        let settled = sessions.settled(s(320)).unwrap();
        assert_eq!(settled, Settled { done: vec![OLD], open: vec![NEW], but: vec![] });
        sessions.is_settled(&settled.done);
        assert_eq!(sessions.settled(s(1_000)), None, "once");
        sessions.ended(NEW, s(1_000));
        assert_eq!(sessions.settled(s(9_000)), None, "nobody could bring it");
        assert_eq!(repeated(&mut sessions, &same(OLD, false), false, s(9_000)), None);
        sessions.bound(OTHER, there(), s(9_000));
        assert_eq!(repeated(&mut sessions, &same(NEW, false), false, s(9_001)), Some(OLD));
        assert_eq!(repeated(&mut sessions, &same(OLD, false), false, s(9_001)), None);
    }

    #[test]
    fn what_the_last_process_left_is_settled_once() {
        let mut sessions = Sessions::default();
        sessions.bound(NEW, there(), NOW);
        assert_eq!(sessions.settled(s(119)), None);
        assert_eq!(sessions.settled(s(120)).unwrap(), Settled { done: vec![], open: vec![NEW], but: vec![] });
        sessions.is_settled(&[]);
        assert_eq!(sessions.settled(s(121)), None);
    }

    #[test]
    fn what_ends_while_that_is_noted_is_not_lost() {
        let mut sessions = rebound();
        let Settled { done, .. } = sessions.settled(s(320)).unwrap();
        sessions.ended(NEW, s(321));
        sessions.is_settled(&done);
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
