//! What the audit log says of a change: who changed what. Of what is said there is nothing here.

use serde_json::{Value, json};

use super::{By, Change, conversation::SystemEvent, provision::phonebook::PhonebookPut};

/// One line of the log.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What was done, such as `extension.put`.
    pub action: &'static str,
    /// To what: a number, a key, a conversation.
    pub subject: String,
    /// What else there is to know.
    pub detail: Option<Value>,
}

/// Who did it, as it is remembered: people are renamed, and go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Who {
    /// `extension`, `key` or `engine`.
    pub kind: &'static str,
    /// An extension's number, or what a key is known by.
    pub number: Option<String>,
    /// An extension's name.
    pub name: Option<String>,
}

impl From<&By> for Who {
    fn from(by: &By) -> Self {
        match by {
            By::Extension(caller) => {
                Who { kind: "extension", number: Some(caller.number.clone()), name: Some(caller.name.clone()) }
            }
            By::Pbx { key, .. } => Who { kind: "key", number: Some(key.to_string()), name: None },
            By::Engine(_) => Who { kind: "engine", number: None, name: None },
        }
    }
}

impl Entry {
    /// Something that was done.
    pub fn new(action: &'static str, subject: impl Into<String>, detail: Option<Value>) -> Self {
        Self { action, subject: subject.into(), detail }
    }

    /// What the log says of a change; of most it says nothing.
    pub fn of(change: &Change) -> Option<Self> {
        Some(match change {
            Change::ExtensionPut { extension, .. } if extension.deleted => {
                Self::new("extension.delete", &extension.number, None)
            }
            Change::ExtensionPut { extension, password_hash, caller_ids, phonebooks, made } => {
                let detail = json!({
                    "name": extension.name, "role": extension.role, "enabled": extension.enabled,
                    "caller_ids": caller_ids, "phonebooks": phonebooks,
                    "password_changed": password_hash.is_some(), "made": made,
                });
                Self::new("extension.put", &extension.number, Some(detail))
            }
            Change::PhoneNumberPut { phone_number, deleted: true } => {
                Self::new("number.delete", phone_number.number.as_str(), None)
            }
            Change::PhoneNumberPut { phone_number: n, .. } => {
                let detail = json!({
                    "label": n.label, "sms_enabled": n.sms_enabled, "carrier": n.carrier, "queue": n.queue,
                    "extension": n.extension,
                });
                Self::new("number.put", n.number.as_str(), Some(detail))
            }
            Change::QueuePut(put) if put.deleted => Self::new("queue.delete", &put.key, None),
            Change::QueuePut(put) => {
                let settings = &put.settings;
                let detail = json!({
                    "name": settings.name, "members": put.members, "idle_timeout_s": settings.idle_timeout_s,
                    "unclaimed_timeout_s": settings.unclaimed_timeout_s,
                });
                Self::new("queue.put", &put.key, Some(detail))
            }
            Change::PhonebookPut(put) => Self::of_phonebook(put),
            Change::SettingsPut(settings) => {
                let detail = json!({ "alert_tone": settings.alert_tone, "region": settings.region });
                Self::new("settings.put", "settings", Some(detail))
            }
            Change::ConsentPut { consent, .. } => {
                let ours = consent.our_number.as_ref().map_or("all", |number| number.as_str());
                let detail = json!({ "number": consent.number, "opted_out": consent.opted_out });
                Self::new("consent.put", ours, Some(detail))
            }
            Change::UnroutedAssigned { id, .. } => Self::new("unrouted.assigned", id.to_string(), None),
            Change::AgentPut { queue, agent, .. } => {
                let detail = json!({
                    "extension": agent.who.number, "logged_in": agent.logged_in, "paused": agent.paused,
                    "pause_reason": agent.pause_reason, "member": agent.member,
                });
                Self::new("agent.set", queue.to_string(), Some(detail))
            }
            Change::MessageAdded(message) => {
                let (action, detail) = step(message.event.as_ref()?)?;
                Self::new(action, message.conversation.to_string(), detail)
            }
            _ => return None,
        })
    }

    fn of_phonebook(put: &PhonebookPut) -> Self {
        let key = &put.phonebook.key;
        if put.deleted {
            return Self::new("phonebook.delete", key, None);
        }
        let detail = json!({
            "name": put.phonebook.name, "source": put.phonebook.source.as_str(), "contacts": put.contacts,
            "altered": put.put.len(), "removed": put.removed.len(),
        });
        Self::new("phonebook.put", key, Some(detail))
    }
}

/// A step of a queue conversation's life.
fn step(event: &SystemEvent) -> Option<(&'static str, Option<Value>)> {
    Some(match event {
        SystemEvent::Claimed { .. } => ("claimed", None),
        SystemEvent::Transferred { to, .. } => ("transferred", Some(json!({ "to": to }))),
        SystemEvent::TransferredToQueue { queue_name, .. } => ("transferred", Some(json!({ "to_queue": queue_name }))),
        SystemEvent::Released { .. } => ("released", None),
        SystemEvent::TimedOut { who } => ("released", Some(json!({ "no_reply_from": who }))),
        SystemEvent::Closed { .. } => ("closed", None),
        SystemEvent::Missed => ("closed", Some(json!({ "missed": true }))),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{ExtensionId, Role, extension::Extension, settings::Settings};
    use uuid::Uuid;

    fn put(deleted: bool) -> Change {
        let extension = Extension {
            id: ExtensionId(Uuid::nil()),
            number: "201".into(),
            name: "Jake".into(),
            role: Role::User,
            enabled: !deleted,
            credential: 1,
            deleted,
        };
        let password_hash = Some("$argon2id$v=19$secret".to_owned());
        Change::ExtensionPut { extension, password_hash, caller_ids: vec![], phonebooks: vec![], made: true }
    }

    #[test]
    fn a_change_is_named_with_its_subject_and_never_with_a_secret() {
        let entry = Entry::of(&put(false)).unwrap();
        assert_eq!((entry.action, entry.subject.as_str()), ("extension.put", "201"));
        let detail = entry.detail.unwrap();
        assert_eq!(detail["password_changed"], true);
        assert!(!detail.to_string().contains("argon2"));
        assert_eq!(Entry::of(&put(true)).unwrap().action, "extension.delete");
    }

    #[test]
    fn what_somebody_says_is_not_of_the_log() {
        let settings = Settings { help_text: Some("secret words".into()), ..Settings::default() };
        let entry = Entry::of(&Change::SettingsPut(Box::new(settings))).unwrap();
        assert!(!entry.detail.unwrap().to_string().contains("secret words"));
        assert_eq!(step(&SystemEvent::Left { who: ExtensionId(Uuid::nil()) }), None);
        assert_eq!(step(&SystemEvent::Missed).unwrap().0, "closed");
    }
}
