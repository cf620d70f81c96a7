//! SMPP 3.4: one link to a carrier's message centre, kept up, over which texts go out, and texts and receipts come in.
//!
//! What comes in is on disk before it is answered; what was written and not answered is unknown, and never sent again by
//! itself.

mod alphabet;
mod connect;
mod ids;
mod link;
mod pauses;
mod pdu;
mod piece;
mod presence;
mod receipt;
mod receive;
mod segment;
mod status;
mod unproven;
mod window;

use std::{
    fmt,
    pin::pin,
    sync::{
        Arc, Mutex, OnceLock, PoisonError, Weak,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use metrics::{counter, gauge};
use serde::Deserialize;
use tokio::{
    sync::{Notify, mpsc, oneshot, watch},
    time::{Instant, sleep, timeout},
};
use tracing::{error, info, warn};
use uuid::Uuid;

use crate::{
    clock::Clock,
    domain::{
        MessageText,
        phone::Number,
        sms::{
            delivery::{DeliveryError, Rejection, Submitted},
            inbound::{Incoming, Media},
        },
    },
};

use super::{
    ANSWER_WITHIN, CONNECT_WITHIN, Carrier, FetchError, Fetched, Link as State, LinkState, Pending, Said, Submission,
    Webhook, errors,
};

pub use alphabet::DefaultAlphabet;
pub use ids::ReceiptIds;
pub use piece::{Form, Piece, Place, Sar, joined, piece};
pub use presence::Presence;
pub use receipt::{Receipted, receipt};
pub use receive::{Arrived, Delivered, all_delivered};

use link::{Ended, Ends, Link};
use pauses::{Pauses, jittered};
use pdu::Address;
use status::BindRefused;
use window::Text;

/// The most segments in flight, if the configuration doesn't say.
pub const WINDOW: usize = 10;
/// Why a link is down that we closed.
const CLOSED: &str = "closed";
/// Without a link it is looked so often whether there is one, or another of the account.
const LOOKS: Duration = Duration::from_millis(50);
/// Texts that wait for their turn on a link.
const QUEUED: usize = 256;

/// A link to a carrier.
#[derive(Clone)]
pub struct Account {
    /// The name of its section in the configuration.
    pub name: String,
    /// The message centre.
    pub host: String,
    /// Its port.
    pub port: u16,
    /// Whether over TLS.
    pub tls: bool,
    /// Who binds; at most 15 octets (5.2.1).
    pub system_id: String,
    /// At most 8 octets (5.2.2).
    pub password: String,
    /// The most segments in flight.
    pub window: usize,
    /// What the carrier means by `data_coding` 0.
    pub data_coding_0: DefaultAlphabet,
    /// How receipts write the names of messages.
    pub receipt_ids: ReceiptIds,
    /// Segments each second for each of its numbers.
    pub pace_per_s: f64,
}

/// Without the password.
impl fmt::Debug for Account {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, host, port, system_id, .. } = self;
        let (name, host, port, system_id) = (name, host, port, system_id);
        f.debug_struct("Account")
            .field("name", name)
            .field("host", host)
            .field("port", port)
            .field("system_id", system_id)
            .finish_non_exhaustive()
    }
}

/// How long things take.
#[derive(Clone, Copy, Debug)]
pub struct Timing {
    /// The first and the longest pause before a connection is tried again.
    pub reconnect: (Duration, Duration),
    /// ... after the carrier refused to bind.
    pub refused: (Duration, Duration),
    /// A link that was up for so long was a good one: the pauses after it begin anew.
    pub steady: Duration,
    /// The first and the longest pause when the carrier is too busy.
    pub throttled: (Duration, Duration),
    /// How long an answer may take.
    pub answer: Duration,
    /// How often the carrier is asked whether it is there.
    pub enquire: Duration,
    /// How long we wait for its goodbye.
    pub farewell: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        let s = Duration::from_secs;
        Self {
            reconnect: (s(1), s(60)),
            refused: (s(60), s(300)),
            steady: s(60),
            throttled: (s(1), s(30)),
            answer: s(10),
            enquire: s(30),
            farewell: s(2),
        }
    }
}

