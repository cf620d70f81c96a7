//! What refusals mean where carriers agree, and how their own words are shown to people: cut short, and with neither the
//! text nor a phone number in them.

use std::time::Duration;

use crate::domain::sms::delivery::{DeliveryError, Rejection};

/// What is wrong, and what to do about it.
pub(super) type Reason = (&'static str, &'static str);
/// The reasons that a carrier's codes stand for, in plain words.
pub(super) type Reasons = fn(&str) -> Option<Reason>;

/// A day's cap ends at midnight, US Pacific. The engine waits at most four hours (rules.md, SMS out), and asks again each
/// hour: that needs no time zones, and is right too where a carrier's day ends at another hour.
pub(super) const CAP_PAUSE: Duration = Duration::from_secs(3_600);

/// People see this once the engine no longer tries by itself.
pub(super) const LATER: &str = "Try again later, or tell the administrator if it goes on.";
pub(super) const TEXTABLE: &str = "Check the number, or call instead.";
pub(super) const SENDER: &str = "Ask the administrator to check our number at the carrier.";

pub(super) const TOO_FAST: Reason = ("The carrier takes no more texts just now.", LATER);
pub(super) const DAY_IS_FULL: Reason = ("The number of texts that may be sent in a day is used up.", LATER);
pub(super) const NO_NUMBER: Reason = ("That is not a valid phone number.", "Check the number.");
pub(super) const NOT_IN_USE: Reason = ("That number is unknown, or no longer in use.", TEXTABLE);
pub(super) const LANDLINE: Reason = ("That is a landline, or its network takes no texts.", TEXTABLE);
pub(super) const NO_SENDER: Reason = ("The carrier does not accept our number as a sender.", SENDER);
pub(super) const UNREGISTERED: Reason = (
    "Our number is not registered for texting businesses' customers in the US (A2P 10DLC).",
    "Ask the administrator to register the number at the carrier.",
);
pub(super) const COUNTRY: Reason = (
    "The carrier account may not send texts to that country.",
    "Ask the administrator to allow the country at the carrier.",
);
pub(super) const SAID_STOP: Reason =
    ("They asked for no more texts from this number.", "They can text START to take texts again.");
pub(super) const TOO_LONG: Reason = ("The text is longer than the carrier takes.", "Send it in several shorter texts.");
pub(super) const FILTERED: Reason =
    ("The text was filtered as unwanted.", "Write it differently, without links, or call instead.");
pub(super) const FAILED: Reason =
    ("The carrier could not send it, and does not say why.", "Try again, or call instead.");
pub(super) const UNDELIVERED: Reason =
    ("It did not arrive, and the carrier does not say why.", "Try again, or call instead.");

/// The most characters of a carrier's own words.
const LONGEST: usize = 200;
/// As many digits may be a phone number, however it is written.
const MAY_BE_A_NUMBER: usize = 7;

/// What kind of refusal an answer with this status (above 299) is, if its code says no more; `None` if the text may have
/// gone out all the same.
pub(super) fn by_status(status: u16, retry_after: Option<Duration>) -> Option<Rejection> {
    Some(match status {
        // Who lost the server behind it, or stopped waiting, can't know what that one did with the request.
        408 | 502 | 504 => return None,
        500.. => Rejection::Temporary,
        401 => Rejection::Auth,
        429 => Rejection::Throttled(retry_after),
        400.. => Rejection::Permanent,
        // It is to be asked elsewhere, and did nothing here. (302 and 303 can also mean that it is done.)
        301 | 307 | 308 => Rejection::Temporary,
        _ => return None,
    })
}

/// Why a text was refused by an answer with this status. `said` are the carrier's own words, shown if we have no better
/// ones, and never with the text or a phone number in them.
pub(super) fn refused(
    reasons: Reasons,
    status: u16,
    code: Option<&str>,
    said: Option<&str>,
    text: &str,
) -> DeliveryError {
    let code = code.map_or_else(|| format!("http_{status}"), str::to_owned);
    match status {
        _ if reasons(&code).is_some() => of_code(reasons, code, said),
        300..400 => DeliveryError::carrier(
            code,
            "The carrier is at another address.",
            "Ask the administrator to check base_url.",
        ),
        500.. => DeliveryError::carrier(code, "The carrier has trouble of its own.", LATER),
        _ => of_code(reasons, code, said.filter(|said| text.trim().is_empty() || !said.contains(text.trim()))),
    }
}

