//! Who is an agent, who is available, and who may look at what waits.

use partyline::app::Options;
use serde_json::{Value, json};

use super::{BOSS, Desk, EVE, JAKE, MIA, SUE, SUPPORT, WYATT, id, ids, person};
use crate::{
    client::{Api, Client},
    engine::Process,
    sms::{ANN, MAIN, eventually, put_number},
};

/// What the newest `queues` frame must come to say.
async fn frame_until(client: &mut Client, wanted: impl Fn(&Value) -> bool) -> Value {
    client.until_matching(|f| f["type"] == "queues" && f["queues"].as_array().unwrap().iter().any(&wanted)).await
}

#[tokio::test]
async fn members_start_logged_out_and_log_in_where_they_want() {
    let desk = Desk::closed(Options::default(), &[JAKE, WYATT]).await;
    desk.pbx.text_in(ANN, MAIN, "Hello?").await;
    let jake = &desk[JAKE];
    let mine = jake.queue(&desk.support).await;
    assert_eq!((&mine["name"], &mine["numbers"]), (&json!(SUPPORT), &json!([MAIN])));
    let state = |q: &Value| (q["logged_in"].clone(), q["paused"].clone(), q["available"].clone());
    assert_eq!(state(&mine), (json!(false), json!(false), json!(false)));
    assert_eq!((&mine["waiting"], &mine["claimed_by_me"]), (&json!([]), &json!(0)), "who is not there sees nothing");
    assert_eq!((&mine["idle_timeout_s"], &mine["unclaimed_timeout_s"]), (&json!(300), &json!(0)));
    let agents: Vec<_> = mine["agents"].as_array().unwrap().iter().map(|a| a["extension"].clone()).collect();
    assert_eq!(agents, [JAKE, WYATT]);
    assert!(mine["agents"].as_array().unwrap().iter().all(|a| a["logged_in"] == false && a["paused"] == false));
    assert_eq!(jake.queues().await.len(), 1, "those that I am a member of");
    assert_eq!(desk[EVE].queues().await, Vec::<Value>::new());
    let names = jake.get("/v1/queues?all=true").await.ok();
    let mut all: Vec<_> = names["items"].as_array().unwrap().iter().map(|q| q["id"].as_str().unwrap()).collect();
    all.sort_unstable();
    let mut expected = [desk.support.as_str(), desk.billing.as_str()];
    expected.sort_unstable();
    assert_eq!(all, expected, "every queue, to transfer to");

    let logged_in = jake.on_duty(&desk.support).await;
    assert_eq!(state(&logged_in), (json!(true), json!(false), json!(true)));
    assert_eq!((&logged_in["waiting"][0]["number"], &logged_in["waiting_count"]), (&json!(ANN), &json!(1)));
    assert_eq!(logged_in["waiting"][0]["last_message"]["text"], "Hello?");
    assert_eq!(desk[WYATT].queue(&desk.support).await["logged_in"], false, "each for themselves");
}