/// What a link reaches: the engine.
pub trait Exchange: Send + Sync {
    /// A session begins: a link is bound. What was not seen answered before may come again from now on.
    fn bound(&self, session: Uuid, presence: Presence);
    /// A session has ended, and its link with it.
    fn ended(&self, session: Uuid);
    /// Begins to take what the carrier brought, in the order of these calls. When this answers, it is on disk, and the
    /// carrier may forget it; the name is that under which it is known whether the carrier has seen our answer.
    fn take(&self, session: Uuid, delivered: Delivered) -> Pending<Result<Option<Uuid>, NotNow>>;
    /// The carrier has seen our answers to these.
    fn answered(&self, taken: Vec<Uuid>);
}

/// It can't be taken now: the carrier is to bring it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NotNow;

/// The carrier behind a link. Cheap to clone.
#[derive(Clone)]
pub struct Smpp(Arc<Inner>);

struct Inner {
    account: Arc<Account>,
    /// The account's other links.
    others: OnceLock<Vec<Weak<Inner>>>,
    timing: Timing,
    clock: Clock,
    /// What long texts are told apart by at the phone.
    references: AtomicU8,
    state: watch::Sender<State>,
    texts: mpsc::Sender<Text>,
    to_be_sent: Mutex<Option<mpsc::Receiver<Text>>>,
    close: Notify,
}

