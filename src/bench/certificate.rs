//! Certificates of a run: an authority, what servers show, and clients that believe this authority and no other. Made by
//! `openssl` in a folder that is gone afterwards; knows no server.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, ensure};
use rustls::client::Resumption;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use rustls::{ClientConfig, RootCertStore};

use super::stream::{NAME, Target};

/// See the module.
#[derive(Debug)]
pub struct Certificates {
    server: PathBuf,
    trust: Arc<ClientConfig>,
}

impl Certificates {
    /// Makes them in a folder: EC P-256, for 30 days.
    ///
    /// # Errors
    /// There is no `openssl`, or the folder cannot be written.
    pub fn make(folder: &Path) -> anyhow::Result<Self> {
        let names = format!("basicConstraints=CA:FALSE\nsubjectAltName=DNS:{NAME},IP:127.0.0.1\n");
        std::fs::write(folder.join("names"), names).context("cannot write for openssl")?;
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
        openssl(folder, &format!("req -x509 {key} -keyout ca.key -out ca.pem -days 30 -subj /CN=throw-away"))?;
        openssl(folder, &format!("req {key} -keyout server.key -out server.csr -subj /CN={NAME}"))?;
        openssl(
            folder,
            "x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 30 -extfile names -out server.crt",
        )?;
        let read = |name: &str| {
            std::fs::read_to_string(folder.join(name)).with_context(|| format!("openssl has not written {name}"))
        };
        let server = folder.join("server.pem");
        std::fs::write(&server, read("server.crt")? + &read("server.key")?)?;
        // There is a key in it: nobody else may read it.
        std::fs::set_permissions(&server, std::os::unix::fs::PermissionsExt::from_mode(0o600))?;
        Ok(Self { server, trust: Arc::new(client(&folder.join("ca.pem"))?) })
    }

    /// The file that servers need: the certificate, and its key.
    #[must_use]
    pub fn server(&self) -> &Path {
        &self.server
    }

    /// An address at which a server shows this certificate.
    #[must_use]
    pub fn target(&self, address: SocketAddr) -> Target {
        Target::encrypted(address, Arc::clone(&self.trust))
    }
}

/// How clients connect: every one makes the whole handshake, since they stand for people who do not know each other.
fn client(authority: &Path) -> anyhow::Result<ClientConfig> {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(authority).context("an authority that cannot be read")?)?;
    let mut config = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.resumption = Resumption::disabled();
    Ok(config)
}

fn openssl(folder: &Path, words: &str) -> anyhow::Result<()> {
    let done = Command::new("openssl").args(words.split(' ')).current_dir(folder).output();
    let done = done.context("cannot run openssl, which TLS needs")?;
    ensure!(done.status.success(), "openssl {words}: {}", String::from_utf8_lossy(&done.stderr));
    Ok(())
}
