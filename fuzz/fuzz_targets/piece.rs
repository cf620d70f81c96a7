//! What a `deliver_sm` brings, in one piece or several.
//!
//! The input: the link's default alphabet, then pieces: `esm_class`, `data_coding`, a byte that says which forms it has,
//! the length of its octets, and these.
#![no_main]

use libfuzzer_sys::fuzz_target;
use partyline::carriers::smpp::{DefaultAlphabet, Sar, joined, piece};

fuzz_target!(|input: &[u8]| {
    let Some((first, mut rest)) = input.split_first() else { return };
    let default = if first & 1 == 0 { DefaultAlphabet::Gsm7 } else { DefaultAlphabet::Latin1 };
    let mut pieces = Vec::new();
    while let [esm_class, data_coding, forms, length, after @ ..] = rest {
        let (octets, others) = after.split_at(after.len().min((*length).into()));
        rest = others;
        let sar = Sar { reference: (*length).into(), total: *esm_class, part: *data_coding };
        let sar = (forms & 1 != 0).then_some(sar);
        let (message, payload) = if forms & 2 == 0 { (octets, None) } else { (&[][..], Some(octets)) };
        let piece = piece(*esm_class, *data_coding, message, payload, sar);
        assert!(octets.ends_with(&piece.octets));
        assert!(piece.place.is_none_or(|place| place.total > 1 && (1..=place.total).contains(&place.part)));
        pieces.push((forms & 4 == 0).then_some(piece));
    }
    if let Some(text) = joined(&pieces, default) {
        assert!(!text.contains('\0') && text.len() <= 3 * input.len() + 14 * pieces.len());
    }
});
