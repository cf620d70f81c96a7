//! What Twilio's errors mean: for the engine, and in plain words for people (Twilio's documentation: "Error and Warning
//! Dictionary").

use std::time::Duration;

use crate::{
    carriers::errors::{
        self, CAP_PAUSE, COUNTRY, DAY_IS_FULL, FAILED, FILTERED, LANDLINE, NO_NUMBER, NO_SENDER, NOT_IN_USE, Reason,
        SAID_STOP, SENDER, TEXTABLE, TOO_FAST, TOO_LONG, UNDELIVERED, UNREGISTERED,
    },
    domain::sms::delivery::{DeliveryError, Rejection},
};

/// The code of "they said stop".
pub(super) const OPTED_OUT: &str = "21610";

/// What kind of refusal an answer with this status (above 299) and error code is; `None` if the text may have gone out
/// all the same.
pub(super) fn refusal(status: u16, code: Option<&str>, retry_after: Option<Duration>) -> Option<Rejection> {
    Some(match (status, code) {
        // Twilio's own refusal says so, in JSON and with a code: no gateway answers like that.
        (500.., Some(_)) => Rejection::Temporary,
        (400.., Some("20003")) => Rejection::Auth,
        (400.., Some("20429" | "21611" | "30001" | "30022")) => Rejection::Throttled(retry_after),
        (400.., Some("30023" | "30027")) => Rejection::Throttled(Some(CAP_PAUSE)),
        (400.., Some(OPTED_OUT)) => Rejection::OptedOut,
        _ => return errors::by_status(status, retry_after),
    })
}

/// Why a text was refused by an answer with this status.
pub(super) fn refused(status: u16, code: Option<&str>, said: Option<&str>, text: &str) -> DeliveryError {
    errors::refused(reason, status, code, said, text)
}

/// Why a text that Twilio had taken did not arrive; the code is Twilio's, or the status if it gave none.
pub(super) fn of_code(code: impl Into<String>, said: Option<&str>) -> DeliveryError {
    errors::of_code(reason, code, said)
}

fn reason(code: &str) -> Option<Reason> {
    Some(match code {
        "20003" | "http_401" => (
            "The carrier does not accept our credentials.",
            "Ask the administrator to check the account and its token.",
        ),
        "20429" | "http_429" | "21611" | "30001" | "30022" => TOO_FAST,
        "21211" => NO_NUMBER,
        "21212" => NO_SENDER,
        "21408" => COUNTRY,
        "21606" => ("Our number can't send texts with this carrier account.", SENDER),
        "21608" => (
            "The carrier account is on trial and may only text numbers that were verified there.",
            "Ask the administrator to upgrade the account, or to verify the number.",
        ),
        OPTED_OUT => SAID_STOP,
        "21612" => {
            ("The carrier can't send from our number to theirs.", "Try another number of ours, or call instead.")
        }
        "21614" => ("That number can't receive texts.", TEXTABLE),
        "21617" => TOO_LONG,
        "30003" => ("Their phone can't be reached: off, or out of coverage.", "Try again later, or call instead."),
        "30004" => ("The text was blocked: they, or their network, take none from us.", "Call instead."),
        "30005" => NOT_IN_USE,
        "30006" => LANDLINE,
        "30007" => FILTERED,
        "30008" => ("It did not arrive, and the carrier does not know why.", "Try again, or call instead."),
        "30023" | "30027" => DAY_IS_FULL,
        "30034" => UNREGISTERED,
        "failed" => FAILED,
        "undelivered" => UNDELIVERED,
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
}
