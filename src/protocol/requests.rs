//! Bodies and queries as they come in. An unknown field is refused by name.

use serde::{Deserialize, Deserializer, Serialize, de::Error};
use utoipa::{IntoParams, ToSchema};

use crate::domain::Role;

/// Signs an extension in.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// The company; may be left out where there is only one, and where the host is named like it.
    pub tenant: Option<String>,
    /// The extension's number.
    #[schema(example = "201")]
    pub extension: String,
    /// Its password.
    pub password: String,
}

/// Begins a conversation.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum CreateConversation {
    /// A chat with a colleague: the one that is there, or a new one.
    Direct {
        /// The colleague's number.
        #[schema(example = "202")]
        extension: String,
    },
    /// A group of colleagues, with me in it.
    Group {
        /// My own name for it: the same again is the same group.
        client_id: uuid::Uuid,
        /// 1–80 characters.
        #[schema(example = "Ops")]
        name: String,
        /// The others' numbers; with me 2–1,000.
        extensions: Vec<String>,
        /// Numbers outside, however they are written; up to 50.
        #[serde(default)]
        numbers: Vec<String>,
    },
    /// My thread with a number outside: the one that is there, or a new one.
    Sms {
        /// The number, however it is written.
        #[schema(example = "(404) 555-0199")]
        number: String,
        /// The number of ours that it goes out from; my default if absent.
        #[serde(default)]
        from: Option<String>,
    },
}

/// Gives a group another name.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Rename {
    /// 1–80 characters.
    #[schema(example = "Sales")]
    pub name: String,
}

/// Sends a text again.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RetryDelivery {
    /// To this number.
    #[schema(example = "+14045550199")]
    pub number: String,
    /// The attempt that I saw.
    #[schema(minimum = 1)]
    pub attempt: i64,
}

/// Records that somebody wants no texts, or takes them again.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordConsent {
    /// Who said so.
    #[schema(example = "+14045550199")]
    pub number: String,
    /// Whether they want none.
    pub opted_out: bool,
    /// From which of ours.
    pub scope: ConsentScope,
}

/// From which of ours somebody wants no texts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConsentScope {
    /// From this conversation's number.
    Number,
    /// From the whole company.
    Tenant,
}

/// What may I show for these numbers?
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AskNames {
    /// In E.164, up to 200, with commas between.
    pub numbers: String,
}

/// Brings colleagues and numbers outside into a group.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddParticipants {
    /// Colleagues' numbers.
    #[serde(default)]
    pub extensions: Vec<String>,
    /// Numbers outside, however they are written.
    #[serde(default)]
    pub numbers: Vec<String>,
}

/// A page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListParticipants {
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1–200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

/// Writes a message.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SendMessage {
    /// The sender's own name for it: the same again is the same message.
    pub client_id: uuid::Uuid,
    /// 1–4,000 characters; 1,600 where it also goes out by SMS.
    #[schema(example = "On my way")]
    pub text: String,
    /// The number of ours that it goes out from; my default if absent.
    pub from: Option<String>,
}

/// What would this cost by SMS?
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EstimateSms {
    /// As typed.
    #[schema(example = "See you at five 👍")]
    pub text: String,
}

/// Moves my marker forward.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MarkRead {
    /// I have read up to this message.
    #[schema(minimum = 0)]
    #[serde(deserialize_with = "place")]
    pub seq: i64,
}

/// A place in a conversation, or 0: before all of them.
fn place<'de, D: Deserializer<'de>>(d: D) -> Result<i64, D::Error> {
    let seq = i64::deserialize(d)?;
    if seq < 0 { Err(D::Error::custom("seq: not below 0")) } else { Ok(seq) }
}

/// A page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListExtensions {
    /// Part of a name or number.
    pub q: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1–200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

/// Which of my conversations.
#[derive(Clone, Copy, Debug, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ConversationFilter {
    /// All open ones.
    #[default]
    All,
    /// Those with texts I have not read.
    Unread,
    /// Those in which a customer waits for a reply.
    NeedsReply,
    /// Queue conversations that were closed.
    Closed,
    /// Queue conversations that nobody took in time.
    Missed,
}

/// A page of my conversations.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListConversations {
    /// All if absent.
    pub filter: Option<ConversationFilter>,
    /// Part of a name or number.
    pub q: Option<String>,
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1–200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

/// A page of a timeline: the newest without a bound.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListMessages {
    /// The newest below this `seq`.
    pub before_seq: Option<i64>,
    /// The oldest above this `seq`.
    pub after_seq: Option<i64>,
    /// `next` of the page before: goes on in its direction.
    pub after: Option<String>,
    /// 1–200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

/// Where a client stands.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct Sync {
    /// The last version it has seen.
    pub cursor: Option<i64>,
    /// Of which database.
    pub epoch: Option<String>,
}

/// An extension as the PBX wants it.
#[derive(Clone, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutExtension {
    /// Its display name.
    #[schema(example = "Jake")]
    pub name: String,
    /// `user` if absent.
    #[serde(default)]
    pub role: RoleName,
    /// 8–200 characters. Absent: stays as it is.
    #[schema(min_length = 8, max_length = 200)]
    pub password: Option<String>,
    /// Whether it may sign in; true if absent.
    #[serde(default = "yes")]
    pub enabled: bool,
    /// The phone numbers it may send from, in order; they may be provisioned later. None if absent.
    #[serde(default)]
    pub caller_ids: Vec<String>,
    /// The keys of its phonebooks, up to 20, in order; they may be provisioned later. None if absent.
    #[serde(default)]
    pub phonebooks: Vec<String>,
}

