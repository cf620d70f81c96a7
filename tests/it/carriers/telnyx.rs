//! How Telnyx says things, after its documentation of version 2 ("Send a message", "Receiving webhooks for messaging").

use base64::{Engine, prelude::BASE64_STANDARD};
use ed25519_dalek::{Signer, SigningKey};
use partyline::{
    config::{Carrier, OneOrTwo, Secret, Telnyx},
    domain::{Timestamp, sms::segments::estimate},
};
use serde_json::{Value, json};

use super::{
    NAME,
    exchange::{Language, Order, Post, Refusal, Stage, TextIn, path_of},
    server::{Request, Response},
};

const KEY: &str = "KEY0123456789ABCDEF";

/// It signs with this key.
pub struct TelnyxLanguage(SigningKey);

impl TelnyxLanguage {
    pub fn new() -> Self {
        Self(SigningKey::from_bytes(&[7; 32]))
    }

    /// What is signed is the time in seconds, and the body as it goes out.
    fn signed(&self, path: String, body: &Value, now: Timestamp) -> Post {
        let (body, seconds) = (body.to_string(), now.0 / 1_000_000);
        let signature = self.0.sign(format!("{seconds}|{body}").as_bytes());
        let headers = vec![
            ("content-type", "application/json".to_owned()),
            ("telnyx-timestamp", seconds.to_string()),
            ("telnyx-signature-ed25519", BASE64_STANDARD.encode(signature.to_bytes())),
        ];
        Post { path, headers, body }
    }
}

impl Language for TelnyxLanguage {
    fn section(&self, base_url: String, pace_per_s: f64) -> Carrier {
        Carrier::Telnyx(Telnyx {
            pace_per_s,
            api_key: Secret(KEY.into()),
            public_key: OneOrTwo::One(Secret(BASE64_STANDARD.encode(self.0.verifying_key().as_bytes()))),
            base_url: Some(base_url),
            messaging_profile_id: None,
        })
    }

    fn order(&self, request: &Request) -> Result<Order, Response> {
        if request.header("authorization") != format!("Bearer {KEY}") {
            return Err(error(401, "10009", "Authentication failed"));
        }
        if request.path != "/v2/messages" {
            return Err(error(404, "10005", "Resource not found"));
        }
        let body: Value = serde_json::from_slice(&request.body).map_err(|_| error(400, "10015", "Bad Request"))?;
        let needed = |name: &str| {
            body[name].as_str().map(str::to_owned).ok_or_else(|| error(422, "10004", "Missing required parameter"))
        };
        let key = request.headers.get("idempotency-key").cloned();
        Ok(Order {
            from: needed("from")?,
            to: needed("to")?,
            text: needed("text")?,
            callback: needed("webhook_url")?,
            key,
        })
    }

    fn accepts(&self, id: &str, order: &Order) -> Response {
        Response::json(200, &json!({"data": message(id, order, "queued")}))
    }

    fn refuses(&self, why: Refusal) -> Response {
        match why {
            Refusal::TooFast => error(429, "10011", "Too many requests"),
            Refusal::Unreachable => error(400, "40310", "Invalid 'to' address"),
            Refusal::Credentials => error(401, "10009", "Authentication failed"),
            Refusal::Stopped => error(400, "40300", "Blocked due to STOP message"),
            Refusal::Trouble => error(503, "10007", "Unexpected error"),
            Refusal::Another => error(422, "10015", "Bad Request"),
            Refusal::InProgress => error(409, "10012", "Conflict"),
        }
    }

    fn text_in(&self, text: &TextIn<'_>, now: Timestamp) -> Post {
        let file = |url: &String| json!({"url": url, "content_type": "image/png", "size": 8, "sha256": null});
        let recipient = |to: &str| json!({"phone_number": to, "carrier": "Telnyx", "status": "webhook_delivered"});
        let payload = json!({
            "record_type": "message", "direction": "inbound", "id": text.id,
            "type": if text.media.is_empty() { "SMS" } else { "MMS" },
            "from": {"phone_number": text.from, "carrier": "", "line_type": "", "status": "webhook_delivered"},
            "to": text.to.split(',').map(recipient).collect::<Vec<_>>(),
            "text": text.text, "media": text.media.iter().map(file).collect::<Vec<_>>(),
            "received_at": now.to_rfc3339(), "encoding": "GSM-7", "parts": 1, "errors": [], "tags": [],
        });
        // Brought again, it has the same id.
        let event = event(&format!("the event of {}", text.id), "message.received", payload, now);
        self.signed(format!("/v1/carriers/{NAME}/inbound"), &event, now)
    }

    fn news(&self, id: &str, order: &Order, stage: Stage, now: Timestamp) -> Post {
        let (name, status) = match stage {
            Stage::Sent => ("message.sent", "sent"),
            Stage::Delivered => ("message.finalized", "delivered"),
            Stage::Stopped => ("message.finalized", "sending_failed"),
        };
        let mut message = message(id, order, status);
        if matches!(stage, Stage::Stopped) {
            message["errors"] = json!([{"code": "40300", "title": "Blocked due to STOP message"}]);
        }
        let event = event(&format!("{status} {id}"), name, message, now);
        self.signed(path_of(&order.callback), &event, now)
    }
}

fn event(id: &str, name: &str, payload: Value, now: Timestamp) -> Value {
    json!({
        "data": {
            "record_type": "event", "id": id, "event_type": name, "occurred_at": now.to_rfc3339(), "payload": payload,
        },
        "meta": {"attempt": 1, "delivered_to": "https://portal.test"},
    })
}

fn message(id: &str, order: &Order, status: &str) -> Value {
    json!({
        "record_type": "message", "direction": "outbound", "id": id, "type": "SMS",
        "from": {"phone_number": order.from, "carrier": "Telnyx", "line_type": "Wireless"},
        "to": [{"phone_number": order.to, "carrier": "", "line_type": "", "status": status}],
        "text": order.text, "media": [], "webhook_url": order.callback, "errors": [], "tags": [],
        "parts": estimate(&order.text).segments, "encoding": "GSM-7",
    })
}

fn error(status: u16, code: &str, title: &str) -> Response {
    Response::json(status, &json!({"errors": [{"code": code, "title": title, "detail": title}]}))
}
