//! Problems with their key path. They never carry a value, so that they can always be printed.

use std::fmt;

/// One thing that is wrong (or risky) about one key.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// The key's path, for example `http.bind` or `account[0].appid`.
    pub key: String,
    /// What is expected, or what is at risk.
    pub what: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.key, self.what)
    }
}

/// Everything that is wrong, found in one pass.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl Problems {
    /// Notes a problem, once.
    pub fn push(&mut self, key: impl Into<String>, what: impl Into<String>) {
        let problem = Problem { key: key.into(), what: what.into() };
        if !self.0.contains(&problem) {
            self.0.push(problem);
        }
    }

    /// Whether nothing was found.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The problems in the order in which they were found.
    pub fn iter(&self) -> impl Iterator<Item = &Problem> {
        self.0.iter()
    }

    /// `Ok(value)` when nothing is wrong.
    ///
    /// # Errors
    /// The problems themselves.
    pub fn or<T>(self, value: T) -> Result<T, Self> {
        if self.0.is_empty() { Ok(value) } else { Err(self) }
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut first = true;
        for problem in &self.0 {
            if !first {
                f.write_str("\n")?;
            }
            first = false;
            problem.fmt(f)?;
        }
        Ok(())
    }
}

impl std::error::Error for Problems {}
