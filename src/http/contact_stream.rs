//! Contacts as they come in a large body, a JSON array or a contact a line: taken apart while it arrives, so that nobody
//! holds all of it.

use crate::domain::Refusal;

/// The largest contact, in bytes.
const CONTACT_MAX: usize = 16 << 10;

/// How the contacts of a body are separated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A JSON array of objects.
    Array,
    /// An object a line.
    Lines,
}

/// Takes a body apart. What is in a piece is not looked at here, but for where it ends.
#[derive(Debug)]
pub struct Pieces {
    form: Form,
    place: Place,
    piece: Vec<u8>,
    /// How deep in objects and arrays a piece is, and whether in a string, and after a backslash in it.
    depth: u32,
    in_string: bool,
    escaped: bool,
}

/// Where in an array.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Before,
    First,
    Piece,
    After,
    Next,
    Over,
}

impl Pieces {
    /// Of a body in this form.
    pub fn of(form: Form) -> Self {
        Self { form, place: Place::Before, piece: vec![], depth: 0, in_string: false, escaped: false }
    }

    /// The pieces that are whole with these bytes.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, Refusal> {
        let mut whole = vec![];
        for &byte in bytes {
            match self.form {
                Form::Lines => self.line(byte, &mut whole),
                Form::Array => self.item(byte, &mut whole)?,
            }
            if self.piece.len() > CONTACT_MAX {
                return Err(Refusal::invalid(format!("a contact has up to {CONTACT_MAX} bytes")));
            }
        }
        Ok(whole)
    }

    /// The body is over: a last line needs no end.
    pub fn end(mut self) -> Result<Option<Vec<u8>>, Refusal> {
        match self.form {
            Form::Array if self.place == Place::Over => Ok(None),
            Form::Array => Err(Refusal::invalid("the body is no whole JSON array")),
            Form::Lines => {
                let mut last = vec![];
                self.line(b'\n', &mut last);
                Ok(last.pop())
            }
        }
    }

    fn line(&mut self, byte: u8, whole: &mut Vec<Vec<u8>>) {
        if byte != b'\n' {
            return self.piece.push(byte);
        }
        let line = std::mem::take(&mut self.piece);
        whole.extend((!line.trim_ascii().is_empty()).then_some(line));
    }

    fn item(&mut self, byte: u8, whole: &mut Vec<Vec<u8>>) -> Result<(), Refusal> {
        if self.place == Place::Piece {
            self.within(byte);
            if self.depth == 0 {
                whole.push(std::mem::take(&mut self.piece));
                self.place = Place::After;
            }
            return Ok(());
        }
        self.place = match (self.place, byte) {
            (place, b' ' | b'\t' | b'\r' | b'\n') => place,
            (Place::Before, b'[') => Place::First,
            (Place::First | Place::Next, b'{') => {
                self.within(byte);
                Place::Piece
            }
            (Place::After, b',') => Place::Next,
            (Place::First | Place::After, b']') => Place::Over,
            _ => return Err(Refusal::invalid("the body is no JSON array of objects")),
        };
        Ok(())
    }

    fn within(&mut self, byte: u8) {
        self.piece.push(byte);
        match byte {
            _ if self.escaped => self.escaped = false,
            b'\\' if self.in_string => self.escaped = true,
            b'"' => self.in_string = !self.in_string,
            b'{' | b'[' if !self.in_string => self.depth += 1,
            b'}' | b']' if !self.in_string => self.depth -= 1,
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn taken_apart(form: Form, body: &str, step: usize) -> Result<Vec<String>, Refusal> {
        let mut pieces = Pieces::of(form);
        let mut whole = vec![];
        for bytes in body.as_bytes().chunks(step) {
            whole.extend(pieces.feed(bytes)?);
        }
        whole.extend(pieces.end()?);
        Ok(whole.into_iter().map(|piece| String::from_utf8(piece).unwrap()).collect())
    }

    #[test]
    fn an_array_is_taken_apart_wherever_it_is_cut() {
        let body = r#" [ {"a":"]}\"{"} ,{"b":[{"c":1},2]},
            {} ] "#;
        for step in 1..body.len() {
            let pieces = taken_apart(Form::Array, body, step).unwrap();
            assert_eq!(pieces, [r#"{"a":"]}\"{"}"#, r#"{"b":[{"c":1},2]}"#, "{}"]);
        }
        assert_eq!(taken_apart(Form::Array, "[]", 1), Ok(vec![]));
    }

    #[test]
    fn what_is_no_array_of_objects_is_refused() {
        for bad in ["", "[", "{}", "[{}", "[{},]", "[{}{}]", "[1]", "[{}]x", "[,]", "[{}],", "]", "null"] {
            assert!(matches!(taken_apart(Form::Array, bad, 1), Err(Refusal::InvalidRequest(_))), "{bad}");
        }
    }

    #[test]
    fn lines_need_no_last_end_and_may_be_empty() {
        assert_eq!(taken_apart(Form::Lines, "{\"a\":1}\r\n\n  \n{\"b\":2}", 3).unwrap(), ["{\"a\":1}\r", "{\"b\":2}"]);
        assert_eq!(taken_apart(Form::Lines, "", 1), Ok(vec![]));
    }

    #[test]
    fn no_piece_grows_without_bound() {
        let endless = format!("[{{\"a\":\"{}", "x".repeat(CONTACT_MAX));
        assert!(matches!(taken_apart(Form::Array, &endless, 4096), Err(Refusal::InvalidRequest(_))));
        assert!(matches!(taken_apart(Form::Lines, &endless, 4096), Err(Refusal::InvalidRequest(_))));
    }

    proptest! {
        #[test]
        fn whatever_comes_nothing_panics_and_pieces_are_what_serde_reads(body in "[\\[\\]{}\",:\\\\a1 ]{0,40}") {
            if let Ok(pieces) = taken_apart(Form::Array, &body, 5)
                && let Ok(read) = serde_json::from_str::<Vec<serde_json::Value>>(&body)
            {
                prop_assert_eq!(pieces.len(), read.len());
            }
        }
    }
}
