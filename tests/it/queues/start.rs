//! A text that an agent starts from a queue's number.

use futures_util::future::join_all;
use serde_json::json;

use super::{Desk, EVE, JAKE, MIA, SUE, WYATT, id, person};
use crate::sms::{ANN, BOB, MAIN, SALES};

#[tokio::test]
async fn it_is_claimed_by_its_agent_from_its_beginning() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let (mut jake, mut wyatt) = (desk[JAKE].connect().await, desk[WYATT].connect().await);
    let begun = desk[JAKE].begin("(404) 555-0199", MAIN).await;
    assert_eq!(begun.status, 201);
    let row = begun.body;
    let conversation = id(&row);
    assert_eq!((&row["queue"]["state"], &row["queue"]["claimed_by"]), (&json!("claimed"), &person(JAKE)));
    assert_eq!(row["queue"]["deadline"], json!(null), "nobody is owed a reply");
    assert_eq!((&row["number"], &row["our_number"]), (&json!(ANN), &json!(MAIN)));
    let joined = jake.until_matching(|f| f["data"]["joined"].is_object()).await;
    assert_eq!(id(&joined["data"]), conversation);
    let said = desk.words(&conversation).await;
    assert_eq!(said.iter().filter(|w| *w == "Conversation claimed by Name 201 (201)").count(), 1, "{said:?}");

    desk[JAKE].say(&conversation, "Your order is ready").await;
    assert_eq!(desk.phone_until(ANN, 1).await, ["Your order is ready"]);
    assert_eq!(desk.text(ANN, "Thank you!").await, conversation, "the answer goes straight to Jake");
    jake.until_matching(|f| f["name"] == "message.created" && f["data"]["text"] == "Thank you!").await;
    wyatt.settled().await;
    assert_eq!(wyatt.heard("queue.waiting"), Vec::<serde_json::Value>::new(), "it never waited");
    assert!(desk[JAKE].row(&conversation).await["queue"]["deadline"].is_string(), "and now the customer is owed one");
}

#[tokio::test]
async fn what_waits_is_claimed_what_is_one_s_own_is_the_answer_and_another_s_is_theirs() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let waiting = desk.text(ANN, "Hello?").await;
    let claimed = desk[JAKE].begin(ANN, MAIN).await;
    assert_eq!((claimed.status.as_u16(), id(&claimed.body)), (200, waiting.clone()));
    assert_eq!(claimed.body["queue"]["claimed_by"], person(JAKE));
    assert_eq!(desk.words(&waiting).await.last().unwrap(), "Conversation claimed by Name 201 (201)");
    let own = desk[JAKE].begin(ANN, MAIN).await;
    assert_eq!((own.status.as_u16(), id(&own.body)), (200, waiting.clone()));
    assert_eq!(desk.words(&waiting).await.len(), 3, "no second claim");
    let late = desk[WYATT].begin(ANN, MAIN).await;
    assert_eq!((late.code(), &late.body["claimed_by"]), ("already_claimed", &person(JAKE)));
    desk[JAKE].close(&waiting).await.ok();
    let anew = desk[WYATT].begin(ANN, MAIN).await;
    assert_eq!(anew.status, 201);
    assert_ne!(id(&anew.body), waiting);
    assert_eq!(desk.text(ANN, "Hi").await, id(&anew.body));
}

#[tokio::test]
async fn it_is_for_agents_who_are_there() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    desk[JAKE].pause(&desk.support).await;
    assert_eq!(desk[JAKE].begin(ANN, MAIN).await.code(), "agent_unavailable");
    desk[JAKE].off_duty(&desk.support).await;
    assert_eq!(desk[JAKE].begin(ANN, MAIN).await.code(), "agent_unavailable");
    assert_eq!(desk[WYATT].begin(ANN, SALES).await.code(), "sms_not_enabled", "billing's number is none of his");
    // Even to who has it as a caller ID: a number that feeds a queue is no sender for private threads.
    desk.pbx.put("/v1/pbx/extensions/400", json!({"name": "Name 400", "caller_ids": [MAIN]})).await.ok();
    assert_eq!(desk[EVE].begin(ANN, MAIN).await.code(), "sms_not_enabled");
    let default = json!({"kind": "sms", "number": ANN});
    assert_eq!(desk[EVE].post("/v1/conversations", default).await.code(), "sms_not_enabled");
    for bad in ["911", "72345"] {
        assert_eq!(desk[WYATT].begin(bad, MAIN).await.code(), "invalid_number");
    }
    assert_eq!(desk.open_of(ANN).await, None, "nothing was begun");
    let held = id(&desk[MIA].begin(ANN, SALES).await.ok());
    assert_eq!(desk[SUE].row(&held).await["queue"]["id"], desk.billing.as_str());
}

#[tokio::test]
async fn however_many_begin_it_at_once_there_is_one() {
    let agents: Vec<_> = (500..520).map(|n: usize| n.to_string()).collect();
    let agents: Vec<_> = agents.iter().map(String::as_str).collect();
    let desk = Desk::open(&agents).await;
    for customer in [ANN, BOB] {
        let mut all: Vec<_> = agents.iter().map(|a| (*a, desk[*a].begin(customer, MAIN))).collect();
        // One of them from two devices, and the customer texts in the same moment.
        all.push((agents[0], desk[agents[0]].begin(customer, MAIN)));
        let (begun, _) = tokio::join!(
            join_all(all.into_iter().map(async |(agent, begun)| (agent, begun.await))),
            desk.pbx.text_in(customer, MAIN, "Hello?")
        );
        let open = desk.open_of(customer).await.expect("one is open");
        let holder = desk[SUE].row(&open).await["queue"]["claimed_by"].clone();
        for (agent, answer) in begun {
            if person(agent) == holder {
                assert!(answer.status.is_success() && id(&answer.body) == open, "{agent}: {answer:?}");
            } else {
                assert_eq!((answer.code(), &answer.body["claimed_by"]), ("already_claimed", &holder), "{agent}");
            }
        }
        let said = desk.words(&open).await;
        assert_eq!(said.iter().filter(|w| w.starts_with("Conversation claimed by")).count(), 1, "{said:?}");
        assert_eq!(said.iter().filter(|w| *w == "Hello?").count(), 1, "{said:?}");
    }
}
