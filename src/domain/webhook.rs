//! Webhooks: which events one asks for, and what becomes of a delivery.

use std::{collections::BTreeSet, fmt, time::Duration};

use super::{Happening, Refusal, TenantId, Timestamp, Version, WebhookId};

/// The most webhooks of a company.
pub const WEBHOOKS_MAX: usize = 20;
/// The longest URL, in characters.
pub const URL_MAX: usize = 2_000;
/// The most names of events in a request.
pub const EVENTS_MAX: usize = 50;
/// A receiver that asks for time gets no more than this.
const PATIENCE_MAX: Duration = Duration::from_secs(3_600);

/// Where events of a company go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its name here.
    pub id: WebhookId,
    /// Whose.
    pub tenant: TenantId,
    /// The PBX's own name for it.
    pub key: String,
    /// Where it is.
    pub url: String,
    /// What it asks for.
    pub events: Wanted,
    /// What is signed with.
    pub secret: Secret,
    /// How it does.
    pub state: State,
    /// Why the newest attempt failed.
    pub last_error: Option<String>,
    /// Rises with each `PUT` that changes something.
    pub revision: i64,
    /// What happened up to here is stored for it, or is not for it.
    pub cursor: Version,
    /// Deliveries it has had, ever.
    pub placed: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// `whsec_…`. Never shown by accident.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub String);

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

/// How a webhook does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Its newest attempt succeeded, or it had none.
    Active,
    /// Its newest attempt failed.
    Failing,
    /// It said that it is gone: nothing is sent until it is put again.
    Disabled,
}

impl State {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Active => "active",
            State::Failing => "failing",
            State::Disabled => "disabled",
        }
    }

    /// The state of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [State::Active, State::Failing, State::Disabled].into_iter().find(|s| s.as_str() == name)
    }
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident = $name:literal,)*) => {
        /// What a webhook can ask for.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            /// All of them.
            pub const ALL: &[Kind] = &[$(Kind::$kind,)*];

            /// Its name, as events have it.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Kind::$kind => $name,)*
                }
            }
        }
    };
}

kinds! {
    /// A message was added.
    MessageCreated = "message.created",
    /// A delivery of a message has come further, or a picture of it is here.
    MessageUpdated = "message.updated",
    /// A conversation is new, or has changed.
    ConversationUpdated = "conversation.updated",
    /// Somebody is in a conversation no longer.
    ConversationRemoved = "conversation.removed",
    /// Some have read so far.
    ReadAdvanced = "read.advanced",
    /// An extension is new, or has changed.
    ExtensionUpdated = "extension.updated",
    /// A phone number is new, has changed, or is given up.
    NumberUpdated = "number.updated",
    /// Somebody wants no texts, or takes them again.
    ConsentUpdated = "consent.updated",
    /// A text is nobody's, or is so no longer.
    UnroutedUpdated = "unrouted.updated",
    /// A queue of calls is new, has changed, or is gone.
    VoiceQueueUpdated = "voice_queue.updated",
    /// An agent wants to stand otherwise in a queue of calls.
    VoiceAgentRequested = "voice_agent.requested",
    /// An SMS queue is new, has changed, or is gone.
    QueueUpdated = "queue.updated",
    /// An agent's state in an SMS queue is another.
    AgentUpdated = "agent.updated",
    /// What is set for all has changed.
    SettingsUpdated = "settings.updated",
}

impl Kind {
    /// The kind of that name.
    pub fn parse(name: &str) -> Option<Self> {
        Kind::ALL.iter().copied().find(|kind| kind.as_str() == name)
    }