impl Smpp {
    /// Makes ready; nothing is connected until [`Smpp::keep`]. The error says, for who wrote the configuration, what is
    /// wrong with it.
    pub fn new(account: Account, timing: Timing, clock: Clock) -> Result<Self, String> {
        let is_plain = |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_graphic());
        if !is_plain(&account.system_id) || account.system_id.len() > 15 {
            return Err("system_id: 1 to 15 ASCII characters".into());
        }
        if !is_plain(&account.password) || account.password.len() > 8 {
            return Err("password: 1 to 8 ASCII characters, as SMPP has it".into());
        }
        if !(1..=1_000).contains(&account.window) {
            return Err("window: 1 to 1000".into());
        }
        let since = clock.now();
        let reason = Some("not connected yet".to_owned());
        let state = watch::Sender::new(State { state: LinkState::Down, since, reason });
        let (texts, to_be_sent) = mpsc::channel(QUEUED);
        // Not the same after each start: a phone may still wait for the rest of what went out before.
        let references = AtomicU8::new((clock.now().0 / 1_000).to_le_bytes()[0]);
        let (to_be_sent, close) = (Mutex::new(Some(to_be_sent)), Notify::new());
        let (account, others) = (Arc::new(account), OnceLock::new());
        Ok(Self(Arc::new(Inner { account, others, timing, clock, references, state, texts, to_be_sent, close })))
    }

    /// These are the links of one account: what can't go out by one of them goes by another.
    pub fn share(links: &[Self]) {
        for link in links {
            let others = links.iter().filter(|other| !Arc::ptr_eq(&link.0, &other.0));
            let _ = link.0.others.set(others.map(|other| Arc::downgrade(&other.0)).collect());
        }
    }

    /// Keeps the link up, until it is closed. There is one of these for each.
    pub async fn keep(self, exchange: Arc<dyn Exchange>) {
        let taken = self.0.to_be_sent.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut texts) = taken else { return };
        let timing = self.0.timing;
        let (mut lost, mut refused) = (Pauses::new(timing.reconnect), Pauses::new(timing.refused));
        for tries in 0.. {
            let (ended, was_up) = self.once(tries, &mut texts, &exchange).await;
            if was_up >= timing.steady {
                lost.anew();
                refused.anew();
            }
            let (state, reason, pauses) = match ended {
                Ended::Closed => break,
                Ended::Refused(code) => match status::bind_refused(code) {
                    BindRefused::NeedsHelp(why) => (LinkState::Refused, why, &mut refused),
                    BindRefused::MayPass(why) => (LinkState::Down, why, &mut lost),
                },
                Ended::Unbound => (LinkState::Down, "unbound by the carrier".into(), &mut lost),
                Ended::Lost(why) => (LinkState::Down, why, &mut lost),
            };
            if state == LinkState::Refused {
                error!(carrier = self.0.account.name, reason, "the carrier refuses to bind: texts wait");
            } else {
                warn!(carrier = self.0.account.name, reason, "the link is down");
            }
            self.is_now(state, Some(reason));
            if self.without_link(&mut texts, sleep(jittered(pauses.next()))).await.is_none() {
                break;
            }
        }
        // What was not written is said to be so, to the last.
        texts.close();
        while let Some(text) = texts.recv().await {
            drop(text.reply.send(unreachable()));
        }
        self.is_now(LinkState::Down, Some(CLOSED.into()));
    }

    /// One connection, from its beginning to its end, and how long its link was up.
    async fn once(
        &self,
        tries: usize,
        texts: &mut mpsc::Receiver<Text>,
        exchange: &Arc<dyn Exchange>,
    ) -> (Ended, Duration) {
        let Inner { account, timing, close, .. } = &*self.0;
        let binding = async {
            let stream = connect::connect(account, tries).await?;
            Link::bind(stream, account.clone(), *timing).await
        };
        let Some(bound) = self.without_link(texts, binding).await else { return (Ended::Closed, Duration::ZERO) };
        let result = match &bound {
            Ok(_) => "bound",
            Err(Ended::Refused(_)) => "refused",
            Err(_) => "unreachable",
        };
        counter!("partyline_smpp_binds_total", "carrier" => account.name.clone(), "result" => result).increment(1);
        let link = match bound {
            Ok(link) => link,
            Err(ended) => return (ended, Duration::ZERO),
        };
        info!(carrier = account.name, "the link is up");
        self.is_now(LinkState::Up, None);
        let (session, since) = (self.0.clock.new_id(), Instant::now());
        let (presence, asked) = Presence::new();
        exchange.bound(session, presence);
        let ended = link.serve(Ends { texts, asked, exchange: exchange.clone(), close, session }).await;
        (ended, since.elapsed())
    }

    /// Does something while there is no link. What is to be sent meanwhile is not: it is told so at once. `None` if it is
    /// closed.
    async fn without_link<T>(&self, texts: &mut mpsc::Receiver<Text>, doing: impl Future<Output = T>) -> Option<T> {
        let mut doing = pin!(doing);
        loop {
            tokio::select! {
                done = &mut doing => return Some(done),
                () = self.0.close.notified() => return None,
                text = texts.recv() => drop(text?.reply.send(unreachable())),
            }
        }
    }

    fn is_now(&self, state: LinkState, reason: Option<String>) {
        let up = if state == LinkState::Up { 1.0 } else { 0.0 };
        gauge!("partyline_smpp_link_up", "carrier" => self.0.account.name.clone()).set(up);
        self.0.state.send_modify(|now| {
            let since = if now.state == state { now.since } else { self.0.clock.now() };
            *now = State { state, since, reason };
        });
    }
}

