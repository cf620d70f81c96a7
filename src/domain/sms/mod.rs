//! Texts to and from outside: how they are counted, what words of consent they hold, and whose they are.

pub mod keywords;
pub mod route;
pub mod segments;
