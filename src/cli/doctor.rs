//! `doctor`: what an operator would otherwise find out one failure at a time. It looks and changes nothing.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::time::Duration;

use chrono::DateTime;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use url::Url;

use crate::bus::Bus;
use crate::clock::Clock;
use crate::config::{Config, Store as Configured};
use crate::hub::Probe;
use crate::model::time::Millis;
use crate::secret;
use crate::store::{Settings, examine};

use super::{Failure, Given, Outcome, check, say, wait};

/// Time allowed to reach the WeChat API.
const REACH: Duration = Duration::from_secs(5);
/// A clock that is off by more than this breaks tokens and signed addresses.
const SKEW: Duration = Duration::from_secs(60);

/// What one look found.
enum Finding {
    Good(String),
    /// Works, but somebody should know.
    Note(String),
    /// Would keep the gateway from working; says what to do.
    Bad(String),
}

use Finding::{Bad, Good, Note};

pub(super) fn run(given: &Given) -> Outcome {
    let config = given.config(None)?;
    let (reached, skewed) = wait(look_outside(&config, &Clock::system()))?;
    let hub = wait(hub(&config))?;
    let bus = wait(bus(&config))?;
    let findings = [
        ("配置 settings", settings(given, &config)),
        ("数据目录 data folder", data_folder(&config.data_dir)),
        ("主密钥 master key", master_key(given, &config)),
        ("数据库 store", store(&config)),
        ("节点间 hub", hub),
        ("模块总线 bus", bus),
        ("端口 port", port(&config)),
        ("微信接口 WeChat API", reached),
        ("时钟 clock", skewed),
    ];
    let mut bad = 0;
    for (name, finding) in findings {
        let (mark, text) = match finding {
            Good(text) => ("✓", text),
            Note(text) => ("!", text),
            Bad(text) => {
                bad += 1;
                ("✗", text)
            }
        };
        say(&format!("{mark} {name}: {text}"));
    }
    if bad == 0 {
        say("一切就绪 ready");
        return Ok(());
    }
    say(&format!("{bad} 项需要处理 to be mended"));
    Err(Failure::Told)
}

fn settings(given: &Given, config: &Config) -> Finding {
    let (_, problems, warnings) = check::look(given, config);
    if !problems.is_empty() {
        return Bad(format!("{} (yizhan check-config)", problems.to_string().replace('\n', "; ")));
    }
    if !warnings.is_empty() {
        return Note(warnings.to_string().replace('\n', "; "));
    }
    Good("valid".to_owned())
}

/// Whether the nearest folder that exists takes a file.
fn data_folder(folder: &Path) -> Finding {
    let absolute = std::path::absolute(folder).unwrap_or_else(|_unknown| folder.to_owned());
    let Some(existing) = absolute.ancestors().find(|path| path.exists()) else {
        return Bad(format!("{} does not exist", folder.display()));
    };
    let probe = existing.join(format!(".yizhan-doctor-{}", std::process::id()));
    let written = fs::write(&probe, b"probe").and_then(|()| fs::remove_file(&probe));
    match written {
        Ok(()) if existing == absolute => Good(format!("{} is writable", folder.display())),
        Ok(()) => Good(format!("{} can be made", folder.display())),
        Err(error) => Bad(format!("{} is not writable: {error}", existing.display())),
    }
}

fn master_key(given: &Given, config: &Config) -> Finding {
    match secret::open(&config.secret, &given.env) {
        Ok(keyring) => Good(format!("key {}", keyring.current().id())),
        Err(secret::Error::Source(_)) if config.secret.generate => Note("will be made at the first start".to_owned()),
        Err(error) => Bad(format!("{error} (or set secret.generate)")),
    }
}

fn store(config: &Config) -> Finding {
    if let Configured::Sqlite(sqlite) = &config.store
        && !sqlite.path.exists()
    {
        return Note(format!("{} will be made at the first start", sqlite.path.display()));
    }
    let report = match examine(&Settings::from(&config.store).backend) {
        Ok(report) => report,
        Err(error) => return Bad(format!("{:#}", anyhow::Error::from(error))),
    };
    if !report.problems.is_empty() {
        let text = report.problems.join("; ");
        let taken = matches!(&config.store, Configured::Postgres(postgres) if postgres.allow_unsafe);
        return if taken { Note(text) } else { Bad(text) };
    }
    let server = report.server.map(|version| format!("PostgreSQL {version} ")).unwrap_or_default();
    if report.pending.is_empty() {
        return Good(format!("{server}opens and is up to date"));
    }
    let pending = report.pending.len();
    Note(format!("{server}opens; {pending} migrations pending; the next start or `yizhan migrate` applies them"))
}

async fn hub(config: &Config) -> Finding {
    drop(rustls::crypto::ring::default_provider().install_default());
    match crate::hub::probe(&config.hub).await {
        Ok(None) => Good("one node".to_owned()),
        Ok(Some(Probe { about, risk: None })) => Good(about),
        Ok(Some(Probe { about, risk: Some(risk) })) => Note(format!("{about}; {risk}")),
        Err(reason) => Bad(format!("{reason} (see hub.url; serve starts all the same, with late messages)")),
    }
}

async fn bus(config: &Config) -> Finding {
    drop(rustls::crypto::ring::default_provider().install_default());
    let bus = match Bus::open(&config.bus) {
        Ok(bus) if bus.is_local() => return Good("in process".to_owned()),
        Ok(bus) => bus,
        Err(error) => return Bad(error.to_string()),
    };
    match bus.probe().await {
        Ok(()) => Good("the broker lets us in".to_owned()),
        Err(error) => Bad(format!("{error} (see bus.url; serve starts all the same, with late events)")),
    }
}

