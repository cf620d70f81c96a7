//! `PUT /v1/pbx/extensions`: an idempotent upsert of the whole extension.

use super::{Change, Decision, ExtensionId, Guard, Role, extension::Extension};

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
}

/// What makes the extension so: nothing, if it is. `new_id` is its id if it is new.
pub fn put_extension(stored: Option<(Extension, i64)>, wanted: Wanted, new_id: ExtensionId) -> (Extension, Decision) {
    let Wanted { number, name, role, enabled, password_hash } = wanted;
    let (id, credential) = stored.as_ref().map_or((new_id, 0), |(e, _)| (e.id, e.credential));
    let credential = credential + i64::from(password_hash.is_some());
    let extension = Extension { id, number, name, role, enabled, credential };
    let decision = match stored {
        Some((as_is, _)) if as_is == extension => Decision::default(),
        Some((_, revision)) => Decision {
            guards: vec![Guard::Extension(id, revision)],
            changes: vec![Change::ExtensionPut { extension: extension.clone(), password_hash, made: false }],
        },
        None => Decision {
            guards: vec![],
            changes: vec![Change::ExtensionPut { extension: extension.clone(), password_hash, made: true }],
        },
    };
    (extension, decision)
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn id(n: u128) -> ExtensionId {
        ExtensionId(Uuid::from_u128(n))
    }

    fn wanted() -> Wanted {
        Wanted { number: "201".into(), name: "Jake".into(), role: Role::User, enabled: true, password_hash: None }
    }

    #[test]
    fn the_second_time_changes_nothing() {
        let (made, decision) = put_extension(None, wanted(), id(1));
        assert!(matches!(decision.changes[..], [Change::ExtensionPut { made: true, .. }]));
        let (again, decision) = put_extension(Some((made.clone(), 1)), wanted(), id(2));
        assert_eq!((again, decision), (made, Decision::default()));
    }

    #[test]
    fn another_password_voids_the_tokens() {
        let (made, _) = put_extension(None, wanted(), id(1));
        let new = Wanted { password_hash: Some("$argon2id$…".into()), ..wanted() };
        let (changed, decision) = put_extension(Some((made.clone(), 4)), new, id(2));
        assert_eq!(changed.credential, made.credential + 1);
        assert_eq!(decision.guards, [Guard::Extension(id(1), 4)]);
    }
}
