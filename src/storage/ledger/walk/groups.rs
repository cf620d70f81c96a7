//! What becomes of a group's row and its members.

use std::sync::Arc;

use crate::domain::{
    Audience, Committed, ExtensionId, Happening, TenantId,
    change::Appearance,
    conversation::{Facts, Gone, Marker},
    phone::Number,
};

use super::{Revision, Walk};

impl Walk {
    pub(super) fn renamed(
        &mut self,
        tenant: TenantId,
        group: &Appearance,
        audience: &Arc<[ExtensionId]>,
    ) -> Option<Arc<Committed>> {
        let facts = self.revise(tenant, group)?;
        let version = facts.version;
        let happening = Happening::ConversationUpdated { facts, joined: None };
        Some(self.committed(tenant, version, Audience::Extensions(audience.clone()), happening))
    }

    /// Who is new is told first, and starts with all of it read.
    pub(super) fn members_added(
        &mut self,
        tenant: TenantId,
        group: &Appearance,
        added: &Arc<[ExtensionId]>,
        numbers: &Arc<[Number]>,
        others: &Arc<[ExtensionId]>,
    ) -> Option<Vec<Arc<Committed>>> {
        let mut facts = self.revise(tenant, group)?;
        let (version, revision) = (facts.version, facts.revision);
        let marker = Marker { seq: facts.last_seq, text_no: facts.text_count };
        for new in facts.participants.iter_mut().filter(|r| added.contains(&r.extension)) {
            new.marker = marker;
        }
        self.in_groups(added, 1);
        self.writes.joins.extend(added.iter().map(|who| (group.id, *who, tenant, version, marker)));
        self.writes.texts.numbers_added.extend(numbers.iter().map(|number| (group.id, number.clone(), tenant)));
        let changed = Happening::ParticipantsChanged {
            conversation: group.id,
            revision,
            added: added.clone(),
            removed: [].into(),
            numbers_added: numbers.clone(),
            numbers_removed: [].into(),
            participant_count: group.participant_count,
        };
        let others = Audience::Extensions(others.clone());
        if added.is_empty() {
            return Some(vec![self.committed(tenant, version, others, changed)]);
        }
        let joined = Happening::ConversationUpdated { facts, joined: Some(marker) };
        let joined = self.committed(tenant, version, Audience::Extensions(added.clone()), joined);
        let version = self.touch(tenant, group.id)?;
        Some(vec![joined, self.committed(tenant, version, others, changed)])
    }

    pub(super) fn number_removed(
        &mut self,
        tenant: TenantId,
        group: &Appearance,
        number: &Number,
        audience: &Arc<[ExtensionId]>,
    ) -> Option<Arc<Committed>> {
        let facts = self.revise(tenant, group)?;
        self.writes.texts.numbers_removed.push((group.id, number.clone()));
        let changed = Happening::ParticipantsChanged {
            conversation: group.id,
            revision: facts.revision,
            added: [].into(),
            removed: [].into(),
            numbers_added: [].into(),
            numbers_removed: [number.clone()].into(),
            participant_count: group.participant_count,
        };
        Some(self.committed(tenant, facts.version, Audience::Extensions(audience.clone()), changed))
    }

    /// Who goes is told last.
    pub(super) fn member_removed(
        &mut self,
        tenant: TenantId,
        group: &Appearance,
        who: ExtensionId,
        reason: Gone,
        others: &Arc<[ExtensionId]>,
    ) -> Option<[Arc<Committed>; 2]> {
        let facts = self.revise(tenant, group)?;
        let changed = Happening::ParticipantsChanged {
            conversation: group.id,
            revision: facts.revision,
            added: [].into(),
            removed: [who].into(),
            numbers_added: [].into(),
            numbers_removed: [].into(),
            participant_count: group.participant_count,
        };
        let changed = self.committed(tenant, facts.version, Audience::Extensions(others.clone()), changed);
        let version = self.touch(tenant, group.id)?;
        self.in_groups(&[who], -1);
        self.writes.leaves.push((group.id, who, version, reason));
        let removed = Happening::ConversationRemoved { conversation: group.id, reason };
        Some([changed, self.committed(tenant, version, Audience::Extensions([who].into()), removed)])
    }

    /// The next revision of a conversation: its row as it is then.
    pub(super) fn revise(&mut self, tenant: TenantId, group: &Appearance) -> Option<Facts> {
        let version = self.touch(tenant, group.id)?;
        let head = self.ground.heads.get_mut(&group.id)?;
        head.revision += 1;
        let (name, participant_count) = (group.name.clone(), group.participant_count);
        let revision = Revision { revision: head.revision, version, name, participant_count };
        self.writes.revisions.insert(group.id, revision);
        self.facts(group)
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::{CHAT, JAKE, TENANT, ground};
    use super::super::{Verdict, walk};
    use super::*;
    use crate::{
        domain::{By, Change, Decision, Guard, Timestamp, change::Reading, conversation::Kind},
        storage::ledger::Unit,
    };
    use uuid::Uuid;

    #[test]
    fn who_is_added_has_read_all_there_is_and_is_told_so() {
        let new = ExtensionId(Uuid::from_u128(9));
        let shown = [JAKE, new].map(|extension| Reading { extension, marker: Marker::default() });
        let group = Appearance {
            id: CHAT,
            kind: Kind::Group,
            name: Some("Ops".into()),
            participants: shown.into(),
            participant_count: 2,
            pair: None,
            numbers: [].into(),
            queue: None,
        };
        let (added, numbers, others) = ([new].into(), [].into(), [JAKE].into());
        let change = Change::MembersAdded { group, added, numbers, others };
        let decision = Decision { guards: vec![Guard::Conversation(CHAT, 4)], changes: vec![change] };
        let unit = Unit { by: By::Engine(TENANT), once: None, decision };
        let (verdicts, writes) = walk(&[unit], ground(), Timestamp(60));
        let Verdict::Committed(committed) = &verdicts[0] else { panic!("committed") };
        let Happening::ConversationUpdated { facts, joined: Some(marker) } = &committed[0].happening else {
            panic!("joined comes first")
        };
        let all = Marker { seq: 10, text_no: 8 };
        assert_eq!((*marker, facts.participants[1].marker, writes.joins[0].4), (all, all, all));
        assert_eq!(facts.participants[0].marker, Marker::default());
        assert_eq!((facts.revision, writes.revisions[&CHAT].revision), (5, 5));
    }
}
