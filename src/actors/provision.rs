//! What isn't there yet has no actor: it is decided on what the database says of its natural key, and committed as a
//! unit. Who loses the race decides again.

use std::{collections::BTreeSet, sync::Arc};

use argon2::{Argon2, PasswordHasher, PasswordVerifier, password_hash::phc::PasswordHash};

use crate::{
    domain::{
        By, Caller, Change, ClientId, Committed, ConversationId, Decision, ExtensionId, Guard, Refusal, TenantId,
        conversation::{
            GROUP_MAX,
            create_direct::{create_direct, natural_key},
            create_group, remove,
        },
        extension::{self, Colleague, Extension},
        name::check_name,
        phone::Number,
        provision::{
            extension::{AsIs, Wanted, check_phonebooks, delete_extension, put_extension},
            phone_number::{self, PhoneNumber},
        },
        queue::Agent,
    },
    protocol::shapes::{self, Me},
    storage::{
        CallerId, StorageError, StoredExtension,
        ledger::{Once, Outcome, Unit},
    },
};

use super::{Engine, shell::Refresh};

/// How often a lost race is run again.
const TRIES: usize = 20;

/// An extension as the PBX wants it.
#[derive(Clone)]
pub struct ExtensionRequest {
    /// Its number.
    pub number: String,
    /// Its display name.
    pub name: String,
    /// What it may do.
    pub role: crate::domain::Role,
    /// Absent: stays as it is.
    pub password: Option<String>,
    /// Whether it may sign in.
    pub enabled: bool,
    /// The phone numbers it may send from, in order.
    pub caller_ids: Vec<Number>,
    /// The keys of its phonebooks, in order.
    pub phonebooks: Vec<String>,
}

impl Engine {
    /// The chat of the caller with another, and whether it is new.
    pub async fn create_direct(&self, caller: &Caller, number: &str) -> Result<(ConversationId, bool), Refusal> {
        let other = self.storage.extension(caller.tenant, number).await?;
        let other = other.ok_or_else(|| Refusal::NoSuchExtension(number.into()))?.extension;
        let key = natural_key(caller.extension, other.id);
        for _ in 0..TRIES {
            if let Some(id) = self.storage.by_natural_key(caller.tenant, &key).await? {
                return Ok((id, false));
            }
            if !other.enabled {
                return Err(Refusal::NoSuchExtension(number.into()));
            }
            let id = ConversationId(self.clock.new_id());
            let decision = create_direct(caller, other.id, id)?;
            if self.commit(&by(caller), decision).await? {
                return Ok((id, true));
            }
        }
        Err(Refusal::Busy)
    }

    /// A group of the caller with others, and whether it is new.
    pub async fn create_group(
        &self,
        caller: &Caller,
        client_id: ClientId,
        name: &str,
        extensions: &[String],
        numbers: &[String],
    ) -> Result<(ConversationId, bool), Refusal> {
        let id = ConversationId(self.clock.new_id());
        let allowed = self.limits.send(caller.extension, 1, self.clock.now());
        let decide = async || {
            allowed.clone()?;
            let others = self.colleagues(caller.tenant, extensions).await?;
            let others: Vec<_> = others.iter().map(|who| who.id).collect();
            let numbers = self.typed(caller, numbers, None).await?;
            create_group::create_group(caller, id, client_id, name, &others, &numbers)
        };
        for _ in 0..TRIES {
            // A repetition of what was done before it was refused answers what was done: it is looked up all the same.
            let (decision, refusal) = match decide().await {
                Ok(decision) => (decision, None),
                Err(refusal) => (Decision::default(), Some(refusal)),
            };
            let once = Some(Once::Send(caller.extension, client_id));
            match self.ledger.commit(Unit { by: by(caller), once, decision }).await {
                Ok(Outcome::Committed(_)) => return refusal.map_or(Ok((id, true)), Err),
                Ok(Outcome::Known(first)) => return Ok((create_group::again(&first, name)?, false)),
                Ok(Outcome::Aborted) => return Err(Refusal::StorageUnavailable),
                Ok(Outcome::Unknown) => return Err(Refusal::OutcomeUnknown),
                // Somebody in it has gone meanwhile.
                Ok(Outcome::Conflict) => {}
                Ok(Outcome::Repeated) | Err(_) => return Err(Refusal::Busy),
            }
        }
        Err(Refusal::Busy)
    }

