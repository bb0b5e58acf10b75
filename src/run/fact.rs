//! The facts of a run, in the past tense. A reader that meets one it does not know refuses the journal.

use crate::{
    action::{Change, Handle},
    model::{ChangeId, Evidence, StepId},
};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// One line of the journal.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fact {
    Run(RunFact),
    Step { step: StepId, what: StepFact },
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunFact {
    Started {
        /// The digest of the plan that is stored beside the journal.
        plan: String,
        who: String,
        host: String,
        /// The version of failover.
        tool: String,
        /// Who the clouds were told is asking.
        identity: String,
        simulated: bool,
    },
    Resumed {
        who: String,
        host: String,
        tool: String,
        identity: String,
    },
    Interrupted,
    /// The operator ended the run for good.
    Aborted {
        who: String,
    },
    /// What somebody who uses the system saw at a watched address; written when it changes.
    Saw {
        watch: String,
        good: bool,
        says: String,
    },
    Finished {
        outcome: RunOutcome,
    },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunOutcome {
    Done,
    Owing,
    Aborted,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepFact {
    Started,
    Observed {
        evidence: Evidence,
    },
    Asked {
        question: Question,
        evidence: Evidence,
    },
    Answered {
        answer: Answer,
        who: String,
        note: Option<String>,
    },
    ChangeBegun {
        change: Change,
    },
    OperationAccepted {
        handle: Handle,
        request_id: Option<String>,
    },
    ChangeSettled {
        request_id: Option<String>,
    },
    ChangeRefused {
        why: String,
        request_id: Option<String>,
    },
    /// The cloud, or the road to it, said "later" before anything began.
    ChangeDeferred {
        why: String,
        until: Timestamp,
    },
    ChangeDoubted {
        why: String,
        /// Until when the cloud wants to be left alone.
        until: Option<Timestamp>,
    },
    Finished {
        outcome: StepOutcome,
    },
    Reopened,
    Skipped {
        reason: String,
        who: String,
    },
    DoneByHand {
        note: String,
        who: String,
    },
}

/// What an operator is asked.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Question {
    /// May this be done?
    Consent { says: String },
    /// Has a person done this?
    Attest { change: ChangeId, says: String },
    /// Did this change, of which no answer came, happen?
    Happened { change: ChangeId, says: String },
    /// This harmful change was sent before, and does not show: may it be sent once more?
    Again { change: ChangeId, says: String, sent: Timestamp },
    /// It failed: go on without it?
    Without { why: String },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    Yes,
    No,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepOutcome {
    Succeeded,
    /// Nothing had to be changed.
    AlreadyDone,
    Skipped {
        reason: String,
    },
    /// The run goes on without it, and goes on trying.
    Owed {
        why: String,
    },
    Failed {
        why: String,
    },
}

impl StepOutcome {
    /// Whether what comes after it may start.
    pub fn lets_go_on(&self) -> bool {
        !matches!(self, Self::Failed { .. })
    }
}

impl Fact {
    pub fn step(step: &StepId, what: StepFact) -> Self {
        Self::Step { step: step.clone(), what }
    }

    /// Whether what comes next may rely on this fact only once it is on disk: before an effect, before a handle is
    /// polled, after a person's word, and at the end.
    pub fn is_barrier(&self) -> bool {
        match self {
            Self::Run(fact) => match fact {
                RunFact::Started { .. }
                | RunFact::Resumed { .. }
                | RunFact::Interrupted
                | RunFact::Aborted { .. }
                | RunFact::Finished { .. } => true,
                RunFact::Saw { .. } => false,
            },
            Self::Step { what, .. } => match what {
                StepFact::ChangeBegun { .. }
                | StepFact::OperationAccepted { .. }
                | StepFact::Answered { .. }
                | StepFact::Skipped { .. }
                | StepFact::DoneByHand { .. } => true,
                StepFact::Started
                | StepFact::Observed { .. }
                | StepFact::Asked { .. }
                | StepFact::ChangeSettled { .. }
                | StepFact::ChangeRefused { .. }
                | StepFact::ChangeDeferred { .. }
                | StepFact::ChangeDoubted { .. }
                | StepFact::Finished { .. }
                | StepFact::Reopened => false,
            },
        }
    }
}
