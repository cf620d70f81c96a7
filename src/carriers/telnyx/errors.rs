//! What Telnyx's errors mean: for the engine, and in plain words for people (Telnyx's documentation: "Messaging error code
//! reference", "API error codes"; its help center: "Telnyx messaging error codes").

use std::time::Duration;

use serde_json::Value;

use crate::{
    carriers::{
        errors::{
            self, CAP_PAUSE, COUNTRY, DAY_IS_FULL, FAILED, FILTERED, LANDLINE, LATER, NO_NUMBER, NO_SENDER, NOT_IN_USE,
            Reason, SAID_STOP, SENDER, TEXTABLE, TOO_FAST, TOO_LONG, UNDELIVERED, UNREGISTERED,
        },
        server::plain,
    },
    domain::sms::delivery::{DeliveryError, Rejection},
};

/// The code of "they said stop".
const OPTED_OUT: &str = "40300";

/// What Telnyx tells of an error.
#[derive(Debug, Default)]
pub(super) struct Told {
    code: Option<String>,
    /// In Telnyx's words. The title is fixed for a code; the detail may repeat what was sent.
    title: Option<String>,
}

impl Told {
    /// The first of `errors`, the reason that a text was refused or did not arrive.
    pub fn first(body: &Value) -> Self {
        let errors = body.get("errors").and_then(Value::as_array);
        let Some(error) = errors.and_then(|errors| errors.first()) else { return Self::default() };
        let (title, detail) = (plain(error, "title"), plain(error, "detail"));
        Self { code: plain(error, "code"), title: title.or(detail) }
    }

    /// They said stop, and Telnyx sends them nothing more.
    pub fn is_opt_out(&self) -> bool {
        self.code.as_deref() == Some(OPTED_OUT)
    }
}

/// Whether a request that is asked again was another one before: what we send has changed since, by a new configuration. A
/// text that Telnyx refuses as such has a code of its own.
pub(super) fn is_of_another(status: u16, told: &Told) -> bool {
    status == 422 && told.code.as_deref().and_then(reason).is_none()
}

/// What kind of refusal an answer with this status (above 299) is; `None` if the text may have gone out all the same.
pub(super) fn refusal(status: u16, told: &Told, retry_after: Option<Duration>) -> Option<Rejection> {
    Some(match (status, told.code.as_deref()) {
        // An earlier request of the same attempt is being done (409). Who gave up waiting within Telnyx (408, 10008) does
        // not know either.
        (408 | 409, _) | (_, Some("10008")) => return None,
        (400..500, Some(OPTED_OUT)) => Rejection::OptedOut,
        // The account as a whole: its key, its funds, its standing. Nothing goes out until somebody sees to it.
        (
            400..500,
            Some(
                "10009" | "10010" | "20002" | "20006" | "20012" | "20013" | "20014" | "20015" | "20016" | "20100"
                | "40314",
            ),
        ) => Rejection::Auth,
        (400..500, Some("10011" | "40011" | "40018" | "40318")) => Rejection::Throttled(retry_after),
        (400..500, Some("40016")) => Rejection::Throttled(Some(CAP_PAUSE)),
        (400..500, Some("10007" | "40002" | "40006" | "40320")) => Rejection::Temporary,
        _ => return errors::by_status(status, retry_after),
    })
}

/// Why a text was refused by an answer with this status. `text` is what was sent: it is not to be repeated.
pub(super) fn refused(status: u16, told: &Told, text: &str) -> DeliveryError {
    errors::refused(reason, status, told.code.as_deref(), told.title.as_deref(), text)
}

/// Why a text that Telnyx had taken did not arrive, or its status if Telnyx does not say.
pub(super) fn of_status(status: &str, told: &Told) -> DeliveryError {
    errors::of_code(reason, told.code.as_deref().unwrap_or(status), told.title.as_deref())
}

