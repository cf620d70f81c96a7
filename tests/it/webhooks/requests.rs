//! What agents ask of the PBX: `voice_agent.requested`.

use serde_json::{Value, json};

use super::{Got, HOOK, Receiver, Reply, engine, hook, quick};
use crate::client::Api;

const SUPPORT: &str = "/v1/pbx/voice-queues/support";
const MINE: &str = "/v1/voice-queues/support/agent";

async fn report(pbx: &Api, agents: &[&str]) {
    let agents: Vec<_> =
        agents.iter().map(|number| json!({"extension": number, "logged_in": true, "paused": false})).collect();
    pbx.put(SUPPORT, json!({"name": "Support", "agents": agents})).await.ok();
}

async fn takes_requests(person: &Api) -> Value {
    person.get("/v1/voice-queues").await.ok()["items"][0]["takes_requests"].clone()
}

#[tokio::test]
async fn an_agent_s_wish_is_asked_of_the_pbx_and_no_session_is_told() {
    let engine = engine(quick()).await;
    let people = engine.people(&["201", "202"]).await;
    let pbx = engine.api();
    report(&pbx, &["201"]).await;
    let mut jake = people["201"].connect().await;
    let lunch = json!({"logged_in": true, "paused": true, "pause_reason": "Lunch"});
    assert_eq!(takes_requests(&people["201"]).await, false);
    assert_eq!(people["201"].put(MINE, lunch.clone()).await.code(), "forbidden");

    let receiver = Receiver::start().await;
    hook(&pbx, &receiver, &["voice_agent.requested"]).await;
    assert_eq!(takes_requests(&people["201"]).await, true);
    let asked = people["201"].put(MINE, lunch).await;
    assert_eq!((asked.status.as_u16(), asked.body), (202, json!({})));
    let got = receiver.until_taken(1).await;
    assert_eq!(
        (got[0].kind().as_str(), got[0].data()),
        (
            "voice_agent.requested",
            json!({"queue": "support", "extension": "201", "logged_in": true, "paused": true, "pause_reason": "Lunch"})
        )
    );
    // It is what the PBX reports that is shown.
    let shown = people["201"].get("/v1/voice-queues").await.ok();
    assert_eq!(shown["items"][0]["agents"][0]["paused"], false);
    jake.settled().await;
    assert_eq!(jake.names(), [""; 0]);

    let back = json!({"logged_in": false, "paused": false});
    assert_eq!(people["202"].put(MINE, back.clone()).await.code(), "not_found", "no agent of it");
    assert_eq!(people["201"].put("/v1/voice-queues/sales/agent", back.clone()).await.code(), "not_found");
    let idle = json!({"logged_in": true, "paused": false, "pause_reason": "Lunch"});
    assert_eq!(people["201"].put(MINE, idle).await.code(), "invalid_request");
    assert_eq!(people["201"].put(MINE, json!({"logged_in": true})).await.code(), "invalid_request");
    assert_eq!(pbx.put(MINE, back).await.code(), "unauthenticated");
}

#[tokio::test]
async fn wishes_that_pass_meanwhile_are_merged_to_the_newest() {
    let engine = engine(quick()).await;
    let people = engine.people(&["201", "202"]).await;
    let pbx = engine.api();
    report(&pbx, &["201", "202"]).await;
    let receiver = Receiver::answering(|_, _| Reply::Status(500, None)).await;
    hook(&pbx, &receiver, &["*"]).await;
    pbx.put("/v1/pbx/extensions/203", json!({"name": "Wyatt"})).await.ok();
    receiver.until(|got| !got.is_empty()).await;
    for paused in [true, false, true] {
        people["201"].put(MINE, json!({"logged_in": true, "paused": paused})).await.ok();
    }
    people["202"].put(MINE, json!({"logged_in": false, "paused": false})).await.ok();
    receiver.answers(|_, _| Reply::Status(200, None));
    let got = receiver.until_taken(3).await;
    let wishes: Vec<_> = got.iter().filter(|g| g.kind() == "voice_agent.requested").map(Got::data).collect();
    assert_eq!(wishes.len(), 2, "{wishes:?}");
    assert_eq!((&wishes[0]["extension"], &wishes[0]["paused"]), (&json!("201"), &json!(true)));
    assert_eq!((&wishes[1]["extension"], &wishes[1]["logged_in"]), (&json!("202"), &json!(false)));
}

#[tokio::test]
async fn a_webhook_that_is_disabled_or_asks_for_other_events_takes_no_requests() {
    let engine = engine(quick()).await;
    let people = engine.people(&["201"]).await;
    let pbx = engine.api();
    report(&pbx, &["201"]).await;
    let receiver = Receiver::answering(|_, _| Reply::Status(410, None)).await;
    hook(&pbx, &receiver, &["message.created"]).await;
    assert_eq!(takes_requests(&people["201"]).await, false);
    pbx.put(HOOK, json!({"url": receiver.url, "events": ["*"]})).await.ok();
    assert_eq!(takes_requests(&people["201"]).await, true);
    people["201"].put(MINE, json!({"logged_in": true, "paused": false})).await.ok();
    pbx.until_state("disabled").await;
    assert_eq!(takes_requests(&people["201"]).await, false);
    assert_eq!(people["201"].put(MINE, json!({"logged_in": true, "paused": false})).await.code(), "forbidden");
}
