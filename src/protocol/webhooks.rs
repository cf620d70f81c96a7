//! Webhooks: what the PBX puts and reads of them, and what they are sent.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::{IntoParams, ToSchema};

use crate::domain::{
    Committed, Happening,
    webhook::{self, Kind},
};

use super::{frames::Event, voice_queues::VoiceAgentRequested};

/// Where events go, and which.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutWebhook {
    /// An `https` URL of up to 2,000 characters, in no private network unless the configuration allows that.
    #[schema(example = "https://pbx.example.com/partyline")]
    pub url: String,
    /// 1–50 names of events, or `*` alone: all of them.
    #[schema(example = json!(["message.created", "voice_agent.requested"]))]
    pub events: Vec<String>,
    /// `whsec_` and the base64 of 24–64 bytes. Absent: the one there is, or one that is made up and shown once.
    pub secret: Option<String>,
}

/// A page of a list that is asked on by `after`.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListDeliveries {
    /// The `next` of the page before.
    pub after: Option<String>,
    /// 1–200; 50 if absent.
    pub limit: Option<usize>,
}

/// A webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Webhook {
    /// The PBX's own name for it.
    pub key: String,
    /// Where events go.
    pub url: String,
    /// Which.
    pub events: Vec<String>,
    /// How it does.
    pub state: WebhookState,
    /// What is signed with: only in the answer to the call for which it was made up.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<String>,
    /// When it was made.
    pub created_at: String,
    /// Why the newest attempt failed.
    pub last_error: Option<String>,
}

/// How a webhook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookState {
    /// Its newest attempt succeeded, or it had none.
    Active,
    /// Its newest attempt failed.
    Failing,
    /// It answered 410: nothing is sent until it is put again.
    Disabled,
}

/// An event on its way to a webhook.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct WebhookDelivery {
    /// The header `webhook-id`, of each attempt.
    pub id: String,
    /// The event's name.
    #[schema(example = "message.created")]
    pub r#type: String,
    /// How far it has come.
    pub status: WebhookDeliveryStatus,
    /// Attempts so far.
    pub attempts: i64,
    /// The status that the newest attempt was answered with; null: there was no answer, or no attempt.
    pub last_status: Option<i64>,
    /// Why the newest attempt failed.
    pub last_error: Option<String>,
    /// When it was stored.
    pub created_at: String,
    /// When it is tried, if it waits: not before its turn.
    pub next_attempt_at: Option<String>,
    /// What is sent, byte for byte.
    pub body: String,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WebhookDeliveryStatus {
    /// It is tried, again.
    Waiting,
    /// The receiver took it.
    Delivered,
    /// It was tried for days, and given up.
    Failed,
}

impl Webhook {
    /// To show, with the secret if that was made up.
    pub fn of(webhook: &webhook::Webhook, made_up: Option<String>) -> Self {
        Self {
            key: webhook.key.clone(),
            url: webhook.url.clone(),
            events: webhook.events.names().into_iter().map(Into::into).collect(),
            state: match webhook.state {
                webhook::State::Active => WebhookState::Active,
                webhook::State::Failing => WebhookState::Failing,
                webhook::State::Disabled => WebhookState::Disabled,
            },
            secret: made_up,
            created_at: webhook.created_at.to_rfc3339(),
            last_error: webhook.last_error.clone(),
        }
    }
}

/// What is sent to a webhook.
#[derive(Serialize)]
struct Body<'a, D> {
    r#type: &'a str,
    timestamp: String,
    data: D,
}

/// The body of what happened: `data` is the event's, as sessions get it.
pub fn body(committed: &Committed, event: &Event) -> Result<String, serde_json::Error> {
    #[derive(Deserialize)]
    struct Parts {
        name: String,
        data: Box<RawValue>,
    }
    let timestamp = committed.at.to_rfc3339();
    if let Happening::VoiceAgentRequested(request) = &committed.happening {
        let r#type = Kind::VoiceAgentRequested.as_str();
        return serde_json::to_string(&Body { r#type, timestamp, data: VoiceAgentRequested::from(request) });
    }
    let Parts { name, data } = serde_json::from_str(&serde_json::to_string(event)?)?;
    serde_json::to_string(&Body { r#type: &name, timestamp, data })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        domain::{
            Audience, QueueId, TenantId, Timestamp, UnroutedId,
            extension::People,
            phone::Number,
            provision::voice_queue::{VoiceAgent, VoiceAgentRequest},
        },
        protocol::frames::EventFrame,
    };
    use uuid::Uuid;

    fn sent(happening: Happening) -> String {
        let tenant = TenantId(Uuid::nil());
        let committed = Committed { tenant, version: 7, at: Timestamp(0), audience: Audience::Tenant, happening };
        body(&committed, &EventFrame::of(&committed, &People::new()).event).unwrap()
    }

    #[test]
    fn a_body_says_what_when_and_then_the_event_s_own_data() {
        let agent =
            VoiceAgent { extension: "201".into(), logged_in: true, paused: true, pause_reason: Some("Lunch".into()) };
        let request = VoiceAgentRequest { queue: "support".into(), agent };
        assert_eq!(
            sent(Happening::VoiceAgentRequested(request)),
            r#"{"type":"voice_agent.requested","timestamp":"1970-01-01T00:00:00.000Z","data":{"queue":"support","extension":"201","logged_in":true,"paused":true,"pause_reason":"Lunch"}}"#
        );
    }

    #[test]
    fn events_have_the_names_by_which_webhooks_ask_for_them() {
        let number = Number::stored("+14045550100".into());
        for happening in [
            Happening::PhoneNumberUpdated(number.clone()),
            Happening::ConsentUpdated { our_number: None, number },
            Happening::UnroutedUpdated(UnroutedId(Uuid::nil())),
            Happening::SettingsUpdated,
            Happening::VoiceQueueUpdated("support".into()),
            Happening::QueueUpdated(QueueId(Uuid::nil())),
        ] {
            let name = Kind::of(&happening).unwrap().as_str();
            assert!(sent(happening).starts_with(&format!(r#"{{"type":"{name}","#)), "{name}");
        }
    }
}
