//! `create sms`: an extension's own thread with a number outside, one for each number of ours.

use crate::domain::{Change, ConversationId, ExtensionId, change::NewConversation};

use super::{Kind, Pair};

/// What makes the thread the only one of the extension and the pair.
pub fn natural_key(owner: ExtensionId, Pair { ours, theirs }: &Pair) -> String {
    format!("sms:{}:{ours}:{theirs}", owner.0.as_simple())
}

/// A thread, where there is none yet.
pub fn create_sms(owner: ExtensionId, pair: Pair, id: ConversationId) -> Change {
    Change::ConversationCreated(NewConversation {
        id,
        kind: Kind::Sms,
        natural_key: Some(natural_key(owner, &pair)),
        name: None,
        members: [owner].into(),
        pair: Some(pair),
        numbers: [].into(),
        queue: None,
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{OURS, THEIRS, ext, number};
    use super::*;

    #[test]
    fn each_extension_and_each_number_of_ours_has_its_own() {
        let pair = |ours| Pair { ours: number(ours), theirs: number(THEIRS) };
        let keys = [
            natural_key(ext(1), &pair(OURS)),
            natural_key(ext(2), &pair(OURS)),
            natural_key(ext(1), &pair("+14045550101")),
        ];
        assert!(keys[0] != keys[1] && keys[0] != keys[2] && keys[1] != keys[2]);
    }
}
