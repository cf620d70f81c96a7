//! Queues of calls, as the PBX reports them.

use serde_json::{Value, json};

use crate::{
    client::{Answer, Api},
    engine::TestEngine,
};

const PBX: &str = "/v1/pbx/voice-queues";
const SUPPORT: &str = "/v1/pbx/voice-queues/support";
const MINE: &str = "/v1/voice-queues";

/// A report of the queue Support with these agents.
fn support(agents: Value) -> Value {
    json!({"name": "Support", "agents": agents})
}

fn works(extension: &str) -> Value {
    json!({"extension": extension, "logged_in": true, "paused": false})
}

fn paused(extension: &str, reason: &str) -> Value {
    json!({"extension": extension, "logged_in": true, "paused": true, "pause_reason": reason})
}

/// The keys of a whole list, page by page.
async fn keys(api: &Api, path: &str, limit: usize) -> Vec<String> {
    let (mut keys, mut after) = (Vec::new(), String::new());
    loop {
        let page = api.get(&format!("{path}?limit={limit}{after}")).await.ok();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= limit);
        keys.extend(items.iter().map(|queue| queue["key"].as_str().unwrap().to_owned()));
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return keys,
        }
    }
}

#[tokio::test]
async fn a_report_is_taken_as_a_whole_and_again_changes_nothing() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "203"]).await;
    let (pbx, storage) = (engine.api(), &engine.engine.storage);
    let tenant = storage.tenant("default").await.unwrap().unwrap();
    let (mut jake, mut wyatt) = (people["201"].connect().await, people["203"].connect().await);
    let made = pbx.put(SUPPORT, support(json!([paused("202", "Lunch"), works("201")]))).await;
    assert_eq!(made.status, 201);
    let agents = json!([
        {"extension": "201", "logged_in": true, "paused": false, "pause_reason": null},
        {"extension": "202", "logged_in": true, "paused": true, "pause_reason": "Lunch"}
    ]);
    let whole = json!({"key": "support", "name": "Support", "agents": agents});
    assert_eq!(made.body, whole);
    for client in [&mut jake, &mut wyatt] {
        assert_eq!(client.until_event("voice_queue.updated").await["data"], json!({"key": "support"}));
    }

    let before = storage.current_version(tenant).await.unwrap();
    for again in [json!([paused("202", "Lunch"), works("201")]), json!([works("201"), paused("202", "Lunch")])] {
        let again = pbx.put(SUPPORT, support(again)).await;
        assert_eq!((again.status.as_u16(), again.body), (200, whole.clone()), "in any order");
    }
    assert_eq!(storage.current_version(tenant).await.unwrap(), before, "the same again is no change");
    jake.settled().await;
    assert_eq!(jake.names(), ["voice_queue.updated"]);

    assert_eq!(pbx.put(SUPPORT, support(json!([works("201"), works("202")]))).await.status, 200);
    jake.until_event("voice_queue.updated").await;
    let listed = pbx.get(PBX).await.ok();
    assert_eq!(listed["items"][0]["agents"][1]["paused"], false);
    assert_eq!((listed["items"].as_array().unwrap().len(), &listed["next"]), (1, &Value::Null));
}

#[tokio::test]
async fn who_was_away_hears_what_was_reported_and_what_is_gone() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let pbx = engine.api();
    let sales = format!("{PBX}/sales");
    pbx.put(SUPPORT, support(json!([works("201")]))).await.ok();
    let away = people["201"].connect().await;
    let (cursor, epoch) = (away.cursor, away.epoch.clone());
    drop(away);
    pbx.put(SUPPORT, support(json!([paused("201", "Lunch")]))).await.ok();
    pbx.put(&sales, support(json!([]))).await.ok();
    assert_eq!(pbx.delete(SUPPORT).await.status, 204);

    let mut back = people["201"].connect_at(Some(cursor), Some(&epoch)).await;
    assert!(back.resumed);
    let told: Vec<_> = back.events.iter().map(|e| (e["name"].as_str(), e["data"]["key"].as_str())).collect();
    let name = Some("voice_queue.updated");
    assert_eq!(told, [(name, Some("sales")), (name, Some("support"))], "each once, the last change last");

    assert_eq!(pbx.delete(SUPPORT).await.code(), "not_found");
    assert_eq!(keys(&pbx, PBX, 50).await, ["sales"]);
    assert_eq!(people["201"].get(MINE).await.ok()["items"], json!([]));
    let again = pbx.put(SUPPORT, support(json!([paused("201", "Lunch")]))).await;
    assert_eq!(again.status, 201, "it is there again, as it was");
    back.until_event("voice_queue.updated").await;
}

