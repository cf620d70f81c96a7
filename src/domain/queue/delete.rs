//! `DELETE /v1/pbx/queues`: a queue is given up. Not while conversations are open in it.

use std::{collections::BTreeSet, sync::Arc};

use crate::domain::{Change, Decision, ExtensionId, Guard, Refusal, provision::phone_number::StoredNumber};

use super::{
    Queue, QueuePut,
    put::{fed, logged_out},
};

/// What is known when a queue shall be given up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// Whether conversations wait in it, or are claimed.
    pub in_use: bool,
    /// Whom it concerns.
    pub present: Vec<ExtensionId>,
    /// Our numbers that feed it: they may be sent from again.
    pub feeding: Vec<StoredNumber>,
}

/// Nothing is open in it, and nothing will be.
pub fn delete(queue: &Queue, wish: &Wish) -> Result<Decision, Refusal> {
    if queue.deleted {
        return Err(Refusal::NotFound);
    }
    if wish.in_use {
        return Err(Refusal::QueueInUse);
    }
    let audience: BTreeSet<_> = queue.audience().iter().chain(&wish.present).copied().collect();
    let audience: Arc<[_]> = audience.into_iter().collect();
    let put = QueuePut {
        id: queue.line.id,
        key: queue.key.clone(),
        settings: queue.line.settings.clone(),
        members: vec![],
        deleted: true,
        audience: audience.clone(),
    };
    let guards = vec![queue.line.guard(), Guard::NoneOpen(queue.line.id)];
    let mut decision = Decision { guards, changes: vec![Change::QueuePut(Box::new(put))] };
    logged_out(queue, |_| true, &audience, &mut decision);
    fed(&wish.feeding, &mut decision);
    Ok(decision)
}

#[cfg(test)]
mod tests {
    use super::super::tests::queue;
    use super::*;

    #[test]
    fn a_queue_in_use_stays() {
        let wish = |in_use| Wish { in_use, present: vec![], feeding: vec![] };
        assert_eq!(delete(&queue(), &wish(true)), Err(Refusal::QueueInUse));
        let decision = delete(&queue(), &wish(false)).unwrap();
        assert!(decision.guards.contains(&Guard::NoneOpen(queue().line.id)));
        assert_eq!(decision.changes.len(), 3, "and its agents are logged out");
        assert_eq!(delete(&Queue { deleted: true, ..queue() }, &wish(false)), Err(Refusal::NotFound));
    }
}
