//! A receipt, in parameters and in words.
//!
//! The input: which parameters there are, `message_state`, the length of the id and the id, three octets of
//! `network_error_code`; then the text.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partyline::carriers::smpp::{ReceiptIds, receipt};

fuzz_target!(|input: &[u8]| {
    let [has, state, length, rest @ ..] = input else { return };
    let (id, rest) = rest.split_at(rest.len().min((*length).into()));
    let (error, text) = rest.split_at(rest.len().min(3));
    let there = |bit: u8| has & bit != 0;
    let found = receipt(
        there(1).then_some(id),
        there(2).then_some(*state),
        there(4).then_some(error),
        if there(8) { rest } else { text },
    );
    let Some(found) = found else { return };
    assert!((1..=65).contains(&found.id.len()));
    for ids in [ReceiptIds::Same, ReceiptIds::Hex, ReceiptIds::Decimal] {
        for name in [ids.of_answer(&found.id), ids.of_receipt(&found.id)] {
            assert!(name.len() < 200);
            assert!(ids != ReceiptIds::Same || ids.of_answer(&name) == name);
        }
    }
});
