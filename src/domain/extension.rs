//! A portal user of a tenant.

use std::collections::HashMap;

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
    /// Whether it may sign in.
    pub enabled: bool,
    /// Rises when its password changes: tokens of an earlier one are void.
    pub credential: i64,
}

/// Number and name of people, to show beside what they did.
pub type People = HashMap<ExtensionId, (String, String)>;

/// Digits, with `*` and `#`, 1–20 of them.
pub fn check_number(number: &str) -> Result<(), Refusal> {
    let good = (1..=20).contains(&number.len()) && number.chars().all(|c| c.is_ascii_digit() || c == '*' || c == '#');
    if good { Ok(()) } else { Err(Refusal::invalid("an extension number has 1 to 20 digits")) }
}

/// A display name: 1–80 characters, no control characters, not only white space.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    if name.trim().is_empty() {
        return Err(Refusal::InvalidName("the name is empty".into()));
    }
    if name.chars().count() > 80 {
        return Err(Refusal::InvalidName("a name has at most 80 characters".into()));
    }
    if name.chars().any(char::is_control) {
        return Err(Refusal::InvalidName("the name contains a control character".into()));
    }
    Ok(())
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
    fn a_name_is_something_to_read() {
        assert!(check_name("José 李").is_ok());
        assert!(check_name(&"é".repeat(80)).is_ok());
        for bad in ["", "  ", "a\nb", &"a".repeat(81)] {
            assert!(matches!(check_name(bad), Err(Refusal::InvalidName(_))), "{bad:?}");
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
