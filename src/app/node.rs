//! The process as other modules see it: its orders, its events, and the declarations that it follows.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Mutex, mpsc};

use super::App;
use crate::admin::tenant::{Applied, Tenants};
use crate::core::Core;
use crate::core::order::NodeOrder;
use crate::runtime::{Stage, Stop, Supervisor};
use crate::tenant::Declaration;

/// How often declarations are looked at for changes.
const TENANT_POLL: Duration = Duration::from_secs(3);
/// Orders to the process that may wait.
const ORDERS: usize = 8;

/// What the process follows: rows, its folder of declarations, and orders.
#[derive(Debug, Clone)]
struct Node {
    core: Core,
    tenants: Tenants,
    folder: Option<PathBuf>,
    env: Arc<BTreeMap<String, String>>,
    orders: Arc<Mutex<mpsc::Receiver<NodeOrder>>>,
    /// Ends the process in order.
    process: Stop,
}

/// Adds the parts that concern the process itself. `process` ends it.
pub(super) fn add(supervisor: &mut Supervisor, app: &App, process: Stop) {
    let (to_node, orders) = mpsc::channel(ORDERS);
    let node = Node {
        core: app.core.clone(),
        tenants: app.tenants.clone(),
        folder: app.config.tenants_dir.clone(),
        env: Arc::new(app.env.clone()),
        orders: Arc::new(Mutex::new(orders)),
        process,
    };
    supervisor.add("tenants", Stage::Ground, move |stop| {
        let node = node.clone();
        async move {
            // Beside each other: however long clearing away takes, orders are heard.
            tokio::join!(node.follow(stop.clone()), node.core.run_cleaning(stop));
            Ok(())
        }
    });
    let (core, bus) = (app.core.clone(), app.bus.clone());
    supervisor.add("orders", Stage::Work, move |stop| {
        let (core, bus, to_node) = (core.clone(), bus.clone(), to_node.clone());
        async move {
            core.run_orders(bus, to_node, stop.clone()).await;
            stop.cancelled().await;
            Ok(())
        }
    });
    let (core, bus) = (app.core.clone(), app.bus.clone());
    supervisor.add("calls", Stage::Work, move |stop| {
        let (core, bus) = (core.clone(), bus.clone());
        async move {
            core.run_calls(bus, stop).await;
            Ok(())
        }
    });
    let core = app.core.clone();
    supervisor.add("node-events", Stage::Door, move |stop| {
        let core = core.clone();
        async move {
            core.run_node_events(stop).await;
            Ok(())
        }
    });
}

impl Node {
    /// Follows changed declarations and orders.
    async fn follow(&self, stop: Stop) {
        let mut orders = self.orders.lock().await;
        let mut looking = tokio::time::interval(TENANT_POLL);
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                Some(order) = orders.recv() => self.obey(order).await,
                _ = looking.tick() => {
                    if let Err(error) = self.refresh().await {
                        tracing::error!(error = %error, "declarations could not be read");
                    }
                }
            }
        }
    }

    async fn obey(&self, order: NodeOrder) {
        // Whoever ordered it may have stopped waiting for the answer.
        match order {
            NodeOrder::Reload(answer) => drop(answer.send(self.reload().await)),
            NodeOrder::Drain(answer) => {
                tracing::info!("ordered to drain");
                drop(answer.send(Ok(0)));
                self.process.cancel();
            }
        }
    }

    /// Puts the folder's declarations in force and takes up what is new in the store; says how many that were.
    async fn reload(&self) -> Result<usize, String> {
        let mut changed: usize = 0;
        if let Some(folder) = &self.folder {
            // All are read before the first is applied. A problem names keys, never values.
            for declaration in Declaration::read_folder(folder, &self.env).map_err(|found| found.to_string())? {
                let applied = self.tenants.apply(declaration).await.map_err(|error| error.to_string())?;
                changed = changed.saturating_add(usize::from(matches!(applied, Applied::Changed(_))));
            }
        }
        let fresh = self.refresh().await.map_err(|error| error.to_string())?;
        Ok(changed.max(fresh))
    }

    async fn refresh(&self) -> Result<usize, crate::admin::tenant::Error> {
        let changed = self.tenants.refresh(self.core.tenants()).await?;
        if changed > 0 {
            self.core.tenants_changed();
        }
        Ok(changed)
    }
}
