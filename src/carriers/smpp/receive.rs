//! What a `deliver_sm` means: a text of somebody's, a piece of one, or a receipt for one of ours.

use crate::domain::{phone::Number, sms::delivery::Receipt};

use super::{
    Account,
    pdu::{Address, Brought, Heard, What, framed, read},
    piece::{Piece, joined, piece},
    receipt::receipt,
};

/// The bits of `esm_class` that say what a message is (SMPP 3.4, 5.2.12).
const MESSAGE_TYPE: u8 = 0b0011_1100;
/// A receipt of what became of a text.
const RECEIPT: u8 = 0x04;
/// News of one that is still on its way.
const INTERMEDIATE: u8 = 0x20;

/// What a carrier brings over its link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivered {
    /// A text, or a piece of one.
    Text(Box<Arrived>),
    /// News of a segment that went out, by the carrier's name for it.
    Receipt {
        /// As [`super::ReceiptIds`] writes it.
        id: String,
        /// What became of it.
        receipt: Receipt,
    },
    /// What can't be understood: it is kept whole.
    Unreadable {
        /// Why.
        reason: &'static str,
        /// The whole PDU.
        pdu: Vec<u8>,
    },
}

/// A text that came, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrived {
    /// Who sent it.
    pub from: Number,
    /// Which of our numbers it is for.
    pub to: Number,
    /// What it says, or where that belongs.
    pub piece: Piece,
    /// The whole PDU: the same again, but for its number, may be the same text again.
    pub pdu: Vec<u8>,
}

impl Delivered {
    /// For the metrics.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Delivered::Text(_) => "text",
            Delivered::Receipt { .. } => "receipt",
            Delivered::Unreadable { .. } => "unreadable",
        }
    }
}

/// What a PDU brings.
pub(super) fn delivered(what: What, pdu: Vec<u8>, account: &Account) -> Delivered {
    let What::Brought(brought) = what else { return Delivered::Unreadable { reason: "its fields can't be read", pdu } };
    if matches!(brought.esm_class & MESSAGE_TYPE, RECEIPT | INTERMEDIATE) {
        let text = brought.message_payload.as_deref().unwrap_or(&brought.short_message);
        let receipted = receipt(
            brought.receipted_message_id.as_deref(),
            brought.message_state,
            brought.network_error_code.as_deref(),
            text,
        );
        return match receipted {
            Some(found) => Delivered::Receipt { id: account.receipt_ids.of_receipt(&found.id), receipt: found.receipt },
            None => Delivered::Unreadable { reason: "a receipt that doesn't say of what", pdu },
        };
    }
    let Some(to) = ours(&brought.to) else { return Delivered::Unreadable { reason: "it is for no number", pdu } };
    let Some(from) = theirs(&brought.from, &to) else {
        return Delivered::Unreadable { reason: "it is from nobody", pdu };
    };
    let Brought { esm_class, data_coding, short_message, message_payload, sar, .. } = *brought;
    let piece = piece(esm_class, data_coding, &short_message, message_payload.as_deref(), sar);
    if joined(&[Some(piece.clone())], account.data_coding_0).is_none() {
        return Delivered::Unreadable { reason: "its data_coding is no text's", pdu };
    }
    Delivered::Text(Box::new(Arrived { from, to, piece, pdu }))
}

/// All that a carrier's octets bring, up to where they are no PDUs any more.
pub fn all_delivered(mut octets: Vec<u8>, account: &Account) -> Vec<Delivered> {
    let mut found = vec![];
    while let Ok(Some(pdu)) = framed(&mut octets) {
        let Heard { what, .. } = read(&pdu);
        if matches!(what, What::Brought(_) | What::Unreadable) {
            found.push(delivered(what, pdu, account));
        }
    }
    found
}

/// Our numbers come with or without a `+`, whatever type they are said to have.
fn ours(address: &Address) -> Option<Number> {
    Number::owned(&format!("+{}", address.text.trim_start_matches('+'))).ok()
}

