//! Whose is a text to a number that feeds a queue?

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{BILLING, Desk, EVE, JAKE, MIA, SUE, SUPPORT, WYATT, id, ids, person, words};
use crate::sms::{ANN, BOB, MAIN, put_number};

/// A third number of ours, which feeds nothing yet.
const THIRD: &str = "+14045550102";

#[tokio::test]
async fn a_text_to_a_queue_s_number_waits_and_says_so_first() {
    let desk = Desk::open(&[JAKE]).await;
    let waiting = desk.text(ANN, "Hello?").await;
    let row = desk[JAKE].row(&waiting).await;
    assert_eq!((&row["kind"], &row["number"], &row["our_number"]), (&json!("sms"), &json!(ANN), &json!(MAIN)));
    let queue = &row["queue"];
    assert_eq!((&queue["id"], &queue["name"]), (&json!(desk.support), &json!(SUPPORT)));
    assert_eq!(
        (&queue["state"], &queue["claimed_by"], &queue["closed_by"]),
        (&json!("waiting"), &json!(null), &json!(null))
    );
    assert_eq!((&queue["deadline"], &queue["missed"]), (&json!(null), &json!(false)), "no timeout is set");
    assert_eq!((&row["participants"], &row["participant_count"]), (&json!([]), &json!(0)));
    let timeline = desk[JAKE].history(&waiting).await;
    assert_eq!(words(&timeline), ["Entered SMS Support Queue", "Hello?"]);
    assert_eq!((&timeline[0]["kind"], &timeline[0]["event"]["name"]), (&json!("system"), &json!("entered")));
    assert_eq!(timeline[0]["event"]["queue"]["name"], SUPPORT);
    assert_eq!((&timeline[1]["direction"], &timeline[1]["from"]), (&json!("inbound"), &json!({"number": ANN})));
    assert_eq!(queue["waiting_since"], timeline[1]["created_at"], "since the oldest text that nobody answered");
}

#[tokio::test]
async fn twenty_texts_at_once_from_each_of_five_customers_make_one_conversation_each() {
    let desk = Desk::open(&[JAKE]).await;
    let customers: Vec<_> = (0..5).map(super::customer).collect();
    let texts: Vec<_> = (0..20).map(|n| format!("Text {n:02}")).collect();
    let pbx = &desk.pbx;
    join_all(customers.iter().flat_map(|from| texts.iter().map(move |text| pbx.text_in(from, MAIN, text)))).await;
    let waiting = desk[SUE].in_queue(&desk.support, "waiting").await;
    assert_eq!(waiting.len(), customers.len(), "{waiting:?}");
    for row in &waiting {
        let mut said = desk.words(&id(row)).await;
        assert_eq!(said.remove(0), "Entered SMS Support Queue");
        said.sort();
        assert_eq!(said, texts, "each once, and entered once");
    }
}

#[tokio::test]
async fn more_texts_stay_while_it_waits_go_to_its_agent_while_claimed_and_begin_anew_after_close() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let (mut jake, mut wyatt) = (desk[JAKE].connect().await, desk[WYATT].connect().await);
    let first = desk.text(ANN, "one").await;
    assert_eq!(desk.text(ANN, "two").await, first);
    desk[JAKE].claim(&first).await.ok();
    assert_eq!(desk.text(ANN, "three").await, first);
    let told = jake.until_matching(|f| f["name"] == "message.created" && f["data"]["text"] == "three").await;
    assert_eq!(told["data"]["conversation"], first);
    desk[JAKE].close(&first).await.ok();
    let second = desk.text(ANN, "four").await;
    assert_ne!(second, first);
    assert_eq!(desk.words(&second).await, ["Entered SMS Support Queue", "four"]);
    assert_eq!(desk[SUE].row(&first).await["queue"]["state"], "closed");
    assert_eq!(desk.words(&first).await.iter().filter(|w| *w == "four").count(), 0);
    // The others hear of what waits, and of no text in what is Jake's.
    wyatt.until_matching(|f| f["name"] == "queue.waiting" && f["data"]["conversation"]["id"] == second.as_str()).await;
    assert!(wyatt.messages().is_empty());
}

#[tokio::test]
async fn the_open_conversation_goes_on_whatever_its_number_feeds_by_now() {
    let desk = Desk::open(&[JAKE]).await;
    let waiting = desk.text(ANN, "one").await;
    let held = desk.claimed(BOB, JAKE).await;
    put_number(&desk.pbx, MAIN, json!({"queue": "billing"})).await;
    assert_eq!((desk.text(ANN, "two").await, desk.text(BOB, "two").await), (waiting.clone(), held.clone()));
    assert_eq!(desk[SUE].row(&waiting).await["queue"]["name"], SUPPORT);
    desk[JAKE].close(&held).await.ok();
    let next = desk.text(BOB, "three").await;
    assert_eq!(desk[SUE].row(&next).await["queue"]["name"], BILLING);
}