#[tokio::test]
async fn a_pause_has_a_reason_of_the_company_s_or_one_s_own_words() {
    let desk = Desk::open(&[JAKE]).await;
    let jake = &desk[JAKE];
    let duty = async |body: Value| jake.duty(&desk.support, body).await;
    for reason in ["Lunch", "Back at three 🍜"] {
        let paused = duty(json!({"logged_in": true, "paused": true, "pause_reason": reason})).await.ok();
        assert_eq!((&paused["paused"], &paused["pause_reason"]), (&json!(true), &json!(reason)));
        assert_eq!(paused["available"], false);
    }
    let paused = jake.pause(&desk.support).await;
    assert_eq!((&paused["paused"], &paused["pause_reason"]), (&json!(true), &json!(null)), "it may be left out");
    let longest = "é".repeat(80);
    duty(json!({"logged_in": true, "paused": true, "pause_reason": longest})).await.ok();
    let back = jake.on_duty(&desk.support).await;
    assert_eq!((&back["paused"], &back["pause_reason"]), (&json!(false), &json!(null)), "it goes with the pause");
    for bad in [
        json!({"logged_in": true, "paused": true, "pause_reason": "é".repeat(81)}),
        json!({"logged_in": true, "paused": true, "pause_reason": ""}),
        json!({"logged_in": true, "paused": true, "pause_reason": 7}),
        json!({"logged_in": true, "paused": false, "pause_reason": "Lunch"}),
        json!({"logged_in": "yes", "paused": false}),
        json!({"paused": false}),
        json!({"logged_in": true, "paused": false, "mood": "good"}),
    ] {
        assert_eq!(duty(bad.clone()).await.code(), "invalid_request", "{bad}");
    }
    assert_eq!(jake.queue(&desk.support).await["available"], true, "what is refused changes nothing");
    let login = json!({"logged_in": true, "paused": false});
    for who in [EVE, SUE, BOSS, MIA] {
        assert_eq!(desk[who].duty(&desk.support, login.clone()).await.code(), "not_found", "{who} is no member");
    }
    for nowhere in ["nowhere", &uuid::Uuid::now_v7().to_string()] {
        assert_eq!(jake.duty(nowhere, login.clone()).await.code(), "not_found");
    }
}

#[tokio::test]
async fn the_same_over_the_websocket_and_every_device_and_colleague_hears_of_it() {
    let desk = Desk::closed(Options::default(), &[JAKE, WYATT]).await;
    let (mut desk_phone, mut laptop) = (desk[JAKE].connect().await, desk[JAKE].connect().await);
    let mut wyatt = desk[WYATT].connect().await;
    let frame =
        json!({"type": "agent", "queue": desk.support, "logged_in": true, "paused": true, "pause_reason": "Tea"});
    let answer = laptop.ask(frame).await;
    assert_eq!((&answer["type"], &answer["queue"]["id"]), (&json!("ok"), &json!(desk.support)));
    assert_eq!((&answer["queue"]["paused"], &answer["queue"]["pause_reason"]), (&json!(true), &json!("Tea")));
    frame_until(&mut desk_phone, |q| q["paused"] == true && q["pause_reason"] == "Tea").await;
    let told = wyatt.event("agent.updated").await;
    assert_eq!((&told["queue"], &told["member"]), (&json!(desk.support), &json!(true)));
    assert_eq!((&told["agent"]["extension"], &told["agent"]["pause_reason"]), (&json!(JAKE), &json!("Tea")));
    let refused = laptop.ask(json!({"type": "agent", "queue": desk.billing, "logged_in": true, "paused": false})).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("not_found")));
    let refused = laptop.ask(json!({"type": "agent", "queue": desk.support, "logged_in": true})).await;
    assert_eq!((&refused["type"], &refused["code"]), (&json!("error"), &json!("invalid_request")));
    // Saying again what is so is nothing to hear of.
    let before = wyatt.heard("agent.updated").len();
    desk[JAKE].duty(&desk.support, json!({"logged_in": true, "paused": true, "pause_reason": "Tea"})).await.ok();
    desk[JAKE].on_duty(&desk.support).await;
    wyatt.until_matching(|f| f["name"] == "agent.updated" && f["data"]["agent"]["paused"] == false).await;
    assert_eq!(wyatt.heard("agent.updated").len(), before + 1);
}

#[tokio::test]
async fn login_and_pause_outlive_the_connection_and_a_restart() {
    let desk = Desk::closed(Options::default(), &[JAKE, WYATT]).await;
    let session = desk[JAKE].connect().await;
    desk[JAKE].on_duty(&desk.support).await;
    desk[WYATT].duty(&desk.support, json!({"logged_in": true, "paused": true, "pause_reason": "Tea"})).await.ok();
    drop(session);
    assert_eq!(desk[JAKE].queue(&desk.support).await["available"], true);
    let desk = desk.restart(Options::default(), || ()).await;
    let (jake, wyatt) = (desk[JAKE].queue(&desk.support).await, desk[WYATT].queue(&desk.support).await);
    assert_eq!(
        (&jake["available"], &wyatt["paused"], &wyatt["pause_reason"]),
        (&json!(true), &json!(true), &json!("Tea"))
    );
    // ... and what waits reaches who was available before.
    let mut session = desk[JAKE].connect().await;
    let waiting = desk.text(ANN, "Hello?").await;
    assert_eq!(id(&session.event("queue.waiting").await["conversation"]), waiting);
}

