//! All that goes wrong on a link while a text of two segments goes out; and the engine is killed in the middle of it.

use partyline::clock::Clock;
use serde_json::{Value, json};

use super::{Doomed, Office, hex};
use crate::sms::{ANN, BOB, eventually};

/// What the SMSC does with the second segment, and what comes of the text.
struct Trouble {
    manners: Value,
    ends: &'static str,
    arrives: usize,
}

/// A carrier that is busy gets the segment again, and again.
fn throttled() -> Trouble {
    Trouble {
        manners: json!([{}, {"status": 0x58}, {"status": 0x58}, {"status": 0x58}]),
        ends: "delivered",
        arrives: 1,
    }
}

fn queue_full() -> Trouble {
    Trouble { manners: json!([{}, {"status": 0x14}, {"status": 0x14}]), ends: "delivered", arrives: 1 }
}

/// It has begun, so it is tried again there.
fn system_error() -> Trouble {
    Trouble { manners: json!([{}, {"status": 0x08}]), ends: "delivered", arrives: 1 }
}

fn silence() -> Trouble {
    Trouble { manners: json!([{}, {"silent": true}]), ends: "unconfirmed", arrives: 1 }
}

fn silence_and_nothing_sent() -> Trouble {
    Trouble { manners: json!([{}, {"silent": true, "lost": true}]), ends: "unconfirmed", arrives: 0 }
}

fn reset() -> Trouble {
    Trouble { manners: json!([{}, {"silent": true, "then": "reset"}]), ends: "unconfirmed", arrives: 1 }
}

fn reset_and_nothing_sent() -> Trouble {
    let manners = json!([{}, {"silent": true, "lost": true, "then": "reset"}]);
    Trouble { manners, ends: "unconfirmed", arrives: 0 }
}

fn unbind() -> Trouble {
    Trouble { manners: json!([{}, {"silent": true, "then": "unbind"}]), ends: "unconfirmed", arrives: 1 }
}

/// Its answer comes after, on the same link.
fn a_command_that_is_none() -> Trouble {
    let manners = json!([{}, {"then": hex(&pdu(0x0000_0abc, b"what is this"))}]);
    Trouble { manners, ends: "delivered", arrives: 1 }
}

fn a_parameter_longer_than_its_pdu() -> Trouble {
    let manners = json!([{}, {"then": hex(&with_broken_parameter())}]);
    Trouble { manners, ends: "delivered", arrives: 1 }
}

fn a_length_that_is_nonsense() -> Trouble {
    let manners = json!([{}, {"silent": true, "then": "00000003800000040000000000000001"}]);
    Trouble { manners, ends: "unconfirmed", arrives: 1 }
}

fn a_length_without_end() -> Trouble {
    let manners = json!([{}, {"silent": true, "then": "ffffffff000000050000000000000001"}]);
    Trouble { manners, ends: "unconfirmed", arrives: 1 }
}

/// A PDU of the SMSC's (SMPP 3.4, 3.2).
pub fn pdu(command: u32, body: &[u8]) -> Vec<u8> {
    let length = u32::try_from(16 + body.len()).unwrap();
    let head = [length, command, 0, 0x0070_0000].map(u32::to_be_bytes);
    [&head.concat(), body].concat()
}

/// The fields of a deliver_sm from Ann, up to its text.
pub const FROM_ANN: &[u8] = b"\0\x01\x0114045550199\0\x01\x0114045550100\0\0\0\0\0\0\0\0\0\0";

/// A deliver_sm whose text is in a parameter that says that it is longer than the PDU.
fn with_broken_parameter() -> Vec<u8> {
    pdu(0x0000_0005, &[FROM_ANN, b"\0\x04\x24\xff\xffHello"].concat())
}

macro_rules! in_the_middle_of {
    ($($trouble:ident),+ $(,)?) => {
        $(mod $trouble {
            #[tokio::test]
            async fn nothing_is_lost_or_doubled() {
                super::nothing_is_lost_or_doubled(super::$trouble()).await;
            }

            #[tokio::test]
            async fn a_killed_engine_loses_and_doubles_nothing() {
                super::a_killed_engine_loses_and_doubles_nothing(super::$trouble()).await;
            }
        })+
    };
}

in_the_middle_of!(
    throttled,
    queue_full,
    system_error,
    silence,
    silence_and_nothing_sent,
    reset,
    reset_and_nothing_sent,
    unbind,
    a_command_that_is_none,
    a_parameter_longer_than_its_pdu,
    a_length_that_is_nonsense,
    a_length_without_end,
);

const SEGMENTS: usize = 2;

fn long() -> String {
    "a".repeat(161)
}

