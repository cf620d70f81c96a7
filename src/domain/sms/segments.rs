//! How a carrier counts a text: its encoding, and the segments in which it goes out (3GPP TS 23.038 and 23.040).
//!
//! Checked against Twilio's own calculator on thousands of texts (`web/e2e/segments.spec.ts`).

use unicode_segmentation::UnicodeSegmentation;

use super::gsm7::{Code, code};

/// How a text is encoded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// 7 bits a character.
    Gsm7,
    /// 16 bits a UTF-16 unit: one character that GSM-7 hasn't makes the whole text so.
    Ucs2,
}

/// What a text costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// How it is encoded.
    pub encoding: Encoding,
    /// In how many segments it goes out; at least one.
    pub segments: usize,
    /// As the encoding counts them: septets, or UTF-16 units.
    pub characters: usize,
    /// The characters that GSM-7 hasn't, each once, in their order.
    pub unicode_characters: Vec<String>,
}

/// Counts a text as a carrier does.
pub fn estimate(text: &str) -> Estimate {
    let (encoding, parts) = split(text);
    let (segments, characters) = (parts.len(), length(text, encoding));
    Estimate { encoding, segments, characters, unicode_characters: unicode(text) }
}

/// The parts in which a text goes out, and how they are encoded: one that holds it all, or several that make it up.
pub fn split(text: &str) -> (Encoding, Vec<&str>) {
    let is_gsm = text.chars().all(|c| code(c).is_some());
    let encoding = if is_gsm { Encoding::Gsm7 } else { Encoding::Ucs2 };
    (encoding, parts(text, encoding))
}

/// The parts in which a text goes out in this encoding. What people take for one character stays in one part, unless no
/// part has room for it; an escape pair or a surrogate pair always does.
pub fn parts(text: &str, encoding: Encoding) -> Vec<&str> {
    // In parts, each has room for less: a header says which it is (TS 23.040, 9.2.3.24.1).
    let (alone, part) = match encoding {
        Encoding::Gsm7 => (160, 153),
        Encoding::Ucs2 => (70, 67),
    };
    if length(text, encoding) <= alone {
        return vec![text];
    }
    let (mut parts, mut from, mut to, mut free) = (Vec::new(), 0, 0, part);
    for piece in graphemes(text).flat_map(|grapheme| pieces(grapheme, encoding, part)) {
        let size = length(piece, encoding);
        if size > free {
            parts.push(&text[from..to]);
            (from, free) = (to, part);
        }
        to += piece.len();
        free -= size;
    }
    parts.push(&text[from..]);
    parts
}

/// What is not split of a grapheme: all of it, or its characters if it is longer than a part.
fn pieces(grapheme: &str, encoding: Encoding, part: usize) -> Vec<&str> {
    if length(grapheme, encoding) <= part {
        return vec![grapheme];
    }
    grapheme.char_indices().map(|(at, c)| &grapheme[at..at + c.len_utf8()]).collect()
}

fn length(text: &str, encoding: Encoding) -> usize {
    text.chars().map(|c| size(c, encoding)).sum()
}

/// In septets, or UTF-16 units.
fn size(character: char, encoding: Encoding) -> usize {
    match encoding {
        Encoding::Gsm7 if matches!(code(character), Some(Code::Extended(_))) => 2,
        Encoding::Gsm7 => 1,
        Encoding::Ucs2 => character.len_utf16(),
    }
}

fn unicode(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for grapheme in graphemes(text) {
        let is_gsm = grapheme.chars().all(|c| code(c).is_some());
        if !is_gsm && !found.iter().any(|f| f == grapheme) {
            found.push(grapheme.to_owned());
        }
    }
    found
}

/// The signs that join Indic consonants. Since Unicode 15.1 what they join is one character; carriers go on to split it.
const LINKERS: [char; 6] = ['\u{94d}', '\u{9cd}', '\u{acd}', '\u{b4d}', '\u{c4d}', '\u{d4d}'];

