//! What queue conversations are, said once more on one page: it knows nothing of the engine, and does nothing but count.
//!
//! A [`Company`] takes one command after another, and says what may be answered; what there is then, it holds. [`told`]
//! reads a timeline, and says where its conversation stands: a step that can't follow on the one before is a panic.

use serde_json::Value;

/// Where a conversation stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    Waiting,
    Claimed(String),
    Closed,
}

/// Reads a timeline to its end.
pub fn told(timeline: &[Value]) -> State {
    let mut state = None;
    for (entry, place) in timeline.iter().zip(1..) {
        let (event, text) = (&entry["event"], &entry["text"]);
        assert_eq!(entry["seq"], place, "places without a hole");
        let who = |field: &str| event[field]["extension"].as_str().unwrap_or_else(|| panic!("{entry}")).to_owned();
        let next = match (event["name"].as_str(), state.clone()) {
            (Some("entered"), None) => State::Waiting,
            (Some("claimed"), None | Some(State::Waiting)) => State::Claimed(who("by")),
            (Some("transferred"), Some(State::Claimed(from))) if from != who("to") => State::Claimed(who("to")),
            (Some("transferred"), Some(State::Waiting)) => State::Claimed(who("to")),
            (Some("transferred_to_queue"), Some(State::Claimed(_) | State::Waiting)) => State::Waiting,
            (Some("released"), Some(State::Claimed(_))) => State::Waiting,
            (Some("timed_out"), Some(State::Claimed(by))) if by == who("who") => State::Waiting,
            (Some("closed"), Some(State::Claimed(_) | State::Waiting)) => State::Closed,
            (Some("missed"), Some(State::Waiting)) => State::Closed,
            // Words of consent come when they come, and what is sent by itself goes when it is due.
            (Some("opted_out" | "opted_in"), Some(state)) => state,
            (None, Some(state)) if entry["direction"] == "outbound" && entry["from"].is_null() => state,
            (None, Some(State::Claimed(by))) if entry["direction"] == "outbound" => {
                assert_eq!(entry["from"]["extension"], by.as_str(), "written by who does not hold it: {entry}");
                State::Claimed(by)
            }
            (None, Some(state)) if entry["direction"] == "inbound" && state != State::Closed => state,
            (_, before) => panic!("{text} after {before:?}: {:?}", super::words(timeline)),
        };
        state = Some(next);
    }
    state.expect("a timeline begins with something")
}

/// Who works where. `AGENTS[n]` is a member of the queues in `MEMBER_OF[n]`.
pub const AGENTS: [&str; 3] = ["201", "211", "212"];
pub const MEMBER_OF: [&[usize]; 3] = [&[0], &[0, 1], &[1]];
pub const QUEUES: [&str; 2] = [super::SUPPORT, super::BILLING];
/// A supervisor, as `who` of a command.
pub const SUPERVISOR: usize = 3;
pub const ANSWER: &str = "Nobody is here.";
const HOUR: i64 = 3_600_000;

/// What is refused, if it is.
const NOT_MINE: &[&str] = &["not_found", "forbidden", "not_claimed", "already_claimed", "agent_unavailable"];
const OVER: &[&str] = &["conversation_closed", "not_found", "forbidden", "agent_unavailable"];
const OVER_OR_DONE: &[&str] = &["ok", "conversation_closed", "not_found", "forbidden", "agent_unavailable"];
const DONE: &[&str] = &["ok"];

#[derive(Clone, Debug)]
pub struct Conversation {
    pub queue: usize,
    pub state: State,
    /// Since when the customer is owed a reply.
    pub owed: Option<i64>,
    /// When it was claimed, or came to wait.
    pub since: i64,
    pub missed: bool,
    pub says: Vec<String>,
}

#[derive(Clone, Debug)]
pub enum Command {
    Text { pair: usize, text: String },
    Start { who: usize, pair: usize },
    Claim { who: usize, pair: usize },
    Release { who: usize, pair: usize },
    Close { who: usize, pair: usize },
    Give { who: usize, pair: usize, to: usize },
    Pass { who: usize, pair: usize, queue: usize },
    Say { who: usize, pair: usize, text: String },
    Duty { who: usize, queue: usize, logged_in: bool, paused: bool },
    Set { queue: usize, idle: i64, unclaimed: i64 },
    Wait { ms: i64 },
    Restart { ms: i64 },
}

