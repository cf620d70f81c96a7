//! What comes in: long texts in all forms in which carriers cut them, however their parts come; what is brought again;
//! what can't be taken now.

use std::time::Duration;

use partyline::{app::Options, carriers::smpp::Timing, clock::Clock};
use sea_orm::{ConnectionTrait, Database};
use serde_json::{Value, json};

use super::{Doomed, ELSEWHERE, NAME, Office, QUICK, gsm, hex, link_is, quick, ucs2};
use crate::{
    engine::{database_url, manual_clock},
    sms::{ANN, MAIN, eventually, put_number},
};

/// How carriers cut long texts.
#[derive(Clone, Copy, Debug)]
enum Form {
    /// A header with a reference of 8 bits.
    Udh8,
    /// ... of 16 bits.
    Udh16,
    /// Parameters beside the text.
    Sar,
    /// Whole, in a parameter.
    Payload,
}

const FORMS: [Form; 4] = [Form::Udh8, Form::Udh16, Form::Sar, Form::Payload];

impl Form {
    /// The three parts of a text of Ann's (or the one), in order.
    fn parts(self, reference: u8, (data_coding, octets): (u8, Vec<u8>)) -> Vec<Value> {
        let parts: Vec<_> = octets.chunks(octets.len().div_ceil(3)).collect();
        let total = u8::try_from(parts.len()).unwrap();
        assert_eq!(total, 3);
        let from_ann = |fields: Value| {
            let mut all = json!({"from": ANN, "to": MAIN, "data_coding": data_coding});
            all.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
            all
        };
        let with_header =
            |header: &[u8], part: &[u8]| from_ann(json!({"esm_class": 0x40, "octets": hex(&[header, part].concat())}));
        match self {
            Form::Udh8 => {
                (1..).zip(parts).map(|(n, part)| with_header(&[5, 0, 3, reference, total, n], part)).collect()
            }
            Form::Udh16 => {
                (1..).zip(parts).map(|(n, part)| with_header(&[6, 8, 4, 0, reference, total, n], part)).collect()
            }
            Form::Sar => (1..)
                .zip(parts)
                .map(|(n, part): (u8, _)| {
                    let place =
                        json!({"sar_msg_ref_num": reference, "sar_total_segments": total, "sar_segment_seqnum": n});
                    let mut all = from_ann(json!({"octets": hex(part)}));
                    all.as_object_mut().unwrap().extend(place.as_object().unwrap().clone());
                    all
                })
                .collect(),
            Form::Payload => vec![from_ann(json!({"payload": hex(&octets)}))],
        }
    }

    /// Whether its parts say which they are: one that comes twice is known.
    fn has_places(self) -> bool {
        !matches!(self, Form::Payload)
    }
}

/// Texts that are long, in both alphabets; that in UTF-16 is cut in the middle of characters.
fn texts(what: &str) -> [(String, (u8, Vec<u8>)); 2] {
    let in_gsm = format!("{what}: {} € {}", "a".repeat(140), "ü".repeat(160));
    let in_ucs2 = format!("{what}: {}", "👍".repeat(70));
    [(in_gsm.clone(), (0, gsm(&in_gsm))), (in_ucs2.clone(), (8, ucs2(&in_ucs2)))]
}

