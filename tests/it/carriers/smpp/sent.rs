//! What goes out, octet by octet.

use partyline::clock::Clock;
use serde_json::{Value, json};

use super::{Doomed, Office, gsm, hex, ucs2};
use crate::sms::{ANN, eventually};

/// A text, its `data_coding`, and the octets of each segment, without the header of a part.
fn cases() -> Vec<(String, u8, Vec<Vec<u8>>)> {
    let a = |count: usize| "a".repeat(count);
    vec![
        (a(160), 0, vec![gsm(&a(160))]),
        (a(161), 0, vec![gsm(&a(153)), gsm(&a(8))]),
        (a(306), 0, vec![gsm(&a(153)), gsm(&a(153))]),
        ("Grüße: 5 € @ home".into(), 0, vec![b"Gr\x7e\x1ee: 5 \x1b\x65 \x00 home".to_vec()]),
        // An escaped character is not cut in two, nor is a pair of surrogates.
        (format!("{}€{}", a(152), a(7)), 0, vec![gsm(&a(152)), gsm(&format!("€{}", a(7)))]),
        ("👍 ok".into(), 8, vec![b"\xd8\x3d\xdc\x4d\x00 \x00o\x00k".to_vec()]),
        (format!("{}👍", a(68)), 8, vec![ucs2(&format!("{}👍", a(68)))]),
        (format!("{}👍{}", a(66), a(9)), 8, vec![ucs2(&a(66)), ucs2(&format!("👍{}", a(9)))]),
    ]
}

/// What a submit is of, and how it is written.
fn written(submit: &Value) -> (&Value, &Value, &Value, &str) {
    (&submit["from"], &submit["to"], &submit["data_coding"], submit["octets"].as_str().unwrap())
}

#[tokio::test]
async fn a_text_goes_over_the_wire_octet_by_octet() {
    let office = Office::open().await;
    let thread = office.jake.thread(ANN).await;
    let (from, to) =
        (json!({"ton": 1, "npi": 1, "text": "14045550100"}), json!({"ton": 1, "npi": 1, "text": "14045550199"}));
    let mut count = 0;
    for (n, (text, data_coding, segments)) in cases().into_iter().enumerate() {
        let said = office.jake.say(&thread, &text).await;
        assert_eq!(said["deliveries"][0]["segments"], segments.len());
        office.jake.delivery_until(&thread, n as i64 + 1, "delivered").await;
        let all = office.smsc.until_submits(count + segments.len()).await;
        let submits = &all[count..];
        count = all.len();
        assert_eq!(submits.len(), segments.len(), "each segment once");
        let header = |n: usize| -> String {
            // All of one text have the same reference.
            let reference = &submits[0]["octets"].as_str().unwrap()[6..8];
            format!("050003{reference}{:02x}{:02x}", segments.len(), n + 1)
        };
        let is_long = segments.len() > 1;
        for (n, (submit, octets)) in submits.iter().zip(&segments).enumerate() {
            let header = if is_long { header(n) } else { String::new() };
            let octets = format!("{header}{}", hex(octets));
            assert_eq!(written(submit), (&from, &to, &json!(data_coding), octets.as_str()), "{text}");
            assert_eq!(submit["esm_class"], if is_long { 0x40 } else { 0 });
            assert_eq!((&submit["registered_delivery"], &submit["tlvs"]), (&json!(1), &json!("")));
        }
        // The library reads them as well.
        assert_eq!(office.smsc.phone(ANN).await[n].text, text);
    }
    let submits = office.smsc.seen().await;
    let references: std::collections::BTreeSet<_> = super::submits(&submits)
        .iter()
        .filter(|submit| submit["esm_class"] == 0x40)
        .map(|submit| submit["octets"].as_str().unwrap()[6..8].to_owned())
        .collect();
    assert_eq!(references.len(), 4, "no two texts have one reference");
}

/// Each is killed when the carrier has its last segment and has not answered.
#[tokio::test]
async fn a_killed_engine_sends_no_segment_again() {
    let doomed = Doomed::open().await;
    let thread = doomed.jake.thread(ANN).await;
    let (text, data_coding, segments) = cases().pop().unwrap();
    doomed.smsc.does(json!([{}, {"silent": true}])).await;
    doomed.jake.say(&thread, &text).await;
    doomed.jake.say(&thread, "and then").await;
    doomed.smsc.until_submits(segments.len()).await;
    let office = doomed.killed(Clock::System).await;
    office.jake.delivery_until(&thread, 1, "unconfirmed").await;
    office.jake.delivery_until(&thread, 2, "delivered").await;
    let phone = office.smsc.phone(ANN).await;
    assert_eq!(phone.iter().map(|got| &*got.text).collect::<Vec<_>>(), [&*text, "and then"]);
    let seen = office.smsc.seen().await;
    let codings: Vec<_> = super::submits(&seen).iter().map(|submit| submit["data_coding"].clone()).collect();
    assert_eq!(codings, [data_coding, data_coding, 0]);
}

/// At whatever moment: in the middle of binding, of handing over, of answers, of receipts.
#[tokio::test]
async fn a_killed_engine_s_texts_are_each_once_at_the_phone_or_unconfirmed() {
    for moment in [0, 3, 9, 27] {
        let doomed = Doomed::open().await;
        doomed.smsc.set(json!({"knobs": {"delay_ms": 8, "receipt_delay_ms": 4}})).await;
        let thread = doomed.jake.thread(ANN).await;
        let texts: Vec<_> = cases().into_iter().map(|(text, ..)| text).collect();
        for text in &texts {
            doomed.jake.say(&thread, text).await;
        }
        tokio::time::sleep(std::time::Duration::from_millis(moment)).await;
        let office = doomed.killed(Clock::System).await;
        let timeline = eventually(async || {
            let timeline = office.jake.history(&thread).await;
            let is_moving =
                |m: &Value| m["deliveries"][0]["status"] == "queued" || m["deliveries"][0]["status"] == "sending";
            if timeline.iter().any(is_moving) { Err(format!("{timeline:?}")) } else { Ok(timeline) }
        })
        .await;
        assert_eq!(timeline.len(), texts.len());
        let phone = office.smsc.phone(ANN).await;
        for message in &timeline {
            let arrived = phone.iter().filter(|got| message["text"] == got.text).count();
            match message["deliveries"][0]["status"].as_str().unwrap() {
                "sent" | "delivered" => assert_eq!(arrived, 1, "{message}"),
                "unconfirmed" => assert!(arrived <= 1, "{message}"),
                other => panic!("{other}: {message}"),
            }
        }
    }
}
