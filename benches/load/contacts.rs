//! Contacts: what a nightly load of a hundred thousand costs, the first time and the second; how long a search in them
//! takes, one after the other as somebody types; and how long others wait for a send meanwhile.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::{Duration, Instant},
};

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::json;
use uuid::Uuid;

use crate::{Person, Target};

/// Contacts of the phonebook.
const CONTACTS: usize = 100_000;
/// Searches of each kind.
const SEARCHES: usize = 300;
/// What is typed.
const TYPED: [&str; 8] = ["a", "jak", "0199", "(555) 010", "müller", "李", "smith", "nobody is called so"];
const FIRST: [&str; 20] = [
    "Anna", "Ben", "Chloë", "David", "Elena", "Frank", "Greta", "Hugo", "Ingrid", "Jake", "Jakub", "José", "Karl",
    "Lena", "Mei", "Nora", "Søren", "Tom", "小龍", "Zoë",
];
const LAST: [&str; 20] = [
    "Álvarez",
    "Brown",
    "Chen",
    "Dubois",
    "Evans",
    "Fischer",
    "García",
    "Hansen",
    "Ito",
    "Jones",
    "Kowalski",
    "Lee",
    "李",
    "Müller",
    "Novák",
    "O’Brien",
    "Park",
    "Smith",
    "Taylor",
    "Weber",
];

/// All of it.
pub async fn contacts(target: &Arc<Target>, people: &[Person]) {
    let book = format!("load-{}", std::process::id() % 10_000);
    let source = json!({"name": "Load", "source": "crm"});
    target.call("PUT", &format!("/v1/pbx/phonebooks/{book}"), &target.key, source).await;
    let me = &people[0];
    let body = json!({"name": "Load", "phonebooks": [book]});
    target.call("PUT", &format!("/v1/pbx/extensions/{}", me.number), &target.key, body).await;
    for time in ["first", "second"] {
        load(target, people, &book, time).await;
    }
    for q in TYPED {
        search(target, me, q).await;
    }
}

fn body() -> String {
    let mut body = String::new();
    for n in 0..CONTACTS {
        let name = format!("{} {} {}", FIRST[n % 20], LAST[n / 20 % 20], n / 400);
        let number = format!("+1404{:07}", n * 37 % 10_000_000);
        let line = json!({"key": format!("crm-{n:06}"), "name": name, "numbers": [number]});
        body.push_str(&format!("{line}\n"));
    }
    body
}

/// A whole load, while two others chat.
async fn load(target: &Arc<Target>, people: &[Person], book: &str, time: &str) {
    let chat = json!({"kind": "direct", "extension": people[2].number});
    let chat = target.call("POST", "/v1/conversations", &people[1].token, chat).await;
    let path = format!("/v1/conversations/{}/messages", chat["id"].as_str().unwrap());
    let over = Arc::new(AtomicBool::new(false));
    let chatting = {
        let (target, token, over) = (target.clone(), people[1].token.clone(), over.clone());
        tokio::spawn(async move {
            let mut waits = vec![];
            while !over.load(Ordering::Relaxed) {
                let began = Instant::now();
                target.call("POST", &path, &token, json!({"client_id": Uuid::now_v7(), "text": "Hi"})).await;
                waits.push(began.elapsed());
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
            waits
        })
    };
    let (body, url) = (body(), format!("{}/v1/pbx/phonebooks/{book}/contacts", target.url));
    let (began, cpu) = (Instant::now(), target.cpu());
    let request = target.client().put(url).bearer_auth(&target.key).header("content-type", "application/x-ndjson");
    let answer = request.body(body).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    let answer: serde_json::Value = answer.json().await.unwrap();
    let (elapsed, cpu) = (began.elapsed().as_secs_f64(), target.cpu() - cpu);
    over.store(true, Ordering::Relaxed);
    let waits = chatting.await.unwrap();
    println!(
        "contacts, {CONTACTS} the {time} time: {elapsed:.1} s, {cpu:.1} server CPU-seconds, {} added, {} changed; \
         sends meanwhile: {}",
        answer["added"],
        answer["changed"],
        spread(waits)
    );
}

async fn search(target: &Arc<Target>, me: &Person, q: &str) {
    let typed = utf8_percent_encode(q, NON_ALPHANUMERIC);
    let url = format!("{}/v1/contacts?limit=50&q={typed}", target.url);
    let (mut waits, mut found, cpu) = (vec![], 0, target.cpu());
    for _ in 0..SEARCHES {
        let began = Instant::now();
        let request = target.client().get(&url).bearer_auth(&me.token);
        let answer: serde_json::Value = request.send().await.unwrap().json().await.unwrap();
        waits.push(began.elapsed());
        found = answer["items"].as_array().unwrap().len();
    }
    let cpu = (target.cpu() - cpu) * 1_000.0 / SEARCHES as f64;
    println!("contacts, search for {q:?} in {CONTACTS}: {}, {cpu:.0} ms CPU each, {found} shown", spread(waits));
}

fn spread(mut waits: Vec<Duration>) -> String {
    waits.sort_unstable();
    let at = |part: usize| waits[(waits.len() * part / 100).min(waits.len() - 1)].as_secs_f64() * 1_000.0;
    format!("p50 {:.0} ms, p99 {:.0} ms", at(50), at(99))
}
