//! Receipts: what became of a text, in parameters (SMPP 3.4, 5.3.2.12, 35 and 31) or in words (appendix B). The words are
//! no standard: each carrier writes them its own way, so they are read leniently.

use crate::domain::sms::delivery::{DeliveryError, Receipt};

use super::ids::LONGEST_ID;

/// A receipt, and of what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipted {
    /// The segment, as the receipt names it: see [`ReceiptIds`](super::ReceiptIds).
    pub id: String,
    /// What became of it.
    pub receipt: Receipt,
}

/// Reads a receipt: `receipted_message_id`, `message_state` and `network_error_code`, and what is not there, or says
/// nothing, from the text. `None`: it doesn't say of which text it is, or what became of it.
pub fn receipt(id: Option<&[u8]>, state: Option<u8>, network_error: Option<&[u8]>, text: &[u8]) -> Option<Receipted> {
    let text = words(text);
    let id = id.and_then(named).or_else(|| field(&text, "id:").and_then(|id| named(id.as_bytes())))?;
    let state = state.and_then(State::of_number).or_else(|| field(&text, "stat:").and_then(State::of_word))?;
    let code = network_error.and_then(of_network).or_else(|| field(&text, "err:").and_then(of_text));
    Some(Receipted { id, receipt: state.receipt(code) })
}

/// Receipts are far shorter, in octets.
const LONGEST_TEXT: usize = 1_024;
/// An error's code is a few digits. What is longer could be a phone number.
const LONGEST_CODE: usize = 6;

/// What became of a text (5.2.28).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    UnderWay,
    Delivered,
    Expired,
    Deleted,
    Undeliverable,
    Rejected,
}

impl State {
    fn of_number(number: u8) -> Option<Self> {
        Some(match number {
            // ENROUTE, ACCEPTED, UNKNOWN
            1 | 6 | 7 => Self::UnderWay,
            2 => Self::Delivered,
            3 => Self::Expired,
            4 => Self::Deleted,
            5 => Self::Undeliverable,
            8 => Self::Rejected,
            _ => return None,
        })
    }

    /// By its beginning: some write words out that others shorten to seven letters.
    fn of_word(word: &str) -> Option<Self> {
        Some(match word.get(..5)?.to_ascii_uppercase().as_str() {
            "ENROU" | "ACCEP" | "UNKNO" => Self::UnderWay,
            "DELIV" => Self::Delivered,
            "EXPIR" => Self::Expired,
            "DELET" => Self::Deleted,
            "UNDEL" | "FAILE" => Self::Undeliverable,
            "REJEC" => Self::Rejected,
            _ => return None,
        })
    }

    /// The code is the carrier's, or the state itself.
    fn receipt(self, code: Option<String>) -> Receipt {
        let error = |name: &str, message, remedy| {
            DeliveryError::carrier(code.clone().unwrap_or_else(|| name.to_owned()), message, remedy)
        };
        match self {
            Self::UnderWay => Receipt::Sent,
            Self::Delivered => Receipt::Delivered,
            Self::Expired => Receipt::Undelivered(error(
                "EXPIRED",
                "Their phone could not be reached in time: off, or out of coverage.",
                "Try again later, or call instead.",
            )),
            Self::Deleted => Receipt::Undelivered(error(
                "DELETED",
                "It was deleted at the carrier.",
                "Send it again if it is still wanted.",
            )),
            Self::Undeliverable => Receipt::Undelivered(error(
                "UNDELIV",
                "It could not be delivered: the number takes no texts, or its network refused it.",
                "Check the number, or call instead.",
            )),
            Self::Rejected => Receipt::Failed(error(
                "REJECTD",
                "The carrier did not send it: it, or their network, rejected the text.",
                "Write it differently, or call instead. If it goes on, tell the administrator.",
            )),
        }
    }
}

/// The fields of a receipt's text, as appendix B names them.
const FIELDS: [&str; 8] = ["id:", "sub:", "dlvrd:", "submit date:", "done date:", "stat:", "err:", "text:"];

