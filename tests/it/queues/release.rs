//! Release: back to the queue, for whoever is there.

use futures_util::future::join_all;
use serde_json::json;

use super::{BOSS, Desk, EVE, JAKE, MIA, NOT_HIS, SUE, WYATT, id, person};
use crate::sms::ANN;

#[tokio::test]
async fn it_waits_again_since_the_text_that_nobody_answered() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let held = desk.claimed(ANN, JAKE).await;
    let (mut jake, mut wyatt) = (desk[JAKE].connect().await, desk[WYATT].connect().await);
    let row = desk[JAKE].release(&held).await;
    assert_eq!(row.status, 200);
    let queue = &row.body["queue"];
    assert_eq!((&queue["state"], &queue["claimed_by"]), (&json!("waiting"), &json!(null)));
    assert_eq!(row.body["participant_count"], 0, "the agent is no participant any more");
    let timeline = desk[WYATT].history(&held).await;
    assert_eq!(timeline[3]["text"], "Conversation released back to queue");
    assert_eq!(timeline[3]["event"], json!({"name": "released", "by": person(JAKE)}));
    assert_eq!(queue["waiting_since"], timeline[1]["created_at"]);
    let gone = jake.event("conversation.removed").await;
    assert_eq!((&gone["conversation"], &gone["reason"]), (&json!(held), &json!("released")));
    assert_eq!(id(&wyatt.event("queue.waiting").await["conversation"]), held);
    // Jake is available as well: it waits for him, too.
    assert!(
        jake.heard("queue.waiting").iter().any(|d| d["conversation"]["id"] == held.as_str()) || {
            jake.until_event("queue.waiting").await["data"]["conversation"]["id"] == held.as_str()
        }
    );
    assert_eq!(desk[JAKE].threads().await, Vec::<serde_json::Value>::new());
    let refused = desk[JAKE].send(&held, uuid::Uuid::now_v7(), "Hi").await;
    assert!(["not_claimed", "not_found"].contains(&refused.code()), "it is his no more: {refused:?}");
}

#[tokio::test]
async fn what_was_answered_waits_since_its_release() {
    let desk = Desk::open(&[JAKE]).await;
    let held = desk.claimed(ANN, JAKE).await;
    desk[JAKE].say(&held, "Hi Ann").await;
    desk[JAKE].release(&held).await.ok();
    let last = desk[JAKE].history(&held).await.pop().unwrap();
    assert_eq!(last["event"]["name"], "released");
    assert_eq!(desk[JAKE].row(&held).await["queue"]["waiting_since"], last["created_at"]);
}

#[tokio::test]
async fn it_is_for_the_claimer_and_for_supervisors() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let held = desk.claimed(ANN, JAKE).await;
    for who in [MIA, EVE] {
        assert_eq!(desk[who].release(&held).await.code(), "not_found", "{who}");
    }
    assert!(NOT_HIS.contains(&desk[WYATT].release(&held).await.code()));
    for who in [SUE, BOSS] {
        let mut session = desk[JAKE].connect().await;
        desk[who].release(&held).await.ok();
        assert_eq!(session.event("conversation.removed").await["reason"], "released");
        let last = desk[SUE].history(&held).await.pop().unwrap();
        assert_eq!(
            (&last["text"], &last["event"]["by"]),
            (&json!("Conversation released back to queue"), &person(who))
        );
        assert_eq!(desk[who].release(&held).await.code(), "not_claimed", "nobody holds it");
        desk[JAKE].claim(&held).await.ok();
    }
    desk[JAKE].close(&held).await.ok();
    for who in [JAKE, SUE] {
        assert_eq!(desk[who].release(&held).await.code(), "conversation_closed", "{who}");
    }
}

#[tokio::test]
async fn ten_clicks_release_once() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let held = desk.claimed(ANN, JAKE).await;
    let clicks = join_all((0..10).map(|_| desk[JAKE].release(&held))).await;
    assert!(clicks.iter().any(|a| a.status == 200), "{clicks:?}");
    assert!(clicks.iter().all(|a| a.status == 200 || a.code() == "not_claimed"), "{clicks:?}");
    assert_eq!(desk.words(&held).await.len(), 4, "one release");
    let mut jake = desk[JAKE].connect().await;
    desk[JAKE].claim(&held).await.ok();
    assert_eq!(jake.act("release", &held).await["type"], "ok");
    assert_eq!(jake.act("release", &held).await["code"], "not_claimed");
    assert_eq!(desk.words(&held).await.len(), 6);
}
