//! An extension that is deleted: gone at once for everyone, and whoever gets its number is somebody else.

use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::{Api, PASSWORD},
    contacts::{BOOKS, contact},
    engine::{Process, TestEngine},
    queues::{Desk, JAKE, SUE, WYATT, customer, sign_in, words},
    sms::{self, ANN, BOB, MAIN, SALES, put_number},
};

const PATH: &str = "/v1/pbx/extensions/201";

async fn listed(pbx: &Api) -> Vec<String> {
    let all = pbx.all("/v1/pbx/extensions").await;
    all.iter().map(|e| e["extension"].as_str().unwrap().to_owned()).collect()
}

async fn directory(api: &Api) -> Vec<String> {
    let all = api.all("/v1/extensions").await;
    all.iter().map(|e| e["extension"].as_str().unwrap().to_owned()).collect()
}

async fn members(api: &Api, group: &str) -> Vec<String> {
    let all = api.all(&format!("/v1/conversations/{group}/participants")).await;
    all.iter().map(|p| p["extension"].as_str().unwrap_or("outside").to_owned()).collect()
}

/// Somebody new of this number, signed in.
async fn newcomer(pbx: &Api, number: &str, fields: Value) -> Api {
    let mut body = json!({"name": "New", "password": "another password"});
    for (field, value) in fields.as_object().unwrap() {
        body[field] = value.clone();
    }
    assert_eq!(pbx.put(&format!("/v1/pbx/extensions/{number}"), body).await.status, 201, "they are new");
    let session = pbx.login(json!({"extension": number, "password": "another password"})).await.ok();
    pbx.with_token(session["token"].as_str().unwrap())
}

#[tokio::test]
async fn who_is_deleted_is_nobody_any_more() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    let people = engine.people(&["201", "202"]).await;
    let (jake, mia) = (&people["201"], &people["202"]);
    let renewed = jake.post("/v1/token", json!(null)).await.ok();
    let second = jake.with_token(renewed["token"].as_str().unwrap());
    let mut sessions = [jake.connect().await, second.connect().await, second.connect().await];
    let mut hers = mia.connect().await;
    hers.say(json!({"type": "watch", "extensions": ["201"]})).await;
    assert_eq!(hers.until("presence").await["states"]["201"], "online");
    let stand = mia.stand().await;

    assert_eq!(pbx.delete(PATH).await.status, 204);
    for session in &mut sessions {
        assert_eq!(session.closed().await, 4003);
    }
    for token in [jake, &second] {
        assert_eq!(token.get("/v1/me").await.code(), "unauthenticated");
        assert_eq!(token.post("/v1/token", json!(null)).await.code(), "unauthenticated");
        let mut late = token.open().await;
        late.say(json!({"type": "hello", "cursor": null, "epoch": null, "token": token.token})).await;
        assert!([4001, 4003].contains(&late.closed().await));
    }
    let refused = pbx.login(json!({"extension": "201", "password": PASSWORD})).await;
    assert_eq!(refused.code(), "unauthenticated");
    assert_eq!(directory(mia).await, ["202"]);
    assert_eq!(listed(&pbx).await, ["202"]);
    let begin = json!({"kind": "direct", "extension": "201"});
    assert_eq!(mia.post("/v1/conversations", begin).await.code(), "not_found");
    let group = json!({"kind": "group", "client_id": Uuid::now_v7(), "name": "Ops", "extensions": ["201"]});
    assert_eq!(mia.post("/v1/conversations", group).await.code(), "not_found");
    let told = hers.until_event("extension.updated").await;
    assert_eq!((&told["data"]["extension"], &told["data"]["enabled"]), (&json!("201"), &json!(false)));
    hers.until_matching(|f| f["type"] == "presence" && f["states"]["201"] == "offline").await;

    assert_eq!(pbx.delete(PATH).await.code(), "not_found", "once");
    for never in ["999", "abc", "%00", "2%0A"] {
        assert_eq!(pbx.delete(&format!("/v1/pbx/extensions/{never}")).await.code(), "not_found", "{never}");
    }
    // Who was away hears that they are gone, and that somebody else is there.
    newcomer(&pbx, "201", json!({})).await;
    let missed = mia.since(&stand).await;
    let of_them: Vec<_> = missed.iter().map(|(name, data)| (name.as_str(), &data["name"], &data["enabled"])).collect();
    let (old, new) = (json!("Name 201"), json!("New"));
    let expected = [("extension.updated", &old, &json!(false)), ("extension.updated", &new, &json!(true))];
    assert_eq!(of_them, expected, "in this order");
    hers.until_matching(|f| f["data"]["name"] == "New").await;
    assert_eq!(directory(mia).await, ["201", "202"]);
}