#[tokio::test]
async fn only_who_is_available_sees_reads_and_hears_of_what_waits() {
    const PAUSED: &str = "202";
    const OUT: &str = "203";
    let desk = Desk::open(&[JAKE, PAUSED, OUT]).await;
    desk[PAUSED].pause(&desk.support).await;
    desk[OUT].off_duty(&desk.support).await;
    let mut jake = desk[JAKE].connect().await;
    let others = [PAUSED, OUT, EVE, MIA];
    let mut sessions = vec![];
    for who in others {
        sessions.push((who, desk[who].connect().await));
    }
    let waiting = desk.text(ANN, "Hello?").await;
    let told = jake.event("queue.waiting").await;
    assert_eq!((&told["queue"], id(&told["conversation"])), (&json!(desk.support), waiting.clone()));
    let row = &told["conversation"];
    assert_eq!((&row["last_message"]["text"], &row["number"]), (&json!("Hello?"), &json!(ANN)));
    assert!(row["queue"]["waiting_since"].is_string() && row.get("name").is_none(), "{row}");
    // The preview's newest text is told again; the time stays that of the oldest.
    desk.text(ANN, "Anybody?").await;
    let again = jake.until_matching(|f| f["data"]["conversation"]["last_message"]["text"] == "Anybody?").await;
    assert_eq!(again["name"], "queue.waiting");
    assert_eq!(again["data"]["conversation"]["queue"]["waiting_since"], row["queue"]["waiting_since"]);
    assert!(jake.messages().is_empty(), "a text of what waits is told by its preview alone");
    assert!(desk[JAKE].reads(&waiting).await && desk[SUE].reads(&waiting).await && desk[BOSS].reads(&waiting).await);
    assert_eq!(desk[JAKE].threads().await, Vec::<Value>::new(), "it is nobody's yet");
    for (who, session) in &mut sessions {
        session.settled().await;
        assert!(session.events.iter().all(|e| e["data"]["conversation"]["id"] != waiting.as_str()), "{who}");
        assert!(!desk[*who].reads(&waiting).await, "{who}");
        let listed = desk[*who].get(&format!("/v1/queues/{}/conversations?state=waiting", desk.support)).await;
        assert!(!listed.status.is_success() || listed.body["items"] == json!([]), "{who}: {listed:?}");
    }
    assert_eq!(desk[PAUSED].queue(&desk.support).await["waiting"], json!([]));
    assert_eq!(ids(&desk[JAKE].in_queue(&desk.support, "waiting").await), std::slice::from_ref(&waiting));

    // Back from the pause: it is all there, in one frame.
    let (_, paused) = &mut sessions[0];
    desk[PAUSED].on_duty(&desk.support).await;
    let frame = frame_until(paused, |q| q["available"] == true).await;
    assert_eq!(ids(frame["queues"][0]["waiting"].as_array().unwrap()), std::slice::from_ref(&waiting));
    assert!(desk[PAUSED].reads(&waiting).await);
    // ... and gone with the next one.
    desk[PAUSED].pause(&desk.support).await;
    let frame = frame_until(paused, |q| q["available"] == false).await;
    assert_eq!(frame["queues"][0]["waiting"], json!([]));
    assert!(!desk[PAUSED].reads(&waiting).await);
}

