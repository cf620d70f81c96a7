//! `typing`: told to the others at most every 3 seconds, never stored.

use std::{sync::Arc, time::Duration};

use crate::domain::{ExtensionId, Refusal, TenantId, Timestamp};

use super::Conversation;

/// At most one event per person and conversation in this time.
pub const EVERY: Duration = Duration::from_secs(3);

/// A member types: who is to be told now, if anyone.
pub fn typing(
    conversation: &mut Conversation,
    tenant: TenantId,
    who: ExtensionId,
    now: Timestamp,
) -> Result<Option<Arc<[ExtensionId]>>, Refusal> {
    if tenant != conversation.tenant {
        return Err(Refusal::NotFound);
    }
    conversation.member(who)?;
    let last = conversation.typing.get(&who);
    // A clock that went back must not silence anyone: only a recent past counts.
    if last.is_some_and(|t| *t <= now && now.since(*t) < EVERY) {
        return Ok(None);
    }
    conversation.typing.insert(who, now);
    Ok(Some(conversation.audience.clone()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{chat, ext};
    use super::*;

    #[test]
    fn one_event_in_three_seconds_a_person() {
        let mut c = chat();
        let tenant = c.tenant;
        let mut told = |who, ms: i64| typing(&mut c, tenant, ext(who), Timestamp(ms * 1_000)).unwrap().is_some();
        assert!(told(1, 10_000));
        assert!(!told(1, 12_999));
        assert!(told(2, 12_999));
        assert!(told(1, 13_000));
        assert!(told(1, 5_000), "the clock went back");
    }

    #[test]
    fn who_is_no_member_tells_nobody() {
        let mut c = chat();
        let tenant = c.tenant;
        assert_eq!(typing(&mut c, tenant, ext(3), Timestamp(0)), Err(Refusal::NotFound));
        assert!(c.typing.is_empty());
    }
}