async fn nothing_is_lost_or_doubled(trouble: Trouble) {
    let Office { smsc, engine: _engine, jake } = Office::open().await;
    let (ann, bob) = (jake.thread(ANN).await, jake.thread(BOB).await);
    smsc.does(trouble.manners).await;
    jake.say(&ann, &long()).await;
    smsc.until_submits(SEGMENTS).await;
    // One waits for the first to be settled, the other for room on the link.
    jake.say(&ann, "after").await;
    jake.say(&bob, "aside").await;
    jake.delivery_until(&ann, 1, trouble.ends).await;
    jake.delivery_until(&ann, 2, "delivered").await;
    jake.delivery_until(&bob, 1, "delivered").await;
    let texts = async |number| -> Vec<String> { smsc.phone(number).await.into_iter().map(|got| got.text).collect() };
    let first = vec![long(); trouble.arrives];
    assert_eq!(texts(ANN).await, [first, vec!["after".into()]].concat());
    assert_eq!(texts(BOB).await, ["aside"]);
    let deliveries = jake.deliveries(&ann, 1).await;
    assert_eq!((&deliveries[0]["status"], &deliveries[0]["attempt"]), (&json!(trouble.ends), &json!(1)));
}

async fn a_killed_engine_loses_and_doubles_nothing(trouble: Trouble) {
    let doomed = Doomed::open().await;
    let (ann, bob) = (doomed.jake.thread(ANN).await, doomed.jake.thread(BOB).await);
    doomed.smsc.does(trouble.manners).await;
    doomed.jake.say(&ann, &long()).await;
    doomed.jake.say(&ann, "after").await;
    doomed.smsc.until_submits(SEGMENTS).await;
    doomed.jake.say(&bob, "aside").await;
    let Office { smsc, engine: _engine, jake } = doomed.killed(Clock::System).await;
    smsc.does(json!([])).await;
    for (thread, number, seq) in [(&ann, ANN, 1), (&ann, ANN, 2), (&bob, BOB, 1)] {
        let (text, status) = eventually(async || {
            let message = jake.history(thread).await[seq - 1].clone();
            let status = message["deliveries"][0]["status"].as_str().unwrap().to_owned();
            if status == "queued" || status == "sending" {
                Err(message.to_string())
            } else {
                Ok((message["text"].clone(), status))
            }
        })
        .await;
        let arrived = smsc.phone(number).await.into_iter().filter(|got| text == got.text).count();
        match &*status {
            "sent" | "delivered" => assert_eq!(arrived, 1, "{text}"),
            "unconfirmed" => assert!(arrived <= 1, "{text}"),
            other => panic!("{other}: {text}"),
        }
        // The first was under way.
        assert!(seq == 2 || number == BOB || status == "unconfirmed" || trouble.arrives == 1, "{status}");
    }
}

/// It would be a dead letter, and reach nobody.
#[tokio::test]
async fn a_text_arrives_in_spite_of_an_octet_too_many_or_a_broken_parameter_after_it() {
    let office = Office::open().await;
    for broken in [&b"\0"[..], b"\x04\x24\xff\xff\0"] {
        office.smsc.acts(&hex(&pdu(0x0000_0005, &[FROM_ANN, b"\x05Hello", broken].concat()))).await;
    }
    office.has(&["Hello", "Hello"]).await;
}

#[tokio::test]
async fn a_link_lives_on_after_what_it_can_t_read_and_keeps_what_has_its_text_in_a_broken_parameter() {
    let office = Office::open().await;
    office.smsc.acts(&hex(&pdu(0x0000_0abc, b"what is this"))).await;
    office.smsc.acts(&hex(&with_broken_parameter())).await;
    let answers = office.smsc.until(|seen| seen["others"].as_array().unwrap().len() >= 3).await;
    let answers: Vec<_> =
        answers["others"].as_array().unwrap().iter().map(|o| (o["command"].clone(), o["status"].clone())).collect();
    let expected = [("bind_transceiver", 0), ("generic_nack", 0x03), ("deliver_sm_resp", 0)];
    assert_eq!(answers, expected.map(|(command, status)| (json!(command), json!(status))));
    let letters = office.engine.api().get("/v1/pbx/dead-letters").await.ok();
    assert!(letters["items"][0]["body"].as_str().unwrap().contains("Hello"), "{letters}");
    office.smsc.brings(json!([{"from": ANN, "to": crate::sms::MAIN, "text": "Hi"}])).await;
    assert_eq!(office.texts().await, ["Hi"]);
    assert_eq!(office.smsc.seen().await["binds"], json!([0]), "on the same link");
}