    /// Those whom these numbers name, if each is somebody who can be reached.
    pub async fn colleagues(&self, tenant: TenantId, numbers: &[String]) -> Result<Vec<Colleague>, Refusal> {
        if numbers.len() > GROUP_MAX {
            return Err(Refusal::TooManyParticipants { participants: numbers.len(), limit: GROUP_MAX });
        }
        // What can't be a number is nobody's, and not for the database.
        if let Some(bad) = numbers.iter().find(|n| extension::check_number(n).is_err()) {
            return Err(Refusal::NoSuchExtension(bad.chars().filter(|c| !c.is_control()).take(20).collect()));
        }
        let mut found = self.storage.colleagues(tenant, numbers).await?;
        let of = |number: &String| found.remove(number).ok_or_else(|| Refusal::NoSuchExtension(number.clone()));
        numbers.iter().collect::<BTreeSet<_>>().into_iter().map(of).collect()
    }

    /// Makes an extension, or alters it to be so. Answers whether it is new.
    pub async fn put_extension(
        self: &Arc<Self>,
        by: &By,
        request: ExtensionRequest,
    ) -> Result<(Extension, bool), Refusal> {
        let tenant = by.tenant();
        extension::check_number(&request.number)?;
        check_name(&request.name)?;
        check_phonebooks(&request.phonebooks)?;
        for _ in 0..TRIES {
            let stored = self.storage.extension(tenant, &request.number).await?;
            let old_hash = stored.as_ref().and_then(|s| s.password_hash.clone());
            let password_hash = match request.password.clone() {
                Some(password) => self.changed_password(password, old_hash).await?,
                None => None,
            };
            let wanted = Wanted {
                number: request.number.clone(),
                name: request.name.clone(),
                role: request.role,
                enabled: request.enabled,
                password_hash,
                caller_ids: request.caller_ids.clone(),
                phonebooks: request.phonebooks.clone(),
            };
            let id = ExtensionId(self.clock.new_id());
            let as_is = match stored {
                Some(stored) => Some(self.as_is(stored).await?),
                None => None,
            };
            let goes = as_is.as_ref().is_some_and(|s| s.extension.enabled) && !wanted.enabled;
            let was_there = as_is.as_ref().is_some_and(|s| s.extension.enabled);
            let (comes, falls) =
                (!was_there && wanted.enabled, as_is.as_ref().is_some_and(|s| s.extension.role > wanted.role));
            let (extension, mut decision) = put_extension(as_is, wanted, id);
            if goes {
                self.leave_groups(tenant, &extension, &mut decision).await?;
                self.leave_queues(tenant, &extension, &mut decision).await?;
            }
            let made = extension.id == id;
            if decision.changes.is_empty() {
                return Ok((extension, made));
            }
            if self.commit(by, decision).await? {
                // Who is disabled, or supervises no longer, may hold some conversations no longer.
                if goes || falls {
                    self.release_orphans_of(tenant, extension.id).await;
                }
                if comes {
                    self.refresh_queues_of(tenant, extension.id).await?;
                }
                return Ok((extension, made));
            }
        }
        Err(Refusal::Busy)
    }

    /// Somebody is gone for good: their sessions end, what they held waits again, and their number is free.
    pub async fn delete_extension(self: &Arc<Self>, by: &By, number: &str) -> Result<(), Refusal> {
        let tenant = by.tenant();
        extension::check_number(number).map_err(|_| Refusal::NotFound)?;
        for _ in 0..TRIES {
            let stored = self.storage.extension(tenant, number).await?.ok_or(Refusal::NotFound)?;
            let (extension, mut decision) = delete_extension(self.as_is(stored).await?);
            self.leave_groups(tenant, &extension, &mut decision).await?;
            self.leave_queues(tenant, &extension, &mut decision).await?;
            if self.commit(by, decision).await? {
                self.release_orphans_of(tenant, extension.id).await;
                return Ok(());
            }
        }
        Err(Refusal::Busy)
    }

