//! `consent`: somebody told one of us that they want no texts, or that they take them again.

use std::sync::Arc;

use crate::domain::{
    Caller, Change, Decision, ExtensionId, Refusal, Timestamp,
    phone::Number,
    sms::consent::{Consent, Source, words},
};

use super::{Conversation, SystemEvent, send::held, system::system_message};

/// What an extension wants recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Wish {
    /// Who said it.
    pub number: Number,
    /// Whether they want no texts.
    pub opted_out: bool,
    /// From the whole company, and not from this number alone.
    pub of_all: bool,
    /// Our numbers from which they want none so far.
    pub recorded_of: Vec<Number>,
    /// Whether they want none from the whole company so far.
    pub recorded_of_all: bool,
    /// Whether they said so themselves, to the number or to their carrier: then only they can lift it.
    pub by_themselves: bool,
    /// Who has a thread with them.
    pub threads_of: Arc<[ExtensionId]>,
    /// When it was recorded.
    pub now: Timestamp,
}

/// A member records what somebody outside, who is in the conversation, has said. What is so already makes no change.
pub fn consent(conversation: &Conversation, caller: &Caller, wish: &Wish) -> Result<Decision, Refusal> {
    match &conversation.queue {
        Some(queued) => held(conversation, queued, caller)?,
        None => drop(conversation.member(caller.extension)?),
    }
    let our_number = match &conversation.pair {
        Some(pair) if pair.theirs == wish.number => (!wish.of_all).then(|| pair.ours.clone()),
        None if conversation.numbers.contains(&wish.number) && wish.of_all => None,
        None if conversation.numbers.contains(&wish.number) => {
            Some(conversation.reach.sender(caller.extension, None, &mut vec![])?)
        }
        _ => return Err(Refusal::InvalidNumber("that number is not in this conversation".into())),
    };
    let recorded = our_number.as_ref().map_or(wish.recorded_of_all, |ours| wish.recorded_of.contains(ours));
    if recorded == wish.opted_out {
        return Ok(Decision::default());
    }
    if !wish.opted_out && wish.by_themselves {
        return Err(Refusal::Forbidden("they said stop themselves: only they can lift it, by texting START".into()));
    }
    let by = Some(caller.extension);
    let event = match wish.opted_out {
        true => SystemEvent::OptedOut { our_number: our_number.clone(), by },
        false => SystemEvent::OptedIn { our_number: our_number.clone(), by },
    };
    let words = words(wish.opted_out, our_number.as_ref());
    let record = Consent {
        our_number,
        number: wish.number.clone(),
        opted_out: wish.opted_out,
        source: Source::Agent,
        by,
        reason: None,
        at: wish.now,
    };
    let changes = vec![
        Change::ConsentPut { consent: record, audience: wish.threads_of.clone() },
        system_message(conversation, caller.extension, words, event, &conversation.audience),
    ];
    Ok(Decision { guards: vec![conversation.guard()], changes })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{OURS, THEIRS, caller, ext, number, thread};
    use super::*;

    fn wish(opted_out: bool, of_all: bool) -> Wish {
        let (recorded_of, threads_of) = (vec![], [ext(1)].into());
        let (number, now) = (number(THEIRS), Timestamp(0));
        let by_themselves = false;
        Wish { number, opted_out, of_all, recorded_of, recorded_of_all: false, by_themselves, threads_of, now }
    }

    #[test]
    fn what_they_said_is_recorded_and_shown() {
        for (of_all, words) in [(false, "Opted out of texts from +1 404-555-0100"), (true, "Opted out of all texts")] {
            let decision = consent(&thread(), &caller(1), &wish(true, of_all)).unwrap();
            let [Change::ConsentPut { consent, .. }, Change::MessageAdded(pill)] = &decision.changes[..] else {
                panic!("two changes")
            };
            assert_eq!((consent.our_number.is_none(), consent.by), (of_all, Some(ext(1))));
            assert_eq!(pill.text.as_str(), words);
        }
    }

    #[test]
    fn what_is_so_is_no_change() {
        assert_eq!(consent(&thread(), &caller(1), &wish(false, false)), Ok(Decision::default()));
        let recorded_of = vec![number(OURS)];
        let again = Wish { recorded_of: recorded_of.clone(), ..wish(true, false) };
        assert_eq!(consent(&thread(), &caller(1), &again), Ok(Decision::default()));
        let lifted = Wish { recorded_of, ..wish(false, false) };
        assert_eq!(consent(&thread(), &caller(1), &lifted).unwrap().changes.len(), 2);
        let their_own = Wish { by_themselves: true, ..lifted };
        assert!(matches!(consent(&thread(), &caller(1), &their_own), Err(Refusal::Forbidden(_))));
    }

    #[test]
    fn only_of_who_is_in_it_and_by_who_is_in_it() {
        let other = Wish { number: number("+14045550198"), ..wish(true, false) };
        assert!(matches!(consent(&thread(), &caller(1), &other), Err(Refusal::InvalidNumber(_))));
        assert_eq!(consent(&thread(), &caller(2), &wish(true, false)), Err(Refusal::NotFound));
    }
}
