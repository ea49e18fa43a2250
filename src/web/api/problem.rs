//! What use cases refuse, as problems (RFC 9457) with the places of everything that is wrong in `errors`.

use actix_web::http::StatusCode;

use crate::admin::problem::Error;
use crate::model::code::Code;
use crate::web::error::ApiError;

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        match error {
            Error::Absent => Self::not_found(),
            Error::Conflict(detail) => Self::new(StatusCode::CONFLICT, Code::Conflict.as_str(), detail),
            Error::Changed => {
                Self::new(StatusCode::PRECONDITION_FAILED, Code::Conflict.as_str(), Error::Changed.to_string())
            }
            Error::Wrong(findings) => {
                let detail = match findings.as_slice() {
                    [only] => only.to_string(),
                    several => format!("{} 处有误，见 errors / mistakes, see errors", several.len()),
                };
                let errors = serde_json::to_value(findings).unwrap_or_default();
                Self::unprocessable(detail).listing(errors)
            }
            Error::Core(error) => error.into(),
        }
    }
}