    async fn as_is(&self, stored: StoredExtension) -> Result<AsIs, Refusal> {
        let StoredExtension { extension, revision, .. } = stored;
        let caller_ids = self.storage.caller_ids_of([extension.id]).await?.remove(&extension.id).unwrap_or_default();
        let phonebooks = self.storage.phonebooks_of([extension.id]).await?.remove(&extension.id).unwrap_or_default();
        Ok(AsIs { extension, caller_ids, phonebooks, revision })
    }

    /// Who is disabled leaves their groups, in the same unit: added again later, they find everything.
    async fn leave_groups(&self, tenant: TenantId, who: &Extension, decision: &mut Decision) -> Result<(), Refusal> {
        let Extension { id, number, name, role, .. } = who.clone();
        let caller = Caller { tenant, extension: id, number, name, role };
        let groups = self.storage.groups(tenant, id).await?;
        // Who is added to another meanwhile leaves that one, too.
        decision.guards.push(Guard::Groups(id, i64::try_from(groups.len()).unwrap_or(i64::MAX)));
        for group in groups {
            // Who is gone meanwhile has nothing to leave.
            let Some(group) = self.storage.conversation(group).await? else { continue };
            if let Ok(leaving) = remove::leave(&group, &caller) {
                decision.guards.extend(leaving.guards);
                decision.changes.extend(leaving.changes);
            }
        }
        Ok(())
    }

    /// Who is disabled is logged out of their queues, in the same unit.
    async fn leave_queues(&self, tenant: TenantId, who: &Extension, decision: &mut Decision) -> Result<(), Refusal> {
        for id in self.storage.queues_of(tenant, who.id).await? {
            // Who logs in meanwhile is no longer as they were.
            decision.guards.push(Guard::Agent(id, who.id, 0));
        }
        for agent in self.storage.agent_states(tenant, who.id).await? {
            let id = agent.queue;
            decision.guards.retain(|guard| !matches!(guard, Guard::Agent(queue, ..) if *queue == id));
            decision.guards.push(Guard::Agent(id, who.id, agent.revision));
            let Some(queue) = self.storage.queue(id).await?.filter(|_| agent.logged_in || agent.paused) else {
                continue;
            };
            let agent = Agent { member: false, logged_in: false, paused: false, pause_reason: None, ..agent };
            decision.changes.push(Change::AgentPut { queue: id, agent, audience: queue.audience() });
        }
        Ok(())
    }

    /// Queues that named an extension before it was there know it from now on.
    async fn refresh_queues_of(&self, tenant: TenantId, who: ExtensionId) -> Result<(), Refusal> {
        for id in self.storage.queues_of(tenant, who).await? {
            if let Ok(lease) = self.queues.lease(id) {
                lease.tell(Refresh);
            }
        }
        Ok(())
    }

    /// Makes a phone number the tenant's, or alters it to be so. Answers whether it is new.
    pub async fn put_phone_number(&self, by: &By, wanted: &PhoneNumber) -> Result<bool, Refusal> {
        let tenant = by.tenant();
        for _ in 0..TRIES {
            let stored = self.storage.phone_number(&wanted.number).await?;
            let (decision, made) = phone_number::put_phone_number(tenant, stored.as_ref(), wanted.clone())?;
            if decision.changes.is_empty() || self.commit(by, decision).await? {
                return Ok(made);
            }
        }
        Err(Refusal::Busy)
    }