/// What carriers take for one character; a line break of two is two.
fn graphemes(text: &str) -> impl Iterator<Item = &str> {
    text.graphemes(true).flat_map(|grapheme| {
        let joined = |at: usize, c: char| {
            let after = at + c.len_utf8();
            let splits = LINKERS.contains(&c) && grapheme[after..].starts_with(char::is_alphabetic);
            (splits || &grapheme[at..] == "\r\n").then_some(after)
        };
        let mut cuts: Vec<_> = grapheme.char_indices().filter_map(|(at, c)| joined(at, c)).collect();
        cuts.push(grapheme.len());
        let mut from = 0;
        cuts.into_iter().map(move |to| &grapheme[std::mem::replace(&mut from, to)..to])
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn counted(text: &str) -> (Encoding, usize, usize) {
        let Estimate { encoding, segments, characters, .. } = estimate(text);
        (encoding, segments, characters)
    }

    #[test]
    fn a_text_of_160_is_one_and_of_161_two() {
        use Encoding::{Gsm7, Ucs2};
        assert_eq!(counted(""), (Gsm7, 1, 0));
        assert_eq!(counted(&"a".repeat(160)), (Gsm7, 1, 160));
        assert_eq!(counted(&"a".repeat(161)), (Gsm7, 2, 161));
        assert_eq!(counted(&"a".repeat(306)), (Gsm7, 2, 306));
        assert_eq!(counted(&"a".repeat(307)), (Gsm7, 3, 307));
        assert_eq!(counted(&"é".repeat(160)), (Gsm7, 1, 160));
        assert_eq!(counted(&"ê".repeat(70)), (Ucs2, 1, 70));
        assert_eq!(counted(&"ê".repeat(71)), (Ucs2, 2, 71));
    }

    #[test]
    fn a_euro_costs_two_and_is_not_split() {
        assert_eq!(counted(&"€".repeat(80)), (Encoding::Gsm7, 1, 160));
        // 152 septets, then an escape pair: it goes whole into the next part.
        assert_eq!(counted(&format!("{}{}", "a".repeat(152), "€".repeat(77))).1, 3);
    }

    #[test]
    fn an_emoji_is_not_split_and_makes_the_text_unicode() {
        assert_eq!(counted(&"😀".repeat(35)), (Encoding::Ucs2, 1, 70));
        assert_eq!(counted(&"😀".repeat(67)).1, 3, "33 in a part of 67 units");
        assert_eq!(estimate("naïve ‘quotes’ ‘’").unicode_characters, ["ï", "‘", "’"]);
    }

    #[test]
    fn a_line_break_of_two_and_joined_consonants_are_counted_apart() {
        assert_eq!(graphemes("a\r\n").collect::<Vec<_>>(), ["a", "\r", "\n"]);
        assert_eq!(graphemes("स्ते").collect::<Vec<_>>(), ["स्", "ते"]);
        assert_eq!(counted("a\r\n"), (Encoding::Gsm7, 1, 3));
    }

    #[test]
    fn a_part_is_filled_and_no_more() {
        let long = "a".repeat(307);
        let (_, parts) = split(&long);
        assert_eq!(parts.iter().map(|p| p.len()).collect::<Vec<_>>(), [153, 153, 1]);
        let euro = format!("{}€{}", "a".repeat(152), "b".repeat(10));
        assert_eq!(split(&euro).1, ["a".repeat(152), format!("€{}", "b".repeat(10))]);
        let family = format!("{}👨‍👩‍👧", "ê".repeat(65));
        assert_eq!(split(&family).1, ["ê".repeat(65).as_str(), "👨‍👩‍👧"]);
    }

    #[test]
    fn a_character_longer_than_a_part_is_split_between_its_marks() {
        let marked = format!("xe{}", "\u{301}".repeat(99));
        let (encoding, parts) = split(&marked);
        assert_eq!(encoding, Encoding::Ucs2);
        assert_eq!(parts, [format!("xe{}", "\u{301}".repeat(65)), "\u{301}".repeat(34)]);
        assert_eq!(counted(&marked), (Encoding::Ucs2, 2, 101));
    }

    /// Of what makes it hard: pairs, joined emoji, marks, line breaks.
    fn texts() -> impl Strategy<Value = String> {
        let gsm = "[a-z€^{}\r\n]{0,400}";
        let pieces = proptest::sample::select(vec!["a", "€", "\r\n", "é", "😀", "👨‍👩‍👧", "🇩🇪", "स्ते", "\u{301}"]);
        let mixed = proptest::collection::vec(pieces, 0..300).prop_map(|pieces| pieces.concat());
        prop_oneof![gsm, mixed, "\\PC{0,300}", "[e\u{301}\u{1f3fd}]{0,300}"]
    }

    proptest! {
        #[test]
        fn more_text_never_costs_less(text in "\\PC{0,300}") {
            let whole = estimate(&text);
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            prop_assert!(estimate(&half).segments <= whole.segments);
            prop_assert!(whole.segments >= 1);
        }

        #[test]
        fn the_parts_are_the_text_and_each_has_room(text in texts()) {
            let (encoding, parts) = split(&text);
            prop_assert_eq!(parts.concat(), text.as_str());
            prop_assert_eq!(parts.len(), estimate(&text).segments);
            let room = match (encoding, parts.len()) {
                (Encoding::Gsm7, 1) => 160,
                (Encoding::Gsm7, _) => 153,
                (Encoding::Ucs2, 1) => 70,
                (Encoding::Ucs2, _) => 67,
            };
            prop_assert!(parts.iter().all(|part| length(part, encoding) <= room));
            prop_assert!(parts.len() == 1 || parts.iter().all(|part| !part.is_empty()));
        }

        #[test]
        fn no_character_that_fits_is_in_two_parts(text in texts()) {
            let (encoding, parts) = split(&text);
            let borders: Vec<usize> = parts.iter().scan(0, |at, part| { *at += part.len(); Some(*at) }).collect();
            let mut at = 0;
            for grapheme in graphemes(&text) {
                let inside = at + 1..at + grapheme.len();
                at += grapheme.len();
                prop_assert!(length(grapheme, encoding) > 67 || !borders.iter().any(|b| inside.contains(b)));
            }
        }
    }
}
