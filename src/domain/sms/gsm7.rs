//! The alphabet of telephones, GSM-7 (3GPP TS 23.038, 6.2.1): which characters it has, and as which septets.

/// What comes before a septet of the extension table.
pub const ESCAPE: u8 = 0x1b;

/// The basic characters (6.2.1), each in the place of its septet.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\u{1b}ÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
/// Those behind an escape (6.2.1.1).
const EXTENDED: [(u8, char); 10] = [
    (0x0a, '\u{c}'),
    (0x14, '^'),
    (0x28, '{'),
    (0x29, '}'),
    (0x2f, '\\'),
    (0x3c, '['),
    (0x3d, '~'),
    (0x3e, ']'),
    (0x40, '|'),
    (0x65, '€'),
];

/// How GSM-7 writes a character.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// By one septet.
    Basic(u8),
    /// By an escape, and this one.
    Extended(u8),
}

/// How GSM-7 writes this character; `None` if it hasn't got it.
pub fn code(character: char) -> Option<Code> {
    // Most of a text stands where ASCII has it, and need not be looked for.
    if matches!(character, 'a'..='z' | 'A'..='Z' | '0'..='9' | ' ') {
        return u8::try_from(character).ok().map(Code::Basic);
    }
    let place = BASIC.chars().position(|c| c == character).and_then(|place| u8::try_from(place).ok());
    let extended = || EXTENDED.iter().find(|(_, c)| *c == character).map(|(septet, _)| Code::Extended(*septet));
    place.filter(|septet| *septet != ESCAPE).map(Code::Basic).or_else(extended)
}

/// The character of a septet. `None`: the escape, or no septet.
pub fn basic(septet: u8) -> Option<char> {
    BASIC.chars().nth(septet.into()).filter(|_| septet != ESCAPE)
}

/// The character of a septet that comes after an escape. One that the extension table has not got is what it is without
/// the escape (6.2.1.1).
pub fn extended(septet: u8) -> Option<char> {
    let known = EXTENDED.iter().find(|(s, _)| *s == septet).map(|(_, c)| *c);
    known.or_else(|| basic(septet))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_character_comes_back_from_its_septet() {
        assert_eq!(BASIC.chars().count(), 128);
        let all = BASIC.chars().chain(EXTENDED.iter().map(|(_, c)| *c)).filter(|c| *c != '\u{1b}');
        for character in all {
            let back = match code(character).unwrap() {
                Code::Basic(septet) => basic(septet),
                Code::Extended(septet) => extended(septet),
            };
            assert_eq!(back, Some(character));
        }
    }

    #[test]
    fn septets_are_those_of_the_table() {
        use Code::{Basic, Extended};
        let table =
            [('@', 0x00), ('\n', 0x0a), ('Δ', 0x10), ('Æ', 0x1c), ('¤', 0x24), ('¡', 0x40), ('§', 0x5f), ('à', 0x7f)];
        for (character, septet) in table {
            assert_eq!(code(character), Some(Basic(septet)), "{character}");
        }
        assert_eq!((code('€'), code('{')), (Some(Extended(0x65)), Some(Extended(0x28))));
    }

    #[test]
    fn what_it_has_not_got_is_known() {
        for missing in ['`', '\t', 'ç', 'á', '“', '\u{a0}', '\u{1b}', '\0'] {
            assert_eq!(code(missing), None, "{missing}");
        }
        assert_eq!((basic(ESCAPE), basic(0x80), basic(0xff)), (None, None, None));
        assert_eq!((extended(b'a'), extended(ESCAPE), extended(0x80)), (Some('a'), None, None));
    }
}
