//! `POST /v1/pbx/calls`: recent calls, which tell what callers are called.

use std::collections::BTreeMap;

use crate::domain::{Change, Decision, Refusal, Timestamp, extension::check_number, phone::Number};

use super::phonebook::Renamed;

/// The most calls that are reported at once.
pub const CALLS_MAX: usize = 1_000;
/// So many of an extension's calls are kept, the newest.
pub const CALLS_KEPT: i64 = 500;
/// The most characters of a caller's name, and of a key.
const MAX_CHARACTERS: usize = 200;

/// Which way a call went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CallDirection {
    /// To the extension.
    Inbound,
    /// From the extension.
    Outbound,
}

impl CallDirection {
    /// The name in JSON and in the database.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Inbound => "inbound",
            Self::Outbound => "outbound",
        }
    }
}

/// A call of an extension with a number outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// The PBX's own name for it.
    pub key: String,
    /// Whose, by its number. It may come later.
    pub extension: String,
    /// Which way it went.
    pub direction: CallDirection,
    /// The number outside.
    pub number: Number,
    /// What the network called who has it.
    pub caller_name: Option<String>,
    /// When it began.
    pub at: Timestamp,
}

impl Call {
    /// `invalid_request` that names the call.
    pub fn check(&self) -> Result<(), Refusal> {
        let readable = |text: &str| {
            !text.trim().is_empty() && text.chars().count() <= MAX_CHARACTERS && !text.chars().any(char::is_control)
        };
        if !readable(&self.key) {
            return Err(Refusal::invalid(format!("key of a call: 1 to {MAX_CHARACTERS} characters")));
        }
        check_number(&self.extension)?;
        match &self.caller_name {
            Some(name) if !readable(name) => {
                Err(Refusal::invalid(format!("call {}: caller_name: 1 to {MAX_CHARACTERS} characters", self.key)))
            }
            _ => Ok(()),
        }
    }
}

/// What takes these calls in, one change for each extension: nothing for those that are there so. `is` are those of them
/// that are there, by key.
pub fn report_calls(is: &BTreeMap<String, Call>, reported: Vec<Call>) -> Result<Decision, Refusal> {
    if reported.len() > CALLS_MAX {
        return Err(Refusal::invalid(format!("up to {CALLS_MAX} calls")));
    }
    reported.iter().try_for_each(Call::check)?;
    // Of a call that is reported twice the last report counts.
    let last: BTreeMap<_, _> = reported.into_iter().map(|call| (call.key.clone(), call)).collect();
    let mut by_extension: BTreeMap<String, (Vec<Call>, Vec<Number>)> = BTreeMap::new();
    for (key, call) in last {
        let before = is.get(&key);
        if before == Some(&call) {
            continue;
        }
        if let Some(before) = before {
            by_extension.entry(before.extension.clone()).or_default().1.push(before.number.clone());
        }
        let (calls, numbers) = by_extension.entry(call.extension.clone()).or_default();
        numbers.push(call.number.clone());
        calls.push(call);
    }
    let change = |(extension, (calls, numbers))| Change::CallsPut { extension, calls, renamed: Renamed::of(numbers) };
    Ok(Decision { guards: vec![], changes: by_extension.into_iter().map(change).collect() })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(key: &str, extension: &str, name: &str) -> Call {
        Call {
            key: key.into(),
            extension: extension.into(),
            direction: CallDirection::Inbound,
            number: Number::stored("+14045550199".into()),
            caller_name: (!name.is_empty()).then(|| name.into()),
            at: Timestamp(1),
        }
    }

    #[test]
    fn each_extension_hears_of_its_own_calls_and_of_none_twice() {
        let reported = vec![call("1", "201", "LEE ANN"), call("2", "202", ""), call("3", "201", "")];
        let decision = report_calls(&BTreeMap::new(), reported).unwrap();
        let of = |change: &Change| match change {
            Change::CallsPut { extension, calls, .. } => (extension.clone(), calls.len()),
            other => panic!("{other:?}"),
        };
        assert_eq!(decision.changes.iter().map(of).collect::<Vec<_>>(), [("201".into(), 2), ("202".into(), 1)]);
        let is = [("1".to_owned(), call("1", "201", "LEE ANN"))].into();
        assert_eq!(report_calls(&is, vec![call("1", "201", "LEE ANN")]), Ok(Decision::default()));
    }

    #[test]
    fn what_can_t_be_a_call_is_refused() {
        for bad in [call("", "201", ""), call("1", "x", ""), call("1", "201", "a\nb"), call("1", "201", " ")] {
            assert!(matches!(report_calls(&BTreeMap::new(), vec![bad]), Err(Refusal::InvalidRequest(_))));
        }
        let many = vec![call("1", "201", ""); CALLS_MAX + 1];
        assert!(matches!(report_calls(&BTreeMap::new(), many), Err(Refusal::InvalidRequest(_))));
    }
}
