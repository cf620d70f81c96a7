//! `PUT` and `DELETE /v1/pbx/extensions`: the people of a company.

use crate::domain::{
    Change, Decision, ExtensionId, Guard, Refusal, Role, extension::Extension, phone::Number,
    provision::phone_number::check_key,
};

/// The most phonebooks of an extension.
pub const PHONEBOOKS_MAX: usize = 20;

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
    /// The keys of its phonebooks, in order; they may come later.
    pub phonebooks: Vec<String>,
}

/// An extension as it is stored.
#[derive(Clone, Debug)]
pub struct AsIs {
    /// It.
    pub extension: Extension,
    /// The phone numbers it may send from, in order.
    pub caller_ids: Vec<Number>,
    /// The keys of its phonebooks, in order.
    pub phonebooks: Vec<String>,
    /// Rises with each change.
    pub revision: i64,
}

/// What makes the extension so: nothing, if it is. `new_id` is its id if it is new.
pub fn put_extension(stored: Option<AsIs>, wanted: Wanted, new_id: ExtensionId) -> (Extension, Decision) {
    let Wanted { number, name, role, enabled, password_hash, caller_ids, phonebooks } = wanted;
    let (id, credential) = stored.as_ref().map_or((new_id, 0), |s| (s.extension.id, s.extension.credential));
    let credential = credential + i64::from(password_hash.is_some());
    let extension = Extension { id, number, name, role, enabled, credential, deleted: false };
    let same_books = stored.as_ref().map_or(phonebooks.is_empty(), |s| s.phonebooks == phonebooks);
    let is_so = stored.as_ref().is_some_and(|s| s.extension == extension && s.caller_ids == caller_ids && same_books);
    if is_so {
        return (extension, Decision::default());
    }
    let guards = stored.as_ref().map(|s| Guard::Extension(id, s.revision)).into_iter().collect();
    let made = stored.is_none();
    let mut changes =
        vec![Change::ExtensionPut { extension: extension.clone(), password_hash, caller_ids, phonebooks, made }];
    changes.extend((!same_books).then_some(Change::NamesDiffer { extension: id }));
    (extension, Decision { guards, changes })
}

/// What makes the extension be gone for good: whoever gets its number later is another person. The number is free again.
pub fn delete_extension(stored: AsIs) -> (Extension, Decision) {
    let AsIs { extension, revision, .. } = stored;
    let guards = vec![Guard::Extension(extension.id, revision)];
    let extension = Extension { enabled: false, deleted: true, credential: extension.credential + 1, ..extension };
    let change = Change::ExtensionPut {
        extension: extension.clone(),
        password_hash: None,
        caller_ids: vec![],
        phonebooks: vec![],
        made: false,
    };
    (extension, Decision { guards, changes: vec![change] })
}

/// Up to 20 keys, each once.
pub fn check_phonebooks(keys: &[String]) -> Result<(), Refusal> {
    if keys.len() > PHONEBOOKS_MAX {
        return Err(Refusal::invalid(format!("phonebooks: up to {PHONEBOOKS_MAX}")));
    }
    keys.iter().try_for_each(|key| check_key("phonebooks", key))?;
    match keys.iter().enumerate().find(|(i, key)| keys[..*i].contains(key)) {
        Some((_, twice)) => Err(Refusal::invalid(format!("phonebooks: {twice} is there twice"))),
        None => Ok(()),
    }
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
            phonebooks: vec![],
        }
    }

    fn as_is(extension: &Extension, revision: i64) -> AsIs {
        AsIs { extension: extension.clone(), caller_ids: vec![], phonebooks: vec![], revision }
    }

    #[test]
    fn other_phonebooks_may_be_other_names() {
        let (made, decision) = put_extension(None, wanted(), id(1));
        assert_eq!(decision.changes.len(), 1);
        let phonebooks = vec!["crm".to_owned()];
        let (_, decision) = put_extension(Some(as_is(&made, 1)), Wanted { phonebooks, ..wanted() }, id(2));
        assert_eq!(decision.changes[1..], [Change::NamesDiffer { extension: id(1) }]);
        for bad in [vec!["a".to_owned(); 2], vec![String::new()], (0..21).map(|n| n.to_string()).collect()] {
            assert!(matches!(check_phonebooks(&bad), Err(Refusal::InvalidRequest(_))), "{bad:?}");
        }
    }

    #[test]
    fn who_is_deleted_signs_in_no_more() {
        let (made, _) = put_extension(None, wanted(), id(1));
        let (gone, decision) = delete_extension(as_is(&made, 4));
        assert!(gone.deleted && !gone.enabled && gone.credential > made.credential && gone.id == made.id);
        assert_eq!(decision.guards, [Guard::Extension(id(1), 4)]);
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
