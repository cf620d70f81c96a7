//! What a `deliver_sm` brings: a text, or a piece of one, in any of the forms in which carriers cut long texts.

use super::alphabet::{DefaultAlphabet, decode};

/// A text, or a piece of one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Piece {
    /// Its place in a longer text; none: it is a text by itself.
    pub place: Option<Place>,
    /// How it is written (SMPP 3.4, 5.2.19).
    pub data_coding: u8,
    /// What it says, without a header.
    pub octets: Vec<u8>,
}

/// The place of a piece. Pieces from one sender to one number that have form, reference and total in common are one text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Place {
    /// Who counts the references.
    pub form: Form,
    /// What pieces of one text have in common.
    pub reference: u16,
    /// How many there are: at least 2.
    pub total: u8,
    /// Which it is: 1 to `total`.
    pub part: u8,
}

/// How a piece says its place. References of different forms never meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// In a header, by a reference of 8 bits (3GPP TS 23.040, 9.2.3.24.1).
    Udh8,
    /// In a header, by a reference of 16 bits (9.2.3.24.8).
    Udh16,
    /// Beside the text: `sar_msg_ref_num`, `sar_total_segments`, `sar_segment_seqnum` (SMPP 3.4, 5.3.2.22 to 24).
    Sar,
}

/// The three parameters that tell a piece's place beside the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sar {
    /// `sar_msg_ref_num`.
    pub reference: u16,
    /// `sar_total_segments`.
    pub total: u8,
    /// `sar_segment_seqnum`.
    pub part: u8,
}

/// What stands where pieces didn't come.
const MISSING: &str = "[part missing]";
/// "The octets begin with a header" (SMPP 3.4, 5.2.12).
const HAS_HEADER: u8 = 0x40;

/// Takes what a `deliver_sm` carries apart; `payload` is its `message_payload`. A place that can't be is none: the text is
/// kept in any case, with the header in it if that can't be read, as it may be no header at all.
pub fn piece(esm_class: u8, data_coding: u8, short_message: &[u8], payload: Option<&[u8]>, sar: Option<Sar>) -> Piece {
    let octets = payload.filter(|payload| !payload.is_empty()).unwrap_or(short_message);
    let header = if esm_class & HAS_HEADER == 0 { None } else { header(octets) };
    let (of_header, octets) = header.unwrap_or((None, octets));
    let of_sar = || sar.and_then(|sar| place(Form::Sar, sar.reference, sar.total, sar.part));
    Piece { place: of_header.or_else(of_sar), data_coding, octets: octets.to_vec() }
}

/// What the pieces of a text say together; each stands at its part minus one. Neighbours in the same coding are read as one,
/// as a character may have been cut in two. `None`: one of them can't be read, being binary or in an unknown alphabet.
pub fn joined(parts: &[Option<Piece>], default: DefaultAlphabet) -> Option<String> {
    let coding = |part: &Option<Piece>| part.as_ref().map(|piece| piece.data_coding);
    let runs = parts.chunk_by(|one, next| coding(one) == coding(next));
    runs.map(|run| match run.first().and_then(coding) {
        Some(data_coding) => {
            let octets: Vec<u8> = run.iter().flatten().flat_map(|piece| &piece.octets).copied().collect();
            decode(data_coding, &octets, default)
        }
        None => Some(MISSING.to_owned()),
    })
    .collect()
}

/// The place that a header tells, if any, and what comes after the header (TS 23.040, 9.2.3.24). `None`: it is none.
fn header(octets: &[u8]) -> Option<(Option<Place>, &[u8])> {
    let (length, rest) = octets.split_first()?;
    let (mut elements, text) = rest.split_at_checked((*length).into())?;
    let mut found = None;
    while let [identifier, length, rest @ ..] = elements {
        let (data, others) = rest.split_at_checked((*length).into())?;
        let place = match (identifier, data) {
            (0x00, [reference, total, part]) => place(Form::Udh8, (*reference).into(), *total, *part),
            (0x08, [high, low, total, part]) => place(Form::Udh16, u16::from_be_bytes([*high, *low]), *total, *part),
            _ => None,
        };
        // Of several, the last one counts.
        found = place.or(found);
        elements = others;
    }
    elements.is_empty().then_some((found, text))
}

