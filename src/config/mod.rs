//! Configuration: default, then file, then environment; all problems are reported at once.
