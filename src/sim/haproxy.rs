//! HAProxy: balancers that send users to the servers of backends, and their runtime APIs.
//!
//! Source: HAProxy management guide 2.6, "Statistics and monitoring" and "Unix Socket commands". Its servers are always well,
//! unless somebody says that one is not.

use super::{
    call::{Call, Reply},
    cloud::Cloud,
    fault::FAULT,
    line::{Door, Opened},
    reached::Reached,
    seed::{Seed, texts_in},
    simulated::Simulated,
};
use crate::{
    model::Node,
    plan::{ActionWork, Step},
    wire::{Request, runtime},
};
use serde::{Deserialize, Serialize};
use std::{io, time::Duration};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

const SCHEME: &str = "haproxy";
const TAKES: Duration = Duration::from_millis(2);
/// How many sessions a server has that gets users.
const SESSIONS: u64 = 12;
/// What every server is configured with.
const WEIGHT: u64 = 100;

#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct Balancer {
    /// `HOST:PORT`
    place: String,
    servers: Vec<Server>,
}

#[derive(Clone, Debug, Serialize, Deserialize)]
struct Server {
    backend: String,
    name: String,
    weight: u64,
    state: State,
    is_sick: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum State {
    Ready,
    Drain,
    Maint,
}

impl State {
    fn read(word: &str) -> Option<Self> {
        Some(match word {
            "ready" => Self::Ready,
            "drain" => Self::Drain,
            "maint" => Self::Maint,
            _ => return None,
        })
    }
}

impl Server {
    fn status(&self) -> &'static str {
        match self.state {
            State::Maint => "MAINT",
            State::Drain => "DRAIN",
            State::Ready if self.is_sick => "DOWN",
            State::Ready => "UP",
        }
    }

    fn sessions(&self) -> u64 {
        if self.status() == "UP" && self.weight > 0 { SESSIONS } else { 0 }
    }
}

impl Balancer {
    pub(super) fn seed(cloud: &mut Cloud, seed: &Seed<'_>) {
        for work in seed.plan.steps.iter().filter_map(Step::action) {
            let Some(backend) = work.with.get("backend").and_then(Node::as_text) else { continue };
            for place in texts(work, "balancers") {
                add(cloud, &place.to_ascii_lowercase(), backend, work);
            }
        }
    }

    fn find(&mut self, name: &str) -> Option<&mut Server> {
        let (backend, name) = name.split_once('/')?;
        self.servers.iter_mut().find(|one| one.backend == backend && one.name == name)
    }

    fn stat(&self) -> String {
        let row = |one: &Server| {
            let Server { backend, name, weight, .. } = one;
            let (sessions, status) = (one.sessions(), one.status());
            format!("{backend},{name},0,0,{sessions},40,,900,{status},{weight},1,0,,\n")
        };
        let columns =
            "# pxname,svname,qcur,qmax,scur,smax,slim,stot,status,weight,act,bck,last_chk,\n";
        columns.to_owned() + &self.servers.iter().map(row).collect::<String>()
    }

    fn state(&self, backend: &str) -> String {
        let row = |(number, one): (usize, &Server)| {
            let admin = match one.state {
                State::Ready => 0,
                State::Drain => 8,
                State::Maint => 1,
            };
            let Server { name, weight, .. } = one;
            let number = number + 1;
            format!("3 {backend} {number} {name} 10.0.0.1 2 {admin} {weight} {WEIGHT}\n")
        };
        let columns = "1\n# be_id be_name srv_id srv_name srv_addr srv_op_state srv_admin_state srv_uweight srv_iweight\n";
        let own = self.servers.iter().filter(|one| one.backend == backend);
        columns.to_owned() + &own.enumerate().map(row).collect::<String>()
    }

    /// What it prints to one command.
    fn carry_out(&mut self, command: &str) -> String {
        let words: Vec<_> = command.split_whitespace().collect();
        let missing = || "No such server.\n".to_owned();
        match words[..] {
            ["show", "stat"] => self.stat(),
            ["show", "servers", "state", backend] => {
                if self.servers.iter().any(|one| one.backend == backend) {
                    self.state(backend)
                } else {
                    "Can't find backend.\n".to_owned()
                }
            }
            ["set", "server", name, "state", word] => match (self.find(name), State::read(word)) {
                (None, _) => missing(),
                (_, None) => {
                    "'set server <srv> state' expects 'ready', 'drain' and 'maint'.\n".to_owned()
                }
                (Some(server), Some(state)) => {
                    server.state = state;
                    String::new()
                }
            },
            ["set", "server", name, "weight", number] => {
                match (self.find(name), number.parse().ok().filter(|weight| *weight <= 256)) {
                    (None, _) => missing(),
                    (_, None) => {
                        "Absolute weight can only be between 0 and 256 inclusive.\n".to_owned()
                    }
                    (Some(server), Some(weight)) => {
                        server.weight = weight;
                        String::new()
                    }
                }
            }
            _ => format!("Unknown command: '{command}'\n"),
        }
    }
}

