//! `PUT /v1/pbx/queues`: an administrator makes a queue, or alters it to be so. It counts at once, also for what waits.

use std::{collections::BTreeSet, sync::Arc};

use crate::domain::{
    Change, Decision, ExtensionId, Guard, QueueId, Refusal,
    extension::check_number,
    name::check_name,
    provision::phone_number::{StoredNumber, check_key},
    text::MAX_SMS_CHARACTERS,
};

use super::{Agent, Queue, QueuePut, Settings};

/// The longest timeout, in seconds.
pub const TIMEOUT_MAX_S: i64 = 86_400;
/// The most members of a queue.
pub const MEMBERS_MAX: usize = 2_000;

/// A queue as the PBX wants it. Members may come later.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// How it behaves.
    pub settings: Settings,
    /// Its members, by their extensions' numbers.
    pub members: Vec<String>,
    /// Those of them who are there, and whom it concerned until now.
    pub present: Vec<ExtensionId>,
    /// Our numbers that name it: they feed it from its beginning.
    pub feeding: Vec<StoredNumber>,
}

impl Wanted {
    /// Names, times and texts that can be used; the first that can't is named.
    pub fn check(&self, key: &str) -> Result<(), Refusal> {
        check_key("key", key)?;
        check_name(&self.settings.name)?;
        let Settings { idle_timeout_s, unclaimed_timeout_s, timeout_response, .. } = &self.settings;
        let within = |field: &str, value: i64, least: i64| match (least..=TIMEOUT_MAX_S).contains(&value) {
            true => Ok(()),
            false => Err(Refusal::invalid(format!("{field}: {least} to {TIMEOUT_MAX_S} s"))),
        };
        within("idle_timeout_s", *idle_timeout_s, 1)?;
        within("unclaimed_timeout_s", *unclaimed_timeout_s, 0)?;
        if let Some(text) = timeout_response {
            let fits = (1..=MAX_SMS_CHARACTERS).contains(&text.chars().count());
            if !fits || text.trim().is_empty() || text.contains('\0') {
                return Err(Refusal::invalid(format!("timeout_response: 1 to {MAX_SMS_CHARACTERS} characters")));
            }
        }
        if self.members.len() > MEMBERS_MAX {
            return Err(Refusal::TooManyParticipants { participants: self.members.len(), limit: MEMBERS_MAX });
        }
        self.members.iter().try_for_each(|number| check_number(number))
    }
}

/// A queue that isn't there yet.
pub fn create(id: QueueId, key: &str, wanted: &Wanted) -> Result<Decision, Refusal> {
    wanted.check(key)?;
    let put = QueuePut {
        id,
        key: key.into(),
        settings: wanted.settings.clone(),
        members: wanted.members.clone(),
        deleted: false,
        audience: wanted.present.clone().into(),
    };
    let mut decision =
        Decision { guards: vec![Guard::NoQueue(key.into())], changes: vec![Change::QueuePut(Box::new(put))] };
    fed(&wanted.feeding, &mut decision);
    Ok(decision)
}

/// A queue that is there, or was. The same again makes no change.
pub fn put(queue: &Queue, wanted: &Wanted) -> Result<Decision, Refusal> {
    wanted.check(&queue.key)?;
    let same = queue.line.settings == wanted.settings && queue.members == wanted.members;
    if same && !queue.deleted {
        return Ok(Decision::default());
    }
    let audience: BTreeSet<_> = queue.audience().iter().copied().chain(wanted.present.iter().copied()).collect();
    let audience: Arc<[_]> = audience.into_iter().collect();
    let put = QueuePut {
        id: queue.line.id,
        key: queue.key.clone(),
        settings: wanted.settings.clone(),
        members: wanted.members.clone(),
        deleted: false,
        audience: audience.clone(),
    };
    let mut decision = Decision { guards: vec![queue.line.guard()], changes: vec![Change::QueuePut(Box::new(put))] };
    logged_out(queue, |who| !wanted.members.contains(&who.who.number), &audience, &mut decision);
    if queue.deleted {
        fed(&wanted.feeding, &mut decision);
    }
    Ok(decision)
}

/// Who is a member no longer is logged out: made one again, they begin as others do.
pub(super) fn logged_out(
    queue: &Queue,
    goes: impl Fn(&Agent) -> bool,
    audience: &Arc<[ExtensionId]>,
    decision: &mut Decision,
) {
    // Who logs in meanwhile rests on the queue's revision.
    for agent in queue.agents.values().filter(|agent| goes(agent) && (agent.logged_in || agent.paused)) {
        decision.guards.push(Guard::Agent(queue.line.id, agent.who.id, agent.revision));
        let gone = Agent { member: false, logged_in: false, paused: false, pause_reason: None, ..agent.clone() };
        decision.changes.push(Change::AgentPut { queue: queue.line.id, agent: gone, audience: audience.clone() });
    }
}

/// Numbers that begin to feed a queue, or cease to, change what may be sent from them: their revisions rise.
pub(super) fn fed(numbers: &[StoredNumber], decision: &mut Decision) {
    for StoredNumber { phone_number, revision, .. } in numbers {
        decision.guards.push(Guard::PhoneNumber(phone_number.number.clone(), *revision));
        decision.changes.push(Change::PhoneNumberPut { phone_number: phone_number.clone(), deleted: false });
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{queue, settings};
    use super::*;

    fn wanted() -> Wanted {
        Wanted { settings: settings(), members: vec!["201".into(), "202".into()], present: vec![], feeding: vec![] }
    }

    #[test]
    fn the_same_again_is_no_change() {
        assert_eq!(put(&queue(), &wanted()), Ok(Decision::default()));
        let back = put(&Queue { deleted: true, ..queue() }, &wanted()).unwrap();
        assert!(matches!(&back.changes[..], [Change::QueuePut(put)] if !put.deleted));
    }

    #[test]
    fn who_is_removed_is_logged_out_in_the_same_step() {
        let decision = put(&queue(), &Wanted { members: vec!["202".into()], ..wanted() }).unwrap();
        let [Change::QueuePut(put), Change::AgentPut { agent, .. }] = &decision.changes[..] else {
            panic!("two changes")
        };
        assert_eq!((agent.who.number.as_str(), agent.is_available(), agent.logged_in), ("201", false, false));
        assert_eq!(put.audience.len(), 2, "who was a member is told as well");
        assert!(decision.guards.contains(&Guard::Agent(queue().line.id, agent.who.id, 2)));
    }

    #[test]
    fn what_can_t_be_is_named() {
        let refused = |change: fn(&mut Wanted)| {
            let mut wanted = wanted();
            change(&mut wanted);
            create(queue().line.id, "support", &wanted).unwrap_err().to_string()
        };
        assert!(refused(|w| w.settings.idle_timeout_s = 0).starts_with("idle_timeout_s"));
        assert!(refused(|w| w.settings.unclaimed_timeout_s = 86_401).starts_with("unclaimed_timeout_s"));
        assert!(refused(|w| w.settings.timeout_response = Some(" ".into())).starts_with("timeout_response"));
        assert!(refused(|w| w.members = vec!["x".into()]).contains("extension number"));
    }
}
