//! `rename`: any member gives the group another name.

use crate::domain::{Caller, Change, Decision, Refusal, name::check_name};

use super::{Conversation, SystemEvent, system::system_message};

/// A member renames the group. The name that it has already is no change.
pub fn rename(group: &Conversation, caller: &Caller, name: &str) -> Result<Decision, Refusal> {
    group.group(caller.extension)?;
    check_name(name)?;
    if group.name.as_deref() == Some(name) {
        return Ok(Decision::default());
    }
    let mut appearance = group.appearance();
    appearance.name = Some(name.to_owned());
    let words = format!("Group renamed to {name} by {caller}");
    let event = SystemEvent::Renamed { by: caller.extension, to: name.to_owned() };
    let changes = vec![
        Change::Renamed { group: appearance, audience: group.audience.clone() },
        system_message(group, caller.extension, words, event, &group.audience),
    ];
    Ok(Decision { guards: vec![group.guard()], changes })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{caller, chat, group};
    use super::*;

    #[test]
    fn any_member_may_and_all_are_told() {
        let group = group();
        let decision = rename(&group, &caller(2), "Sales").unwrap();
        let [Change::Renamed { group: row, audience }, Change::MessageAdded(pill)] = &decision.changes[..] else {
            panic!("two changes")
        };
        assert_eq!((row.name.as_deref(), audience), (Some("Sales"), &group.audience));
        assert_eq!(pill.text.as_str(), "Group renamed to Sales by Name 2 (202)");
        assert_eq!(pill.audience, group.audience);
    }

    #[test]
    fn the_name_it_has_is_no_change() {
        assert_eq!(rename(&group(), &caller(1), "Ops"), Ok(Decision::default()));
    }

    #[test]
    fn who_is_no_member_finds_nothing_whatever_the_name() {
        assert_eq!(rename(&group(), &caller(9), ""), Err(Refusal::NotFound));
        assert!(matches!(rename(&group(), &caller(1), "a\nb"), Err(Refusal::InvalidName(_))));
        assert!(matches!(rename(&chat(), &caller(1), "Ops"), Err(Refusal::Forbidden(_))), "a chat has no name");
    }
}
