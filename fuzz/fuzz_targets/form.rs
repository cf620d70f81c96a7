//! A form from a carrier like Twilio: whether it is signed is asked of anybody's, what it says only of the carrier's.
//!
//! The input: kind, path and query, content type, signature and its settings, each on a line; then the body.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use partyline::{
    carriers::{Account, Carrier, Kind, Places, Said, Twilio, Webhook},
    domain::Timestamp,
};

static TWILIO: LazyLock<Twilio> = LazyLock::new(|| {
    let account = Account {
        account_sid: "AC1".into(),
        auth_tokens: vec!["12345".into(), "67890".into()],
        messaging_service_sid: None,
        places: Places {
            base_url: "https://api.twilio.com".into(),
            public_url: "https://sms.example.com:8443/engine".into(),
            name: "main".into(),
        },
        pace_per_s: 1.0,
    };
    Twilio::new(account).expect("an account that can work")
});

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(6, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let (kind, path_and_query, content_type) = (line(), line(), line());
    let headers =
        [("x-twilio-signature".to_owned(), line()), ("x-twilio-webhooks-signature-settings".to_owned(), line())];
    let kind = if kind == "status" { Kind::Status } else { Kind::Inbound };
    let body = lines.next().unwrap_or_default();
    let request = Webhook {
        kind,
        attempt: None,
        path_and_query: &path_and_query,
        content_type: &content_type,
        headers: &headers,
        body,
        now: Timestamp(0),
    };
    TWILIO.is_signed(&request);
    for said in TWILIO.understand(&request).unwrap_or_default() {
        if let Said::Text(text) = said {
            assert!(text.media.len() <= 10);
            assert!(text.text.as_str().len() <= 3 * body.len() && !text.text.as_str().contains('\0'));
        }
    }
});