impl Command {
    /// The pair that it is about, if it is about one.
    pub fn pair(&self) -> Option<usize> {
        match self {
            Command::Text { pair, .. } | Command::Start { pair, .. } | Command::Claim { pair, .. } => Some(*pair),
            Command::Release { pair, .. } | Command::Close { pair, .. } | Command::Give { pair, .. } => Some(*pair),
            Command::Pass { pair, .. } | Command::Say { pair, .. } => Some(*pair),
            Command::Duty { .. } | Command::Set { .. } | Command::Wait { .. } | Command::Restart { .. } => None,
        }
    }
}

#[derive(Clone, Debug)]
pub struct Company {
    pub now: i64,
    /// By pair, oldest first: at most the last is open.
    pub pairs: Vec<Vec<Conversation>>,
    /// By agent and queue: logged in, paused.
    pub duty: [[(bool, bool); 2]; 3],
    /// By queue: idle and unclaimed timeout.
    pub timeouts: [(i64, i64); 2],
    /// By pair: when something went out by itself.
    automatic: Vec<Vec<i64>>,
}

impl Company {
    pub fn new(pairs: usize, now: i64) -> Self {
        let pairs = vec![vec![]; pairs];
        let automatic = vec![vec![]; pairs.len()];
        Self { now, pairs, duty: Default::default(), timeouts: [(300_000, 0); 2], automatic }
    }

    pub fn is_member(who: usize, queue: usize) -> bool {
        who < AGENTS.len() && MEMBER_OF[who].contains(&queue)
    }

    pub fn is_available(&self, who: usize, queue: usize) -> bool {
        Self::is_member(who, queue) && self.duty[who][queue] == (true, false)
    }

    /// When a conversation's timeout fires.
    pub fn deadline(&self, of: &Conversation) -> Option<i64> {
        let (idle, unclaimed) = self.timeouts[of.queue];
        match of.state {
            State::Claimed(_) => of.owed.map(|owed| owed.max(of.since) + idle),
            State::Waiting if unclaimed > 0 => Some(of.since + unclaimed),
            _ => None,
        }
    }

