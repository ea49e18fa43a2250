//! Reading stored text back into the vocabulary. A value that does not fit is damage, not a wrong request.

use std::str::FromStr;

use super::Error;

/// The error for a stored value without the form it was stored in.
pub(in crate::store) fn damaged(what: &'static str, value: &str) -> Error {
    Error::Damaged { what, value: value.chars().take(80).collect() }
}

/// Reads an identifier.
pub(in crate::store) fn read<T: FromStr>(what: &'static str, value: &str) -> Result<T, Error> {
    value.parse().map_err(|_source| damaged(what, value))
}

/// Reads an identifier that may be absent.
pub(in crate::store) fn read_option<T: FromStr>(what: &'static str, value: Option<&str>) -> Result<Option<T>, Error> {
    value.map(|value| read(what, value)).transpose()
}
