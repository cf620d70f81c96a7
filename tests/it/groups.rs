//! Groups: who is in them, what they are told, and what they find when they are not.

use futures_util::future::join_all;
use partyline::domain::conversation::Command;
use serde_json::{Value, json};
use uuid::Uuid;

use crate::{
    client::{Api, Client},
    engine::TestEngine,
};

fn texts(timeline: &[Value]) -> Vec<&str> {
    timeline.iter().map(|m| m["text"].as_str().unwrap()).collect()
}

async fn row(api: &Api, group: &str) -> Value {
    api.get(&format!("/v1/conversations/{group}")).await.ok()
}

/// The numbers of all who are in it.
async fn members(api: &Api, group: &str) -> Vec<String> {
    let found = api.get(&format!("/v1/conversations/{group}/participants?limit=200")).await.ok();
    let mut numbers: Vec<_> =
        found["items"].as_array().unwrap().iter().map(|p| p["extension"].as_str().unwrap().to_owned()).collect();
    numbers.sort();
    numbers
}

#[tokio::test]
async fn a_group_s_life_is_told_word_for_word() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203", "211"]).await;
    let mut ann = people["202"].connect().await;
    let group = people["201"].group("Ops", &["202", "203"]).await;
    let made = ann.until_event("conversation.updated").await["data"].clone();
    assert_eq!((&made["kind"], &made["name"]), (&json!("group"), &json!("Ops")));
    assert_eq!((&made["participant_count"], &made["joined"]), (&json!(3), &json!({"seq": 0, "text_no": 0})));

    let renamed = people["202"].rename(&group, "Sales").await.ok();
    assert_eq!((&renamed["name"], &renamed["revision"]), (&json!("Sales"), &json!(2)));
    people["203"].add(&group, &["211"]).await.ok();
    people["201"].remove(&group, "203").await.ok();
    assert_eq!(people["211"].remove(&group, "me").await.status, 204);
    people["201"].say(&group, "Only us").await;

    let timeline = people["202"].history(&group).await;
    let words = [
        "Group created by Name 201 (201)",
        "Group renamed to Sales by Name 202 (202)",
        "Name 211 (211) added by Name 203 (203)",
        "Name 203 (203) removed by Name 201 (201)",
        "Name 211 (211) left",
        "Only us",
    ];
    assert_eq!(texts(&timeline), words);
    let person = |n: &str| json!({"extension": n, "name": format!("Name {n}")});
    let events = [
        json!({"name": "created", "by": person("201"), "group": "Ops"}),
        json!({"name": "renamed", "by": person("202"), "to": "Sales"}),
        json!({"name": "added", "by": person("203"), "who": person("211")}),
        json!({"name": "removed", "by": person("201"), "who": person("203")}),
        json!({"name": "left", "who": person("211")}),
        Value::Null,
    ];
    for (message, event) in timeline.iter().zip(&events) {
        let kind = if event.is_null() { "text" } else { "system" };
        assert_eq!((&message["event"], message["kind"].as_str()), (event, Some(kind)));
        assert_eq!(message["from"].is_null(), kind == "system");
    }
    ann.until_matching(|f| f["data"]["text"] == "Only us").await;
    let heard: Vec<_> = ann.messages().into_iter().map(|m| m.2).collect();
    assert_eq!(heard, words, "all of it live, in the same order");
    let changed: Vec<_> =
        ann.events.iter().filter(|e| e["name"] == "participants.changed").map(|e| &e["data"]).collect();
    let none = json!([]);
    for (change, (added, removed, count)) in changed.iter().zip([
        (json!([person("211")]), none.clone(), 4),
        (none.clone(), json!([person("203")]), 3),
        (none.clone(), json!([person("211")]), 2),
    ]) {
        let expected = json!({"conversation": group, "added": added, "removed": removed, "participant_count": count});
        assert_eq!(**change, expected);
    }
    assert_eq!(changed.len(), 3);
    assert_eq!(members(&people["202"], &group).await, ["201", "202"]);
}

