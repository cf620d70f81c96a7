//! What the PBX puts, and what is refused of it.

use serde_json::{Value, json};

use super::{HOOK, Receiver, engine, hook, quick};
use crate::engine::TestEngine;

const LIST: &str = "/v1/pbx/webhooks";
const URL: &str = "https://pbx.example.com/hook";

fn wants(events: &[&str]) -> Value {
    json!({"url": URL, "events": events})
}

#[tokio::test]
async fn a_secret_is_made_up_and_shown_once_and_the_same_again_changes_nothing() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    let made = pbx.put(HOOK, wants(&["message.created", "conversation.updated"])).await;
    assert_eq!(made.status, 201);
    let secret = made.body["secret"].as_str().unwrap();
    assert!(secret.starts_with("whsec_") && secret.len() == 50, "{secret}");
    assert_eq!((&made.body["state"], &made.body["last_error"]), (&json!("active"), &Value::Null));
    for again in [["message.created", "conversation.updated"], ["conversation.updated", "message.created"]] {
        let again = pbx.put(HOOK, wants(&again)).await;
        assert_eq!(again.status, 200);
        let mut shown = made.body.clone();
        shown.as_object_mut().unwrap().remove("secret");
        assert_eq!(again.body, shown, "in any order, and without the secret");
        assert_eq!(pbx.get(LIST).await.ok(), json!({"items": [shown], "next": null}));
    }
    let given = format!("whsec_{}", "A".repeat(32));
    let body = json!({"url": URL, "events": ["*"], "secret": given});
    for status in [200, 200] {
        let put = pbx.put(HOOK, body.clone()).await;
        assert_eq!(
            (put.status.as_u16(), &put.body["events"], &put.body["secret"]),
            (status, &json!(["*"]), &Value::Null)
        );
    }
    assert_eq!(pbx.delete(HOOK).await.status, 204);
    assert_eq!(pbx.delete(HOOK).await.code(), "not_found");
    assert_eq!(pbx.get(LIST).await.ok()["items"], json!([]));
    assert_eq!(pbx.put(HOOK, body).await.body["secret"], Value::Null, "who gives one knows it");
}

#[tokio::test]
async fn what_can_t_be_a_webhook_is_refused_by_name() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    let long = format!("https://pbx.example.com/{}", "x".repeat(2_000));
    for (body, named) in [
        (json!({"url": URL, "events": ["*"], "colour": 1}), "colour"),
        (json!({"events": ["*"]}), "url"),
        (json!({"url": URL}), "events"),
        (json!({"url": long, "events": ["*"]}), "url"),
        (json!({"url": "pbx.example.com", "events": ["*"]}), "url"),
        (json!({"url": "http://pbx.example.com", "events": ["*"]}), "https"),
        (wants(&[]), "events"),
        (wants(&["message.created", "message.eaten"]), "message.eaten"),
        (wants(&["queue.waiting"]), "queue.waiting"),
        (wants(&["*", "message.created"]), "*"),
        (wants(&vec!["message.created"; 51]), "events"),
        (json!({"url": URL, "events": ["*"], "secret": "hunter2"}), "secret"),
        (json!({"url": URL, "events": ["*"], "secret": "whsec_c2hvcnQ="}), "secret"),
    ] {
        let refused = pbx.put(HOOK, body).await;
        assert_eq!(refused.code(), "invalid_request", "{named}");
        assert!(refused.body["detail"].as_str().unwrap().contains(named), "{named}: {refused:?}");
    }
    for key in ["%20", &"k".repeat(81)] {
        assert_eq!(pbx.put(&format!("{LIST}/{key}"), wants(&["*"])).await.code(), "invalid_request", "{key}");
    }
    assert_eq!(pbx.get(LIST).await.ok()["items"], json!([]));
    assert_eq!(pbx.get(&format!("{HOOK}/deliveries")).await.code(), "not_found");
}

#[tokio::test]
async fn a_company_has_twenty_and_sees_its_own_alone() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let (_, key) = engine.tenant("other").await;
    let (ours, theirs) = (engine.api(), engine.api().with_token(&key));
    for n in 10..30 {
        assert_eq!(ours.put(&format!("{LIST}/{n}"), wants(&["*"])).await.status, 201);
    }
    let refused = ours.put(&format!("{LIST}/30"), wants(&["*"])).await;
    assert!(refused.code() == "invalid_request" && refused.body["detail"].as_str().unwrap().contains("20"));
    assert_eq!(ours.put(&format!("{LIST}/10"), wants(&["message.created"])).await.status, 200, "no new one");
    let page = ours.get(&format!("{LIST}?limit=15")).await.ok();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["next"]), (15, &json!("24")));
    assert_eq!(ours.get(&format!("{LIST}?after=24")).await.ok()["items"].as_array().unwrap().len(), 5);

    assert_eq!(theirs.get(LIST).await.ok()["items"], json!([]));
    for path in [format!("{LIST}/10/deliveries"), format!("{HOOK}/deliveries")] {
        assert_eq!(theirs.get(&path).await.code(), "not_found");
    }
    assert_eq!(theirs.delete(&format!("{LIST}/10")).await.code(), "not_found");
    assert_eq!(theirs.put(&format!("{LIST}/10"), wants(&["*"])).await.status, 201, "the same key is another there");
    for refused in [
        people["201"].get(LIST).await,
        people["201"].put(HOOK, wants(&["*"])).await,
        people["201"].delete(&format!("{LIST}/10")).await,
        people["201"].get(&format!("{LIST}/10/deliveries")).await,
    ] {
        assert_eq!(refused.code(), "forbidden");
    }
}

#[tokio::test]
async fn another_company_s_events_and_deliveries_are_not_there() {
    let engine = engine(quick()).await;
    let (_, key) = engine.tenant("other").await;
    let (ours, theirs) = (engine.api(), engine.api().with_token(&key));
    let receiver = Receiver::start().await;
    hook(&ours, &receiver, &["*"]).await;
    theirs.put("/v1/pbx/extensions/666", json!({"name": "Eve"})).await.ok();
    ours.put("/v1/pbx/extensions/201", json!({"name": "Jake"})).await.ok();
    let got = receiver.until_taken(1).await;
    assert_eq!(got[0].data()["extension"], "201");
    let other = Receiver::start().await;
    hook(&theirs, &other, &["*"]).await;
    assert_eq!(theirs.replay(got[0].id()).await.code(), "not_found");
    theirs.put("/v1/pbx/extensions/666", json!({"name": "Eva"})).await.ok();
    assert_eq!(other.until_taken(1).await[0].data()["extension"], "666");
    assert!(receiver.got().iter().all(|got| got.data()["extension"] == "201"));
}