#[tokio::test]
async fn only_the_company_s_pbx_and_administrators_delete() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let (_, key) = engine.tenant("other").await;
    let theirs = engine.api().with_token(&key);
    theirs.put("/v1/pbx/extensions/201", json!({"name": "Eve"})).await.ok();
    assert_eq!(people["202"].delete(PATH).await.code(), "forbidden");
    let nobody = engine.api().with_token("nonsense");
    assert_eq!(nobody.delete(PATH).await.code(), "unauthenticated");
    assert_eq!(theirs.delete("/v1/pbx/extensions/202").await.code(), "not_found");
    assert_eq!(theirs.delete(PATH).await.status, 204, "their own");
    assert_eq!(people["201"].get("/v1/me").await.status, 200, "ours is somebody else");
    engine.api().put("/v1/pbx/extensions/202", json!({"name": "Mia", "role": "admin"})).await.ok();
    assert_eq!(people["202"].delete(PATH).await.status, 204);
    assert_eq!(people["201"].get("/v1/me").await.code(), "unauthenticated");
    let disabled = json!({"name": "Mia", "enabled": false});
    engine.api().put("/v1/pbx/extensions/202", disabled).await.ok();
    assert_eq!(engine.api().delete("/v1/pbx/extensions/202").await.status, 204, "who is disabled can be deleted");
    assert_eq!(listed(&engine.api()).await, [""; 0]);
}

#[tokio::test]
async fn their_groups_show_that_they_left_and_their_chats_stay_readable() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203"]).await;
    let (jake, mia) = (&people["201"], &people["202"]);
    let chat = jake.chat("202").await;
    jake.say(&chat, "between us").await;
    mia.say(&chat, "yes").await;
    let groups = [jake.group("Ops", &["202", "203"]).await, mia.group("Sales", &["201"]).await];
    jake.say(&groups[0], "Hi all").await;
    let mut hers = mia.connect().await;
    assert_eq!(engine.api().delete(PATH).await.status, 204);
    for group in &groups {
        let said = words(&mia.history(group).await);
        assert_eq!(said.last().unwrap(), "Name 201 (201) left", "{said:?}");
        assert!(!members(mia, group).await.contains(&"201".to_owned()));
        let changed = hers.until_event("participants.changed").await;
        assert_eq!(changed["data"]["removed"][0]["extension"], "201", "{changed}");
    }
    assert_eq!(words(&mia.history(&chat).await), ["between us", "yes"]);
    let row = mia.row(&chat).await;
    assert_eq!((&row["name"], row["participant_count"].as_i64()), (&json!("Name 201"), Some(2)));
    assert_eq!(words(&mia.history(&groups[0]).await)[1], "Hi all");

    // And they keep the name that they were written under, whoever has the number since.
    let new = newcomer(&engine.api(), "201", json!({})).await;
    let from = mia.history(&chat).await[0]["from"].clone();
    assert_eq!(from, json!({"extension": "201", "name": "Name 201"}));
    assert_eq!(mia.row(&chat).await["name"], "Name 201");
    assert_eq!(words(&mia.history(&groups[0]).await).last().unwrap(), "Name 201 (201) left");
    mia.add(&groups[0], &["201"]).await.ok();
    assert_eq!(words(&new.history(&groups[0]).await).last().unwrap(), "New (201) added by Name 202 (202)");
    assert_eq!(mia.history(&groups[0]).await[1]["from"]["name"], "Name 201");
}