#[tokio::test]
async fn who_is_added_sees_the_whole_history_with_nothing_unread() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203"]).await;
    let group = people["201"].group("Ops", &["202"]).await;
    people["201"].say(&group, "long ago").await;
    let mut omar = people["203"].connect().await;
    people["202"].add(&group, &["203"]).await.ok();
    let joined = omar.until_event("conversation.updated").await["data"].clone();
    assert_eq!(joined["joined"], json!({"seq": 2, "text_no": 1}), "in one unit joined comes first");
    assert_eq!(omar.until_event("message.created").await["data"]["text"], "Name 203 (203) added by Name 202 (202)");
    let seen = row(&people["203"], &group).await;
    assert_eq!((&seen["unread"], &seen["my_read"]), (&json!(0), &json!({"seq": 2, "text_no": 1})));
    assert_eq!(texts(&people["203"].history(&group).await)[1], "long ago");
    people["201"].say(&group, "for all of us").await;
    assert_eq!(row(&people["203"], &group).await["unread"], 1);
    assert_eq!(omar.until_event("message.created").await["data"]["text"], "for all of us");
}

#[tokio::test]
async fn who_is_gone_finds_nothing_and_hears_nothing_until_added_again() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203"]).await;
    let group = people["201"].group("Ops", &["202", "203"]).await;
    people["202"].say(&group, "mine").await;
    let (mut ann, mut omar) = (people["202"].connect().await, people["203"].connect().await);
    let (mut ann_away, mut away) = (people["202"].connect().await, people["203"].connect().await);
    for client in [&mut ann_away, &mut away] {
        client.socket.close(None).await.unwrap();
    }
    people["202"].remove(&group, "me").await.ok();
    people["201"].remove(&group, "203").await.ok();
    let left = ann.until_event("conversation.removed").await;
    assert_eq!(left["data"], json!({"conversation": group, "reason": "left"}));
    let removed = omar.until_event("conversation.removed").await;
    assert_eq!(removed["data"], json!({"conversation": group, "reason": "removed"}));
    assert_eq!(ann.names(), ["conversation.removed"], "not even that she left");
    people["201"].say(&group, "behind their backs").await;

    let path = format!("/v1/conversations/{group}");
    for gone in [&people["202"], &people["203"]] {
        for address in [path.clone(), format!("{path}/messages"), format!("{path}/participants")] {
            assert_eq!(gone.get(&address).await.code(), "not_found", "{address}");
        }
        assert_eq!(gone.send(&group, Uuid::now_v7(), "x").await.code(), "not_found");
        assert_eq!(gone.put(&format!("{path}/read"), json!({"seq": 1})).await.code(), "not_found");
        assert_eq!(gone.rename(&group, "x").await.code(), "not_found");
        assert_eq!(gone.add(&group, &["202"]).await.code(), "not_found");
        assert_eq!(gone.add(&group, &["999"]).await.code(), "not_found");
        assert_eq!(gone.remove(&group, "201").await.code(), "not_found");
        assert_eq!(gone.remove(&group, "me").await.code(), "not_found");
        assert_eq!(gone.get("/v1/conversations").await.ok()["items"], json!([]));
    }
    for client in [&mut ann, &mut omar] {
        client.say(json!({"type": "typing", "conversation": group})).await;
        client.settled().await;
        assert_eq!(client.events.last().unwrap()["name"], "conversation.removed");
    }
    // Coming back, too, it is all there is to hear.
    for (who, away, reason) in [("202", &ann_away, "left"), ("203", &away, "removed")] {
        let back = people[who].connect_at(Some(away.cursor), Some(&away.epoch)).await;
        assert!(back.resumed);
        assert_eq!(back.names(), ["conversation.removed"]);
        assert_eq!(back.events[0]["data"]["reason"], reason);
    }

    people["201"].add(&group, &["203"]).await.ok();
    omar.until_matching(|f| f["data"]["joined"].is_object()).await;
    let back = people["203"].connect_at(Some(away.cursor), Some(&away.epoch)).await;
    assert_eq!(back.names(), ["conversation.updated", "message.created"], "of the new time in it alone");
    let history = people["203"].history(&group).await;
    let again = ["behind their backs", "Name 203 (203) added by Name 201 (201)"];
    assert_eq!(texts(&history)[history.len() - 2..], again, "everything is back");
    assert_eq!(row(&people["203"], &group).await["unread"], 0);
    assert_eq!(people["203"].send(&group, Uuid::now_v7(), "I am back").await.status, 201);
}

