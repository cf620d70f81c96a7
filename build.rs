//! Builds the portal into the binary.
fn main(){}