    /// Of what happened. `None`: it is told only to those whom it concerns at that moment, and a row tells it as well. Who
    /// came and went is in `conversation.updated`; and so is that a conversation waits, or was taken. What somebody may show for a
    /// number depends on who looks, and comes from the PBX.
    pub fn of(happening: &Happening) -> Option<Self> {
        Some(match happening {
            Happening::MessageCreated(_) => Kind::MessageCreated,
            Happening::MessageUpdated(_) => Kind::MessageUpdated,
            Happening::ConversationUpdated { .. } => Kind::ConversationUpdated,
            Happening::ConversationRemoved { .. } => Kind::ConversationRemoved,
            Happening::ReadAdvanced { .. } => Kind::ReadAdvanced,
            Happening::ExtensionUpdated(_) => Kind::ExtensionUpdated,
            Happening::PhoneNumberUpdated(_) => Kind::NumberUpdated,
            Happening::ConsentUpdated { .. } => Kind::ConsentUpdated,
            Happening::UnroutedUpdated(_) => Kind::UnroutedUpdated,
            Happening::VoiceQueueUpdated(_) => Kind::VoiceQueueUpdated,
            Happening::VoiceAgentRequested(_) => Kind::VoiceAgentRequested,
            Happening::QueueUpdated(_) => Kind::QueueUpdated,
            Happening::AgentUpdated { .. } => Kind::AgentUpdated,
            Happening::SettingsUpdated => Kind::SettingsUpdated,
            Happening::ParticipantsChanged { .. }
            | Happening::QueueWaiting { .. }
            | Happening::QueueTaken { .. }
            | Happening::NamesUpdated(_) => return None,
        })
    }
}

/// The events that a webhook asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// `*`: all, those of later versions of the engine too.
    All,
    /// These.
    These(BTreeSet<Kind>),
}

impl Wanted {
    /// As they are named: 1–50 names that are known, or `*` alone.
    pub fn parse<S: AsRef<str>>(names: &[S]) -> Result<Self, Refusal> {
        if !(1..=EVENTS_MAX).contains(&names.len()) {
            return Err(Refusal::invalid(format!("events: 1 to {EVENTS_MAX} names")));
        }
        let mut these = BTreeSet::new();
        for name in names.iter().map(AsRef::as_ref) {
            match Kind::parse(name) {
                Some(kind) => drop(these.insert(kind)),
                None if name == "*" && names.len() == 1 => return Ok(Wanted::All),
                None if name == "*" => return Err(Refusal::invalid("events: * stands alone")),
                None => {
                    let shown: String = name.chars().filter(|c| !c.is_control()).take(60).collect();
                    return Err(Refusal::invalid(format!("events: there is no event `{shown}`")));
                }
            }
        }
        Ok(Wanted::These(these))
    }

    /// Their names, in an order that is always the same.
    pub fn names(&self) -> Vec<&'static str> {
        match self {
            Wanted::All => vec!["*"],
            Wanted::These(kinds) => kinds.iter().map(|kind| kind.as_str()).collect(),
        }
    }

    /// Whether one of this kind is asked for.
    pub fn has(&self, kind: Kind) -> bool {
        match self {
            Wanted::All => true,
            Wanted::These(kinds) => kinds.contains(&kind),
        }
    }
}

/// What came of an attempt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Attempt {
    /// 2xx.
    Taken(u16),
    /// 410: the receiver wants no more.
    Gone,
    /// Any other answer, and how long the receiver asks to be left alone.
    Refused(u16, Option<Duration>),
    /// There was no answer: why.
    Unanswered(String),
}

/// What follows from an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// It is delivered.
    Delivered,
    /// It is tried again after this.
    Again(Duration),
    /// It is tried no more.
    GivenUp,
    /// The webhook is disabled; what waits goes on waiting.
    Disabled,
}

impl Attempt {
    /// The status of the answer, if there was one.
    pub fn status(&self) -> Option<u16> {
        match self {
            Attempt::Taken(status) | Attempt::Refused(status, _) => Some(*status),
            Attempt::Gone => Some(410),
            Attempt::Unanswered(_) => None,
        }
    }

    /// Why it failed, in words.
    pub fn error(&self) -> Option<String> {
        match self {
            Attempt::Taken(_) => None,
            Attempt::Gone => Some("it answered 410: it is gone".into()),
            Attempt::Refused(status @ 300..=399, _) => {
                Some(format!("it answered {status}: redirects are not followed"))
            }
            Attempt::Refused(status, _) => Some(format!("it answered {status}")),
            Attempt::Unanswered(why) => Some(why.clone()),
        }
    }

