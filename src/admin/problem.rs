//! Why a use case of administrators was not done, with the place of everything that is wrong. Knows no screen.

use std::fmt;

use schemars::JsonSchema;
use serde::Serialize;

use crate::{core, store};

/// One thing that is wrong with what was sent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Finding {
    /// The line, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column, in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The field.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What is wrong and what to do about it, for people.
    pub detail: String,
}

impl Finding {
    /// Something wrong with a field.
    pub(super) fn field(field: impl Into<String>, detail: impl Into<String>) -> Self {
        Self { field: Some(field.into()), detail: detail.into(), ..Self::default() }
    }

    /// The same, in that line.
    pub(super) fn at(self, line: usize) -> Self {
        Self { line: Some(line), ..self }
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "{line}:")?;
        }
        if let Some(column) = self.column {
            write!(f, "{column}:")?;
        }
        if self.line.is_some() {
            f.write_str(" ")?;
        }
        if let Some(field) = &self.field {
            write!(f, "{field}: ")?;
        }
        f.write_str(&self.detail)
    }
}

/// Why it was not done. Nothing has changed then, unless the store says that it does not know.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// It does not exist, or not for this tenant.
    #[error("不存在 / not found")]
    Absent,
    /// It contradicts what is there.
    #[error("{0}")]
    Conflict(String),
    /// Somebody has changed it since it was read.
    #[error("内容已被他人修改，请重新读取 / it was changed since you read it: read it again")]
    Changed,
    /// It is wrong, in these places.
    #[error("{}", lines(.0))]
    Wrong(Vec<Finding>),
    /// The store or the core could not do it.
    #[error(transparent)]
    Core(#[from] core::Error),
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        Self::Core(error.into())
    }
}

impl From<serde_json::Error> for Error {
    fn from(error: serde_json::Error) -> Self {
        Self::Core(core::Error::internal(error))
    }
}

fn lines(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// Nothing when there are no findings.
pub(super) fn unless_wrong(findings: Vec<Finding>) -> Result<(), Error> {
    if findings.is_empty() { Ok(()) } else { Err(Error::Wrong(findings)) }
}
