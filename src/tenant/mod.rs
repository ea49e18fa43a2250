//! Validated tenant snapshots, hot reload, limits, scopes.
