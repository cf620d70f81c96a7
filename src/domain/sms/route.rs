//! Whose is a text that comes in? One function decides, from what is known of (our number, their number).

use crate::domain::{ConversationId, ExtensionId, QueueId};

/// What is known of the pair when a text comes in. All of it is of the tenant that owns our number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Known {
    /// The pair's open queue conversation.
    pub open: Option<ConversationId>,
    /// The queue that our number feeds.
    pub feeds: Option<QueueId>,
    /// The extension that last texted them from our number, in a thread or from a group.
    pub last: Option<ExtensionId>,
    /// The extension named on our number for what comes unasked.
    pub named: Option<ExtensionId>,
    /// The extensions to which our number is a caller ID, in order, of those that are there.
    pub holders: Vec<ExtensionId>,
}

/// Where a text goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// Into the pair's open queue conversation, whatever queue it is in now.
    Open(ConversationId),
    /// Into a new conversation of this queue.
    Queue(QueueId),
    /// Into this extension's own thread, made if need be.
    Thread(ExtensionId),
    /// To the administrators: nothing is dropped.
    Unrouted,
}

/// Where a text of the pair goes, in this order and no other.
pub fn route(known: &Known) -> Route {
    if let Some(conversation) = known.open {
        return Route::Open(conversation);
    }
    if let Some(queue) = known.feeds {
        return Route::Queue(queue);
    }
    let holds = |who: &ExtensionId| known.holders.contains(who);
    let last = known.last.filter(holds);
    match last.or(known.named).or(known.holders.first().copied()) {
        Some(extension) => Route::Thread(extension),
        None => Route::Unrouted,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::{option, prelude::*, strategy::ValueTree};
    use uuid::Uuid;

    fn ext(n: u128) -> ExtensionId {
        ExtensionId(Uuid::from_u128(n))
    }

    fn queue(n: u128) -> QueueId {
        QueueId(Uuid::from_u128(n))
    }

    fn known() -> impl Strategy<Value = Known> {
        let id = || (1..5_u128).prop_map(ext);
        let open = option::of((1..5_u128).prop_map(|n| ConversationId(Uuid::from_u128(n))));
        let parts = (
            open,
            option::of((1..4_u128).prop_map(queue)),
            option::of(id()),
            option::of(id()),
            proptest::collection::vec(id(), 0..4),
        );
        parts.prop_map(|(open, feeds, last, named, holders)| Known { open, feeds, last, named, holders })
    }

    #[test]
    fn an_open_queue_conversation_comes_before_all_else() {
        let open = Some(ConversationId(Uuid::from_u128(9)));
        let known = Known { open, feeds: Some(queue(7)), last: Some(ext(1)), holders: vec![ext(1)], named: None };
        assert_eq!(route(&known), Route::Open(ConversationId(Uuid::from_u128(9))));
        assert_eq!(route(&Known { open: None, ..known }), Route::Queue(queue(7)));
    }

    #[test]
    fn who_texted_last_answers_while_they_have_the_number() {
        let known =
            Known { last: Some(ext(2)), named: Some(ext(3)), holders: vec![ext(1), ext(2)], ..Known::default() };
        assert_eq!(route(&known), Route::Thread(ext(2)));
        let gone = Known { holders: vec![ext(1)], ..known };
        assert_eq!(route(&gone), Route::Thread(ext(3)), "else who is named for it");
        assert_eq!(route(&Known { named: None, ..gone }), Route::Thread(ext(1)), "else the first who has it");
        assert_eq!(route(&Known::default()), Route::Unrouted);
    }

    #[test]
    fn each_of_the_five_cases_is_reached() {
        let mut runner = proptest::test_runner::TestRunner::deterministic();
        let mut reached = std::collections::BTreeSet::new();
        for _ in 0..2_000 {
            let known = known().new_tree(&mut runner).unwrap().current();
            let by_last = known.last.is_some_and(|who| known.holders.contains(&who));
            reached.insert(match route(&known) {
                Route::Open(_) => 1,
                Route::Queue(_) => 2,
                Route::Thread(who) if by_last && known.last == Some(who) => 3,
                Route::Thread(_) => 4,
                Route::Unrouted => 5,
            });
        }
        assert_eq!(reached, (1..=5).collect());
    }

    proptest! {
        #[test]
        fn it_is_total_and_names_nobody_who_is_not_known(known in known()) {
            let to = route(&known);
            prop_assert_eq!(&to, &route(&known));
            let fits = match to {
                Route::Open(id) => known.open == Some(id),
                Route::Queue(key) => known.open.is_none() && known.feeds == Some(key),
                Route::Thread(who) => {
                    let named = known.named == Some(who) || known.holders.contains(&who);
                    named && known.open.is_none() && known.feeds.is_none()
                }
                Route::Unrouted => known == Known { last: known.last, ..Known::default() },
            };
            prop_assert!(fits);
        }
    }
}
