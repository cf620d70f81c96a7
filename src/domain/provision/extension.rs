//! `PUT /v1/pbx/extensions`: an idempotent upsert of the whole extension.

use crate::domain::{Change, Decision, ExtensionId, Guard, Role, extension::Extension, phone::Number};

/// An extension as the PBX wants it.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// Its number.
    pub number: String,
    /// Its display name.
    pub name: String,
    /// What it may do.
    pub role: Role,
    /// Whether it may sign in.
    pub enabled: bool,
    /// Of a password that is not the one it has.
    pub password_hash: Option<String>,
    /// The phone numbers it may send from, in order; they may come later.
    pub caller_ids: Vec<Number>,
}

/// An extension as it is stored.
#[derive(Clone, Debug)]
pub struct AsIs {
    /// It.
    pub extension: Extension,
    /// The phone numbers it may send from, in order.
    pub caller_ids: Vec<Number>,
    /// Rises with each change.
    pub revision: i64,
}

/// What makes the extension so: nothing, if it is. `new_id` is its id if it is new.
pub fn put_extension(stored: Option<AsIs>, wanted: Wanted, new_id: ExtensionId) -> (Extension, Decision) {
    let Wanted { number, name, role, enabled, password_hash, caller_ids } = wanted;
    let (id, credential) = stored.as_ref().map_or((new_id, 0), |s| (s.extension.id, s.extension.credential));
    let credential = credential + i64::from(password_hash.is_some());
    let extension = Extension { id, number, name, role, enabled, credential };
    let is_so = stored.as_ref().is_some_and(|s| s.extension == extension && s.caller_ids == caller_ids);
    if is_so {
        return (extension, Decision::default());
    }
    let guards = stored.as_ref().map(|s| Guard::Extension(id, s.revision)).into_iter().collect();
    let made = stored.is_none();
    let change = Change::ExtensionPut { extension: extension.clone(), password_hash, caller_ids, made };
    (extension, Decision { guards, changes: vec![change] })
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn id(n: u128) -> ExtensionId {
        ExtensionId(Uuid::from_u128(n))
    }

    fn wanted() -> Wanted {
        Wanted {
            number: "201".into(),
            name: "Jake".into(),
            role: Role::User,
            enabled: true,
            password_hash: None,
            caller_ids: vec![],
        }
    }

    fn as_is(extension: &Extension, revision: i64) -> AsIs {
        AsIs { extension: extension.clone(), caller_ids: vec![], revision }
    }

    #[test]
    fn other_numbers_to_send_from_are_a_change() {
        let (made, _) = put_extension(None, wanted(), id(1));
        let caller_ids = vec![Number::stored("+14045550100".into())];
        let (_, decision) = put_extension(Some(as_is(&made, 1)), Wanted { caller_ids, ..wanted() }, id(2));
        assert_eq!(decision.changes.len(), 1);
    }

    #[test]
    fn the_second_time_changes_nothing() {
        let (made, decision) = put_extension(None, wanted(), id(1));
        assert!(matches!(decision.changes[..], [Change::ExtensionPut { made: true, .. }]));
        let (again, decision) = put_extension(Some(as_is(&made, 1)), wanted(), id(2));
        assert_eq!((again, decision), (made, Decision::default()));
    }

    #[test]
    fn another_password_voids_the_tokens() {
        let (made, _) = put_extension(None, wanted(), id(1));
        let new = Wanted { password_hash: Some("$argon2id$…".into()), ..wanted() };
        let (changed, decision) = put_extension(Some(as_is(&made, 4)), new, id(2));
        assert_eq!(changed.credential, made.credential + 1);
        assert_eq!(decision.guards, [Guard::Extension(id(1), 4)]);
    }
}
