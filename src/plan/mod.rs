//! A runbook, two regions and a mode, resolved: data with no choices left.
//!
//! A plan is what is shown, approved, stored beside the journal and carried out. Nothing here asks a cloud, reads a
//! clock or touches a file; a plan that was stored and read back is the same plan.

mod build;
mod graph;
mod late;
mod lost;
#[cfg(test)]
mod tests;
mod text;

pub use crate::action::{Effect, Needed};
pub use crate::runbook::{Objectives, OnFailure, Side, Tool};
pub use build::{Choice, build};
pub use graph::Expected;
pub use late::{Seen, late, late_text};
pub use lost::{Lost, Waived};

use crate::model::{ActionName, Mode, Node, Region, Resource, SecretSource, StepId, quoted};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use std::{collections::BTreeMap, fmt::Write, time::Duration};

/// The version of the stored form. A reader refuses any other.
pub const VERSION: u32 = 4;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    pub version: u32,
    pub runbook: String,
    pub summary: String,
    /// The runbook's file, as the operator named it.
    pub path: String,
    pub from: Region,
    pub to: Region,
    pub mode: Mode,
    /// Runs of all runbooks that name this lock exclude each other.
    pub lock: String,
    /// The runbook, by its path, that an unplanned run leaves to be done once `from` is back.
    pub afterwards: Option<String>,
    /// Which of the two regions must serve when the run starts.
    pub serving: Side,
    pub objectives: Objectives,
    /// How to sign in, when the runbook says so.
    pub azure_credential: Option<String>,
    /// Where the secrets are kept that its steps use, by name.
    pub secrets: BTreeMap<String, SecretSource>,
    pub watch: Vec<Watch>,
    /// In the order of the file: a group stands before its children, and the steps of `finally` come last.
    pub steps: Vec<Step>,
    /// Environment variables that were not set, and other names that could not be read, for which a simulated run made
    /// values up.
    pub made_up: Vec<String>,
    pub names_from: Option<NamesFrom>,
}

/// A root module of Terraform or OpenTofu, whose outputs give names to what the plan is about.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NamesFrom {
    pub tool: Tool,
    /// Its path, as the operator would name it.
    pub folder: String,
    /// Why its outputs were not read. What was needed of them was given, or made up.
    pub unread: Option<String>,
}

/// A digest as people read and compare it: its beginning, such as `7c41-09be`. It proves nothing.
pub fn short_digest(digest: &str) -> String {
    match (digest.get(..4), digest.get(4..8)) {
        (Some(first), Some(second)) => format!("{first}-{second}"),
        _ => digest.to_owned(),
    }
}

/// An address that is probed through the whole run: what users saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Watch {
    pub name: String,
    pub url: String,
    pub every: Duration,
    /// An answer is good only when its body holds this.
    pub contains: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Step {
    pub id: StepId,
    /// As people count: `7`, and `7a` for the first of its group.
    pub number: String,
    pub title: Option<String>,
    pub work: Work,
    /// Must all be finished well before this one starts. Transitive gaps that `when` left are already closed.
    pub needs: Vec<StepId>,
    /// The group that it belongs to.
    pub group: Option<StepId>,
    /// The question that is asked before its first change; it may hold late references.
    pub confirm: Option<String>,
    pub on_failure: OnFailure,
    /// Why it may be begun although it needs the region that an unplanned run presumes lost.
    pub waive: Option<String>,
    /// Runs at the end, after success and after an abort.
    pub is_finally: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    Action(Box<ActionWork>),
    /// Asks once for all its children, when it has a `confirm`.
    Group {
        children: Vec<StepId>,
    },
}

/// An action with all its parameters: defaults filled in, resources and files written out in full.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ActionWork {
    pub action: ActionName,
    pub with: Node,
    pub touches: Vec<Resource>,
    /// The planes without which it cannot be done, each in its region.
    pub planes: Vec<Needed>,
    /// How long it typically takes.
    pub usual: Duration,
    /// How long the world may still show the old state after a change was accepted.
    pub shows_within: Duration,
    /// How long after a change was begun its mark still proves anything; `None` for ever.
    pub mark_valid_for: Option<Duration>,
    pub effect: Effect,
    /// Whether its success proves that users are served.
    pub proves_service: bool,
    /// How long an attempt may take.
    pub timeout: Duration,
}

impl Plan {
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| step.id == *id)
    }

    /// The step whose question covers this one: the step itself, or its group.
    pub fn asker(&self, step: &Step) -> Option<&Step> {
        if step.confirm.is_some() {
            return self.step(&step.id);
        }
        let group = self.step(step.group.as_ref()?)?;
        group.confirm.is_some().then_some(group)
    }

    /// What an unplanned run this way leaves to be done once the region that was lost is back.
    pub fn afterwards(&self, lost: &Region, serving: &Region) -> Option<String> {
        let runbook = self.afterwards.as_ref()?;
        let [lost, serving] = [lost, serving].map(|region| quoted(region.as_str()));
        Some(format!("failover execute {lost} {serving} --runbook {}", quoted(runbook)))
    }

    /// The plan's bytes, as they are stored.
    pub fn to_bytes(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(self)
    }

    /// What tells exactly this plan from any other: the SHA-256 of its bytes, in hexadecimal digits.
    pub fn digest(bytes: &[u8]) -> String {
        Sha256::digest(bytes).iter().fold(String::new(), |mut hex, byte| {
            let _ = write!(hex, "{byte:02x}");
            hex
        })
    }
}

impl ActionWork {
    /// What it touches, each once. A part's name begins with its whole's, which stands for itself no more.
    pub fn touched(&self) -> Vec<&Resource> {
        let is_whole = |name: &str| {
            let rest = |other: &Resource| other.name.strip_prefix(name)?.chars().next();
            self.touches.iter().any(|other| rest(other) == Some('/'))
        };
        let mut touched: Vec<&Resource> = Vec::new();
        for resource in self.touches.iter().filter(|touched| !is_whole(&touched.name)) {
            if !touched.iter().any(|known| known.name == resource.name) {
                touched.push(resource);
            }
        }
        touched
    }
}

impl NamesFrom {
    /// Where the names come from, in one line.
    pub fn says(&self) -> String {
        let Self { tool, folder, unread } = self;
        let tool = tool.name();
        match unread {
            None => format!("names come from {tool} in {folder}"),
            Some(why) => format!("no names were read from {tool} in {folder}: {why}"),
        }
    }

    /// A command of the tool, for this module.
    pub fn command(&self, verb: &str) -> String {
        format!("{} -chdir={} {verb}", self.tool.program(), quoted(&self.folder))
    }
}

impl Step {
    pub fn action(&self) -> Option<&ActionWork> {
        match &self.work {
            Work::Action(work) => Some(work),
            Work::Group { .. } => None,
        }
    }

    pub fn children(&self) -> &[StepId] {
        match &self.work {
            Work::Action(_) => &[],
            Work::Group { children } => children,
        }
    }
}
