//! Sockets by the hundred and the thousand: dead, slow, lost at once.

use std::time::{Duration, Instant};

use futures_util::future::join_all;

use super::{Requirement, Stage};
use crate::check::time::percentile;
use crate::load::contact::Write;
use crate::load::crowd::{self, Door, Member};
use crate::system::declare::{AGENTS, FIRMS};
use crate::system::proxy::Proxy;

impl Stage<'_> {
    /// A balancer of the crowd's own, so that the levers do not touch others.
    async fn side_door(&self) -> anyhow::Result<Proxy> {
        Proxy::start(self.system.nodes.iter().map(|node| node.address).collect()).await
    }

    /// Descriptors that all nodes have open.
    fn descriptors(&self) -> usize {
        self.system.nodes.iter().filter_map(|node| node.probe().size()).map(|(_, fds)| fds).sum()
    }

    fn resident_kb(&self) -> i64 {
        self.system.nodes.iter().filter_map(|node| node.probe().size()).map(|(kb, _)| kb).max().unwrap_or(0)
    }
}

/// F32: hundreds of connections die without a word. A client that comes back does not wait for its zombie.
pub(super) async fn half_open(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let count = if stage.brief { 200 } else { 500 };
    let proxy = stage.side_door().await?;
    let door = Door { address: proxy.address(), receive: None };
    let before = stage.descriptors();
    let crowd = crowd::visitors(&stage.world, door, FIRMS[0], count).await?;
    let full = stage.descriptors();
    stage.harm("connections die without a word");
    let frozen = proxy.freeze(count);
    let begun = Instant::now();

    // A fifth comes back at once over new connections, and is let in.
    let (back, away): (Vec<_>, Vec<_>) = crowd.into_iter().enumerate().partition(|(n, _)| n % 5 == 0);
    let coming = back.into_iter().map(|(_, member)| member.resumes(door, Instant::now(), Duration::from_secs(20)));
    let back: Vec<(Member, Duration)> = join_all(coming).await.into_iter().collect::<anyhow::Result<_>>()?;
    let mut took: Vec<u64> = back.iter().map(|(_, took)| millis(*took)).collect();
    took.sort_unstable();

    let limit = stage.system.heartbeat.mul_f64(2.5) + Duration::from_secs(5);
    let enough = full.saturating_sub(away.len() * 9 / 10);
    while stage.descriptors() > enough && begun.elapsed() < limit * 2 {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let detected = begun.elapsed();
    stage.heal("connections");
    drop((away, back));
    proxy.stop();
    Ok(vec![
        Requirement::noted("sockets frozen; descriptors before, with them", format!("{frozen}; {before}, {full}")),
        Requirement::at_most("dead sockets are noticed", detected.as_secs_f64(), limit.as_secs_f64(), "s"),
        Requirement::at_most("whoever comes back is let in, p99", seconds(percentile(&took, 99)), 5.0, "s"),
    ])
}

/// F34: thousands of sockets are cut at once and all come back.
pub(super) async fn storm(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let count = if stage.brief { 1_000 } else { 5_000 };
    let proxy = stage.side_door().await?;
    let door = Door { address: proxy.address(), receive: None };
    let mut crowd = Vec::new();
    for (firm, share) in FIRMS.into_iter().zip([count / 4; 4]) {
        crowd.extend(crowd::visitors(&stage.world, door, firm, share).await?);
    }
    let idle = stage.resident_kb();
    stage.harm("all sockets are cut at once");
    let (cut, lost) = (proxy.cut(None), Instant::now());
    let coming = crowd.into_iter().map(|member| async move {
        // As clients do: within a random part of a second.
        tokio::time::sleep(Duration::from_millis(rand::random_range(0..1_000))).await;
        member.resumes(door, lost, Duration::from_secs(60)).await
    });
    let back: Vec<(Member, Duration)> = join_all(coming).await.into_iter().collect::<anyhow::Result<_>>()?;
    stage.heal("sockets");
    let mut took: Vec<u64> = back.iter().map(|(_, took)| millis(*took)).collect();
    took.sort_unstable();
    drop(back);
    proxy.stop();
    Ok(vec![
        Requirement::noted("sockets cut; resident memory of a node with them", format!("{cut}; {idle} KB")),
        Requirement::at_most("all have resumed", seconds(percentile(&took, 100)), 30.0, "s"),
    ])
}

/// F35: devices that stop reading while their agent is written to.
pub(super) async fn slow_readers(stage: &mut Stage<'_>) -> anyhow::Result<Vec<Requirement>> {
    let count = if stage.brief { 60 } else { 500 };
    let firm = FIRMS[0];
    let of = |agent: usize| stage.crew.wechat().into_iter().filter(|t| stage.served_by(*t, agent)).collect::<Vec<_>>();
    let (agent, theirs) = (0..AGENTS).map(|n| (n, of(n))).max_by_key(|(_, theirs)| theirs.len()).unwrap_or_default();
    let login = firm.agent(agent);
    anyhow::ensure!(!theirs.is_empty(), "nobody of {} is served", firm.id);
    let door = Door { address: stage.system.nodes[0].address, receive: Some(4 << 10) };
    let (memory, kernel) = (stage.resident_kb(), kernel_pages()?);
    let crowd = crowd::devices(&stage.world, door, firm, &login, count).await?;
    stage.harm("devices that do not read");
    for n in 0..220_usize {
        if let Some(thread) = theirs.get(n % theirs.len()) {
            stage.crew.write(*thread, Write::Long).await;
        }
        tokio::time::sleep(Duration::from_millis(40)).await;
    }
    let (high, high_kernel) = (stage.resident_kb(), kernel_pages()?);
    let ends = crowd.into_iter().map(|member| member.ends(Duration::from_secs(60)));
    let codes: Vec<_> = join_all(ends).await;
    stage.heal("devices");
    let closed = codes.iter().filter(|code| matches!(code, Ok(Some(4013) | None))).count();
    let told = codes.iter().filter(|code| matches!(code, Ok(Some(4013)))).count();
    let each = (high_kernel.saturating_sub(kernel)) * 4 / u64::try_from(count).unwrap_or(1);
    Ok(vec![
        Requirement::at_least(
            "slow devices closed",
            i64::try_from(closed).unwrap_or(0),
            i64::try_from(count).unwrap_or(0),
        ),
        Requirement::noted("of them with 4013 read", told.to_string()),
        Requirement::at_most("memory of the node grew", kb(high - memory), 300.0, "MB"),
        Requirement::at_most(
            "kernel memory per slow device",
            f64::from(u32::try_from(each).unwrap_or(u32::MAX)),
            1_024.0,
            "KB",
        ),
    ])
}

/// Pages that TCP has taken from the kernel, on the whole machine.
fn kernel_pages() -> anyhow::Result<u64> {
    let text = std::fs::read_to_string("/proc/net/sockstat")?;
    let tcp = text.lines().find(|line| line.starts_with("TCP:")).unwrap_or_default();
    Ok(tcp.rsplit(' ').next().unwrap_or("0").parse()?)
}

fn millis(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn seconds(ms: u64) -> f64 {
    Duration::from_millis(ms).as_secs_f64()
}

fn kb(kb: i64) -> f64 {
    f64::from(i32::try_from(kb).unwrap_or(i32::MAX)) / 1024.0
}