#[tokio::test]
async fn what_they_held_in_queues_waits_again() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let held = [desk.claimed(&customer(1), JAKE).await, desk.claimed(&customer(2), JAKE).await];
    let waiting = desk.text(&customer(3), "Hello?").await;
    let (mut jake, mut wyatt) = (desk[JAKE].connect().await, desk[WYATT].connect().await);
    assert_eq!(desk.pbx.delete(PATH).await.status, 204);
    // It is so when the PBX is answered.
    for conversation in &held {
        assert_eq!(desk[SUE].row(conversation).await["queue"]["state"], "waiting");
        let said = desk.words(conversation).await;
        assert_eq!(said.last().unwrap(), "Conversation released back to queue", "{said:?}");
        assert_eq!(said.iter().filter(|s| s.contains("released")).count(), 1, "{said:?}");
    }
    assert_eq!(jake.closed().await, 4003);
    while wyatt
        .heard("queue.waiting")
        .iter()
        .filter(|d| held.iter().any(|h| d["conversation"]["id"] == h.as_str()))
        .count()
        < 2
    {
        wyatt.frame().await;
    }
    for conversation in held.iter().chain([&waiting]) {
        desk[WYATT].claim(conversation).await.ok();
    }
    let queue = desk[WYATT].queue(&desk.support).await;
    assert!(!queue["agents"].as_array().unwrap().iter().any(|a| a["extension"] == JAKE), "{queue}");

    // Who has the number later is an agent, as the queue names it: a new one.
    let new = sign_in(&desk.engine, &desk.pbx, JAKE, "user").await;
    let hers = new.queue(&desk.support).await;
    assert_eq!((&hers["logged_in"], &hers["paused"]), (&json!(false), &json!(false)));
    assert_eq!(new.filtered("all").await, [""; 0]);
    assert!(!new.reads(&held[0]).await);
    let next = desk.text(&customer(4), "Hello?").await;
    assert_eq!(new.claim(&next).await.code(), "agent_unavailable");
    new.on_duty(&desk.support).await;
    new.claim(&next).await.ok();
    assert_eq!(desk.words(&next).await.last().unwrap(), "Conversation claimed by Name 201 (201)");
}

#[tokio::test]
async fn what_they_closed_is_none_of_who_comes_later() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let closed = desk.claimed(ANN, JAKE).await;
    desk[JAKE].close(&closed).await.ok();
    assert_eq!(desk[JAKE].filtered("closed").await, [closed.as_str()]);
    assert_eq!(desk.pbx.delete(PATH).await.status, 204);
    let new = sign_in(&desk.engine, &desk.pbx, JAKE, "user").await;
    assert_eq!(new.filtered("closed").await, [""; 0]);
    assert!(!new.reads(&closed).await);
    assert!(desk[SUE].reads(&closed).await, "supervisors read on");
}

#[tokio::test]
async fn their_texts_go_to_whoever_is_there() {
    let engine = sms::engine(partyline::carriers::Knobs::default()).await;
    let pbx = engine.api();
    let (jake, wyatt) = (sms::person(&pbx, "201", &[MAIN]).await, sms::person(&pbx, "211", &[MAIN, SALES]).await);
    put_number(&pbx, MAIN, json!({"extension": "201"})).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Hi Ann").await;
    jake.text_in(ANN, MAIN, "Hi Jake").await;
    assert_eq!(jake.history(&thread).await.len(), 2);
    assert_eq!(pbx.delete(PATH).await.status, 204);

    pbx.text_in(ANN, MAIN, "Are you there?").await;
    pbx.text_in(BOB, MAIN, "Unasked").await;
    let hers = wyatt.threads().await;
    let texts: Vec<_> = hers.iter().map(|t| t["last_message"]["text"].as_str().unwrap()).collect();
    assert_eq!(texts, ["Unasked", "Are you there?"], "the next who has the number");
    assert!(hers.iter().all(|t| t["id"] != thread.as_str() && t["last_seq"] == 1), "in threads of their own: {hers:?}");
    // With nobody there, it is nobody's.
    assert_eq!(pbx.delete("/v1/pbx/extensions/211").await.status, 204);
    pbx.text_in(ANN, MAIN, "Anybody?").await;
    let unrouted = pbx.get("/v1/pbx/unrouted").await.ok();
    assert_eq!(unrouted["items"][0]["text"], "Anybody?");

    // Who has the number and the extension later, begins anew.
    let new = sms::person(&pbx, "201", &[MAIN]).await;
    assert_eq!(new.threads().await, [] as [Value; 0]);
    let fresh = new.thread(ANN).await;
    assert_ne!(fresh, thread);
    assert_eq!(new.history(&fresh).await, [] as [Value; 0]);
    assert_eq!(new.get(&format!("/v1/conversations/{thread}")).await.code(), "not_found");
    pbx.text_in(BOB, MAIN, "To who is named").await;
    assert_eq!(new.threads().await[0]["last_message"]["text"], "To who is named");
}

