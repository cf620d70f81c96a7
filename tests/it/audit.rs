//! Who changed what, as administrators read it.

use std::collections::BTreeSet;

use partyline::app::Options;
use serde_json::{Value, json};
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use uuid::Uuid;

use crate::{
    client::{Api, PASSWORD},
    contacts::{BOOKS, contact},
    engine::{TestEngine, manual_clock},
    queues::{BILLING, BOSS, Desk, EVE, JAKE, SUE, WYATT, sign_in},
    sms::{self, ANN, BOB, MAIN, eventually, put_number},
};

const AUDIT: &str = "/v1/pbx/audit";

/// The log, newest first.
async fn log(pbx: &Api) -> Vec<Value> {
    pbx.all(AUDIT).await
}

/// What was done and to what since the log had so many lines, in order.
async fn since(pbx: &Api, lines: usize) -> Vec<(String, String)> {
    let all = log(pbx).await;
    let text = |line: &Value, field: &str| line[field].as_str().unwrap().to_owned();
    all.iter().rev().skip(lines).map(|line| (text(line, "action"), text(line, "subject"))).collect()
}

fn done(expected: &[(&str, &str)]) -> Vec<(String, String)> {
    expected.iter().map(|(action, subject)| ((*action).to_owned(), (*subject).to_owned())).collect()
}

#[tokio::test]
async fn what_is_provisioned_is_there_with_who_newest_first() {
    let engine = sms::engine(partyline::carriers::Knobs::default()).await;
    let pbx = engine.api();
    let boss = sign_in(&engine, &pbx, BOSS, "admin").await;
    let by_key = json!({"kind": "key", "extension": null, "name": null});
    let by_boss = json!({"kind": "extension", "extension": BOSS, "name": "Name 200", "key": null});
    for (who, by) in [(&pbx, by_key), (&boss, by_boss)] {
        let before = log(&pbx).await.len();
        who.put("/v1/pbx/extensions/201", json!({"name": "Jake", "role": "supervisor"})).await.ok();
        put_number(who, "+14045550150", json!({"label": "Main line", "extension": "201"})).await;
        who.put("/v1/pbx/queues/support", json!({"name": "Support", "members": ["201"]})).await.ok();
        who.put(&format!("{BOOKS}/crm"), json!({"name": "Customers", "source": "crm"})).await.ok();
        who.fill("crm", json!([contact("1", "Ann Lee", &[ANN]), contact("2", "Bob", &[])])).await.ok();
        who.put("/v1/pbx/settings", json!({"alert_tone": "marimba", "region": "GB"})).await.ok();
        who.put(&format!("/v1/pbx/consents/all/{ANN}"), json!({})).await.ok();
        who.delete("/v1/pbx/queues/support").await;
        who.delete("/v1/pbx/numbers/+14045550150").await;
        who.delete(&format!("{BOOKS}/crm")).await;
        who.delete("/v1/pbx/extensions/201").await;
        let expected = done(&[
            ("extension.put", "201"),
            ("number.put", "+14045550150"),
            ("queue.put", "support"),
            ("phonebook.put", "crm"),
            ("contacts.replaced", "crm"),
            ("settings.put", "settings"),
            ("consent.put", "all"),
            ("queue.delete", "support"),
            ("number.delete", "+14045550150"),
            ("phonebook.delete", "crm"),
            ("extension.delete", "201"),
        ]);
        assert_eq!(since(&pbx, before).await, expected);
        let lines = log(&pbx).await;
        for line in &lines[..lines.len() - before] {
            let mut said = line["by"].clone();
            if said["kind"] == "key" {
                let key = said.as_object_mut().unwrap().remove("key").unwrap();
                let key = key.as_str().unwrap();
                assert!(!key.is_empty() && !engine.key.contains(key), "what it is known by is no part of it: {key}");
            }
            assert_eq!(said, by, "{line}");
        }
        // Those who read it find what was done.
        let of = |action: &str| lines.iter().find(|line| line["action"] == action).unwrap()["detail"].clone();
        assert_eq!(
            (&of("extension.put")["name"], &of("extension.put")["role"]),
            (&json!("Jake"), &json!("supervisor"))
        );
        assert_eq!((&of("number.put")["label"], &of("number.put")["extension"]), (&json!("Main line"), &json!("201")));
        assert_eq!((&of("queue.put")["name"], &of("queue.put")["members"]), (&json!("Support"), &json!(["201"])));
        assert_eq!(
            (&of("phonebook.put")["name"], &of("phonebook.put")["source"]),
            (&json!("Customers"), &json!("crm"))
        );
        assert_eq!(of("contacts.replaced")["contacts"], 2);
        assert_eq!(
            (&of("settings.put")["alert_tone"], &of("settings.put")["region"]),
            (&json!("marimba"), &json!("GB"))
        );
        assert_eq!((&of("consent.put")["number"], &of("consent.put")["opted_out"]), (&json!(ANN), &json!(true)));
        pbx.put("/v1/pbx/settings", json!({})).await.ok();
        pbx.delete(&format!("/v1/pbx/consents/all/{ANN}")).await;
    }
    let lines = log(&pbx).await;
    let key = |line: &Value| line["by"]["key"].as_str().map(str::to_owned);
    let keys: BTreeSet<_> = lines.iter().filter_map(key).collect();
    assert_eq!(keys.len(), 1, "one key is known by one name");
}

