//! `PUT` and `DELETE /v1/pbx/numbers`: the phone numbers that a company owns.

use serde::{Deserialize, Serialize};

use crate::domain::{Change, Decision, Guard, Refusal, TenantId, name::check_name, phone::Number};

/// A phone number as the PBX wants it. What it refers to may come later.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PhoneNumber {
    /// In E.164.
    pub number: Number,
    /// What people call it.
    pub label: Option<String>,
    /// Whether it has an active SMS plan.
    pub sms_enabled: bool,
    /// Who carries its texts: a section of the configuration.
    pub carrier: String,
    /// The key of the SMS queue that it feeds.
    pub queue: Option<String>,
    /// The extension that gets what comes unasked, by its number.
    pub extension: Option<String>,
}

/// A phone number as it is stored; a deleted one is remembered, so that a reader who comes back hears of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StoredNumber {
    /// Whose.
    pub tenant: TenantId,
    /// As it is, or was.
    pub phone_number: PhoneNumber,
    /// Whether it is nobody's now.
    pub deleted: bool,
    /// Rises with each change.
    pub revision: i64,
}

/// What makes the number so, and whether it is new to the tenant. `number_taken` if it is another company's.
pub fn put_phone_number(
    tenant: TenantId,
    stored: Option<&StoredNumber>,
    wanted: PhoneNumber,
) -> Result<(Decision, bool), Refusal> {
    wanted.label.as_deref().map_or(Ok(()), check_name)?;
    check_key("carrier", &wanted.carrier)?;
    wanted.queue.as_deref().map_or(Ok(()), |key| check_key("queue", key))?;
    let owned = stored.filter(|s| !s.deleted);
    if owned.is_some_and(|s| s.tenant != tenant) {
        return Err(Refusal::NumberTaken(wanted.number.to_string()));
    }
    if owned.is_some_and(|s| s.phone_number == wanted) {
        return Ok((Decision::default(), false));
    }
    let guard = Guard::PhoneNumber(wanted.number.clone(), stored.map_or(0, |s| s.revision));
    let change = Change::PhoneNumberPut { phone_number: wanted, deleted: false };
    Ok((Decision { guards: vec![guard], changes: vec![change] }, owned.is_none()))
}

/// What makes the number nobody's. `not_found` if it is none of the tenant's.
pub fn delete_phone_number(tenant: TenantId, stored: Option<StoredNumber>) -> Result<Decision, Refusal> {
    let StoredNumber { phone_number, revision, .. } =
        stored.filter(|s| s.tenant == tenant && !s.deleted).ok_or(Refusal::NotFound)?;
    let guard = Guard::PhoneNumber(phone_number.number.clone(), revision);
    Ok(Decision { guards: vec![guard], changes: vec![Change::PhoneNumberPut { phone_number, deleted: true }] })
}

/// A key of the PBX's or the configuration's: 1–100 characters to read.
pub(crate) fn check_key(field: &str, key: &str) -> Result<(), Refusal> {
    let good = !key.trim().is_empty() && key.chars().count() <= 100 && !key.chars().any(char::is_control);
    if good { Ok(()) } else { Err(Refusal::invalid(format!("{field}: 1 to 100 characters"))) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use uuid::Uuid;

    fn tenant(n: u128) -> TenantId {
        TenantId(Uuid::from_u128(n))
    }

    fn wanted() -> PhoneNumber {
        PhoneNumber {
            number: Number::stored("+14045550100".into()),
            label: Some("Main line".into()),
            sms_enabled: true,
            carrier: "sim".into(),
            queue: None,
            extension: Some("201".into()),
        }
    }

    fn stored() -> StoredNumber {
        StoredNumber { tenant: tenant(1), phone_number: wanted(), deleted: false, revision: 3 }
    }

    #[test]
    fn the_second_time_changes_nothing() {
        let (decision, made) = put_phone_number(tenant(1), None, wanted()).unwrap();
        assert!(made && decision.guards == [Guard::PhoneNumber(wanted().number, 0)]);
        assert_eq!(put_phone_number(tenant(1), Some(&stored()), wanted()), Ok((Decision::default(), false)));
        let other = PhoneNumber { sms_enabled: false, ..wanted() };
        let (decision, made) = put_phone_number(tenant(1), Some(&stored()), other).unwrap();
        assert!(!made && decision.guards == [Guard::PhoneNumber(wanted().number, 3)]);
    }

    #[test]
    fn another_company_s_is_taken_until_it_is_given_up() {
        let taken = put_phone_number(tenant(2), Some(&stored()), wanted());
        assert!(matches!(taken, Err(Refusal::NumberTaken(_))));
        let given_up = StoredNumber { deleted: true, ..stored() };
        assert!(put_phone_number(tenant(2), Some(&given_up), wanted()).unwrap().1);
    }

    #[test]
    fn only_its_owner_gives_it_up() {
        assert!(delete_phone_number(tenant(1), Some(stored())).is_ok());
        let gone = StoredNumber { deleted: true, ..stored() };
        for (who, stored) in [(tenant(2), Some(stored())), (tenant(1), Some(gone)), (tenant(1), None)] {
            assert_eq!(delete_phone_number(who, stored), Err(Refusal::NotFound));
        }
    }

    #[test]
    fn what_nobody_can_read_is_refused() {
        let nameless = PhoneNumber { label: Some("\n".into()), ..wanted() };
        assert!(matches!(put_phone_number(tenant(1), None, nameless), Err(Refusal::InvalidName(_))));
        let nowhere = PhoneNumber { carrier: " ".into(), ..wanted() };
        assert!(matches!(put_phone_number(tenant(1), None, nowhere), Err(Refusal::InvalidRequest(_))));
    }
}
