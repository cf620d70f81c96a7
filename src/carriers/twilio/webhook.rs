//! What Twilio's requests say: a text comes in, or one that went out has news.

use crate::{
    carriers::Webhook,
    domain::{
        MessageText,
        phone::Number,
        sms::{
            delivery::Receipt,
            inbound::{Incoming, Media, News},
            keywords::Keyword,
        },
    },
};

use super::{errors, signature};

/// The most files of one text, as Twilio has it.
const MOST_MEDIA: usize = 10;

/// A form that a carrier sent: names and values.
pub(super) struct Form(Vec<(String, String)>);

impl Form {
    pub(super) fn of(request: &Webhook<'_>) -> Result<Self, String> {
        if !signature::is_form(request.content_type) {
            return Err("the body is no form".into());
        }
        let text = |bytes| String::from_utf8(bytes).map_err(|_| "the form is not in UTF-8".to_owned());
        signature::pairs(request.body)
            .map(|(name, value)| Ok((text(name)?, text(value)?)))
            .collect::<Result<_, _>>()
            .map(Self)
    }

    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }

    fn filled(&self, name: &str) -> Option<&str> {
        self.get(name).filter(|value| !value.is_empty() && !value.contains('\0'))
    }

    /// The carrier's name for a text. `SmsSid` is the older field.
    fn sid(&self) -> Option<&str> {
        self.filled("MessageSid").or_else(|| self.filled("SmsSid"))
    }
}

pub(super) fn incoming(form: &Form) -> Result<Incoming, String> {
    let needed = |name: &str| form.get(name).ok_or_else(|| format!("{name} is missing"));
    let from = Number::sender(needed("From")?).ok_or("From is nobody who can text")?;
    let to = Number::owned(needed("To")?).map_err(|_| "To is no number in E.164")?;
    let files = form.filled("NumMedia").unwrap_or("0").parse::<usize>().map_err(|_| "NumMedia is no number")?;
    let keyword = match form.get("OptOutType") {
        Some("STOP") => Some(Keyword::OptOut),
        Some("START") => Some(Keyword::OptIn),
        Some("HELP") => Some(Keyword::Help),
        _ => None,
    };
    Ok(Incoming {
        carrier: String::new(),
        provider_id: form.sid().ok_or("MessageSid is missing")?.to_owned(),
        from,
        to,
        // PostgreSQL keeps no NUL in a text.
        text: MessageText::stored(needed("Body")?.replace('\0', "\u{fffd}")),
        media: (0..files.min(MOST_MEDIA)).filter_map(|n| media(form, n)).collect(),
        keyword,
    })
}

fn media(form: &Form, n: usize) -> Option<Media> {
    let url = form.filled(&format!("MediaUrl{n}"))?.to_owned();
    let content_type = form.filled(&format!("MediaContentType{n}")).unwrap_or("application/octet-stream").to_owned();
    Some(Media { url, content_type })
}