#[tokio::test]
async fn what_is_nobody_s_is_given_to_a_queue_by_the_key_of_the_pbx() {
    let desk = Desk::open(&[JAKE]).await;
    put_number(&desk.pbx, THIRD, json!({})).await;
    let mut jake = desk[JAKE].connect().await;
    desk.pbx.text_in(ANN, THIRD, "Anybody?").await;
    let kept = desk.pbx.get("/v1/pbx/unrouted").await.ok()["items"][0].clone();
    let path = format!("/v1/pbx/unrouted/{}/assign", id(&kept));
    assert_eq!(desk.pbx.post(&path, json!({"queue": "nowhere"})).await.code(), "not_found");
    assert_eq!(desk.pbx.post(&path, json!({})).await.code(), "invalid_request");
    let both = json!({"queue": "support", "extension": JAKE});
    assert_eq!(desk.pbx.post(&path, both).await.code(), "invalid_request");
    let assigned = join_all((0..5).map(|_| desk.pbx.post(&path, json!({"queue": "support"})))).await;
    assert_eq!(assigned.iter().filter(|a| a.status == 204).count(), 1, "once: {assigned:?}");
    assert_eq!(desk.pbx.get("/v1/pbx/unrouted").await.ok()["items"], json!([]));
    let told = jake.event("queue.waiting").await;
    let conversation = id(&told["conversation"]);
    assert_eq!(desk.words(&conversation).await, ["Entered SMS Support Queue", "Anybody?"]);
    assert_eq!(told["conversation"]["our_number"], THIRD);
    // What the customer adds joins it, though the number still feeds nothing.
    desk.pbx.text_in(ANN, THIRD, "Hello?").await;
    assert_eq!(desk.words(&conversation).await.last().unwrap(), "Hello?");
}

#[tokio::test]
async fn a_word_of_consent_opens_nothing_and_starts_no_clock() {
    let desk = Desk::open(&[JAKE]).await;
    desk.set("support", json!({"unclaimed_timeout_s": 600})).await;
    desk.pbx.text_in(ANN, MAIN, "STOP").await;
    assert_eq!(desk.open_of(ANN).await, None, "it never waits");
    let records = desk.pbx.get("/v1/pbx/consents").await.ok();
    assert_eq!((&records["items"][0]["number"], &records["items"][0]["source"]), (&json!(ANN), &json!("keyword")));
    desk.pbx.text_in(ANN, MAIN, "START").await;
    assert_eq!(desk.open_of(ANN).await, None);

    // Where there is a conversation it is shown, and changes nothing of what runs.
    let waiting = desk.text(BOB, "Hello?").await;
    let before = desk[SUE].row(&waiting).await["queue"].clone();
    desk.pbx.text_in(BOB, MAIN, "STOP").await;
    assert_eq!(desk[SUE].row(&waiting).await["queue"], before);
    assert!(desk.words(&waiting).await.contains(&"STOP".to_owned()));
    desk.pbx.text_in(BOB, MAIN, "START").await;
    desk[JAKE].claim(&waiting).await.ok();
    desk[JAKE].say(&waiting, "Hi Bob").await;
    desk.pbx.text_in(BOB, MAIN, "STOP").await;
    let row = desk[SUE].row(&waiting).await;
    assert_eq!(
        (&row["queue"]["deadline"], &row["needs_reply_since"]),
        (&json!(null), &json!(null)),
        "no reply is owed"
    );
    desk[JAKE].close(&waiting).await.ok();
    let length = desk.words(&waiting).await.len();
    desk.pbx.text_in(BOB, MAIN, "START").await;
    assert_eq!(desk.open_of(BOB).await, None);
    let said = desk.words(&waiting).await;
    assert_eq!(said[length], "START", "shown in the pair's newest: {said:?}");
    assert_eq!(desk[SUE].row(&waiting).await["queue"]["state"], "closed");
}

#[tokio::test]
async fn a_queue_may_come_after_its_number_and_takes_it_over_when_it_comes() {
    let desk = Desk::open(&[JAKE]).await;
    put_number(&desk.pbx, THIRD, json!({"queue": "later"})).await;
    let caller = json!({"name": "Name 400", "caller_ids": [THIRD]});
    desk.pbx.put("/v1/pbx/extensions/400", caller).await.ok();
    let eve = &desk[EVE];
    let can_send = async || eve.get("/v1/me").await.ok()["caller_ids"][0]["can_send"].clone();
    let thread = eve.thread(ANN).await;
    eve.say(&thread, "Hi Ann").await;
    assert_eq!(can_send().await, true);
    desk.pbx.text_in(ANN, THIRD, "Hi Eve").await;
    assert_eq!(words(&eve.history(&thread).await), ["Hi Ann", "Hi Eve"]);

    let later = json!({"name": "Later", "members": [JAKE]});
    let queue = id(&desk.pbx.put("/v1/pbx/queues/later", later).await.ok());
    assert_eq!(can_send().await, false);
    assert_eq!(eve.send(&thread, uuid::Uuid::now_v7(), "And?").await.code(), "sms_not_enabled");
    assert_eq!(eve.begin(BOB, THIRD).await.code(), "sms_not_enabled");
    assert_eq!(words(&eve.history(&thread).await).len(), 2, "it can be read");
    desk.pbx.text_in(ANN, THIRD, "Still there?").await;
    let waiting = desk[SUE].in_queue(&queue, "waiting").await;
    assert_eq!(desk.words(&id(&waiting[0])).await, ["Entered Later", "Still there?"]);
    assert_eq!(desk[JAKE].on_duty(&queue).await["numbers"], json!([THIRD]));
}

