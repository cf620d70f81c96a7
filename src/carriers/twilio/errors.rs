//! What Twilio's errors mean: for the engine, and in plain words for people (Twilio's documentation: "Error and Warning
//! Dictionary").

use std::time::Duration;

use crate::domain::sms::delivery::{DeliveryError, Rejection};

/// The code of "they said stop".
pub(super) const OPTED_OUT: &str = "21610";

/// A day's cap ends at midnight, US Pacific. The engine waits at most four hours (rules.md, SMS out), and asks again each
/// hour: that needs no time zones, and is right too where a carrier's day ends at another hour.
const CAP_PAUSE: Duration = Duration::from_secs(3_600);
/// The most characters of a carrier's own words.
const LONGEST: usize = 200;
/// People see this once the engine no longer tries by itself.
const LATER: &str = "Try again later, or tell the administrator if it goes on.";
/// As many digits may be a phone number, however it is written.
const MAY_BE_A_NUMBER: usize = 7;

/// What kind of refusal an answer with this status (above 299) and error code is; `None` if the text may have gone out
/// all the same.
pub(super) fn refusal(status: u16, code: Option<&str>, retry_after: Option<Duration>) -> Option<Rejection> {
    Some(match (status, code) {
        // A gateway that lost its server can't know what that one did with the request. Twilio's own refusal says so, in
        // JSON and with a code.
        (502 | 504, None) => return None,
        (500.., _) => Rejection::Temporary,
        (400.., Some("20003")) => Rejection::Auth,
        (400.., Some("20429" | "21611" | "30001" | "30022")) => Rejection::Throttled(retry_after),
        (400.., Some("30023" | "30027")) => Rejection::Throttled(Some(CAP_PAUSE)),
        (400.., Some(OPTED_OUT)) => Rejection::OptedOut,
        (401, _) => Rejection::Auth,
        (429, _) => Rejection::Throttled(retry_after),
        (400.., _) => Rejection::Permanent,
        // It is to be asked elsewhere, and did nothing here. (302 and 303 can also mean that it is done.)
        (301 | 307 | 308, _) => Rejection::Temporary,
        _ => return None,
    })
}

/// Why a text was refused by an answer with this status. `said` are the carrier's own words, shown if we have no better
/// ones, and never with the text or a phone number in them.
pub(super) fn refused(status: u16, code: Option<&str>, said: Option<&str>, text: &str) -> DeliveryError {
    let code = code.map_or_else(|| format!("http_{status}"), str::to_owned);
    match status {
        _ if words(&code).is_some() => of_code(code, said),
        300..400 => DeliveryError::carrier(
            code,
            "The carrier is at another address.",
            "Ask the administrator to check base_url.",
        ),
        500.. => DeliveryError::carrier(code, "The carrier has trouble of its own.", LATER),
        _ => of_code(code, said.filter(|said| text.trim().is_empty() || !said.contains(text.trim()))),
    }
}