    /// For counting.
    pub fn outcome(&self) -> &'static str {
        match self {
            Attempt::Taken(_) => "delivered",
            Attempt::Gone => "gone",
            Attempt::Refused(300..=399, _) => "redirected",
            Attempt::Refused(429, _) => "throttled",
            Attempt::Refused(..) => "refused",
            Attempt::Unanswered(_) => "unanswered",
        }
    }

    /// What follows, where it had failed so many times before. `dice`, below 1, spreads the pauses by a tenth either way.
    pub fn then(&self, failed: usize, pauses: &[Duration], dice: f64) -> Then {
        let asked = match self {
            Attempt::Taken(_) => return Then::Delivered,
            Attempt::Gone => return Then::Disabled,
            Attempt::Refused(429 | 503, asked) => asked.unwrap_or_default().min(PATIENCE_MAX),
            Attempt::Refused(..) | Attempt::Unanswered(_) => Duration::ZERO,
        };
        match pauses.get(failed) {
            Some(pause) => Then::Again(pause.mul_f64(0.9 + dice.clamp(0.0, 1.0) / 5.0).max(asked)),
            None => Then::GivenUp,
        }
    }
}

/// The pauses between attempts: growing, in all about four days.
pub fn pauses() -> Vec<Duration> {
    let growing = [5, 30, 120, 600, 1_800, 3_600, 7_200, 14_400, 28_800];
    growing.into_iter().chain([43_200; 6]).map(Duration::from_secs).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_over_four_days_and_then_it_is_given_up() {
        let pauses = pauses();
        assert!(pauses.is_sorted());
        let days = pauses.iter().sum::<Duration>().as_secs_f64() / 86_400.0;
        assert!((3.5..4.5).contains(&days), "{days}");
        let failed = Attempt::Refused(500, None);
        assert_eq!(failed.then(0, &pauses, 0.5), Then::Again(Duration::from_secs(5)));
        assert_eq!(failed.then(14, &pauses, 0.5), Then::Again(Duration::from_secs(43_200)));
        assert_eq!(failed.then(15, &pauses, 0.5), Then::GivenUp);
        let (Then::Again(soon), Then::Again(late)) = (failed.then(1, &pauses, 0.0), failed.then(1, &pauses, 1.0))
        else {
            panic!("both come again")
        };
        assert_eq!((soon, late), (Duration::from_secs(27), Duration::from_secs(33)));
    }

    #[test]
    fn a_receiver_that_asks_for_time_gets_it_up_to_an_hour() {
        let pauses = pauses();
        for (status, asked, given) in [(429, 60, 60), (503, 60, 60), (429, 1, 5), (429, 90_000, 3_600), (500, 60, 5)] {
            let attempt = Attempt::Refused(status, Some(Duration::from_secs(asked)));
            assert_eq!(attempt.then(0, &pauses, 0.5), Then::Again(Duration::from_secs(given)), "{status} {asked}");
        }
        assert_eq!(Attempt::Gone.then(0, &pauses, 0.5), Then::Disabled);
        assert_eq!(Attempt::Taken(204).then(9, &pauses, 0.5), Then::Delivered);
    }

    #[test]
    fn events_are_known_by_name() {
        let wanted = Wanted::parse(&["voice_agent.requested", "message.created", "message.created"]).unwrap();
        assert_eq!(wanted.names(), ["message.created", "voice_agent.requested"]);
        assert!(wanted.has(Kind::MessageCreated) && !wanted.has(Kind::ReadAdvanced));
        assert!(Wanted::parse(&["*"]).unwrap().has(Kind::ReadAdvanced));
        for (names, named) in [
            (vec!["message.created", "message.eaten"], "message.eaten"),
            (vec!["*", "message.created"], "*"),
            (vec![], "1 to 50"),
            (vec!["message.created"; 51], "1 to 50"),
        ] {
            let Err(Refusal::InvalidRequest(detail)) = Wanted::parse(&names) else { panic!("{names:?}") };
            assert!(detail.contains(named), "{detail}");
        }
    }

    #[test]
    fn a_secret_is_not_shown_by_accident() {
        assert_eq!(format!("{:?}", Secret("whsec_hunter2".into())), "Secret");
    }
}
