//! What somebody types to find a contact, and which hit is the best.

use std::collections::{BTreeMap, btree_map::Entry};

use crate::domain::{Refusal, phone::Number};

use super::{
    Hit, Source,
    fold::{fold, search_text},
};

/// The most characters of what is typed.
const MAX_CHARACTERS: usize = 100;
/// The most words that are looked for; those after them don't narrow it further.
pub const WORDS_MAX: usize = 4;

/// What is looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Needle {
    /// All of these, anywhere in a name or number; nothing is found by none.
    pub words: Vec<String>,
    /// Or these digits anywhere in a number, where only a number was typed: "(555) 010" is 555010.
    pub digits: Option<String>,
}

/// How well something matches, best first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Rank {
    /// It is the name, or the number.
    Whole,
    /// The name begins so, or the number ends so.
    Edge,
    /// A word of the name begins so.
    Word,
    /// It is somewhere in it.
    Within,
}

impl Needle {
    /// What was typed. `None` if that is nothing.
    pub fn typed(text: &str) -> Result<Option<Self>, Refusal> {
        if text.chars().count() > MAX_CHARACTERS {
            return Err(Refusal::invalid(format!("q: up to {MAX_CHARACTERS} characters")));
        }
        if text.trim().is_empty() {
            return Ok(None);
        }
        let folded = fold(text);
        let words = folded.split(' ').filter(|word| !word.is_empty()).take(WORDS_MAX).map(str::to_owned).collect();
        let is_number = !folded.chars().any(char::is_alphabetic);
        let digits: String = folded.chars().filter(char::is_ascii_digit).collect();
        Ok(Some(Self { words, digits: (is_number && !digits.is_empty()).then_some(digits) }))
    }

    /// How well a name with one number matches; `None` if it doesn't.
    pub fn rank(&self, name: &str, number: &Number) -> Option<Rank> {
        self.rank_text(&search_text(name, [number]))
    }

    /// ... by the text that is searched of it.
    pub fn rank_text(&self, text: &str) -> Option<Rank> {
        let by_words = || {
            let first = self.words.first()?;
            if !self.words.iter().all(|word| text.contains(word.as_str())) {
                return None;
            }
            let all = self.words.join(" ");
            Some(if text.contains(&format!("\n{all}\n")) {
                Rank::Whole
            } else if text.starts_with(&format!("\n{all}")) {
                Rank::Edge
            } else if text.starts_with(&format!("\n{first}")) || text.contains(&format!(" {first}")) {
                Rank::Word
            } else {
                Rank::Within
            })
        };
        let by_digits = || {
            let digits = self.digits.as_deref().filter(|digits| text.contains(digits))?;
            Some(if text.contains(&format!("\n{digits}\n")) {
                Rank::Whole
            } else if text.contains(&format!("{digits}\n")) {
                Rank::Edge
            } else {
                Rank::Within
            })
        };
        by_words().into_iter().chain(by_digits()).min()
    }
}

/// Somebody who may be a hit: what they are called there, and where that is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// What they are called, if that is known.
    pub name: Option<String>,
    /// One of their numbers.
    pub number: Number,
    /// Where they were found.
    pub source: Source,
    /// The phonebook's name, and its place among those of who asks.
    pub phonebook: Option<(i64, String)>,
}

/// The hits, best first, one for each number: what a phonebook says is shown rather than what a call does.
pub fn best(needle: &Needle, candidates: Vec<Candidate>, most: usize) -> Vec<Hit> {
    let mut by_number: BTreeMap<Number, (Rank, Order, Hit)> = BTreeMap::new();
    for Candidate { name, number, source, phonebook } in candidates {
        let Some(rank) = needle.rank(name.as_deref().unwrap_or_default(), &number) else { continue };
        let place = phonebook.as_ref().map_or(i64::MAX, |(place, _)| *place);
        let order = (source, place, name.is_none(), fold(name.as_deref().unwrap_or_default()));
        let hit = Hit { name, number: number.clone(), sources: [source].into(), phonebook: phonebook.map(|(_, n)| n) };
        match by_number.entry(number) {
            Entry::Vacant(free) => drop(free.insert((rank, order, hit))),
            Entry::Occupied(mut there) => {
                let (best, first, shown) = there.get_mut();
                *best = rank.min(*best);
                let sources = shown.sources.union(&hit.sources).copied().collect();
                if order < *first {
                    (*first, *shown) = (order, hit);
                }
                shown.sources = sources;
            }
        }
    }
    let mut hits: Vec<_> = by_number.into_values().collect();
    // Where it was found does not make a hit better than another's; how well it matches, and what it is called, do.
    hits.sort_by(|(rank, (_, _, nameless, name), a), (other, (_, _, without, named), b)| {
        (rank, nameless, name, &a.number).cmp(&(other, without, named, &b.number))
    });
    hits.into_iter().take(most).map(|(_, _, hit)| hit).collect()
}

