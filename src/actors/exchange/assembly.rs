//! Which pieces make a text.

use uuid::Uuid;

use crate::{carriers::smpp, storage::StoredPiece};

/// A text that is whole, or has come in part.
#[derive(Debug)]
pub(super) struct Text {
    /// The first of its pieces to come. Its name is the text's.
    pub first: StoredPiece,
    /// Each at its part, from the first on.
    places: Vec<Option<StoredPiece>>,
    /// Pieces of it that came twice.
    doubled: Vec<Uuid>,
}

/// The texts that these pieces of one pair make, in the order in which they began to come. A carrier counts its long texts
/// in small numbers, and begins anew: where a place is taken by something else, another text has begun.
pub(super) fn texts(pieces: Vec<StoredPiece>) -> Vec<Text> {
    let mut found: Vec<Text> = vec![];
    for piece in pieces {
        let is_of = |text: &&mut Text| piece.long_text.is_some() && text.first.long_text == piece.long_text;
        let left = match found.iter_mut().rev().find(is_of) {
            Some(text) => text.take(piece),
            None => Some(piece),
        };
        found.extend(left.map(Text::begun));
    }
    found
}

impl Text {
    fn begun(first: StoredPiece) -> Self {
        let mut places = vec![None; usize::from(first.total).max(1)];
        let at = place(&first).min(places.len() - 1);
        places[at] = Some(first.clone());
        Self { first, places, doubled: vec![] }
    }

    /// Takes a piece, or gives it back.
    fn take(&mut self, piece: StoredPiece) -> Option<StoredPiece> {
        match self.places.get_mut(place(&piece)) {
            Some(Some(before)) if before.digest == piece.digest => self.doubled.push(piece.id),
            Some(free @ None) => *free = Some(piece),
            _ => return Some(piece),
        }
        None
    }

    /// Whether nothing of it is missing.
    pub fn is_whole(&self) -> bool {
        self.places.iter().all(Option::is_some)
    }

    /// What it says.
    pub fn says(&self, alphabet: smpp::DefaultAlphabet) -> String {
        let piece = |stored: &StoredPiece| {
            let StoredPiece { data_coding, octets, .. } = stored.clone();
            smpp::Piece { place: None, data_coding, octets }
        };
        let parts: Vec<_> = self.places.iter().map(|place| place.as_ref().map(piece)).collect();
        smpp::joined(&parts, alphabet).unwrap_or_default()
    }

    /// The names of all that it was made of.
    pub fn pieces(&self) -> Vec<Uuid> {
        self.places.iter().flatten().map(|piece| piece.id).chain(self.doubled.iter().copied()).collect()
    }
}

fn place(piece: &StoredPiece) -> usize {
    usize::from(piece.part).saturating_sub(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{Timestamp, phone::Number};
    use proptest::prelude::*;

    fn piece(id: u128, long_text: Option<&str>, part: u8, total: u8, says: &str) -> StoredPiece {
        StoredPiece {
            id: Uuid::from_u128(id),
            carrier: "wholesale".into(),
            ours: Number::stored("+14045550100".into()),
            theirs: Number::stored("+14045550199".into()),
            long_text: long_text.map(str::to_owned),
            part,
            total,
            data_coding: 3,
            octets: says.as_bytes().to_vec(),
            digest: format!("{part}{says}").into_bytes(),
            at: Timestamp(0),
            session: None,
        }
    }

    fn said(pieces: Vec<StoredPiece>) -> Vec<String> {
        let all: Vec<_> = pieces.iter().map(|piece| piece.id).collect();
        let texts = texts(pieces);
        let mut used: Vec<_> = texts.iter().flat_map(Text::pieces).collect();
        used.sort();
        assert_eq!(used, all, "each is of one text");
        texts.iter().map(|text| text.says(smpp::DefaultAlphabet::Gsm7)).collect()
    }

    const A: Option<&str> = Some("udh8/1/2");
    const B: Option<&str> = Some("udh8/2/2");

    #[test]
    fn pieces_come_in_any_order_and_between_others() {
        let pieces = vec![
            piece(1, A, 2, 2, "day"),
            piece(2, None, 1, 1, "Hi"),
            piece(3, B, 1, 2, "to"),
            piece(4, A, 1, 2, "Sun"),
            piece(5, None, 1, 1, "Hi"),
            piece(6, B, 2, 2, "night"),
        ];
        assert_eq!(said(pieces), ["Sunday", "Hi", "tonight", "Hi"]);
    }

    #[test]
    fn what_came_twice_is_one_and_what_is_missing_is_said() {
        let pieces = vec![piece(1, A, 2, 2, "day"), piece(2, A, 2, 2, "day")];
        assert!(!texts(pieces.clone())[0].is_whole());
        assert_eq!(said(pieces), ["[part missing]day"]);
    }

    #[test]
    fn a_number_that_is_used_again_begins_another_text() {
        let again = |first: &str, second: &str| vec![piece(3, A, 1, 2, first), piece(4, A, 2, 2, second)];
        let whole = [vec![piece(1, A, 1, 2, "Sun"), piece(2, A, 2, 2, "day")], again("to", "night")].concat();
        assert_eq!(said(whole), ["Sunday", "tonight"]);
        let in_part = [vec![piece(1, A, 1, 2, "Sun")], again("to", "night")].concat();
        assert_eq!(said(in_part), ["Sun[part missing]", "tonight"]);
    }

    proptest! {
        #[test]
        fn whatever_comes_is_of_one_text(pieces in prop::collection::vec((0..3_u8, 0..4_u8, 0..4_u8, 0..3_u8), 0..12)) {
            let pieces = pieces.into_iter().enumerate().map(|(i, (key, part, total, says))| {
                let key = (key > 0).then(|| format!("{key}/{total}"));
                piece(i as u128, key.as_deref(), part, total, &says.to_string())
            });
            said(pieces.collect());
        }
    }
}
