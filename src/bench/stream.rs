//! A connection to a server, in clear or encrypted, and where it leads. Knows nothing of what is said on it.

use std::io::{self, IoSlice};
use std::net::{Ipv4Addr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use anyhow::Context as _;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// The name that a server has to prove, if it has to prove any.
pub(super) const NAME: &str = "localhost";

/// Where clients connect.
#[derive(Debug, Clone)]
pub struct Target {
    address: SocketAddr,
    /// Whom they believe; nothing is encrypted where they need not believe anybody.
    trust: Option<Arc<ClientConfig>>,
}

impl From<SocketAddr> for Target {
    fn from(address: SocketAddr) -> Self {
        Self { address, trust: None }
    }
}

impl Target {
    /// What is reached by TLS from the first byte on.
    #[must_use]
    pub fn encrypted(address: SocketAddr, trust: Arc<ClientConfig>) -> Self {
        Self { address, trust: Some(trust) }
    }

    /// What browsers call it.
    #[must_use]
    pub fn origin(&self) -> String {
        let scheme = if self.trust.is_some() { "https" } else { "http" };
        format!("{scheme}://{}", self.address)
    }

    /// Connects, from a loopback address of its own if told.
    ///
    /// # Errors
    /// Nobody listens, no port is left, or the server does not prove who it is.
    pub async fn connect(&self, from: Option<Ipv4Addr>) -> anyhow::Result<Stream> {
        let (address, socket) = (self.address, TcpSocket::new_v4()?);
        if let Some(ip) = from {
            socket.set_reuseaddr(true)?;
            socket.bind(SocketAddr::from((ip, 0)))?;
        }
        let stream = socket.connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        stream.set_nodelay(true)?;
        let Some(trust) = &self.trust else { return Ok(Stream::Plain(stream)) };
        let handshake = TlsConnector::from(Arc::clone(trust)).connect(ServerName::try_from(NAME)?, stream);
        // A handshake is large, and only in the way of those who make none.
        let stream = Box::pin(handshake).await.with_context(|| format!("no TLS with {address}"))?;
        Ok(Stream::Encrypted(Box::new(stream)))
    }
}

/// An open connection.
///
/// What was written may lie in an encrypted one until it is flushed, also when whoever wrote it was cancelled: flush before
/// waiting for an answer.
#[derive(Debug)]
pub enum Stream {
    /// In clear.
    Plain(TcpStream),
    /// By TLS.
    Encrypted(Box<TlsStream<TcpStream>>),
}

impl AsyncRead for Stream {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(cx, buf),
            Self::Encrypted(stream) => Pin::new(stream).poll_read(cx, buf),
        }
    }
}

impl AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(cx, buf),
            Self::Encrypted(stream) => Pin::new(stream).poll_write(cx, buf),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
            Self::Encrypted(stream) => Pin::new(stream).poll_write_vectored(cx, bufs),
        }
    }

    fn is_write_vectored(&self) -> bool {
        match self {
            Self::Plain(stream) => stream.is_write_vectored(),
            Self::Encrypted(stream) => stream.is_write_vectored(),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_flush(cx),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(cx),
            Self::Encrypted(stream) => Pin::new(stream).poll_shutdown(cx),
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use rustls::pki_types::pem::PemObject as _;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::bench::certificate::Certificates;
    use crate::bench::process::Folder;

    /// A server that hears so many bytes, and then says them back.
    pub(in crate::bench) async fn echo(certificates: &Certificates, bytes: usize) -> SocketAddr {
        let chain = CertificateDer::pem_file_iter(certificates.server()).unwrap().map(Result::unwrap).collect();
        let key = PrivateKeyDer::from_pem_file(certificates.server()).unwrap();
        let config = rustls::ServerConfig::builder_with_provider(rustls::crypto::ring::default_provider().into())
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(chain, key)
            .unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                let mut heard = vec![0; bytes];
                stream.read_exact(&mut heard).await.unwrap();
                stream.write_all(&heard).await.unwrap();
                stream.flush().await.unwrap();
            }
        });
        address
    }

    fn folder(name: &str) -> Folder {
        Folder::new(&std::env::temp_dir(), name).unwrap()
    }

    #[tokio::test]
    async fn what_is_written_encrypted_comes_back_and_a_stranger_is_refused() {
        let (ours, theirs) = (folder("yizhan-bench-tls"), folder("yizhan-bench-other"));
        let certificates = Certificates::make(ours.path()).unwrap();
        // Several records.
        let said: Vec<u8> = (0..50_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let address = echo(&certificates, said.len()).await;
        let mut stream = certificates.target(address).connect(Some(Ipv4Addr::new(127, 0, 0, 3))).await.unwrap();
        assert!(matches!(stream, Stream::Encrypted(_)));
        stream.write_all(&said).await.unwrap();
        stream.flush().await.unwrap();
        let mut heard = vec![0; said.len()];
        stream.read_exact(&mut heard).await.unwrap();
        assert_eq!(heard, said);
        let stranger = Certificates::make(theirs.path()).unwrap();
        let refused = stranger.target(address).connect(None).await.unwrap_err();
        assert!(format!("{refused:?}").contains("invalid peer certificate"), "{refused:?}");
    }

    #[tokio::test]
    async fn an_address_is_reached_in_clear_and_browsers_call_it_so() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let target = Target::from(address);
        assert!(matches!(target.connect(None).await.unwrap(), Stream::Plain(_)));
        assert_eq!(target.origin(), format!("http://{address}"));
        let folder = folder("yizhan-bench-origin");
        let encrypted = Certificates::make(folder.path()).unwrap().target(address);
        assert_eq!(encrypted.origin(), format!("https://{address}"));
    }
}