#[tokio::test]
async fn a_queue_is_put_as_a_whole_listed_and_deleted_when_nothing_is_open_in_it() {
    let desk = Desk::open(&[JAKE]).await;
    let put = async |body: Value| desk.pbx.put("/v1/pbx/queues/sales", body).await;
    let made = put(json!({"name": "Sales", "members": [JAKE, "999"]})).await;
    assert_eq!(made.status, 201);
    let whole = json!({"key": "sales", "id": made.body["id"], "name": "Sales", "members": [JAKE, "999"],
                       "idle_timeout_s": 300, "unclaimed_timeout_s": 0, "timeout_response": null});
    assert_eq!(made.body, whole);
    assert_eq!(put(json!({"name": "Sales", "members": [JAKE, "999"]})).await.status, 200);
    for bad in [
        json!({"name": "Sales", "members": [JAKE], "idle_timeout_s": 0}),
        json!({"name": "Sales", "members": [JAKE], "idle_timeout_s": 86_401}),
        json!({"name": "Sales", "members": [JAKE], "unclaimed_timeout_s": 86_401}),
        json!({"name": "Sales", "members": [JAKE], "unclaimed_timeout_s": -1}),
        json!({"name": "Sales", "members": [JAKE], "colour": "red"}),
        json!({"members": [JAKE]}),
    ] {
        assert_eq!(put(bad.clone()).await.code(), "invalid_request", "{bad}");
    }
    assert_eq!(put(json!({"name": " ", "members": []})).await.code(), "invalid_name");
    let long = json!({"name": "Sales", "members": [], "timeout_response": "x".repeat(1_601)});
    assert!(put(long).await.status.is_client_error());
    let listed = async || {
        let page = desk.pbx.get("/v1/pbx/queues").await.ok();
        page["items"].as_array().unwrap().iter().map(|q| q["key"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(listed().await, ["billing", "sales", "support"]);
    assert_eq!(
        desk[JAKE].put("/v1/pbx/queues/sales", json!({"name": "Mine", "members": []})).await.code(),
        "forbidden"
    );

    // Open: waiting or claimed.
    let open = desk.text(ANN, "Hello?").await;
    let delete = async || desk.pbx.delete("/v1/pbx/queues/support").await;
    assert_eq!(delete().await.code(), "queue_in_use");
    desk[JAKE].claim(&open).await.ok();
    assert_eq!(delete().await.code(), "queue_in_use");
    desk[JAKE].close(&open).await.ok();
    assert_eq!(delete().await.status, 204);
    assert_eq!(delete().await.code(), "not_found");
    assert_eq!(listed().await, ["billing", "sales"]);
    assert_eq!(ids(&desk[JAKE].queues().await), [id(&made.body)]);
    desk.pbx.text_in(ANN, MAIN, "Anybody?").await;
    assert_eq!(desk.pbx.get("/v1/pbx/unrouted").await.ok()["items"][0]["text"], "Anybody?");
    assert_eq!(desk.words(&open).await.last().unwrap(), "Conversation closed by Name 201 (201)", "the past stays");
    assert_eq!(desk[SUE].row(&open).await["queue"]["closed_by"], person(JAKE));
    assert_eq!(ids(&desk[MIA].queues().await), std::slice::from_ref(&desk.billing));
}

#[tokio::test]
async fn a_word_of_consent_that_is_nobody_s_is_given_to_no_queue() {
    let desk = Desk::open(&[JAKE]).await;
    desk.pbx.text_in(ANN, MAIN, "STOP").await;
    let kept = desk.pbx.get("/v1/pbx/unrouted").await.ok()["items"][0].clone();
    let path = format!("/v1/pbx/unrouted/{}/assign", id(&kept));
    assert_eq!(desk.pbx.post(&path, json!({"queue": "support"})).await.code(), "invalid_request");
    assert_eq!(desk.open_of(ANN).await, None);
    assert_eq!(desk.pbx.post(&path, json!({"extension": JAKE})).await.status, 204);
}
