//! Texts as octets: what a `data_coding` says (SMPP 3.4, 5.2.19; 3GPP TS 23.038, 4), to a carrier and from it.

use serde::{Deserialize, Serialize};

use crate::domain::sms::{
    gsm7::{self, Code, ESCAPE},
    segments::Encoding,
};

/// What `data_coding` 0 means on a link: each carrier has a default of its own.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DefaultAlphabet {
    /// GSM-7, each septet in an octet of its own.
    #[default]
    Gsm7,
    /// ISO 8859-1.
    Latin1,
}

/// The carrier's default.
const DEFAULT: u8 = 0x00;
/// UTF-16, big end first: as "UCS-2" is read by every phone that shows emoji.
const UCS2: u8 = 0x08;

/// How a text is to be encoded: as carriers count it, except that a default of Latin-1 has fewer characters than GSM-7.
pub(super) fn encoding(text: &str, counted: Encoding, default: DefaultAlphabet) -> Encoding {
    let has_all = default == DefaultAlphabet::Gsm7 || text.chars().all(|c| u8::try_from(c).is_ok());
    if has_all { counted } else { Encoding::Ucs2 }
}

/// The `data_coding` and the octets of a text that the encoding has all characters of. (One that it hasn't would be `?`.)
pub(super) fn encode(text: &str, encoding: Encoding, default: DefaultAlphabet) -> (u8, Vec<u8>) {
    match (encoding, default) {
        (Encoding::Ucs2, _) => (UCS2, text.encode_utf16().flat_map(u16::to_be_bytes).collect()),
        (Encoding::Gsm7, DefaultAlphabet::Gsm7) => (DEFAULT, gsm7(text)),
        (Encoding::Gsm7, DefaultAlphabet::Latin1) => {
            (DEFAULT, text.chars().map(|c| u8::try_from(c).unwrap_or(b'?')).collect())
        }
    }
}

/// What octets say. What is wrong in them is U+FFFD, and so is NUL, which no text has. `None`: they are no text, or in an
/// alphabet that is not read here.
pub(super) fn decode(data_coding: u8, octets: &[u8], default: DefaultAlphabet) -> Option<String> {
    let text = match (alphabet(data_coding)?, default) {
        (Alphabet::Default, DefaultAlphabet::Gsm7) => of_gsm7(octets),
        (Alphabet::Default, DefaultAlphabet::Latin1) | (Alphabet::Latin1, _) => {
            octets.iter().map(|octet| char::from(*octet)).collect()
        }
        (Alphabet::Ascii, _) => octets.iter().map(|octet| char::from(*octet)).map(ascii).collect(),
        (Alphabet::Ucs2, _) => of_ucs2(octets),
    };
    Some(text.replace('\0', BROKEN))
}

const BROKEN: &str = "\u{fffd}";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Alphabet {
    Default,
    Ascii,
    Latin1,
    Ucs2,
}

/// SMPP names some alphabets itself; the values that it leaves open are used as telephones do (TS 23.038, 4), among them the
/// texts that are shown at once ("flash").
fn alphabet(data_coding: u8) -> Option<Alphabet> {
    match data_coding {
        0x00 => Some(Alphabet::Default),
        0x01 => Some(Alphabet::Ascii),
        0x03 => Some(Alphabet::Latin1),
        0x08 => Some(Alphabet::Ucs2),
        // The general groups, not compressed: bits 3 and 2 are the alphabet.
        0x10..0x80 if data_coding & 0x20 == 0 => match data_coding & 0x0c {
            0x00 => Some(Alphabet::Default),
            0x08 => Some(Alphabet::Ucs2),
            _ => None,
        },
        // A message waits ("voicemail"), with a text or without.
        0xc0..0xe0 => Some(Alphabet::Default),
        0xe0..0xf0 => Some(Alphabet::Ucs2),
        // By class: bit 2 says that it is binary.
        0xf0.. if data_coding & 0x04 == 0 => Some(Alphabet::Default),
        _ => None,
    }
}

fn gsm7(text: &str) -> Vec<u8> {
    let mut octets = Vec::with_capacity(text.len());
    for character in text.chars() {
        match gsm7::code(character) {
            Some(Code::Basic(septet)) => octets.push(septet),
            Some(Code::Extended(septet)) => octets.extend([ESCAPE, septet]),
            None => octets.push(b'?'),
        }
    }
    octets
}

fn of_gsm7(octets: &[u8]) -> String {
    let mut octets = octets.iter().copied();
    let mut character = || {
        let found = match octets.next()? {
            ESCAPE => octets.next().and_then(gsm7::extended),
            septet => gsm7::basic(septet),
        };
        Some(found.unwrap_or(char::REPLACEMENT_CHARACTER))
    };
    std::iter::from_fn(&mut character).collect()
}

fn ascii(character: char) -> char {
    if character.is_ascii() { character } else { char::REPLACEMENT_CHARACTER }
}

