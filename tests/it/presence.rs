//! Who is there, and who is typing.

use std::time::Duration;

use partyline::app::Options;
use serde_json::json;

use crate::engine::{TestEngine, manual_clock};

#[tokio::test]
async fn presence_is_over_all_devices_and_a_reload_does_not_flicker() {
    let clock = manual_clock();
    let engine = TestEngine::with(Options { clock: clock.clone(), ..Options::default() }).await;
    let people = engine.people(&["201", "202"]).await;
    let mut ann = people["202"].connect().await;
    ann.say(json!({"type": "watch", "extensions": ["201", "202", "999"]})).await;
    assert_eq!(ann.until("presence").await["states"], json!({"201": "offline", "202": "online"}));

    let (mut desk, phone) = (people["201"].connect().await, people["201"].connect().await);
    ann.until_matching(|f| f["states"]["201"] == "online").await;
    desk.say(json!({"type": "active", "active": false})).await;
    desk.settled().await;
    drop(phone);
    // The desk is idle and the phone gone: away, five minutes after.
    tokio::time::sleep(Duration::from_millis(300)).await;
    clock.advance(Duration::from_secs(300));
    assert_eq!(ann.until("presence").await["states"], json!({"201": "away"}));
    desk.say(json!({"type": "active", "active": true})).await;
    assert_eq!(ann.until("presence").await["states"], json!({"201": "online"}));

    // A reload within ten seconds is not seen; a real end is.
    drop(desk);
    tokio::time::sleep(Duration::from_millis(300)).await;
    clock.advance(Duration::from_secs(9));
    let back = people["201"].connect().await;
    let states = people["202"].get("/v1/extensions?q=201").await.ok();
    assert_eq!(states["items"][0]["presence"], "online");
    drop(back);
    // However long the server takes to see that the connection is gone: from then on it is ten seconds.
    let time_goes_by = async {
        loop {
            tokio::time::sleep(Duration::from_millis(100)).await;
            clock.advance(Duration::from_secs(11));
        }
    };
    let told = tokio::select! {
        told = ann.until("presence") => told,
        () = time_goes_by => unreachable!(),
    };
    assert_eq!(told["states"], json!({"201": "offline"}), "nothing in between");
}

#[tokio::test]
async fn typing_is_told_to_the_others_every_three_seconds_at_most() {
    let clock = manual_clock();
    let engine = TestEngine::with(Options { clock: clock.clone(), ..Options::default() }).await;
    let people = engine.people(&["201", "202"]).await;
    let chat = people["201"].chat("202").await;
    let (mut jake, mut phone) = (people["201"].connect().await, people["201"].connect().await);
    let mut ann = people["202"].connect().await;
    let typing = json!({"type": "typing", "conversation": chat});
    for _ in 0..5 {
        jake.say(typing.clone()).await;
    }
    assert_eq!(ann.until("typing").await, json!({"type": "typing", "conversation": chat, "extension": "201"}));
    clock.advance(Duration::from_secs(3));
    jake.say(typing.clone()).await;
    ann.until("typing").await;
    // The message ends it, and the next word begins anew.
    people["201"].say(&chat, "done").await;
    ann.until_event("message.created").await;
    jake.say(typing).await;
    ann.until("typing").await;
    let more = ann.settled().await;
    assert!(more.iter().all(|f| f["type"] != "typing"), "{more:?}");
    let own = phone.settled().await;
    assert!(own.iter().all(|f| f["type"] != "typing"), "not to the one who types: {own:?}");
}
