//! The routing core. It orchestrates; the rules are pure functions in `model`.