#[tokio::test]
async fn who_comes_later_sees_none_of_it() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    let people = engine.people(&["201", "202"]).await;
    let (jake, mia) = (&people["201"], &people["202"]);
    let chat = jake.chat("202").await;
    let group = jake.group("Ops", &["202"]).await;
    jake.say(&chat, "before").await;
    pbx.put(&format!("{BOOKS}/crm"), json!({"name": "Customers", "source": "crm"})).await.ok();
    pbx.fill("crm", json!([contact("1", "Ann Lee", &[ANN])])).await.ok();
    pbx.put(PATH, json!({"name": "Jake", "phonebooks": ["crm"], "role": "supervisor"})).await.ok();
    assert_eq!(jake.name_of(ANN).await, "Ann Lee");
    let stand = jake.stand().await;
    assert_eq!(pbx.delete(PATH).await.status, 204);
    mia.say(&group, "without him").await;
    mia.say(&group, "still").await;

    let new = newcomer(&pbx, "201", json!({})).await;
    assert_eq!(new.get("/v1/me").await.ok()["role"], "user");
    assert_eq!(new.all("/v1/conversations").await, [] as [Value; 0]);
    for id in [&chat, &group] {
        assert!(!new.reads(id).await);
        assert_eq!(new.send(id, Uuid::now_v7(), "x").await.code(), "not_found");
    }
    assert_eq!(new.get("/v1/phonebooks").await.ok()["items"], json!([]));
    assert_eq!(new.name_of(ANN).await, "+1 404-555-0199");
    let snapshot = new.get("/v1/sync").await.ok()["snapshot"].clone();
    assert_eq!(snapshot["conversations"], json!([]));
    for cursor in [0, stand.0] {
        for (name, data) in new.since(&(cursor, stand.1.clone())).await {
            assert!(["extension.updated", "names.updated"].contains(&name.as_str()), "{name}: {data}");
        }
    }
    // The chat with the same colleague is another one.
    let theirs = new.chat("202").await;
    assert_ne!(theirs, chat);
    assert_eq!(new.history(&theirs).await, [] as [Value; 0]);
    assert_eq!(mia.chat("201").await, theirs, "and to her the number is the newcomer's");
    new.say(&theirs, "Hello, I am new").await;
    let rows = mia.all("/v1/conversations").await;
    let named = |id: &str| rows.iter().find(|r| r["id"] == id).unwrap()["name"].clone();
    assert_eq!((named(&theirs), named(&chat)), (json!("New"), json!("Jake")));
    // Nothing that was the old one's opens anything.
    assert_eq!(jake.get("/v1/me").await.code(), "unauthenticated");
    let old_password = pbx.login(json!({"extension": "201", "password": PASSWORD})).await;
    assert_eq!(old_password.code(), "unauthenticated");
}

#[tokio::test]
async fn the_calls_of_who_is_deleted_are_nobody_s_any_more() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    let jake = &engine.people(&["201", "202"]).await["201"];
    let report = async |key: &str, extension: &str, number: &str| {
        let call = json!([{"key": key, "extension": extension, "direction": "inbound", "number": number,
                           "caller_name": "CALLER", "at": "2026-11-23T09:00:00Z"}]);
        pbx.post("/v1/pbx/calls", call).await.ok()
    };
    report("1", "201", BOB).await;
    report("2", "202", BOB).await;
    assert_eq!(jake.name_of(BOB).await, "CALLER");
    assert_eq!(pbx.delete(PATH).await.status, 204);
    let new = newcomer(&pbx, "201", json!({})).await;
    assert_eq!(new.name_of(BOB).await, "+1 404-555-0177");
    assert_eq!(new.find("caller").await, [] as [Value; 0]);
    assert_eq!(new.get("/v1/contacts").await.ok()["items"], json!([]));
    // What is reported since is theirs, even under a key that was.
    assert_eq!(report("3", "201", ANN).await, json!({"changed": 1}));
    assert_eq!(new.name_of(ANN).await, "CALLER");
    assert_eq!(report("1", "201", BOB).await, json!({"changed": 1}));
    assert_eq!(new.name_of(BOB).await, "CALLER");
    assert_eq!(
        crate::contacts::rows(engine.folder.path(), "recent_call").await,
        3,
        "and the colleague's is still there"
    );
}

