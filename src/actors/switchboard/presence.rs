//! Who is there, and who is shown it.

use std::collections::{BTreeMap, HashMap, HashSet};

use crate::{
    domain::{
        ExtensionId, SessionId, Timestamp,
        extension::Extension,
        presence::{Presence, State},
    },
    protocol::shapes,
};

/// What changed, for each session that shows it.
pub(super) type Changed = HashMap<SessionId, BTreeMap<String, shapes::Presence>>;

#[derive(Default)]
pub(super) struct Presences {
    of: HashMap<ExtensionId, Tracked>,
    numbers: HashMap<String, ExtensionId>,
    names: HashMap<ExtensionId, String>,
    watchers: HashMap<ExtensionId, HashSet<SessionId>>,
    watching: HashMap<SessionId, Vec<ExtensionId>>,
    /// To be looked at by the next tick.
    dirty: HashSet<ExtensionId>,
}

#[derive(Default)]
struct Tracked {
    presence: Presence,
    /// What watchers were told last.
    told: State,
    due: Option<Timestamp>,
}

impl Presences {
    pub(super) fn is_empty(&self) -> bool {
        self.of.is_empty()
    }

    /// An extension's number, by which watchers know it.
    pub(super) fn names(&mut self, extension: &Extension) {
        self.numbers.insert(extension.number.clone(), extension.id);
        self.names.insert(extension.id, extension.number.clone());
    }

    pub(super) fn set(&mut self, who: ExtensionId, session: SessionId, active: bool, now: Timestamp) {
        self.of.entry(who).or_default().presence.set(session, active, now);
        self.dirty.insert(who);
    }

    pub(super) fn remove(&mut self, who: ExtensionId, session: SessionId, now: Timestamp) {
        if let Some(tracked) = self.of.get_mut(&who) {
            tracked.presence.remove(session, now);
            self.dirty.insert(who);
        }
        self.unwatch(session);
    }

    pub(super) fn state(&self, who: ExtensionId, now: Timestamp) -> State {
        self.of.get(&who).map_or(State::Offline, |tracked| tracked.presence.state(now))
    }

    /// From now on a session shows these; their states now. Numbers that nobody has are left out.
    pub(super) fn watch(
        &mut self,
        session: SessionId,
        numbers: &[String],
        now: Timestamp,
    ) -> BTreeMap<String, shapes::Presence> {
        self.unwatch(session);
        let known: Vec<_> = numbers.iter().filter_map(|n| Some((n.clone(), *self.numbers.get(n)?))).collect();
        for (_, who) in &known {
            self.watchers.entry(*who).or_default().insert(session);
        }
        let states = known.iter().map(|(number, who)| (number.clone(), self.state(*who, now).into())).collect();
        if !known.is_empty() {
            self.watching.insert(session, known.into_iter().map(|(_, who)| who).collect());
        }
        states
    }

    pub(super) fn unwatch(&mut self, session: SessionId) {
        for who in self.watching.remove(&session).unwrap_or_default() {
            if let Some(watchers) = self.watchers.get_mut(&who) {
                watchers.remove(&session);
                if watchers.is_empty() {
                    self.watchers.remove(&who);
                }
            }
        }
    }

    /// What has changed since the last call, for those who show it.
    pub(super) fn changed(&mut self, now: Timestamp) -> Changed {
        let due = self.of.iter().filter(|(_, t)| t.due.is_some_and(|at| at <= now)).map(|(who, _)| *who);
        let mut look: HashSet<_> = due.collect();
        look.extend(self.dirty.drain());
        let mut changed = Changed::new();
        for who in look {
            let Some(tracked) = self.of.get_mut(&who) else { continue };
            let state = tracked.presence.state(now);
            tracked.due = tracked.presence.next_change(now);
            let over = tracked.presence.is_over(now);
            if state != tracked.told {
                tracked.told = state;
                let number = self.names.get(&who).cloned().unwrap_or_default();
                for session in self.watchers.get(&who).into_iter().flatten() {
                    changed.entry(*session).or_default().insert(number.clone(), state.into());
                }
            }
            if over {
                self.of.remove(&who);
            }
        }
        changed
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Role;
    use uuid::Uuid;

    const S: i64 = 1_000_000;

    #[test]
    fn watchers_hear_of_changes_and_of_nothing_else() {
        let mut presences = Presences::default();
        let jake = ExtensionId(Uuid::from_u128(1));
        let (his, mine) = (SessionId(Uuid::from_u128(2)), SessionId(Uuid::from_u128(3)));
        presences.names(&Extension {
            id: jake,
            number: "201".into(),
            name: "Jake".into(),
            role: Role::User,
            enabled: true,
            credential: 0,
            deleted: false,
        });
        let states = presences.watch(mine, &["201".into(), "999".into()], Timestamp(0));
        assert_eq!(states, [("201".to_owned(), shapes::Presence::Offline)].into());
        presences.set(jake, his, true, Timestamp(0));
        assert_eq!(presences.changed(Timestamp(0))[&mine]["201"], shapes::Presence::Online);
        assert!(presences.changed(Timestamp(S)).is_empty());
        presences.remove(jake, his, Timestamp(2 * S));
        assert!(presences.changed(Timestamp(3 * S)).is_empty(), "a lost connection counts for 10 s");
        assert_eq!(presences.changed(Timestamp(12 * S))[&mine]["201"], shapes::Presence::Offline);
        assert!(presences.is_empty());
    }
}
