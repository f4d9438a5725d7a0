//! One record per step, and what is made of the records.
