//! Phone numbers that the PBX provisions, and who may send from them.

use serde_json::{Value, json};

use crate::{client::Answer, engine::TestEngine};

const MAIN: &str = "/v1/pbx/numbers/+14045550100";

fn number() -> Value {
    json!({"label": "Main line", "sms_enabled": true, "carrier": "sim", "extension": "201"})
}

#[tokio::test]
async fn a_number_is_put_as_a_whole_and_again_changes_nothing() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let pbx = engine.api();
    let mut jake = people["201"].connect().await;
    let made = pbx.put(MAIN, number()).await;
    assert_eq!(made.status, 201);
    let whole = json!({"number": "+14045550100", "label": "Main line", "sms_enabled": true, "carrier": "sim",
                       "queue": null, "extension": "201"});
    assert_eq!(made.body, whole);
    assert_eq!(jake.until_event("number.updated").await["data"], json!({"number": "+14045550100"}));
    assert_eq!(pbx.put(MAIN, number()).await.status, 200);
    jake.settled().await;
    assert_eq!(jake.names(), ["number.updated"], "the same again is nothing to hear of");
    pbx.put(MAIN, json!({"sms_enabled": false, "carrier": "sim"})).await.ok();
    let listed = pbx.get("/v1/pbx/numbers").await.ok();
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!((&listed["items"][0]["label"], &listed["items"][0]["extension"]), (&Value::Null, &Value::Null));

    assert_eq!(pbx.delete(MAIN).await.status, 204);
    assert_eq!(pbx.delete(MAIN).await.code(), "not_found");
    assert_eq!(pbx.get("/v1/pbx/numbers").await.ok()["items"], json!([]));
    // Who was away hears of it, too.
    let back = people["201"].connect_at(Some(jake.cursor), Some(&jake.epoch)).await;
    assert_eq!(back.names(), ["number.updated"]);
    assert_eq!(pbx.put(MAIN, number()).await.status, 201, "given up, it can be taken again");
}

#[tokio::test]
async fn what_can_t_be_a_number_of_ours_is_refused() {
    let engine = TestEngine::start().await;
    let pbx = engine.api();
    for bad in ["4045550100", "+911", "911", "+1404", "main"] {
        assert_eq!(pbx.put(&format!("/v1/pbx/numbers/{bad}"), number()).await.code(), "invalid_number", "{bad}");
    }
    let refused = async |body: Value| pbx.put(MAIN, body).await;
    assert_eq!(refused(json!({"carrier": "sim"})).await.code(), "invalid_request", "sms_enabled is missing");
    let colour = refused(json!({"sms_enabled": true, "carrier": "sim", "colour": 1})).await;
    assert!(colour.body["detail"].as_str().unwrap().contains("colour"), "{colour:?}");
    assert_eq!(refused(json!({"sms_enabled": true, "carrier": "", "label": "x"})).await.code(), "invalid_request");
    let people = engine.people(&["201"]).await;
    assert_eq!(people["201"].put(MAIN, number()).await.code(), "forbidden");
    assert_eq!(pbx.get("/v1/pbx/numbers").await.ok()["items"], json!([]));
}

#[tokio::test]
async fn a_number_is_one_company_s() {
    let engine = TestEngine::start().await;
    let (_, key) = engine.tenant("other").await;
    let (ours, theirs) = (engine.api(), engine.api().with_token(&key));
    assert_eq!(ours.put(MAIN, number()).await.status, 201);
    assert_eq!(theirs.put(MAIN, number()).await.code(), "number_taken");
    assert_eq!(theirs.delete(MAIN).await.code(), "not_found");
    assert_eq!(theirs.get("/v1/pbx/numbers").await.ok()["items"], json!([]));
    ours.delete(MAIN).await;
    assert_eq!(theirs.put(MAIN, number()).await.status, 201);
    // Many at once, from both: it is made once.
    let fresh = "/v1/pbx/numbers/+14045550101";
    let puts = (0..20).map(|n| if n % 2 == 0 { &ours } else { &theirs }.put(fresh, number()));
    let answers: Vec<Answer> = futures_util::future::join_all(puts).await;
    assert_eq!(answers.iter().filter(|a| a.status == 201).count(), 1);
    assert_eq!(answers.iter().filter(|a| a.status == 200).count(), 9, "the same again");
    assert!(answers.iter().filter(|a| !a.status.is_success()).all(|a| a.code() == "number_taken"));
}

#[tokio::test]
async fn caller_ids_may_come_before_their_numbers_and_count_when_those_come() {
    let engine = TestEngine::start().await;
    let people = engine.people(&["201"]).await;
    let pbx = engine.api();
    let caller_ids = async || people["201"].get("/v1/me").await.ok()["caller_ids"].clone();
    let put =
        async |numbers: Value| pbx.put("/v1/pbx/extensions/201", json!({"name": "Jake", "caller_ids": numbers})).await;
    let both = json!(["+14045550101", "+14045550100"]);
    assert_eq!(put(both.clone()).await.ok()["caller_ids"], both);
    assert_eq!(caller_ids().await, json!([]), "they are nobody's yet");
    pbx.put(MAIN, number()).await.ok();
    let main = json!({"number": "+14045550100", "label": "Main line", "sms_enabled": true, "can_send": true});
    assert_eq!(caller_ids().await, json!([main]));
    pbx.put("/v1/pbx/numbers/+14045550101", json!({"sms_enabled": false, "carrier": "sim"})).await.ok();
    let second = json!({"number": "+14045550101", "label": null, "sms_enabled": false, "can_send": false});
    assert_eq!(caller_ids().await, json!([second, main]), "in the order of the assignment");
    let listed = pbx.get("/v1/pbx/extensions").await.ok();
    assert_eq!(listed["items"][0]["caller_ids"], both);
    let welcome = people["201"].connect().await.beginning[0].clone();
    assert_eq!(welcome["me"]["caller_ids"], json!([second, main]));

    let version =
        engine.engine.storage.current_version(engine.engine.storage.tenant("default").await.unwrap().unwrap());
    let before = version.await.unwrap();
    put(both).await.ok();
    pbx.put("/v1/pbx/extensions/201", json!({"name": "Jake"})).await.ok();
    assert_eq!(caller_ids().await, json!([]), "absent is none");
    let tenant = engine.engine.storage.tenant("default").await.unwrap().unwrap();
    assert_eq!(engine.engine.storage.current_version(tenant).await.unwrap(), before + 1, "the same again is no change");
    assert_eq!(put(json!(["404"])).await.code(), "invalid_number");
}
