//! Who carries texts: all behind one trait. A text goes over the same road whatever the carrier.

mod errors;
#[cfg(test)]
mod fake;
mod files;
mod server;
mod simulator;
#[cfg(feature = "smpp")]
pub mod smpp;
mod telnyx;
mod twilio;

use std::{collections::BTreeMap, future::Future, pin::Pin, sync::Arc, time::Duration};

use crate::{
    domain::{
        AttemptId, MessageText, Timestamp,
        phone::Number,
        sms::{
            delivery::Submitted,
            inbound::{Incoming, Media, News},
        },
    },
    outgoing::Uncollected,
};

pub use server::Places;
pub use simulator::{Knobs, Network, Simulator};
pub use telnyx::{Telnyx, TelnyxAccount};
pub use twilio::{Account, Twilio};

/// How long a carrier may take to answer a submit. Beyond that the outcome is unknown.
pub const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// How long a connection may take: beyond that nothing was written.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(5);

/// The carriers of the configuration, by the names of their sections.
pub type Carriers = BTreeMap<String, Arc<dyn Carrier>>;

/// What takes time.
pub type Pending<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// One who carries texts.
pub trait Carrier: Send + Sync {
    /// Hands a text over. It ends in exactly one of three ways, within [`ANSWER_WITHIN`].
    fn submit(&self, submission: Submission) -> Pending<Submitted>;

    /// Whether it answers the words of consent itself.
    fn answers_keywords(&self) -> bool;

    /// Whether the same attempt, handed over again, is one text all the same: the carrier knows it by its name. Then what
    /// became of a lost answer is found out by asking again.
    fn knows_attempts(&self) -> bool {
        false
    }

    /// Segments each second for each of its numbers.
    fn pace_per_s(&self) -> f64;

    /// Whether a request is the carrier's: signed rightly.
    fn is_signed(&self, request: &Webhook<'_>) -> bool;

    /// What a request says that was signed rightly; else why it can't be understood.
    fn understand(&self, request: &Webhook<'_>) -> Result<Vec<Said>, String>;

    /// What a request of the carrier's says, if it is signed rightly.
    fn read(&self, request: &Webhook<'_>) -> Result<Vec<Said>, Unread> {
        if !self.is_signed(request) {
            return Err(Unread::Unsigned);
        }
        self.understand(request).map_err(Unread::NotUnderstood)
    }

    /// How long a request of the carrier's may take here. It brings again what was not answered by then, or was refused for
    /// the moment.
    fn waits(&self) -> Duration {
        ANSWER_WITHIN
    }

    /// How it is connected, if it holds a connection.
    fn link(&self) -> Option<Link> {
        None
    }

    /// Whether nothing can go out for want of a connection, which is being tried. (Not when the carrier refuses one.)
    fn is_unreachable(&self) -> bool {
        false
    }

    /// Takes leave of the carrier, if it holds a connection: nothing more is sent. It takes a moment at most.
    fn close(&self) -> Pending<()> {
        Box::pin(async {})
    }

    /// What a carrier expects to hear when all is well: a content type and a body.
    fn thanks(&self) -> (&'static str, &'static str) {
        ("text/plain", "")
    }

    /// Fetches a file that came with a text: at most `most` bytes of it.
    fn fetch(&self, media: Media, most: usize) -> Pending<Result<Fetched, FetchError>>;
}

/// A text on its way out.
#[derive(Clone, Debug)]
pub struct Submission {
    /// The attempt's name: an idempotency key, and what callbacks name.
    pub attempt: AttemptId,
    /// One of our numbers.
    pub from: Number,
    /// To whom.
    pub to: Number,
    /// What it says.
    pub text: MessageText,
    /// Whether the carrier may have it already, and is asked what became of it: [`Carrier::knows_attempts`].
    pub is_again: bool,
}

/// A request of a carrier's, as it came.
#[derive(Clone, Copy, Debug)]
pub struct Webhook<'a> {
    /// `inbound` or `status`.
    pub kind: Kind,
    /// The attempt that its path names.
    pub attempt: Option<AttemptId>,
    /// Path and query, as they came: what is signed begins with `public_url` and ends with this.
    pub path_and_query: &'a str,
    /// The body's type.
    pub content_type: &'a str,
    /// All headers, names in lower case.
    pub headers: &'a [(String, String)],
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// When it came.
    pub now: Timestamp,
}

impl Webhook<'_> {
    /// The first header of this name (in lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(n, _)| n == name).map(|(_, value)| value.as_str())
    }
}

/// What a request of a carrier's is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A text comes in.
    Inbound,
    /// A text that went out has news.
    Status,
}

/// What a carrier says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Said {
    /// A text came in. (`carrier` of it is empty: who asks knows the name.)
    Text(Incoming),
    /// News of a text that went out.
    News(News),
}

/// Why a carrier's request was not read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unread {
    /// Not signed, or not rightly: it changes nothing, and is not kept.
    Unsigned,
    /// Signed, and not to be understood: it is kept whole.
    NotUnderstood(String),
}

/// How a carrier is connected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Whether texts go through it.
    pub state: LinkState,
    /// Since when.
    pub since: Timestamp,
    /// Why it is not up.
    pub reason: Option<String>,
}

/// Whether texts go through a carrier's connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinkState {
    /// They do.
    Up,
    /// There is no connection. It is tried again.
    Down,
    /// The carrier refuses us. It is asked again, less often.
    Refused,
}

/// A file that came with a text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// What the server says it is.
    pub content_type: String,
    /// It.
    pub bytes: Vec<u8>,
}

/// Why a file was not fetched.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FetchError {
    /// It is too large, not there, or nothing that may be fetched: it never will be.
    Never(String),
    /// Perhaps later.
    Later(String),
}

impl From<Uncollected> for FetchError {
    fn from(why: Uncollected) -> Self {
        match why {
            Uncollected::TooLarge => FetchError::Never("it is too large".into()),
            Uncollected::BrokeOff => FetchError::Later("it broke off".into()),
        }
    }
}