#[tokio::test]
async fn some_contacts_that_are_altered_are_there_too() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    pbx.put(&format!("{BOOKS}/crm"), json!({"name": "Customers", "source": "crm"})).await.ok();
    let before = log(&pbx).await.len();
    pbx.alter("crm", json!([contact("1", "Ann Lee", &[ANN])])).await.ok();
    let lines = log(&pbx).await;
    assert_eq!(lines.len(), before + 1);
    assert_eq!((&lines[0]["subject"], &lines[0]["by"]["kind"]), (&json!("crm"), &json!("key")));
    assert!(!lines[0].to_string().contains("Ann Lee"), "how many, not who: {}", lines[0]);
}

#[tokio::test]
async fn the_life_of_a_queue_conversation_is_there() {
    let clock = manual_clock();
    let desk = Desk::with(Options { clock: clock.clone(), ..Options::default() }, &[JAKE, WYATT]).await;
    let before = log(&desk.pbx).await.len();
    let id = desk.text(ANN, "Hello?").await;
    desk[JAKE].claim(&id).await.ok();
    desk[JAKE].transfer_to(&id, WYATT).await.ok();
    desk[WYATT].release(&id).await.ok();
    desk[JAKE].claim(&id).await.ok();
    desk[SUE].transfer_into(&id, &desk.billing).await.ok();
    desk[SUE].close(&id).await.ok();
    let idle = desk.claimed(BOB, WYATT).await;
    desk.pass(301);
    desk.until(&idle, "waiting").await;
    let expected = done(&[
        ("claimed", &id),
        ("transferred", &id),
        ("released", &id),
        ("claimed", &id),
        ("transferred", &id),
        ("closed", &id),
        ("claimed", &idle),
        ("released", &idle),
    ]);
    assert_eq!(since(&desk.pbx, before).await, expected, "and of the texts there is nothing");
    let lines: Vec<_> = log(&desk.pbx).await.into_iter().rev().skip(before).collect();
    let by: Vec<_> = lines.iter().map(|line| line["by"]["extension"].as_str().unwrap_or("-")).collect();
    assert_eq!(by, [JAKE, JAKE, WYATT, JAKE, SUE, SUE, WYATT, "-"]);
    assert_eq!(lines[7]["by"], json!({"kind": "engine", "extension": null, "name": null, "key": null}));
    assert!(lines[4]["detail"].to_string().contains(BILLING), "where to: {}", lines[4]);
}

#[tokio::test]
async fn what_agents_say_of_themselves_is_there() {
    let desk = Desk::closed(Options::default(), &[JAKE]).await;
    let before = log(&desk.pbx).await.len();
    desk[JAKE].on_duty(&desk.support).await;
    desk[JAKE].duty(&desk.support, json!({"logged_in": true, "paused": true, "pause_reason": "Lunch"})).await.ok();
    let lines: Vec<_> = log(&desk.pbx).await.into_iter().rev().skip(before).collect();
    assert_eq!(lines.len(), 2, "{lines:?}");
    for line in &lines {
        assert_eq!((&line["action"], &line["by"]["extension"]), (&json!("agent.set"), &json!(JAKE)));
        assert_eq!((&line["detail"]["extension"], &line["detail"]["logged_in"]), (&json!(JAKE), &json!(true)));
    }
    assert_eq!(lines[1]["detail"]["pause_reason"], "Lunch");
}

