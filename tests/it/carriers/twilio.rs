//! How Twilio says things, after its documentation ("Messages resource", "Webhooks security").

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_STANDARD};
use hmac::{Hmac, KeyInit, Mac};
use partyline::{
    config::{Carrier, OneOrTwo, Secret, Twilio},
    domain::{Timestamp, sms::segments::estimate},
};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use serde_json::json;
use sha1::Sha1;

use super::{
    NAME,
    exchange::{Language, Order, Post, Refusal, Stage, TextIn, path_of},
    server::{Request, Response},
};
use crate::engine::ORIGIN;

const ACCOUNT: &str = "AC00000000000000000000000000000007";
const TOKEN: &str = "the token of the account";
const FORM: &str = "application/x-www-form-urlencoded";

pub struct TwilioLanguage;

impl Language for TwilioLanguage {
    fn section(&self, base_url: String, pace_per_s: f64) -> Carrier {
        Carrier::Twilio(Twilio {
            pace_per_s,
            account_sid: ACCOUNT.into(),
            auth_token: OneOrTwo::One(Secret(TOKEN.into())),
            base_url: Some(base_url),
            messaging_service_sid: None,
        })
    }

    fn order(&self, request: &Request) -> Result<Order, Response> {
        let credentials = BASE64_STANDARD.encode(format!("{ACCOUNT}:{TOKEN}"));
        if request.header("authorization") != format!("Basic {credentials}") {
            return Err(error(401, 20_003, "Authenticate"));
        }
        if request.path != format!("/2010-04-01/Accounts/{ACCOUNT}/Messages.json") {
            return Err(error(404, 20_404, "The requested resource was not found"));
        }
        if request.header("content-type") != FORM {
            return Err(error(415, 20_001, "Unsupported Media Type"));
        }
        let form = read(&request.body);
        let field = |name: &str| form.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
        let needed = |name: &str| field(name).ok_or_else(|| error(400, 21_604, "A required field is missing"));
        let (from, to, text) = (needed("From")?, needed("To")?, needed("Body")?);
        if text.chars().count() > 1_600 {
            return Err(error(400, 21_617, "The message body exceeds the 1600 character limit"));
        }
        // There is no idempotency key.
        Ok(Order { from, to, text, callback: needed("StatusCallback")?, key: None })
    }

    fn accepts(&self, id: &str, order: &Order) -> Response {
        let segments = estimate(&order.text).segments.to_string();
        let body = json!({
            "sid": format!("SM{id}"), "account_sid": ACCOUNT, "status": "queued", "num_segments": segments,
            "error_code": null, "error_message": null,
        });
        Response::json(201, &body)
    }

    fn refuses(&self, why: Refusal) -> Response {
        match why {
            Refusal::TooFast => error(429, 20_429, "Too Many Requests"),
            Refusal::Unreachable => error(400, 21_614, "'To' number is not a valid mobile number"),
            Refusal::Credentials => error(401, 20_003, "Authenticate"),
            Refusal::Stopped => error(400, 21_610, "Attempt to send to unsubscribed recipient"),
            Refusal::Trouble => error(503, 20_500, "Internal Server Error"),
            Refusal::Another | Refusal::InProgress => unreachable!("it knows no keys"),
        }
    }

    fn text_in(&self, text: &TextIn<'_>, _: Timestamp) -> Post {
        let mut fields = vec![
            ("MessageSid".to_owned(), text.id.to_owned()),
            ("AccountSid".to_owned(), ACCOUNT.to_owned()),
            ("From".to_owned(), text.from.to_owned()),
            ("To".to_owned(), text.to.to_owned()),
            ("Body".to_owned(), text.text.to_owned()),
            ("NumMedia".to_owned(), text.media.len().to_string()),
        ];
        for (n, url) in text.media.iter().enumerate() {
            fields.push((format!("MediaUrl{n}"), url.clone()));
            fields.push((format!("MediaContentType{n}"), "image/png".to_owned()));
        }
        signed(format!("/v1/carriers/{NAME}/inbound"), &fields)
    }

    fn news(&self, id: &str, order: &Order, stage: Stage, _: Timestamp) -> Post {
        let status = match stage {
            Stage::Sent => "sent",
            Stage::Delivered => "delivered",
            Stage::Stopped => "undelivered",
        };
        let code = if matches!(stage, Stage::Stopped) { "21610" } else { "" };
        let fields = [
            ("ErrorCode", code.into()),
            ("MessageSid", format!("SM{id}")),
            ("MessageStatus", status.into()),
            ("AccountSid", ACCOUNT.into()),
            ("From", order.from.clone()),
            ("To", order.to.clone()),
        ];
        signed(path_of(&order.callback), &fields.map(|(name, value)| (name.to_owned(), value)))
    }
}

fn error(status: u16, code: u32, message: &str) -> Response {
    let more = format!("https://www.twilio.com/docs/errors/{code}");
    Response::json(status, &json!({"code": code, "message": message, "more_info": more, "status": status}))
}

/// A form for the engine: what is signed are its public address, and all names and values, sorted, each pair once.
fn signed(path: String, fields: &[(String, String)]) -> Post {
    let mut mac = Hmac::<Sha1>::new_from_slice(TOKEN.as_bytes()).unwrap();
    mac.update(format!("{ORIGIN}{path}").as_bytes());
    for (name, value) in fields.iter().collect::<BTreeSet<_>>() {
        mac.update(format!("{name}{value}").as_bytes());
    }
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let pairs: Vec<_> = fields.iter().map(|(n, v)| format!("{}={}", encoded(n), encoded(v))).collect();
    let headers = vec![("content-type", FORM.to_owned()), ("x-twilio-signature", signature)];
    Post { path, headers, body: pairs.join("&") }
}

fn read(form: &[u8]) -> Vec<(String, String)> {
    let decoded = |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8().unwrap().into_owned();
    let form = str::from_utf8(form).unwrap();
    form.split('&').filter_map(|pair| pair.split_once('=')).map(|(n, v)| (decoded(n), decoded(v))).collect()
}
