//! A server's side of a connection: version 3.0 of the protocol, the simple queries of it (PostgreSQL documentation,
//! chapter 55).

use super::hba;
use crate::{
    sim::{
        line::{BUFFER, Door, Opened},
        simulated::Simulated,
    },
    wire::{Request, Response},
};
use bytes::{BufMut, Bytes, BytesMut};
use http::Method;
use serde_json::Value;
use std::io;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const PROTOCOL: u32 = 196_608;
const SSL: u32 = 80_877_103;
const GSS: u32 = 80_877_104;
/// Connects to a server. `None` where there is no such server.
pub(in crate::sim) fn open(cloud: &Simulated, host: &str, port: u16) -> Option<Opened> {
    let door = cloud.with_world(|world| {
        let cloud = world.cloud();
        let instance = cloud.instance(host, port)?;
        Some(match (cloud.is_dark(&instance.region), instance.is_stopped()) {
            (true, _) => Door::Silent,
            (false, true) => Door::Refuses,
            (false, false) => Door::Open,
        })
    })?;
    Some(door.open(|stream| {
        Session { cloud: cloud.clone(), stream, host: host.to_owned(), port }.serve()
    }))
}

struct Session {
    cloud: Simulated,
    stream: DuplexStream,
    host: String,
    port: u16,
}

impl Session {
    async fn serve(mut self) -> io::Result<()> {
        let Some(database) = self.let_in().await? else { return Ok(()) };
        loop {
            let kind = self.stream.read_u8().await?;
            let body = self.body().await?;
            match kind {
                b'Q' => {
                    let sql = body.strip_suffix(&[0]).unwrap_or(&body);
                    if !self.ask(&database, sql).await? {
                        return Ok(());
                    }
                }
                _ => return Ok(()),
            }
        }
    }

    async fn body(&mut self) -> io::Result<Vec<u8>> {
        let length = self.stream.read_u32().await?.saturating_sub(4);
        let mut body = vec![0; usize::try_from(length).unwrap_or_default().min(BUFFER)];
        self.stream.read_exact(&mut body).await?;
        Ok(body)
    }

    /// Hears who comes, and to which database. `None` when nobody is let in.
    async fn let_in(&mut self) -> io::Result<Option<String>> {
        let start = loop {
            let body = self.body().await?;
            let (code, rest) = body.split_at(body.len().min(4));
            match u32::from_be_bytes(code.try_into().unwrap_or_default()) {
                SSL | GSS => self.stream.write_all(b"N").await?,
                PROTOCOL => break rest.to_vec(),
                // A call to cancel something, which has ended by now.
                _ => return Ok(None),
            }
        };
        let words: Vec<_> = start.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        let parameter = |name: &str| {
            words.chunks(2).find(|pair| pair[0] == name).and_then(|pair| pair.get(1)).cloned()
        };
        let user = parameter("user").unwrap_or_default().into_owned();
        let database =
            parameter("database").map_or_else(|| user.clone(), std::borrow::Cow::into_owned);
        let turned_away = self.cloud.with_world(|world| {
            let instance = world.cloud().instance(&self.host, self.port);
            instance.is_some_and(|instance| hba::rejects(&instance.hba_loaded, &user))
        });
        let mut out = BytesMut::new();
        if turned_away {
            let why = format!(
                "pg_hba.conf rejects connection for host \"10.0.0.9\", user \"{user}\", database \"{database}\""
            );
            error(&mut out, "FATAL", "28000", &why);
        } else {
            message(&mut out, b'R', |out| out.put_u32(0));
            message(&mut out, b'S', |out| out.put_slice(b"server_version\x0015.18\0"));
            message(&mut out, b'K', |out| out.put_u64(1));
            ready(&mut out);
        }
        self.stream.write_all(&out).await?;
        Ok((!turned_away).then_some(database))
    }

    /// Carries one statement out. `false` when the connection ends with it.
    async fn ask(&mut self, database: &str, sql: &[u8]) -> io::Result<bool> {
        let method = Method::POST;
        let uri = format!("postgres://{}:{}/{database}", self.host, self.port);
        let request = http::Request::builder().method(method).uri(uri);
        let request: Request =
            request.body(Bytes::copy_from_slice(sql)).map_err(io::Error::other)?;
        let Ok(response) = self.cloud.reach(&request).await else { return Ok(false) };
        let mut out = BytesMut::new();
        let is_whole = reply(&mut out, &response);
        if is_whole {
            ready(&mut out);
        }
        self.stream.write_all(&out).await?;
        Ok(is_whole)
    }
}

/// What a statement gave; whether that could be told to its end.
fn reply(out: &mut BytesMut, response: &Response) -> bool {
    let Ok(body) = serde_json::from_slice::<Value>(response.body()) else { return false };
    let Some(rows) = body.as_array() else {
        let text = |name: &str| body[name].as_str().unwrap_or_default().to_owned();
        error(out, "ERROR", &text("code"), &text("message"));
        return true;
    };
    let Some(first) = rows.first().and_then(Value::as_object) else {
        message(out, b'C', |out| out.put_slice(b"SELECT 0\0"));
        return true;
    };
    message(out, b'T', |out| {
        out.put_u16(u16::try_from(first.len()).unwrap_or_default());
        for name in first.keys() {
            out.put_slice(name.as_bytes());
            out.put_u8(0);
            // No table, a text of any length, in the form of a text.
            out.put_u32(0);
            out.put_u16(0);
            out.put_u32(25);
            out.put_i16(-1);
            out.put_i32(-1);
            out.put_u16(0);
        }
    });
    for row in rows.iter().filter_map(Value::as_object) {
        message(out, b'D', |out| {
            out.put_u16(u16::try_from(row.len()).unwrap_or_default());
            for value in row.values() {
                match value.as_str() {
                    Some(text) => {
                        out.put_u32(u32::try_from(text.len()).unwrap_or_default());
                        out.put_slice(text.as_bytes());
                    }
                    None => out.put_i32(-1),
                }
            }
        });
    }
    let tag = format!("SELECT {}\0", rows.len());
    message(out, b'C', |out| out.put_slice(tag.as_bytes()));
    true
}

fn message(out: &mut BytesMut, kind: u8, body: impl FnOnce(&mut BytesMut)) {
    let mut inner = BytesMut::new();
    body(&mut inner);
    out.put_u8(kind);
    out.put_u32(u32::try_from(inner.len() + 4).unwrap_or_default());
    out.put_slice(&inner);
}

fn ready(out: &mut BytesMut) {
    message(out, b'Z', |out| out.put_u8(b'I'));
}

fn error(out: &mut BytesMut, severity: &str, code: &str, why: &str) {
    message(out, b'E', |out| {
        for (field, text) in [(b'S', severity), (b'V', severity), (b'C', code), (b'M', why)] {
            out.put_u8(field);
            out.put_slice(text.as_bytes());
            out.put_u8(0);
        }
        out.put_u8(0);
    });
}
