//! The sending of one message to one external number: its status, its attempts, and what moves it.
//!
//! Within one attempt the status only rises, whatever order the news comes in. What may have gone out is never sent again
//! by itself; a person may start another attempt, by the attempt that they saw.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::domain::{AttemptId, Timestamp, phone::Number};

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    /// Waits for its turn.
    Queued,
    /// Being handed to the carrier.
    Sending,
    /// Handed over perhaps: the answer was lost.
    Unconfirmed,
    /// The carrier has it.
    Sent,
    /// The phone has it.
    Delivered,
    /// The carrier, or we, did not send it.
    Failed,
    /// The carrier sent it, and the phone didn't get it.
    Undelivered,
}

impl Status {
    const ALL: [Status; 7] = [
        Status::Queued,
        Status::Sending,
        Status::Unconfirmed,
        Status::Sent,
        Status::Delivered,
        Status::Failed,
        Status::Undelivered,
    ];

    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Status::Queued => "queued",
            Status::Sending => "sending",
            Status::Unconfirmed => "unconfirmed",
            Status::Sent => "sent",
            Status::Delivered => "delivered",
            Status::Failed => "failed",
            Status::Undelivered => "undelivered",
        }
    }

    /// The status of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == name)
    }

    /// Whether it certainly did not arrive.
    pub fn has_failed(self) -> bool {
        matches!(self, Status::Failed | Status::Undelivered)
    }

    /// Whether a person may start another attempt.
    pub fn may_be_retried(self) -> bool {
        self.has_failed() || self == Status::Unconfirmed
    }

    fn rank(self) -> u8 {
        match self {
            Status::Queued => 0,
            Status::Sending => 1,
            Status::Unconfirmed => 2,
            Status::Sent => 3,
            Status::Delivered | Status::Failed | Status::Undelivered => 4,
        }
    }
}

/// Who says that a delivery failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// Partyline.
    Engine,
    /// The carrier.
    Carrier,
}

/// Why a delivery failed, and what to do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeliveryError {
    /// Who says so.
    pub source: Source,
    /// The carrier's code, or one of ours.
    pub code: String,
    /// The reason, in plain words.
    pub message: String,
    /// What to do.
    pub remedy: String,
}

impl DeliveryError {
    /// Ours.
    pub fn engine(code: &str, message: &str, remedy: &str) -> Self {
        let (code, message, remedy) = (code.into(), message.into(), remedy.into());
        Self { source: Source::Engine, code, message, remedy }
    }

    /// A carrier's.
    pub fn carrier(code: impl Into<String>, message: impl Into<String>, remedy: impl Into<String>) -> Self {
        let (code, message, remedy) = (code.into(), message.into(), remedy.into());
        Self { source: Source::Carrier, code, message, remedy }
    }

    /// They said stop.
    pub fn opted_out() -> Self {
        Self::engine("opted_out", "They asked for no more texts.", "They can text START to take texts again.")
    }

    /// The author has no number to send from.
    pub fn not_enabled() -> Self {
        let remedy = "Ask the administrator for a phone number with SMS.";
        Self::engine("sms_not_enabled", "There is no phone number to send it from.", remedy)
    }
}

/// The sending of one message to one external number.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delivery {
    /// To whom.
    pub number: Number,
    /// From which of ours; none if the author had none.
    pub our_number: Option<Number>,
    /// How far it has come.
    pub status: Status,
    /// The newest attempt: 1, 2, 3 …
    pub attempt: i64,
    /// The newest attempt's name, once it is being handed over.
    pub attempt_id: Option<AttemptId>,
    /// In how many segments it goes out.
    pub segments: i64,
    /// Why it failed.
    pub error: Option<DeliveryError>,
    /// When its status last changed.
    pub updated_at: Timestamp,
    /// Queued: not to be handed over before this.
    pub due_at: Timestamp,
    /// When it was first handed over since somebody wanted it sent: refusals that may pass are waited out from here.
    pub since: Timestamp,
    /// Its place in the order in which texts go out: the version of its message.
    pub place: i64,
    /// Refusals that may pass, so far.
    pub tries: i64,
    /// The one answer that goes to who has just opted out.
    pub confirms_opt_out: bool,
}

/// How a carrier answered a submit. There is no other way it can end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Submitted {
    /// The carrier has it, under these names (one for each part, where it names parts).
    Accepted {
        /// The carrier's own names for it.
        provider_ids: Vec<String>,
        /// As the carrier counts, if it says.
        segments: Option<i64>,
    },
    /// The carrier refused, and certainly did not send it.
    Rejected(Rejection, DeliveryError),
    /// It was written, and the answer was lost: nobody knows.
    Unknown,
    /// The same, and whoever asks again is not told either.
    Unknowable,
}

