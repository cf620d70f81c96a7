//! What a token says that somebody else signed, and whether it counts here.

use std::time::Duration;

use thiserror::Error;

use super::{Timestamp, extension::check_number};

/// Clocks may differ by so much.
const LEEWAY: Duration = Duration::from_secs(60);

/// What a token says, where its signature is good. Times are seconds since 1970.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Claims {
    /// `iss`
    pub issuer: Option<String>,
    /// `aud`: one or many.
    pub audience: Vec<String>,
    /// `exp`
    pub expires: Option<f64>,
    /// `nbf`
    pub not_before: Option<f64>,
    /// `iat`
    pub issued: Option<f64>,
    /// `sub`
    pub subject: Option<String>,
    /// What the claim says that names the company.
    pub tenant: Option<String>,
}

/// What a token must say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expected {
    /// Who signs.
    pub issuer: String,
    /// For whom.
    pub audience: String,
    /// Whether it must name the company.
    pub names_tenant: bool,
}

/// Whose token it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claimed {
    /// The extension's number.
    pub extension: String,
    /// The company, if tokens name it.
    pub tenant: Option<String>,
    /// Until when it is good.
    pub until: Timestamp,
    /// Since when, if it says so.
    pub issued: Option<Timestamp>,
}

/// Why a token doesn't count: for the log, not for who brought it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum NotGood {
    /// Of somebody else.
    #[error("iss")]
    Issuer,
    /// For somebody else.
    #[error("aud")]
    Audience,
    /// Over, or without an end.
    #[error("exp")]
    Expired,
    /// Not good yet.
    #[error("nbf")]
    TooEarly,
    /// No extension's number.
    #[error("sub")]
    Subject,
    /// Of no company.
    #[error("tenant")]
    Tenant,
}

/// Whose token it is, if it is good now.
pub fn check(claims: Claims, expected: &Expected, now: Timestamp) -> Result<Claimed, NotGood> {
    if claims.issuer.as_deref() != Some(expected.issuer.as_str()) {
        return Err(NotGood::Issuer);
    }
    if !claims.audience.contains(&expected.audience) {
        return Err(NotGood::Audience);
    }
    let until = claims.expires.map(moment).ok_or(NotGood::Expired)? + LEEWAY;
    if until <= now {
        return Err(NotGood::Expired);
    }
    if claims.not_before.is_some_and(|from| moment(from) > now + LEEWAY) {
        return Err(NotGood::TooEarly);
    }
    let extension = claims.subject.filter(|number| check_number(number).is_ok()).ok_or(NotGood::Subject)?;
    let tenant = claims.tenant.filter(|_| expected.names_tenant);
    if expected.names_tenant && tenant.is_none() {
        return Err(NotGood::Tenant);
    }
    Ok(Claimed { extension, tenant, until, issued: claims.issued.map(moment) })
}

/// Far from any end of time, so that a leeway fits.
#[allow(clippy::cast_possible_truncation)] // a float that is too large becomes the largest number
fn moment(seconds: f64) -> Timestamp {
    Timestamp((seconds * 1e6).clamp(-1e18, 1e18) as i64)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_800_000_000_000_000);

    fn expected() -> Expected {
        Expected { issuer: "https://pbx.test".into(), audience: "partyline".into(), names_tenant: false }
    }

    fn claims() -> Claims {
        Claims {
            issuer: Some("https://pbx.test".into()),
            audience: vec!["partyline".into()],
            expires: Some(1_800_000_300.0),
            not_before: None,
            issued: None,
            subject: Some("201".into()),
            tenant: None,
        }
    }

    fn verdict(change: impl FnOnce(&mut Claims)) -> Result<Claimed, NotGood> {
        let mut claims = claims();
        change(&mut claims);
        check(claims, &expected(), NOW)
    }

    #[test]
    fn a_good_token_is_its_subject_s_until_its_end_and_the_leeway() {
        let good = verdict(|_| ()).unwrap();
        assert_eq!((good.extension.as_str(), good.tenant), ("201", None));
        assert_eq!(good.until, Timestamp(1_800_000_360_000_000));
        assert!(verdict(|c| c.audience = vec!["other".into(), "partyline".into()]).is_ok());
    }

    #[test]
    fn issuer_audience_and_end_are_required_and_must_be_right() {
        assert_eq!(verdict(|c| c.issuer = None), Err(NotGood::Issuer));
        assert_eq!(verdict(|c| c.issuer = Some("https://pbx.test/".into())), Err(NotGood::Issuer));
        assert_eq!(verdict(|c| c.audience = vec![]), Err(NotGood::Audience));
        assert_eq!(verdict(|c| c.audience = vec!["partyline2".into()]), Err(NotGood::Audience));
        assert_eq!(verdict(|c| c.expires = None), Err(NotGood::Expired));
    }

    #[test]
    fn clocks_may_differ_by_a_minute_and_no_more() {
        assert!(verdict(|c| c.expires = Some(1_799_999_941.0)).is_ok());
        assert_eq!(verdict(|c| c.expires = Some(1_799_999_940.0)), Err(NotGood::Expired));
        assert!(verdict(|c| c.not_before = Some(1_800_000_060.0)).is_ok());
        assert_eq!(verdict(|c| c.not_before = Some(1_800_000_061.0)), Err(NotGood::TooEarly));
    }

    #[test]
    fn times_beyond_all_measure_do_not_wrap() {
        assert!(verdict(|c| c.expires = Some(1e300)).is_ok());
        assert_eq!(verdict(|c| c.expires = Some(-1e300)), Err(NotGood::Expired));
        assert_eq!(verdict(|c| c.not_before = Some(1e300)), Err(NotGood::TooEarly));
    }

    #[test]
    fn the_subject_is_an_extension_s_number() {
        for subject in [None, Some(""), Some("jake"), Some("20\u{0}1")] {
            assert_eq!(verdict(|c| c.subject = subject.map(Into::into)), Err(NotGood::Subject), "{subject:?}");
        }
    }

    #[test]
    fn the_company_counts_where_tokens_name_it_and_is_required_there() {
        assert_eq!(verdict(|c| c.tenant = Some("acme".into())).unwrap().tenant, None);
        let expected = Expected { names_tenant: true, ..expected() };
        let named = Claims { tenant: Some("acme".into()), ..claims() };
        assert_eq!(check(named, &expected, NOW).unwrap().tenant.as_deref(), Some("acme"));
        assert_eq!(check(claims(), &expected, NOW), Err(NotGood::Tenant));
    }
}
