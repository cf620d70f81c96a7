//! What a carrier's `command_status` means (SMPP 3.4, 5.1.3): for the engine, and in plain words for people.

use crate::domain::sms::delivery::{DeliveryError, Rejection};

/// Why a bind was refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum BindRefused {
    /// Somebody has to see to it, here or at the carrier: the password, an address that is not allowed. With the reason.
    NeedsHelp(String),
    /// It may pass. With the reason.
    MayPass(String),
}

/// What a refused `submit_sm` means. The carrier certainly has not got the text.
pub(super) fn refused(status: u32) -> (Rejection, DeliveryError) {
    let (message, remedy) = words(status);
    (rejection(status), DeliveryError::carrier(shown(status), message, remedy))
}

/// Whether a refused `submit_sm` says that the carrier has forgotten the bind, or that this one does not count: it would
/// refuse all texts on this link, and a new one is bound anew.
pub(super) fn ends_link(status: u32) -> bool {
    matches!(status, 0x04 | 0x05)
}

/// What a refused bind means.
pub(super) fn bind_refused(status: u32) -> BindRefused {
    let said = |what: &str| format!("{what} ({}).", shown(status));
    match status {
        0x05 => BindRefused::MayPass(said("The carrier takes us for connected already")),
        0x08 | 0x45 | 0x64 | 0xff => BindRefused::MayPass(said("The carrier has trouble of its own")),
        0x14 | 0x58 => BindRefused::MayPass(said("The carrier takes no more connections just now")),
        0x0e => BindRefused::NeedsHelp(said("The carrier does not accept the password")),
        0x0f => BindRefused::NeedsHelp(said("The carrier does not know the system_id")),
        0x53 => BindRefused::NeedsHelp(said("The carrier does not accept the system_type")),
        0x0d => BindRefused::NeedsHelp(said("The carrier does not accept system_id and password, or our address")),
        0x02..=0x04 => BindRefused::NeedsHelp(said("The carrier takes no connections of this kind")),
        _ => BindRefused::NeedsHelp(said("The carrier refuses to connect")),
    }
}

fn rejection(status: u32) -> Rejection {
    match status {
        0x14 | 0x58 => Rejection::Throttled(None),
        // 0x04 and 0x05: the link is not as it should be. A new one will be: see `ends_link`.
        0x04 | 0x05 | 0x08 | 0x45 | 0x64 | 0xff => Rejection::Temporary,
        0x0d..=0x0f | 0x53 => Rejection::Auth,
        _ => Rejection::Permanent,
    }
}

/// As the specification, and carriers, write it.
fn shown(status: u32) -> String {
    format!("0x{status:02X}")
}

/// The reason, and what to do.
fn words(status: u32) -> (&'static str, &'static str) {
    /// People see this once the engine no longer tries by itself.
    const LATER: &str = "Try again later, or tell the administrator if it goes on.";
    const NUMBER: &str = "Check the number.";
    const SENDER: &str = "Ask the administrator to check our number at the carrier.";
    const LOOK_UP: &str = "Ask the administrator to look the code up at the carrier.";
    match status {
        0x01 => ("The text is longer than the carrier takes.", "Send it in several shorter texts."),
        0x04 | 0x05 => ("The connection to the carrier takes no texts just now.", LATER),
        0x08 | 0x45 | 0x64 | 0xff => ("The carrier has trouble of its own.", LATER),
        0x0a | 0x48 | 0x49 => ("The carrier does not accept our number as a sender.", SENDER),
        0x0b | 0x50 | 0x51 => ("The carrier does not accept their number.", NUMBER),
        0x0d..=0x0f | 0x53 => (
            "The carrier does not accept our credentials.",
            "Ask the administrator to check the account and its password.",
        ),
        0x14 | 0x58 => ("The carrier takes no more texts just now.", LATER),
        0x65 | 0x66 => ("The carrier, or their network, rejected the text.", "Call instead."),
        0xfe => ("It could not be delivered.", "Check the number, or call instead."),
        0x400..=0x4ff => ("The carrier refused it for a reason of its own.", LOOK_UP),
        0x02..=0xff => ("The carrier does not accept texts in this form.", LOOK_UP),
        _ => ("The carrier did not send it.", LOOK_UP),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::sms::delivery::Source;

    #[test]
    fn each_status_is_of_its_class() {
        let of = |status| refused(status).0;
        for (class, statuses) in [
            (Rejection::Throttled(None), &[0x14, 0x58][..]),
            (Rejection::Temporary, &[0x04, 0x05, 0x08, 0x45, 0x64, 0xff]),
            (Rejection::Auth, &[0x0d, 0x0e, 0x0f]),
            (
                Rejection::Permanent,
                &[0x01, 0x0a, 0x0b, 0x15, 0x43, 0x61, 0x66, 0xc4, 0xfe, 0x400, 0x4ff, 0x1000, u32::MAX],
            ),
        ] {
            for status in statuses {
                assert_eq!(of(*status), class, "{status:#x}");
            }
        }
    }

    #[test]
    fn a_link_ends_when_the_carrier_does_not_know_it_as_bound() {
        let ending: Vec<_> = (0..0x500).filter(|status| ends_link(*status)).collect();
        assert_eq!(ending, [0x04, 0x05]);
    }

    #[test]
    fn people_read_what_it_means_and_the_code() {
        let error = refused(0x0b).1;
        assert_eq!((error.source, error.code.as_str()), (Source::Carrier, "0x0B"));
        assert_eq!(error.message, "The carrier does not accept their number.");
        assert_eq!(refused(0x4ab).1.code, "0x4AB");
        assert_eq!(refused(u32::MAX).1.code, "0xFFFFFFFF");
        for status in (0..0x500).chain([u32::MAX]) {
            let error = refused(status).1;
            assert!(error.message.ends_with('.') && error.remedy.ends_with('.'), "{status:#x}");
        }
    }

    #[test]
    fn a_bind_is_refused_for_now_or_until_somebody_sees_to_it() {
        for status in [0x05, 0x08, 0x14, 0x45, 0x58, 0x64, 0xff] {
            assert!(matches!(bind_refused(status), BindRefused::MayPass(_)), "{status:#x}");
        }
        for status in [0x03, 0x0d, 0x0e, 0x0f, 0x53, 0x400, u32::MAX] {
            assert!(matches!(bind_refused(status), BindRefused::NeedsHelp(_)), "{status:#x}");
        }
        let reason = "The carrier does not accept the password (0x0E).";
        assert_eq!(bind_refused(0x0e), BindRefused::NeedsHelp(reason.into()));
    }
}
