//! Durable messages through the ledger, on SQLite in a temporary folder: `cargo bench --bench ledger`.
//!
//! An element is one message on disk. Writers are conversations that each have one message under way.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use std::{sync::Arc, time::Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::future::join_all;
use partyline::{
    clock::Clock,
    domain::{
        By, Change, ClientId, ConversationId, Decision, ExtensionId, Guard, MessageText, Role, TenantId,
        change::NewConversation,
        conversation::{Kind, NewMessage},
        extension::Extension,
    },
    storage::{
        Database,
        ledger::{Ledger, Once, Outcome, Unit},
    },
};
use tokio::runtime::Builder;
use uuid::Uuid;

const CONVERSATIONS: usize = 1_000;

async fn commit(ledger: &Ledger, tenant: TenantId, changes: Vec<Change>) {
    let decision = Decision { guards: vec![], changes };
    let outcome = ledger.commit(Unit { by: By::Engine(tenant), once: None, decision }).await.unwrap();
    assert!(matches!(outcome, Outcome::Committed(_)));
}

fn send(tenant: TenantId, conversation: ConversationId, members: &Arc<[ExtensionId]>) -> Unit {
    let client_id = ClientId(Uuid::now_v7());
    let text = MessageText::parse("On my way, be there in ten minutes or so. Start without me!".into()).unwrap();
    let message = NewMessage::text(conversation, members[0], client_id, text, members.clone());
    let decision =
        Decision { guards: vec![Guard::Conversation(conversation, 1)], changes: vec![Change::MessageAdded(message)] };
    Unit { by: By::Engine(tenant), once: Some(Once::Send(members[0], client_id)), decision }
}

fn durable_messages(c: &mut Criterion) {
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}?mode=rwc", folder.path().join("bench.db").display());
    let storage = runtime.block_on(Database { url }.open(Clock::System)).unwrap();
    let ledger = Ledger::start(&storage, runtime.handle(), None);
    let (tenant, conversations, members) = runtime.block_on(async {
        let tenant = storage.make_tenant("bench").await.unwrap();
        let members: Arc<[ExtensionId]> = (1..=2).map(|n| ExtensionId(Uuid::from_u128(n))).collect();
        let extension = |id: &ExtensionId| Extension {
            id: *id,
            number: id.0.as_u128().to_string(),
            name: "Bench".into(),
            role: Role::User,
            enabled: true,
            credential: 0,
            deleted: false,
        };
        let put = |id| Change::ExtensionPut {
            extension: extension(id),
            password_hash: None,
            caller_ids: vec![],
            phonebooks: vec![],
            made: true,
        };
        commit(&ledger, tenant, members.iter().map(put).collect()).await;
        let conversations: Vec<_> = (0..CONVERSATIONS).map(|_| ConversationId(Uuid::now_v7())).collect();
        let create = |id: &ConversationId| {
            let (kind, members) = (Kind::Direct, members.clone());
            Change::ConversationCreated(NewConversation {
                id: *id,
                kind,
                natural_key: None,
                name: None,
                members,
                pair: None,
                numbers: [].into(),
                queue: None,
            })
        };
        commit(&ledger, tenant, conversations.iter().map(create).collect()).await;
        (tenant, conversations, members)
    });

    let mut group = c.benchmark_group("ledger");
    group.sample_size(20).throughput(Throughput::Elements(1));
    for writers in [1_usize, 16, 256, 1_000] {
        group.bench_function(format!("{writers} writers"), |b| {
            b.iter_custom(|messages| {
                let each = usize::try_from(messages).unwrap().div_ceil(writers);
                let started = Instant::now();
                runtime.block_on(join_all(conversations.iter().take(writers).map(|conversation| {
                    let (ledger, members) = (ledger.clone(), members.clone());
                    async move {
                        for _ in 0..each {
                            ledger.commit(send(tenant, *conversation, &members)).await.unwrap();
                        }
                    }
                })));
                // Rounded up to whole rounds; told as the time of what was asked for.
                started.elapsed().mul_f64(messages as f64 / (each * writers) as f64)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, durable_messages);
criterion_main!(benches);
