//! A text in the segments in which it goes out, each a `submit_sm` of its own (SMPP 3.4, 4.4.1).

use crate::domain::sms::segments::{parts, split};

use super::alphabet::{DefaultAlphabet, encode, encoding};

/// What a `submit_sm` carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Segment {
    /// `esm_class` (5.2.12).
    pub(super) esm_class: u8,
    /// `data_coding` (5.2.19).
    pub(super) data_coding: u8,
    /// `short_message`, the header of a part included: at most 160 octets.
    pub(super) octets: Vec<u8>,
}

/// An ordinary text.
const PLAIN: u8 = 0x00;
/// Its octets begin with a header ("UDHI").
const WITH_HEADER: u8 = 0x40;

/// The segments of a text, in their order. `reference` is what parts of one text have in common, and should differ from
/// that of the last ones to the same number. `None`: it would take more parts than can be counted (255).
pub(super) fn segments(text: &str, default: DefaultAlphabet, reference: u8) -> Option<Vec<Segment>> {
    let (counted, _) = split(text);
    let encoding = encoding(text, counted, default);
    let parts = parts(text, encoding);
    let total = u8::try_from(parts.len()).ok()?;
    let segment = |(number, part): (u8, &str)| {
        let (data_coding, octets) = encode(part, encoding, default);
        if total == 1 {
            return Segment { esm_class: PLAIN, data_coding, octets };
        }
        // Five octets follow; "concatenated, 8-bit reference", of three (3GPP TS 23.040, 9.2.3.24.1).
        let header = [0x05, 0x00, 0x03, reference, total, number];
        Segment { esm_class: WITH_HEADER, data_coding, octets: [&header, octets.as_slice()].concat() }
    };
    Some((1..=total).zip(parts).map(segment).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use DefaultAlphabet::{Gsm7, Latin1};
    use proptest::prelude::*;

    fn sent(text: &str) -> Vec<Segment> {
        segments(text, Gsm7, 0xab).unwrap()
    }

    fn part(total: u8, number: u8, data_coding: u8, octets: &[u8]) -> Segment {
        let octets = [&[5, 0, 3, 0xab, total, number], octets].concat();
        Segment { esm_class: 0x40, data_coding, octets }
    }

    #[test]
    fn what_fits_goes_alone() {
        let alone = |data_coding, octets| [Segment { esm_class: 0, data_coding, octets }];
        assert_eq!(sent(""), alone(0, vec![]));
        assert_eq!(sent(&"a".repeat(160)), alone(0, vec![b'a'; 160]));
        assert_eq!(sent(&"€".repeat(80)), alone(0, [0x1b, 0x65].repeat(80)));
        assert_eq!(sent(&"ê".repeat(70)), alone(8, [0x00, 0xea].repeat(70)));
    }

    #[test]
    fn what_does_not_fit_goes_in_parts_of_153() {
        let a = |n| vec![b'a'; n];
        assert_eq!(sent(&"a".repeat(161)), [part(2, 1, 0, &a(153)), part(2, 2, 0, &a(8))]);
        assert_eq!(sent(&"a".repeat(306)), [part(2, 1, 0, &a(153)), part(2, 2, 0, &a(153))]);
        assert_eq!(sent(&"a".repeat(307)), [part(3, 1, 0, &a(153)), part(3, 2, 0, &a(153)), part(3, 3, 0, &a(1))]);
    }

    #[test]
    fn a_euro_at_the_border_goes_whole_into_the_next_part() {
        let text = format!("{}€{}", "a".repeat(152), "b".repeat(7));
        let second = [&[0x1b, 0x65], [b'b'; 7].as_slice()].concat();
        assert_eq!(sent(&text), [part(2, 1, 0, &[b'a'; 152]), part(2, 2, 0, &second)]);
    }

    #[test]
    fn ucs_2_goes_in_parts_of_67_units() {
        let e = |n| [0x00, 0xea].repeat(n);
        assert_eq!(sent(&"ê".repeat(71)), [part(2, 1, 8, &e(67)), part(2, 2, 8, &e(4))]);
    }

    #[test]
    fn an_emoji_at_the_border_goes_whole_into_the_next_part() {
        let text = format!("{}😀ê", "ê".repeat(68));
        let second = [0x00, 0xea].into_iter().chain([0xd8, 0x3d, 0xde, 0x00, 0x00, 0xea]).collect::<Vec<u8>>();
        assert_eq!(sent(&text), [part(2, 1, 8, &[0x00, 0xea].repeat(67)), part(2, 2, 8, &second)]);
        let text = format!("{}😀êêêê", "ê".repeat(66));
        let second = [&[0xd8, 0x3d, 0xde, 0x00], [0x00, 0xea].repeat(4).as_slice()].concat();
        assert_eq!(sent(&text), [part(2, 1, 8, &[0x00, 0xea].repeat(66)), part(2, 2, 8, &second)]);
    }

    #[test]
    fn a_default_of_latin_1_is_written_in_it_or_in_ucs_2() {
        let latin = |text: &str| segments(text, Latin1, 0xab).unwrap();
        assert_eq!(latin("@é"), [Segment { esm_class: 0, data_coding: 0, octets: vec![0x40, 0xe9] }]);
        assert_eq!(latin("€"), [Segment { esm_class: 0, data_coding: 8, octets: vec![0x20, 0xac] }]);
        // Sent as GSM-7 it would be one: as UCS-2 it has 71 units.
        assert_eq!(latin(&"€".repeat(71)).len(), 2);
    }

    #[test]
    fn more_parts_than_can_be_counted_are_none() {
        assert_eq!(sent(&"a".repeat(153 * 255)).len(), 255);
        assert_eq!(segments(&"a".repeat(153 * 255 + 1), Gsm7, 0), None);
    }

    proptest! {
        #[test]
        fn the_segments_say_the_text(text in "\\PC{0,500}", is_latin: bool, reference: u8) {
            let default = if is_latin { Latin1 } else { Gsm7 };
            let segments = segments(&text, default, reference).unwrap();
            let body = |s: &Segment| s.octets[if s.esm_class == 0 { 0 } else { 6 }..].to_vec();
            let said = segments.iter().map(|s| super::super::alphabet::decode(s.data_coding, &body(s), default).unwrap());
            prop_assert_eq!(said.collect::<String>(), text);
            let most = |s: &Segment| if s.data_coding == 0 { 160 } else { 140 };
            prop_assert!(segments.iter().all(|s| s.octets.len() <= most(s)));
        }
    }
}
