//! InputSet → Directory messages → root digest. Pure.
