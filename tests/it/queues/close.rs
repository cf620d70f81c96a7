//! Close: it is over, and the customer's next text begins anew.

use futures_util::future::join_all;
use serde_json::json;

use super::{BOSS, Desk, EVE, JAKE, MIA, NOT_HIS, SUE, WYATT, ids, person};
use crate::sms::{ANN, BOB};

#[tokio::test]
async fn who_closed_it_finds_it_among_the_closed_ones() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let held = desk.claimed(ANN, JAKE).await;
    let (mut jake, mut wyatt) = (desk[JAKE].connect().await, desk[WYATT].connect().await);
    let row = desk[JAKE].close(&held).await.ok();
    assert_eq!((&row["queue"]["state"], &row["queue"]["closed_by"]), (&json!("closed"), &person(JAKE)));
    assert_eq!((&row["queue"]["deadline"], &row["queue"]["missed"]), (&json!(null), &json!(false)));
    let last = desk[JAKE].history(&held).await.pop().unwrap();
    assert_eq!(last["text"], "Conversation closed by Name 201 (201)");
    assert_eq!(last["event"], json!({"name": "closed", "by": person(JAKE)}));
    let told = jake.until_matching(|f| f["data"]["queue"]["state"] == "closed").await;
    assert_eq!((&told["name"], &told["data"]["id"]), (&json!("conversation.updated"), &json!(held)));
    assert_eq!(desk[JAKE].filtered("closed").await, std::slice::from_ref(&held));
    for filter in ["all", "unread", "needs_reply", "missed"] {
        assert_eq!(desk[JAKE].filtered(filter).await, Vec::<String>::new(), "{filter}");
    }
    assert_eq!(desk[WYATT].filtered("closed").await, Vec::<String>::new());
    assert!(desk[JAKE].reads(&held).await && desk[SUE].reads(&held).await && !desk[WYATT].reads(&held).await);
    assert_eq!(ids(&desk[SUE].in_queue(&desk.support, "closed").await), std::slice::from_ref(&held));
    assert_eq!(desk[JAKE].queue(&desk.support).await["claimed_by_me"], 0);
    wyatt.settled().await;
    assert!(wyatt.events.iter().all(|e| e["name"] == "agent.updated"), "{:?}", wyatt.events);

    let next = desk.text(ANN, "One more thing").await;
    assert_ne!(next, held);
    wyatt.until_event("queue.waiting").await;
    assert_eq!(desk[JAKE].filtered("closed").await, [held]);
}

#[tokio::test]
async fn a_supervisor_closes_what_waits_and_what_is_held() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let mut jake = desk[JAKE].connect().await;
    for (who, customer) in [(SUE, ANN), (BOSS, BOB)] {
        let waiting = desk.text(customer, "Hello?").await;
        assert_eq!(desk[JAKE].close(&waiting).await.code(), "not_claimed", "an agent closes what they hold");
        for stranger in [EVE, MIA] {
            assert_eq!(desk[stranger].close(&waiting).await.code(), "not_found");
        }
        desk[who].close(&waiting).await.ok();
        let taken =
            jake.until_matching(|f| f["name"] == "queue.taken" && f["data"]["conversation"] == waiting.as_str());
        let taken = taken.await["data"].clone();
        assert_eq!((&taken["reason"], &taken["by"]), (&json!("closed"), &person(who)));
        let said = desk.words(&waiting).await;
        assert_eq!(said[2], format!("Conversation closed by Name {who} ({who})"));
        assert!(desk[who].reads(&waiting).await && !desk[JAKE].reads(&waiting).await);

        let held = desk.claimed(customer, JAKE).await;
        assert!(NOT_HIS.contains(&desk[WYATT].close(&held).await.code()));
        desk[who].close(&held).await.ok();
        let told = jake.until_matching(|f| f["data"]["queue"]["state"] == "closed").await["data"].clone();
        assert_eq!((&told["id"], &told["queue"]["closed_by"]), (&json!(held), &person(who)));
        assert!(desk[JAKE].reads(&held).await, "who last held it reads on");
        assert!(desk[JAKE].filtered("closed").await.contains(&held));
    }
}

#[tokio::test]
async fn ten_clicks_close_once_and_nothing_opens_it_again() {
    let desk = Desk::open(&[JAKE]).await;
    let held = desk.claimed(ANN, JAKE).await;
    let clicks = join_all((0..10).map(|_| desk[JAKE].close(&held))).await;
    assert!(clicks.iter().any(|a| a.status == 200), "{clicks:?}");
    assert!(clicks.iter().all(|a| a.status == 200 || a.code() == "conversation_closed"), "{clicks:?}");
    let length = desk.words(&held).await.len();
    assert_eq!(length, 4, "one end");
    for (what, body) in [("claim", json!({})), ("release", json!({})), ("transfer", json!({"queue": desk.billing}))] {
        for who in [JAKE, SUE] {
            let refused = desk[who].act(&held, what, body.clone()).await;
            assert!(refused.status.is_client_error(), "{who} {what}: {refused:?}");
        }
    }
    let mut session = desk[JAKE].connect().await;
    assert_eq!(session.act("release", &held).await["code"], "conversation_closed");
    assert_eq!(desk.words(&held).await.len(), length);
}

#[tokio::test]
async fn a_late_receipt_or_retry_does_not_open_it_again() {
    let desk = Desk::open(&[JAKE]).await;
    let held = desk.claimed(crate::sms::OFF, JAKE).await;
    let seq = desk[JAKE].say(&held, "Hello?").await["seq"].as_i64().unwrap();
    desk[JAKE].close(&held).await.ok();
    desk[SUE].delivery_until(&held, seq, "failed").await;
    let row = desk[SUE].row(&held).await;
    assert_eq!((&row["queue"]["state"], &row["queue"]["deadline"]), (&json!("closed"), &json!(null)));
    assert_eq!(desk[JAKE].retry(&held, seq, crate::sms::OFF, 1).await.code(), "conversation_closed");
}
