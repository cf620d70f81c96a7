//! What deciding and saying cost, without any I/O: `cargo bench --bench domain`.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use std::{collections::HashMap, hint::black_box, sync::Arc};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use partyline::{
    domain::{
        Audience, By, Caller, ClientId, Committed, ConversationId, ExtensionId, Happening, MessageText, Role, TenantId,
        Timestamp,
        conversation::{Author, Command, Conversation, Direction, Kind, Marker, Message, Reach},
        extension::People,
    },
    protocol::frames::{EventFrame, ServerFrame, parse},
};
use uuid::Uuid;

const AUTHOR: ExtensionId = ExtensionId(Uuid::from_u128(1));

fn conversation(members: u128) -> Conversation {
    let people: Arc<[ExtensionId]> = (1..=members).map(|n| ExtensionId(Uuid::from_u128(n))).collect();
    Conversation {
        id: ConversationId(Uuid::from_u128(1)),
        tenant: TenantId(Uuid::from_u128(2)),
        kind: Kind::Group,
        name: Some("Ops".into()),
        revision: 1,
        members: people.iter().map(|p| (*p, Marker::default())).collect(),
        audience: people,
        typing: HashMap::new(),
        pair: None,
        numbers: [].into(),
        reach: Reach::default(),
        queue: None,
    }
}

fn message() -> Message {
    Message {
        conversation: ConversationId(Uuid::from_u128(1)),
        seq: 58,
        version: 8_124,
        text_no: 41,
        direction: Direction::Internal,
        author: Author::Extension(AUTHOR),
        client_id: Some(ClientId(Uuid::from_u128(9))),
        created_at: Timestamp(1_700_000_000_000_000),
        text: MessageText::parse("On my way, be there in ten minutes or so. Start without me!".into()).unwrap(),
        event: None,
        deliveries: vec![],
        attachments: vec![],
    }
}

fn decide(c: &mut Criterion) {
    let mut group = c.benchmark_group("decide");
    group.throughput(Throughput::Elements(1));
    for members in [2, 1_000] {
        let conversation = conversation(members);
        let send = Command::Send { client_id: ClientId(Uuid::from_u128(9)), text: message().text, from: None };
        let author = Caller {
            tenant: conversation.tenant,
            extension: AUTHOR,
            number: "201".into(),
            name: "Jake".into(),
            role: Role::User,
        };
        let author = By::Extension(Arc::new(author));
        group.bench_function(format!("send among {members}"), |b| {
            b.iter(|| conversation.decide(&author, black_box(&send)));
        });
    }
    group.finish();
}

fn say(c: &mut Criterion) {
    let mut group = c.benchmark_group("say");
    group.throughput(Throughput::Elements(1));
    let committed = Committed {
        tenant: TenantId(Uuid::from_u128(2)),
        version: 8_124,
        at: Timestamp(0),
        audience: Audience::Tenant,
        happening: Happening::MessageCreated(message()),
    };
    let people: People = [(AUTHOR, ("201".to_owned(), "Jake".to_owned()))].into();
    group.bench_function("an event", |b| {
        b.iter(|| ServerFrame::Event(EventFrame::of(black_box(&committed), &people)).to_text());
    });
    let frame = format!(
        r#"{{"type":"send","ref":"1","conversation":"{0}","client_id":"{0}","text":"On my way"}}"#,
        Uuid::from_u128(9)
    );
    group.bench_function("parse a send", |b| b.iter(|| parse(black_box(&frame))));
    group.finish();
}

criterion_group!(benches, decide, say);
criterion_main!(benches);
