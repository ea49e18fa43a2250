//! Life cycle of long-running parts: supervisor, stop tokens, backoff, signals.
