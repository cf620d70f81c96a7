//! Octets of a carrier's, over a link.
//!
//! The input: a byte of settings; then the octets.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partyline::carriers::smpp::{Account, DefaultAlphabet, Delivered, ReceiptIds, WINDOW, all_delivered};

fuzz_target!(|input: &[u8]| {
    let Some((settings, octets)) = input.split_first() else { return };
    let account = Account {
        name: "wholesale".into(),
        host: "smsc.example.com".into(),
        port: 2775,
        tls: false,
        system_id: "partyline".into(),
        password: "secret08".into(),
        window: WINDOW,
        data_coding_0: if settings & 1 == 0 { DefaultAlphabet::Gsm7 } else { DefaultAlphabet::Latin1 },
        receipt_ids: [ReceiptIds::Same, ReceiptIds::Hex, ReceiptIds::Decimal][usize::from(settings >> 1) % 3],
        pace_per_s: 1.0,
    };
    let delivered = all_delivered(octets.to_vec(), &account);
    assert!(delivered.len() <= octets.len() / 16, "nothing comes of nothing");
    for one in delivered {
        match one {
            Delivered::Text(text) => {
                assert!(text.to.as_str().starts_with('+') && !text.from.as_str().contains('\0'));
                assert!(text.piece.octets.len() <= text.pdu.len());
                assert!(text.piece.place.is_none_or(|place| (1..=place.total).contains(&place.part)));
            }
            Delivered::Receipt { id, .. } => assert!((1..200).contains(&id.len()) && !id.contains('\0')),
            Delivered::Unreadable { pdu, .. } => assert!((16..=70_000).contains(&pdu.len())),
        }
    }
});
