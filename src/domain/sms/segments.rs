//! How a carrier counts a text: its encoding, and the segments in which it goes out (3GPP TS 23.038 and 23.040).
//!
//! Checked against Twilio's own calculator on thousands of texts (`web/e2e/segments.spec.ts`).

use unicode_segmentation::UnicodeSegmentation;

/// The basic characters of GSM-7 (TS 23.038, 6.2.1), each of one septet.
const BASIC: &str = "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿\
                     abcdefghijklmnopqrstuvwxyzäöñüà";
/// Those behind an escape (6.2.1.1), each of two.
const EXTENDED: &str = "\u{c}^{}\\[~]|€";

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
    let unicode_characters = unicode(text);
    let (encoding, sizes): (_, Vec<usize>) = if unicode_characters.is_empty() {
        (Encoding::Gsm7, text.chars().map(septets).collect())
    } else {
        (Encoding::Ucs2, graphemes(text).map(|g| g.encode_utf16().count()).collect())
    };
    let (alone, part) = match encoding {
        Encoding::Gsm7 => (160, 153),
        Encoding::Ucs2 => (70, 67),
    };
    let characters = sizes.iter().sum();
    Estimate { encoding, segments: segments(&sizes, alone, part), characters, unicode_characters }
}

/// In how many parts these go, none of them split. In parts, each has room for less: a header says which it is.
fn segments(sizes: &[usize], alone: usize, part: usize) -> usize {
    if sizes.iter().sum::<usize>() <= alone {
        return 1;
    }
    let mut count = 1;
    let mut free = part;
    for size in sizes {
        if *size > free {
            count += 1;
            free = part;
        }
        free = free.saturating_sub(*size);
    }
    count
}

fn septets(character: char) -> usize {
    if EXTENDED.contains(character) { 2 } else { 1 }
}

fn unicode(text: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for grapheme in graphemes(text) {
        let mut characters = grapheme.chars();
        let alone = characters.next().filter(|_| characters.next().is_none());
        let is_gsm = alone.is_some_and(|c| BASIC.contains(c) || EXTENDED.contains(c));
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
    fn what_is_missing_from_gsm_7_is_known() {
        for missing in ["`", "\t", "ç", "á", "“", "\u{a0}"] {
            assert_eq!(estimate(missing).encoding, Encoding::Ucs2, "{missing}");
        }
        assert_eq!(BASIC.chars().count(), 127, "128 but for the escape");
    }

    proptest! {
        #[test]
        fn more_text_never_costs_less(text in "\\PC{0,300}") {
            let whole = estimate(&text);
            let half: String = text.chars().take(text.chars().count() / 2).collect();
            prop_assert!(estimate(&half).segments <= whole.segments);
            prop_assert!(whole.segments >= 1);
        }
    }
}
