//! Telnyx knows attempts by their names, and is asked again about an answer that was lost.

use partyline::carriers::Knobs;
use serde_json::json;
use uuid::Uuid;

use super::{Kind, Refusal, Whims};
use crate::{
    client::Api,
    sms::{ANN, BOB, Carried, MAIN, carried, eventually, person},
};

async fn engine() -> (Carried, Api) {
    let engine = carried(Kind::Telnyx, Knobs::default()).await;
    let jake = person(&engine.api(), "201", &[MAIN]).await;
    (engine, jake)
}

/// A text whose answer is lost before Telnyx has it; from then on Telnyx is asked for it, and has trouble.
async fn lost_before_it_was_there(engine: &Carried, jake: &Api) -> String {
    engine.network.exchange().takes_a_whim(Whims { hangs_up: true, ..Whims::default() });
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Hello").await;
    let exchange = engine.network.exchange();
    eventually(async || if exchange.has_hung_up() { Ok(()) } else { Err(String::new()) }).await;
    engine.network.exchange().takes_a_whim(Whims { refuses: Some(Refusal::Trouble), ..Whims::default() });
    thread
}

#[tokio::test]
async fn an_answer_that_was_lost_is_asked_for_until_it_is_there_and_the_text_is_one() {
    let (engine, jake) = engine().await;
    let thread = lost_before_it_was_there(&engine, &jake).await;
    engine.network.exchange().takes_a_whim(Whims::default());
    jake.delivery_until(&thread, 1, "delivered").await;
    assert_eq!(engine.phone(ANN).await, ["Hello"]);
}

#[tokio::test]
async fn who_said_stop_meanwhile_gets_nothing() {
    let (engine, jake) = engine().await;
    let thread = lost_before_it_was_there(&engine, &jake).await;
    let stop = json!({"reason": "Asked on the phone"});
    engine.api().put(&format!("/v1/pbx/consents/all/{}", ANN.replace('+', "%2B")), stop).await.ok();
    engine.network.exchange().takes_a_whim(Whims::default());
    jake.delivery_until(&thread, 1, "unconfirmed").await;
    assert!(engine.phone(ANN).await.is_empty());
}

#[tokio::test]
async fn once_its_news_is_there_nobody_asks_and_the_next_text_goes_out() {
    let (engine, jake) = engine().await;
    let only_again = Whims { refuses: Some(Refusal::Trouble), only_again: true, ..Whims::default() };
    engine.network.exchange().takes_a_whim(only_again);
    engine.network.turns(Knobs { lose_answer_every: 1, ..Knobs::default() }).await;
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Hello").await;
    jake.delivery_until(&thread, 1, "delivered").await;
    jake.say(&thread, "Are you there?").await;
    jake.delivery_until(&thread, 2, "delivered").await;
    assert_eq!(engine.phone(ANN).await, ["Hello", "Are you there?"]);
}

#[tokio::test]
async fn what_can_not_be_asked_for_any_more_is_unconfirmed_and_holds_nobody_up() {
    let (engine, jake) = engine().await;
    engine.network.turns(Knobs { lose_answer_every: 1, silent: true, ..Knobs::default() }).await;
    // As after a start with another public_url.
    let another = Whims { refuses: Some(Refusal::Another), only_again: true, ..Whims::default() };
    engine.network.exchange().takes_a_whim(another);
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Hello").await;
    jake.delivery_until(&thread, 1, "unconfirmed").await;
    engine.network.turns(Knobs::default()).await;
    jake.say(&thread, "Are you there?").await;
    jake.delivery_until(&thread, 2, "delivered").await;
}

#[tokio::test]
async fn what_is_being_done_is_asked_for_until_it_is_done() {
    let (engine, jake) = engine().await;
    engine.network.turns(Knobs { lose_answer_every: 1, silent: true, ..Knobs::default() }).await;
    let in_progress = Whims { refuses: Some(Refusal::InProgress), only_again: true, ..Whims::default() };
    engine.network.exchange().takes_a_whim(in_progress);
    let thread = jake.thread(ANN).await;
    jake.say(&thread, "Hello").await;
    eventually(async || if engine.phone(ANN).await.is_empty() { Err(String::new()) } else { Ok(()) }).await;
    // Somebody else's texts go out meanwhile.
    engine.network.turns(Knobs::default()).await;
    let bob = jake.thread(BOB).await;
    jake.send(&bob, Uuid::now_v7(), "Hello Bob").await.ok();
    jake.delivery_until(&bob, 1, "delivered").await;
    assert_eq!(jake.deliveries(&thread, 1).await[0]["status"], "sending");
    engine.network.exchange().takes_a_whim(Whims::default());
    jake.delivery_until(&thread, 1, "sent").await;
    assert_eq!(engine.phone(ANN).await, ["Hello"]);
}
