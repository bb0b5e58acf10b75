//! A runbook as people wrote it, with types, and with the place of everything in it.
//!
//! References are not resolved here: whatever may hold one is still a [`Node`].

use super::{condition::Condition, outputs::Tool};
use crate::model::{Key, Mode, Node, SecretSource, Source, Span};
use serde::{Deserialize, Serialize};
use std::time::Duration;

#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "two are keys, two say what could not be read")]
pub struct Runbook {
    pub source: Source,
    pub name: String,
    pub summary: String,
    /// What `execute` assumes without `--mode`.
    pub default_mode: Mode,
    pub lock: String,
    pub serving: Side,
    /// Whether `execute` picks it among several.
    pub is_default: bool,
    /// The runbook, beside this one, that an unplanned run leaves to be done once `from` is back.
    pub afterwards: Option<Key>,
    pub objectives: Objectives,
    pub(crate) azure: Azure,
    /// The account that all AWS resources are in.
    pub(crate) aws_account: Option<Node>,
    /// Whether its steps may run programs.
    pub(crate) allows_commands: bool,
    /// Parameters by family of actions.
    pub(crate) defaults: Node,
    pub(crate) secrets: Vec<(Key, SecretSource)>,
    /// A map of rows, by region.
    pub(crate) regions: Node,
    /// A map of rows, by mode.
    pub(crate) modes: Node,
    pub(crate) vars: Node,
    pub(crate) vars_from: Option<VarsFrom>,
    pub(crate) watch: Vec<Watched>,
    pub(crate) steps: Vec<Step>,
    pub(crate) finally: Vec<Step>,
    /// Whether parts of the file were left out because they could not be read: what seems to be missing may stand there.
    pub(crate) is_patched: bool,
    /// Whether `steps` and `finally` are all that was written: an id that is missing may stand in what could not be read.
    pub(crate) has_all_steps: bool,
}

impl Runbook {
    /// The names of its regions, in the order of the file.
    pub fn regions(&self) -> impl Iterator<Item = &str> {
        self.regions.entries().iter().map(|(key, _)| key.text.as_str())
    }
}

/// Where Azure resources are found when they do not say so themselves, and how to sign in.
#[derive(Clone, Debug, Default)]
pub(crate) struct Azure {
    pub(crate) subscription: Option<Node>,
    pub(crate) resource_group: Option<Node>,
    pub(crate) credential: Option<String>,
}

/// The root module whose outputs are variables too.
#[derive(Clone, Debug)]
pub(crate) struct VarsFrom {
    pub(crate) tool: Tool,
    /// Its path beside the runbook.
    pub(crate) folder: Key,
}

#[derive(Clone, Debug)]
pub(crate) struct Watched {
    pub(crate) name: String,
    pub(crate) url: Node,
    pub(crate) every: Duration,
    pub(crate) contains: Option<String>,
}

#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) id: Key,
    pub(crate) title: Option<Node>,
    pub(crate) work: Work,
    /// `None`: the step above.
    pub(crate) needs: Option<Vec<Key>>,
    pub(crate) when: Option<Condition>,
    pub(crate) confirm: Option<Node>,
    pub(crate) timeout: Option<Node>,
    pub(crate) on_failure: Option<Node>,
    /// Why it can be done without the region that an unplanned run presumes lost.
    pub(crate) waive: Option<Node>,
}

#[derive(Clone, Debug)]
pub(crate) enum Work {
    Action {
        name: Key,
        with: Node,
    },
    Group(Vec<Step>),
    /// It says neither what it does nor what it groups, and that was reported.
    Unknown {
        with: Node,
    },
}

impl Step {
    pub(crate) fn children(&self) -> &[Step] {
        match &self.work {
            Work::Group(children) => children,
            Work::Action { .. } | Work::Unknown { .. } => &[],
        }
    }
}

/// One of the two regions of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Side {
    From,
    To,
}

impl Side {
    pub const ALL: [(&'static str, Self); 2] = [("from", Self::From), ("to", Self::To)];
}

/// What was promised.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objectives {
    pub rto: Option<Duration>,
    pub rpo: Option<Duration>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnFailure {
    /// Nothing new is started; the run ends, resumable.
    Stop,
    /// The run goes on, tries it again, and ends owing it.
    Owe,
    /// The operator is asked whether to go on without it.
    Ask,
}

impl OnFailure {
    pub const ALL: [(&'static str, Self); 3] =
        [("stop", Self::Stop), ("owe", Self::Owe), ("ask", Self::Ask)];

    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|(name, _)| *name == text).map(|(_, known)| known)
    }
}

/// The place of a part of a text, when the text stands in the source as it is; else the place of all of it.
pub(crate) fn part_of(source: &str, whole: Span, text: &str, part: std::ops::Range<usize>) -> Span {
    let Some(written) = source.get(whole.start..whole.end) else { return whole };
    let start = [0, 1].into_iter().find(|quote| {
        written.get(*quote..).is_some_and(|written| written.starts_with(text.trim_end()))
    });
    let start = start.map(|quote| quote + part.start);
    match start.or_else(|| written.find(text.get(part.clone())?)) {
        Some(start) => {
            let start = whole.start + start;
            Span::new(start, (start + part.len()).min(whole.end))
        }
        None => whole,
    }
}
