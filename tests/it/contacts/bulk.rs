//! All contacts of a phonebook in one request: all of them or none, whatever happens meanwhile.

use std::time::Duration;

use futures_util::future::join_all;
use partyline::app::Options;
use reqwest::Method;
use serde_json::{Value, json};

use super::{BOOKS, JAKE, MIA, Office, contact, rows, told, upload::Upload};
use crate::{
    client::{Answer, Api, PASSWORD},
    engine::{Process, TestEngine, manual_clock},
    sms::{ANN, eventually},
};

/// So many contacts as fit a test: reading their numbers takes its time without optimisation.
const MANY: usize = 5_000;

/// The n-th of many; `more` makes it another.
fn somebody(n: usize, more: &str) -> Value {
    contact(&format!("k{n:06}"), &format!("Somebody {n}{more}"), &[&format!("+1404{:07}", 2_000_000 + n)])
}

fn lines(contacts: impl IntoIterator<Item = Value>) -> String {
    contacts.into_iter().map(|contact| format!("{contact}\n")).collect()
}

async fn put_lines(api: &Api, key: &str, body: String) -> Answer {
    send(api, key, "application/x-ndjson", body.into_bytes()).await
}

async fn send(api: &Api, key: &str, content_type: &str, body: Vec<u8>) -> Answer {
    let request = api.request(Method::PUT, &format!("{BOOKS}/{key}/contacts")).header("content-type", content_type);
    Answer::of(request.body(body).send().await.unwrap()).await
}

fn replaced(contacts: usize, added: usize, changed: usize, removed: usize) -> Value {
    json!({"contacts": contacts, "added": added, "changed": changed, "removed": removed})
}

#[tokio::test]
async fn an_array_and_lines_say_the_same_and_the_second_time_nothing() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([])).await;
    let all: Vec<_> = (0..MANY).map(|n| somebody(n, "")).collect();
    assert_eq!(put_lines(&office.pbx, "crm", lines(all.clone())).await.ok(), replaced(MANY, MANY, 0, 0));
    assert_eq!(office.pbx.get(BOOKS).await.ok()["items"][0]["contacts"], MANY);
    let mut jake = office[JAKE].connect().await;
    let before = office.version().await;
    assert_eq!(put_lines(&office.pbx, "crm", lines(all.clone())).await.ok(), replaced(MANY, 0, 0, 0));
    let shuffled: Vec<_> = all.iter().rev().cloned().collect();
    assert_eq!(office.pbx.fill("crm", json!(shuffled)).await.ok(), replaced(MANY, 0, 0, 0), "in any order");
    assert_eq!(office.version().await, before);
    assert_eq!(office.heard(&mut jake).await, []);
    assert_eq!(office.pbx.contacts("crm").await, all);

    // Two others, two more, three fewer.
    let mut next = all[3..].to_vec();
    next[0] = somebody(3, " Jr");
    next[1]["numbers"] = json!([ANN]);
    next.extend([somebody(MANY, ""), somebody(MANY + 1, "")]);
    assert_eq!(office.pbx.fill("crm", json!(next)).await.ok(), replaced(MANY - 1, 2, 2, 3));
    assert_eq!(office.pbx.contacts("crm").await, next);
    let numbers: Vec<_> =
        [0, 1, 2, 3, 4, MANY, MANY + 1].iter().map(|n| format!("+1404{:07}", 2_000_000 + n)).collect();
    let mut numbers: Vec<_> = numbers.iter().map(String::as_str).chain([ANN]).collect();
    numbers.sort_unstable();
    let heard = office.heard(&mut jake).await;
    assert_eq!(heard, [("names.updated".to_owned(), json!({"numbers": numbers}))], "old ones and new ones");
    assert_eq!(office[JAKE].name_of(ANN).await, "Somebody 4");

    assert_eq!(put_lines(&office.pbx, "crm", String::new()).await.ok(), replaced(0, 0, 0, MANY - 1));
    assert_eq!(office.heard(&mut jake).await, [told(None)], "too many to tell");
    assert_eq!(office.pbx.contacts("crm").await, [] as [Value; 0]);
    for table in ["contact", "contact_number", "contact_load"] {
        eventually(async || match office.rows(table).await {
            0 => Ok(()),
            left => Err(format!("{table}: {left}")),
        })
        .await;
    }
}