impl Carrier for Smpp {
    fn submit(&self, submission: Submission) -> Pending<Submitted> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move { inner.submit(&submission).await })
    }

    /// Nobody but the engine does.
    fn answers_keywords(&self) -> bool {
        false
    }

    fn pace_per_s(&self) -> f64 {
        self.0.account.pace_per_s
    }

    /// It signs nothing: what it brings comes over its link.
    fn is_signed(&self, _: &Webhook<'_>) -> bool {
        false
    }

    /// What was kept as a dead letter: a text that was put together. (A PDU that is kept could not be read, nor can it now.)
    fn understand(&self, request: &Webhook<'_>) -> Result<Vec<Said>, String> {
        if request.content_type != Kept::CONTENT_TYPE {
            return Err("it can't be read".into());
        }
        let kept: Kept = serde_json::from_slice(request.body).map_err(|_| "it can't be read")?;
        Ok(vec![Said::Text(kept.into_incoming())])
    }

    fn link(&self) -> Option<State> {
        Some(self.0.state.borrow().clone())
    }

    fn is_unreachable(&self) -> bool {
        self.0.is_unreachable()
    }

    fn close(&self) -> Pending<()> {
        let inner = Arc::clone(&self.0);
        Box::pin(async move {
            inner.close.notify_one();
            let mut link = inner.state.subscribe();
            let closed = link.wait_for(|link| link.reason.as_deref() == Some(CLOSED));
            let _ = timeout(inner.timing.farewell * 2, closed).await;
        })
    }

    fn fetch(&self, _: Media, _: usize) -> Pending<Result<Fetched, FetchError>> {
        Box::pin(async { Err(FetchError::Never("no files come over SMPP".into())) })
    }
}

impl Inner {
    async fn submit(self: &Arc<Self>, submission: &Submission) -> Submitted {
        let until = Instant::now() + ANSWER_WITHIN;
        // A link that has just broken is there again soon.
        let there_by = Instant::now() + CONNECT_WITHIN;
        while self.is_unreachable() && Instant::now() < there_by {
            sleep(LOOKS).await;
        }
        let Some(link) = self.up() else {
            let is_refused = self.state.borrow().state == LinkState::Refused;
            return if is_refused { Submitted::Rejected(Rejection::Auth, refused_us()) } else { unreachable() };
        };
        let reference = self.references.fetch_add(1, Ordering::Relaxed);
        let segments = segment::segments(submission.text.as_str(), self.account.data_coding_0, reference);
        // As if the carrier had said so: no message centre takes so much.
        let Some(segments) = segments else { return too_long() };
        let (reply, answer) = oneshot::channel();
        let (from, to) = (address(&submission.from), address(&submission.to));
        match link.texts.try_send(Text { from, to, segments, until, reply }) {
            Ok(()) => answer.await.unwrap_or(Submitted::Unknown),
            Err(mpsc::error::TrySendError::Full(_)) => Submitted::Rejected(Rejection::Throttled(None), busy()),
            Err(mpsc::error::TrySendError::Closed(_)) => unreachable(),
        }
    }

    /// A link that is up: this one, or another of its account.
    fn up(self: &Arc<Self>) -> Option<Arc<Self>> {
        let others = self.others.get().into_iter().flatten().filter_map(Weak::upgrade);
        std::iter::once(self.clone()).chain(others).find(|link| link.state.borrow().state == LinkState::Up)
    }

    fn is_unreachable(self: &Arc<Self>) -> bool {
        self.state.borrow().state == LinkState::Down && self.up().is_none()
    }
}

/// A text for a number that nobody has, as it is kept.
#[derive(Debug, serde::Serialize, Deserialize)]
pub struct Kept {
    /// Our name for it: the same again is the same text.
    pub id: String,
    /// Who sent it.
    pub from: Number,
    /// Which of our numbers it is for.
    pub to: Number,
    /// What it says.
    pub text: String,
}

impl Kept {
    /// What it is kept as.
    pub const CONTENT_TYPE: &str = "application/json";

    /// As a text that comes in.
    pub fn into_incoming(self) -> Incoming {
        Incoming {
            carrier: String::new(),
            provider_id: self.id,
            from: self.from,
            to: self.to,
            text: MessageText::stored(self.text),
            media: vec![],
            keyword: None,
        }
    }
}

/// There is no link, so nothing was sent.
fn unreachable() -> Submitted {
    Submitted::Rejected(Rejection::Temporary, errors::unreachable())
}

/// More waits than the carrier takes.
fn busy() -> DeliveryError {
    let (message, remedy) = errors::TOO_FAST;
    DeliveryError::engine("carrier_busy", message, remedy)
}

