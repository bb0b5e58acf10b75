//! The machine of a server: the programs that are run there.

use super::{Instance, Log, Service};
use crate::{
    sim::{call::Call, cloud::Cloud},
    wire::{Ended, Program},
};

const PORT: u16 = 5432;
const KNOWN: [&str; 7] = ["pg_ctl", "pg_rewind", "touch", "tee", "test", "cp", "mkdir"];

fn ended(status: i32, stderr: &str) -> Ended {
    Ended { status: Some(status), stdout: String::new(), stderr: stderr.to_owned() }
}

/// Runs a program on the machine that a request is for. `None` where no server is.
pub(in crate::sim) fn run(cloud: &mut Cloud, call: &Call<'_>, program: &Program) -> Option<Ended> {
    let port = call.request.uri().port_u16().unwrap_or(PORT);
    let at = cloud.instances.iter().position(|one| one.is(&call.host, port))?;
    if cloud.is_dark(&cloud.instances[at].region) {
        // As ssh ends when it reaches nobody.
        return Some(ended(255, "Connection timed out"));
    }
    let name = |word: &String| word.rsplit('/').next().unwrap_or_default().to_owned();
    let words: Vec<_> = program.argv.iter().map(name).collect();
    // What comes before leads to the machine.
    let found = words.iter().position(|word| KNOWN.contains(&word.as_str()));
    let Some(first) = found else { return Some(ended(127, "command not found")) };
    let argv = &program.argv[first..];
    let has = |word: &str| argv.iter().any(|one| one == word);
    let now = cloud.now;
    Some(match words[first].as_str() {
        "pg_ctl" if has("status") => {
            ended(if cloud.instances[at].is_stopped() { 3 } else { 0 }, "")
        }
        "pg_ctl" if has("stop") => {
            let lsn = cloud.lsn(&cloud.instances[at]);
            let own = &mut cloud.instances[at];
            own.service = Service::Stopped;
            own.sessions = 0;
            own.log = Log { lsn, at: now, rate: 0, before: own.log.rate };
            ended(0, "")
        }
        "pg_ctl" => start(cloud, at),
        "tee" => {
            let own = &mut cloud.instances[at];
            let settings = program.input.lines().filter_map(|line| line.split_once(" = "));
            for (name, value) in settings {
                let value = value.trim_matches('\'').to_owned();
                own.auto.insert(name.to_owned(), value);
            }
            ended(0, "")
        }
        "pg_rewind" => rewind(cloud, at, argv),
        "touch" => {
            cloud.instances[at].has_signal = true;
            ended(0, "")
        }
        "test" => ended(i32::from(!cloud.instances[at].has_signal), ""),
        _ => ended(0, ""),
    })
}

fn start(cloud: &mut Cloud, at: usize) -> Ended {
    let now = cloud.now;
    let mut own = cloud.instances[at].clone();
    own.loaded = own.auto.clone();
    own.conf_loaded = now;
    if own.has_signal {
        own.upstream = Some(own.follows());
    }
    // One that was rewound lets nobody in before it has the log of its source.
    if own.service == Service::Rewound && cloud.streams_from(&own).is_none() {
        return ended(1, "pg_ctl: server did not start in time");
    }
    own.service = Service::Running;
    cloud.instances[at] = own;
    ended(0, "")
}

fn rewind(cloud: &mut Cloud, at: usize, argv: &[String]) -> Ended {
    if !cloud.instances[at].is_stopped() {
        return ended(1, "pg_rewind: error: target server must be shut down cleanly");
    }
    let source = argv.iter().find_map(|word| word.strip_prefix("--source-server="));
    let uri = source.and_then(|source| source.parse::<http::Uri>().ok());
    let place =
        uri.as_ref().map(|uri| (uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(PORT)));
    let source = place.and_then(|(host, port)| cloud.instance(host, port));
    let Some(source) =
        source.filter(|one| one.is_primary() && !one.is_stopped() && !cloud.is_dark(&one.region))
    else {
        return ended(1, "pg_rewind: error: could not connect to server");
    };
    if source.checkpoint < source.timeline {
        // It takes both for being on one timeline: "no rewind required".
        return ended(0, "");
    }
    let (timeline, lsn) = (source.timeline, source.log.lsn(cloud.now));
    let (own, now) = (&mut cloud.instances[at], cloud.now);
    own.timeline = timeline;
    own.checkpoint = timeline;
    own.is_diverged = false;
    own.log = Log { lsn, at: now, rate: 0, before: 0 };
    ended(0, "")
}

impl Instance {
    /// Whom its settings tell it to follow: nobody, when they say nothing.
    pub(super) fn follows(&self) -> (String, u16) {
        let way = self.setting("primary_conninfo");
        let part = |name: &str| {
            way.split(' ').find_map(|part| part.strip_prefix(name)).unwrap_or_default()
        };
        (part("host=").to_owned(), part("port=").parse().unwrap_or(PORT))
    }
}