#[tokio::test]
async fn many_reports_of_one_at_once_make_it_once() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    let puts = (0..20).map(|_| pbx.put(SUPPORT, support(json!([works("201")]))));
    let answers: Vec<Answer> = futures_util::future::join_all(puts).await;
    assert_eq!(answers.iter().filter(|a| a.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 19);
}

#[tokio::test]
async fn what_can_t_be_a_queue_is_refused() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let pbx = engine.api();
    for (body, field) in [
        (json!({"name": "Support", "agents": [], "colour": 1}), "colour"),
        (support(json!([{"extension": "201", "logged_in": true, "paused": false, "mood": 1}])), "mood"),
        (json!({"name": "Support"}), "agents"),
        (json!({"agents": []}), "name"),
        (support(json!([{"extension": "201", "logged_in": true}])), "paused"),
        (support(json!([works("201"), works("202"), works("201")])), "agents: 201"),
        (support(json!([works("abc")])), "extension"),
        (support(json!([paused("201", "")])), "pause_reason"),
        (support(json!([paused("201", &"x".repeat(81))])), "pause_reason"),
        (
            support(json!([{"extension": "201", "logged_in": true, "paused": false, "pause_reason": "Lunch"}])),
            "pause_reason",
        ),
    ] {
        let refused = pbx.put(SUPPORT, body).await;
        assert_eq!(refused.code(), "invalid_request", "{field}");
        assert!(refused.body["detail"].as_str().unwrap().contains(field), "{refused:?}");
    }
    for name in [" ", "a\nb", &"x".repeat(81)] {
        let refused = pbx.put(SUPPORT, json!({"name": name, "agents": []})).await;
        assert_eq!(refused.code(), "invalid_name", "{name}");
    }
    for key in ["%0A", "%20", &"k".repeat(81)] {
        let path = format!("{PBX}/{key}");
        assert_eq!(pbx.put(&path, support(json!([]))).await.code(), "invalid_request", "{key}");
        assert_eq!(pbx.delete(&path).await.code(), "invalid_request", "{key}");
    }
    assert_eq!(people["201"].put(SUPPORT, support(json!([]))).await.code(), "forbidden");
    assert_eq!(people["201"].delete(SUPPORT).await.code(), "forbidden");
    assert_eq!(people["201"].get(PBX).await.code(), "forbidden");
    assert_eq!(pbx.get(MINE).await.code(), "unauthenticated", "a key is nobody's extension");
    assert_eq!(keys(&pbx, PBX, 50).await, [""; 0]);
}

#[tokio::test]
async fn a_thousand_agents_fit_each_with_a_reason() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let pbx = engine.api();
    let agents =
        |count: usize| -> Value { (0..count).map(|n| paused(&(1_000 + n).to_string(), &"é".repeat(80))).collect() };
    assert_eq!(pbx.put(SUPPORT, support(agents(1_000))).await.status, 201);
    assert_eq!(pbx.put(SUPPORT, support(agents(1_001))).await.code(), "invalid_request");
    let sent = pbx.request(reqwest::Method::PUT, SUPPORT).header("content-type", "text/plain").body("x").send().await;
    assert_eq!(Answer::of(sent.unwrap()).await.code(), "unsupported_media_type");
    pbx.put("/v1/pbx/extensions/201", json!({"name": "Jake", "role": "supervisor"})).await.ok();
    let shown = people["201"].get(MINE).await.ok();
    assert_eq!(shown["items"][0]["agents"].as_array().unwrap().len(), 1_000);
}

