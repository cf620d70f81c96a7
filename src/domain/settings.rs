//! What a company has set for all of its people.

use serde::{Deserialize, Serialize};

use super::{Refusal, text::MAX_SMS_CHARACTERS};

/// A tenant's settings. What isn't set has its default.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Settings {
    /// The sound of a new message: the name of one of ours, or an https URL.
    pub alert_tone: String,
    /// Where numbers are that don't say, as a region of ISO 3166 ("US").
    pub region: String,
    /// What answers HELP; none: HELP is an ordinary text.
    pub help_text: Option<String>,
    /// What answers STOP, where the carrier doesn't.
    pub opt_out_text: String,
    /// What answers START, where the carrier doesn't.
    pub opt_in_text: String,
    /// Reasons to pause that are offered to agents.
    pub pause_reasons: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            alert_tone: "chime".into(),
            region: "US".into(),
            help_text: None,
            opt_out_text: "You will get no more texts from this number. Reply START to get them again.".into(),
            opt_in_text: "You will get texts from this number again. Reply STOP to end them.".into(),
            pause_reasons: vec![],
        }
    }
}

/// Settings as they are stored.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredSettings {
    /// They.
    pub settings: Settings,
    /// Rises with each change.
    pub revision: i64,
}

impl Settings {
    /// `invalid_request` that names what can't be.
    pub fn check(&self) -> Result<(), Refusal> {
        let refuse = |what: &str| Err(Refusal::invalid(what));
        let readable =
            |text: &str, most| !text.trim().is_empty() && text.chars().count() <= most && !text.contains('\0');
        if !readable(&self.alert_tone, 500)
            || (self.alert_tone.contains(':') && !self.alert_tone.starts_with("https://"))
        {
            return refuse("alert_tone: the name of a tone, or an https URL");
        }
        if self.region.len() != 2 || !self.region.bytes().all(|b| b.is_ascii_uppercase()) {
            return refuse("region: two capital letters, such as US");
        }
        let texts = [&self.opt_out_text, &self.opt_in_text].into_iter().chain(&self.help_text);
        if texts.into_iter().any(|text| !readable(text, MAX_SMS_CHARACTERS)) {
            return refuse("help_text, opt_out_text, opt_in_text: 1 to 1,600 characters");
        }
        if self.pause_reasons.len() > 50 || self.pause_reasons.iter().any(|reason| !readable(reason, 80)) {
            return refuse("pause_reasons: up to 50, of 1 to 80 characters");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_defaults_can_be_and_nonsense_can_t() {
        assert_eq!(Settings::default().check(), Ok(()));
        let bad = [
            Settings { alert_tone: "http://x/y.mp3".into(), ..Settings::default() },
            Settings { region: "usa".into(), ..Settings::default() },
            Settings { help_text: Some(" ".into()), ..Settings::default() },
            Settings { opt_in_text: "a".repeat(1_601), ..Settings::default() },
            Settings { pause_reasons: vec![String::new()], ..Settings::default() },
        ];
        for settings in bad {
            assert!(matches!(settings.check(), Err(Refusal::InvalidRequest(_))), "{settings:?}");
        }
    }
}
