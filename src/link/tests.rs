//! Links of real tools, resolved.
