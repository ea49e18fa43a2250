//! Hints between nodes. A hint may be lost, doubled or reordered; the log in the store decides.
