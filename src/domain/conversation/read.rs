//! `read`: markers move forward, several readers together.

use std::collections::BTreeMap;

use crate::domain::{Change, Decision, ExtensionId, Refusal, Seq};

use super::Conversation;

/// Members have read so far. The ledger stops a marker at the newest message, so a reader may be ahead of this state.
pub fn read(conversation: &Conversation, readers: &[(ExtensionId, Seq)]) -> Result<Decision, Refusal> {
    let mut ahead = Vec::with_capacity(readers.len());
    for (who, seq) in readers {
        if *seq > conversation.member(*who)?.seq {
            ahead.push((*who, *seq));
        }
    }
    if ahead.is_empty() {
        return Ok(Decision::default());
    }
    let change = Change::MarkersAdvanced {
        conversation: conversation.id,
        readers: ahead,
        audience: conversation.audience.clone(),
    };
    Ok(Decision { guards: vec![conversation.guard()], changes: vec![change] })
}

/// Several readers' markers as one change: each as far as it was ever said.
pub fn together(decisions: Vec<Decision>) -> Decision {
    let mut merged = Decision::default();
    let mut furthest: BTreeMap<ExtensionId, Seq> = BTreeMap::new();
    for mut decision in decisions {
        let Some(Change::MarkersAdvanced { conversation, readers, audience }) = decision.changes.pop() else {
            continue;
        };
        for (who, seq) in readers {
            let to = furthest.entry(who).or_insert(seq);
            *to = seq.max(*to);
        }
        merged.guards = decision.guards;
        merged.changes = vec![Change::MarkersAdvanced { conversation, readers: vec![], audience }];
    }
    if let Some(Change::MarkersAdvanced { readers, .. }) = merged.changes.first_mut() {
        *readers = furthest.into_iter().collect();
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::super::Marker;
    use super::super::tests::{chat, ext};
    use super::*;

    #[test]
    fn only_forward_is_a_change() {
        let mut c = chat();
        c.advance(ext(1), Marker { seq: 5, text_no: 4 });
        for seq in [-1, 0, 5] {
            assert_eq!(read(&c, &[(ext(1), seq)]), Ok(Decision::default()));
        }
        let decision = read(&c, &[(ext(1), 6), (ext(2), 0)]).unwrap();
        let [Change::MarkersAdvanced { readers, .. }] = &decision.changes[..] else { panic!("one change") };
        assert_eq!(readers, &[(ext(1), 6)]);
    }

    #[test]
    fn several_readers_make_one_change() {
        let c = chat();
        let asked = [(1, 3), (2, 4), (1, 5), (2, 0)];
        let decisions = asked.map(|(who, seq)| read(&c, &[(ext(who), seq)]).unwrap());
        let merged = together(decisions.into());
        let [Change::MarkersAdvanced { readers, .. }] = &merged.changes[..] else { panic!("one change") };
        assert_eq!(readers, &[(ext(1), 5), (ext(2), 4)]);
        assert_eq!(together(vec![Decision::default()]), Decision::default());
    }

    #[test]
    fn who_is_no_member_finds_nothing() {
        assert_eq!(read(&chat(), &[(ext(3), 1)]), Err(Refusal::NotFound));
    }
}
