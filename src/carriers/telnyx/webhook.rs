//! What Telnyx's events say: a text comes in, or one that went out has news.

use serde_json::Value;

use crate::{
    carriers::{Said, Webhook, server::plain},
    domain::{
        AttemptId, MessageText,
        phone::Number,
        sms::{
            delivery::Receipt,
            inbound::{Incoming, Media, News},
            keywords::Keyword,
        },
    },
};

use super::errors::{Told, of_status};

/// The most files of one text, as Telnyx has it.
const MOST_MEDIA: usize = 10;
/// The most numbers that one text is for: a group has at most eight ("Group messaging").
const MOST_RECIPIENTS: usize = 8;
/// The longest name of a text (bytes). Telnyx's are UUIDs.
const LONGEST_NAME: usize = 100;

/// What an event says; nothing, if it is about anything but texts: an account's calls and faxes may come here too. The
/// error says why it can't be understood, with no value of it.
pub(super) fn said(request: &Webhook<'_>) -> Result<Vec<Said>, String> {
    let body: Value = serde_json::from_slice(request.body).map_err(|_| "the body is no JSON")?;
    let event = body.pointer("/data/event_type").and_then(Value::as_str).ok_or("data.event_type is missing")?;
    let payload = body.pointer("/data/payload").unwrap_or(&Value::Null);
    match event {
        "message.received" => incoming(payload).map(|texts| texts.into_iter().map(Said::Text).collect()),
        "message.sent" | "message.finalized" => {
            news(payload, request.attempt.or_else(|| attempt(payload))).map(|news| vec![Said::News(news)])
        }
        _ => Ok(vec![]),
    }
}

/// A text for each of the numbers it is for. There is one, in a list, but for texts to a group.
fn incoming(payload: &Value) -> Result<Vec<Incoming>, String> {
    let id = name(payload).ok_or("payload.id is missing")?;
    let from = payload.pointer("/from/phone_number").and_then(Value::as_str).ok_or("payload.from is missing")?;
    let from = Number::sender(from).ok_or("payload.from is nobody who can text")?;
    let text = match payload.get("text") {
        // A picture alone.
        None | Some(Value::Null) => "",
        Some(text) => text.as_str().ok_or("payload.text is no text")?,
    };
    // PostgreSQL keeps no NUL in a text.
    let text = MessageText::stored(text.replace('\0', "\u{fffd}"));
    let media: Vec<Media> = list(payload, "media").iter().filter_map(media).take(MOST_MEDIA).collect();
    let ours = recipients(payload);
    // Each text has a name of its own, and the same one when it is brought again.
    let provider_id = |to: &Number| match ours.len() {
        1 => id.to_owned(),
        _ => format!("{id}/{}", to.as_str()),
    };
    let text = |to: &Number| Incoming {
        carrier: String::new(),
        provider_id: provider_id(to),
        from: from.clone(),
        to: to.clone(),
        text: text.clone(),
        media: media.clone(),
        keyword: keyword(payload),
    };
    if ours.is_empty() { Err("payload.to has no number in E.164".into()) } else { Ok(ours.iter().map(text).collect()) }
}

fn recipients(payload: &Value) -> Vec<Number> {
    let mut found: Vec<Number> = vec![];
    let numbers = list(payload, "to").iter().filter_map(|to| Number::owned(to.get("phone_number")?.as_str()?).ok());
    for number in numbers.take(MOST_RECIPIENTS) {
        if !found.contains(&number) {
            found.push(number);
        }
    }
    found
}

fn media(file: &Value) -> Option<Media> {
    let url = plain(file, "url")?;
    let content_type = plain(file, "content_type").unwrap_or_else(|| "application/octet-stream".into());
    Some(Media { url, content_type })
}

/// What Telnyx took the text for, and answered by itself. (It is `info` where Telnyx's configuration of such answers says
/// what its documentation of webhooks calls `HELP`.)
fn keyword(payload: &Value) -> Option<Keyword> {
    match payload.get("autoresponse_type")?.as_str()?.to_ascii_uppercase().as_str() {
        "STOP" => Some(Keyword::OptOut),
        "START" => Some(Keyword::OptIn),
        "HELP" | "INFO" => Some(Keyword::Help),
        _ => None,
    }
}

/// The address that was sent along with the text says which attempt it is about: news that can't be brought there are brought
/// to the profile's.
fn attempt(payload: &Value) -> Option<AttemptId> {
    let address = payload.get("webhook_url")?.as_str()?;
    address.rsplit_once("/status/")?.1.parse().ok()
}

