//! What an operator may read in the log: ids, and never a text, a whole number, a password or a token.

use serde_json::json;

use crate::{
    client::PASSWORD,
    engine::Process,
    sms::{ANN, MAIN, OFF, person, put_number},
};

#[tokio::test]
async fn the_log_holds_no_text_number_password_or_token() {
    let sections = "[carriers.sim]\nkind = \"simulator\"\npace_per_s = 10000\n[carriers.sim.knobs]\nlose_answer_every = 2\n\
        [carriers.main]\nkind = \"twilio\"\naccount_sid = \"AC1\"\nauth_token = \"carrier-secret\"\nbase_url = \"http://127.0.0.1:9\"\n";
    let engine = Process::configured(sections).await;
    let pbx = engine.api();
    put_number(&pbx, MAIN, json!({})).await;
    let jake = person(&pbx, "201", &[MAIN, "+14045550103"]).await;
    jake.login(json!({"extension": "201", "password": "wrong-password"})).await;
    let mut session = jake.connect().await;
    for number in [ANN, OFF] {
        let thread = jake.thread(number).await;
        jake.say(&thread, "a very private text").await;
        jake.say(&thread, "another private text").await;
        jake.delivery_until(&thread, 2, if number == OFF { "failed" } else { "delivered" }).await;
    }
    jake.text_in(ANN, MAIN, "STOP").await;
    jake.text_in(ANN, "+14045550159", "a private text for nobody").await;
    let media =
        json!({"from": ANN, "to": MAIN, "text": "a private picture", "media": ["https://x.test/secret-picture"]});
    jake.post("/v1/simulator/messages", media).await.ok();
    put_number(&pbx, "+14045550103", json!({"carrier": "main"})).await;
    let made = json!({"kind": "sms", "number": ANN, "from": "+14045550103"});
    let thread = jake.post("/v1/conversations", made).await.ok()["id"].as_str().unwrap().to_owned();
    jake.say(&thread, "a private text that can't go out").await;
    jake.post("/v1/carriers/main/inbound", json!({"Body": "an unsigned private text"})).await;
    session.settled().await;

    let secrets = ["private", PASSWORD, "wrong-password", "carrier-secret", "secret-picture", &jake.token, &engine.key];
    let log = engine.log.lock().unwrap().clone();
    assert!(log.len() > 3, "something is logged: {log:?}");
    for line in &log {
        for secret in secrets {
            assert!(!line.contains(secret), "{secret}: {line}");
        }
        for number in [ANN, MAIN, OFF, "+14045550103", "+14045550159"] {
            assert!(!line.contains(&number[2..]), "{number}: {line}");
        }
    }
}