fn reason(code: &str) -> Option<Reason> {
    const ACCOUNT: &str = "Ask the administrator to look at the account at the carrier.";
    Some(match code {
        "10009" | "20002" | "20006" | "http_401" => {
            ("The carrier does not accept our credentials.", "Ask the administrator to check the API key.")
        }
        "10010" => ("The carrier does not let our API key send texts.", "Ask the administrator to check the API key."),
        "10003" => ("The carrier can't call our address.", "Ask the administrator to check public_url."),
        "10001" | "40012" => NOT_IN_USE,
        "10002" | "10016" | "40310" => NO_NUMBER,
        "10011" | "40011" | "40018" | "40318" | "http_429" => TOO_FAST,
        "20012" | "20013" | "20014" | "20015" | "20016" | "20017" | "40314" => {
            ("The carrier account may not send texts.", ACCOUNT)
        }
        "20100" => ("The carrier account has no funds left.", ACCOUNT),
        "40001" => LANDLINE,
        "40002" | "40003" | "40015" | "40017" | "40322" => FILTERED,
        "40004" | "40008" => ("Their network refused it, and does not say why.", "Try again later, or call instead."),
        "40005" | "40014" | "expired" => ("It could not be delivered in time.", "Send it again if it is still wanted."),
        "40006" => ("Their network can't be reached.", LATER),
        "40009" => ("Their network does not take what the text contains.", "Write it differently, or call instead."),
        "40010" => UNREGISTERED,
        "40013" | "40305" | "40308" => NO_SENDER,
        "40016" => DAY_IS_FULL,
        "40100" | "40151" => ("Our number is not set up for texts at the carrier.", SENDER),
        "40150" | "40329" => {
            ("Our toll-free number is not verified for texting.", "Ask the administrator to verify it at the carrier.")
        }
        OPTED_OUT => SAID_STOP,
        "40301" | "40319" => ("That number can't receive texts from ours.", TEXTABLE),
        "40302" | "40328" => TOO_LONG,
        "40309" => COUNTRY,
        "40312" => ("The messaging profile of our number is switched off.", SENDER),
        "40315" => ("The carrier stopped our number: too few of its texts arrive.", SENDER),
        "40320" => ("Our number is not ready at the carrier yet.", LATER),
        "sending_failed" => FAILED,
        "delivery_failed" => UNDELIVERED,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(code: &str) -> Told {
        Told::first(&json!({"errors": [{"code": code, "title": "Theirs are worse."}, {"code": "1"}]}))
    }

    #[test]
    fn each_code_is_of_its_class() {
        let after = Some(Duration::from_secs(7));
        let of = |status, code: &str| refusal(status, &told(code), after);
        assert_eq!(of(403, "40300"), Some(Rejection::OptedOut));
        for code in ["10011", "40011", "40018", "40318"] {
            assert_eq!(of(400, code), Some(Rejection::Throttled(after)), "{code}");
        }
        assert_eq!(of(400, "40016"), Some(Rejection::Throttled(Some(CAP_PAUSE))));
        for code in ["10009", "10010", "20002", "20100", "40314"] {
            assert_eq!(of(403, code), Some(Rejection::Auth), "{code}");
        }
        for code in ["40002", "40006", "40320"] {
            assert_eq!(of(400, code), Some(Rejection::Temporary), "{code}");
        }
        for code in ["10002", "10015", "40001", "40010", "40305", "40310", "40322", "99999"] {
            assert_eq!(of(422, code), Some(Rejection::Permanent), "{code}");
        }
        assert_eq!(of(500, "10007"), Some(Rejection::Temporary));
    }

    #[test]
    fn what_may_have_gone_out_is_no_refusal() {
        let none = Told::default();
        for status in [303, 408, 409, 502, 504] {
            assert_eq!(refusal(status, &none, None), None, "{status}");
            assert_eq!(refusal(status, &told("10007"), None), None, "{status}, whatever it says");
        }
        assert_eq!(refusal(500, &told("10008"), None), None, "it timed out there");
    }

    #[test]
    fn without_a_code_the_status_decides() {
        let of = |status| refusal(status, &Told::default(), None);
        assert_eq!((of(401), of(429)), (Some(Rejection::Auth), Some(Rejection::Throttled(None))));
        assert_eq!((of(404), of(503)), (Some(Rejection::Permanent), Some(Rejection::Temporary)));
        for strange in [json!(null), json!({"errors": 1}), json!({"errors": []}), json!({"errors": [[]]})] {
            assert!(Told::first(&strange).code.is_none(), "{strange}");
        }
    }

    #[test]
    fn every_code_that_people_meet_has_words() {
        for code in [
            "10001", "10002", "10003", "10009", "10010", "10011", "20012", "20100", "40001", "40002", "40003", "40004",
            "40005", "40006", "40008", "40009", "40010", "40011", "40012", "40013", "40014", "40015", "40016", "40017",
            "40018", "40100", "40300", "40301", "40302", "40305", "40309", "40310", "40312", "40314", "40315", "40318",
            "40320", "40322", "40329",
        ] {
            let error = of_status("delivery_failed", &told(code));
            assert_eq!(error.code, code);
            assert!(error.message != "Theirs are worse." && !error.remedy.is_empty(), "{code}");
        }
        assert_eq!(of_status("delivery_failed", &told("77")).message, "Theirs are worse.");
        assert_eq!(of_status("delivery_failed", &Told::default()).code, "delivery_failed");
    }

    #[test]
    fn the_detail_is_shown_only_without_a_title_and_never_with_the_text() {
        let detail = |error: Value| refused(422, &Told::first(&json!({"errors": [error]})), "see you").message;
        assert_eq!(detail(json!({"code": "10015", "title": "Bad Request", "detail": "text is 'x'"})), "Bad Request");
        assert_eq!(detail(json!({"code": "10015", "detail": "text is bad"})), "text is bad");
        let generic = detail(json!({"code": "10015"}));
        assert_eq!(detail(json!({"code": "10015", "detail": "text is 'see you'"})), generic);
        assert_eq!(detail(json!({"code": "10015", "detail": "to +14045550199 is bad"})), generic);
    }
}