fn news(payload: &Value, attempt: Option<AttemptId>) -> Result<News, String> {
    // What we send is for one number.
    let to = list(payload, "to").first().unwrap_or(&Value::Null);
    let status = to.get("status").and_then(Value::as_str).ok_or("payload.to has no status")?;
    let told = Told::first(payload);
    let receipt = match status {
        // Any of these proves that Telnyx has the text, which settles a lost answer. The last one is the end of those that
        // the phone's network never confirms.
        "queued" | "sending" | "sent" | "delivery_unconfirmed" => Receipt::Sent,
        "delivered" | "read" => Receipt::Delivered,
        "sending_failed" => Receipt::Failed(of_status(status, &told)),
        "delivery_failed" | "expired" => Receipt::Undelivered(of_status(status, &told)),
        _ => return Err("payload.to has a status that we don't know".into()),
    };
    let provider_id = name(payload).map(str::to_owned);
    if provider_id.is_none() && attempt.is_none() {
        return Err("payload.id is missing".into());
    }
    Ok(News { attempt, provider_id, receipt, opted_out: told.is_opt_out() })
}

/// Telnyx's name for a text.
fn name(payload: &Value) -> Option<&str> {
    let is_name = |id: &&str| (1..=LONGEST_NAME).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_graphic());
    payload.get("id")?.as_str().filter(is_name)
}