fn port(config: &Config) -> Finding {
    match TcpListener::bind(config.http.bind) {
        Ok(_free) => Good(format!("{} is free", config.http.bind)),
        Err(error) => Bad(format!("{}: {error} (is the gateway running? see http.bind)", config.http.bind)),
    }
}

async fn look_outside(config: &Config, clock: &Clock) -> (Finding, Finding) {
    let Some((host, port)) = address(&config.wechat.api_base) else {
        return (Bad("wechat.api_base has no host".to_owned()), plausible(clock.now()));
    };
    let reached = match timeout(REACH, TcpStream::connect((host.as_str(), port))).await {
        Ok(Ok(_socket)) => Good(format!("{host}:{port} is reachable")),
        Ok(Err(error)) => Bad(format!("{host}:{port}: {error}")),
        Err(_elapsed) => Bad(format!("{host}:{port} does not answer within {} s", REACH.as_secs())),
    };
    // Only plain HTTP is spoken here; the real platform answers on port 80 too.
    let plain = if config.wechat.api_base.starts_with("http://") { port } else { 80 };
    let skewed = match timeout(REACH, remote_time(&host, plain)).await {
        Ok(Some(theirs)) => compare(clock.now(), theirs),
        _ => plausible(clock.now()),
    };
    (reached, skewed)
}

fn address(url: &str) -> Option<(String, u16)> {
    let url = Url::parse(url).ok()?;
    Some((url.host_str()?.trim_matches(['[', ']']).to_owned(), url.port_or_known_default()?))
}

/// The `Date` header of whoever answers there.
async fn remote_time(host: &str, port: u16) -> Option<Millis> {
    let mut socket = TcpStream::connect((host, port)).await.ok()?;
    let request = format!("HEAD / HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    socket.write_all(request.as_bytes()).await.ok()?;
    let mut head = Vec::new();
    socket.take(8_192).read_to_end(&mut head).await.ok()?;
    date(&String::from_utf8_lossy(&head))
}

fn date(head: &str) -> Option<Millis> {
    let fields = head.lines().filter_map(|line| line.split_once(':'));
    let (_, value) = fields.into_iter().find(|(name, _)| name.eq_ignore_ascii_case("date"))?;
    DateTime::parse_from_rfc2822(value.trim()).ok().map(|at| Millis(at.timestamp_millis()))
}

fn compare(ours: Millis, theirs: Millis) -> Finding {
    let off = ours.since(theirs).max(theirs.since(ours));
    if off > SKEW {
        return Bad(format!(
            "{} s off the WeChat API's clock; synchronise it (chrony, systemd-timesyncd)",
            off.as_secs()
        ));
    }
    Good(format!("within {} s of the WeChat API's clock", off.as_secs().max(1)))
}

/// Without anybody to compare with: a clock from before this program was written is wrong.
fn plausible(now: Millis) -> Finding {
    const WRITTEN: Millis = Millis(1_767_225_600_000);
    if now < WRITTEN {
        return Bad(format!("{} cannot be now", now.rfc3339()));
    }
    Note(format!("{}, not compared: nobody to compare with", now.rfc3339()))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener as AsyncListener;

    use super::*;

    fn is_bad(finding: &Finding) -> bool {
        matches!(finding, Bad(_))
    }

    #[test]
    fn addresses_have_default_ports() {
        assert_eq!(address("https://api.weixin.qq.com"), Some(("api.weixin.qq.com".to_owned(), 443)));
        assert_eq!(address("http://[::1]:8080/simulator"), Some(("::1".to_owned(), 8080)));
    }

    #[test]
    fn a_skewed_clock_is_bad_in_both_directions() {
        let now = Millis(1_795_392_073_000);
        assert!(!is_bad(&compare(now, now.plus(Duration::from_secs(59)))));
        assert!(is_bad(&compare(now, now.plus(Duration::from_secs(61)))));
        assert!(is_bad(&compare(now, now.minus(Duration::from_secs(61)))));
        assert!(is_bad(&plausible(Millis(0))));
        assert!(!is_bad(&plausible(now)));
    }

    #[tokio::test]
    async fn the_time_of_the_other_side_is_read_from_its_answer() {
        let listener = AsyncListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answer = b"HTTP/1.1 404 Not Found\r\nServer: x\r\ndate: Mon, 23 Nov 2026 00:01:13 GMT\r\n\r\n";
        let server = async {
            let (mut socket, _) = listener.accept().await.unwrap();
            socket.write_all(answer).await.unwrap();
        };
        let (found, ()) = tokio::join!(remote_time("127.0.0.1", port), server);
        assert_eq!(found, Some(Millis(1_795_392_073_000)));
        assert_eq!(date("HTTP/1.1 200 OK\r\n\r\n"), None);
    }

    #[test]
    fn a_taken_port_and_a_folder_under_a_file_are_bad() {
        let taken = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut config = crate::config::load(&crate::config::Sources::default()).unwrap();
        config.http.bind = taken.local_addr().unwrap();
        assert!(is_bad(&port(&config)));
        drop(taken);
        assert!(!is_bad(&port(&config)));

        let dir = tempfile::tempdir().unwrap();
        assert!(!is_bad(&data_folder(&dir.path().join("new/data"))));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 0, "the doctor leaves nothing behind");
        let file = dir.path().join("file");
        fs::write(&file, b"x").unwrap();
        assert!(is_bad(&data_folder(&file.join("data"))));
    }
}