/// Why a text that the carrier had taken did not arrive; the code is the carrier's, or the status if it gave none.
pub(super) fn of_code(code: impl Into<String>, said: Option<&str>) -> DeliveryError {
    let code = code.into();
    if let Some((message, remedy)) = words(&code) {
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

/// The reason, and what to do.
fn words(code: &str) -> Option<(&'static str, &'static str)> {
    const TEXTABLE: &str = "Check the number, or call instead.";
    const SENDER: &str = "Ask the administrator to check our number at the carrier.";
    Some(match code {
        "20003" | "http_401" => (
            "The carrier does not accept our credentials.",
            "Ask the administrator to check the account and its token.",
        ),
        "20429" | "http_429" | "21611" | "30001" | "30022" => ("The carrier takes no more texts just now.", LATER),
        "21211" => ("That is not a valid phone number.", "Check the number."),
        "21212" => ("The carrier does not accept our number as a sender.", SENDER),
        "21408" => (
            "The carrier account may not send texts to that country.",
            "Ask the administrator to allow the country at the carrier.",
        ),
        "21606" => ("Our number can't send texts with this carrier account.", SENDER),
        "21608" => (
            "The carrier account is on trial and may only text numbers that were verified there.",
            "Ask the administrator to upgrade the account, or to verify the number.",
        ),
        OPTED_OUT => ("They asked for no more texts from this number.", "They can text START to take texts again."),
        "21612" => {
            ("The carrier can't send from our number to theirs.", "Try another number of ours, or call instead.")
        }
        "21614" => ("That number can't receive texts.", TEXTABLE),
        "21617" => ("The text is longer than the carrier takes.", "Send it in several shorter texts."),
        "30003" => ("Their phone can't be reached: off, or out of coverage.", "Try again later, or call instead."),
        "30004" => ("The text was blocked: they, or their network, take none from us.", "Call instead."),
        "30005" => ("That number is unknown, or no longer in use.", TEXTABLE),
        "30006" => ("That is a landline, or its network takes no texts.", TEXTABLE),
        "30007" => ("The text was filtered as unwanted.", "Write it differently, without links, or call instead."),
        "30008" => ("It did not arrive, and the carrier does not know why.", "Try again, or call instead."),
        "30023" | "30027" => ("The number of texts that may be sent in a day is used up.", LATER),
        "30034" => (
            "Our number is not registered for texting businesses' customers in the US (A2P 10DLC).",
            "Ask the administrator to register the number at the carrier.",
        ),
        "failed" => ("The carrier could not send it, and does not say why.", "Try again, or call instead."),
        "undelivered" => ("It did not arrive, and the carrier does not say why.", "Try again, or call instead."),
        "canceled" => ("It was canceled at the carrier.", "Send it again if it is still wanted."),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sms::delivery::Source;

    #[test]
    fn each_code_is_of_its_class() {
        let after = Some(Duration::from_secs(7));
        let of = |status, code| refusal(status, Some(code), after);
        assert_eq!(of(401, "20003"), Some(Rejection::Auth));
        assert_eq!(of(403, "20003"), Some(Rejection::Auth));
        for code in ["20429", "21611", "30001", "30022"] {
            assert_eq!(of(400, code), Some(Rejection::Throttled(after)), "{code}");
        }
        for code in ["30023", "30027"] {
            assert_eq!(of(400, code), Some(Rejection::Throttled(Some(Duration::from_secs(3_600)))), "{code}");
        }
        assert_eq!(of(400, "21610"), Some(Rejection::OptedOut));
        for code in ["21211", "21614", "21212", "21606", "21612", "21408", "21617", "21608", "99999"] {
            assert_eq!(of(400, code), Some(Rejection::Permanent), "{code}");
        }
    }

    #[test]
    fn without_a_code_the_status_decides() {
        let of = |status| refusal(status, None, None);
        assert_eq!(of(401), Some(Rejection::Auth));
        assert_eq!(of(429), Some(Rejection::Throttled(None)));
        assert_eq!((of(400), of(404)), (Some(Rejection::Permanent), Some(Rejection::Permanent)));
        assert_eq!((of(500), of(503)), (Some(Rejection::Temporary), Some(Rejection::Temporary)));
        assert_eq!((of(301), of(303)), (Some(Rejection::Temporary), None));
    }

    #[test]
    fn a_gateway_that_lost_its_server_knows_nothing() {
        for status in [502, 504] {
            assert_eq!(refusal(status, None, None), None);
            assert_eq!(refusal(status, Some("20500"), None), Some(Rejection::Temporary));
        }
    }

    #[test]
    fn every_code_that_people_meet_has_words() {
        for code in [
            "20003", "21211", "21212", "21606", "21608", "21610", "21612", "21614", "21408", "21617", "30003", "30004",
            "30005", "30006", "30007", "30008", "30034",
        ] {
            let error = of_code(code, Some("Ours are better."));
            assert_eq!((error.source, error.code.as_str()), (Source::Carrier, code));
            assert_ne!(error.message, "Ours are better.");
            assert!(!error.remedy.is_empty());
        }
        assert_eq!(refused(401, None, None, "x").message, of_code("20003", None).message);
        assert_eq!(refused(503, None, None, "x").code, "http_503");
    }

    #[test]
    fn other_codes_have_the_carriers_words_cut_short() {
        assert_eq!(of_code("77", Some(" Bad\nidea ")).message, "Bad idea");
        assert_eq!(of_code("77", Some(&"ä".repeat(300))).message, "ä".repeat(200));
        assert_eq!(of_code("77", Some(" ")).message, of_code("77", None).message);
    }

    #[test]
    fn the_carriers_words_bring_no_number_and_no_text() {
        let generic = of_code("77", None).message;
        for said in ["To +1404 is bad", "To + 1404 is bad", "The number 14045550199 is bad", "(404) 555-0199 is bad"] {
            assert_eq!(of_code("77", Some(said)).message, generic, "{said}");
            assert_eq!(refused(400, Some("77"), Some(said), "hi").message, generic, "{said}");
        }
        assert_eq!(refused(400, Some("77"), Some("Body 'see you' is bad"), " see you ").message, generic);
        assert_eq!(refused(400, Some("77"), Some("Media is bad"), "").message, "Media is bad");
    }
}
