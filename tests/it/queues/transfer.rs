//! Transfer: to an agent who is there, or to another queue.

use futures_util::future::join_all;
use serde_json::{Value, json};

use super::{BILLING, BOSS, Desk, EVE, JAKE, MIA, NOT_HIS, SUE, WYATT, id, person};
use crate::sms::ANN;

#[tokio::test]
async fn to_an_agent_it_is_theirs_from_that_moment() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let held = desk.claimed(ANN, JAKE).await;
    let (mut jake, mut wyatt) = (desk[JAKE].connect().await, desk[WYATT].connect().await);
    let row = desk[JAKE].transfer_to(&held, WYATT).await.ok();
    assert_eq!((&row["id"], &row["queue"]["claimed_by"]), (&json!(held), &person(WYATT)));
    let last = desk[WYATT].history(&held).await.pop().unwrap();
    assert_eq!(last["text"], "Conversation transferred to Name 211 (211)");
    assert_eq!(last["event"], json!({"name": "transferred", "by": person(JAKE), "to": person(WYATT)}));
    let gone = jake.event("conversation.removed").await;
    assert_eq!((&gone["conversation"], &gone["reason"]), (&json!(held), &json!("transferred")));
    let joined = wyatt.until_matching(|f| f["data"]["joined"].is_object()).await["data"].clone();
    assert_eq!((id(&joined), &joined["queue"]["claimed_by"]), (held.clone(), &person(WYATT)));
    assert_eq!(joined["participants"].as_array().unwrap().len(), 1);
    assert!(!desk[JAKE].reads(&held).await && desk[WYATT].reads(&held).await);
    assert_eq!(desk[JAKE].send(&held, uuid::Uuid::now_v7(), "Hi").await.code(), "not_found");
    desk[WYATT].say(&held, "Wyatt here").await;
    desk.text(ANN, "Hi Wyatt").await;
    wyatt.until_matching(|f| f["data"]["text"] == "Hi Wyatt").await;
    jake.settled().await;
    assert!(jake.messages().iter().all(|m| m.2 != "Hi Wyatt"), "it is none of Jake's any more");
}

#[tokio::test]
async fn to_another_queue_it_waits_there_for_those_who_work_there() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let held = desk.claimed(ANN, JAKE).await;
    let (mut jake, mut wyatt, mut mia) =
        (desk[JAKE].connect().await, desk[WYATT].connect().await, desk[MIA].connect().await);
    let row = desk[JAKE].transfer_into(&held, &desk.billing).await.ok();
    assert_eq!(
        (&row["queue"]["id"], &row["queue"]["name"], &row["queue"]["state"]),
        (&json!(desk.billing), &json!(BILLING), &json!("waiting"))
    );
    let last = desk[MIA].history(&held).await.pop().unwrap();
    assert_eq!(
        (&last["text"], &last["event"]["name"]),
        (&json!("Conversation transferred to Billing Queue"), &json!("transferred_to_queue"))
    );
    assert_eq!((&last["event"]["by"], &last["event"]["queue"]["name"]), (&person(JAKE), &json!(BILLING)));
    assert_eq!(jake.event("conversation.removed").await["reason"], "transferred");
    let told = mia.event("queue.waiting").await;
    assert_eq!((&told["queue"], id(&told["conversation"])), (&json!(desk.billing), held.clone()));
    wyatt.settled().await;
    assert_eq!(wyatt.heard("queue.waiting"), Vec::<Value>::new(), "it waits no longer where it was");
    assert!(desk[MIA].reads(&held).await && !desk[WYATT].reads(&held).await && !desk[JAKE].reads(&held).await);
    assert_eq!(desk[WYATT].claim(&held).await.code(), "not_found", "no member there");
    // What the customer adds stays with it, though support's number took it.
    assert_eq!(desk.text(ANN, "Hello?").await, held);
    desk[MIA].claim(&held).await.ok();
    desk[MIA].say(&held, "Mia of billing").await;
    assert_eq!(desk.phone_until(ANN, 1).await, ["Mia of billing"], "from the number that they know");
    desk[MIA].transfer_into(&held, &desk.support).await.ok();
    assert_eq!(desk.words(&held).await.last().unwrap(), "Conversation transferred to SMS Support Queue");
    assert!(desk[WYATT].reads(&held).await);
}

