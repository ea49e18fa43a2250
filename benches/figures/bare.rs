//! The baselines: the same HTTP library doing nothing. Run as processes of their own.

use std::net::{SocketAddr, TcpListener};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use anyhow::bail;
use futures_util::StreamExt as _;
use socket2::{Domain, Protocol, Socket, Type};

async fn success(body: web::Bytes) -> &'static str {
    // Reading the body is the work.
    if body.is_empty() { "" } else { "success" }
}

async fn echo(request: HttpRequest, payload: web::Payload) -> Result<HttpResponse, actix_web::Error> {
    let (response, mut session, mut messages) = actix_ws::handle(&request, payload)?;
    actix_web::rt::spawn(async move {
        while let Some(Ok(message)) = messages.next().await {
            let sent = match message {
                actix_ws::Message::Text(text) => session.text(text).await,
                actix_ws::Message::Ping(payload) => session.pong(&payload).await,
                actix_ws::Message::Close(_) => return,
                _ => Ok(()),
            };
            if sent.is_err() {
                return;
            }
        }
    });
    Ok(response)
}

fn listener(address: SocketAddr) -> anyhow::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    socket.listen(8192)?;
    Ok(socket.into())
}

/// Serves until killed. `words`: kind, address, workers.
pub(crate) fn serve(words: &[String]) -> anyhow::Result<()> {
    let [kind, address, workers] = words else { bail!("server KIND ADDRESS WORKERS") };
    let listener = listener(address.parse()?)?;
    let workers = workers.parse()?;
    let server = match kind.as_str() {
        "post" => HttpServer::new(|| App::new().route("/wechat/{account}", web::post().to(success)))
            .workers(workers)
            .listen(listener)?
            .run(),
        "echo" => HttpServer::new(|| App::new().route("/ws/visitor", web::get().to(echo)))
            .workers(workers)
            .listen(listener)?
            .run(),
        _ => bail!("no such server: {kind}"),
    };
    Ok(actix_web::rt::System::new().block_on(server)?)
}
