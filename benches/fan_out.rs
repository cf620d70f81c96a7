//! One message to many sessions, through the whole engine in this process: `cargo bench --bench fan_out`.
//!
//! An element is one delivery: from the send until the last session has it.
#![allow(clippy::unwrap_used, clippy::disallowed_methods, missing_docs)]

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use futures_util::{SinkExt, StreamExt, future::join_all};
use partyline::{
    actors::ExtensionRequest,
    app::{self, Options},
    config::{Config, Limits},
    domain::{By, ClientId, MessageText, Role, conversation::Command},
};
use serde_json::json;
use tokio_tungstenite::{connect_async, tungstenite::Message};
use uuid::Uuid;

fn to_sessions(c: &mut Criterion) {
    let folder = tempfile::tempdir().unwrap();
    let huge = 1_000_000;
    let config = Config {
        listen: "127.0.0.1:0".into(),
        database_url: format!("sqlite://{}?mode=rwc", folder.path().join("bench.db").display()),
        limits: Limits { sends_per_s: huge, sends_burst: huge, ..Limits::default() },
        ..Config::default()
    };
    let (sender, started) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        actix_web::rt::System::new().block_on(async move {
            let running = app::start(config, Options::default()).await.unwrap();
            sender.send((running.address, running.engine.clone())).unwrap();
            std::future::pending::<()>().await;
        });
    });
    let (address, engine) = started.recv().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (author, chat, token) = runtime.block_on(async {
        let tenant = engine.storage.make_tenant("default").await.unwrap();
        for number in ["201", "202"] {
            let (number, name) = (number.to_owned(), "Bench".to_owned());
            let request = ExtensionRequest {
                number,
                name,
                role: Role::User,
                password: None,
                enabled: true,
                caller_ids: vec![],
                phonebooks: vec![],
            };
            engine.put_extension(&By::Engine(tenant), request).await.unwrap();
        }
        let author = Arc::new(engine.storage.extension(tenant, "201").await.unwrap().unwrap().into_caller());
        let chat = engine.create_direct(&author, "202").await.unwrap().0;
        let reader = engine.storage.extension(tenant, "202").await.unwrap().unwrap().extension;
        let hour = std::time::Duration::from_secs(3_600);
        (author, chat, engine.storage.issue_token(tenant, reader.id, reader.credential, hour).await.unwrap().0)
    });
    let mut group = c.benchmark_group("fan-out");
    for readers in [1_u64, 50, 500] {
        let mut sockets = runtime.block_on(join_all((0..readers).map(|_| async {
            let (mut socket, _) = connect_async(format!("ws://{address}/v1/ws")).await.unwrap();
            socket.send(Message::text(json!({"type": "hello", "token": token}).to_string())).await.unwrap();
            while !matches!(socket.next().await, Some(Ok(Message::Text(t))) if t.contains("\"ready\"")) {}
            socket
        })));
        group.sample_size(20).throughput(Throughput::Elements(readers));
        group.bench_function(format!("to {readers}"), |b| {
            b.iter(|| {
                let (client_id, text) = (ClientId(Uuid::now_v7()), MessageText::parse("On my way".into()).unwrap());
                runtime.block_on(async {
                    let send = Command::Send { client_id, text, from: None };
                    engine.ask(&author, chat, send).await.unwrap();
                    for socket in &mut sockets {
                        while !matches!(socket.next().await, Some(Ok(Message::Text(t))) if t.contains("message.created")) {}
                    }
                });
            });
        });
    }
    group.finish();
}

criterion_group!(benches, to_sessions);
criterion_main!(benches);