#[tokio::test]
async fn only_to_who_is_a_member_and_there() {
    let desk = Desk::open(&[JAKE, WYATT, "202"]).await;
    let held = desk.claimed(ANN, JAKE).await;
    desk[WYATT].pause(&desk.support).await;
    desk["202"].off_duty(&desk.support).await;
    for to in [WYATT, "202", MIA, EVE] {
        assert_eq!(desk[JAKE].transfer_to(&held, to).await.code(), "agent_unavailable", "{to}");
    }
    assert!(["not_found", "agent_unavailable"].contains(&desk[JAKE].transfer_to(&held, "999").await.code()));
    assert_eq!(desk[JAKE].transfer_into(&held, &uuid::Uuid::now_v7().to_string()).await.code(), "not_found");
    let transfer = async |body: Value| desk[JAKE].act(&held, "transfer", body).await;
    for bad in
        [json!({}), json!({"extension": WYATT, "queue": desk.billing}), json!({"to": WYATT}), json!({"extension": 7})]
    {
        assert_eq!(transfer(bad.clone()).await.code(), "invalid_request", "{bad}");
    }
    assert_eq!(desk[SUE].row(&held).await["queue"]["claimed_by"], person(JAKE));
    assert_eq!(desk.words(&held).await.len(), 3, "nothing was changed");
    // Whom it comes from need not be there any more.
    desk[WYATT].on_duty(&desk.support).await;
    desk[JAKE].off_duty(&desk.support).await;
    desk[JAKE].transfer_to(&held, WYATT).await.ok();
}

#[tokio::test]
async fn it_is_for_the_claimer_and_for_supervisors() {
    let desk = Desk::open(&[JAKE, WYATT, "202"]).await;
    let held = desk.claimed(ANN, JAKE).await;
    for (who, codes) in [("202", NOT_HIS), (WYATT, NOT_HIS), (MIA, &["not_found"]), (EVE, &["not_found"])] {
        assert!(codes.contains(&desk[who].transfer_to(&held, WYATT).await.code()), "{who}");
        assert!(codes.contains(&desk[who].transfer_into(&held, &desk.billing).await.code()), "{who}");
    }
    let mut sue = desk[SUE].connect().await;
    let moved = sue.ask(json!({"type": "transfer", "conversation": held, "extension": WYATT})).await;
    assert_eq!((&moved["type"], &moved["conversation"]["queue"]["claimed_by"]), (&json!("ok"), &person(WYATT)));
    let last = desk[WYATT].history(&held).await.pop().unwrap();
    assert_eq!(
        (&last["text"], &last["event"]["by"]),
        (&json!("Conversation transferred to Name 211 (211)"), &person(SUE))
    );
    desk[BOSS].transfer_into(&held, &desk.billing).await.ok();
    assert!(!desk[WYATT].reads(&held).await && desk[MIA].reads(&held).await);
    // While it waits, an agent moves nothing, and a supervisor may.
    assert_eq!(desk[MIA].transfer_into(&held, &desk.support).await.code(), "not_claimed");
    desk[SUE].transfer_into(&held, &desk.support).await.ok();
    desk[SUE].transfer_to(&held, JAKE).await.ok();
    assert_eq!(desk[JAKE].row(&held).await["queue"]["claimed_by"], person(JAKE));
    desk[JAKE].close(&held).await.ok();
    for who in [JAKE, SUE] {
        assert_eq!(desk[who].transfer_to(&held, WYATT).await.code(), "conversation_closed", "{who}");
    }
}

#[tokio::test]
async fn what_is_asked_several_times_at_once_is_done_once() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let held = desk.claimed(ANN, JAKE).await;
    join_all((0..10).map(|_| desk[JAKE].transfer_to(&held, WYATT))).await;
    let said = desk.words(&held).await;
    assert_eq!(said.len(), 4, "one transfer: {said:?}");
    assert_eq!(desk[SUE].row(&held).await["queue"]["claimed_by"], person(WYATT));
    desk[WYATT].transfer_to(&held, WYATT).await;
    assert_eq!(desk.words(&held).await.len(), 4, "to oneself is nothing");
    join_all((0..10).map(|_| desk[WYATT].transfer_into(&held, &desk.billing))).await;
    assert_eq!(desk.words(&held).await.len(), 5, "one transfer");
}