fn place(form: Form, reference: u16, total: u8, part: u8) -> Option<Place> {
    let is_one = total >= 2 && (1..=total).contains(&part);
    is_one.then_some(Place { form, reference, total, part })
}

#[cfg(test)]
mod tests {
    use super::*;
    use DefaultAlphabet::Gsm7;
    use proptest::prelude::*;

    fn place_of(form: Form, reference: u16, total: u8, part: u8) -> Option<Place> {
        Some(Place { form, reference, total, part })
    }

    fn with_header(octets: &[u8]) -> (Option<Place>, Vec<u8>) {
        let Piece { place, octets, .. } = piece(0x40, 0, octets, None, None);
        (place, octets)
    }

    fn part(data_coding: u8, octets: &[u8]) -> Option<Piece> {
        Some(piece(0, data_coding, octets, None, None))
    }

    #[test]
    fn a_text_by_itself_has_no_place() {
        assert_eq!(piece(0, 8, b"\0a", None, None), Piece { place: None, data_coding: 8, octets: b"\0a".to_vec() });
        assert_eq!(piece(0, 0, &[5, 0, 3, 7, 2, 1], None, None).octets.len(), 6, "no header was announced");
    }

    #[test]
    fn all_forms_of_long_texts_are_known() {
        let of_8 = [5, 0, 3, 7, 2, 1, b'a'];
        let of_16 = [6, 8, 4, 1, 7, 2, 1, b'a'];
        let sar = Sar { reference: 0x107, total: 2, part: 1 };
        assert_eq!(with_header(&of_8), (place_of(Form::Udh8, 7, 2, 1), b"a".to_vec()));
        assert_eq!(with_header(&of_16), (place_of(Form::Udh16, 0x107, 2, 1), b"a".to_vec()));
        assert_eq!(piece(0, 0, b"a", None, Some(sar)).place, place_of(Form::Sar, 0x107, 2, 1));
        let whole = piece(0, 0, b"", Some(&[b'a'; 300]), None);
        assert_eq!((whole.place, whole.octets.len()), (None, 300));
        let in_payload = piece(0x40, 0, b"", Some(&of_8), None);
        assert_eq!((in_payload.place, in_payload.octets), with_header(&of_8));
        assert_eq!(piece(0, 0, b"a", Some(b""), None).octets, b"a");
    }

    #[test]
    fn other_elements_of_a_header_are_skipped() {
        let ports = [11, 5, 4, 0x0b, 0x84, 0x23, 0xf0, 0, 3, 7, 3, 2, b'a'];
        assert_eq!(with_header(&ports), (place_of(Form::Udh8, 7, 3, 2), b"a".to_vec()));
        let twice = [11, 8, 4, 0, 9, 2, 2, 0, 3, 7, 3, 2, b'a'];
        assert_eq!(with_header(&twice).0, place_of(Form::Udh8, 7, 3, 2), "the last counts");
        let none = [3, 0x24, 1, 1, b'a'];
        assert_eq!(with_header(&none), (None, b"a".to_vec()));
        assert_eq!(with_header(&[0, b'a']), (None, b"a".to_vec()));
        let sar = Some(Sar { reference: 7, total: 2, part: 1 });
        assert_eq!(piece(0x40, 0, &none, None, sar).place, place_of(Form::Sar, 7, 2, 1));
    }

    #[test]
    fn a_place_that_can_t_be_is_none_and_the_text_is_kept() {
        for (total, number) in [(0, 0), (0, 1), (1, 1), (2, 0), (2, 3)] {
            assert_eq!(with_header(&[5, 0, 3, 7, total, number, b'a']), (None, b"a".to_vec()));
            let sar = Some(Sar { reference: 7, total, part: number });
            assert_eq!(piece(0, 0, b"a", None, sar), piece(0, 0, b"a", None, None));
        }
        assert_eq!(with_header(&[4, 0, 2, 7, 2, b'a']), (None, b"a".to_vec()), "an element too short");
    }