#[tokio::test]
async fn the_queues_come_whole_before_ready_and_again_when_they_change() {
    let desk = Desk::open(&[JAKE]).await;
    let waiting = desk.text(ANN, "Hello?").await;
    let mut session = desk[JAKE].connect().await;
    let kinds: Vec<_> = session.beginning.iter().map(|f| f["type"].as_str().unwrap().to_owned()).collect();
    assert_eq!(kinds, ["welcome", "snapshot", "queues", "ready"]);
    assert_eq!(session.beginning[2]["queues"], json!(desk[JAKE].queues().await), "what one gets by asking");
    assert_eq!(id(&session.beginning[2]["queues"][0]["waiting"][0]), waiting);
    let resumed = desk[JAKE].connect_at(Some(session.cursor), Some(&session.epoch)).await;
    assert!(resumed.resumed);
    let frame = resumed.beginning.iter().find(|f| f["type"] == "queues").unwrap();
    assert_eq!(frame["queues"], session.beginning[2]["queues"]);
    let synced = desk[JAKE].get("/v1/sync").await.ok();
    assert_eq!(synced["queues"], session.beginning[2]["queues"], "the same for who has no WebSocket");
    assert_eq!(desk[EVE].connect().await.beginning[2], json!({"type": "queues", "queues": []}));

    // A new name, a new timeout, another queue of mine, one less.
    desk.set("support", json!({"name": "Help Desk"})).await;
    frame_until(&mut session, |q| q["name"] == "Help Desk").await;
    desk.set("billing", json!({"members": [MIA, JAKE]})).await;
    let both = session.until_matching(|f| f["type"] == "queues" && f["queues"].as_array().unwrap().len() == 2).await;
    assert!(both["queues"].as_array().unwrap().iter().any(|q| q["id"] == desk.billing && q["logged_in"] == false));
    desk.set("billing", json!({})).await;
    session.until_matching(|f| f["type"] == "queues" && f["queues"].as_array().unwrap().len() == 1).await;
}

#[tokio::test]
async fn who_is_removed_from_the_queue_or_disabled_loses_what_they_held_within_a_second() {
    let desk = Desk::open(&[JAKE, WYATT, "202"]).await;
    let mut wyatt = desk[WYATT].connect().await;
    for (who, customer) in [(JAKE, super::customer(1)), ("202", super::customer(2))] {
        let held = [desk.claimed(&customer, who).await, desk.claimed(&super::customer(9), who).await];
        let mut session = desk[who].connect().await;
        if who == JAKE {
            desk.set("support", json!({"members": [WYATT, "202"]})).await;
            let mut is_in_none = false;
            while !is_in_none || session.heard("conversation.removed").len() < held.len() {
                let frame = session.frame().await;
                is_in_none |= frame["type"] == "queues" && frame["queues"] == json!([]);
            }
            assert!(session.heard("conversation.removed").iter().all(|gone| gone["reason"] == "released"));
            assert_eq!(desk[JAKE].queues().await, Vec::<Value>::new());
            assert_eq!(desk[JAKE].threads().await, Vec::<Value>::new());
            assert!(!desk[JAKE].reads(&held[0]).await);
            assert_eq!(desk[JAKE].send(&held[0], uuid::Uuid::now_v7(), "Hi").await.code(), "not_found");
        } else {
            let body = json!({"name": "Name 202", "enabled": false});
            desk.pbx.put("/v1/pbx/extensions/202", body).await.ok();
            assert_eq!(session.closed().await, 4003);
        }
        // It is so when the PBX is answered.
        for conversation in &held {
            assert_eq!(desk[SUE].row(conversation).await["queue"]["state"], "waiting");
        }
        for conversation in &held {
            let said = desk.words(conversation).await;
            assert_eq!(said.last().unwrap(), "Conversation released back to queue", "{said:?}");
            assert_eq!(desk[WYATT].row(conversation).await["participant_count"], 0);
        }
        while !held
            .iter()
            .all(|c| wyatt.heard("queue.waiting").iter().filter(|d| d["conversation"]["id"] == c.as_str()).count() > 1)
        {
            wyatt.frame().await;
        }
        for conversation in &held {
            desk[WYATT].claim(conversation).await.ok();
            desk[WYATT].close(conversation).await.ok();
        }
    }
    // Back again, one starts logged out.
    desk.set("support", json!({})).await;
    assert_eq!(desk[JAKE].queue(&desk.support).await["logged_in"], false);
}