#[tokio::test]
async fn who_is_disabled_has_left_their_groups() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203"]).await;
    let chat = people["201"].chat("203").await;
    people["203"].say(&chat, "between us").await;
    let mut groups = Vec::new();
    for name in ["Ops", "Sales"] {
        groups.push(people["201"].group(name, &["202", "203"]).await);
    }
    let mut jake = people["201"].connect().await;
    let disabled = json!({"name": "Name 203", "enabled": false});
    engine.api().put("/v1/pbx/extensions/203", disabled.clone()).await.ok();
    for group in &groups {
        assert_eq!(texts(&people["202"].history(group).await).last(), Some(&"Name 203 (203) left"));
        assert_eq!(members(&people["202"], group).await, ["201", "202"]);
        people["201"].say(group, "without them").await;
    }
    jake.until_matching(|f| f["data"]["text"] == "without them").await;
    assert_eq!(jake.names().iter().filter(|name| **name == "participants.changed").count(), 2);
    assert_eq!(texts(&people["201"].history(&chat).await), ["between us"], "to the other it stays readable");
    engine.api().put("/v1/pbx/extensions/203", disabled).await.ok();
    let back = engine.people(&["203"]).await;
    for group in &groups {
        assert_eq!(back["203"].get(&format!("/v1/conversations/{group}")).await.code(), "not_found");
    }
    people["201"].add(&groups[0], &["203"]).await.ok();
    assert!(texts(&back["203"].history(&groups[0]).await).contains(&"without them"), "added again, all is back");
}

#[tokio::test]
async fn the_last_one_who_leaves_archives_the_group() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let group = people["201"].group("Ops", &["202"]).await;
    people["202"].remove(&group, "me").await.ok();
    people["201"].say(&group, "alone").await;
    people["201"].remove(&group, "201").await.ok();
    for gone in ["201", "202"] {
        assert_eq!(people[gone].get(&format!("/v1/conversations/{group}")).await.code(), "not_found");
        assert_eq!(people[gone].add(&group, &["201"]).await.code(), "not_found");
    }
    let kept = engine.engine.storage.conversation(group.parse().unwrap()).await.unwrap().unwrap();
    assert!(kept.members.is_empty() && kept.name.as_deref() == Some("Ops"), "and nothing of it is deleted");
}

#[tokio::test]
async fn what_can_t_be_a_group_is_refused_and_changes_nothing() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203"]).await;
    let disabled = json!({"name": "Gone", "enabled": false});
    engine.api().put("/v1/pbx/extensions/299", disabled).await.ok();
    let begin = async |name: &str, others: &[&str]| {
        let body = json!({"kind": "group", "client_id": Uuid::now_v7(), "name": name, "extensions": others});
        people["201"].post("/v1/conversations", body).await.code().to_owned()
    };
    assert_eq!(begin("", &["202"]).await, "invalid_name");
    assert_eq!(begin(&"x".repeat(81), &["202"]).await, "invalid_name");
    assert_eq!(begin("Ops", &[]).await, "too_few_participants");
    assert_eq!(begin("Ops", &["201", "201"]).await, "too_few_participants");
    assert_eq!(begin("Ops", &["202", "999"]).await, "not_found");
    assert_eq!(begin("Ops", &["299"]).await, "not_found");
    assert_eq!(begin("Ops", &["\0"]).await, "not_found");
    let many: Vec<_> = (0..1_001).map(|n| n.to_string()).collect();
    assert_eq!(begin("Ops", &many.iter().map(String::as_str).collect::<Vec<_>>()).await, "too_many_participants");
    let numbers = json!({"kind": "group", "client_id": Uuid::now_v7(), "name": "Ops", "extensions": [], "numbers": ["+14045550199"]});
    let refused = people["201"].post("/v1/conversations", numbers).await;
    assert_eq!(refused.code(), "too_few_participants", "two of us, whoever is outside");
    assert_eq!(people["201"].get("/v1/conversations").await.ok()["items"], json!([]));

    let group = people["201"].group("Ops", &["202"]).await;
    assert_eq!(people["201"].rename(&group, "\t").await.code(), "invalid_name");
    let nobody = people["201"].add(&group, &["203", "999"]).await;
    assert_eq!((nobody.code(), nobody.body["detail"].as_str()), ("not_found", Some("there is no extension 999")));
    assert_eq!(people["201"].remove(&group, "203").await.code(), "not_found");
    assert_eq!(people["201"].remove(&group, "%00").await.code(), "not_found");
    assert_eq!(members(&people["201"], &group).await, ["201", "202"]);
    let chat = people["201"].chat("202").await;
    assert_eq!(people["201"].rename(&chat, "Us").await.code(), "forbidden");
    assert_eq!(people["201"].add(&chat, &["203"]).await.code(), "forbidden");
    assert_eq!(people["201"].remove(&chat, "202").await.code(), "forbidden");
    assert_eq!(people["201"].remove(&chat, "me").await.code(), "forbidden");
    assert_eq!(people["201"].history(&group).await.len(), 1);
}

