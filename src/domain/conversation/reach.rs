//! What a conversation's texts may go out from, and to whom: what the company's provisioning and the customers' consent
//! say, as of when the state was read. Decisions rest on it by their guards.

use std::collections::{HashMap, HashSet};

use crate::domain::{
    ExtensionId, Guard, Refusal, Timestamp,
    phone::Number,
    sms::delivery::{Delivery, DeliveryError, Status},
};

use super::Pair;

/// What is known of sending.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Reach {
    /// Of a queue conversation: the number that it goes out from, whoever writes.
    pub own: Option<Sender>,
    /// What each member may send from.
    pub senders: HashMap<ExtensionId, Senders>,
    /// The pairs that want no texts, of those that a text from here may go to.
    pub opted_out: HashSet<Pair>,
    /// Customers who want no texts from the whole company.
    pub opted_out_of_all: HashSet<Number>,
}

/// The phone numbers assigned to an extension that are the company's, in order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Senders {
    /// Of the extension's provisioning.
    pub revision: i64,
    /// They.
    pub numbers: Vec<Sender>,
}

/// A phone number assigned to an extension.
#[derive(Clone, Debug, PartialEq)]
pub struct Sender {
    /// In E.164.
    pub number: Number,
    /// Of its provisioning.
    pub revision: i64,
    /// Whether it has an active SMS plan.
    pub sms_enabled: bool,
    /// A number that feeds a queue is no sender for threads and groups.
    pub feeds_queue: bool,
}

impl Sender {
    /// Whether texts may go out from it.
    pub fn may_send(&self) -> bool {
        self.sms_enabled && !self.feeds_queue
    }
}

impl Senders {
    /// The number wanted, or the default one: the first that may send.
    pub fn choose(&self, wanted: Option<&Number>) -> Result<&Sender, Refusal> {
        let may = |sender: &&Sender| sender.may_send() && wanted.is_none_or(|n| sender.number == *n);
        let gone = || wanted.map_or_else(Refusal::no_sender, Refusal::sender_gone);
        self.numbers.iter().find(may).ok_or_else(gone)
    }
}

impl Reach {
    /// Whether it is known what an extension may send from.
    pub fn knows(&self, who: ExtensionId) -> bool {
        self.senders.contains_key(&who)
    }

    /// Whether they want no texts from this number of ours.
    pub fn is_opted_out(&self, ours: &Number, theirs: &Number) -> bool {
        self.opted_out_of_all.contains(theirs)
            || self.opted_out.contains(&Pair { ours: ours.clone(), theirs: theirs.clone() })
    }

    /// The number that an extension sends from, and what that rests on.
    pub fn sender(
        &self,
        who: ExtensionId,
        wanted: Option<&Number>,
        guards: &mut Vec<Guard>,
    ) -> Result<Number, Refusal> {
        let senders = self.senders.get(&who).ok_or_else(Refusal::no_sender)?;
        let chosen = senders.choose(wanted)?;
        guards.push(Guard::Extension(who, senders.revision));
        // One that comes before it, and may not send now, may be the default tomorrow.
        let passed = senders.numbers.iter().take_while(|s| wanted.is_none() && s.number != chosen.number);
        for sender in passed.chain([chosen]) {
            guards.push(Guard::PhoneNumber(sender.number.clone(), sender.revision));
        }
        Ok(chosen.number.clone())
    }

    /// The number of a queue conversation: whether it may be sent from, and what that rests on.
    pub fn own_number(&self, ours: &Number, guards: &mut Vec<Guard>) -> Result<(), Refusal> {
        let own = self.own.as_ref().filter(|own| own.sms_enabled).ok_or_else(|| Refusal::sender_gone(ours))?;
        guards.push(Guard::PhoneNumber(own.number.clone(), own.revision));
        Ok(())
    }

    /// The sending of a text from one of ours to a number outside: queued, or failed at once.
    pub fn delivery(
        &self,
        ours: Option<&Number>,
        theirs: &Number,
        segments: usize,
        guards: &mut Vec<Guard>,
    ) -> Delivery {
        let error = match ours {
            None => Some(DeliveryError::not_enabled()),
            Some(ours) => {
                let opted_out = self.is_opted_out(ours, theirs);
                guards.push(Guard::Consent { ours: ours.clone(), theirs: theirs.clone(), opted_out });
                opted_out.then(DeliveryError::opted_out)
            }
        };
        let status = if error.is_some() { Status::Failed } else { Status::Queued };
        Delivery { status, error, our_number: ours.cloned(), ..queued(theirs.clone(), segments) }
    }
}

/// A delivery that begins. The ledger knows when.
pub(super) fn queued(theirs: Number, segments: usize) -> Delivery {
    let unknown = Timestamp(0);
    Delivery {
        number: theirs,
        our_number: None,
        status: Status::Queued,
        attempt: 1,
        attempt_id: None,
        segments: i64::try_from(segments).unwrap_or(i64::MAX),
        error: None,
        updated_at: unknown,
        due_at: unknown,
        since: unknown,
        place: 0,
        tries: 0,
        confirms_opt_out: false,
    }
}
