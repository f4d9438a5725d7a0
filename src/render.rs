//! Failure → text for people.
