//! SIGTERM and SIGINT become stop tokens. Knows no part that is stopped.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::Stop;

/// The process's termination signals, caught from the moment of [`Signals::catch`].
#[derive(Debug)]
pub struct Signals {
    term: Signal,
    int: Signal,
}

impl Signals {
    /// Starts catching; from here on the signals no longer end the process by themselves.
    ///
    /// # Errors
    /// When the operating system refuses the handler.
    pub fn catch() -> io::Result<Self> {
        Ok(Self { term: signal(SignalKind::terminate())?, int: signal(SignalKind::interrupt())? })
    }

    /// The first signal cancels `stop` (finish in order), the second cancels `abort` (end at once). Then it returns.
    pub async fn forward(mut self, stop: Stop, abort: Stop) {
        self.next().await;
        tracing::info!("stop requested; a second signal ends the process at once");
        stop.cancel();
        self.next().await;
        tracing::warn!("second signal: ending at once");
        abort.cancel();
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.term.recv() => {}
            _ = self.int.recv() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use super::*;

    fn signal_self(name: &str) {
        let pid = std::process::id().to_string();
        assert!(Command::new("kill").args(["-s", name, &pid]).status().unwrap().success());
    }

    #[tokio::test]
    async fn first_signal_stops_and_second_aborts() {
        let (stop, abort) = (Stop::new(), Stop::new());
        let signals = Signals::catch().unwrap();
        let forward = tokio::spawn(signals.forward(stop.clone(), abort.clone()));
        let limit = Duration::from_secs(10);

        signal_self("TERM");
        tokio::time::timeout(limit, stop.cancelled()).await.unwrap();
        assert!(!abort.is_cancelled());

        signal_self("INT");
        tokio::time::timeout(limit, abort.cancelled()).await.unwrap();
        forward.await.unwrap();
    }
}
