//! Option tables: which options exist, whether they take a value, and what the value is to us.