/// What kind of refusal it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// It will always be refused.
    Permanent,
    /// They said stop, says the carrier.
    OptedOut,
    /// Too fast: again after this, or after a growing pause.
    Throttled(Option<Duration>),
    /// Not now: no connection, or the carrier's own trouble.
    Temporary,
    /// Our credentials: nothing goes out by this carrier until somebody sees to it.
    Auth,
}

/// What a carrier says of a text that it has.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Receipt {
    /// On its way.
    Sent,
    /// The phone has it.
    Delivered,
    /// It was not sent.
    Failed(DeliveryError),
    /// The phone didn't get it.
    Undelivered(DeliveryError),
}

/// The first pause after a refusal that may pass; each further one is twice as long.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// ... up to this.
const LONGEST_PAUSE: Duration = Duration::from_secs(15 * 60);
/// A carrier that does not know us is asked again so often.
pub const PARKED: Duration = Duration::from_secs(60);
/// Without a connection it is looked so often whether there is one.
const LOOKS: Duration = Duration::from_secs(5);

impl Delivery {
    /// It is handed to the carrier now. `None` if it isn't its turn.
    pub fn take(&self, attempt_id: AttemptId, now: Timestamp) -> Option<Self> {
        let due = self.status == Status::Queued && self.due_at <= now;
        let since = if self.tries == 0 { now } else { self.since };
        let taken =
            || Self { status: Status::Sending, attempt_id: Some(attempt_id), since, updated_at: now, ..self.clone() };
        due.then(taken)
    }

    /// Its carrier has no connection: until when it waits for one, and isn't tried. `None`: it is tried all the same, for the
    /// first time, so that it can be seen what it waits for; or for the last.
    pub fn waits_for_connection(&self, give_up: Duration, now: Timestamp) -> Option<Timestamp> {
        let end = self.since + give_up;
        (self.status == Status::Queued && self.tries > 0 && now < end).then(|| end.min(now + LOOKS))
    }

    /// It is not sent at all.
    pub fn refuse(&self, error: DeliveryError, now: Timestamp) -> Option<Self> {
        (self.status == Status::Queued).then(|| self.failed(Status::Failed, error, now))
    }

    /// The carrier has answered, or hasn't. `give_up` is how long refusals that may pass are waited out; `dice` (0 to 1)
    /// spreads the pauses.
    pub fn answered(&self, answer: &Submitted, give_up: Duration, dice: f64, now: Timestamp) -> Option<Self> {
        match answer {
            Submitted::Accepted { segments, .. } => {
                let segments = segments.unwrap_or(self.segments);
                self.raise(Status::Sent, None, now).map(|raised| Self { segments, ..raised })
            }
            Submitted::Unknown | Submitted::Unknowable => self.raise(Status::Unconfirmed, None, now),
            Submitted::Rejected(Rejection::Permanent | Rejection::OptedOut, error) => {
                self.raise(Status::Failed, Some(error.clone()), now)
            }
            // A receipt was here first: the carrier has it, whatever it answered.
            Submitted::Rejected(..) if self.status != Status::Sending => None,
            Submitted::Rejected(kind, error) => {
                let pause = match kind {
                    Rejection::Auth => PARKED,
                    Rejection::Throttled(Some(after)) => (*after).min(give_up),
                    _ => growing(self.tries),
                };
                let pause = pause.mul_f64(1.0 + dice.clamp(0.0, 1.0) / 2.0);
                if *kind != Rejection::Auth && (now + pause).since(self.since) > give_up {
                    return Some(self.failed(Status::Failed, error.clone(), now));
                }
                // What a carrier that doesn't know us keeps waiting is waited out from when it does.
                let tries = if *kind == Rejection::Auth { 0 } else { self.tries + 1 };
                let attempt = self.attempt + 1;
                let again = Self { attempt, tries, due_at: now + pause, ..self.queued(now) };
                Some(again)
            }
        }
    }

    /// A receipt of one of its attempts. An earlier attempt that arrived after all ends one that has not gone out yet.
    pub fn receipt(&self, attempt: i64, receipt: &Receipt, now: Timestamp) -> Option<Self> {
        let (status, error) = match receipt {
            Receipt::Sent => (Status::Sent, None),
            Receipt::Delivered => (Status::Delivered, None),
            Receipt::Failed(error) => (Status::Failed, Some(error.clone())),
            Receipt::Undelivered(error) => (Status::Undelivered, Some(error.clone())),
        };
        if attempt < self.attempt {
            let ends = status == Status::Delivered && self.status == Status::Queued;
            return ends.then(|| Self { status, error, updated_at: now, ..self.clone() });
        }
        if attempt > self.attempt || self.status == Status::Queued { None } else { self.raise(status, error, now) }
    }