/// Of a text in UTF-16, dropping the NULs leaves the letters.
fn words(text: &[u8]) -> String {
    let text = &text[..text.len().min(LONGEST_TEXT)];
    String::from_utf8_lossy(text).replace('\0', "")
}

/// What a field says. Nothing is taken from the quoted text at the end, unless it is the only place: that one may say
/// anything.
fn field<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let quoted = after(text, "text:").map_or(text.len(), |rest| text.len() - rest.len());
    let rest = after(&text[..quoted], name).or_else(|| after(text, name))?.trim_start();
    let is_next = |field: &str| rest.get(..field.len()).is_some_and(|start| start.eq_ignore_ascii_case(field));
    let value = rest.split(char::is_whitespace).next().filter(|value| !value.is_empty());
    value.filter(|_| !FIELDS.iter().any(|field| is_next(field)))
}

/// What comes after a field's name, at the beginning of a word.
fn after<'a>(text: &'a str, name: &str) -> Option<&'a str> {
    let lower = text.to_ascii_lowercase();
    let starts_word = |at: usize| !lower[..at].ends_with(|c: char| c.is_ascii_alphanumeric());
    let found = lower.match_indices(name).find(|(at, _)| starts_word(*at))?;
    text.get(found.0 + name.len()..)
}

/// An id, up to the NUL that ends it; none, if it is empty or longer than any.
fn named(id: &[u8]) -> Option<String> {
    let id = id.split(|octet| *octet == 0).next()?;
    let id = String::from_utf8_lossy(id.get(..id.len().min(LONGEST_ID + 1))?);
    let id = id.trim();
    (!id.is_empty() && id.len() <= LONGEST_ID).then(|| id.to_owned())
}

/// One octet says whose code it is, two are the code.
fn of_network(error: &[u8]) -> Option<String> {
    let [_, high, low] = error else { return None };
    let code = u16::from_be_bytes([*high, *low]);
    (code != 0).then(|| code.to_string())
}