#[tokio::test]
async fn what_was_held_comes_back_also_when_the_process_dies_right_after_the_removal() {
    let mut engine = Process::configured("[carriers.sim]\nkind = \"simulator\"\n").await;
    let pbx = engine.api();
    let people = pbx.people(&[JAKE, WYATT]).await;
    let set = async |members: Value| {
        let body = json!({"name": SUPPORT, "members": members});
        id(&pbx.put("/v1/pbx/queues/support", body).await.ok())
    };
    let support = set(json!([JAKE, WYATT])).await;
    put_number(&pbx, MAIN, json!({"queue": "support"})).await;
    for who in [JAKE, WYATT] {
        people[who].on_duty(&support).await;
    }
    let mut held = vec![];
    for n in 0..20 {
        pbx.text_in(&super::customer(n), MAIN, "Hello?").await;
        let waiting = people[JAKE].in_queue(&support, "waiting").await;
        people[JAKE].claim(&id(&waiting[0])).await.ok();
        held.push(id(&waiting[0]));
    }
    set(json!([WYATT])).await;
    engine.kill();
    engine.restart().await;
    let wyatt: &Api = &people[WYATT];
    held.sort();
    eventually(async || {
        let mut waiting = ids(&wyatt.in_queue(&support, "waiting").await);
        waiting.sort();
        if waiting == held { Ok(()) } else { Err(format!("{} of {}", waiting.len(), held.len())) }
    })
    .await;
    for conversation in &held {
        let said = super::words(&wyatt.history(conversation).await);
        assert_eq!(said[2..], ["Conversation claimed by Name 201 (201)", "Conversation released back to queue"]);
    }
}

#[tokio::test]
async fn pausing_and_logging_out_touch_nothing_that_is_claimed() {
    let desk = Desk::open(&[JAKE]).await;
    let held = desk.claimed(ANN, JAKE).await;
    for leave in [desk[JAKE].pause(&desk.support).await, desk[JAKE].off_duty(&desk.support).await] {
        assert_eq!((&leave["available"], &leave["claimed_by_me"]), (&json!(false), &json!(1)));
    }
    assert_eq!(desk[JAKE].row(&held).await["queue"]["claimed_by"], person(JAKE));
    desk[JAKE].say(&held, "One moment").await;
    assert_eq!(desk.phone_until(ANN, 1).await, ["One moment"]);
    assert_eq!(desk[JAKE].claim(&held).await.status, 200, "what one holds");
    desk[JAKE].close(&held).await.ok();
}

#[tokio::test]
async fn who_was_disabled_and_is_back_begins_logged_out_and_can_log_in_again() {
    let desk = Desk::open(&[JAKE, WYATT]).await;
    for enabled in [false, true] {
        let body = json!({"name": "Name 201", "enabled": enabled});
        desk.pbx.put("/v1/pbx/extensions/201", body).await.ok();
    }
    assert_eq!(desk[JAKE].queue(&desk.support).await["logged_in"], false);
    assert_eq!(desk[JAKE].on_duty(&desk.support).await["available"], true);
    assert_eq!(desk[JAKE].queue(&desk.support).await["logged_in"], true, "and it is so");
    let waiting = desk.text(&super::customer(1), "Hello?").await;
    desk[JAKE].claim(&waiting).await.ok();
}

#[tokio::test]
async fn who_comes_later_hears_of_the_others_before_logging_in() {
    let desk = Desk::closed(Options::default(), &[JAKE]).await;
    desk.set("support", json!({"members": [JAKE, "215"]})).await;
    desk[JAKE].on_duty(&desk.support).await;
    let newcomer = super::sign_in(&desk.engine, &desk.pbx, "215", "user").await;
    let mut session = newcomer.connect().await;
    desk[JAKE].pause(&desk.support).await;
    assert_eq!(session.event("agent.updated").await["agent"]["extension"], JAKE);
}
