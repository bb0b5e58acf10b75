//! Running programs of this machine, or of another one that they reach.

use crate::{
    action::{Clients, Trouble, Unapplied},
    journal::Permit,
    model::{Secret, quoted},
    wire::{Ears, Ended, Given, Intent, Program, Rehearsal, Request, Response, SendError, running},
};
use http::Method;
use std::{collections::BTreeMap, time::Duration};

/// How much of what a program says last people are told.
const LINES: usize = 3;
const LONGEST: usize = 200;

pub(super) struct Runner<'a> {
    pub(super) clients: &'a Clients,
    /// Where it does its work, for whoever plays that place in a rehearsal.
    pub(super) place: &'a str,
    pub(super) given: BTreeMap<String, Secret>,
}

impl Runner<'_> {
    fn request(&self, method: Method, program: &Program) -> Result<Request, String> {
        let request = running(method, self.place, program);
        let mut request = request.ok_or_else(|| format!("{} is no place", self.place))?;
        request.extensions_mut().insert(Given(self.given.clone()));
        Ok(request)
    }

    /// Runs what is known to change nothing.
    pub(super) async fn look(&self, program: &Program) -> Result<Ended, Trouble> {
        let request = self.request(Method::GET, program).map_err(Trouble::odd)?;
        let sent = self.clients.transport.send(request, Intent::Probe).await;
        let response = sent.map_err(|error| match error {
            SendError::NotSent { .. } | SendError::Unanswered { .. } => {
                Trouble::unreachable(error.to_string())
            }
            SendError::ReadOnly { .. } | SendError::NoPermit { .. } => {
                Trouble::odd(error.to_string())
            }
        })?;
        read(self.clients, &response)
            .ok_or_else(|| Trouble::unreachable(format!("{} broke off", name(program))))
    }

    /// Runs what may change something. An error of its own making is the caller's to judge.
    pub(super) async fn run(&self, program: &Program, permit: &Permit) -> Result<Ended, Unapplied> {
        let refused = |why: String| Unapplied::Refused { why, request_id: None };
        let mut request = self.request(Method::POST, program).map_err(refused)?;
        request.extensions_mut().insert(ears(self.clients));
        let sent = self.clients.transport.send(request, Intent::Change(permit)).await;
        let in_doubt = |why: String| Unapplied::InDoubt { why, wait: None };
        let response = sent.map_err(|error| match error {
            SendError::Unanswered { .. } => in_doubt(error.to_string()),
            _ => refused(error.to_string()),
        })?;
        if response.status().is_server_error() {
            return Err(in_doubt(format!("{} answered {}", name(program), response.status())));
        }
        read(self.clients, &response)
            .ok_or_else(|| in_doubt(format!("{} broke off", name(program))))
    }
}

/// How a program ended, without the secrets that it may have printed. They go before anything is cut: of one that is cut
/// in two, no half would be known.
pub(super) fn read(clients: &Clients, response: &Response) -> Option<Ended> {
    let Ended { status, stdout, stderr } = serde_json::from_slice(response.body()).ok()?;
    let wipe = |text| clients.secrets.wipe(text);
    Some(Ended { status, stdout: wipe(stdout), stderr: wipe(stderr) })
}

/// Shows what a program prints while it runs, in the same way.
pub(super) fn ears(clients: &Clients) -> Ears {
    let Clients { secrets, ears, .. } = clients.clone();
    Ears::new(move |line| {
        let line = bare(&secrets.wipe(line.to_owned()));
        if !line.is_empty() {
            ears.hear(&format!("prints: {line}"));
        }
    })
}

fn name(program: &Program) -> String {
    format!("`{}`", program.argv.first().map_or("", String::as_str))
}

/// How people write what is run.
pub(super) fn shown(argv: &[String]) -> String {
    argv.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ")
}

/// How a program failed, with its last words.
pub(super) fn failed(argv: &[String], ended: &Ended) -> String {
    let how = ended.status.map_or_else(
        || "was ended by a signal".to_owned(),
        |status| format!("ended with status {status}"),
    );
    let words =
        last_words(if ended.stderr.trim().is_empty() { &ended.stdout } else { &ended.stderr });
    let name = argv.first().map_or("", String::as_str);
    if words.is_empty() { format!("`{name}` {how}") } else { format!("`{name}` {how}: {words}") }
}

/// The last lines of what was printed, without what a terminal would obey.
pub(super) fn last_words(text: &str) -> String {
    let lines: Vec<_> = text.lines().map(bare).filter(|line| !line.is_empty()).collect();
    lines[lines.len().saturating_sub(LINES)..].join("; ")
}

/// A line as it may be shown.
fn bare(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).take(LONGEST).collect::<String>().trim().to_owned()
}

/// A program with these words, which in a rehearsal ends well.
pub(super) fn program(argv: Vec<String>, within: Duration) -> Program {
    Program { argv, input: String::new(), within, rehearsal: Rehearsal::default() }
}