#[tokio::test]
async fn all_or_nothing() {
    let office = Office::open(&[JAKE]).await;
    let old = json!([contact("1", "Ann Lee", &[ANN])]);
    office.customers(old.clone()).await;
    let mut jake = office[JAKE].connect().await;
    let before = office.version().await;
    let good = || lines((0..1_200).map(|n| somebody(n, "")));
    let with = |last: &str| format!("{}{last}", good());
    for (body, code, said) in [
        (with(&contact("last", "Bad", &["911"]).to_string()), "invalid_number", "last"),
        (with(r#"{"key":"last","name":"Ba"#), "invalid_request", "last"),
        (with(r#"{"key":"last","name":"Bad","numbers":[],"colour":1}"#), "invalid_request", "colour"),
        (with("nonsense"), "invalid_request", "nonsense"),
        // The same key in the first piece that is stored, and in the last.
        (with(&somebody(0, "").to_string()), "invalid_request", "k000000"),
        (with(&somebody(1_199, "").to_string()), "invalid_request", "k001199"),
        (
            with(&format!(r#"{{"key":"last","name":"{}","numbers":[]}}"#, "x".repeat(20_000))),
            "invalid_request",
            "bytes",
        ),
    ] {
        let refused = put_lines(&office.pbx, "crm", body).await;
        assert_eq!(refused.code(), code, "{said}");
        assert!(refused.body["detail"].as_str().unwrap().contains(said), "{said}: {refused:?}");
    }
    let array: Vec<_> = (0..1_200).map(|n| somebody(n, "")).collect();
    let array = json!(array).to_string();
    for body in [&array[..array.len() - 1], &array[..array.len() - 10], &format!("{array}x"), &format!("{array},")] {
        let refused = send(&office.pbx, "crm", "application/json", body.as_bytes().to_vec()).await;
        assert_eq!(refused.code(), "invalid_request");
    }
    for content_type in ["text/plain", "text/csv", "application/xml", ""] {
        let refused = send(&office.pbx, "crm", content_type, good().into_bytes()).await;
        assert_eq!((refused.status.as_u16(), refused.code()), (415, "unsupported_media_type"), "{content_type}");
    }
    let body = "\u{7b}\"key\": \"\u{fffd}\"".replace('\u{fffd}', "");
    let refused =
        send(&office.pbx, "crm", "application/x-ndjson", [body.as_bytes(), &[0xff, b'"', b'}']].concat()).await;
    assert_eq!(refused.code(), "invalid_request", "it is not UTF-8");

    let mut broken = Upload::lines(&office.pbx, "crm").await;
    assert!(broken.bring(&good()).await);
    eventually(async || if office.rows("contact").await > 500 { Ok(()) } else { Err("it is on its way".into()) }).await;
    broken.break_off().await;

    assert_eq!(json!(office.pbx.contacts("crm").await), old);
    assert_eq!(office[JAKE].name_of(ANN).await, "Ann Lee");
    assert_eq!(office.version().await, before);
    assert_eq!(office.heard(&mut jake).await, []);
    // What came of it is deleted without waiting for anything.
    eventually(async || match (office.rows("contact").await, office.rows("contact_load").await) {
        (1, 0) => Ok(()),
        left => Err(format!("{left:?}")),
    })
    .await;
    assert_eq!(put_lines(&office.pbx, "crm", with("\r\n\n  ")).await.ok(), replaced(1_200, 1_200, 0, 1));
}

#[tokio::test]
async fn of_64_mebibytes_nothing_is_too_much_and_of_a_byte_more_everything() {
    let office = Office::open(&[]).await;
    office.book("crm", "Customers", "crm").await;
    let ann = contact("1", "Ann Lee", &[ANN]).to_string();
    let mut body = vec![b'\n'; 64 << 20];
    body[..ann.len()].copy_from_slice(ann.as_bytes());
    assert_eq!(send(&office.pbx, "crm", "application/x-ndjson", body.clone()).await.ok(), replaced(1, 1, 0, 0));
    body.push(b'\n');
    let refused = send(&office.pbx, "crm", "application/x-ndjson", body).await;
    assert_eq!((refused.status.as_u16(), refused.code()), (413, "payload_too_large"));
    assert_eq!(office.pbx.contacts("crm").await.len(), 1);
    // A patch is smaller.
    let path = format!("{BOOKS}/crm/contacts");
    let request = office.pbx.request(Method::PATCH, &path).header("content-type", "application/x-ndjson");
    let refused = Answer::of(request.body(vec![b'\n'; (2 << 20) + 1]).send().await.unwrap()).await;
    assert_eq!(refused.code(), "payload_too_large");
}

#[tokio::test]
async fn chat_goes_on_while_a_slow_upload_trickles_in() {
    let office = Office::open(&[JAKE, MIA]).await;
    office.customers(json!([contact("1", "Ann Lee", &[ANN])])).await;
    let chat = office[JAKE].chat(MIA).await;
    let (mut jake, mut mia) = (office[JAKE].connect().await, office[MIA].connect().await);
    let mut upload = Upload::lines(&office.pbx, "crm").await;
    for round in 0..20 {
        assert!(upload.bring(&lines((0..100).map(|n| somebody(round * 100 + n, "")))).await);
        office[JAKE].say(&chat, &format!("{round}")).await;
        let heard = mia.until_event("message.created").await;
        assert_eq!(heard["data"]["text"], round.to_string());
        // Nobody sees what isn't whole.
        assert_eq!(office[JAKE].name_of(ANN).await, "Ann Lee");
        assert_eq!(office[JAKE].name_of("+14042000000").await, "+1 404-200-0000");
    }
    eventually(async || if office.rows("contact").await > 1_500 { Ok(()) } else { Err("it is on its way".into()) })
        .await;
    assert_eq!(office.pbx.contacts("crm").await.len(), 1);
    assert_eq!(upload.end().await.ok(), replaced(2_000, 2_000, 0, 1));
    assert_eq!(office[JAKE].name_of(ANN).await, "+1 404-555-0199");
    assert_eq!(office[JAKE].name_of("+14042000000").await, "Somebody 0");
    let heard = office.heard(&mut jake).await;
    assert_eq!(heard.iter().filter(|(name, _)| name == "names.updated").collect::<Vec<_>>(), [&told(None)]);
}

#[tokio::test]
async fn of_two_uploads_at_once_one_wins_whole() {
    let office = Office::open(&[]).await;
    office.book("crm", "Customers", "crm").await;
    let second = office.second().await;
    let doors = [office.pbx.clone(), second.as_ref().map_or_else(|| office.pbx.clone(), TestEngine::api)];
    let body = |who: &str, from: usize| lines((from..from + 800).map(|n| somebody(n, who)));
    for round in 0..4 {
        // Half of the keys are of both.
        let bodies = [body(&format!(" A{round}"), 0), body(&format!(" B{round}"), 400)];
        let answers = join_all(doors.iter().zip(&bodies).map(|(pbx, b)| put_lines(pbx, "crm", b.clone()))).await;
        assert!(answers.iter().any(|a| a.status == 200), "{answers:?}");
        assert!(answers.iter().all(|a| a.status == 200 || a.code() == "busy"), "{answers:?}");
        let there = lines(office.pbx.contacts("crm").await);
        assert!(bodies.contains(&there), "a mixture: {}…", &there[..200]);
        assert_eq!(office.pbx.get(BOOKS).await.ok()["items"][0]["contacts"], 800);
    }
    // Who is whole last, wins.
    let (mut first, mut second) = (Upload::lines(&office.pbx, "crm").await, Upload::lines(&office.pbx, "crm").await);
    assert!(first.bring(&body(" first", 0)).await && second.bring(&body(" second", 100)).await);
    assert_eq!(second.end().await.ok()["contacts"], 800);
    assert_eq!(lines(office.pbx.contacts("crm").await), body(" second", 100));
    assert_eq!(first.end().await.ok(), replaced(800, 100, 700, 100));
    assert_eq!(lines(office.pbx.contacts("crm").await), body(" first", 0));
    eventually(async || match (office.rows("contact").await, office.rows("contact_load").await) {
        (800, 0) => Ok(()),
        left => Err(format!("{left:?}")),
    })
    .await;
}

#[tokio::test]
async fn what_is_altered_during_an_upload_is_replaced_with_all_else() {
    let office = Office::open(&[JAKE]).await;
    office.customers(json!([contact("1", "Ann Lee", &[ANN]), contact("2", "Bob", &[])])).await;
    let mut upload = Upload::lines(&office.pbx, "crm").await;
    assert!(upload.bring(&lines((0..700).map(|n| somebody(n, "")))).await);
    eventually(async || if office.rows("contact").await > 500 { Ok(()) } else { Err("it is on its way".into()) }).await;
    let new = json!([contact("1", "Ann Ray", &[ANN]), contact("3", "Cy", &[]), {"key": "2", "deleted": true}]);
    assert_eq!(office.pbx.alter("crm", new).await.ok()["contacts"], 2);
    assert_eq!(office[JAKE].name_of(ANN).await, "Ann Ray");
    office.book("crm", "Clients", "manual").await;
    assert_eq!(upload.end().await.ok(), replaced(700, 700, 0, 2), "against what was there at its end");
    assert_eq!(office.pbx.contacts("crm").await.len(), 700);
    let book = &office.pbx.get(BOOKS).await.ok()["items"][0];
    assert_eq!((&book["name"], &book["source"], &book["contacts"]), (&json!("Clients"), &json!("manual"), &json!(700)));

    // A phonebook that is gone meanwhile stays gone.
    let mut upload = Upload::lines(&office.pbx, "crm").await;
    assert!(upload.bring(&lines((0..700).map(|n| somebody(n, " again")))).await);
    assert_eq!(office.pbx.delete(&format!("{BOOKS}/crm")).await.status, 204);
    assert_eq!(upload.end().await.code(), "not_found");
    assert_eq!(office.pbx.get(BOOKS).await.ok()["items"], json!([]));
    eventually(async || if office.rows("contact").await == 0 { Ok(()) } else { Err("some are left".into()) }).await;
}

/// Waits until so many contacts are stored, whoever they belong to.
async fn stored(office: &Office, contacts: i64) {
    eventually(async || match office.rows("contact").await {
        n if n == contacts => Ok(()),
        n => Err(format!("{n} are stored, not {contacts}")),
    })
    .await;
}

#[tokio::test]
async fn a_load_that_nobody_touches_for_ten_minutes_is_broken_off() {
    let clock = manual_clock();
    let office = Office::with(Options { clock: clock.clone(), ..Options::default() }, &[JAKE]).await;
    office.customers(json!([contact("1", "Ann Lee", &[ANN])])).await;
    let mut upload = Upload::lines(&office.pbx, "crm").await;
    for n in 0..3 {
        assert!(upload.bring(&lines((n * 500..n * 500 + 500).map(|n| somebody(n, "")))).await);
        stored(&office, n as i64 * 500 + 501).await;
        // Nine minutes are a pause.
        clock.advance(Duration::from_secs(540));
    }
    assert_eq!(upload.end().await.ok(), replaced(1_500, 1_500, 0, 1));
    stored(&office, 1_500).await;

    let mut upload = Upload::lines(&office.pbx, "crm").await;
    assert!(upload.bring(&lines((0..500).map(|n| somebody(n, " again")))).await);
    stored(&office, 2_000).await;
    clock.advance(Duration::from_secs(660));
    stored(&office, 1_500).await;
    // It would be nothing, and not all.
    assert_eq!(upload.end().await.code(), "busy");
    assert_eq!(office.pbx.contacts("crm").await.len(), 1_500);
    let again = put_lines(&office.pbx, "crm", lines((0..10).map(|n| somebody(n, "")))).await;
    assert_eq!(again.ok(), replaced(10, 0, 0, 1_490));
}

#[tokio::test]
async fn what_comes_of_a_load_that_was_broken_off_is_kept_by_nobody() {
    let clock = manual_clock();
    let office = Office::with(Options { clock: clock.clone(), ..Options::default() }, &[JAKE]).await;
    office.customers(json!([contact("1", "Ann Lee", &[ANN])])).await;
    let mut upload = Upload::lines(&office.pbx, "crm").await;
    assert!(upload.bring(&lines((0..500).map(|n| somebody(n, "")))).await);
    stored(&office, 501).await;
    clock.advance(Duration::from_secs(660));
    stored(&office, 1).await;
    eventually(async || if office.rows("contact_load").await == 0 { Ok(()) } else { Err("it is there".into()) }).await;
    let _ = upload.bring(&lines((500..1_500).map(|n| somebody(n, "")))).await;
    assert_eq!(upload.end().await.code(), "busy");
    assert_eq!(office.pbx.contacts("crm").await, [contact("1", "Ann Lee", &[ANN])]);
    assert_eq!(office[JAKE].name_of(ANN).await, "Ann Lee");
    stored(&office, 1).await;
    assert_eq!(office.rows("contact_number").await, 1);
}

#[tokio::test]
async fn a_killed_upload_leaves_the_old_contacts_and_the_next_run_repairs_it() {
    let mut engine = Process::start().await;
    let pbx = engine.api();
    pbx.put(&format!("{BOOKS}/crm"), json!({"name": "Customers", "source": "crm"})).await.ok();
    let old: Vec<_> = (0..300).map(|n| somebody(n, " of old")).collect();
    pbx.fill("crm", json!(old)).await.ok();
    let jake = json!({"name": "Jake", "password": PASSWORD, "phonebooks": ["crm"]});
    pbx.put("/v1/pbx/extensions/201", jake).await.ok();
    let session = pbx.login(json!({"extension": "201", "password": PASSWORD})).await.ok();
    let jake = pbx.with_token(session["token"].as_str().unwrap());
    let stand = jake.stand().await;

    let mut upload = Upload::lines(&pbx, "crm").await;
    assert!(upload.bring(&lines((0..2_000).map(|n| somebody(n, "")))).await);
    let folder = engine.folder.clone();
    eventually(async || match rows(folder.path(), "contact").await {
        n if n > 1_500 => Ok(()),
        n => Err(format!("{n}")),
    })
    .await;
    engine.kill();
    drop(upload);
    engine.restart().await;
    assert_eq!(pbx.contacts("crm").await, old);
    assert_eq!(pbx.get(BOOKS).await.ok()["items"][0]["contacts"], 300);
    assert_eq!(jake.name_of("+14042000007").await, "Somebody 7 of old");
    assert_eq!(jake.since(&stand).await, [], "nothing has happened");
    let all: Vec<_> = (0..2_000).map(|n| somebody(n, "")).collect();
    assert_eq!(put_lines(&pbx, "crm", lines(all.clone())).await.ok(), replaced(2_000, 1_700, 300, 0));
    assert_eq!(pbx.contacts("crm").await, all);
    engine.kill();
    assert!(rows(engine.folder.path(), "contact_load").await > 0, "what was broken off is still there");

    // Ten minutes later it is gone.
    let clock = manual_clock();
    let options = Options { clock: clock.clone(), ..Options::default() };
    let later = TestEngine::on(engine.folder.clone(), options, |_| ()).await;
    clock.advance(Duration::from_secs(660));
    eventually(async || {
        let left = (rows(folder.path(), "contact").await, rows(folder.path(), "contact_number").await);
        if left == (2_000, 2_000) { Ok(()) } else { Err(format!("{left:?}")) }
    })
    .await;
    eventually(async || match rows(folder.path(), "contact_load").await {
        0 => Ok(()),
        n => Err(format!("{n}")),
    })
    .await;
    assert_eq!(later.api().contacts("crm").await, all);
}
