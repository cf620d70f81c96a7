//! The words by which people refuse texts, take them again, or ask for help (CTIA Messaging Principles; the words that
//! Twilio and Telnyx take).

use serde::{Deserialize, Serialize};

/// What a text asks for, if it is such a word and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Keyword {
    /// No more texts from this number.
    OptOut,
    /// Texts again, for who had opted out.
    OptIn,
    /// Who is this?
    Help,
}

impl Keyword {
    /// The name in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Keyword::OptOut => "opt_out",
            Keyword::OptIn => "opt_in",
            Keyword::Help => "help",
        }
    }

    /// The keyword of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Keyword::OptOut, Keyword::OptIn, Keyword::Help].into_iter().find(|k| k.as_str() == name)
    }
}

const WORDS: [(&str, Keyword); 13] = [
    ("stop", Keyword::OptOut),
    ("stopall", Keyword::OptOut),
    ("unsubscribe", Keyword::OptOut),
    ("cancel", Keyword::OptOut),
    ("end", Keyword::OptOut),
    ("quit", Keyword::OptOut),
    ("revoke", Keyword::OptOut),
    ("optout", Keyword::OptOut),
    ("start", Keyword::OptIn),
    ("unstop", Keyword::OptIn),
    ("yes", Keyword::OptIn),
    ("help", Keyword::Help),
    ("info", Keyword::Help),
];

/// Longer texts are no keyword: nothing is to be gained by looking at them.
const LONGEST: usize = 64;

/// The keyword that a text is, whatever its case, spaces, hyphens and punctuation.
pub fn keyword(text: &str) -> Option<Keyword> {
    if text.len() > LONGEST {
        return None;
    }
    let bare: String = text.chars().filter(|c| !is_decoration(*c)).flat_map(char::to_lowercase).collect();
    WORDS.iter().find(|(word, _)| *word == bare).map(|(_, keyword)| *keyword)
}

fn is_decoration(c: char) -> bool {
    c.is_whitespace()
        || c.is_ascii_punctuation()
        || matches!(c, '¡' | '¿' | '«' | '»' | '·' | '\u{2000}'..='\u{206f}' | '\u{3000}'..='\u{303f}' | '\u{feff}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_spelling_of_the_words_counts() {
        for text in ["STOP", "stop", " Stop. ", "S T O P", "\"stop\"", "Opt-Out", "OPT OUT", "“Stop”", "stop!!!\n"]
        {
            assert_eq!(keyword(text), Some(Keyword::OptOut), "{text}");
        }
        assert_eq!(keyword("Yes."), Some(Keyword::OptIn));
        assert_eq!(keyword("un-stop"), Some(Keyword::OptIn));
        assert_eq!(keyword("help?"), Some(Keyword::Help));
    }

    #[test]
    fn a_sentence_is_no_keyword() {
        for text in ["", "Stop by at five", "please stop", "the end", "yes please", "help me", "stop2", "…", "СТОП"]
        {
            assert_eq!(keyword(text), None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn decoration_changes_nothing(text in "[a-zA-Z]{1,12}", before in "[ .!-]{0,4}", after in "[ .!?-]{0,4}") {
            prop_assert_eq!(keyword(&format!("{before}{text}{after}")), keyword(&text));
        }
    }
}
