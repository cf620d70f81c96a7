//! Receipts: by parameters and by words, early and late, on another link, under ids written another way.

use std::time::Duration;

use partyline::{app::Options, carriers::smpp::Timing, clock::Clock};
use serde_json::{Value, json};

use super::{Doomed, NAME, Office, QUICK, Smsc, quick, submits};
use crate::{
    carriers::link_is,
    engine::{TestEngine, manual_clock},
    sms::{ANN, AT_ONCE, MAIN, eventually, person, put_number},
};

/// A text of two segments, whose receipts are like this.
async fn delivered(office: &Office, how: Value) {
    office.smsc.set(how).await;
    let thread = office.jake.thread(ANN).await;
    let seq = office.jake.say(&thread, &"a".repeat(161)).await["seq"].as_i64().unwrap();
    let delivered = office.jake.delivery_until(&thread, seq, "delivered").await;
    assert_eq!(delivered["attempt"], 1);
}

#[tokio::test]
async fn receipts_are_understood_however_they_come() {
    let office = Office::open().await;
    let is = |tlv: bool, text: bool| json!({"receipts": {"tlv": tlv, "text": text}});
    for how in [is(true, false), is(false, true), is(true, true)] {
        delivered(&office, how).await;
    }
    delivered(&office, json!({"knobs": {"receipts": 3, "reorder": true}})).await;
    let early = json!({"knobs": {}, "manners": [{"early": true}, {"early": true}]});
    delivered(&office, early).await;
    assert_eq!(office.smsc.phone(ANN).await.len(), 5);
}

#[tokio::test]
async fn ids_may_be_written_in_another_way_than_in_the_answer() {
    for (setting, answer, receipt) in [
        ("same", "hex", "hex"),
        ("same", "decimal", "padded"),
        ("decimal", "hex", "decimal"),
        ("decimal", "hex", "padded"),
        ("hex", "decimal", "hex"),
    ] {
        let smsc = Smsc::start().await;
        let mut section = serde_json::to_value(smsc.section(AT_ONCE)).unwrap();
        section["receipt_ids"] = json!(setting);
        let section = serde_json::from_value(section).unwrap();
        let configure = |config: &mut partyline::config::Config| config.carriers = [(NAME.to_owned(), section)].into();
        let folder = std::sync::Arc::new(tempfile::tempdir().unwrap());
        let engine = TestEngine::on(folder, quick(Clock::System), configure).await;
        link_is(&engine.api(), "up").await;
        put_number(&engine.api(), MAIN, json!({})).await;
        let jake = person(&engine.api(), "201", &[MAIN]).await;
        let office = Office { smsc: smsc.into(), engine, jake };
        delivered(&office, json!({"ids": {"answer": answer, "receipt": receipt}})).await;
    }
}

#[tokio::test]
async fn receipts_may_come_on_another_link_of_the_account() {
    let office = Office::with(quick(Clock::System), &[NAME, "sim2"]).await;
    office.smsc.until(|seen| seen["links"] == 2).await;
    delivered(&office, json!({"receipts": {"tlv": true, "text": true, "on_another": true}})).await;
}

#[tokio::test]
async fn a_text_is_delivered_when_all_its_parts_are_and_failed_if_one_is() {
    let office = Office::open().await;
    office.smsc.does(json!([{}, {"stat": "UNDELIV"}])).await;
    let thread = office.jake.thread(ANN).await;
    office.jake.say(&thread, &"a".repeat(161)).await;
    let failed = office.jake.delivery_until(&thread, 1, "undelivered").await;
    assert_eq!((&failed["error"]["source"], &failed["error"]["code"]), (&json!("carrier"), &json!("UNDELIV")));
    // Of one part there is no receipt: its state stays what it was.
    office.smsc.does(json!([{}, {"stat": "ENROUTE"}])).await;
    office.jake.say(&thread, &"b".repeat(161)).await;
    office.jake.say(&thread, "after").await;
    office.jake.delivery_until(&thread, 3, "delivered").await;
    office.smsc.until(|seen| submits(seen).iter().all(|submit| submit["receipts_done"] == true)).await;
    assert_eq!(office.jake.deliveries(&thread, 2).await[0]["status"], "sent");
}

/// The answer comes long after the receipts: those are held for a minute.
#[tokio::test]
async fn a_receipt_that_is_early_waits_for_what_it_is_of() {
    let clock = manual_clock();
    let links = Timing { answer: Duration::from_secs(30), ..QUICK };
    let office = Office::with(Options { links, ..quick(clock.clone()) }, &[NAME]).await;
    let thread = office.jake.thread(ANN).await;
    let held = async || crate::contacts::rows(office.engine.folder.path(), "held_receipt").await;
    for (n, (waits, ends)) in [(40, "delivered"), (90, "sent")].into_iter().enumerate() {
        office.smsc.set(json!({"released": false, "manners": [{"early": true, "held": true}]})).await;
        let seq = office.jake.say(&thread, "Hi").await["seq"].as_i64().unwrap();
        // The number's pace goes by this clock as well.
        clock.advance(Duration::from_secs(1));
        let is_early = |seen: &Value| submits(seen).get(n).is_some_and(|submit| submit["receipts_done"] == true);
        office.smsc.until(is_early).await;
        assert_eq!(held().await, 2);
        clock.advance(Duration::from_secs(waits));
        if ends == "sent" {
            eventually(async || if held().await == 0 { Ok(()) } else { Err("they are held".into()) }).await;
        }
        office.smsc.set(json!({"released": true})).await;
        office.jake.delivery_until(&thread, seq, ends).await;
        eventually(async || if held().await == 0 { Ok(()) } else { Err("they are held".into()) }).await;
        assert_eq!(office.jake.deliveries(&thread, seq).await[0]["status"], ends);
    }
}

#[tokio::test]
async fn receipts_outlive_the_engine() {
    let doomed = Doomed::open().await;
    doomed.smsc.set(json!({"knobs": {"receipt_delay_ms": 500}})).await;
    let thread = doomed.jake.thread(ANN).await;
    doomed.jake.say(&thread, &"a".repeat(161)).await;
    doomed.jake.delivery_until(&thread, 1, "sent").await;
    let office = doomed.killed(Clock::System).await;
    office.jake.delivery_until(&thread, 1, "delivered").await;
    assert_eq!(office.smsc.phone(ANN).await.len(), 1);
}
