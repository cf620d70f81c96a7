//! Claim: of however many who try, one gets it, and the others learn who.

use std::time::Instant;

use futures_util::future::join_all;
use partyline::{app::Options, domain::queue::set_agent::Wish};
use serde_json::json;

use super::{BOSS, Desk, EVE, JAKE, MIA, SUE, WYATT, customer, id, ids, person, words};
use crate::sms::{ANN, MAIN};

#[tokio::test]
async fn who_claims_sees_all_of_it_and_the_others_learn_who_took_it() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let before = desk.claimed(ANN, WYATT).await;
    desk[WYATT].say(&before, "Bye Ann").await;
    desk[WYATT].close(&before).await.ok();
    let (mut jake, mut wyatt) = (desk[JAKE].connect().await, desk[WYATT].connect().await);
    let waiting = desk.text(ANN, "Hello again").await;
    assert!(!desk[JAKE].reads(&before).await, "Wyatt's, until Ann is Jake's");

    let row = desk[JAKE].claim(&waiting).await;
    assert_eq!(row.status, 200);
    let row = row.body;
    assert_eq!((&row["queue"]["state"], &row["queue"]["claimed_by"]), (&json!("claimed"), &person(JAKE)));
    assert_eq!((&row["participant_count"], &row["participants"][0]["extension"]), (&json!(1), &json!(JAKE)));
    let timeline = desk[JAKE].history(&waiting).await;
    let said = ["Entered SMS Support Queue", "Hello again", "Conversation claimed by Name 201 (201)"];
    assert_eq!(words(&timeline), said, "the whole history");
    assert_eq!(timeline[2]["event"], json!({"name": "claimed", "by": person(JAKE)}));
    assert_eq!(ids(&desk[JAKE].threads().await), std::slice::from_ref(&waiting));
    assert_eq!(desk[JAKE].queue(&desk.support).await["claimed_by_me"], 1);

    let joined = jake.until_matching(|f| f["data"]["joined"].is_object()).await;
    assert_eq!((&joined["name"], id(&joined["data"])), (&json!("conversation.updated"), waiting.clone()));
    assert_eq!(joined["data"]["queue"]["claimed_by"], person(JAKE));
    let taken = json!({"queue": desk.support, "conversation": waiting, "reason": "claimed", "by": person(JAKE)});
    for session in [&mut jake, &mut wyatt] {
        if session.heard("queue.taken").is_empty() {
            session.until_event("queue.taken").await;
        }
        assert_eq!(session.heard("queue.taken"), std::slice::from_ref(&taken), "every available agent, the winner too");
    }
    assert!(!desk[WYATT].reads(&waiting).await, "claimed, it is its agent's");
    assert_eq!(desk[WYATT].queue(&desk.support).await["waiting"], json!([]));

    // The pair's past is Jake's to read as well.
    let path = format!("/v1/conversations/{waiting}/earlier");
    assert_eq!(ids(&desk[JAKE].all(&path).await), std::slice::from_ref(&before));
    assert_eq!(words(&desk[JAKE].history(&before).await).last().unwrap(), "Conversation closed by Name 211 (211)");
    assert_eq!(desk[JAKE].claim(&before).await.code(), "conversation_closed");
    assert_eq!(ids(&desk[SUE].all(&path).await), [before]);
}

#[tokio::test]
async fn over_the_websocket_it_is_the_same() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let (mut jake, mut wyatt) = (desk[JAKE].connect().await, desk[WYATT].connect().await);
    let waiting = desk.text(ANN, "Hello?").await;
    let ok = jake.act("claim", &waiting).await;
    assert_eq!((&ok["type"], &ok["conversation"]["queue"]["claimed_by"]), (&json!("ok"), &person(JAKE)));
    assert_eq!(ok["conversation"]["id"], waiting.as_str());
    let late = wyatt.act("claim", &waiting).await;
    assert_eq!((&late["type"], &late["code"]), (&json!("error"), &json!("already_claimed")));
    assert_eq!((&late["claimed_by"], &late["status"]), (&person(JAKE), &json!(409)), "all that HTTP says");
    let missing = wyatt.ask(json!({"type": "claim"})).await;
    assert_eq!(missing["code"], "invalid_request");
}

