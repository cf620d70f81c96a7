//! Several nodes on one database: each event is sent by one of them. On a SQLite file there is one.

use std::collections::BTreeSet;

use super::{Got, Receiver, engine, hook, on, quick};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_engines_send_each_event_once_and_one_goes_on_without_the_other() {
    let first = engine(quick()).await;
    let people = first.people(&["201", "202"]).await;
    let receiver = Receiver::start().await;
    hook(&first.api(), &receiver, &["message.created"]).await;
    let chat = people["201"].chat("202").await;
    // Where there can be no second, the first does all of it.
    let second = match std::env::var("TEST_POSTGRES") {
        Ok(_) => Some(on(first.folder.clone(), quick()).await),
        Err(_) => None,
    };
    let there = second.as_ref().map_or(people["202"].clone(), |e| e.api().with_token(&people["202"].token));
    for n in 0..100 {
        let (here, elsewhere) = (format!("a{n}"), format!("b{n}"));
        tokio::join!(people["201"].say(&chat, &here), there.say(&chat, &elsewhere));
    }
    receiver.until_taken(200).await;
    let Some(second) = second else { return assert_once(&receiver.got(), 200) };
    let folder = first.stop().await;
    there.say(&chat, "alone").await;
    receiver.until_text("alone").await;
    assert_once(&receiver.got(), 201);
    drop((second, folder));
}

fn assert_once(got: &[Got], count: usize) {
    assert_eq!(got.len(), count);
    assert_eq!(got.iter().map(Got::id).collect::<BTreeSet<_>>().len(), count, "each once");
    let seqs: Vec<_> = got.iter().map(|g| g.data()["seq"].as_i64().unwrap()).collect();
    assert!(seqs.is_sorted_by(|a, b| a < b), "in order: {seqs:?}");
}