#[tokio::test]
async fn what_is_reported_of_who_is_gone_is_not_of_who_comes_then() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    engine.people(&["201"]).await;
    assert_eq!(pbx.delete(PATH).await.status, 204);
    let late = json!([{"key": "1", "extension": "201", "direction": "inbound", "number": BOB, "caller_name": "CALLER",
                       "at": "2026-11-23T09:00:00Z"}]);
    pbx.post("/v1/pbx/calls", late).await.ok();
    let new = newcomer(&pbx, "201", json!({})).await;
    assert_eq!(new.name_of(BOB).await, "+1 404-555-0177");
    assert_eq!(new.get("/v1/contacts").await.ok()["items"], json!([]));
}

#[tokio::test]
async fn a_conversation_is_transferred_to_who_has_the_number_now() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let held = desk.claimed(ANN, JAKE).await;
    assert_eq!(desk.pbx.delete(&format!("/v1/pbx/extensions/{WYATT}")).await.status, 204);
    let refused = desk[JAKE].transfer_to(&held, WYATT).await;
    assert!(["agent_unavailable", "not_found"].contains(&refused.code()), "{refused:?}");
    let new = newcomer(&desk.pbx, WYATT, json!({})).await;
    let state = json!({"logged_in": true, "paused": false});
    new.put(&format!("/v1/queues/{}/agent", desk.support), state).await.ok();
    let row = desk[JAKE].transfer_to(&held, WYATT).await.ok();
    assert_eq!(row["queue"]["claimed_by"], json!({"extension": WYATT, "name": "New"}));
}

#[tokio::test]
async fn many_at_once_delete_it_once_and_make_it_once() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    for round in 0..5 {
        let made = join_all((0..6).map(|_| pbx.put(PATH, json!({"name": format!("Jake {round}")})))).await;
        assert_eq!(made.iter().filter(|a| a.status == 201).count(), 1, "{made:?}");
        assert!(made.iter().all(|a| a.status.is_success()), "{made:?}");
        let deleted = join_all((0..6).map(|_| pbx.delete(PATH))).await;
        assert_eq!(deleted.iter().filter(|a| a.status == 204).count(), 1, "{deleted:?}");
        assert!(deleted.iter().all(|a| a.status == 204 || a.code() == "not_found"), "{deleted:?}");
        assert_eq!(listed(&pbx).await, [""; 0]);
    }
}

#[tokio::test]
async fn in_the_middle_of_what_they_write_nothing_is_half_done() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let (jake, mia) = (&people["201"], &people["202"]);
    let groups = join_all((0..5).map(|n| async move { mia.group(&format!("Group {n}"), &["201"]).await })).await;
    let sends = groups.iter().cycle().take(40).map(|group| jake.send(group, Uuid::now_v7(), "on my way"));
    let deleted = async { engine.api().delete(PATH).await };
    let (answers, deleted) = futures_util::future::join(join_all(sends), deleted).await;
    assert_eq!(deleted.status, 204);
    let acknowledged = answers.iter().filter(|a| a.status == 201).count();
    let others = answers.iter().filter(|a| a.status != 201);
    assert!(
        others.clone().all(|a| ["unauthenticated", "not_found"].contains(&a.code())),
        "{:?}",
        others.collect::<Vec<_>>()
    );
    let mut found = 0;
    for group in &groups {
        let said = words(&mia.history(group).await);
        assert_eq!(said.last().unwrap(), "Name 201 (201) left", "{said:?}");
        found += said.iter().filter(|s| *s == "on my way").count();
    }
    assert_eq!(found, acknowledged);
}

#[tokio::test]
async fn whoever_is_added_while_they_are_deleted_is_in_no_group() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    let people = pbx.people(&["202", "203"]).await;
    let mia = &people["202"];
    for round in 0..10 {
        pbx.put(PATH, json!({"name": "Jake"})).await.ok();
        let groups =
            join_all((0..4).map(|n| async move { mia.group(&format!("Ops {round}.{n}"), &["203"]).await })).await;
        let added = join_all(groups.iter().map(|group| mia.add(group, &["201"])));
        let (added, deleted) = futures_util::future::join(added, pbx.delete(PATH)).await;
        assert_eq!(deleted.status, 204);
        assert!(added.iter().all(|a| a.status.is_success() || a.code() == "not_found"), "{added:?}");
        for group in &groups {
            assert_eq!(members(mia, group).await, ["202", "203"], "nobody who is gone is in it");
        }
    }
}