#[tokio::test]
async fn who_is_late_learns_who_has_it_and_who_has_it_may_ask_again() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let held = desk.claimed(ANN, JAKE).await;
    let late = desk[WYATT].claim(&held).await;
    assert_eq!((late.status.as_u16(), late.code(), &late.body["claimed_by"]), (409, "already_claimed", &person(JAKE)));
    let mut jake = desk[JAKE].connect().await;
    let length = desk.words(&held).await.len();
    let again = join_all((0..5).map(|_| desk[JAKE].claim(&held))).await;
    assert!(again.iter().all(|a| a.status == 200 && a.body["queue"]["claimed_by"] == person(JAKE)), "{again:?}");
    desk[JAKE].pause(&desk.support).await;
    assert_eq!(desk[JAKE].claim(&held).await.status, 200, "it is held, paused or not");
    assert_eq!(desk.words(&held).await.len(), length, "asking again makes no entry");
    jake.settled().await;
    assert_eq!(jake.heard("conversation.updated"), Vec::<serde_json::Value>::new());
    // No body at all will do; one that says something won't.
    let bare =
        desk[JAKE].request(reqwest::Method::POST, &format!("/v1/conversations/{held}/claim")).send().await.unwrap();
    assert_eq!(bare.status(), 200);
    assert_eq!(desk[JAKE].act(&held, "claim", json!({"force": true})).await.code(), "invalid_request");
}

#[tokio::test]
async fn who_is_not_there_or_no_member_does_not_get_it() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let waiting = desk.text(ANN, "Hello?").await;
    desk[JAKE].pause(&desk.support).await;
    assert_eq!(desk[JAKE].claim(&waiting).await.code(), "agent_unavailable", "a pause that came before wins");
    desk[JAKE].off_duty(&desk.support).await;
    assert_eq!(desk[JAKE].claim(&waiting).await.code(), "agent_unavailable");
    let mut session = desk[JAKE].connect().await;
    assert_eq!(session.act("claim", &waiting).await["code"], "agent_unavailable");
    for who in [EVE, MIA] {
        assert_eq!(desk[who].claim(&waiting).await.code(), "not_found", "{who} is no member");
    }
    for who in [SUE, BOSS] {
        let refused = desk[who].claim(&waiting).await;
        assert!(["not_found", "forbidden"].contains(&refused.code()), "a supervisor doesn't take calls: {refused:?}");
    }
    let (_, key) = desk.engine.tenant("other").await;
    let others = desk.pbx.with_token(&key).people_of("other", &[JAKE]).await;
    assert_eq!(others[JAKE].claim(&waiting).await.code(), "not_found");
    assert_eq!(desk[WYATT].claim("nowhere").await.code(), "not_found");
    assert_eq!(desk[WYATT].claim(&uuid::Uuid::now_v7().to_string()).await.code(), "not_found");
    assert_eq!(desk.words(&waiting).await.len(), 2, "nothing was changed");
    // What belongs to no queue can't be claimed.
    let chat = desk[WYATT].chat(EVE).await;
    assert!(desk[WYATT].claim(&chat).await.status.is_client_error());
    assert!(desk[EVE].close(&chat).await.status.is_client_error());
    desk[JAKE].on_duty(&desk.support).await;
    desk[JAKE].claim(&waiting).await.ok();
    desk[JAKE].close(&waiting).await.ok();
    assert_eq!(desk[JAKE].claim(&waiting).await.code(), "conversation_closed");
}

#[tokio::test]
async fn only_the_claimer_writes_to_the_customer() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let conversation = desk.text(ANN, "Hello?").await;
    let send = async |who: &str| desk[who].send(&conversation, uuid::Uuid::now_v7(), "Hi").await;
    let retry = async |who: &str| desk[who].retry(&conversation, 2, ANN, 1).await;
    for who in [JAKE, SUE, BOSS] {
        let refused = send(who).await;
        assert!(
            ["not_claimed", "not_found", "forbidden"].contains(&refused.code()),
            "while it waits nobody does: {refused:?}"
        );
    }
    assert_eq!(send(EVE).await.code(), "not_found");
    desk[JAKE].claim(&conversation).await.ok();
    assert_eq!((send(WYATT).await.code(), retry(WYATT).await.code()), ("not_found", "not_found"));
    assert_eq!(send(SUE).await.code(), "forbidden");
    assert!(["forbidden", "not_found"].contains(&retry(SUE).await.code()));
    let said = desk[JAKE].say(&conversation, "Hi Ann").await;
    assert_eq!((&said["direction"], &said["from"]), (&json!("outbound"), &person(JAKE)));
    assert_eq!(said["deliveries"][0]["our_number"].as_str().unwrap_or(MAIN), MAIN, "from the queue's number");
    assert_eq!(desk.phone_until(ANN, 1).await, ["Hi Ann"]);
    let consent = json!({"number": ANN, "opted_out": true, "scope": "number"});
    let path = format!("/v1/conversations/{conversation}/consent");
    assert!(["forbidden", "not_found"].contains(&desk[SUE].put(&path, consent.clone()).await.code()));
    let read = format!("/v1/conversations/{conversation}/read");
    assert!(desk[WYATT].put(&read, json!({"seq": 1})).await.status.is_client_error());
    desk[JAKE].close(&conversation).await.ok();
    assert_eq!(send(JAKE).await.code(), "conversation_closed");
    assert!(["forbidden", "conversation_closed"].contains(&send(SUE).await.code()));
    assert_eq!(send(WYATT).await.code(), "not_found");
    assert_eq!(desk.pbx.phone(ANN).await.len(), 1, "nothing else reached the customer");
}