#[tokio::test]
async fn logins_are_there_and_failed_ones() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    pbx.put("/v1/pbx/extensions/201", json!({"name": "Jake", "password": PASSWORD})).await.ok();
    let before = log(&pbx).await.len();
    pbx.login(json!({"extension": "201", "password": PASSWORD})).await.ok();
    pbx.login(json!({"extension": "201", "password": "wrong password"})).await;
    pbx.login(json!({"extension": "999", "password": PASSWORD})).await;
    assert_eq!(since(&pbx, before).await, done(&[("login", "201"), ("login.failed", "201"), ("login.failed", "999")]));
    let lines = log(&pbx).await;
    assert_eq!(lines[2]["by"], json!({"kind": "extension", "extension": "201", "name": "Jake", "key": null}));
    assert_eq!((&lines[1]["by"]["kind"], &lines[0]["by"]["kind"]), (&json!("engine"), &json!("engine")));
    // What can't be a number is not remembered, whatever it is.
    pbx.login(json!({"extension": "my password", "password": "x"})).await;
    assert!(!json!(log(&pbx).await).to_string().contains("my password"));
}

#[tokio::test]
async fn tokens_that_the_pbx_gives_are_there() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    pbx.put("/v1/pbx/extensions/201", json!({"name": "Jake"})).await.ok();
    let before = log(&pbx).await.len();
    let issued = pbx.post("/v1/pbx/extensions/201/tokens", json!({"ttl_s": 600})).await;
    assert_eq!(issued.status, 201);
    assert_eq!(since(&pbx, before).await, done(&[("token.issued", "201")]));
    let lines = log(&pbx).await;
    assert_eq!(lines[0]["by"]["kind"], "key");
    assert!(!json!(lines).to_string().contains(issued.body["token"].as_str().unwrap()));
    assert_eq!(pbx.post("/v1/pbx/extensions/999/tokens", json!({})).await.code(), "not_found");
    assert_eq!(log(&pbx).await.len(), lines.len());
}

#[tokio::test]
async fn webhooks_are_there_without_their_secrets() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    let before = log(&pbx).await.len();
    let path = "/v1/pbx/webhooks/crm";
    let body = json!({"url": "https://pbx.example.com/hook", "events": ["*"]});
    let made = pbx.put(path, body.clone()).await.ok();
    pbx.put(path, body.clone()).await.ok();
    let given = format!("whsec_{}", "A".repeat(32));
    let mut other = body;
    other["secret"] = json!(given);
    pbx.put(path, other).await.ok();
    assert_eq!(pbx.delete(path).await.status, 204);
    assert_eq!(pbx.delete(path).await.code(), "not_found");
    let expected = [("webhook.put", "crm"), ("webhook.put", "crm"), ("webhook.delete", "crm")];
    assert_eq!(since(&pbx, before).await, done(&expected));
    let lines = log(&pbx).await;
    assert!(lines[..3].iter().all(|line| line["by"]["kind"] == "key"), "{lines:?}");
    for secret in [made["secret"].as_str().unwrap(), &given] {
        assert!(!json!(lines).to_string().contains(secret));
    }
}

#[tokio::test]
async fn what_was_nobody_s_and_was_given_to_somebody_is_there() {
    let engine = sms::engine(partyline::carriers::Knobs::default()).await;
    let pbx = engine.api();
    sms::person(&pbx, "201", &["+14045550150"]).await;
    pbx.text_in(ANN, MAIN, "Anybody?").await;
    pbx.text_in(ANN, "+14045550150", "Too early").await;
    let id = |list: Value| list["items"][0]["id"].as_str().unwrap().to_owned();
    let unrouted = id(pbx.get("/v1/pbx/unrouted").await.ok());
    let letter = id(pbx.get("/v1/pbx/dead-letters").await.ok());
    put_number(&pbx, "+14045550150", json!({})).await;
    let before = log(&pbx).await.len();
    pbx.post(&format!("/v1/pbx/unrouted/{unrouted}/assign"), json!({"extension": "201"})).await.ok();
    pbx.post(&format!("/v1/pbx/dead-letters/{letter}/replay"), json!(null)).await.ok();
    let expected = done(&[("unrouted.assigned", &unrouted), ("dead_letter.replayed", &letter)]);
    assert_eq!(since(&pbx, before).await, expected);
    assert!(log(&pbx).await[..2].iter().all(|line| line["by"]["kind"] == "key"));
}

