//! Transactions that stay open, as those of another program or of a node that stands still.

use std::sync::mpsc;

use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;

/// Begins a transaction that does this, and keeps it open until it is let go.
pub(super) async fn hold(
    scope: Scope,
    work: impl FnOnce(&mut Tx<'_>) -> Result<(), Error> + Send + 'static,
) -> (mpsc::Sender<()>, JoinHandle<Result<(), Error>>) {
    let (held, is_held) = oneshot::channel();
    let (let_go, until_let_go) = mpsc::channel();
    let holding = tokio::spawn(async move {
        let hold = move |tx: &mut Tx<'_>| {
            work(tx)?;
            held.send(()).unwrap();
            until_let_go.recv().map_err(|_gone| Error::not_found())
        };
        scope.write(hold).await
    });
    is_held.await.unwrap();
    (let_go, holding)
}

/// What keeps a tenant's writer busy, and nobody's row.
pub(super) fn busy(tx: &mut Tx<'_>) -> Result<(), Error> {
    Ok(timer::set(tx, "cooldown", "somebody else", Millis(i64::MAX))?)
}
