//! Who wants no texts: our own record, by number of ours or for the whole company. It is checked at every send, and once
//! more, so that it binds, in the transaction that takes a delivery from `queued` to `sending`.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{ExtensionId, Timestamp, phone::Number};

use super::keywords::Keyword;

/// Whether somebody takes texts, as last recorded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Consent {
    /// From which of our numbers; none: from the whole company.
    pub our_number: Option<Number>,
    /// Who.
    pub number: Number,
    /// Whether they want none.
    pub opted_out: bool,
    /// How we know.
    pub source: Source,
    /// Which of us recorded it.
    pub by: Option<ExtensionId>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// Since when.
    pub at: Timestamp,
}

/// How we know that somebody wants no texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// They texted a word of consent.
    Keyword,
    /// The carrier said so.
    Carrier,
    /// They told one of us.
    Agent,
    /// The PBX, or an administrator, recorded it.
    Pbx,
}

impl Source {
    const ALL: [Source; 4] = [Source::Keyword, Source::Carrier, Source::Agent, Source::Pbx];

    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Keyword => "keyword",
            Source::Carrier => "carrier",
            Source::Agent => "agent",
            Source::Pbx => "pbx",
        }
    }

    /// The source of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }
}

/// The words of the gray pill.
pub fn words(opted_out: bool, our_number: Option<&Number>) -> String {
    let what = if opted_out { "Opted out of" } else { "Opted in to" };
    our_number.map_or_else(|| format!("{what} all texts"), |ours| format!("{what} texts from {}", ours.international()))
}

/// Automatic texts of a pair in an hour.
pub const AUTOMATIC_PER_HOUR: usize = 3;
const HOUR: Duration = Duration::from_secs(3_600);
const DAY: Duration = Duration::from_secs(24 * 3_600);

/// Whether a word of consent is answered: once a word and day, within the pair's budget, and only to who can be texted.
/// `sent` are the automatic texts to the pair so far, with their times.
pub fn may_answer(keyword: Keyword, theirs: &Number, sent: &[(Option<Keyword>, Timestamp)], now: Timestamp) -> bool {
    let already = sent.iter().any(|(what, at)| *what == Some(keyword) && now.since(*at) < DAY);
    may_send_automatically(theirs, sent, now) && !already
}

/// Whether a text may go out by itself at all: within the pair's budget, and only to who can be texted.
pub fn may_send_automatically(theirs: &Number, sent: &[(Option<Keyword>, Timestamp)], now: Timestamp) -> bool {
    let lately = sent.iter().filter(|(_, at)| now.since(*at) < HOUR).count();
    theirs.is_textable() && lately < AUTOMATIC_PER_HOUR
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp(minutes * 60_000_000)
    }

    fn customer() -> Number {
        Number::stored("+14045550199".into())
    }

    #[test]
    fn a_word_is_answered_once_a_day() {
        let sent = [(Some(Keyword::Help), at(0))];
        assert!(!may_answer(Keyword::Help, &customer(), &sent, at(24 * 60 - 1)));
        assert!(may_answer(Keyword::Help, &customer(), &sent, at(24 * 60)));
        assert!(may_answer(Keyword::OptOut, &customer(), &sent, at(1)));
    }

    #[test]
    fn two_robots_end_by_the_budget() {
        let sent = [(None, at(0)), (None, at(1)), (Some(Keyword::OptOut), at(2))];
        assert!(!may_answer(Keyword::Help, &customer(), &sent, at(3)));
        assert!(may_answer(Keyword::Help, &customer(), &sent, at(60)));
    }

    #[test]
    fn short_codes_and_names_get_no_automatic_texts() {
        for sender in ["72345", "PARCELCO"] {
            assert!(!may_answer(Keyword::Help, &Number::stored(sender.into()), &[], at(0)));
        }
    }

    #[test]
    fn the_pill_names_our_number_for_people() {
        let ours = Number::stored("+14045550100".into());
        assert_eq!(words(true, Some(&ours)), "Opted out of texts from +1 404-555-0100");
        assert_eq!(words(false, Some(&ours)), "Opted in to texts from +1 404-555-0100");
        assert_eq!(words(true, None), "Opted out of all texts");
    }
}