fn of_text(code: &str) -> Option<String> {
    let is_code = code.len() <= LONGEST_CODE && code.chars().all(|c| c.is_ascii_alphanumeric());
    (is_code && code.chars().any(|c| c != '0')).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const WORDS: &str = "id:7220bb6bd0be98fa sub:001 dlvrd:001 submit date:2604011200 done date:2604011201 stat:DELIVRD \
                         err:000 text:Hello id:9 stat:REJECTD";

    fn of_words(text: &str) -> Option<Receipted> {
        receipt(None, None, None, text.as_bytes())
    }

    fn code(receipt: &Receipt) -> &str {
        match receipt {
            Receipt::Failed(error) | Receipt::Undelivered(error) => &error.code,
            Receipt::Sent | Receipt::Delivered => "",
        }
    }

    #[test]
    fn parameters_come_first() {
        let of = |id: &[u8], state| receipt(Some(id), Some(state), None, WORDS.as_bytes()).unwrap();
        assert_eq!(of(b"abc\0", 1), Receipted { id: "abc".into(), receipt: Receipt::Sent });
        assert_eq!(of(b"abc", 2), Receipted { id: "abc".into(), receipt: Receipt::Delivered });
        assert_eq!(of(b"\0", 99).id, "7220bb6bd0be98fa", "what says nothing leaves it to the text");
        assert_eq!(of(b"abc", 99).receipt, Receipt::Delivered);
        assert_eq!(receipt(Some(&[b'a'; 66]), Some(2), None, b""), None, "no id is so long");
        assert_eq!(receipt(Some(b"abc"), None, None, b""), None);
        assert_eq!(receipt(None, Some(2), None, b"stat:DELIVRD"), None);
    }

    #[test]
    fn words_are_read_however_they_are_written() {
        let delivered = Receipted { id: "7a".into(), receipt: Receipt::Delivered };
        for text in [
            "id:7a sub:001 dlvrd:001 submit date:2604011200 done date:2604011201 stat:DELIVRD err:000 text:Hello",
            "ID: 7a SUB: 001 STAT: delivrd",
            "stat:DELIVERED err:0 id:7a",
            "Id:7a\r\nStat:Delivrd\r\n",
            "text: id:7a stat:DELIVRD",
            "\u{fffd}id:7a sub: submit date:stat:DELIVRD",
        ] {
            assert_eq!(of_words(text).as_ref(), Some(&delivered), "{text}");
        }
        assert_eq!(of_words(WORDS).unwrap().receipt, Receipt::Delivered, "what is quoted doesn't count");
        let utf16: Vec<u8> = "id:7a stat:DELIVRD".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(receipt(None, None, None, &utf16), Some(delivered));
        let garbage = receipt(None, None, None, b"\xff\xfe id:7\xff stat:DELIVRD \xc3").unwrap();
        assert_eq!(garbage.id, "7\u{fffd}");
    }

    #[test]
    fn what_is_not_said_is_not_made_up() {
        for text in ["", "Hello", "id: stat:DELIVRD", "id: sub:001 stat:DELIVRD", "id: submit date:1 stat:DELIVRD"] {
            assert_eq!(of_words(text), None, "{text}");
        }
        for text in ["id:7a", "id:7a stat:", "id:7a stat: err:000", "id:7a stat:WHAT", "msgid:7a stat:DELIVRD"] {
            assert_eq!(of_words(text), None, "{text}");
        }
    }

    #[test]
    fn every_state_has_its_meaning() {
        let of = |number, word: &str| {
            let by_number = receipt(Some(b"7a"), Some(number), None, b"").unwrap();
            assert_eq!(of_words(&format!("id:7a stat:{word}")).as_ref(), Some(&by_number), "{word}");
            by_number.receipt
        };
        assert_eq!(of(1, "ENROUTE"), Receipt::Sent);
        assert_eq!(of(6, "ACCEPTD"), Receipt::Sent);
        assert_eq!(of(7, "UNKNOWN"), Receipt::Sent);
        assert_eq!(of(2, "DELIVRD"), Receipt::Delivered);
        for (number, word) in [(3, "EXPIRED"), (4, "DELETED"), (5, "UNDELIV")] {
            let receipt = of(number, word);
            assert!(matches!(receipt, Receipt::Undelivered(_)), "{word}");
            assert_eq!(code(&receipt), word);
        }
        let rejected = of(8, "REJECTD");
        assert!(matches!(rejected, Receipt::Failed(_)));
        assert_eq!(code(&rejected), "REJECTD");
    }

    #[test]
    fn the_carriers_own_code_is_shown() {
        let of = |network: Option<&[u8]>, text: &str| {
            let receipted = receipt(Some(b"7a"), Some(5), network, text.as_bytes()).unwrap();
            code(&receipted.receipt).to_owned()
        };
        assert_eq!(of(None, "err:034"), "034");
        assert_eq!(of(Some(&[3, 1, 2]), "err:034"), "258");
        for nothing in ["err:000", "err:", "err:14045550199", "err:a-b"] {
            assert_eq!(of(Some(&[3, 0, 0]), nothing), "UNDELIV", "{nothing}");
        }
        assert_eq!(of(Some(&[3]), ""), "UNDELIV");
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_within_bounds(id: Option<Vec<u8>>, state: Option<u8>, network: Option<Vec<u8>>, text: Vec<u8>) {
            let found = receipt(id.as_deref(), state, network.as_deref(), &text);
            prop_assert!(found.is_none_or(|r| (1..=LONGEST_ID).contains(&r.id.len())));
        }

        #[test]
        fn words_with_something_wrong_are_read_or_not(at in 0..WORDS.len(), wrong: Vec<u8>, cut in 0..9_usize) {
            let end = (at + cut).min(WORDS.len());
            let text = [&WORDS.as_bytes()[..at], &wrong, &WORDS.as_bytes()[end..]].concat();
            if let Some(found) = receipt(None, None, None, &text) {
                prop_assert!((1..=LONGEST_ID).contains(&found.id.len()));
            }
        }
    }
}
