//! The server: what needs more than one of its modules, or processes of its own.

mod worker;
