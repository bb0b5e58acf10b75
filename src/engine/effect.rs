//! What runs beside the loop, and what comes back from it.

use super::{
    hand::{Seen, View},
    operator::{Ask, Operator, Reply},
};
use crate::{
    action::{Action, Applied, Change, Handle, Look, Polled, Trouble, Unapplied},
    journal::Permit,
    model::{Clock, Evidence, StepId},
};
use std::sync::Arc;

/// One step's effect, done.
pub(super) struct Done {
    pub step: StepId,
    pub result: Outcome,
}

pub(super) enum Outcome {
    Observed {
        view: View,
        evidence: Option<Evidence>,
    },
    Applied(Result<Applied, Unapplied>),
    Polled(Result<Polled, Trouble>),
    Answered(Option<Reply>),
    /// The task panicked: a mistake of ours, after which nothing is known.
    Lost {
        why: String,
    },
}

pub(super) async fn observe(
    step: StepId,
    action: Arc<dyn Action>,
    look: Look,
    clock: Clock,
) -> Done {
    let at = look.now;
    let seen = action.observe(&look).await;
    let until = clock.now();
    let result = match seen {
        Ok(seen) => Outcome::Observed {
            view: View { at, until, seen: Seen::Answer(seen.answer) },
            evidence: Some(seen.evidence),
        },
        Err(trouble) => Outcome::Observed {
            view: View { at, until, seen: Seen::Trouble(trouble) },
            evidence: None,
        },
    };
    Done { step, result }
}

pub(super) async fn apply(
    step: StepId,
    action: Arc<dyn Action>,
    change: Change,
    permit: Permit,
) -> Done {
    let result = Outcome::Applied(action.apply(&change, &permit).await);
    Done { step, result }
}

pub(super) async fn poll(step: StepId, action: Arc<dyn Action>, handle: Handle) -> Done {
    let result = Outcome::Polled(action.poll(&handle).await);
    Done { step, result }
}

pub(super) async fn ask(operator: Arc<dyn Operator>, ask: Ask) -> Done {
    let step = ask.step.clone();
    Done { step, result: Outcome::Answered(operator.answer(ask).await) }
}