    #[test]
    fn what_is_no_header_is_kept_as_text() {
        for broken in [&[][..], b"Hello", &[5, 0, 3, 7, 2], &[5, 0, 9, 7, 2, 1, b'a'], &[4, 0x24, 1, 1, 0, b'a']] {
            assert_eq!(with_header(broken), (None, broken.to_vec()));
        }
    }

    #[test]
    fn a_character_cut_in_two_is_whole_again() {
        let emoji = [part(8, &[0x00, 0x61, 0xd8, 0x3d]), part(8, &[0xde, 0x00])];
        assert_eq!(joined(&emoji, Gsm7).unwrap(), "a😀");
        let unit = [part(8, &[0x00, 0x61, 0x00]), part(8, &[0x62])];
        assert_eq!(joined(&unit, Gsm7).unwrap(), "ab");
        let euro = [part(0, &[b'a', 0x1b]), part(0, &[0x65])];
        assert_eq!(joined(&euro, Gsm7).unwrap(), "a€");
    }

    #[test]
    fn pieces_in_several_codings_are_read_each_in_its_own() {
        let mixed = [part(0, &[0x00]), part(8, &[0x00, 0xea]), part(3, &[0xe9]), part(0, &[0x1b])];
        assert_eq!(joined(&mixed, Gsm7).unwrap(), "@êé\u{fffd}");
        assert_eq!(joined(&[part(0, b"a"), part(4, b"b")], Gsm7), None, "one is binary");
    }

    #[test]
    fn what_did_not_come_is_shown_as_missing() {
        let gaps = [None, part(0, b"a"), None, None, part(0, b"b"), None];
        assert_eq!(joined(&gaps, Gsm7).unwrap(), "[part missing]a[part missing]b[part missing]");
        let half = [part(8, &[0x00, 0x61, 0xd8, 0x3d]), None];
        assert_eq!(joined(&half, Gsm7).unwrap(), "a\u{fffd}[part missing]");
    }

    /// Headers that are nearly right, and anything.
    fn octets() -> impl Strategy<Value = Vec<u8>> {
        let element =
            (prop_oneof![Just(0_u8), Just(8), any::<u8>()], 0..6_u8, proptest::collection::vec(0..5_u8, 0..6));
        let elements =
            proptest::collection::vec(element.prop_map(|(id, n, data)| [&[id, n], &data[..]].concat()), 0..4);
        let header = (0..20_u8, elements).prop_map(|(n, elements)| [&[n], &elements.concat()[..]].concat());
        prop_oneof![header, any::<Vec<u8>>()]
    }

    proptest! {
        #[test]
        fn whatever_comes_is_kept(esm: u8, octets in octets(), payload in proptest::option::of(octets()), sar: (u16, u8, u8)) {
            let sar = Sar { reference: sar.0, total: sar.1, part: sar.2 };
            let piece = piece(esm, 0, &octets, payload.as_deref(), Some(sar));
            let whole = payload.filter(|p| !p.is_empty()).unwrap_or(octets);
            prop_assert!(whole.ends_with(&piece.octets));
            let header = whole.len() - piece.octets.len();
            prop_assert!(header == 0 || (esm & 0x40 != 0 && header == 1 + usize::from(whole[0])));
            if let Some(Place { total, part, .. }) = piece.place {
                prop_assert!(total > 1 && part > 0 && part <= total);
            }
        }

        #[test]
        fn what_was_cut_is_joined_in_any_form(text in "\\PC{71,400}", sizes in proptest::collection::vec(1..140_usize, 9)) {
            let octets: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
            let (mut rest, mut parts) = (&octets[..], Vec::new());
            for size in sizes {
                let (cut, after) = rest.split_at(size.min(rest.len()));
                parts.push(part(8, cut));
                rest = after;
            }
            parts.push(part(8, rest));
            prop_assert_eq!(joined(&parts, Gsm7), Some(text));
        }
    }
}