#[tokio::test]
async fn consent_that_somebody_gave_or_took_is_there() {
    let engine = sms::engine(partyline::carriers::Knobs::default()).await;
    let pbx = engine.api();
    let jake = sms::person(&pbx, "201", &[MAIN]).await;
    let thread = jake.thread(ANN).await;
    let before = log(&pbx).await.len();
    let recorded = json!({"number": ANN, "opted_out": true, "scope": "number"});
    jake.put(&format!("/v1/conversations/{thread}/consent"), recorded).await.ok();
    pbx.text_in(BOB, MAIN, "STOP").await;
    let lines: Vec<_> = log(&pbx).await.into_iter().rev().skip(before).collect();
    let of = |line: &Value| {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        (text(&line["action"]), text(&line["subject"]), text(&line["detail"]["number"]), text(&line["by"]["kind"]))
    };
    let expected =
        |number: &str, by: &str| ("consent.put".to_owned(), MAIN.to_owned(), number.to_owned(), by.to_owned());
    assert_eq!(lines.iter().map(of).collect::<Vec<_>>(), [expected(ANN, "extension"), expected(BOB, "engine")]);
    assert_eq!(lines[0]["by"]["extension"], "201");
}

#[tokio::test]
async fn nothing_secret_is_in_it_and_nothing_of_what_is_said() {
    let desk = Desk::open(&[JAKE]).await;
    let (pbx, jake) = (&desk.pbx, &desk[JAKE]);
    let secret = |what: &str| format!("a secret {what}");
    let password = secret("password");
    let body = json!({"name": "Mia", "password": password, "role": "admin"});
    pbx.put("/v1/pbx/extensions/299", body).await.ok();
    let session = pbx.login(json!({"extension": "299", "password": password})).await.ok();
    pbx.login(json!({"extension": "299", "password": secret("wrong password")})).await;
    let token = session["token"].as_str().unwrap();
    let renewed = pbx.with_token(token).post("/v1/token", json!(null)).await.ok();
    let texts = json!({"help_text": secret("help"), "opt_out_text": secret("goodbye"), "opt_in_text": secret("hello")});
    pbx.put("/v1/pbx/settings", texts).await.ok();
    desk.set("support", json!({"unclaimed_timeout_s": 60, "timeout_response": secret("response")})).await;
    pbx.put(&format!("/v1/pbx/consents/all/{BOB}"), json!({"reason": secret("reason")})).await.ok();
    let held = desk.text(ANN, &secret("text in")).await;
    jake.claim(&held).await.ok();
    jake.say(&held, &secret("text out")).await;
    jake.release(&held).await.ok();
    let chat = jake.chat(EVE).await;
    jake.say(&chat, &secret("chat")).await;
    let group = jake.group(&secret("name"), &[EVE]).await;
    jake.send(&group, Uuid::now_v7(), &secret("word")).await.ok();
    pbx.put(&format!("{BOOKS}/crm"), json!({"name": "Customers", "source": "crm"})).await.ok();
    pbx.fill("crm", json!([contact("1", &secret("friend"), &[ANN])])).await.ok();
    let whole = json!(log(pbx).await).to_string();
    assert!(whole.contains("claimed") && whole.contains("phonebook.put"), "{whole}");
    for never in ["secret", token, renewed["token"].as_str().unwrap(), &desk.engine.key, "argon2", &jake.token] {
        assert!(!whole.contains(never), "{never}: {whole}");
    }
}

