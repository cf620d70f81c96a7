//! `add`: any member brings others in, from inside and outside. Those inside see the whole history, and start with nothing unread.

use std::{collections::BTreeSet, sync::Arc};

use crate::domain::{Caller, Change, Decision, Refusal, extension::Colleague, phone::Number};

use super::{Conversation, GROUP_MAX, NUMBERS_MAX, SystemEvent, Whom, system::system_message};

/// A member adds others. Whoever is in it already stays as they are.
pub fn add(
    group: &Conversation,
    caller: &Caller,
    others: &[Colleague],
    numbers: &[Number],
) -> Result<Decision, Refusal> {
    group.group(caller.extension)?;
    let mut seen = BTreeSet::new();
    let new: Vec<_> = others.iter().filter(|who| !group.members.contains_key(&who.id) && seen.insert(who.id)).collect();
    let new_numbers: BTreeSet<_> = numbers.iter().filter(|n| !group.numbers.contains(n)).cloned().collect();
    if new.is_empty() && new_numbers.is_empty() {
        return Ok(Decision::default());
    }
    let outside = group.numbers.len() + new_numbers.len();
    if outside > NUMBERS_MAX {
        return Err(Refusal::TooManyParticipants { participants: outside, limit: NUMBERS_MAX });
    }
    let participants = group.members.len() + new.len();
    if participants > GROUP_MAX {
        return Err(Refusal::TooManyParticipants { participants, limit: GROUP_MAX });
    }
    let added: Arc<[_]> = new.iter().map(|who| who.id).collect();
    let everyone: BTreeSet<_> = group.audience.iter().chain(added.iter()).copied().collect();
    let everyone: Arc<[_]> = everyone.into_iter().collect();
    let mut appearance = group.appearance_with(&everyone);
    appearance.numbers =
        group.numbers.iter().cloned().chain(new_numbers.iter().cloned()).collect::<BTreeSet<_>>().into_iter().collect();
    appearance.participant_count = i64::try_from(everyone.len() + outside).unwrap_or(i64::MAX);
    let numbers: Arc<[_]> = new_numbers.into_iter().collect();
    let others = group.audience.clone();
    let mut changes = vec![Change::MembersAdded { group: appearance, added, numbers: numbers.clone(), others }];
    let named = new.iter().map(|who| (Whom::Extension(who.id), who.to_string()));
    for (who, name) in named.chain(numbers.iter().map(|n| (Whom::Number(n.clone()), n.international()))) {
        let event = SystemEvent::Added { by: caller.extension, who };
        changes.push(system_message(group, caller.extension, format!("{name} added by {caller}"), event, &everyone));
    }
    Ok(Decision { guards: vec![group.guard()], changes })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{THEIRS, caller, chat, colleague, ext, group, group_of, mixed, number};
    use super::*;

    #[test]
    fn who_is_added_is_told_first_and_hears_what_follows() {
        let group = group();
        let decision = add(&group, &caller(1), &[colleague(9), colleague(2), colleague(9)], &[]).unwrap();
        let [Change::MembersAdded { group: row, added, others, .. }, Change::MessageAdded(pill)] =
            &decision.changes[..]
        else {
            panic!("two changes")
        };
        assert_eq!((added[..].to_vec(), others, row.participant_count), (vec![ext(9)], &group.audience, 4));
        assert_eq!(pill.text.as_str(), "Name 9 (209) added by Name 1 (201)");
        assert_eq!(pill.audience[..], [ext(1), ext(2), ext(3), ext(9)]);
    }

    #[test]
    fn who_is_in_it_is_no_change() {
        assert_eq!(add(&group(), &caller(1), &[colleague(2), colleague(1)], &[]), Ok(Decision::default()));
    }

    #[test]
    fn numbers_outside_are_named_for_people_and_counted() {
        let numbers = [number("+14045550198"), number(THEIRS)];
        let decision = add(&mixed(), &caller(1), &[], &numbers).unwrap();
        let [Change::MembersAdded { group: row, numbers, added, .. }, Change::MessageAdded(pill)] =
            &decision.changes[..]
        else {
            panic!("two changes")
        };
        assert_eq!((numbers.len(), added.len(), row.numbers.len(), row.participant_count), (1, 0, 2, 5));
        assert_eq!(pill.text.as_str(), "+1 404-555-0198 added by Name 1 (201)");
        let many: Vec<_> = (0..50).map(|n| number(&format!("+1404556{n:04}"))).collect();
        let refused = add(&mixed(), &caller(1), &[], &many);
        assert!(matches!(refused, Err(Refusal::TooManyParticipants { participants: 51, limit: 50 })));
    }

    #[test]
    fn a_thousand_fit() {
        let group = group_of(1..=999);
        assert!(add(&group, &caller(1), &[colleague(1_000)], &[]).is_ok());
        let refused = add(&group, &caller(1), &[colleague(1_000), colleague(1_001)], &[]);
        assert!(matches!(refused, Err(Refusal::TooManyParticipants { participants: 1_001, .. })));
    }

    #[test]
    fn who_is_no_member_finds_nothing() {
        assert_eq!(add(&group(), &caller(9), &[colleague(9)], &[]), Err(Refusal::NotFound));
        assert!(matches!(add(&chat(), &caller(1), &[colleague(9)], &[]), Err(Refusal::Forbidden(_))));
    }
}
