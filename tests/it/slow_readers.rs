//! A hundred readers who stop reading harm nobody: not the others, and not the memory.

use std::{
    fs,
    time::{Duration, Instant},
};

use crate::engine::Process;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_stalled_readers_are_let_go_and_the_others_miss_nothing() {
    let engine = Process::start().await;
    let people = engine.api().people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let mut stalled = Vec::new();
    for _ in 0..100 {
        stalled.push(people["202"].connect().await);
    }
    let mut healthy = Vec::new();
    for _ in 0..5 {
        healthy.push(people["202"].connect().await);
    }
    let before = resident_kib(engine.pid());

    // Until all hundred are let go, and a while longer.
    let text = "x".repeat(4_000);
    let readers: Vec<_> = healthy
        .into_iter()
        .map(|mut client| {
            tokio::spawn(async move {
                while client.messages().last().is_none_or(|m| m.2 != "the end") {
                    client.frame().await;
                }
                client.messages()
            })
        })
        .collect();
    let mut sent = 0;
    let mut peak = before;
    let started = Instant::now();
    while counted(&engine.url, "partyline_sessions_evicted_total").await < 100 {
        for _ in 0..50 {
            people["201"].say(&chat, &text).await;
            sent += 1;
        }
        peak = peak.max(resident_kib(engine.pid()));
        assert!(started.elapsed() < Duration::from_secs(120), "they are never let go");
    }
    people["201"].say(&chat, "the end").await;
    for reader in readers {
        let got = reader.await.unwrap();
        let seqs: Vec<_> = got.iter().map(|m| m.1).collect();
        assert_eq!(seqs, (1..=sent + 1).collect::<Vec<_>>(), "the others missed nothing");
    }
    let grown = peak.saturating_sub(before);
    // Each may hold its write buffer and a full mailbox of shared texts; what it did not read is kept once, not for each.
    assert!(grown < 60 << 10, "{grown} KiB for {sent} messages of 4 kB to 100 stalled readers");

    // Their sockets end when no progress is made for 20 seconds, whether they ever read again or not.
    let started = Instant::now();
    while counted(&engine.url, "partyline_sessions").await > 5 {
        assert!(started.elapsed() < Duration::from_secs(60), "their sockets stay");
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    drop(stalled);
}

fn resident_kib(pid: u32) -> usize {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn counted(url: &str, name: &str) -> i64 {
    let metrics = reqwest::get(format!("{url}/metrics")).await.unwrap().text().await.unwrap();
    let line = metrics.lines().find(|l| l.split(' ').next() == Some(name));
    line.map_or(0, |l| l.split(' ').nth(1).unwrap().parse().unwrap())
}