fn of_ucs2(octets: &[u8]) -> String {
    let (pairs, odd) = octets.as_chunks::<2>();
    let units = pairs.iter().map(|pair| u16::from_be_bytes(*pair));
    let mut text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    if !odd.is_empty() {
        text.push_str(BROKEN);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use DefaultAlphabet::{Gsm7, Latin1};
    use proptest::prelude::*;

    fn read(data_coding: u8, octets: &[u8]) -> Option<String> {
        decode(data_coding, octets, Gsm7)
    }

    #[test]
    fn a_text_is_encoded_byte_for_byte() {
        assert_eq!(encode("@{é€", Encoding::Gsm7, Gsm7), (0, vec![0x00, 0x1b, 0x28, 0x05, 0x1b, 0x65]));
        assert_eq!(encode("@{é", Encoding::Gsm7, Latin1), (0, vec![0x40, 0x7b, 0xe9]));
        assert_eq!(encode("ê😀", Encoding::Ucs2, Gsm7), (8, vec![0x00, 0xea, 0xd8, 0x3d, 0xde, 0x00]));
    }

    #[test]
    fn what_latin_1_has_not_got_goes_as_ucs_2() {
        assert_eq!(encoding("€", Encoding::Gsm7, Latin1), Encoding::Ucs2);
        assert_eq!(encoding("Δ", Encoding::Gsm7, Latin1), Encoding::Ucs2);
        assert_eq!(encoding("é{}", Encoding::Gsm7, Latin1), Encoding::Gsm7);
        assert_eq!(encoding("€", Encoding::Gsm7, Gsm7), Encoding::Gsm7);
    }

    #[test]
    fn each_alphabet_is_read() {
        assert_eq!(read(0, &[0x00, 0x1b, 0x65, b'a']).unwrap(), "@€a");
        assert_eq!(decode(0, &[0x40, 0xe9], Latin1).unwrap(), "@é");
        assert_eq!(read(1, b"@a\xe9").unwrap(), "@a\u{fffd}");
        assert_eq!(read(3, &[0x40, 0xe9]).unwrap(), "@é");
        assert_eq!(read(8, &[0xd8, 0x3d, 0xde, 0x00, 0x00, 0xea]).unwrap(), "😀ê");
    }

    #[test]
    fn what_is_shown_at_once_is_read_too_and_what_is_binary_is_not() {
        for of_default in [0x10, 0x13, 0x40, 0x50, 0xc0, 0xd8, 0xf0, 0xf1, 0xf3] {
            assert_eq!(read(of_default, &[0x00]).as_deref(), Some("@"), "{of_default:#x}");
            assert_eq!(decode(of_default, b"@", Latin1).as_deref(), Some("@"), "{of_default:#x}");
        }
        for of_ucs2 in [0x18, 0x1b, 0x48, 0x58, 0xe0] {
            assert_eq!(read(of_ucs2, &[0x00, 0x40]).as_deref(), Some("@"), "{of_ucs2:#x}");
        }
        for unread in [0x02, 0x04, 0x05, 0x06, 0x0e, 0x14, 0x1c, 0x20, 0x38, 0x44, 0x60, 0x80, 0xbf, 0xf4, 0xf5] {
            assert_eq!(read(unread, b"@a"), None, "{unread:#x}");
        }
    }

    #[test]
    fn what_is_broken_shows_and_takes_nothing_else_with_it() {
        assert_eq!(read(0, &[b'a', 0x80, b'b', 0xff]).unwrap(), "a\u{fffd}b\u{fffd}");
        assert_eq!(read(0, &[b'a', 0x1b]).unwrap(), "a\u{fffd}");
        assert_eq!(read(0, &[0x1b, 0x1b, b'a', 0x1b, b'b']).unwrap(), "\u{fffd}ab");
        assert_eq!(read(8, &[0xd8, 0x3d, 0x00, 0x61, 0xde, 0x00]).unwrap(), "\u{fffd}a\u{fffd}");
        assert_eq!(read(8, &[0x00, 0x61, 0x00]).unwrap(), "a\u{fffd}");
        assert_eq!(read(1, b"a\0").unwrap(), "a\u{fffd}");
    }

    #[test]
    fn the_setting_is_written_as_in_the_configuration() {
        assert_eq!(serde_json::to_string(&[Gsm7, Latin1]).unwrap(), r#"["gsm7","latin1"]"#);
    }

    proptest! {
        #[test]
        fn a_text_comes_back(text in "\\PC{0,200}", default in prop_oneof![Just(Gsm7), Just(Latin1)]) {
            let (counted, _) = crate::domain::sms::segments::split(&text);
            let (data_coding, octets) = encode(&text, encoding(&text, counted, default), default);
            prop_assert_eq!(decode(data_coding, &octets, default), Some(text));
        }

        #[test]
        fn any_octets_are_read_within_bounds(data_coding: u8, octets: Vec<u8>, is_latin: bool) {
            let text = decode(data_coding, &octets, if is_latin { Latin1 } else { Gsm7 });
            prop_assert!(text.is_none_or(|t| t.chars().count() <= octets.len() && !t.contains('\0')));
        }
    }
}
