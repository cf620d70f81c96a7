//! The built-in carrier: a telephone network on this machine, to try things out and to test with. Its knobs make it as bad
//! as real ones are.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use serde::{Deserialize, Serialize};

use crate::domain::{
    AttemptId, MessageText,
    phone::Number,
    sms::{
        delivery::{DeliveryError, Receipt, Rejection, Submitted},
        inbound::{Incoming, Media, News},
    },
};

use super::{Carrier, FetchError, Fetched, Pending, Said, Submission, Webhook};

/// How it misbehaves.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Knobs {
    /// How long it takes to answer, in milliseconds: half of it before the phone gets the text, half after.
    pub delay_ms: u64,
    /// How long a receipt takes after that, in milliseconds.
    pub receipt_delay_ms: u64,
    /// One of so many texts it refuses for good; 0: none.
    pub fail_every: u64,
    /// One of so many texts is too fast for it; 0: none.
    pub throttle_every: u64,
    /// Of one of so many texts its answer is lost, though the phone gets it; 0: none.
    pub lose_answer_every: u64,
    /// Receipts come so many times; 0 counts as 1.
    pub receipts: u64,
    /// Receipts come in the wrong order: `delivered` before `sent`.
    pub reorder: bool,
    /// No receipts at all.
    pub silent: bool,
}

/// What it reaches: phones that receive, and the engine that hears of it.
pub trait Network: Send + Sync {
    /// A phone receives a text. It is kept.
    fn deliver(&self, from: Number, to: Number, text: String) -> Pending<()>;
    /// The engine gets a receipt, as it would from any carrier.
    fn receipt(&self, news: News) -> Pending<()>;
}

/// The carrier.
pub struct Simulator {
    network: Arc<dyn Network>,
    knobs: Knobs,
    pace_per_s: f64,
    texts: Arc<AtomicU64>,
}

impl Simulator {
    /// A network of its own.
    pub fn new(network: Arc<dyn Network>, knobs: Knobs, pace_per_s: f64) -> Self {
        Self { network, knobs, pace_per_s, texts: Arc::default() }
    }
}

impl Carrier for Simulator {
    fn submit(&self, Submission { attempt, from, to, text, .. }: Submission) -> Pending<Submitted> {
        let (network, knobs) = (self.network.clone(), self.knobs.clone());
        let nth = self.texts.fetch_add(1, Ordering::Relaxed) + 1;
        Box::pin(async move {
            let one_of = |every: u64| every > 0 && nth.is_multiple_of(every);
            let half = Duration::from_micros(knobs.delay_ms * 500);
            tokio::time::sleep(half).await;
            if one_of(knobs.throttle_every) {
                let error = DeliveryError::carrier("throttled", "The simulator is busy.", "It is tried again.");
                return Submitted::Rejected(Rejection::Throttled(None), error);
            }
            if one_of(knobs.fail_every) || is_switched_off(&to) {
                let message = "The number can't be reached.";
                let error = DeliveryError::carrier("unreachable", message, "Check the number, or try again later.");
                return Submitted::Rejected(Rejection::Permanent, error);
            }
            network.deliver(from, to, text.as_str().to_owned()).await;
            if !knobs.silent {
                tokio::spawn(receipts(network, attempt, knobs.clone()));
            }
            tokio::time::sleep(half).await;
            if one_of(knobs.lose_answer_every) {
                return Submitted::Unknown;
            }
            Submitted::Accepted { provider_ids: vec![format!("sim-{attempt}")], segments: None }
        })
    }

    fn answers_keywords(&self) -> bool {
        false
    }

    fn pace_per_s(&self) -> f64 {
        self.pace_per_s
    }

    /// It signs nothing: it has an interface of its own, `/v1/simulator`.
    fn is_signed(&self, _: &Webhook<'_>) -> bool {
        false
    }

    fn understand(&self, request: &Webhook<'_>) -> Result<Vec<Said>, String> {
        let text: Text = serde_json::from_slice(request.body).map_err(|error| error.to_string())?;
        Ok(vec![Said::Text(text.into_incoming()?)])
    }

    fn fetch(&self, media: Media, most: usize) -> Pending<Result<Fetched, FetchError>> {
        Box::pin(async move { picture(&media.url, most) })
    }
}

/// A text of one of its phones.
#[derive(Debug, Deserialize)]
struct Text {
    id: String,
    from: String,
    to: String,
    text: String,
    #[serde(default)]
    media: Vec<String>,
}

impl Text {
    fn into_incoming(self) -> Result<Incoming, String> {
        let media = |url: String| {
            let content_type =
                url.strip_prefix("data:").and_then(|u| u.split(';').next()).unwrap_or_default().to_owned();
            Media { url, content_type }
        };
        Ok(Incoming {
            carrier: String::new(),
            provider_id: self.id,
            from: Number::sender(&self.from).ok_or("from is nobody's number")?,
            to: Number::owned(&self.to).map_err(|_| "to is no number in E.164")?,
            text: MessageText::stored(self.text),
            media: self.media.into_iter().map(media).collect(),
            keyword: None,
        })
    }
}

/// Numbers whose last four digits are 0000 answer nothing: a way to see a text fail.
fn is_switched_off(number: &Number) -> bool {
    number.as_str().ends_with("0000")
}

async fn receipts(network: Arc<dyn Network>, attempt: AttemptId, knobs: Knobs) {
    let mut order = [Receipt::Sent, Receipt::Delivered];
    if knobs.reorder {
        order.reverse();
    }
    for receipt in order {
        tokio::time::sleep(Duration::from_millis(knobs.receipt_delay_ms)).await;
        for _ in 0..knobs.receipts.max(1) {
            let news = News { attempt: Some(attempt), provider_id: None, receipt: receipt.clone(), opted_out: false };
            network.receipt(news).await;
        }
    }
}

/// Its phones send pictures as `data:` URLs, which need no server.
fn picture(url: &str, most: usize) -> Result<Fetched, FetchError> {
    use base64::Engine;
    let never = |why: &str| FetchError::Never(why.into());
    let (content_type, data) = url
        .strip_prefix("data:")
        .and_then(|rest| rest.split_once(";base64,"))
        .ok_or_else(|| never("the simulator's pictures are data: URLs in base64"))?;
    let bytes = base64::prelude::BASE64_STANDARD.decode(data).map_err(|_| never("not base64"))?;
    if bytes.len() > most {
        return Err(never("too large"));
    }
    Ok(Fetched { content_type: content_type.into(), bytes })
}
