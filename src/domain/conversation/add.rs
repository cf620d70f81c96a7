//! `add`: any member brings others in. They see the whole history, and start with nothing unread.

use std::{collections::BTreeSet, sync::Arc};

use crate::domain::{Caller, Change, Decision, Refusal, extension::Colleague};

use super::{Conversation, GROUP_MAX, SystemEvent, system::system_message};

/// A member adds others. Whoever is in it already stays as they are.
pub fn add(group: &Conversation, caller: &Caller, others: &[Colleague]) -> Result<Decision, Refusal> {
    group.group(caller.extension)?;
    let mut seen = BTreeSet::new();
    let new: Vec<_> = others.iter().filter(|who| !group.members.contains_key(&who.id) && seen.insert(who.id)).collect();
    if new.is_empty() {
        return Ok(Decision::default());
    }
    let participants = group.members.len() + new.len();
    if participants > GROUP_MAX {
        return Err(Refusal::TooManyParticipants { participants, limit: GROUP_MAX });
    }
    let added: Arc<[_]> = new.iter().map(|who| who.id).collect();
    let everyone: BTreeSet<_> = group.audience.iter().chain(added.iter()).copied().collect();
    let everyone: Arc<[_]> = everyone.into_iter().collect();
    let appearance = group.appearance_with(&everyone);
    let mut changes = vec![Change::MembersAdded { group: appearance, added, others: group.audience.clone() }];
    for who in new {
        let event = SystemEvent::Added { by: caller.extension, who: who.id };
        let words = format!("{who} added by {caller}");
        changes.push(system_message(group, caller.extension, words, event, &everyone));
    }
    Ok(Decision { guards: vec![group.guard()], changes })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{caller, chat, colleague, ext, group, group_of};
    use super::*;

    #[test]
    fn who_is_added_is_told_first_and_hears_what_follows() {
        let group = group();
        let decision = add(&group, &caller(1), &[colleague(9), colleague(2), colleague(9)]).unwrap();
        let [Change::MembersAdded { group: row, added, others }, Change::MessageAdded(pill)] = &decision.changes[..]
        else {
            panic!("two changes")
        };
        assert_eq!((added[..].to_vec(), others, row.participant_count), (vec![ext(9)], &group.audience, 4));
        assert_eq!(pill.text.as_str(), "Name 9 (209) added by Name 1 (201)");
        assert_eq!(pill.audience[..], [ext(1), ext(2), ext(3), ext(9)]);
    }

    #[test]
    fn who_is_in_it_is_no_change() {
        assert_eq!(add(&group(), &caller(1), &[colleague(2), colleague(1)]), Ok(Decision::default()));
    }

    #[test]
    fn a_thousand_fit() {
        let group = group_of(1..=999);
        assert!(add(&group, &caller(1), &[colleague(1_000)]).is_ok());
        let refused = add(&group, &caller(1), &[colleague(1_000), colleague(1_001)]);
        assert!(matches!(refused, Err(Refusal::TooManyParticipants { participants: 1_001, .. })));
    }

    #[test]
    fn who_is_no_member_finds_nothing() {
        assert_eq!(add(&group(), &caller(9), &[colleague(9)]), Err(Refusal::NotFound));
        assert!(matches!(add(&chat(), &caller(1), &[colleague(9)]), Err(Refusal::Forbidden(_))));
    }
}