#[tokio::test]
async fn what_is_refused_or_changes_nothing_leaves_no_line() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let pbx = &desk.pbx;
    let waiting = desk.text(ANN, "Hello?").await;
    desk[JAKE].claim(&waiting).await.ok();
    let put = json!({"name": "Mia", "password": PASSWORD, "phonebooks": ["crm"]});
    pbx.put("/v1/pbx/extensions/299", put.clone()).await.ok();
    let book = json!({"name": "Customers", "source": "crm"});
    pbx.put(&format!("{BOOKS}/crm"), book.clone()).await.ok();
    let contacts = json!([contact("1", "Ann Lee", &[ANN])]);
    pbx.fill("crm", contacts.clone()).await.ok();
    pbx.put("/v1/pbx/settings", json!({"region": "GB"})).await.ok();
    pbx.put(&format!("/v1/pbx/consents/all/{BOB}"), json!({})).await.ok();
    let before = log(pbx).await;

    pbx.put("/v1/pbx/extensions/299", put).await.ok();
    pbx.put(&format!("{BOOKS}/crm"), book).await.ok();
    pbx.fill("crm", contacts.clone()).await.ok();
    pbx.alter("crm", contacts).await.ok();
    pbx.put("/v1/pbx/settings", json!({"region": "GB"})).await.ok();
    pbx.put(&format!("/v1/pbx/consents/all/{BOB}"), json!({})).await.ok();
    desk.set("support", json!({})).await;
    desk[JAKE].on_duty(&desk.support).await;
    desk[JAKE].claim(&waiting).await.ok();
    pbx.get("/v1/pbx/extensions").await.ok();
    let calls =
        json!([{"key": "1", "extension": JAKE, "direction": "inbound", "number": ANN, "at": "2026-11-23T09:00:00Z"}]);
    pbx.post("/v1/pbx/calls", calls).await.ok();
    for refused in [
        pbx.put("/v1/pbx/extensions/298", json!({"name": ""})).await,
        pbx.put("/v1/pbx/extensions/298", json!({"name": "x", "colour": 1})).await,
        pbx.delete("/v1/pbx/extensions/298").await,
        pbx.delete("/v1/pbx/numbers/+14045550155").await,
        pbx.delete(&format!("{BOOKS}/none")).await,
        pbx.delete("/v1/pbx/queues/support").await,
        pbx.fill("crm", json!([contact("1", "Ann", &["911"])])).await,
        pbx.put("/v1/pbx/settings", json!({"region": "XX1"})).await,
        desk[JAKE].put("/v1/pbx/extensions/298", json!({"name": "x"})).await,
        desk[WYATT].claim(&waiting).await,
        desk[WYATT].close(&waiting).await,
        desk[JAKE].transfer_to(&waiting, "999").await,
    ] {
        refused.code();
    }
    let whole: Vec<_> = log(pbx).await;
    assert_eq!(whole.len(), before.len(), "{:?}", &whole[..whole.len() - before.len()]);
    assert_eq!(whole, before);
}

#[tokio::test]
async fn it_is_read_page_by_page_by_what_was_done_and_by_who_did_it() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    let boss = sign_in(&engine, &pbx, "200", "admin").await;
    for n in 0..12 {
        let who = if n % 3 == 0 { &boss } else { &pbx };
        who.put(&format!("/v1/pbx/extensions/30{n}"), json!({"name": format!("Person {n}")})).await.ok();
        who.put(&format!("{BOOKS}/b{n}"), json!({"name": "A book", "source": "manual"})).await.ok();
    }
    let whole = log(&pbx).await;
    let at: Vec<_> =
        whole.iter().map(|l| OffsetDateTime::parse(l["at"].as_str().unwrap(), &Rfc3339).unwrap()).collect();
    assert!(at.is_sorted_by(|newer, older| newer >= older), "newest first");
    let ids: BTreeSet<_> = whole.iter().map(|line| line["id"].as_str().unwrap()).collect();
    assert_eq!(ids.len(), whole.len());
    let read = async |filter: &str, limit: usize| {
        let (mut found, mut after) = (vec![], String::new());
        loop {
            let page = pbx.get(&format!("{AUDIT}?limit={limit}{filter}{after}")).await.ok();
            let items = page["items"].as_array().unwrap();
            assert!(items.len() <= limit);
            found.extend(items.iter().cloned());
            let Some(next) = page["next"].as_str() else { return found };
            after = format!("&after={next}");
        }
    };
    let only =
        |wanted: &dyn Fn(&Value) -> bool| -> Vec<Value> { whole.iter().filter(|l| wanted(l)).cloned().collect() };
    let puts = only(&|line| line["action"] == "phonebook.put");
    let bosses = only(&|line| line["by"]["extension"] == "200");
    let both = only(&|line| line["by"]["extension"] == "200" && line["action"] == "phonebook.put");
    assert_eq!((puts.len(), bosses.len(), both.len()), (12, 8, 4));
    for limit in [1, 5, 200] {
        assert_eq!(read("", limit).await, whole, "{limit}");
        assert_eq!(read("&action=phonebook.put", limit).await, puts, "{limit}");
        assert_eq!(read("&extension=200", limit).await, bosses, "{limit}");
        assert_eq!(read("&extension=200&action=phonebook.put", limit).await, both, "{limit}");
    }
    assert_eq!(read("&action=nothing", 5).await, [] as [Value; 0]);
    assert_eq!(boss.all(AUDIT).await, whole, "an administrator reads it as well");
    for bad in ["limit=0", "limit=201", "after=x", "page=2"] {
        assert_eq!(pbx.get(&format!("{AUDIT}?{bad}")).await.code(), "invalid_request", "{bad}");
    }
    for nul in ["action=%00", "extension=%00"] {
        let answer = pbx.get(&format!("{AUDIT}?{nul}")).await;
        assert!(answer.status == 200 || answer.code() == "invalid_request", "{answer:?}");
    }
    let user = sign_in(&engine, &pbx, "201", "supervisor").await;
    assert_eq!(user.get(AUDIT).await.code(), "forbidden");

    // Who did it is called what they were called when they did it.
    pbx.put("/v1/pbx/extensions/200", json!({"name": "Somebody else", "role": "admin"})).await.ok();
    boss.put("/v1/pbx/extensions/201", json!({"name": "Jake"})).await.ok();
    let lines = pbx.get(&format!("{AUDIT}?extension=200")).await.ok();
    assert_eq!(lines["items"][0]["by"]["name"], "Somebody else");
    assert_eq!(lines["items"][1]["by"]["name"], "Name 200");
    pbx.delete("/v1/pbx/extensions/200").await;
    let lines = pbx.get(&format!("{AUDIT}?extension=200")).await.ok();
    assert_eq!(lines["items"].as_array().unwrap().len(), 9, "and who is gone has done it all the same");
}