#[tokio::test]
async fn the_same_client_id_makes_one_group() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let client_id = Uuid::now_v7();
    let begin = |name: &str| {
        let body = json!({"kind": "group", "client_id": client_id, "name": name, "extensions": ["202"]});
        let api = people["201"].clone();
        async move { api.post("/v1/conversations", body).await }
    };
    let answers = join_all((0..10).map(|_| begin("Ops"))).await;
    assert_eq!(answers.iter().filter(|a| a.status == 201).count(), 1);
    let group = answers[0].body["id"].as_str().unwrap().to_owned();
    assert!(answers.iter().all(|a| a.body["id"] == group.as_str()));
    assert_eq!(begin("Sales").await.code(), "idempotency_conflict");
    let words = "Group created by Name 201 (201)";
    assert_eq!(people["201"].send(&group, client_id, words).await.code(), "idempotency_conflict");
    let text = people["201"].say(&group, "Ops").await;
    let used = json!({"kind": "group", "client_id": text["client_id"], "name": "Ops", "extensions": ["202"]});
    assert_eq!(people["201"].post("/v1/conversations", used).await.code(), "idempotency_conflict");
    people["201"].remove(&group, "me").await.ok();
    assert_eq!(begin("Ops").await.code(), "not_found", "it was made, and is not mine any more");
}

#[tokio::test]
async fn system_messages_are_not_unread_and_move_nobody_s_marker() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203"]).await;
    let group = people["201"].group("Ops", &["202", "203"]).await;
    people["201"].rename(&group, "Sales").await.ok();
    people["202"].say(&group, "one").await;
    people["201"].rename(&group, "Ops").await.ok();
    for (who, unread, read) in [("201", 1, 0), ("202", 0, 3), ("203", 1, 0)] {
        let seen = row(&people[who], &group).await;
        assert_eq!((&seen["unread"], &seen["my_read"]["seq"]), (&json!(unread), &json!(read)), "{who}");
        assert_eq!((&seen["text_count"], &seen["last_seq"]), (&json!(1), &json!(4)));
    }
    let mut jake = people["201"].connect().await;
    people["203"].put(&format!("/v1/conversations/{group}/read"), json!({"seq": 4})).await.ok();
    let readers = jake.until_event("read.advanced").await["data"]["readers"].clone();
    assert_eq!(readers, json!([{"extension": "203", "seq": 4, "text_no": 1}]));
    assert_eq!(people["203"].get("/v1/conversations?filter=unread").await.ok()["items"], json!([]));
}

#[tokio::test]
async fn a_group_is_found_by_its_name_and_a_chat_by_the_other() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203"]).await;
    people["201"].group("Ops", &["202", "203"]).await;
    people["201"].chat("203").await;
    let found = async |q: &str| {
        let found = people["201"].get(&format!("/v1/conversations?q={q}")).await.ok();
        let names: Vec<_> =
            found["items"].as_array().unwrap().iter().map(|c| c["name"].as_str().unwrap().to_owned()).collect();
        names
    };
    assert_eq!(found("ops").await, ["Ops"]);
    assert_eq!(found("203").await, ["Name 203"]);
    assert_eq!(found("202").await, [""; 0]);
}

/// All that a client heard of the group, up to a text that comes after everything.
async fn heard_of(client: &mut Client, end: &str) -> Vec<(i64, String)> {
    client.until_matching(|f| f["data"]["text"] == end).await;
    client.messages().into_iter().map(|m| (m.1, m.2)).collect()
}