pub(super) fn news(form: &Form, request: &Webhook<'_>) -> Result<News, String> {
    let status = form.filled("MessageStatus").or_else(|| form.filled("SmsStatus")).ok_or("MessageStatus is missing")?;
    let code = form.filled("ErrorCode");
    let error = || errors::of_code(code.unwrap_or(status), form.get("ErrorMessage"));
    let receipt = match status {
        // Any of these proves that the carrier has the text, which settles a lost answer.
        "accepted" | "scheduled" | "queued" | "sending" | "sent" => Receipt::Sent,
        "delivered" | "read" => Receipt::Delivered,
        "undelivered" => Receipt::Undelivered(error()),
        "failed" | "canceled" => Receipt::Failed(error()),
        _ => return Err("MessageStatus is none that we know".into()),
    };
    let provider_id = form.sid().map(str::to_owned);
    if provider_id.is_none() && request.attempt.is_none() {
        return Err("MessageSid is missing".into());
    }
    Ok(News { attempt: request.attempt, provider_id, receipt, opted_out: code == Some(errors::OPTED_OUT) })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{FORM, attempt, twilio};
    use super::*;
    use crate::{
        carriers::{Carrier, Kind, Said, Unread},
        domain::{AttemptId, Timestamp},
    };
    use base64::{Engine, engine::general_purpose::STANDARD};
    use hmac::{Hmac, KeyInit, Mac};
    use sha1::Sha1;

    fn read_signed(kind: Kind, attempt: Option<AttemptId>, body: &[u8]) -> Result<Vec<Said>, Unread> {
        let path_and_query = "/v1/carriers/main/inbound?x=1";
        let mut pairs: Vec<_> = signature::pairs(body).collect();
        pairs.sort();
        pairs.dedup();
        let mut mac = Hmac::<Sha1>::new_from_slice(b"second-token").unwrap();
        mac.update(format!("https://sms.example.com/engine{path_and_query}").as_bytes());
        pairs.iter().for_each(|(name, value)| mac.update(&[&name[..], value].concat()));
        let signature = STANDARD.encode(mac.finalize().into_bytes());
        let headers = [("x-twilio-signature".to_owned(), signature)];
        let now = Timestamp(0);
        let request = Webhook { kind, attempt, path_and_query, content_type: FORM, headers: &headers, body, now };
        let unsigned = Webhook { headers: &[], ..request };
        assert_eq!(twilio("https://api.twilio.com").read(&unsigned), Err(Unread::Unsigned));
        twilio("https://api.twilio.com").read(&request)
    }

    fn text(body: &str) -> Result<Incoming, Unread> {
        match read_signed(Kind::Inbound, None, body.as_bytes())?.remove(0) {
            Said::Text(incoming) => Ok(incoming),
            other => panic!("{other:?}"),
        }
    }

    fn said(body: &str) -> Result<News, Unread> {
        match read_signed(Kind::Status, Some(attempt()), body.as_bytes())?.remove(0) {
            Said::News(news) => Ok(news),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_text_comes_in_with_its_pictures() {
        let body = "MessageSid=MM1&AccountSid=AC1&From=%2B14045550199&To=%2B14045550100&Body=Gr%C3%BC%C3%9Fe%00&NumMedia=2\
                    &MediaUrl0=https%3A%2F%2Fapi.twilio.com%2Fa&MediaContentType0=image%2Fjpeg\
                    &MediaUrl1=https%3A%2F%2Fapi.twilio.com%2Fb&OptOutType=STOP&New=1";
        let media = |url: &str, kind: &str| Media { url: url.into(), content_type: kind.into() };
        let expected = Incoming {
            carrier: String::new(),
            provider_id: "MM1".into(),
            from: Number::stored("+14045550199".into()),
            to: Number::stored("+14045550100".into()),
            text: MessageText::stored("Grüße\u{fffd}".into()),
            media: vec![
                media("https://api.twilio.com/a", "image/jpeg"),
                media("https://api.twilio.com/b", "application/octet-stream"),
            ],
            keyword: Some(Keyword::OptOut),
        };
        assert_eq!(text(body), Ok(expected));
    }

    #[test]
    fn an_empty_text_a_short_code_and_the_older_name_are_taken() {
        let incoming = text("SmsSid=SM1&From=72345&To=%2B14045550100&Body=&NumMedia=0").unwrap();
        assert_eq!((incoming.provider_id.as_str(), incoming.text.as_str()), ("SM1", ""));
        assert_eq!((incoming.from.as_str(), incoming.media, incoming.keyword), ("72345", vec![], None));
        let many: String = (0..12).map(|n| format!("&MediaUrl{n}=https%3A%2F%2Fx")).collect();
        let incoming = text(&format!("MessageSid=SM1&From=72345&To=%2B14045550100&Body=&NumMedia=12{many}")).unwrap();
        assert_eq!(incoming.media.len(), 10);
    }

    #[test]
    fn what_is_signed_and_not_understood_says_why_without_a_value() {
        for body in [
            "From=%2B14045550199&To=%2B14045550100&Body=Secret",
            "MessageSid=SM1&To=%2B14045550100&Body=Secret",
            "MessageSid=SM1&From=whatsapp%3A%2B14045550199&To=%2B14045550100&Body=Secret",
            "MessageSid=SM1&From=%2B14045550199&To=4045550100&Body=Secret",
            "MessageSid=SM1&From=%2B14045550199&To=%2B14045550100",
            "MessageSid=SM1&From=%2B14045550199&To=%2B14045550100&Body=Secret%FF",
            "MessageSid=SM1&From=%2B14045550199&To=%2B14045550100&Body=Secret&NumMedia=x",
            "",
        ] {
            let Err(Unread::NotUnderstood(why)) = text(body) else { panic!("{body}") };
            assert!(!why.contains("404") && !why.contains("Secret"), "{why}");
        }
        for body in ["MessageSid=SM1", "MessageSid=SM1&MessageStatus=received"] {
            assert!(matches!(said(body), Err(Unread::NotUnderstood(_))), "{body}");
        }
    }

    #[test]
    fn every_status_is_a_receipt() {
        let receipt = |status: &str| {
            let news = said(&format!("MessageSid=SM1&MessageStatus={status}")).unwrap();
            assert_eq!((news.attempt, news.provider_id.as_deref()), (Some(attempt()), Some("SM1")));
            assert!(!news.opted_out);
            news.receipt
        };
        for status in ["accepted", "scheduled", "queued", "sending", "sent"] {
            assert_eq!(receipt(status), Receipt::Sent, "{status}");
        }
        assert_eq!((receipt("delivered"), receipt("read")), (Receipt::Delivered, Receipt::Delivered));
        assert!(matches!(receipt("undelivered"), Receipt::Undelivered(e) if e.code == "undelivered"));
        assert!(matches!(receipt("failed"), Receipt::Failed(e) if e.code == "failed"));
        assert!(matches!(receipt("canceled"), Receipt::Failed(e) if e.code == "canceled"));
    }

    #[test]
    fn a_failure_says_why_and_who_said_stop() {
        let news = said("MessageSid=SM1&MessageStatus=undelivered&ErrorCode=30006").unwrap();
        assert!(matches!(news.receipt, Receipt::Undelivered(e) if e.message.contains("landline")));
        let news = said("MessageSid=SM1&MessageStatus=failed&ErrorCode=21610").unwrap();
        assert!(news.opted_out && matches!(news.receipt, Receipt::Failed(e) if e.code == "21610"));
        let named = read_signed(Kind::Status, Some(attempt()), b"MessageStatus=sent").unwrap();
        assert!(matches!(&named[..], [Said::News(News { provider_id: None, .. })]));
        assert!(read_signed(Kind::Status, None, b"MessageStatus=sent").is_err(), "nobody knows of what");
    }
}
