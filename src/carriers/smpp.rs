//! SMPP 3.4.
#![allow(dead_code)] // what uses these is not here yet

mod alphabet;
mod ids;
mod piece;
mod receipt;
mod segment;
mod status;

pub use alphabet::DefaultAlphabet;
pub use ids::ReceiptIds;
pub use piece::{Form, Piece, Place, Sar, joined, piece};
pub use receipt::{Receipted, receipt};
