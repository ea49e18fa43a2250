//! The platform as a whole, against a tiny gateway.
