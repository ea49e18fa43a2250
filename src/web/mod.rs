//! HTTP: routes, extractors, errors, sockets, assets. With `simulator` the only code that knows actix.
