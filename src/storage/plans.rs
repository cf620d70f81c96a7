//! Asks the query planner: nothing that is read or written looks through a whole table.

use std::{collections::BTreeSet, sync::Mutex};

use sea_orm::ConnectionTrait;
use uuid::Uuid;

use crate::{
    clock::Clock,
    domain::{
        Change, ClientId, ConversationId, Decision, ExtensionId, Guard, MessageText, Role, Timestamp,
        change::{Appearance, NewConversation},
        conversation::{Gone, Kind, NewMessage},
        extension::Extension,
        phone::Number,
        provision::phone_number::PhoneNumber,
    },
};

use super::{
    Database, Dialect, Filter, Page, Reader, SecretHash,
    ledger::{Ledger, Outcome, Unit},
};

static NOTED: Mutex<BTreeSet<String>> = Mutex::new(BTreeSet::new());

/// Every statement that a test runs.
pub(super) fn note(sql: &str) {
    NOTED.lock().unwrap().insert(sql.to_owned());
}

#[tokio::test(flavor = "multi_thread")]
async fn every_statement_is_served_by_an_index() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("p.db").display());
    let storage = Database { url }.open(Clock::System).await.unwrap();
    let ledger = Ledger::start(&storage, &tokio::runtime::Handle::current(), None);
    let tenant = storage.make_tenant("default").await.unwrap();
    let me = ExtensionId(Uuid::from_u128(1));
    let chat = ConversationId(Uuid::from_u128(2));
    let commit = async |changes: Vec<Change>, guards: Vec<Guard>| {
        let client_id = Some((me, ClientId(Uuid::new_v7(uuid::Timestamp::from_unix(uuid::NoContext, 1, 1)))));
        let unit = Unit { tenant, client_id, decision: Decision { guards, changes } };
        assert!(matches!(ledger.commit(unit).await, Ok(Outcome::Committed(_))));
    };
    let extension =
        Extension { id: me, number: "201".into(), name: "Jake".into(), role: Role::User, enabled: true, credential: 0 };
    let put = |made| Change::ExtensionPut {
        extension: extension.clone(),
        password_hash: None,
        caller_ids: vec![Number::stored("+14045550100".into())],
        made,
    };
    commit(vec![put(true)], vec![]).await;
    commit(vec![put(false)], vec![Guard::Extension(me, 1)]).await;
    let (kind, natural_key, members) = (Kind::Direct, Some("direct:x".to_owned()), [me].into());
    commit(
        vec![Change::ConversationCreated(NewConversation { id: chat, kind, natural_key, name: None, members })],
        vec![],
    )
    .await;
    let message = |text: &str| {
        let text = MessageText::parse(text.into()).unwrap();
        let client_id = Some(ClientId(Uuid::from_u128(text.as_str().len() as u128)));
        let audience = [me].into();
        Change::MessageAdded(NewMessage { conversation: chat, author: me, client_id, text, event: None, audience })
    };
    commit(vec![message("1"), message("22")], vec![Guard::Conversation(chat, 1)]).await;
    let read = Change::MarkersAdvanced { conversation: chat, readers: vec![(me, 1)], audience: [me].into() };
    commit(vec![read], vec![Guard::Conversation(chat, 1)]).await;

    let group = Appearance { id: chat, kind, name: None, participants: vec![], participant_count: 1 };
    let (audience, others) = ([me].into(), [].into());
    commit(vec![Change::Renamed { group: group.clone(), audience }], vec![Guard::Conversation(chat, 1)]).await;
    let gone = Change::MemberRemoved { group: group.clone(), who: me, reason: Gone::Left, others };
    commit(vec![gone], vec![Guard::Conversation(chat, 2)]).await;
    let (added, others) = ([me].into(), [].into());
    commit(vec![Change::MembersAdded { group, added, others }], vec![Guard::Conversation(chat, 3)]).await;

    let number = Number::stored("+14045550100".into());
    let phone_number = PhoneNumber {
        number: number.clone(),
        label: None,
        sms_enabled: true,
        carrier: "sim".into(),
        queue: None,
        extension: None,
    };
    let guard = vec![Guard::PhoneNumber(number.clone(), 0)];
    commit(vec![Change::PhoneNumberPut { phone_number, deleted: false }], guard).await;

    storage.phone_number(&number).await.unwrap();
    storage.phone_numbers(tenant, None, 5).await.unwrap();
    storage.caller_ids_of([me]).await.unwrap();
    storage.senders(tenant, me).await.unwrap();
    storage.conversation(chat).await.unwrap();
    storage.participants(tenant, me, chat, None, 5).await.unwrap();
    storage.groups(tenant, me).await.unwrap();
    storage.member(tenant, chat, "201").await.unwrap();
    storage.colleagues(tenant, &["201".into()]).await.unwrap();
    storage.by_natural_key(tenant, "x").await.unwrap();
    storage.row(tenant, me, chat).await.unwrap();
    for filter in [Filter::All, Filter::Unread] {
        let before = Some((Timestamp(5), chat));
        storage.conversations(tenant, me, filter, Some("q"), before, 5).await.unwrap();
    }
    storage.snapshot(tenant, me, 5).await.unwrap();
    for page in [Page::Newest, Page::Before(5), Page::After(5)] {
        storage.history(tenant, me, chat, page, 5).await.unwrap();
    }
    for reader in [Reader::Tenant, Reader::Extension(me)] {
        storage.changes(tenant, reader, 0, 1_000).await.unwrap();
    }
    storage.people(tenant, [me]).await.unwrap();
    storage.authenticate(SecretHash::of("token")).await.unwrap();

    let noted = NOTED.lock().unwrap().clone();
    assert!(noted.len() > 25, "{}", noted.len());
    let mut scans = Vec::new();
    for sql in noted {
        let plan = storage.0.reader.query_all_raw(Dialect::Sqlite.statement(&format!("EXPLAIN QUERY PLAN {sql}"), []));
        let mut looked_up = BTreeSet::new();
        for step in plan.await.unwrap() {
            let parent: i32 = step.try_get("", "parent").unwrap();
            let step: String = step.try_get("", "detail").unwrap();
            // The rows that a statement brings along are looked through, of course, and the few that a row shows.
            let brought = step.contains("jsonb_each") || step.contains(" r");
            let is_own = brought || [" shown", "CONSTANT"].iter().any(|own| step.contains(own));
            if step.starts_with("SCAN") && !is_own {
                scans.push(format!("{step}: {sql}"));
            }
            // But once, and not for each row of a table.
            if step.starts_with("SCAN") && brought && looked_up.contains(&parent) {
                scans.push(format!("{step} for each row: {sql}"));
            }
            if step.starts_with("SCAN") || step.starts_with("SEARCH") {
                looked_up.insert(parent);
            }
        }
    }
    assert!(scans.is_empty(), "{scans:#?}");
}