fn list<'a>(payload: &'a Value, name: &str) -> &'a [Value] {
    payload.get(name).and_then(Value::as_array).map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{attempt, telnyx};
    use super::*;
    use crate::carriers::{
        Carrier, Kind, Unread,
        telnyx::signature::tests::{NOW, signed},
    };
    use proptest::prelude::*;
    use serde_json::json;

    fn request<'a>(
        kind: Kind,
        attempt: Option<AttemptId>,
        headers: &'a [(String, String)],
        body: &'a [u8],
    ) -> Webhook<'a> {
        let (path_and_query, content_type) = ("/v1/carriers/tx/inbound", "application/json");
        Webhook { kind, attempt, path_and_query, content_type, headers, body, now: NOW }
    }

    fn read(kind: Kind, attempt: Option<AttemptId>, body: &[u8]) -> Result<Vec<Said>, Unread> {
        let telnyx = telnyx("https://api.telnyx.com");
        assert_eq!(telnyx.read(&request(kind, attempt, &[], body)), Err(Unread::Unsigned));
        telnyx.read(&request(kind, attempt, &signed(1, 0, body), body))
    }

    /// As in Telnyx's documentation.
    fn event(event_type: &str, payload: &Value) -> Vec<u8> {
        let occurred_at = "2019-01-23T18:10:02.574Z";
        json!({
            "data": {"record_type": "event", "id": "e1", "event_type": event_type, "occurred_at": occurred_at, "payload": payload},
            "meta": {"attempt": 1, "delivered_to": "https://sms.example.com/engine/v1/carriers/tx/inbound"},
        })
        .to_string()
        .into_bytes()
    }

    fn received() -> Value {
        json!({
            "record_type": "message", "direction": "inbound", "id": "m1", "type": "MMS", "encoding": "GSM-7", "parts": 1,
            "from": {"phone_number": "+14045550199", "carrier": "T-MOBILE USA, INC.", "line_type": "Wireless"},
            "to": [{"phone_number": "+14045550100", "status": "webhook_delivered", "line_type": "VoIP"}],
            "cc": [], "text": "Grüße\u{0}", "errors": [], "autoresponse_type": null,
            "media": [
                {"url": "https://media.example.com/a", "content_type": "image/png", "size": 6, "sha256": null},
                {"url": "https://media.example.com/b", "content_type": null},
                {"url": null},
            ],
        })
    }

    fn with(payload: Value, name: &str, value: Value) -> Value {
        let mut payload = payload;
        payload[name] = value;
        payload
    }

    fn texts(payload: &Value) -> Result<Vec<Incoming>, Unread> {
        let said = read(Kind::Inbound, None, &event("message.received", payload))?;
        let text = |said| if let Said::Text(text) = said { text } else { panic!("{said:?}") };
        Ok(said.into_iter().map(text).collect())
    }

    fn text(payload: &Value) -> Incoming {
        texts(payload).unwrap().remove(0)
    }

    #[test]
    fn a_text_comes_in_with_its_pictures() {
        let media = |url: &str, kind: &str| Media { url: url.into(), content_type: kind.into() };
        let expected = Incoming {
            carrier: String::new(),
            provider_id: "m1".into(),
            from: Number::stored("+14045550199".into()),
            to: Number::stored("+14045550100".into()),
            text: MessageText::stored("Grüße\u{fffd}".into()),
            media: vec![
                media("https://media.example.com/a", "image/png"),
                media("https://media.example.com/b", "application/octet-stream"),
            ],
            keyword: None,
        };
        assert_eq!(texts(&received()), Ok(vec![expected.clone()]));
        let elsewhere = read(Kind::Status, None, &event("message.received", &received()));
        assert_eq!(elsewhere, Ok(vec![Said::Text(expected)]), "by whatever address");
    }

    #[test]
    fn a_short_code_a_picture_alone_and_many_files_are_taken() {
        let from = with(received(), "from", json!({"phone_number": "72345"}));
        assert_eq!(text(&from).from.as_str(), "72345");
        assert_eq!(text(&with(received(), "text", Value::Null)).text.as_str(), "");
        let many = with(received(), "media", json!(vec![json!({"url": "https://x.example"}); 12]));
        assert_eq!(text(&many).media.len(), 10);
        assert_eq!(text(&with(received(), "media", json!("none"))).media, vec![]);
    }

    #[test]
    fn a_text_for_several_numbers_is_one_for_each() {
        let to = |numbers: &[&str]| json!(numbers.iter().map(|n| json!({"phone_number": n})).collect::<Vec<_>>());
        let both = to(&["+14045550100", "72345", "+14045550101", "+14045550100"]);
        let named: Vec<_> = texts(&with(received(), "to", both)).unwrap().into_iter().map(|t| t.provider_id).collect();
        assert_eq!(named, ["m1/+14045550100", "m1/+14045550101"]);
        let many: Vec<String> = (0..20).map(|n| format!("+140455501{n:02}")).collect();
        let many = to(&many.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(texts(&with(received(), "to", many)).unwrap().len(), MOST_RECIPIENTS);
    }

    #[test]
    fn what_telnyx_answered_by_itself_is_a_word_of_consent() {
        let keyword = |kind: &str| text(&with(received(), "autoresponse_type", json!(kind))).keyword;
        assert_eq!((keyword("STOP"), keyword("START")), (Some(Keyword::OptOut), Some(Keyword::OptIn)));
        assert_eq!((keyword("HELP"), keyword("info")), (Some(Keyword::Help), Some(Keyword::Help)));
        assert_eq!(keyword("OTHER"), None);
    }

    #[test]
    fn what_is_signed_and_not_understood_says_why_without_a_value() {
        let wrong = |name: &str, value: Value| event("message.received", &with(received(), name, value));
        let news = |payload: Value| event("message.sent", &payload);
        for body in [
            wrong("id", Value::Null),
            wrong("id", json!("")),
            wrong("id", json!("m".repeat(101))),
            wrong("id", json!("Secret\u{0}")),
            wrong("from", json!("+14045550199")),
            wrong("from", json!({"phone_number": "whatsapp:+14045550199"})),
            wrong("to", json!("+14045550100")),
            wrong("to", json!([{"phone_number": "4045550100"}, {"agent_id": "Secret"}])),
            wrong("text", json!(["Secret"])),
            news(json!({"id": "m1", "to": [{"status": "Secret404"}]})),
            news(json!({"id": "m1", "to": []})),
            news(json!({"to": [{"status": "sent"}]})),
            event("message.received", &Value::Null),
            br#"{"data":{"payload":"Secret"}}"#.to_vec(),
            b"Secret404".to_vec(),
            b"\xff".to_vec(),
            vec![],
        ] {
            let Err(Unread::NotUnderstood(why)) = read(Kind::Inbound, None, &body) else { panic!("{body:?}") };
            assert!(!why.contains("404") && !why.contains("Secret"), "{why}");
        }
    }

    #[test]
    fn what_is_about_something_else_is_answered_and_unused() {
        for event_type in ["call.initiated", "message.read", "10dlc.brand.update", ""] {
            assert_eq!(read(Kind::Inbound, None, &event(event_type, &received())), Ok(vec![]), "{event_type}");
        }
    }

    fn told(event_type: &str, status: &str, errors: Value) -> News {
        let payload = json!({"id": "m1", "to": [{"phone_number": "+14045550199", "status": status}], "errors": errors});
        match read(Kind::Status, Some(attempt()), &event(event_type, &payload)).unwrap().remove(0) {
            Said::News(news) => news,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn every_status_is_a_receipt() {
        let receipt = |status: &str| {
            let news = told("message.finalized", status, json!([]));
            assert_eq!((news.attempt, news.provider_id.as_deref()), (Some(attempt()), Some("m1")));
            assert!(!news.opted_out);
            news.receipt
        };
        for status in ["queued", "sending", "sent", "delivery_unconfirmed"] {
            assert_eq!(receipt(status), Receipt::Sent, "{status}");
        }
        assert_eq!((receipt("delivered"), receipt("read")), (Receipt::Delivered, Receipt::Delivered));
        assert!(matches!(receipt("sending_failed"), Receipt::Failed(e) if e.code == "sending_failed"));
        assert!(matches!(receipt("delivery_failed"), Receipt::Undelivered(e) if e.code == "delivery_failed"));
        assert!(matches!(receipt("expired"), Receipt::Undelivered(e) if e.code == "expired"));
        assert_eq!(told("message.sent", "queued", Value::Null).receipt, Receipt::Sent);
    }

    #[test]
    fn news_that_come_to_another_address_name_the_attempt_all_the_same() {
        let url = format!("https://old.example.com/v1/carriers/tx/status/{}", attempt());
        let payload = |url: &str| json!({"id": "m1", "to": [{"status": "delivered"}], "webhook_url": url});
        let of = |url| match read(Kind::Inbound, None, &event("message.finalized", &payload(url))).unwrap().remove(0) {
            Said::News(news) => news.attempt,
            other => panic!("{other:?}"),
        };
        assert_eq!(of(&url), Some(attempt()));
        assert_eq!((of("https://x.example/status/1"), of(""), of("/status/")), (None, None, None));
    }

    #[test]
    fn a_failure_says_why_and_who_said_stop() {
        let news = told("message.finalized", "delivery_failed", json!([{"code": "40001", "title": "Not routable"}]));
        assert!(!news.opted_out && matches!(news.receipt, Receipt::Undelivered(e) if e.message.contains("landline")));
        let news = told("message.finalized", "sending_failed", json!([{"code": 40300, "title": "Blocked"}]));
        assert!(news.opted_out && matches!(news.receipt, Receipt::Failed(e) if e.code == "40300"));
        let nameless = event("message.sent", &json!({"to": [{"status": "sent"}]}));
        let named = read(Kind::Status, Some(attempt()), &nameless).unwrap();
        assert!(matches!(&named[..], [Said::News(News { provider_id: None, .. })]));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(body in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = said(&request(Kind::Inbound, None, &[], &body));
        }

        /// Any part of a real event may be something else, or not be there.
        #[test]
        fn no_event_makes_it_panic(place in 0..60_usize, with in 0..8_usize, cut in 0..1_000_usize, flip: u8) {
            let strange =
                [json!(null), json!(0), json!("\u{0}"), json!([]), json!([[]]), json!({}), json!([null]), json!(1e300)];
            for event_type in ["message.received", "message.finalized"] {
                let mut body: Value = serde_json::from_slice(&event(event_type, &received())).unwrap();
                replace(&mut body, &mut { place }, &strange[with]);
                let mut body = body.to_string().into_bytes();
                let _ = said(&request(Kind::Status, Some(attempt()), &[], &body));
                let at = cut % body.len();
                body[at] ^= flip;
                let _ = said(&request(Kind::Status, None, &[], &body));
                let _ = said(&request(Kind::Inbound, None, &[], &body[..at]));
            }
        }
    }

    /// Puts something else in the n-th place, counted through all levels.
    fn replace(value: &mut Value, n: &mut usize, with: &Value) {
        if *n == 0 {
            *value = with.clone();
        }
        *n = n.wrapping_sub(1);
        match value {
            Value::Array(values) => values.iter_mut().for_each(|value| replace(value, n, with)),
            Value::Object(members) => members.values_mut().for_each(|value| replace(value, n, with)),
            _ => {}
        }
    }

    #[test]
    fn an_event_that_is_nested_too_deeply_is_refused() {
        let deep = [b"[".repeat(100_000), b"]".repeat(100_000)].concat();
        assert!(matches!(read(Kind::Inbound, None, &deep), Err(Unread::NotUnderstood(_))));
    }
}
