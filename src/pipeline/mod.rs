//! The one place where the stages are composed. Read this first.
