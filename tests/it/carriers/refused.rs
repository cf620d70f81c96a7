//! What carriers that speak HTTP refuse: because of us, and because of what people said to them.

use std::time::Duration;

use partyline::{app::Options, carriers::Knobs};
use serde_json::{Value, json};
use uuid::Uuid;

use super::{Kind, NAME, Refusal, Stage, Whims, over_carriers};
use crate::{
    client::Api,
    engine::manual_clock,
    sms::{ANN, AT_ONCE, BOB, MAIN, carried, carried_with, eventually, person},
};

// The others refuse by the link, or not at all.
over_carriers!(Twilio, Telnyx:
    a_carrier_that_does_not_know_us_is_parked_and_texts_wait,
    what_the_carrier_says_of_stop_is_recorded_and_start_counts_for_more,
    what_is_not_signed_rightly_is_refused,
);

async fn parked(pbx: &Api, parked: bool) {
    eventually(async || {
        let listed = pbx.get("/v1/pbx/carriers").await.ok();
        if listed["items"][0]["parked"] == parked { Ok(()) } else { Err(listed.to_string()) }
    })
    .await;
}

async fn a_carrier_that_does_not_know_us_is_parked_and_texts_wait(kind: Kind) {
    let clock = manual_clock();
    let options = Options { clock: clock.clone(), ..Options::default() };
    let engine = carried_with(kind, Knobs::default(), AT_ONCE, options).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    engine.network.exchange().takes_a_whim(Whims { refuses: Some(Refusal::Credentials), ..Whims::default() });
    let (ann, bob) = (jake.thread(ANN).await, jake.thread(BOB).await);
    jake.say(&ann, "Hello").await;
    parked(&engine.api(), true).await;
    jake.say(&bob, "Hello Bob").await;
    jake.delivery_until(&ann, 1, "queued").await;
    jake.delivery_until(&bob, 1, "queued").await;
    engine.network.exchange().takes_a_whim(Whims::default());
    // It is asked once a minute by one of them; then all the others go.
    eventually(async || {
        clock.advance(Duration::from_secs(15));
        tokio::time::sleep(Duration::from_millis(50)).await;
        let arrived = (engine.phone(ANN).await, engine.phone(BOB).await);
        let is_whole = arrived.0 == ["Hello"] && arrived.1 == ["Hello Bob"];
        if is_whole { Ok(()) } else { Err(format!("{arrived:?}")) }
    })
    .await;
    parked(&engine.api(), false).await;
}

async fn records(pbx: &Api) -> Vec<Value> {
    pbx.get("/v1/pbx/consents").await.ok()["items"].as_array().unwrap().clone()
}

async fn what_the_carrier_says_of_stop_is_recorded_and_start_counts_for_more(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let pbx = engine.api();
    let jake = person(&pbx, "201", &[MAIN]).await;
    // In its answer ...
    let bob = jake.thread(BOB).await;
    engine.network.exchange().takes_a_whim(Whims { refuses: Some(Refusal::Stopped), ..Whims::default() });
    jake.say(&bob, "Hello Bob").await;
    jake.delivery_until(&bob, 1, "failed").await;
    let recorded = records(&pbx).await;
    assert_eq!((&recorded[0]["number"], &recorded[0]["source"]), (&json!(BOB), &json!("carrier")), "{recorded:?}");
    assert_eq!(jake.send(&bob, Uuid::now_v7(), "Hi?").await.code(), "opted_out");
    // ... or afterwards, twice.
    let ann = jake.thread(ANN).await;
    engine.network.exchange().takes_a_whim(Whims { stopped: true, ..Whims::default() });
    jake.say(&ann, "Hello").await;
    eventually(async || if records(&pbx).await.len() == 2 { Ok(()) } else { Err(String::new()) }).await;
    assert_eq!(jake.send(&ann, Uuid::now_v7(), "Hi?").await.code(), "opted_out");
    engine.text_in(ANN, MAIN, "START").await;
    assert_eq!(records(&pbx).await.len(), 1);
    if kind == Kind::Telnyx {
        engine.network.exchange().brings_again(Stage::Stopped).await;
        assert_eq!(records(&pbx).await.len(), 1, "they have said START since");
    }
    engine.network.exchange().takes_a_whim(Whims::default());
    jake.send(&ann, Uuid::now_v7(), "Welcome back").await.ok();
}

async fn what_is_not_signed_rightly_is_refused(kind: Kind) {
    let engine = carried(kind, Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    let (body, headers) = match kind {
        Kind::Telnyx => ("{}", ("telnyx-signature-ed25519", "AAAA")),
        _ => ("Body=Hello", ("x-twilio-signature", "AAAA")),
    };
    for (way, header) in [("inbound", None), ("inbound", Some(headers)), ("status", Some(headers))] {
        let path = format!("/v1/carriers/{NAME}/{way}");
        let request = engine.api().request(reqwest::Method::POST, &path).body(body);
        let request = header.into_iter().fold(request, |request, (name, value)| request.header(name, value));
        assert_eq!(request.send().await.unwrap().status(), 403, "{way} {header:?}");
    }
    assert!(jake.threads().await.is_empty());
    assert!(engine.api().get("/v1/pbx/dead-letters").await.ok()["items"].as_array().unwrap().is_empty());
}
