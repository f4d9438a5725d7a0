//! What a translation unit reads.

mod assembly;
mod cursor;
pub mod file_facts;
pub mod lexer;
