//! What a `deliver_sm` means: a text of somebody's, a piece of one, or a receipt for one of ours.

use crate::domain::{Timestamp, phone::Number, sms::delivery::Receipt};

use super::{
    Account,
    pdu::{Address, Brought, What},
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
    /// When the link was bound, if that was just now: the carrier may bring again what it did not see answered before.
    pub bound_at: Option<Timestamp>,
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
pub(super) fn delivered(what: What, pdu: Vec<u8>, bound_at: Option<Timestamp>, account: &Account) -> Delivered {
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
    Delivered::Text(Box::new(Arrived { from, to, piece, pdu, bound_at }))
}

/// Our numbers come with or without a `+`, whatever type they are said to have.
fn ours(address: &Address) -> Option<Number> {
    Number::owned(&format!("+{}", address.text.trim_start_matches('+'))).ok()
}

/// Numbers abroad are whole, short codes and names are as they are, and a national number is read as at ours.
fn theirs(address: &Address, ours: &Number) -> Option<Number> {
    const INTERNATIONAL: u8 = 1;
    const NATIONAL: u8 = 2;
    const ALPHANUMERIC: u8 = 5;
    let text = address.text.trim();
    let is_digits = text.trim_start_matches('+').chars().all(|c| c.is_ascii_digit());
    let is_short = text.len() < 8;
    match address.ton {
        ALPHANUMERIC => Number::sender(text),
        NATIONAL if is_digits && !is_short => Number::typed(text, &ours.region()?).ok(),
        INTERNATIONAL if is_digits && !is_short => Number::sender(&format!("+{}", text.trim_start_matches('+'))),
        _ if is_digits && !is_short => Number::sender(&format!("+{}", text.trim_start_matches('+'))),
        _ => Number::sender(text),
    }
}
