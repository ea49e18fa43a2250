//! A client of socket.io that receives.

use super::line::{expect, socket_io};
use crate::bench::crowd::{Heard, Receiver};
use crate::bench::parcel::Parcel;
use crate::bench::site::Site;
use crate::bench::ws::Ws;

/// See the module.
#[derive(Debug)]
pub(super) struct Ear {
    ws: Ws,
}

impl Ear {
    /// Joins its room.
    pub(super) async fn open(site: &Site, n: usize) -> anyhow::Result<Self> {
        let mut ws = socket_io(&site.there, n).await?;
        ws.send(&format!(r#"420["join","{n}"]"#)).await?;
        expect(&mut ws, "430[").await?;
        Ok(Self { ws })
    }
}

impl Receiver for Ear {
    async fn hear(&mut self) -> anyhow::Result<Heard> {
        let said = self.ws.text().await?;
        if said == "2" {
            self.ws.send("3").await?;
        }
        let text = said.strip_prefix(r#"42["msg",""#);
        Ok(text.and_then(|text| Parcel::read(text.as_bytes())).map_or(Heard::Other, Heard::Parcel))
    }
}