/// What decides which of two candidates of a number is shown: a phonebook knows better than a call.
type Order = (Source, i64, bool, String);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn needle(text: &str) -> Needle {
        Needle::typed(text).unwrap().unwrap()
    }

    fn number(text: &str) -> Number {
        Number::stored(text.into())
    }

    fn found(name: &str, digits: &str, source: Source) -> Candidate {
        let phonebook = (source == Source::Phonebook).then(|| (0, "Customers".into()));
        let name = (!name.is_empty()).then(|| name.to_owned());
        Candidate { name, number: number(digits), source, phonebook }
    }

    #[test]
    fn any_part_of_a_name_or_number_finds_it() {
        let ann = |q: &str| needle(q).rank("Ann Müller-Lee", &number("+14045550199"));
        assert_eq!(ann("ann muller lee"), Some(Rank::Whole));
        assert_eq!(ann("14045550199"), Some(Rank::Whole));
        assert_eq!(ann("+1 (404) 555-0199"), Some(Rank::Whole));
        for edge in ["A", "ann", "ANN MÜ", "0199", "555-0199", "9"] {
            assert_eq!(ann(edge), Some(Rank::Edge), "{edge}");
        }
        for word in ["mull", "lee", "müller ann"] {
            assert_eq!(ann(word), Some(Rank::Word), "{word}");
        }
        for within in ["ull", "(555) 01", "404", "ee 0199", "nn"] {
            assert_eq!(ann(within), Some(Rank::Within), "{within}");
        }
        for none in ["bob", "(555) 010", "ann bob", "%", "_"] {
            assert_eq!(ann(none), None, "{none}");
        }
        assert_eq!(needle("李").rank("李小龍", &number("+8613800138000")), Some(Rank::Edge));
        assert_eq!(needle("小").rank("李小龍", &number("+8613800138000")), Some(Rank::Within));
    }

    #[test]
    fn nothing_typed_is_no_search_and_too_much_is_refused() {
        assert_eq!(Needle::typed("  "), Ok(None));
        assert!(matches!(Needle::typed(&"a".repeat(101)), Err(Refusal::InvalidRequest(_))));
        assert_eq!(needle("a b c d e f").words.len(), WORDS_MAX);
    }

    #[test]
    fn one_row_for_each_number_with_all_its_sources_and_the_best_first() {
        let (ann, bob) = ("+14045550199", "+14045550188");
        let candidates = vec![
            found("", ann, Source::Conversation),
            found("LEE ANN", ann, Source::Call),
            found("Ann Lee", ann, Source::Phonebook),
            found("Bob Leeds", bob, Source::Call),
        ];
        let hits = best(&needle("lee"), candidates.clone(), 9);
        // The caller's name begins so, which makes it the best; the conversation has no name that could match.
        assert_eq!(hits.iter().map(|h| h.name.as_deref().unwrap()).collect::<Vec<_>>(), ["Ann Lee", "Bob Leeds"]);
        assert_eq!(hits[0].sources, [Source::Phonebook, Source::Call].into());
        let hits = best(&needle("0199"), candidates, 9);
        assert_eq!(hits.len(), 1);
        let hit = &hits[0];
        assert_eq!((hit.name.as_deref(), hit.phonebook.as_deref()), (Some("Ann Lee"), Some("Customers")));
        assert_eq!(hit.sources, [Source::Phonebook, Source::Call, Source::Conversation].into());
    }

    proptest! {
        #[test]
        fn what_was_cut_out_of_a_name_finds_it(name in "\\PC{1,20}", start in 0usize..20, length in 1usize..20) {
            let folded = fold(&name);
            let part: String = folded.chars().skip(start).take(length).collect();
            let few = part.split(' ').filter(|w| !w.is_empty()).count() <= WORDS_MAX;
            if let Ok(Some(needle)) = Needle::typed(&part) && few && !needle.words.is_empty() {
                prop_assert!(needle.rank(&name, &number("+14045550199")).is_some(), "{part:?} in {folded:?}");
            }
        }
    }
}
