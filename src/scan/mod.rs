//! What a translation unit reads.