#[tokio::test]
async fn a_group_that_is_begun_with_them_while_they_are_deleted_is_without_them() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    let people = pbx.people(&["202", "203"]).await;
    let mia = &people["202"];
    for (round, disabled) in (0..10).map(|round| (round, round % 2 == 1)) {
        pbx.put(PATH, json!({"name": "Jake"})).await.ok();
        let begin = |n: usize| {
            let name = format!("Group {round}.{n}");
            let body =
                json!({"kind": "group", "client_id": Uuid::now_v7(), "name": name, "extensions": ["201", "203"]});
            mia.post("/v1/conversations", body)
        };
        let goes = async {
            let gone = json!({"name": "Jake", "enabled": false});
            if disabled { pbx.put(PATH, gone).await } else { pbx.delete(PATH).await }
        };
        let (begun, gone) = futures_util::future::join(join_all((0..6).map(begin)), goes).await;
        assert!(gone.status.is_success(), "{gone:?}");
        assert!(begun.iter().all(|a| a.status == 201 || a.code() == "not_found"), "{begun:?}");
        for group in begun.iter().filter_map(|a| a.body["id"].as_str()) {
            assert_eq!(members(mia, group).await, ["202", "203"], "nobody who is gone is in it");
        }
    }
}

#[tokio::test]
async fn whatever_they_claim_while_they_are_deleted_waits_again() {
    for _ in 0..4 {
        let desk = Desk::open(&[JAKE, WYATT]).await;
        let mut waiting = vec![];
        for n in 0..8 {
            waiting.push(desk.text(&customer(n), "Hello?").await);
        }
        let claims = join_all(waiting.iter().map(|id| desk[JAKE].claim(id)));
        let (claims, deleted) = futures_util::future::join(claims, desk.pbx.delete(PATH)).await;
        assert_eq!(deleted.status, 204);
        let refused = ["unauthenticated", "not_found", "agent_unavailable", "busy"];
        assert!(claims.iter().all(|a| a.status == 200 || refused.contains(&a.code())), "{claims:?}");
        for id in &waiting {
            let row = desk.until(id, "waiting").await;
            assert_eq!(row["participant_count"], 0, "{row}");
            desk[WYATT].claim(id).await.ok();
        }
    }
}

#[tokio::test]
async fn who_is_deleted_stays_so_after_a_crash() {
    let mut engine = Process::configured("[carriers.sim]\nkind = \"simulator\"\npace_per_s = 10000\n").await;
    let pbx = engine.api();
    let people = pbx.people(&["201", "202"]).await;
    pbx.put("/v1/pbx/extensions/202", json!({"name": "Sue", "role": "supervisor"})).await.ok();
    let group = people["202"].group("Ops", &["201"]).await;
    let queue = json!({"name": "Support", "members": ["201"]});
    let queue = pbx.put("/v1/pbx/queues/support", queue).await.ok()["id"].as_str().unwrap().to_owned();
    put_number(&pbx, MAIN, json!({"queue": "support"})).await;
    people["201"].on_duty(&queue).await;
    let mut held = vec![];
    for n in 0..5 {
        pbx.text_in(&customer(n), MAIN, "Hello?").await;
        held.push(people["201"].in_queue(&queue, "waiting").await[0]["id"].as_str().unwrap().to_owned());
        people["201"].claim(&held[n]).await.ok();
    }
    let request = pbx.request(Method::DELETE, PATH).send().await.unwrap();
    assert_eq!(request.status(), 204);
    engine.kill();
    engine.restart().await;
    assert_eq!(people["201"].get("/v1/me").await.code(), "unauthenticated");
    assert_eq!(listed(&pbx).await, ["202"]);
    assert_eq!(words(&people["202"].history(&group).await).last().unwrap(), "Name 201 (201) left");
    for conversation in &held {
        assert_eq!(people["202"].row(conversation).await["queue"]["state"], "waiting");
        assert_eq!(
            words(&people["202"].history(conversation).await).last().unwrap(),
            "Conversation released back to queue"
        );
    }
    newcomer(&pbx, "201", json!({})).await;
}
