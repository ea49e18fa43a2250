//! Reading the platform's JSON answers, which are loose about types. Knows no call.

use serde_json::Value;

use super::super::error::{Error, Refusal};

/// An object whose `errcode` is absent or 0.
#[derive(Debug)]
pub(super) struct Object(Value);

impl Object {
    /// Reads a body.
    ///
    /// # Errors
    /// [`Error::Platform`] for a code other than 0, [`Error::Garbled`] for anything that is not an object.
    pub(super) fn read(body: &[u8]) -> Result<Self, Error> {
        if body.is_empty() {
            return Err(Error::Garbled("empty"));
        }
        let value: Value = serde_json::from_slice(body).map_err(|_syntax| Error::Garbled("not JSON"))?;
        if !value.is_object() {
            return Err(Error::Garbled("not an object"));
        }
        let object = Self(value);
        match object.errcode()? {
            None | Some(0) => Ok(object),
            Some(errcode) => Err(Error::Platform(Refusal::new(errcode, object.text("errmsg").unwrap_or_default()))),
        }
    }

    /// The code, written as a number or a string.
    pub(super) fn errcode(&self) -> Result<Option<i64>, Error> {
        self.0.get("errcode").map_or(Ok(None), |value| match integer(value) {
            Some(code) => Ok(Some(code)),
            None => Err(Error::Garbled("errcode is no integer")),
        })
    }

    /// A field that is a text.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.0.get(name).and_then(Value::as_str)
    }

    /// A field that is an integer, written as a number or a string.
    pub(super) fn integer(&self, name: &str) -> Option<i64> {
        self.0.get(name).and_then(integer)
    }
}

fn integer(value: &Value) -> Option<i64> {
    match value {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_exact_integers_in_any_spelling() {
        let outcome = |body: &str| match Object::read(body.as_bytes()) {
            Ok(object) => format!("{:?}", object.errcode().unwrap()),
            Err(error) => error.to_string(),
        };
        assert_eq!(outcome(r#"{"errcode":0}"#), "Some(0)");
        assert_eq!(outcome(r#"{"errcode":"0"}"#), "Some(0)");
        assert_eq!(outcome(r#"{"a":1}"#), "None");
        assert_eq!(outcome(r#"{"errcode":"40054","errmsg":"x"}"#), "platform error 40054: x");
        for body in [
            "",
            "<html>",
            "[]",
            "null",
            r#"{"errcode":0"#,
            r#"{"errcode":0.5}"#,
            r#"{"errcode":1e400}"#,
            r#"{"errcode":"x"}"#,
            r#"{"errcode":99999999999999999999}"#,
            r#"{"errcode":null}"#,
        ] {
            assert!(outcome(body).starts_with("answer not understood"), "{body}");
        }
    }
}
