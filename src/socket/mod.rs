//! Live connections: frames, resume, bounded outbox, heartbeat, drain. Knows no actix type.