    /// What may be answered; what comes of it, if it is done.
    pub fn take(&mut self, command: &Command) -> &'static [&'static str] {
        let now = self.now;
        match command {
            Command::Duty { who, queue, logged_in, paused } => self.duty[*who][*queue] = (*logged_in, *paused),
            Command::Set { queue, idle, unclaimed } => self.timeouts[*queue] = (*idle, *unclaimed),
            Command::Wait { ms } | Command::Restart { ms } => self.now += ms,
            Command::Text { pair, text } => {
                if self.open(*pair).is_none() {
                    self.begin(*pair, State::Waiting, format!("Entered {}", QUEUES[0]));
                }
                let open = self.open(*pair).unwrap();
                open.owed.get_or_insert(now);
                open.says.push(text.clone());
            }
            Command::Start { who, pair } if !Self::is_member(*who, 0) => {
                let own = self.open(*pair).is_some_and(|open| open.state == held_by(*who));
                return if own { &["ok", "sms_not_enabled", "not_found"] } else { &["sms_not_enabled", "not_found"] };
            }
            Command::Start { who, pair } => match self.open(*pair).cloned() {
                Some(open) if open.state == State::Waiting => return self.claim(*who, *pair, &open),
                Some(open) if open.state != held_by(*who) => {
                    return &["already_claimed", "agent_unavailable", "not_found"];
                }
                Some(_) => return &["ok", "agent_unavailable"],
                None if !self.is_available(*who, 0) => return &["agent_unavailable", "sms_not_enabled", "not_found"],
                None => self.begin(*pair, held_by(*who), claimed_by(*who)),
            },
            Command::Claim { who, pair } => {
                let Some(last) = self.pairs[*pair].last().cloned() else { return &[] };
                match last.state {
                    State::Waiting => return self.claim(*who, *pair, &last),
                    _ if last.state == held_by(*who) => {}
                    State::Claimed(_) => return NOT_MINE,
                    State::Closed => return OVER,
                }
            }
            Command::Release { who, pair } => {
                let Some(refusal) = self.steer(*who, *pair, false) else {
                    return self.back(*pair, "released back to queue");
                };
                return refusal;
            }
            Command::Close { who, pair } => {
                if let Some(refusal) = self.steer(*who, *pair, true) {
                    // Who closed it may say so twice.
                    return if refusal == OVER { OVER_OR_DONE } else { refusal };
                }
                self.step(*pair, State::Closed, format!("Conversation closed by {}", name(*who)));
            }
            Command::Give { who, pair, to } => {
                let queue = self.open(*pair).map(|open| open.queue);
                if let Some(refusal) = self.steer(*who, *pair, true) {
                    return refusal;
                }
                if self.open(*pair).unwrap().state != held_by(*to) {
                    if !self.is_available(*to, queue.unwrap()) {
                        return &["agent_unavailable"];
                    }
                    self.step(*pair, held_by(*to), format!("Conversation transferred to {}", name(*to)));
                }
            }
            Command::Pass { who, pair, queue } => {
                if let Some(refusal) = self.steer(*who, *pair, true) {
                    return refusal;
                }
                self.open(*pair).unwrap().queue = *queue;
                self.step(*pair, State::Waiting, format!("Conversation transferred to {}", QUEUES[*queue]));
            }
            Command::Say { who, pair, text } => match self.pairs[*pair].last_mut() {
                None => return &[],
                Some(last) if last.state == held_by(*who) => {
                    last.owed = None;
                    last.says.push(text.clone());
                }
                Some(last) => return if last.state == State::Closed { OVER } else { NOT_MINE },
            },
        }
        self.fire();
        DONE
    }

    /// Everything that is due happens.
    fn fire(&mut self) {
        for pair in 0..self.pairs.len() {
            let Some(open) = self.open(pair).cloned() else { continue };
            if self.deadline(&open).is_none_or(|at| at > self.now) {
                continue;
            }
            if let State::Claimed(by) = &open.state {
                self.back(pair, &format!("released back to queue: no reply from Name {by} ({by})"));
                continue;
            }
            let lately = self.automatic[pair].iter().filter(|at| self.now - **at < HOUR).count();
            if open.owed.is_some() && lately < 3 {
                self.automatic[pair].push(self.now);
                self.open(pair).unwrap().says.push(ANSWER.into());
            }
            self.open(pair).unwrap().missed = true;
            self.step(pair, State::Closed, "Conversation closed: nobody was available".into());
        }
    }

    /// How much has been said.
    pub fn said(&self) -> usize {
        self.pairs.iter().flatten().map(|c| c.says.len()).sum()
    }

    /// A pair's open conversation.
    pub fn open(&mut self, pair: usize) -> Option<&mut Conversation> {
        self.pairs[pair].last_mut().filter(|last| last.state != State::Closed)
    }

    fn begin(&mut self, pair: usize, state: State, says: String) {
        let since = self.now;
        let begun = Conversation { queue: 0, state, owed: None, since, missed: false, says: vec![says] };
        self.pairs[pair].push(begun);
    }

    fn step(&mut self, pair: usize, to: State, says: String) {
        let now = self.now;
        let open = self.open(pair).unwrap();
        (open.state, open.since) = (to, now);
        open.says.push(says);
    }

    fn back(&mut self, pair: usize, how: &str) -> &'static [&'static str] {
        self.step(pair, State::Waiting, format!("Conversation {how}"));
        DONE
    }

    fn claim(&mut self, who: usize, pair: usize, open: &Conversation) -> &'static [&'static str] {
        if !Self::is_member(who, open.queue) {
            return &["not_found", "forbidden"];
        }
        if !self.is_available(who, open.queue) {
            return &["agent_unavailable"];
        }
        self.step(pair, held_by(who), claimed_by(who));
        DONE
    }

    /// Why this one may not move it, if so; `waiting`: whether a supervisor may while it waits.
    fn steer(&mut self, who: usize, pair: usize, waiting: bool) -> Option<&'static [&'static str]> {
        let Some(last) = self.pairs[pair].last() else { return Some(&[]) };
        match last.state {
            State::Closed => Some(OVER),
            State::Claimed(_) if who == SUPERVISOR || last.state == held_by(who) => None,
            State::Waiting if who == SUPERVISOR && waiting => None,
            _ => Some(NOT_MINE),
        }
    }
}

fn held_by(who: usize) -> State {
    State::Claimed(number(who).into())
}

fn claimed_by(who: usize) -> String {
    format!("Conversation claimed by {}", name(who))
}

/// The extension of who gives a command.
pub fn number(who: usize) -> &'static str {
    AGENTS.get(who).copied().unwrap_or(super::SUE)
}

fn name(who: usize) -> String {
    format!("Name {0} ({0})", number(who))
}