/// Why a text that the carrier had taken did not arrive; the code is the carrier's, or the status if it gave none.
pub(super) fn of_code(reasons: Reasons, code: impl Into<String>, said: Option<&str>) -> DeliveryError {
    let code = code.into();
    if let Some((message, remedy)) = reasons(&code) {
        return DeliveryError::carrier(code, message, remedy);
    }
    let said = said.map(shortened).filter(|said| !said.is_empty() && !may_hold_a_number(said));
    let message = said.unwrap_or_else(|| "The carrier did not send it.".to_owned());
    DeliveryError::carrier(code, message, "Ask the administrator to look the code up at the carrier.")
}

/// There was no connection, so nothing was sent.
pub(super) fn unreachable() -> DeliveryError {
    DeliveryError::engine("carrier_unreachable", "The carrier could not be reached.", LATER)
}

fn shortened(said: &str) -> String {
    said.trim().chars().take(LONGEST).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn may_hold_a_number(said: &str) -> bool {
    let has_plus = said.split('+').skip(1).any(|after| after.trim_start().starts_with(|c: char| c.is_ascii_digit()));
    has_plus || said.chars().filter(char::is_ascii_digit).count() >= MAY_BE_A_NUMBER
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reasons(code: &str) -> Option<Reason> {
        (code == "1").then_some(LANDLINE)
    }

    #[test]
    fn the_status_decides_where_no_code_does() {
        let after = Some(Duration::from_secs(7));
        let of = |status| by_status(status, after);
        assert_eq!((of(401), of(429)), (Some(Rejection::Auth), Some(Rejection::Throttled(after))));
        assert_eq!((of(400), of(404)), (Some(Rejection::Permanent), Some(Rejection::Permanent)));
        assert_eq!((of(500), of(503)), (Some(Rejection::Temporary), Some(Rejection::Temporary)));
        assert_eq!((of(502), of(504)), (None, None), "a gateway that lost its server knows nothing");
        assert_eq!((of(301), of(303)), (Some(Rejection::Temporary), None));
    }

    #[test]
    fn our_words_come_before_theirs() {
        assert_eq!(of_code(reasons, "1", Some("Ours are better.")).message, LANDLINE.0);
        assert_eq!(refused(reasons, 503, Some("1"), None, "x").message, LANDLINE.0);
        let trouble = refused(reasons, 503, None, Some("Theirs"), "x");
        assert_eq!(
            (trouble.code.as_str(), trouble.message.as_str()),
            ("http_503", "The carrier has trouble of its own.")
        );
    }

    #[test]
    fn other_codes_have_the_carriers_words_cut_short() {
        let of_code = |said: Option<&str>| of_code(reasons, "77", said);
        assert_eq!(of_code(Some(" Bad\nidea ")).message, "Bad idea");
        assert_eq!(of_code(Some(&"ä".repeat(300))).message, "ä".repeat(200));
        assert_eq!(of_code(Some(" ")).message, of_code(None).message);
    }

    #[test]
    fn the_carriers_words_bring_no_number_and_no_text() {
        let generic = of_code(reasons, "77", None).message;
        let refused = |said, text| refused(reasons, 400, Some("77"), Some(said), text).message;
        for said in ["To +1404 is bad", "To + 1404 is bad", "The number 14045550199 is bad", "(404) 555-0199 is bad"] {
            assert_eq!(of_code(reasons, "77", Some(said)).message, generic, "{said}");
            assert_eq!(refused(said, "hi"), generic, "{said}");
        }
        assert_eq!(refused("Body 'see you' is bad", " see you "), generic);
        assert_eq!(refused("Media is bad", ""), "Media is bad");
    }
}
