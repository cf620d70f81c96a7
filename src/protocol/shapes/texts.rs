//! What is said of texts: deliveries, files, consent, and what they cost.

use serde::Serialize;
use utoipa::ToSchema;

use crate::domain::{
    self,
    extension::People,
    phone::Number,
    sms::{
        consent::Consent,
        segments::{Encoding, Estimate},
    },
};

use super::Person;

/// How far a text to somebody outside has come. Within one attempt it only rises.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryStatus {
    /// Waits for its turn.
    Queued,
    /// Being handed to the carrier.
    Sending,
    /// Handed over perhaps: the carrier's answer was lost.
    Unconfirmed,
    /// The carrier has it.
    Sent,
    /// The phone has it.
    Delivered,
    /// It was not sent.
    Failed,
    /// The phone didn't get it.
    Undelivered,
}

impl From<domain::sms::delivery::Status> for DeliveryStatus {
    fn from(status: domain::sms::delivery::Status) -> Self {
        use domain::sms::delivery::Status as S;
        match status {
            S::Queued => DeliveryStatus::Queued,
            S::Sending => DeliveryStatus::Sending,
            S::Unconfirmed => DeliveryStatus::Unconfirmed,
            S::Sent => DeliveryStatus::Sent,
            S::Delivered => DeliveryStatus::Delivered,
            S::Failed => DeliveryStatus::Failed,
            S::Undelivered => DeliveryStatus::Undelivered,
        }
    }
}

/// Who says that a text failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ErrorSource {
    /// Partyline.
    Engine,
    /// The carrier.
    Carrier,
}

/// Why a text failed, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct DeliveryError {
    /// Who says so.
    pub source: ErrorSource,
    /// The carrier's code, or one of ours.
    #[schema(example = "30007")]
    pub code: String,
    /// The reason, in plain words.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

/// The sending of a message to one number outside.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Delivery {
    /// To whom.
    #[schema(example = "+14045550199")]
    pub number: String,
    /// From which of ours; null if its author had none.
    pub our_number: Option<String>,
    /// How far it has come.
    pub status: DeliveryStatus,
    /// The newest attempt: 1, 2, 3 …
    pub attempt: i64,
    /// In how many segments it goes out.
    pub segments: i64,
    /// Why it failed.
    pub error: Option<DeliveryError>,
    /// When its status last changed.
    pub updated_at: String,
}

impl From<&domain::sms::delivery::Delivery> for Delivery {
    fn from(d: &domain::sms::delivery::Delivery) -> Self {
        let error = d.error.clone().map(|e| DeliveryError {
            source: match e.source {
                domain::sms::delivery::Source::Engine => ErrorSource::Engine,
                domain::sms::delivery::Source::Carrier => ErrorSource::Carrier,
            },
            code: e.code,
            message: e.message,
            remedy: e.remedy,
        });
        Delivery {
            number: d.number.to_string(),
            our_number: d.our_number.as_ref().map(Number::to_string),
            status: d.status.into(),
            attempt: d.attempt,
            segments: d.segments,
            error,
            updated_at: d.updated_at.to_rfc3339(),
        }
    }
}

/// Whether a file that came with a text is here.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentState {
    /// It is being fetched from the carrier.
    Pending,
    /// It is.
    Stored,
    /// It never will be.
    Failed,
}

/// A file that came with a text.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Attachment {
    /// Its name for ever.
    pub id: String,
    /// What it is.
    #[schema(example = "image/jpeg")]
    pub content_type: String,
    /// Whether it is here.
    pub state: AttachmentState,
    /// How large it is, in bytes, once it is here.
    pub size: Option<i64>,
    /// Where it can be had, once it is here.
    pub url: Option<String>,
}

impl From<&domain::conversation::Attachment> for Attachment {
    fn from(a: &domain::conversation::Attachment) -> Self {
        let state = match a.state {
            domain::conversation::AttachmentState::Pending => AttachmentState::Pending,
            domain::conversation::AttachmentState::Stored => AttachmentState::Stored,
            domain::conversation::AttachmentState::Failed => AttachmentState::Failed,
        };
        Attachment {
            id: a.id.to_string(),
            content_type: a.content_type.clone(),
            state,
            size: a.size,
            url: (state == AttachmentState::Stored).then(|| format!("/v1/attachments/{}", a.id)),
        }
    }
}

/// A text that came in and is nobody's.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct UnroutedText {
    /// Its name.
    pub id: String,
    /// Which of our numbers it is for.
    pub our_number: String,
    /// Who sent it.
    pub number: String,
    /// What it says.
    pub text: String,
    /// How many files came with it.
    pub attachment_count: usize,
    /// When it came.
    pub at: String,
}

/// A carrier's request that was signed and could not be used.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct DeadLetter {
    /// Its name.
    pub id: String,
    /// The section of the configuration that it came by.
    pub carrier: String,
    /// `inbound` or `status`.
    pub kind: String,
    /// Why it could not be used.
    pub reason: String,
    /// The body's type.
    pub content_type: String,
    /// The body; what is no UTF-8 in it is replaced.
    pub body: String,
    /// When it came.
    pub at: String,
}

/// Somebody who wants no texts.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct ConsentRecord {
    /// From which of ours, or `all`.
    #[schema(example = "+14045550100")]
    pub our_number: String,
    /// Who.
    pub number: String,
    /// How we know: `keyword`, `carrier`, `agent` or `pbx`.
    pub source: String,
    /// Which of us recorded it.
    pub by: Option<Person>,
    /// Why, in their words.
    pub reason: Option<String>,
    /// Since when.
    pub at: String,
}

impl ConsentRecord {
    /// A record, to show.
    pub fn of(c: &Consent, people: &People) -> Self {
        ConsentRecord {
            our_number: c.our_number.as_ref().map_or_else(|| "all".to_owned(), Number::to_string),
            number: c.number.to_string(),
            source: c.source.as_str().into(),
            by: c.by.and_then(|id| Person::of(id, people)),
            reason: c.reason.clone(),
            at: c.at.to_rfc3339(),
        }
    }
}

/// A text that arrived at a phone of the simulator.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SimulatedText {
    /// Its place among all of them: what follows it is asked for with `after`.
    pub id: i64,
    /// Who sent it.
    pub from: String,
    /// Whose phone.
    pub to: String,
    /// What it says.
    pub text: String,
    /// When it arrived.
    pub at: String,
}

/// The name under which the simulator took a text.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct SimulatedId {
    /// The simulator's name for it: sent again under it, it is the same text.
    pub id: String,
}

/// How a text is encoded as SMS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub enum SmsEncoding {
    /// 160 characters in one segment, 153 in each of several.
    #[serde(rename = "GSM-7")]
    Gsm7,
    /// 70 UTF-16 units in one segment, 67 in each of several.
    #[serde(rename = "UCS-2")]
    Ucs2,
}

/// What a text costs by SMS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct SmsEstimate {
    /// How it is encoded.
    pub encoding: SmsEncoding,
    /// In how many segments it goes out.
    pub segments: usize,
    /// As the encoding counts them.
    pub characters: usize,
    /// The characters that made it UCS-2, each once.
    pub unicode_characters: Vec<String>,
}

impl From<Estimate> for SmsEstimate {
    fn from(Estimate { encoding, segments, characters, unicode_characters }: Estimate) -> Self {
        let encoding = match encoding {
            Encoding::Gsm7 => SmsEncoding::Gsm7,
            Encoding::Ucs2 => SmsEncoding::Ucs2,
        };
        SmsEstimate { encoding, segments, characters, unicode_characters }
    }
}