/// Numbers abroad are whole, short codes and names are as they are, and a national number is read as at ours.
fn theirs(address: &Address, ours: &Number) -> Option<Number> {
    const UNKNOWN: u8 = 0;
    const NATIONAL: u8 = 2;
    const ALPHANUMERIC: u8 = 5;
    let text = address.text.trim();
    let is_digits = text.trim_start_matches('+').chars().all(|c| c.is_ascii_digit());
    let is_short = text.len() < 8;
    let is_american = ours.as_str().starts_with("+1") && text.len() == 10;
    match address.ton {
        ALPHANUMERIC => Number::sender(text),
        NATIONAL if is_digits && !is_short => Number::typed(text, &ours.region()?).ok(),
        // A whole number of North America's has eleven digits.
        UNKNOWN if is_digits && is_american => Number::typed(text, &ours.region()?).ok(),
        _ if is_digits && !is_short => Number::sender(&format!("+{}", text.trim_start_matches('+'))),
        _ => Number::sender(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn address(ton: u8, text: &str) -> Address {
        Address { ton, npi: 1, text: text.into() }
    }

    fn text() -> Brought {
        let (from, to) = (address(1, "14045550199"), address(1, "14045550100"));
        Brought { from, to, short_message: b"Hello".to_vec(), ..Brought::default() }
    }

    fn of(brought: Brought) -> Delivered {
        delivered(What::Brought(Box::new(brought)), vec![1], &Account::for_tests())
    }

    fn between(from: Address, to: Address) -> Option<(String, String)> {
        match of(Brought { from, to, ..text() }) {
            Delivered::Text(text) => Some((text.from.as_str().into(), text.to.as_str().into())),
            _ => None,
        }
    }

    #[test]
    fn numbers_are_read_as_carriers_write_them() {
        let ours = || address(1, "14045550100");
        let from = |ton, text| between(address(ton, text), ours()).map(|(from, _)| from);
        for (ton, text, read) in [
            (1, "14045550199", "+14045550199"),
            (1, "+14045550199", "+14045550199"),
            (0, "14045550199", "+14045550199"),
            (1, "494045550199", "+494045550199"),
            (2, "4045550199", "+14045550199"),
            (0, "4045550199", "+14045550199"),
            (1, "4940123456", "+4940123456"),
            (3, "72345", "72345"),
            (1, "72345", "72345"),
            (5, "Bank", "Bank"),
            (5, "1234567890", "+1234567890"),
        ] {
            assert_eq!(from(ton, text).as_deref(), Some(read), "{ton} {text}");
        }
        assert_eq!(from(1, ""), None);
        let to = |ton, text| between(address(1, "14045550199"), address(ton, text)).map(|(_, to)| to);
        for (ton, text) in [(1, "14045550100"), (0, "14045550100"), (2, "14045550100"), (1, "+14045550100")] {
            assert_eq!(to(ton, text).as_deref(), Some("+14045550100"), "{ton} {text}");
        }
        assert_eq!((to(1, ""), to(1, "Bank")), (None, None));
    }

    #[test]
    fn a_message_is_a_text_or_a_receipt_by_its_type() {
        let receipt = Brought { receipted_message_id: Some(b"1a2b\0".to_vec()), message_state: Some(2), ..text() };
        let typed = |esm_class| of(Brought { esm_class, ..receipt.clone() });
        for esm_class in [RECEIPT, INTERMEDIATE, RECEIPT | 0x03] {
            let expected = Delivered::Receipt { id: "1a2b".into(), receipt: Receipt::Delivered };
            assert_eq!(typed(esm_class), expected, "{esm_class:#x}");
        }
        // Words of a person's that look like a receipt are theirs.
        assert!(matches!(typed(0), Delivered::Text(_)));
    }

    #[test]
    fn what_can_not_be_used_is_kept_whole() {
        let kept = |brought| matches!(of(brought), Delivered::Unreadable { pdu, .. } if pdu == [1]);
        assert!(kept(Brought { esm_class: RECEIPT, ..text() }), "of what?");
        assert!(kept(Brought { to: Address::default(), ..text() }));
        assert!(kept(Brought { from: Address::default(), ..text() }));
        assert!(kept(Brought { data_coding: 4, ..text() }), "binary");
        assert!(matches!(delivered(What::Unreadable, vec![1], &Account::for_tests()), Delivered::Unreadable { .. }));
    }

    proptest! {
        #[test]
        fn no_fields_make_it_panic(
            ton: u8, from in ".{0,21}", to in "[+0-9]{0,15}", esm_class: u8, data_coding: u8,
            octets in prop::collection::vec(any::<u8>(), 0..60),
        ) {
            let (from, to) = (address(ton, &from), address(ton, &to));
            of(Brought { from, to, esm_class, data_coding, short_message: octets, ..text() });
        }
    }
}
