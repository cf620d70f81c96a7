//! A text for several numbers, which Telnyx brings as one event: each is one of ours, or nobody's here.

use partyline::carriers::Knobs;
use serde_json::Value;

use super::Kind;
use crate::{
    client::Api,
    sms::{ANN, MAIN, SALES, carried, person, put_number},
};

const STRANGER: &str = "+14045550150";

async fn letters(pbx: &Api) -> Vec<Value> {
    pbx.get("/v1/pbx/dead-letters").await.ok()["items"].as_array().unwrap().clone()
}

#[tokio::test]
async fn a_text_that_is_somebodys_is_nobody_else_s_letter() {
    let engine = carried(Kind::Telnyx, Knobs::default()).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[MAIN]).await;
    let zoe = person(&pbx, "202", &[SALES]).await;
    engine.text_in(ANN, &format!("{MAIN},{SALES},{STRANGER}"), "To all of you").await;
    for who in [&jake, &zoe] {
        assert_eq!(who.threads().await[0]["last_message"]["text"], "To all of you");
    }
    assert!(letters(&pbx).await.is_empty(), "only who has one of its numbers may read it");
}

#[tokio::test]
async fn what_is_nobodys_is_a_letter_until_one_of_its_numbers_is_somebodys() {
    let engine = carried(Kind::Telnyx, Knobs::default()).await;
    let pbx = engine.api();
    engine.text_in(ANN, &format!("{STRANGER},+14045550151"), "Hello?").await;
    let letter = letters(&pbx).await.remove(0)["id"].as_str().unwrap().to_owned();
    let replay = format!("/v1/pbx/dead-letters/{letter}/replay");
    assert_eq!(pbx.post(&replay, Value::Null).await.code(), "invalid_request");
    put_number(&pbx, STRANGER, serde_json::json!({})).await;
    let jake = person(&pbx, "201", &[STRANGER]).await;
    assert_eq!(pbx.post(&replay, Value::Null).await.status, 204);
    assert_eq!(jake.threads().await[0]["last_message"]["text"], "Hello?");
    assert!(letters(&pbx).await.is_empty());
}