#[tokio::test]
async fn at_the_same_moment_there_is_one_order_for_all() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203", "204"]).await;
    for round in 0..20 {
        let group = people["201"].group("Ops", &["202", "203"]).await;
        let mut clients = vec![people["201"].connect().await, people["202"].connect().await];
        let (jake, ann, omar) = (&people["201"], &people["202"], &people["203"]);
        // Two rename, two add the same person, and one leaves while being added.
        let (a, b, c, d, e, f) = tokio::join!(
            jake.rename(&group, "By Jake"),
            ann.rename(&group, "By Ann"),
            jake.add(&group, &["204"]),
            ann.add(&group, &["204", "203"]),
            omar.remove(&group, "me"),
            jake.add(&group, &["203"]),
        );
        for (n, answer) in [a, b, c, d, e, f].iter().enumerate() {
            assert!(answer.status.is_success(), "{n}: no error without a reason: {answer:?}");
        }
        jake.say(&group, "the end").await;
        let timeline = jake.history(&group).await;
        let count = |words: &str| timeline.iter().filter(|m| m["text"].as_str().unwrap().starts_with(words)).count();
        assert_eq!(count("Name 204 (204) added"), 1, "once, whoever was faster");
        assert_eq!(count("Group renamed"), 2);
        let last = timeline.iter().rfind(|m| m["event"]["name"] == "renamed").unwrap();
        assert_eq!(row(jake, &group).await["name"], last["event"]["to"], "the later one counts");
        let back = count("Name 203 (203) added");
        assert_eq!((count("Name 203 (203) left"), back <= 1), (1, true), "round {round}");
        let expected = if back == 1 { vec!["201", "202", "203", "204"] } else { vec!["201", "202", "204"] };
        assert_eq!(members(jake, &group).await, expected);
        let found = omar.get(&format!("/v1/conversations/{group}")).await;
        assert_eq!(found.status.is_success(), back == 1, "no half state");
        let all: Vec<_> =
            timeline.iter().map(|m| (m["seq"].as_i64().unwrap(), m["text"].as_str().unwrap().to_owned())).collect();
        for client in &mut clients {
            assert_eq!(heard_of(client, "the end").await, all[1..], "all but its creation, before they came");
        }
    }
}

#[tokio::test]
async fn a_thousand_are_in_one_group() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let pbx = engine.api();
    let numbers: Vec<_> = (1_000..1_998).map(|n: i32| n.to_string()).collect();
    let made = join_all(numbers.iter().map(|n| {
        let (pbx, path) = (pbx.clone(), format!("/v1/pbx/extensions/{n}"));
        async move { pbx.put(&path, json!({"name": format!("Name {n}")})).await.ok() }
    }));
    made.await;
    let mut others: Vec<_> = numbers.iter().map(String::as_str).collect();
    let group = people["201"].group("Everybody", &others).await;
    let mut ann = people["202"].connect().await;
    people["201"].add(&group, &["202"]).await.ok();
    assert_eq!(people["201"].add(&group, &["202", "1000"]).await.status, 200, "who is in it is no more");
    engine.people(&["203"]).await;
    assert_eq!(people["201"].add(&group, &["203"]).await.code(), "too_many_participants");
    let seen = row(&people["202"], &group).await;
    assert_eq!((&seen["participant_count"], seen["participants"].as_array().unwrap().len()), (&json!(1_000), 20));

    let mut listed = Vec::new();
    let mut path = format!("/v1/conversations/{group}/participants?limit=200");
    loop {
        let page = people["202"].get(&path).await.ok();
        listed.extend(page["items"].as_array().unwrap().iter().map(|p| p["extension"].as_str().unwrap().to_owned()));
        let Some(next) = page["next"].as_str() else { break };
        path = format!("/v1/conversations/{group}/participants?limit=200&after={next}");
    }
    listed.sort();
    others.extend(["201", "202"]);
    others.sort_unstable();
    assert_eq!(listed, others);

    let text = people["201"].say(&group, "to all of you").await;
    let tenant = engine.engine.storage.tenant("default").await.unwrap().unwrap();
    let id = group.parse().unwrap();
    let reads = join_all(numbers.iter().map(|number| {
        let (engine, seq) = (engine.engine.clone(), text["seq"].as_i64().unwrap());
        async move {
            let caller = engine.storage.extension(tenant, number).await.unwrap().unwrap().into_caller();
            engine.ask(&caller.into(), id, Command::Read { seq }).await.unwrap();
        }
    }));
    reads.await;
    people["201"].say(&group, "the end").await;
    ann.until_matching(|f| f["data"]["text"] == "the end").await;
    let told: Vec<_> = ann.events.iter().filter(|e| e["name"] == "read.advanced").collect();
    let readers: usize = told.iter().map(|e| e["data"]["readers"].as_array().unwrap().len()).sum();
    assert_eq!(readers, numbers.len(), "each once");
    assert!(told.len() < numbers.len() / 10, "{} events for {readers} readers", told.len());
}
