//! What a server or a sentinel answers to a command.

use super::{Node, Place, SWITCHES, Watch, follow};
use crate::{
    sim::{
        call::{Call, Reply},
        cloud::Cloud,
        fault::FAULT,
        reached::Reached,
    },
    wire::Request,
};
use jiff::SignedDuration;
use serde_json::{Value, json};
use std::time::Duration;

const SCHEME: &str = "redis";
const TAKES: Duration = Duration::from_millis(2);

/// Commands that do something (redis.io, "Commands").
const DO: [&str; 3] = ["CLIENT", "REPLICAOF", "SENTINEL FAILOVER"];

/// What a command comes to when it is refused: a code and a message.
struct No(&'static str, String);

fn is_meant(request: &Request) -> bool {
    request.uri().scheme_str() == Some(SCHEME)
}

fn words(request: &Request) -> Vec<String> {
    let all: Vec<Vec<String>> = serde_json::from_slice(request.body()).unwrap_or_default();
    let mut words = all.into_iter().next().unwrap_or_default();
    // Names of commands are read without case.
    for word in words.iter_mut().take(2) {
        if word.chars().all(|c| c.is_ascii_alphabetic() || c == '-') {
            word.make_ascii_uppercase();
        }
    }
    words
}

/// Whether a request only asks. `None` for what is no command at all.
pub(in crate::sim) fn is_read(request: &Request) -> Option<bool> {
    let does = |words: &[String]| {
        let text = words.join(" ");
        DO.iter().any(|begins| text.starts_with(begins))
    };
    is_meant(request).then(|| !does(&words(request)))
}

/// A fault's answer.
pub(in crate::sim) fn refusal(request: &Request, status: u16) -> Option<Reply> {
    let code = match status {
        401 => "WRONGPASS",
        403 => "NOPERM",
        429 | 503 => "LOADING",
        _ => "ERR",
    };
    is_meant(request).then(|| Reply::json(status, &json!({ "code": code, "message": FAULT })))
}

/// `None` for what is for others.
pub(in crate::sim) fn answer(cloud: &mut Cloud, call: &Call<'_>) -> Option<Reached> {
    if !is_meant(call.request) {
        return None;
    }
    let port = call.request.uri().port_u16().unwrap_or_default();
    let place = Place { host: call.host.clone(), port };
    let words = words(call.request);
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let is_sentinel = |watch: &Watch| watch.sentinels.contains(&place);
    let said = if cloud.redis.watches.iter().any(is_sentinel) {
        sentinel(cloud, &words)
    } else if let Some(at) = cloud.redis.nodes.iter().position(|node| node.place == place) {
        if cloud.is_dark(&cloud.redis.nodes[at].region) {
            return Some(Reached::Nobody);
        }
        server(cloud, at, &words)
    } else {
        return Some(Reached::Nowhere);
    };
    let reply = match said {
        Ok(said) => Reply::json(200, &json!([said])),
        Err(No(code, message)) => Reply::json(400, &json!({ "code": code, "message": message })),
    };
    Some(Reached::Reply(reply.taking(TAKES)))
}

fn unknown(words: &[&str]) -> No {
    No("ERR", format!("unknown command '{}'", words.first().unwrap_or(&"")))
}

fn server(cloud: &mut Cloud, at: usize, words: &[&str]) -> Result<Value, No> {
    let now = cloud.now;
    match words {
        ["PING"] => Ok(json!("PONG")),
        ["AUTH", ..] | ["ACL", "DRYRUN", ..] => Ok(json!("OK")),
        ["INFO", section] => {
            let node = &cloud.redis.nodes[at];
            Ok(Value::String(match section.to_ascii_lowercase().as_str() {
                "server" => format!("# Server\r\nredis_version:7.0.15\r\nrun_id:{}\r\n", node.run),
                _ => replication(cloud, node),
            }))
        }
        ["CLIENT", "PAUSE", length, "WRITE"] => {
            let bad = || No("ERR", "timeout is not an integer or out of range".to_owned());
            let length = length.parse().map_err(|_| bad())?;
            let node = &mut cloud.redis.nodes[at];
            node.paused_until = node.paused_until.max(now + SignedDuration::from_millis(length));
            Ok(json!("OK"))
        }
        ["CLIENT", "UNPAUSE"] => {
            cloud.redis.nodes[at].paused_until = now;
            Ok(json!("OK"))
        }
        ["REPLICAOF", host, port] => {
            let place = cloud.redis.nodes[at].place.clone();
            follow(cloud, &place, Place::of(&format!("{host}:{port}"), 0));
            Ok(json!("OK"))
        }
        _ => Err(unknown(words)),
    }
}

fn replication(cloud: &Cloud, node: &Node) -> String {
    let offset = cloud.offset(node);
    let Some(master) = &node.master else {
        return format!(
            "# Replication\r\nrole:master\r\nmin_slaves_good_slaves:1\r\nmaster_repl_offset:{offset}\r\n"
        );
    };
    let link = if cloud.heard(node).is_some() {
        "master_link_status:up\r\nmaster_last_io_seconds_ago:0".to_owned()
    } else {
        let silence = cloud.now.duration_since(cloud.blackout.since).as_secs();
        format!(
            "master_link_status:down\r\nmaster_last_io_seconds_ago:-1\r\nmaster_link_down_since_seconds:{silence}"
        )
    };
    let Place { host, port } = master;
    format!(
        "# Replication\r\nrole:slave\r\nmaster_host:{host}\r\nmaster_port:{port}\r\n{link}\r\nslave_repl_offset:{offset}\r\nslave_priority:{}\r\n",
        node.priority
    )
}

fn sentinel(cloud: &mut Cloud, words: &[&str]) -> Result<Value, No> {
    let (verb, name) = match words {
        ["PING"] => return Ok(json!("PONG")),
        ["AUTH", ..] | ["ACL", "DRYRUN", ..] => return Ok(json!("OK")),
        ["SENTINEL", verb, name] => (*verb, *name),
        _ => return Err(unknown(words)),
    };
    let at = cloud.redis.watches.iter().position(|watch| watch.name == name);
    let watch = at.map(|at| cloud.redis.watches[at].clone());
    let Some((at, watch)) = at.zip(watch) else {
        return match verb {
            "GET-MASTER-ADDR-BY-NAME" => Ok(Value::Null),
            _ => Err(No("ERR", "No such master with that name".to_owned())),
        };
    };
    match verb {
        "GET-MASTER-ADDR-BY-NAME" => Ok(json!([watch.master.host, watch.master.port.to_string()])),
        "MASTER" => Ok(master(cloud, &watch)),
        "REPLICAS" => {
            let others = watch.members.iter().filter(|place| **place != watch.master);
            let nodes = others.filter_map(|place| cloud.redis.node(place));
            Ok(nodes.map(|node| known(cloud, node, "slave")).collect())
        }
        "CKQUORUM" => {
            let all = watch.sentinels.len();
            Ok(json!(format!(
                "OK {all} usable Sentinels. Quorum and failover authorization can be reached"
            )))
        }
        "FAILOVER" if watch.switch.is_some() => {
            Err(No("INPROG", "Failover already in progress".to_owned()))
        }
        "FAILOVER" => {
            let heir = cloud.heir(&watch).map(|heir| heir.place.clone());
            let none = || No("NOGOODSLAVE", "No suitable replica to promote".to_owned());
            let heir = heir.ok_or_else(none)?;
            cloud.redis.watches[at].switch = Some((heir, cloud.now + SWITCHES));
            Ok(json!("OK"))
        }
        _ => Err(unknown(words)),
    }
}

fn known(cloud: &Cloud, node: &Node, role: &str) -> Value {
    let is_down =
        cloud.is_dark(&node.region) && cloud.now >= cloud.blackout.since + super::DOWN_AFTER;
    let flags = if is_down { format!("s_down,{role}") } else { role.to_owned() };
    let Place { host, port } = &node.place;
    json!([
        "name",
        format!("{host}:{port}"),
        "ip",
        host,
        "port",
        port.to_string(),
        "runid",
        node.run,
        "flags",
        flags,
        "slave-priority",
        node.priority.to_string(),
    ])
}

fn master(cloud: &Cloud, watch: &Watch) -> Value {
    let Some(node) = cloud.redis.node(&watch.master) else { return Value::Null };
    let mut said = known(cloud, node, "master");
    let settled = cloud.now.duration_since(watch.since).as_millis();
    let more = [
        ("config-epoch", watch.epoch.to_string()),
        ("quorum", (watch.sentinels.len() / 2 + 1).to_string()),
        ("down-after-milliseconds", super::DOWN_AFTER.as_millis().to_string()),
        ("role-reported", "master".to_owned()),
        ("role-reported-time", settled.to_string()),
    ];
    if let Value::Array(words) = &mut said {
        words.extend(more.into_iter().flat_map(|(name, value)| [json!(name), json!(value)]));
        if watch.switch.is_some()
            && let Some(Value::String(flags)) = words.get_mut(9)
        {
            flags.push_str(",failover_in_progress");
        }
    }
    said
}