#[tokio::test]
async fn what_another_company_does_is_never_seen() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let (_, key) = engine.tenant("other").await;
    let (ours, theirs) = (engine.api(), engine.api().with_token(&key));
    theirs.people_of("other", &["201"]).await;
    theirs.put(&format!("{BOOKS}/theirs"), json!({"name": "Theirs", "source": "crm"})).await.ok();
    people["201"].login(json!({"tenant": "other", "extension": "201", "password": "wrong password"})).await;
    ours.put(&format!("{BOOKS}/ours"), json!({"name": "Ours", "source": "crm"})).await.ok();
    let actions = async |pbx: &Api| since(pbx, 0).await;
    assert_eq!(actions(&ours).await, done(&[("extension.put", "201"), ("login", "201"), ("phonebook.put", "ours")]));
    let expected =
        done(&[("extension.put", "201"), ("login", "201"), ("phonebook.put", "theirs"), ("login.failed", "201")]);
    assert_eq!(actions(&theirs).await, expected);
    let key_of = |lines: Vec<Value>| lines.iter().find_map(|l| l["by"]["key"].as_str().map(str::to_owned)).unwrap();
    assert_ne!(key_of(log(&ours).await), key_of(log(&theirs).await), "another key is known by another name");
    // A company that is not there is nobody's log.
    people["201"].login(json!({"tenant": "nowhere", "extension": "201", "password": "wrong password"})).await;
    assert_eq!((log(&ours).await.len(), log(&theirs).await.len()), (3, 4));
}

#[tokio::test]
async fn it_outlives_a_restart_and_reaches_back_four_hundred_days() {
    let clock = manual_clock();
    let options = || Options { clock: clock.clone(), ..Options::default() };
    let engine = TestEngine::with(options()).await;
    engine.api().put("/v1/pbx/extensions/201", json!({"name": "Jake"})).await.ok();
    let (before, key) = (log(&engine.api()).await, engine.key.clone());
    let folder = engine.stop().await;
    clock.advance(std::time::Duration::from_secs(399 * 24 * 3_600));
    let engine = TestEngine::on(folder, options(), |_| ()).await;
    let pbx = engine.api().with_token(&key);
    pbx.put("/v1/pbx/extensions/202", json!({"name": "Mia"})).await.ok();
    assert_eq!(log(&pbx).await[1..], before[..]);
    let folder = engine.stop().await;
    clock.advance(std::time::Duration::from_secs(2 * 24 * 3_600));
    let engine = TestEngine::on(folder, options(), |_| ()).await;
    let pbx = engine.api().with_token(&key);
    eventually(async || match since(&pbx, 0).await {
        left if left == done(&[("extension.put", "202")]) => Ok(()),
        left => Err(format!("{left:?}")),
    })
    .await;
}
