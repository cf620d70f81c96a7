//! SMPP 3.4.
#![allow(dead_code)] // what uses these is not here yet

mod alphabet;
mod ids;
mod piece;
mod receipt;
mod segment;
mod status;
