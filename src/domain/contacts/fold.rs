//! Text as it is searched: accents, case and punctuation don't matter.

use unicode_normalization::{UnicodeNormalization, char::is_combining_mark};

use crate::domain::phone::Number;

/// "Müller-O’Brien  (Ltd.)" is "muller obrien ltd": letters and digits in words, one space between them.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let plain = text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase);
    for c in plain {
        match c {
            // Letters that Unicode does not take apart.
            'ß' => folded.push_str("ss"),
            'æ' => folded.push_str("ae"),
            'œ' => folded.push_str("oe"),
            'þ' => folded.push_str("th"),
            'ø' => folded.push('o'),
            'ł' => folded.push('l'),
            'đ' | 'ð' => folded.push('d'),
            'ı' => folded.push('i'),
            // These stand within a word.
            '\'' | '’' | 'ʼ' | '`' | '.' => {}
            c if is_combining_mark(c) => {}
            c if c.is_alphanumeric() => folded.push(c),
            _ if folded.ends_with(' ') || folded.is_empty() => {}
            _ => folded.push(' '),
        }
    }
    folded.truncate(folded.trim_end().len());
    folded
}

/// What is searched of a name and its numbers: a line of each, the numbers as digits. Lines begin and end with a line
/// feed, so that a beginning or an end can be asked for.
pub fn search_text<'a>(name: &str, numbers: impl IntoIterator<Item = &'a Number>) -> String {
    let mut text = format!("\n{}\n", fold(name));
    for number in numbers {
        text.extend(number.as_str().chars().filter(char::is_ascii_alphanumeric));
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accents_case_and_punctuation_don_t_matter() {
        for (written, folded) in [
            ("Müller", "muller"),
            ("MÜLLER", "muller"),
            ("Mu\u{308}ller", "muller"),
            ("Straße", "strasse"),
            ("Søren Ærø", "soren aero"),
            ("O’Brien", "obrien"),
            ("J.R. Smith-Jones, Ltd.", "jr smith jones ltd"),
            ("李小龍", "李小龍"),
            ("İstanbul", "istanbul"),
            ("  Ann   Lee ", "ann lee"),
            ("（５５５） ０１０", "555 010"),
            ("%_'\n", ""),
        ] {
            assert_eq!(fold(written), folded, "{written}");
        }
    }

    #[test]
    fn what_is_folded_stays_so() {
        for text in ["Ǆ Ωmega ﬁ ½", "ά Ελλάδα", "Ａｎｎ", "が", "ﷺ"] {
            assert_eq!(fold(&fold(text)), fold(text), "{text}");
        }
    }

    #[test]
    fn a_number_is_its_digits() {
        let number = Number::stored("+14045550199".into());
        assert_eq!(search_text("Ann Lee", [&number]), "\nann lee\n14045550199\n");
        assert_eq!(search_text("Ann Lee", []), "\nann lee\n");
    }
}
