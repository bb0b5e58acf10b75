//! Programs, of which a rehearsal runs none: they end as the runbook says that they would.

use super::{
    call::{Call, Reply},
    cloud::Cloud,
    reached::Reached,
};
use crate::wire::{Ended, Program, Request};
use http::Method;
use serde_json::json;
use std::time::Duration;

const SCHEME: &str = "program";
const TAKES: Duration = Duration::from_secs(1);

fn is_meant(request: &Request) -> bool {
    request.uri().scheme_str() == Some(SCHEME)
}

/// Whether it only looks. `None` for what is no program.
pub(super) fn is_read(request: &Request) -> Option<bool> {
    is_meant(request).then(|| request.method() == Method::GET)
}

/// `None` for what is for others.
pub(super) fn answer(cloud: &mut Cloud, call: &Call<'_>) -> Option<Reached> {
    if !is_meant(call.request) {
        return None;
    }
    let Ok(program) = serde_json::from_slice::<Program>(call.request.body()) else {
        return Some(Reached::Nowhere);
    };
    let ended = super::postgres::run(cloud, call, &program)
        .unwrap_or_else(|| own(cloud, call.method(), &[], &program));
    Some(Reached::Reply(Reply::json(200, &json!(ended)).taking(TAKES)))
}

/// A program of the team's own. What was run elsewhere than on this machine begins with its place.
pub(super) fn own(cloud: &mut Cloud, method: &Method, place: &[&str], program: &Program) -> Ended {
    let rehearsal = &program.rehearsal;
    let there = |argv: &[String]| -> Vec<String> {
        place.iter().map(ToString::to_string).chain(argv.iter().cloned()).collect()
    };
    let (status, output) = if *method == Method::GET {
        let is_done = cloud.done.contains(&there(&rehearsal.looks_for));
        (i32::from(!is_done), String::new())
    } else {
        let run = there(&program.argv);
        if rehearsal.status == 0 && !cloud.done.contains(&run) {
            cloud.done.push(run);
        }
        (rehearsal.status, rehearsal.output.clone())
    };
    Ended { status: Some(status), stdout: output, stderr: String::new() }
}

impl Cloud {
    /// Lets it be as if a program had never been run.
    pub fn undo(&mut self, argv: &[&str]) {
        self.done.retain(|done| done != argv);
    }
}