#[tokio::test]
async fn a_marker_in_a_queue_conversation_is_its_reader_s_alone() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    let held = desk.claimed(ANN, JAKE).await;
    let (mut phone, mut wyatt, mut sue) =
        (desk[JAKE].connect().await, desk[WYATT].connect().await, desk[SUE].connect().await);
    desk.text(ANN, "Still there?").await;
    assert_eq!(desk[JAKE].row(&held).await["unread"], 1);
    assert_eq!(desk[JAKE].put(&format!("/v1/conversations/{held}/read"), json!({"seq": 4})).await.status, 204);
    assert_eq!(
        phone.event("read.advanced").await["readers"][0]["extension"],
        JAKE,
        "reading on one device reads on all"
    );
    assert_eq!(desk[JAKE].row(&held).await["unread"], 0);
    for session in [&mut wyatt, &mut sue] {
        session.settled().await;
        assert!(!session.names().contains(&"read.advanced"));
    }
}

/// Logs many in at once: over HTTP each would get a queue of two hundred agents back.
async fn log_in(desk: &Desk, agents: &[&str]) {
    let engine = &desk.engine.engine;
    let tenant = engine.storage.tenant("default").await.unwrap().unwrap();
    let queue = desk.support.parse().unwrap();
    let wish = Wish { logged_in: true, paused: false, pause_reason: None };
    for agent in agents {
        let caller = engine.storage.extension(tenant, agent).await.unwrap().unwrap().into_caller();
        engine.set_agent(&caller.into(), queue, wish.clone()).await.unwrap();
    }
}

/// Half of them over HTTP, half over the WebSocket.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_hundred_who_claim_at_the_same_instant_one_wins_and_the_others_learn_who() {
    const ROUNDS: usize = 100;
    let numbers: Vec<_> = (1_000..1_200).map(|n: usize| n.to_string()).collect();
    let agents: Vec<_> = numbers.iter().map(String::as_str).collect();
    let desk = Desk::closed(Options::default(), &agents).await;
    log_in(&desk, &agents).await;
    let (by_http, by_frame) = agents.split_at(100);
    let mut sessions = vec![];
    for agent in by_frame {
        sessions.push((*agent, desk[*agent].connect().await));
    }
    let begun = Instant::now();
    let mut winners = std::collections::BTreeSet::new();
    for round in 0..ROUNDS {
        desk.pbx.text_in(&customer(round), MAIN, "Hello?").await;
        let heard = sessions[0].1.event("queue.waiting").await;
        let conversation = id(&heard["conversation"]);
        let frame = json!({"type": "claim", "ref": "claim", "conversation": conversation});
        let asked = join_all(by_http.iter().map(async |agent| (*agent, desk[*agent].claim(&conversation).await.body)));
        let framed = join_all(sessions.iter_mut().map(async |(agent, session)| {
            session.say(frame.clone()).await;
            (*agent, session.until_matching(|f| f["ref"] == "claim").await)
        }));
        let (asked, framed) = tokio::join!(asked, framed);
        let answers: Vec<_> = asked.into_iter().chain(framed).collect();
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|(_, body)| body.get("code").is_none());
        assert_eq!(won.len(), 1, "one wins: {won:?}");
        let winner = person(won[0].0);
        for (agent, body) in &lost {
            assert_eq!((&body["code"], &body["claimed_by"]), (&json!("already_claimed"), &winner), "{agent}: {body}");
        }
        assert_eq!(lost.len(), 199);
        let row = desk[SUE].row(&conversation).await;
        assert_eq!((&row["queue"]["claimed_by"], &row["participant_count"]), (&winner, &json!(1)));
        assert_eq!(desk.words(&conversation).await.len(), 3, "entered, the text, claimed once");
        winners.insert(won[0].0);
    }
    println!("{ROUNDS} rounds of 200 in {:?}, won by {} of them", begun.elapsed(), winners.len());
    // And all who watched were told each time who took it.
    for (agent, session) in &mut sessions {
        while session.heard("queue.taken").len() < ROUNDS {
            session.frame().await;
        }
        let taken = session.heard("queue.taken");
        assert!(taken.iter().all(|t| t["reason"] == "claimed" && t["by"].is_object()), "{agent}");
        assert_eq!(taken.len(), ROUNDS);
    }
}