#[tokio::test]
async fn long_texts_are_whole_however_they_were_cut_and_in_whatever_order_they_come() {
    let office = Office::open().await;
    let mut expected = vec![];
    let mut reference = 0;
    for form in FORMS {
        for how in ["in order", "reversed", "doubled", "reversed and doubled"] {
            for (text, encoded) in texts(&format!("{form:?} {how}")) {
                reference += 1;
                let mut parts = form.parts(reference, encoded);
                if how.contains("reversed") {
                    parts.reverse();
                }
                if how.contains("doubled") && form.has_places() {
                    parts = parts.into_iter().flat_map(|part| [part.clone(), part]).collect();
                }
                let answers = office.smsc.brings(json!(parts)).await;
                assert!(answers.iter().all(|answers| *answers == json!([0])), "{answers:?}");
                expected.push(text);
            }
        }
    }
    office.says(&expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn texts_cut_in_different_forms_do_not_meet() {
    let office = Office::open().await;
    let mut parts = vec![];
    let mut expected = vec![];
    for form in FORMS {
        let [(text, encoded), _] = texts(&format!("{form:?}"));
        parts.push(form.parts(7, encoded));
        expected.push(text);
    }
    let longest = parts.iter().map(Vec::len).max().unwrap();
    let mixed: Vec<_> = (0..longest).flat_map(|n| parts.iter().filter_map(move |parts| parts.get(n))).collect();
    office.smsc.brings(json!(mixed)).await;
    office.has(&expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

#[tokio::test]
async fn who_says_the_same_twice_has_said_it_twice() {
    let office = Office::open().await;
    let ok = json!({"from": ANN, "to": MAIN, "text": "ok"});
    office.smsc.brings(json!([ok, ok])).await;
    office.smsc.brings(json!([ok])).await;
    office.says(&["ok", "ok", "ok"]).await;
}

/// The carrier did not see our answers, and brings all of it again after the next bind.
#[tokio::test]
async fn what_is_brought_again_after_a_bind_is_one_text() {
    let office = Office::open().await;
    office.smsc.set(json!({"deaf": true})).await;
    let [(long, encoded), _] = texts("long");
    let mut all = vec![json!({"from": ANN, "to": MAIN, "text": "short"})];
    all.extend(Form::Udh8.parts(7, encoded.clone()));
    all.extend(Form::Payload.parts(7, (0, gsm(&"whole".repeat(60)))));
    let all = json!(all);
    let again = async {
        office.has(&["short", &long, &"whole".repeat(60)]).await;
        office.smsc.set(json!({"deaf": false})).await;
        office.smsc.acts("reset").await;
    };
    let (answers, ()) = tokio::join!(office.smsc.brings(all), again);
    assert!(answers.iter().all(|answers| *answers == json!([null, 0])), "{answers:?}");
    assert_eq!(office.texts().await.len(), 3);
}

/// The carrier did not see our answer on one link, and brings the text over another, which was there all the time.
#[tokio::test]
async fn what_one_link_left_is_brought_over_another_and_is_one_text() {
    let office = Office::with(quick(Clock::System), &[NAME, "second"]).await;
    office.smsc.until(|seen| seen["links"] == 2).await;
    office.smsc.set(json!({"deaf": true})).await;
    let again = async {
        office.has(&["Hi"]).await;
        office.smsc.set(json!({"deaf": false})).await;
        office.smsc.acts_on_first("reset").await;
    };
    let text = json!([{"from": ANN, "to": MAIN, "text": "Hi"}]);
    let (answers, ()) = tokio::join!(office.smsc.brings(text.clone()), again);
    assert_eq!(answers, [json!([null, 0])]);
    assert_eq!(office.texts().await, ["Hi"]);
    // Said again over a link that is there, it is said twice.
    office.smsc.brings(text).await;
    office.has(&["Hi", "Hi"]).await;
}

/// The link over which the carrier brought it is dead, as the carrier knows, and the engine does not know yet.
#[tokio::test]
async fn what_a_dead_link_left_is_brought_over_another_and_is_one_text() {
    // It takes longer to notice than the carrier is kept waiting.
    let links = Timing { answer: Duration::from_secs(10), ..QUICK };
    let office = Office::with(Options { links, ..quick(Clock::System) }, &[NAME, "second"]).await;
    office.smsc.until(|seen| seen["links"] == 2).await;
    office.smsc.acts_on_first("deafen").await;
    let over = |link: u8| json!([{"from": ANN, "to": MAIN, "text": "Hi", "over": link}]);
    let again = async {
        office.has(&["Hi"]).await;
        office.smsc.brings(over(1)).await
    };
    let (first, again) = tokio::join!(office.smsc.brings(over(0)), again);
    assert_eq!(first, [json!([null])]);
    let (last, before) = again[0].as_array().unwrap().split_last().unwrap();
    assert!(*last == 0 && !before.is_empty() && before.iter().all(|status| *status == 0x64), "{again:?}");
    assert_eq!(office.texts().await, ["Hi"]);
}

/// Nor is anything swallowed: the carrier that is there on both has seen our answers.
#[tokio::test]
async fn who_says_the_same_over_two_links_has_said_it_twice() {
    // Nothing is proven but what is asked for.
    let links = Timing { answer: Duration::from_secs(60), enquire: Duration::from_secs(3_600), ..QUICK };
    let office = Office::with(Options { links, ..quick(Clock::System) }, &[NAME, "second"]).await;
    office.smsc.until(|seen| seen["links"] == 2).await;
    let over = |link: u8| json!({"from": ANN, "to": MAIN, "text": "yes", "over": link});
    office.smsc.brings(json!([over(0)])).await;
    office.smsc.brings(json!([over(1)])).await;
    office.says(&["yes", "yes"]).await;
    office.smsc.brings(json!([over(0), over(1)])).await;
    office.says(&["yes"; 4]).await;
}

/// ... also if the link over which they said it first ends right after the carrier has read our answer.
#[tokio::test]
async fn what_was_read_before_a_link_ended_does_not_come_again() {
    let links = Timing { enquire: Duration::from_millis(50), ..QUICK };
    let office = Office::with(Options { links, ..quick(Clock::System) }, &[NAME, "second"]).await;
    office.smsc.until(|seen| seen["links"] == 2).await;
    let yes = |link: u8| json!([{"from": ANN, "to": MAIN, "text": "yes", "over": link}]);
    office.smsc.brings(yes(0)).await;
    one_is_settled(&office).await;
    office.smsc.acts_on_first("reset").await;
    office.smsc.until(|seen| seen["binds"].as_array().unwrap().len() == 3 && seen["links"] == 2).await;
    office.smsc.brings(yes(0)).await;
    office.has(&["yes", "yes"]).await;
}

/// Soon after a bind, too, people say what they said before; the carrier has seen that we had that.
#[tokio::test]
async fn who_says_the_same_again_after_a_bind_has_said_it_twice() {
    let links = Timing { enquire: Duration::from_millis(50), ..QUICK };
    let office = Office::with(Options { links, ..quick(Clock::System) }, &[NAME]).await;
    let yes = json!([{"from": ANN, "to": MAIN, "text": "yes"}]);
    office.smsc.brings(yes.clone()).await;
    one_is_settled(&office).await;
    office.smsc.acts("reset").await;
    office.smsc.brings(yes).await;
    office.has(&["yes", "yes"]).await;
}

/// Nobody proved that the carrier saw our answer; but what it did not bring again by now, it doesn't bring again.
#[tokio::test]
async fn who_says_the_same_days_later_after_a_bind_has_said_it_twice() {
    let clock = manual_clock();
    let office = Office::with(quick(clock.clone()), &[NAME]).await;
    let yes = json!([{"from": ANN, "to": MAIN, "text": "yes"}]);
    office.smsc.brings(yes.clone()).await;
    let rebound = async |binds: usize| {
        office.smsc.acts("reset").await;
        office.smsc.until(|seen| seen["binds"].as_array().unwrap().len() == binds && seen["links"] == 1).await;
        link_is(&office.engine.api(), "up").await;
    };
    rebound(2).await;
    clock.advance(Duration::from_secs(121));
    one_is_settled(&office).await;
    rebound(3).await;
    office.smsc.brings(yes).await;
    office.has(&["yes", "yes"]).await;
}

/// The one text that came is known not to come again.
async fn one_is_settled(office: &Office) {
    let db = Database::connect(database_url(office.engine.folder.path())).await.unwrap();
    eventually(async || {
        let sql = "SELECT count(*) AS n FROM piece WHERE answered_at IS NOT NULL";
        let backend = db.get_database_backend();
        let row = db.query_one_raw(sea_orm::Statement::from_string(backend, sql)).await.unwrap().unwrap();
        let known: i64 = row.try_get("", "n").unwrap();
        if known == 1 { Ok(()) } else { Err("not yet".into()) }
    })
    .await;
    db.close().await.unwrap();
}

/// In the middle of taking, of keeping, of putting together, of answering.
#[tokio::test]
async fn what_a_killed_engine_did_not_answer_is_brought_again_and_is_one_text() {
    for moment in [0, 4, 9, 15, 25, 40] {
        let doomed = Doomed::open().await;
        let mut all = vec![];
        let mut expected = vec![];
        for (n, form) in (1..).zip(FORMS) {
            for (alphabet, (text, encoded)) in (0..).zip(texts(&format!("{form:?}"))) {
                let mut parts = form.parts(2 * n + alphabet, encoded);
                parts.reverse();
                all.extend(parts);
                expected.push(text);
            }
        }
        let (smsc, all) = (doomed.smsc.clone(), json!(all));
        let bringing = tokio::spawn(async move { smsc.brings(all).await });
        tokio::time::sleep(Duration::from_millis(moment)).await;
        let office = doomed.killed(Clock::System).await;
        bringing.await.unwrap();
        office.has(&expected.iter().map(String::as_str).collect::<Vec<_>>()).await;
    }
}

#[tokio::test]
async fn a_part_that_does_not_come_is_shown_as_missing_after_five_minutes() {
    let clock = manual_clock();
    let office = Office::with(quick(clock.clone()), &[NAME]).await;
    let octets = |part: &str| gsm(&part.repeat(100));
    let whole = [octets("a"), octets("b"), octets("c")].concat();
    for (n, form) in (1..).zip([Form::Udh8, Form::Udh16, Form::Sar]) {
        let mut parts = form.parts(n, (0, whole.clone()));
        parts.remove(1);
        office.smsc.brings(json!(parts)).await;
    }
    clock.advance(Duration::from_secs(4 * 60 + 50));
    assert!(office.texts().await.is_empty());
    clock.advance(Duration::from_secs(15));
    let shown = format!("{}[part missing]{}", "a".repeat(100), "c".repeat(100));
    office.has(&[&shown, &shown, &shown]).await;
}

#[tokio::test]
async fn parts_outlive_a_killed_engine() {
    let doomed = Doomed::open().await;
    let [(text, encoded), _] = texts("long");
    let parts = Form::Udh16.parts(7, encoded);
    doomed.smsc.brings(json!(parts[..2])).await;
    let office = doomed.killed(Clock::System).await;
    office.smsc.brings(json!(parts[2..])).await;
    office.has(&[&text]).await;
}

/// While the database refuses, the carrier is told to bring it again; nothing is answered that is not on disk.
#[tokio::test]
async fn what_can_t_be_stored_is_not_now() {
    let office = Office::open().await;
    let alter = async |sql: &str| {
        let db = Database::connect(database_url(office.engine.folder.path())).await.unwrap();
        db.execute_unprepared(sql).await.unwrap();
        db.close().await.unwrap();
    };
    alter("ALTER TABLE piece RENAME TO away").await;
    let [(text, encoded), _] = texts("long");
    let parts = json!(Form::Sar.parts(7, encoded));
    let mend = async {
        office.smsc.until(|seen| answers(seen).iter().filter(|status| **status == 0x64).count() >= 3).await;
        alter("ALTER TABLE away RENAME TO piece").await;
    };
    let (answers, ()) = tokio::join!(office.smsc.brings(parts), mend);
    for answers in answers {
        let (last, before) = answers.as_array().unwrap().split_last().unwrap();
        assert!(*last == 0 && !before.is_empty() && before.iter().all(|status| *status == 0x64), "{answers}");
    }
    office.has(&[&text]).await;
}

/// The statuses with which texts and receipts were answered.
fn answers(seen: &Value) -> Vec<i64> {
    let others = seen["others"].as_array().unwrap().iter().filter(|pdu| pdu["command"] == "deliver_sm_resp");
    others.map(|pdu| pdu["status"].as_i64().unwrap()).collect()
}

#[tokio::test]
async fn senders_are_read_as_they_are_written() {
    let office = Office::open().await;
    let from = |ton: u8, text: &str| json!({"from": {"ton": ton, "npi": 1, "text": text}, "to": MAIN, "text": "Hi"});
    let senders = [from(1, "14045550199"), from(0, "14045550199"), from(1, "+14045550199"), from(2, "4045550199")];
    office.smsc.brings(json!(senders)).await;
    office.has(&["Hi", "Hi", "Hi", "Hi"]).await;
    office.smsc.brings(json!([from(5, "PARCELCO"), from(3, "72345")])).await;
    let numbers: Vec<_> = office.jake.threads().await.iter().map(|thread| thread["number"].clone()).collect();
    assert!(
        numbers.len() == 3 && numbers.contains(&json!("PARCELCO")) && numbers.contains(&json!("72345")),
        "{numbers:?}"
    );
}

/// As after an outage: many texts of one sender in one write, while the clock stands still.
#[tokio::test]
async fn what_comes_at_once_is_in_the_order_in_which_it_came() {
    let office = Office::with(quick(manual_clock()), &[NAME]).await;
    let texts: Vec<_> = (0..40).map(|n| format!("text {n}")).collect();
    let all: Vec<_> = texts.iter().map(|text| json!({"from": ANN, "to": MAIN, "text": text})).collect();
    let answers = office.smsc.brings(json!(all)).await;
    assert!(answers.iter().all(|answers| *answers == json!([0])), "{answers:?}");
    office.says(&texts.iter().map(String::as_str).collect::<Vec<_>>()).await;
}

/// What is for nobody, and what can't be read, is kept, and can be tried again.
#[tokio::test]
async fn nothing_is_thrown_away() {
    let office = Office::open().await;
    let pbx = office.engine.api();
    let [(text, encoded), _] = texts("long");
    let mut parts = Form::Udh8.parts(7, encoded);
    for part in &mut parts {
        part["to"] = json!("+14045550150");
    }
    office.smsc.brings(json!(parts)).await;
    let letter = eventually(async || {
        let letters = pbx.get("/v1/pbx/dead-letters").await.ok();
        letters["items"].get(0).cloned().ok_or(letters.to_string())
    })
    .await;
    put_number(&pbx, "+14045550150", json!({})).await;
    let path = format!("/v1/pbx/dead-letters/{}/replay", letter["id"].as_str().unwrap());
    assert_eq!(pbx.post(&path, json!(null)).await.status, 204);
    assert_eq!(letter["carrier"], NAME);
    let unrouted = pbx.get("/v1/pbx/unrouted").await.ok();
    assert_eq!(unrouted["items"][0]["text"], text);
    // Binary; and a receipt that is of nothing.
    let binary = json!({"from": ANN, "to": MAIN, "data_coding": 4, "octets": "00ff"});
    let receipt = json!({"from": ANN, "to": MAIN, "esm_class": 4, "octets": hex(b"what is this")});
    office.smsc.brings(json!([binary, receipt])).await;
    let letters = pbx.get("/v1/pbx/dead-letters").await.ok();
    assert_eq!(letters["items"].as_array().unwrap().len(), 2, "{letters}");
    assert!(office.texts().await.is_empty());
}

/// What is for another company is shown to that company alone.
#[tokio::test]
async fn a_letter_is_the_company_s_whose_number_it_is_for() {
    let office = Office::open().await;
    let pbx = office.engine.api();
    let other = pbx.with_token(&office.engine.tenant("other").await.1);
    put_number(&other, "+14045550160", json!({"carrier": ELSEWHERE})).await;
    office.smsc.brings(json!([{"from": ANN, "to": "+14045550160", "text": "Hi"}])).await;
    eventually(async || {
        let letters = other.get("/v1/pbx/dead-letters").await.ok();
        if letters["items"].as_array().unwrap().len() == 1 { Ok(()) } else { Err(letters.to_string()) }
    })
    .await;
    assert_eq!(pbx.get("/v1/pbx/dead-letters").await.ok()["items"], json!([]));
}