/// The servers that a step names: as it does not want them.
fn add(cloud: &mut Cloud, place: &str, backend: &str, work: &ActionWork) {
    let at = cloud.balancers.iter().position(|one| one.place == place).unwrap_or_else(|| {
        cloud.balancers.push(Balancer { place: place.to_owned(), servers: Vec::new() });
        cloud.balancers.len() - 1
    });
    let balancer = &mut cloud.balancers[at];
    let mut put = |name: &str, weight, state| {
        if balancer.find(&format!("{backend}/{name}")).is_none() {
            let (backend, name) = (backend.to_owned(), name.to_owned());
            balancer.servers.push(Server { backend, name, weight, state, is_sick: false });
        }
    };
    let text = |name: &str| work.with.get(name).and_then(Node::as_text);
    for (parameter, weight) in [("from", WEIGHT), ("to", 0)] {
        for name in texts(work, parameter) {
            put(name, weight, State::Ready);
        }
    }
    if let Some(server) = text("server") {
        let state = if text("state") == Some("ready") { State::Maint } else { State::Ready };
        put(server, WEIGHT, state);
    }
}

fn texts<'a>(work: &'a ActionWork, name: &str) -> Vec<&'a str> {
    work.with.get(name).map(texts_in).unwrap_or_default()
}

impl Cloud {
    /// Lets the checks of a balanced server fail, or be good again.
    pub fn sicken_balanced(&mut self, name: &str, is_sick: bool) {
        let all = self.balancers.iter_mut().flat_map(|one| &mut one.servers);
        all.filter(|one| one.name == name).for_each(|one| one.is_sick = is_sick);
    }
}

fn is_meant(request: &Request) -> bool {
    request.uri().scheme_str() == Some(SCHEME)
}

fn commands(request: &Request) -> Vec<&str> {
    let line = std::str::from_utf8(request.body()).unwrap_or_default();
    line.split(';').map(str::trim).collect()
}

/// Whether a line of commands only tells. `None` for what is none.
pub(super) fn is_read(request: &Request) -> Option<bool> {
    is_meant(request).then(|| commands(request).iter().all(|one| one.starts_with("show ")))
}

/// `None` for what is for others.
pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>) -> Option<Reached> {
    if !is_meant(call.request) {
        return None;
    }
    let place = call.request.uri().authority().map_or("", http::uri::Authority::as_str);
    let place = place.to_ascii_lowercase();
    let Some(balancer) = cloud.balancers.iter_mut().find(|one| one.place == place) else {
        return Some(Reached::Nowhere);
    };
    // Each answer ends with an empty line.
    let said: Vec<_> =
        commands(call.request).iter().map(|one| balancer.carry_out(one) + "\n").collect();
    let is_no = said.iter().any(|one| one.starts_with("No such") || one.starts_with("Unknown"));
    let status = if is_no { 400 } else { 200 };
    Some(Reached::Reply(Reply::typed(status, "text/plain", said.concat()).taking(TAKES)))
}

/// A fault's answer.
pub(super) fn refusal(request: &Request, status: u16) -> Option<Reply> {
    let text = if status == 403 { "Permission denied" } else { FAULT };
    is_meant(request).then(|| Reply::typed(status, "text/plain", format!("{text}\n\n")))
}

/// Connects to a runtime API. `None` where there is none.
pub(super) fn open(cloud: &Simulated, host: &str, port: u16) -> Option<Opened> {
    let place = format!("{host}:{port}").to_ascii_lowercase();
    let is_there =
        cloud.with_world(|world| world.cloud().balancers.iter().any(|one| one.place == place));
    let cloud = cloud.clone();
    is_there.then(|| Door::Open.open(|stream| serve(cloud, stream, place)))
}

/// One line, its answer, and the end (management guide: the non-interactive mode).
async fn serve(cloud: Simulated, mut stream: DuplexStream, place: String) -> io::Result<()> {
    let mut line = Vec::new();
    while !line.ends_with(b"\n") {
        line.push(stream.read_u8().await?);
    }
    let text = String::from_utf8_lossy(&line);
    let commands: Vec<_> = text.trim_end().split(';').map(ToOwned::to_owned).collect();
    let Some(request) = runtime(&place, &commands) else { return Ok(()) };
    // Whoever meets no answer meets the end of the connection.
    let Ok(response) = cloud.reach(&request).await else { return Ok(()) };
    stream.write_all(response.body()).await?;
    stream.shutdown().await
}
