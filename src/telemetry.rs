//! Logging: one line per event, as JSON or text, on standard error. Knows no event.
//!
//! Conventions: a readable message and fields (`tenant`, `conv`, `account`, `duration_ms`); logged once, at the
//! boundary. Never what was said, never tokens, secrets or a customer's identifier.

use std::io::{self, Write};
use std::panic::PanicHookInfo;

use serde_json::Value;
use tracing::Subscriber;
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{Log, LogFormat};

/// Longest line, bytes. Longer values are cut.
const MAX_LINE: usize = 4096;
/// What is left of a value in a line that is too long, characters.
const MAX_VALUE: usize = 256;

/// Parts of libraries that would log what was said, at whatever level is set.
const SILENCED: [&str; 1] = ["lapin::returned_messages=off"];

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The level is not understood. `check-config` finds this first.
    #[error("the log level is not understood")]
    Level(#[from] tracing_subscriber::filter::ParseError),
    /// Somebody has set up logging before.
    #[error("logging is set up already")]
    Twice(#[from] tracing_subscriber::util::TryInitError),
}

/// Sets up logging for the whole process, panics included. Called once, by the command-line face.
///
/// # Errors
/// [`Error`].
pub fn init(log: &Log) -> Result<(), Error> {
    subscriber(log, io::stderr)?.try_init()?;
    std::panic::set_hook(Box::new(log_panic));
    Ok(())
}

fn subscriber<O, W>(log: &Log, out: W) -> Result<Box<dyn Subscriber + Send + Sync>, Error>
where
    O: Write + 'static,
    W: Fn() -> O + Send + Sync + 'static,
{
    let lines = Lines { format: log.format, out };
    let mut filter = EnvFilter::try_new(&log.level)?;
    for silenced in SILENCED {
        filter = filter.add_directive(silenced.parse()?);
    }
    let builder = fmt().with_env_filter(filter).with_ansi(false).with_writer(lines);
    Ok(match log.format {
        LogFormat::Json => Box::new(builder.json().flatten_event(true).with_current_span(true).finish()),
        LogFormat::Text => Box::new(builder.compact().finish()),
    })
}

/// The place of a panic, and its text when it was written in the program: formatted texts may hold what was said.
fn log_panic(panic: &PanicHookInfo<'_>) {
    let place = panic.location().map(ToString::to_string).unwrap_or_default();
    let text = panic.payload().downcast_ref::<&'static str>().copied().unwrap_or("(text withheld)");
    tracing::error!(place, text, "panic");
}

/// Makes a writer for each event.
struct Lines<W> {
    format: LogFormat,
    out: W,
}

/// Takes one event, which the formatter hands over in one piece.
struct Line<O> {
    format: LogFormat,
    out: O,
}

impl<'a, O: Write, W: Fn() -> O> MakeWriter<'a> for Lines<W> {
    type Writer = Line<O>;

    fn make_writer(&'a self) -> Line<O> {
        Line { format: self.format, out: (self.out)() }
    }
}

impl<O: Write> Write for Line<O> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = match self.format {
            LogFormat::Json => json_line(text.trim_end()),
            LogFormat::Text => text_line(text.trim_end()),
        };
        self.out.write_all(format!("{line}\n").as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// JSON escapes control characters by itself; only length has to be bounded, and the line has to stay JSON.
fn json_line(text: &str) -> String {
    if text.len() <= MAX_LINE {
        return text.to_owned();
    }
    let Ok(mut value) = serde_json::from_str::<Value>(text) else { return text_line(text) };
    shorten(&mut value);
    let short = value.to_string();
    if short.len() <= MAX_LINE { short } else { serde_json::json!({ "message": "log line was too long" }).to_string() }
}

fn shorten(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > MAX_VALUE => {
            *text = text.chars().take(MAX_VALUE).chain("…".chars()).collect();
        }
        Value::Array(items) => items.iter_mut().for_each(shorten),
        Value::Object(fields) => fields.values_mut().for_each(shorten),
        _ => {}
    }
}

/// Nothing in a value can start a new line or speak to the terminal.
fn text_line(text: &str) -> String {
    let mut line = String::with_capacity(text.len().min(MAX_LINE));
    for c in text.chars() {
        if line.len() >= MAX_LINE {
            line.push('…');
            break;
        }
        if c.is_control() { line.extend(c.escape_default()) } else { line.push(c) }
    }
    line
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, event: impl FnOnce()) -> String {
        let sink = Sink::default();
        let out = sink.clone();
        let log = Log { format, level: "info".to_owned() };
        let subscriber = subscriber(&log, move || out.clone()).unwrap();
        tracing::subscriber::with_default(subscriber, event);
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn hostile_values_stay_on_one_line() {
        let hostile = "a\nb\r\u{1b}[31mred\u{0}";
        for format in [LogFormat::Json, LogFormat::Text] {
            let text = logged(format, || tracing::info!(value = hostile, "hello {hostile}"));
            assert_eq!(text.matches('\n').count(), 1, "{text:?}");
            assert!(text.ends_with('\n') && !text.trim_end().chars().any(char::is_control), "{text:?}");
        }
        let json: Value =
            serde_json::from_str(&logged(LogFormat::Json, || tracing::info!(value = hostile, "m"))).unwrap();
        assert_eq!(json["value"], hostile);
    }

    #[test]
    fn long_values_are_cut_and_json_stays_json() {
        let long = "长".repeat(1_000_000);
        for format in [LogFormat::Json, LogFormat::Text] {
            let text = logged(format, || tracing::warn!(value = long, code = 7, "kept"));
            assert!(text.len() <= MAX_LINE + 8, "{}", text.len());
            assert!(text.contains("kept"), "{text}");
            if format == LogFormat::Json {
                let json: Value = serde_json::from_str(&text).unwrap();
                assert_eq!((&json["code"], json["level"].as_str()), (&Value::from(7), Some("WARN")));
            }
        }
        let many = (0..1_000).map(|n| format!("\"k{n}\":1,")).collect::<String>();
        let text = json_line(&format!("{{{many}\"z\":1}}"));
        assert!(text.len() <= MAX_LINE && serde_json::from_str::<Value>(&text).is_ok());
    }
}