/// The carrier does not let us in.
fn refused_us() -> DeliveryError {
    let remedy = "Ask the administrator to check system_id and password.";
    DeliveryError::engine("carrier_refuses", "The carrier does not accept our credentials.", remedy)
}

fn too_long() -> Submitted {
    let (message, remedy) = errors::TOO_LONG;
    Submitted::Rejected(Rejection::Permanent, DeliveryError::engine("too_long", message, remedy))
}

/// Numbers go without their `+` (carriers' usage; 5.2.5: international); what is no number is a name or a short code.
fn address(number: &Number) -> Address {
    match number.as_str().strip_prefix('+') {
        Some(digits) => Address { ton: 1, npi: 1, text: digits.into() },
        None if number.as_str().chars().all(|c| c.is_ascii_digit()) => {
            Address { ton: 0, npi: 1, text: number.as_str().into() }
        }
        None => Address { ton: 5, npi: 0, text: number.as_str().into() },
    }
}

#[cfg(test)]
impl Account {
    fn for_tests() -> Self {
        Self {
            name: "wholesale".into(),
            host: "127.0.0.1".into(),
            port: 2775,
            tls: false,
            system_id: "partyline".into(),
            password: "secret08".into(),
            window: WINDOW,
            data_coding_0: DefaultAlphabet::Gsm7,
            receipt_ids: ReceiptIds::Same,
            pace_per_s: 1.0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::AttemptId;
    use tokio::{
        io::{AsyncReadExt, AsyncWriteExt},
        net::{TcpListener, TcpStream},
    };

    struct Nobody;

    impl Exchange for Nobody {
        fn bound(&self, _: Uuid, _: Presence) {}

        fn ended(&self, _: Uuid) {}

        fn take(&self, _: Uuid, _: Delivered) -> Pending<Result<Option<Uuid>, NotNow>> {
            Box::pin(async { Err(NotNow) })
        }

        fn answered(&self, _: Vec<Uuid>) {}
    }

    /// The next PDU's command and sequence.
    async fn heard(link: &mut TcpStream) -> [u32; 2] {
        let mut header = [0; 16];
        link.read_exact(&mut header).await.unwrap();
        let word = |n: usize| u32::from_be_bytes(header[n * 4..][..4].try_into().unwrap());
        let mut body = vec![0; usize::try_from(word(0)).unwrap() - 16];
        link.read_exact(&mut body).await.unwrap();
        [word(1), word(3)]
    }

    #[tokio::test]
    async fn a_text_that_was_not_written_when_the_link_closes_is_said_not_to_be_sent() {
        let centre = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let account = Account { port: centre.local_addr().unwrap().port(), window: 1, ..Account::for_tests() };
        let timing = Timing { farewell: Duration::from_millis(10), ..Timing::default() };
        let smpp = Smpp::new(account, timing, Clock::System).unwrap();
        let kept = tokio::spawn(smpp.clone().keep(Arc::new(Nobody)));
        let (mut link, _) = centre.accept().await.unwrap();
        let [_bind, sequence] = heard(&mut link).await;
        let bound = [17, 0x8000_0009, 0, sequence].map(u32::to_be_bytes).concat();
        link.write_all(&[bound, vec![0]].concat()).await.unwrap();
        let submission = || Submission {
            attempt: AttemptId(Uuid::nil()),
            from: Number::owned("+14045550100").unwrap(),
            to: Number::owned("+14045550199").unwrap(),
            text: MessageText::stored("Hi".into()),
            is_again: false,
        };
        let first = tokio::spawn(smpp.submit(submission()));
        assert_eq!(heard(&mut link).await[0], 0x04, "it fills the window, and is never answered");
        let (second, ()) = tokio::join!(smpp.submit(submission()), smpp.close());
        assert!(matches!(second, Submitted::Rejected(Rejection::Temporary, _)), "{second:?}");
        assert_eq!(first.await.unwrap(), Submitted::Unknown);
        kept.await.unwrap();
    }
}