/// Signs an extension in on its behalf.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueToken {
    /// How long the token is good: from a minute to `token_ttl_s` of the configuration, which it is if absent.
    #[schema(minimum = 1, example = 3600)]
    pub ttl_s: Option<u64>,
}

/// My state in a queue.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutAgent {
    /// Whether I work in it.
    pub logged_in: bool,
    /// Whether I take nothing new meanwhile.
    pub paused: bool,
    /// Why, in up to 80 characters; only with `paused`.
    #[schema(example = "Lunch")]
    pub pause_reason: Option<String>,
}

/// To whom a conversation goes: one of the two.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Transfer {
    /// An agent of its queue, who is available.
    #[schema(example = "211")]
    pub extension: Option<String>,
    /// A queue, by its id.
    pub queue: Option<String>,
}

/// Which queues.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQueues {
    /// Names of all queues of the company, to transfer to.
    #[serde(default)]
    pub all: bool,
}

/// Which conversations of a queue.
#[derive(Clone, Copy, Debug, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum InQueueState {
    /// For somebody to claim them; the oldest wait first.
    Waiting,
    /// Somebody holds them.
    Claimed,
    /// Somebody closed them.
    Closed,
    /// Nobody was available in time.
    Missed,
}

/// A page of a queue's conversations.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListQueue {
    /// Which.
    pub state: InQueueState,
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1–200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

/// An SMS queue as the PBX wants it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutQueue {
    /// What people call it.
    #[schema(example = "SMS Support Queue")]
    pub name: String,
    /// Its members' extension numbers; they may be provisioned later.
    pub members: Vec<String>,
    /// A claimed conversation goes back if the customer is owed a reply for so long. 300 if absent.
    #[serde(default = "idle_timeout_s")]
    #[schema(minimum = 1, maximum = 86_400)]
    pub idle_timeout_s: i64,
    /// A waiting one is closed after so long; 0: never, as if absent.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 86_400)]
    pub unclaimed_timeout_s: i64,
    /// What the customer is then told; nothing if absent or empty.
    pub timeout_response: Option<String>,
}

fn idle_timeout_s() -> i64 {
    300
}

/// Gives a text that is nobody's to somebody: one of the two.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AssignUnrouted {
    /// The extension whose thread it goes to.
    #[schema(example = "201")]
    pub extension: Option<String>,
    /// The queue in which it shall wait, by your own name for it.
    #[schema(example = "support")]
    pub queue: Option<String>,
}

/// Records that somebody wants no texts.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutConsent {
    /// Why, in their words; up to 200 characters.
    pub reason: Option<String>,
}

/// What is set for all of a company. What is absent takes its default.
#[derive(Clone, Debug, Deserialize, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutSettings {
    /// The sound of a new message: the name of one of ours, or an https URL. `chime` if absent.
    #[schema(example = "chime")]
    pub alert_tone: Option<String>,
    /// Where numbers are that don't say. `US` if absent.
    #[schema(example = "US")]
    pub region: Option<String>,
    /// What answers HELP. Without it HELP is an ordinary text.
    pub help_text: Option<String>,
    /// What answers STOP, where the carrier doesn't.
    pub opt_out_text: Option<String>,
    /// What answers START, where the carrier doesn't.
    pub opt_in_text: Option<String>,
    /// Reasons to pause that are offered to agents.
    pub pause_reasons: Option<Vec<String>>,
}

/// Texts in as a customer of the simulator.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SimulateText {
    /// Whose phone it is: a number, a short code or a name.
    #[schema(example = "+14045550199")]
    pub from: String,
    /// One of our numbers.
    #[schema(example = "+14045550100")]
    pub to: String,
    /// What it says; empty, if only pictures are sent.
    pub text: String,
    /// The simulator's name for it; the same again is the same text. A new one if absent.
    pub id: Option<String>,
    /// Where pictures can be fetched that come with it.
    #[serde(default)]
    pub media: Vec<String>,
}

/// What a phone of the simulator received.
#[derive(Clone, Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListSimulated {
    /// Whose phone.
    pub number: String,
    /// `next` of the page before.
    pub after: Option<i64>,
    /// 1–200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

/// A phone number as the PBX wants it.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutNumber {
    /// What people call it.
    #[schema(example = "Main line")]
    pub label: Option<String>,
    /// Whether it has an active SMS plan.
    pub sms_enabled: bool,
    /// Who carries its texts: a section of the configuration.
    #[schema(example = "sim")]
    pub carrier: String,
    /// The key of the SMS queue that it feeds; it may come later.
    pub queue: Option<String>,
    /// The extension that gets what comes unasked; it may come later.
    #[schema(example = "201")]
    pub extension: Option<String>,
}

/// A page of a list.
#[derive(Clone, Debug, Default, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ListNumbers {
    /// `next` of the page before.
    pub after: Option<String>,
    /// 1–200, 50 if absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<usize>,
}

fn yes() -> bool {
    true
}

/// What an extension may do beyond chatting.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RoleName {
    /// Chats, and works in its queues.
    #[default]
    User,
    /// Sees and steers all queue conversations.
    Supervisor,
    /// May provision the tenant.
    Admin,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::User => Role::User,
            RoleName::Supervisor => Role::Supervisor,
            RoleName::Admin => Role::Admin,
        }
    }
}

impl From<Role> for RoleName {
    fn from(role: Role) -> Self {
        match role {
            Role::User => RoleName::User,
            Role::Supervisor => RoleName::Supervisor,
            Role::Admin => RoleName::Admin,
        }
    }
}
