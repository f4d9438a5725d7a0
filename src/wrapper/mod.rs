//! The short process that stands where the compiler stood.
