//! What extensions and groups may be called.

use super::Refusal;

/// The most characters (Unicode scalar values) of a name.
pub const MAX_CHARACTERS: usize = 80;

/// A display name: 1–80 characters, no control characters, not only white space.
pub fn check_name(name: &str) -> Result<(), Refusal> {
    if name.trim().is_empty() {
        return Err(Refusal::InvalidName("the name is empty".into()));
    }
    if name.chars().count() > MAX_CHARACTERS {
        return Err(Refusal::InvalidName(format!("a name has at most {MAX_CHARACTERS} characters")));
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
    fn a_name_is_something_to_read() {
        assert!(check_name("José 李").is_ok());
        assert!(check_name(&"é".repeat(80)).is_ok());
        for bad in ["", "  ", "a\nb", &"a".repeat(81)] {
            assert!(matches!(check_name(bad), Err(Refusal::InvalidName(_))), "{bad:?}");
        }
    }
}