    /// The process that handed it over is gone, and its answer with it.
    pub fn lost(&self, now: Timestamp) -> Option<Self> {
        (self.status == Status::Sending).then(|| self.raise(Status::Unconfirmed, None, now)).flatten()
    }

    /// A person wants it sent again, having seen this attempt. `None` if that is not the newest, or can't be retried.
    pub fn retry(&self, seen: i64, now: Timestamp) -> Option<Self> {
        (self.attempt == seen && self.status.may_be_retried() && self.our_number.is_some()).then(|| Self {
            attempt: self.attempt + 1,
            since: now,
            due_at: now,
            tries: 0,
            ..self.queued(now)
        })
    }

    fn raise(&self, status: Status, error: Option<DeliveryError>, now: Timestamp) -> Option<Self> {
        (status.rank() > self.status.rank()).then(|| Self { status, error, updated_at: now, ..self.clone() })
    }

    fn failed(&self, status: Status, error: DeliveryError, now: Timestamp) -> Self {
        Self { status, error: Some(error), updated_at: now, ..self.clone() }
    }

    fn queued(&self, now: Timestamp) -> Self {
        Self { status: Status::Queued, attempt_id: None, error: None, updated_at: now, ..self.clone() }
    }
}

fn growing(tries: i64) -> Duration {
    let doubled = u32::try_from(tries).ok().and_then(|n| 2_u32.checked_pow(n));
    doubled.and_then(|factor| FIRST_PAUSE.checked_mul(factor)).unwrap_or(LONGEST_PAUSE).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use uuid::Uuid;

    const HOURS: Duration = Duration::from_secs(4 * 3_600);

    fn at(s: i64) -> Timestamp {
        Timestamp(s * 1_000_000)
    }

    fn queued() -> Delivery {
        Delivery {
            number: Number::stored("+14045550199".into()),
            our_number: Some(Number::stored("+14045550100".into())),
            status: Status::Queued,
            attempt: 1,
            attempt_id: None,
            segments: 1,
            error: None,
            updated_at: at(0),
            due_at: at(0),
            since: at(0),
            place: 1,
            tries: 0,
            confirms_opt_out: false,
        }
    }

    fn sending() -> Delivery {
        queued().take(AttemptId(Uuid::from_u128(1)), at(1)).unwrap()
    }

    fn accepted() -> Submitted {
        Submitted::Accepted { provider_ids: vec!["SM1".into()], segments: None }
    }

    fn error() -> DeliveryError {
        DeliveryError::carrier("30007", "Filtered.", "Write it differently.")
    }

    fn answered(d: &Delivery, answer: &Submitted, s: i64) -> Option<Delivery> {
        d.answered(answer, HOURS, 0.0, at(s))
    }

    #[test]
    fn it_is_taken_once_and_in_its_time() {
        assert_eq!(sending().take(AttemptId(Uuid::from_u128(2)), at(2)), None);
        let later = Delivery { due_at: at(9), ..queued() };
        assert_eq!(later.take(AttemptId(Uuid::from_u128(2)), at(8)), None);
    }

    #[test]
    fn a_receipt_before_the_answer_counts() {
        let delivered = sending().receipt(1, &Receipt::Delivered, at(2)).unwrap();
        assert_eq!(delivered.status, Status::Delivered);
        assert_eq!(answered(&delivered, &accepted(), 3), None);
        let throttled = Submitted::Rejected(Rejection::Throttled(None), error());
        assert_eq!(answered(&delivered, &throttled, 3), None, "whatever it answered, it has it");
    }

    #[test]
    fn a_lost_answer_is_unconfirmed_until_a_receipt_settles_it() {
        let lost = answered(&sending(), &Submitted::Unknown, 2).unwrap();
        assert_eq!(lost.status, Status::Unconfirmed);
        assert_eq!(lost.take(AttemptId(Uuid::from_u128(2)), at(99)), None, "never again by itself");
        assert_eq!(lost.receipt(1, &Receipt::Sent, at(3)).unwrap().status, Status::Sent);
        assert_eq!(sending().lost(at(2)).unwrap().status, Status::Unconfirmed);
        assert_eq!(queued().lost(at(2)), None);
    }

    #[test]
    fn refusals_that_may_pass_are_waited_out_with_growing_pauses_and_then_fail() {
        let throttled = Submitted::Rejected(Rejection::Throttled(None), error());
        let (mut d, mut now, mut pauses) = (queued(), at(0), vec![]);
        while d.status == Status::Queued {
            now = now.max(d.due_at);
            let taken = d.take(AttemptId(Uuid::from_u128(1)), now).unwrap();
            d = taken.answered(&throttled, HOURS, 0.0, now).unwrap();
            pauses.push(d.due_at.since(now).as_secs());
        }
        assert_eq!(pauses[..6], [5, 10, 20, 40, 80, 160]);
        assert_eq!((d.status, d.error), (Status::Failed, Some(error())));
        assert!(now.since(at(0)) <= HOURS && d.attempt > 10);
    }

    #[test]
    fn while_there_is_no_connection_pauses_do_not_grow() {
        let unreachable = Submitted::Rejected(Rejection::Temporary, error());
        let tried = queued().take(AttemptId(Uuid::from_u128(1)), at(0)).unwrap();
        let tried = tried.answered(&unreachable, HOURS, 0.0, at(5)).unwrap();
        assert_eq!(queued().waits_for_connection(HOURS, at(0)), None, "it is tried once");
        let (mut now, mut looks) = (tried.due_at, 0);
        while let Some(later) = tried.waits_for_connection(HOURS, now) {
            assert!(later > now && later.since(now) <= LOOKS);
            (now, looks) = (later, looks + 1);
        }
        assert_eq!((now, looks), (at(4 * 3_600), 2_878));
        let taken = tried.take(AttemptId(Uuid::from_u128(2)), now).unwrap();
        assert_eq!(taken.waits_for_connection(HOURS, at(10)), None, "it is under way");
        let last = taken.answered(&unreachable, HOURS, 0.0, now).unwrap();
        assert_eq!((last.status, last.attempt), (Status::Failed, 2), "it is given up");
    }

    #[test]
    fn a_carrier_that_says_when_is_asked_then() {
        let after = Submitted::Rejected(Rejection::Throttled(Some(Duration::from_secs(30))), error());
        let again = answered(&sending(), &after, 2).unwrap();
        assert_eq!((again.status, again.attempt, again.due_at), (Status::Queued, 2, at(32)));
        let auth = Submitted::Rejected(Rejection::Auth, error());
        let old = Delivery { since: at(-1_000_000), tries: 9, ..sending() };
        let kept = answered(&old, &auth, 2).unwrap();
        assert_eq!(kept.status, Status::Queued, "until somebody sees to it");
        let now = kept.due_at;
        let taken = kept.take(AttemptId(Uuid::from_u128(1)), now).unwrap();
        let busy = taken.answered(&Submitted::Rejected(Rejection::Throttled(None), error()), HOURS, 0.0, now).unwrap();
        assert_eq!(
            (busy.status, busy.due_at.since(now).as_secs()),
            (Status::Queued, 5),
            "it is waited out from then on"
        );
    }

    #[test]
    fn two_clicks_on_retry_make_one_attempt() {
        let failed = sending().receipt(1, &Receipt::Failed(error()), at(2)).unwrap();
        let again = failed.retry(1, at(3)).unwrap();
        assert_eq!((again.status, again.attempt, again.error.clone()), (Status::Queued, 2, None));
        assert_eq!(again.retry(1, at(4)), None);
        assert_eq!(again.retry(2, at(4)), None, "it waits already");
        let nowhere = Delivery { our_number: None, ..failed };
        assert_eq!(nowhere.retry(1, at(4)), None);
    }

    #[test]
    fn what_arrived_late_ends_an_attempt_that_has_not_gone_out() {
        let failed = sending().receipt(1, &Receipt::Failed(error()), at(2)).unwrap();
        let again = failed.retry(1, at(3)).unwrap();
        assert_eq!(again.receipt(1, &Receipt::Sent, at(4)), None);
        assert_eq!(again.receipt(1, &Receipt::Delivered, at(4)).unwrap().status, Status::Delivered);
        let gone = again.take(AttemptId(Uuid::from_u128(2)), at(5)).unwrap();
        assert_eq!(gone.receipt(1, &Receipt::Delivered, at(6)), None);
        assert_eq!(gone.receipt(3, &Receipt::Delivered, at(6)), None, "an attempt that nobody made");
    }

    #[test]
    fn statuses_keep_their_names() {
        for status in Status::ALL {
            assert_eq!(Status::parse(status.as_str()), Some(status));
        }
    }

    proptest! {
        #[test]
        fn within_an_attempt_the_status_only_rises(news in proptest::collection::vec(0..7_u8, 0..20)) {
            let mut d = sending();
            for n in news {
                let next = match n {
                    0 => answered(&d, &accepted(), 2),
                    1 => answered(&d, &Submitted::Unknown, 2),
                    2 => answered(&d, &Submitted::Rejected(Rejection::Permanent, error()), 2),
                    3 => d.receipt(1, &Receipt::Sent, at(2)),
                    4 => d.receipt(1, &Receipt::Delivered, at(2)),
                    5 => d.receipt(1, &Receipt::Undelivered(error()), at(2)),
                    _ => d.lost(at(2)),
                };
                if let Some(next) = next {
                    prop_assert!(next.status.rank() > d.status.rank());
                    prop_assert_eq!(next.attempt, 1);
                    d = next;
                }
            }
        }
    }
}