#[tokio::test]
async fn agents_see_their_queues_and_supervisors_all_with_names_as_they_are_now() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202", "203", "204"]).await;
    let pbx = engine.api();
    for (number, role) in [("202", "supervisor"), ("203", "admin")] {
        pbx.put(&format!("/v1/pbx/extensions/{number}"), json!({"name": "Boss", "role": role})).await.ok();
    }
    pbx.put(SUPPORT, support(json!([works("201"), paused("999", "Lunch")]))).await.ok();
    // Nobody is an agent because their number is part of another's, or stands in somebody's reason.
    let trap = paused("2011", r#""extension":"201""#);
    pbx.put(&format!("{PBX}/trap"), json!({"name": "Trap", "agents": [trap, works("12010")]})).await.ok();

    let mine = people["201"].get(MINE).await.ok();
    let agents = json!([
        {"extension": "201", "name": "Name 201", "logged_in": true, "paused": false, "pause_reason": null},
        {"extension": "999", "name": "999", "logged_in": true, "paused": true, "pause_reason": "Lunch"}
    ]);
    let whole = json!({"key": "support", "name": "Support", "agents": agents, "takes_requests": false});
    assert_eq!(mine, json!({"items": [whole], "next": null}));
    assert_eq!(keys(&people["204"], MINE, 50).await, [""; 0], "an agent of none");
    for boss in ["202", "203"] {
        assert_eq!(keys(&people[boss], MINE, 50).await, ["support", "trap"], "{boss}");
    }

    let name = async || people["201"].get(MINE).await.ok()["items"][0]["agents"][1]["name"].clone();
    pbx.put("/v1/pbx/extensions/999", json!({"name": "Ann Lee"})).await.ok();
    assert_eq!(name().await, "Ann Lee");
    pbx.put("/v1/pbx/extensions/999", json!({"name": "Ann Lee", "enabled": false})).await.ok();
    assert_eq!(name().await, "Ann Lee", "who may not sign in takes calls all the same");
}

#[tokio::test]
async fn lists_are_complete_however_small_the_page() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201", "202"]).await;
    let pbx = engine.api();
    pbx.put("/v1/pbx/extensions/202", json!({"name": "Ann", "role": "supervisor"})).await.ok();
    let all: Vec<_> = (100..220).map(|n| format!("q{n}")).collect();
    for (n, key) in all.iter().enumerate() {
        let agents = if n % 3 == 0 { json!([works("201"), works("203")]) } else { json!([works("203")]) };
        pbx.put(&format!("{PBX}/{key}"), json!({"name": "A queue", "agents": agents})).await.ok();
    }
    let hers: Vec<_> = all.iter().step_by(3).cloned().collect();
    for limit in [7, 40, 120, 200] {
        assert_eq!(keys(&pbx, PBX, limit).await, all, "{limit}");
        assert_eq!(keys(&people["202"], MINE, limit).await, all, "{limit}");
        assert_eq!(keys(&people["201"], MINE, limit).await, hers, "{limit}");
    }
    let page = pbx.get(PBX).await.ok();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (50, &json!("q149")));
    for path in [PBX, MINE] {
        let api = if path == PBX { &pbx } else { &people["201"] };
        assert_eq!(api.get(&format!("{path}?limit=201")).await.code(), "invalid_request");
        assert_eq!(api.get(&format!("{path}?page=2")).await.code(), "invalid_request");
    }
}

#[tokio::test]
async fn another_company_s_queues_are_not_there() {
    let engine = TestEngine::start().await;
    let (_, key) = engine.tenant("other").await;
    let (ours, theirs) = (engine.api(), engine.api().with_token(&key));
    let others = theirs.people_of("other", &["201"]).await;
    theirs.put("/v1/pbx/extensions/201", json!({"name": "Eve", "role": "admin"})).await.ok();
    let mut eve = others["201"].connect().await;
    ours.put(SUPPORT, support(json!([works("201")]))).await.ok();
    eve.settled().await;
    assert!(eve.events.is_empty());
    assert_eq!(others["201"].get(MINE).await.ok()["items"], json!([]));
    assert_eq!(theirs.get(PBX).await.ok()["items"], json!([]));
    assert_eq!(theirs.delete(SUPPORT).await.code(), "not_found");

    // The same key is another queue there.
    assert_eq!(theirs.put(SUPPORT, json!({"name": "Theirs", "agents": []})).await.status, 201);
    eve.until_event("voice_queue.updated").await;
    assert_eq!(theirs.delete(SUPPORT).await.status, 204);
    let listed = ours.get(PBX).await.ok();
    assert_eq!(
        (&listed["items"][0]["name"], &listed["items"][0]["agents"][0]["extension"]),
        (&json!("Support"), &json!("201"))
    );
}
