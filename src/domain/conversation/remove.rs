//! `remove` and `leave`: somebody is no longer in the group, is told so, and finds nothing of it any more.

use std::sync::Arc;

use crate::domain::{Caller, Change, Decision, ExtensionId, Refusal, extension::Colleague, phone::Number};

use super::{Conversation, Gone, SystemEvent, Whom, system::system_message};

/// A member removes another. Who names themselves leaves.
pub fn remove(group: &Conversation, caller: &Caller, who: &Colleague) -> Result<Decision, Refusal> {
    if who.id == caller.extension {
        return leave(group, caller);
    }
    group.group(caller.extension)?;
    group.member(who.id)?;
    let event = SystemEvent::Removed { by: caller.extension, who: Whom::Extension(who.id) };
    Ok(without(group, caller, who.id, Gone::Removed, format!("{who} removed by {caller}"), event))
}

/// A member leaves. The last one's leaving archives the group: nobody is in it any more.
pub fn leave(group: &Conversation, caller: &Caller) -> Result<Decision, Refusal> {
    group.group(caller.extension)?;
    let event = SystemEvent::Left { who: caller.extension };
    Ok(without(group, caller, caller.extension, Gone::Left, format!("{caller} left"), event))
}

/// A member removes a number outside: it gets no more of what is said.
pub fn remove_number(group: &Conversation, caller: &Caller, number: &Number) -> Result<Decision, Refusal> {
    group.group(caller.extension)?;
    if !group.numbers.contains(number) {
        return Err(Refusal::NotFound);
    }
    let mut appearance = group.appearance();
    appearance.numbers = group.numbers.iter().filter(|n| *n != number).cloned().collect();
    appearance.participant_count -= 1;
    let words = format!("{} removed by {caller}", number.international());
    let event = SystemEvent::Removed { by: caller.extension, who: Whom::Number(number.clone()) };
    let audience = group.audience.clone();
    let pill = system_message(group, caller.extension, words, event, &audience);
    let gone = Change::NumberRemoved { group: appearance, number: number.clone(), audience };
    Ok(Decision { guards: vec![group.guard()], changes: vec![pill, gone] })
}

/// The others read why; who goes hears last of all that it is over.
fn without(
    group: &Conversation,
    caller: &Caller,
    who: ExtensionId,
    reason: Gone,
    words: String,
    event: SystemEvent,
) -> Decision {
    let others: Arc<[_]> = group.audience.iter().copied().filter(|other| *other != who).collect();
    let appearance = group.appearance_with(&others);
    let pill = system_message(group, caller.extension, words, event, &others);
    let gone = Change::MemberRemoved { group: appearance, who, reason, others };
    Decision { guards: vec![group.guard()], changes: vec![pill, gone] }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{THEIRS, caller, chat, colleague, ext, group, group_of, mixed, number};
    use super::*;

    #[test]
    fn the_others_read_who_removed_whom() {
        let decision = remove(&group(), &caller(1), &colleague(3)).unwrap();
        let [Change::MessageAdded(pill), Change::MemberRemoved { who, reason, others, group: row }] =
            &decision.changes[..]
        else {
            panic!("two changes")
        };
        assert_eq!(pill.text.as_str(), "Name 3 (203) removed by Name 1 (201)");
        assert_eq!((*who, *reason, others[..].to_vec()), (ext(3), Gone::Removed, vec![ext(1), ext(2)]));
        assert_eq!((&pill.audience, row.participant_count), (others, 2));
    }

    #[test]
    fn a_number_outside_goes_and_the_members_read_it() {
        let decision = remove_number(&mixed(), &caller(2), &number(THEIRS)).unwrap();
        let [Change::MessageAdded(pill), Change::NumberRemoved { group: row, .. }] = &decision.changes[..] else {
            panic!("two changes")
        };
        assert_eq!(pill.text.as_str(), "+1 404-555-0199 removed by Name 2 (202)");
        assert_eq!((row.numbers.len(), row.participant_count), (0, 3));
        assert_eq!(remove_number(&group(), &caller(2), &number(THEIRS)), Err(Refusal::NotFound));
    }

    #[test]
    fn who_removes_themselves_leaves() {
        for decision in [remove(&group(), &caller(2), &colleague(2)), leave(&group(), &caller(2))] {
            let decision = decision.unwrap();
            let [Change::MessageAdded(pill), Change::MemberRemoved { reason: Gone::Left, .. }] = &decision.changes[..]
            else {
                panic!("left")
            };
            assert_eq!(pill.text.as_str(), "Name 2 (202) left");
        }
    }

    #[test]
    fn the_last_one_may_leave() {
        let decision = leave(&group_of([1]), &caller(1)).unwrap();
        let Some(Change::MemberRemoved { group: row, others, .. }) = decision.changes.last() else { panic!("left") };
        assert!(others.is_empty() && row.participant_count == 0);
    }

    #[test]
    fn who_is_no_member_finds_nothing_and_is_not_there_to_remove() {
        assert_eq!(remove(&group(), &caller(9), &colleague(1)), Err(Refusal::NotFound));
        assert_eq!(remove(&group(), &caller(1), &colleague(9)), Err(Refusal::NotFound));
        assert_eq!(leave(&group(), &caller(9)), Err(Refusal::NotFound));
        assert!(matches!(leave(&chat(), &caller(1)), Err(Refusal::Forbidden(_))), "a chat is left by nobody");
    }
}
