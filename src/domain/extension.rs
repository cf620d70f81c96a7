//! A portal user of a tenant.

use std::{collections::HashMap, fmt, sync::Arc};

use serde::{Deserialize, Serialize};

use super::{ExtensionId, Refusal, TenantId};

/// What an extension may do beyond chatting. An `admin` may do all that a `supervisor` may.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Chats, and works in the queues it is a member of.
    #[default]
    User,
    /// Sees and steers all queue conversations of the tenant.
    Supervisor,
    /// May provision the tenant as the PBX does.
    Admin,
}

impl Role {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Role::User => "user",
            Role::Supervisor => "supervisor",
            Role::Admin => "admin",
        }
    }

    /// The role of that name.
    pub fn parse(name: &str) -> Option<Self> {
        [Role::User, Role::Supervisor, Role::Admin].into_iter().find(|r| r.as_str() == name)
    }
}

/// An extension that asks for something, as authenticated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// Its company.
    pub tenant: TenantId,
    /// Who it is.
    pub extension: ExtensionId,
    /// Its number, "201".
    pub number: String,
    /// Its display name, "Jake".
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// On whose behalf something is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum By {
    /// An extension's.
    Extension(Arc<Caller>),
    /// The PBX's.
    Pbx {
        /// Whose.
        tenant: TenantId,
        /// What its API key is known by: the first digits of its hash.
        key: Arc<str>,
    },
    /// The engine's own: a text came in.
    Engine(TenantId),
}

impl By {
    /// Whose company.
    pub fn tenant(&self) -> TenantId {
        match self {
            By::Extension(caller) => caller.tenant,
            By::Pbx { tenant, .. } | By::Engine(tenant) => *tenant,
        }
    }

    /// Whether they may say how the company's extensions, numbers and queues are.
    pub fn may_provision(&self) -> bool {
        match self {
            By::Extension(caller) => caller.role == Role::Admin,
            By::Pbx { .. } | By::Engine(_) => true,
        }
    }

    /// The extension that asks; what only people may ask is `forbidden` to the engine.
    pub fn caller(&self) -> Result<&Caller, Refusal> {
        match self {
            By::Extension(caller) => Ok(caller),
            By::Pbx { .. } | By::Engine(_) => Err(Refusal::Forbidden("only an extension may do this".into())),
        }
    }
}

/// An extension as the PBX wants it to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Who it is.
    pub id: ExtensionId,
    /// Its number, "201".
    pub number: String,
    /// Its display name, "Jake".
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may sign in; who is deleted may not.
    pub enabled: bool,
    /// Rises when its password changes: tokens of an earlier one are void.
    pub credential: i64,
    /// Whether it is gone for good: one that is made later with its number is another person.
    pub deleted: bool,
}

impl fmt::Display for Caller {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.number)
    }
}

/// Somebody whom a command is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Colleague {
    /// Who it is.
    pub id: ExtensionId,
    /// Its number, "211".
    pub number: String,
    /// Its display name, "Wyatt".
    pub name: String,
}

impl From<&Caller> for Colleague {
    fn from(caller: &Caller) -> Self {
        Colleague { id: caller.extension, number: caller.number.clone(), name: caller.name.clone() }
    }
}

impl fmt::Display for Colleague {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.name, self.number)
    }
}

/// Number and name of people, to show beside what they did.
pub type People = HashMap<ExtensionId, (String, String)>;

/// Digits, with `*` and `#`, 1–20 of them.
pub fn check_number(number: &str) -> Result<(), Refusal> {
    let good = (1..=20).contains(&number.len()) && number.chars().all(|c| c.is_ascii_digit() || c == '*' || c == '#');
    if good { Ok(()) } else { Err(Refusal::invalid("an extension number has 1 to 20 digits")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_short_and_dialable() {
        assert!(check_number("201").is_ok() && check_number("*97").is_ok());
        for bad in ["", "20a", "2 01", "123456789012345678901", "２０１"] {
            assert!(check_number(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn roles_keep_their_names() {
        for role in [Role::User, Role::Supervisor, Role::Admin] {
            assert_eq!(Role::parse(role.as_str()), Some(role));
        }
        assert!(Role::Admin > Role::Supervisor);
    }
}
