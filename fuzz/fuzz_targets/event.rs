//! An event of Telnyx's: whether it is signed is asked of anybody's, what it says only of Telnyx's.
//!
//! The input: signature and time, each on a line; then the body.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use partyline::{
    carriers::{Carrier, Kind, Places, Said, Telnyx, TelnyxAccount, Webhook},
    domain::Timestamp,
};

static TELNYX: LazyLock<Telnyx> = LazyLock::new(|| {
    let account = TelnyxAccount {
        api_key: "KEY1".into(),
        public_keys: vec!["iojj3XQJ8ZX9UtstPLpdcspnCb8dlBIb83SIAbQPb1w=".into()],
        messaging_profile_id: None,
        places: Places {
            base_url: "https://api.telnyx.com".into(),
            public_url: "https://sms.example.com/engine".into(),
            name: "tx".into(),
        },
        pace_per_s: 1.0,
    };
    Telnyx::new(account).expect("an account that can work")
});

fuzz_target!(|input: &[u8]| {
    let mut lines = input.splitn(3, |byte| *byte == b'\n');
    let mut line = || String::from_utf8_lossy(lines.next().unwrap_or_default()).into_owned();
    let headers = [("telnyx-signature-ed25519".to_owned(), line()), ("telnyx-timestamp".to_owned(), line())];
    let body = lines.next().unwrap_or_default();
    let request = Webhook {
        kind: Kind::Inbound,
        attempt: None,
        path_and_query: "/v1/carriers/tx/inbound",
        content_type: "application/json",
        headers: &headers,
        body,
        now: Timestamp(1_790_000_000_000),
    };
    assert!(!TELNYX.is_signed(&request), "nobody has that key");
    let said = TELNYX.understand(&request).unwrap_or_default();
    for one in &said {
        if let Said::Text(text) = one {
            assert!(text.media.len() <= 10);
            assert!(text.text.as_str().len() <= 3 * body.len() && !text.text.as_str().contains('\0'));
        }
    }
    let size: usize = said.iter().map(|one| format!("{one:?}").len()).sum();
    assert!(size <= 200 * body.len() + 4_000, "a small event is no large text");
});