    /// Gives a phone number of the tenant up.
    pub async fn delete_phone_number(&self, by: &By, number: &Number) -> Result<(), Refusal> {
        let tenant = by.tenant();
        for _ in 0..TRIES {
            let stored = self.storage.phone_number(number).await?;
            if self.commit(by, phone_number::delete_phone_number(tenant, stored)?).await? {
                return Ok(());
            }
        }
        Err(Refusal::Busy)
    }

    /// Who somebody is, with the phone numbers they may send from.
    pub async fn me(&self, caller: &Caller, company: &str) -> Result<Me, Refusal> {
        let senders = self.storage.senders(caller.tenant, caller.extension).await?;
        let caller_id = |s: CallerId| shapes::CallerId {
            number: s.number.to_string(),
            label: s.label,
            sms_enabled: s.sms_enabled,
            can_send: s.sms_enabled && !s.feeds_queue,
        };
        Ok(Me::of(caller, company, senders.into_iter().map(caller_id).collect()))
    }

    /// Commits a decision; false if what it rests on has moved.
    pub(super) async fn commit(&self, by: &By, decision: Decision) -> Result<bool, Refusal> {
        self.commit_once(by, None, decision).await
    }

    /// Commits a decision, if what it is has not been done before.
    pub(super) async fn commit_once(&self, by: &By, once: Option<Once>, decision: Decision) -> Result<bool, Refusal> {
        let committed = self.commit_unit(Unit { by: by.clone(), once, decision }).await?;
        Ok(committed.map(|changes| self.post(&changes)).is_some())
    }

    /// Commits a unit; `None` if what it rests on has moved, no change if it was done before.
    pub(super) async fn commit_unit(&self, unit: Unit) -> Result<Option<Vec<Arc<Committed>>>, Refusal> {
        match self.ledger.commit(unit).await {
            Ok(Outcome::Committed(changes)) => Ok(Some(changes)),
            Ok(Outcome::Repeated) => Ok(Some(vec![])),
            Ok(Outcome::Conflict) => Ok(None),
            Ok(Outcome::Aborted) => Err(Refusal::StorageUnavailable),
            Ok(Outcome::Unknown | Outcome::Known(_)) => {
                self.may_have_missed();
                Err(Refusal::OutcomeUnknown)
            }
            Err(_) => Err(Refusal::Busy),
        }
    }

    /// Whether this is the password behind the hash. Without a hash it takes as long, and is wrong.
    pub async fn verify_password(&self, password: String, hash: Option<String>) -> Result<bool, Refusal> {
        self.hashing(move || match &hash {
            Some(hash) => verify(&password, hash),
            None => {
                let _ = hashed(&password);
                false
            }
        })
        .await
    }

    /// The hash of a new password; nothing if it is the old one.
    async fn changed_password(&self, password: String, old: Option<String>) -> Result<Option<String>, Refusal> {
        let changed = move || {
            if old.is_some_and(|old| verify(&password, &old)) { Ok(None) } else { hashed(&password).map(Some) }
        };
        Ok(self.hashing(changed).await??)
    }

    /// Runs what takes much memory and a core for a while, beside the arbiters.
    async fn hashing<T: Send + 'static>(&self, work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refusal> {
        let waits = tokio::time::timeout(self.behaviour.answer_within, self.hashing.acquire());
        let _turn = waits.await.map_err(|_| Refusal::Busy)?.map_err(|_| Refusal::Busy)?;
        actix_web::web::block(work).await.map_err(|_| Refusal::Busy)
    }
}

fn by(caller: &Caller) -> By {
    By::Extension(Arc::new(caller.clone()))
}

fn verify(password: &str, hash: &str) -> bool {
    PasswordHash::new(hash).is_ok_and(|hash| Argon2::default().verify_password(password.as_bytes(), &hash).is_ok())
}

/// argon2id with the library's parameters (19 MiB, 2 passes: OWASP's recommendation).
fn hashed(password: &str) -> Result<String, StorageError> {
    let hash = Argon2::default().hash_password(password.as_bytes());
    hash.map(|h| h.to_string()).map_err(|e| StorageError::Inconsistent(e.to_string()))
}
