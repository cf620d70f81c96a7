//! The ids of segments, as the answer to a submit and its receipt write them: at some carriers one in hexadecimal, the other
//! in decimal, or with zeros in front.

use serde::{Deserialize, Serialize};

/// How a carrier's receipts write the ids that its answers to submits wrote another way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptIds {
    /// In the same way.
    #[default]
    Same,
    /// In hexadecimal; the answers in decimal.
    Hex,
    /// In decimal; the answers in hexadecimal.
    Decimal,
}

/// A `message_id` has at most 65 octets (SMPP 3.4, 5.2.23).
pub(super) const LONGEST_ID: usize = 65;

impl ReceiptIds {
    /// The name of a segment by the id in the answer to its submit. It is equal to [`Self::of_receipt`] of an id that
    /// names the same: blanks, case and zeros in front don't matter in numbers, and all but blanks in what is none.
    pub fn of_answer(self, id: &str) -> String {
        self.name(id, Self::Decimal)
    }

    /// The name of a segment by the id in its receipt.
    pub fn of_receipt(self, id: &str) -> String {
        self.name(id, Self::Hex)
    }

    /// A number written in hexadecimal if this is how `in_hex` says it, else in decimal.
    fn name(self, id: &str, in_hex: Self) -> String {
        let id = id.trim_matches(|c: char| c.is_whitespace() || c == '\0');
        let id: String = id.chars().take(LONGEST_ID).collect();
        let radix = if self == Self::Same || self == in_hex { 16 } else { 10 };
        let Some(digits) = digits(&id, radix) else { return id };
        // The same in both: there is nothing to convert.
        let target = if self == Self::Same { radix } else { 10 };
        converted(&digits, radix, target)
    }
}

/// The digits of a number; `None` if it is none.
fn digits(number: &str, radix: u32) -> Option<Vec<u32>> {
    let number = number.strip_prefix("0x").filter(|_| radix == 16).unwrap_or(number);
    let digits: Option<Vec<u32>> = number.chars().map(|c| c.to_digit(radix)).collect();
    digits.filter(|digits| !digits.is_empty())
}

/// A number of any length, from one radix to another, without zeros in front.
fn converted(digits: &[u32], from: u32, to: u32) -> String {
    let mut backwards: Vec<u32> = Vec::new();
    for digit in digits {
        let mut carry = *digit;
        for place in &mut backwards {
            let sum = *place * from + carry;
            (*place, carry) = (sum % to, sum / to);
        }
        while carry > 0 {
            backwards.push(carry % to);
            carry /= to;
        }
    }
    let number: String = backwards.iter().rev().filter_map(|digit| char::from_digit(*digit, to)).collect();
    if number.is_empty() { "0".to_owned() } else { number }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ReceiptIds::{Decimal, Hex, Same};
    use proptest::prelude::*;

    #[test]
    fn an_id_is_known_in_the_other_way_of_writing() {
        let meets = |ids: ReceiptIds, answer, receipt| ids.of_answer(answer) == ids.of_receipt(receipt);
        assert!(meets(Decimal, "7B", "123") && meets(Decimal, "0x7b", " 000123\0"));
        assert!(meets(Hex, "123", "7b") && meets(Hex, "0000123", "0000007B"));
        assert!(meets(Same, "7b", "7B") && meets(Same, "0123", "123 "));
        assert!(!meets(Same, "7b", "123") && !meets(Hex, "7b", "123") && !meets(Decimal, "123", "7b"));
        assert!(meets(Decimal, "ffffffffffffffffffffffffffffffffff", "87112285931760246646623899502532662132735"));
        for ids in [Same, Hex, Decimal] {
            assert!(meets(ids, "a-1", " a-1 ") && !meets(ids, "x-1", "X-1"), "what is no number is itself");
            assert!(!meets(ids, "", "0") && meets(ids, "0", "000"));
        }
        assert_eq!(serde_json::to_string(&[Same, Hex, Decimal]).unwrap(), r#"["same","hex","decimal"]"#);
    }

    proptest! {
        #[test]
        fn ids_meet_exactly_when_they_name_the_same(a: u128, b: u128, pad in 0..9_usize) {
            for b in [a, b] {
                let (decimal, hex) = (format!("{}{a}", "0".repeat(pad)), format!(" {b:X}"));
                prop_assert_eq!(Hex.of_answer(&decimal) == Hex.of_receipt(&hex), a == b);
                prop_assert_eq!(Decimal.of_answer(&hex) == Decimal.of_receipt(&decimal), a == b);
            }
        }

        #[test]
        fn any_id_has_a_name(id in "\\PC{0,99}") {
            for ids in [Same, Hex, Decimal] {
                prop_assert!(ids.of_answer(&id).chars().count() < 80 && ids.of_receipt(&id).chars().count() < 80);
            }
        }
    }
}
