//! The seam to the person in charge.

use crate::{
    action::Catalogue,
    model::{Evidence, MEANS, StepId},
    plan::{Plan, Step},
    run::{Answer, Question, RunState, StepOutcome},
};
use async_trait::async_trait;
use std::iter;

/// A question, with all that its answer should rest on.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub step: StepId,
    pub title: Option<String>,
    pub question: Question,
    pub evidence: Evidence,
    /// Steps that are owed while this is asked.
    pub owed: Vec<StepId>,
    /// What came before this to keep writers from the old primary.
    pub fences: Vec<Fence>,
}

/// A step that fences, and how it ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fence {
    pub step: StepId,
    /// `None` while it goes on.
    pub outcome: Option<StepOutcome>,
    /// By what means writers are kept away, as far as was read.
    pub means: Option<String>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    pub answer: Answer,
    pub who: String,
    pub note: Option<String>,
}

/// Answers questions: a person at a terminal, or what a person has said beforehand.
#[async_trait]
pub trait Operator: Send + Sync {
    /// `None` when nobody is there who could answer this one: the run then stops, resumable, and asks again later.
    async fn answer(&self, ask: Ask) -> Option<Reply>;
}

/// The steps that come before this one, near or far.
pub fn ancestors<'a>(plan: &'a Plan, step: &'a StepId) -> Vec<&'a StepId> {
    let mut before: Vec<&StepId> = Vec::new();
    let mut open = vec![step];
    while let Some(step) = open.pop().and_then(|id| plan.step(id)) {
        let parts = |need| plan.step(need).map(Step::children).unwrap_or_default();
        let needs = step.needs.iter().flat_map(|need| iter::once(need).chain(parts(need)));
        let fresh: Vec<_> = needs.filter(|need| !before.contains(need)).collect();
        before.extend(&fresh);
        open.extend(fresh);
    }
    before
}

/// The steps that fence among those that come before a question.
pub(super) fn fences(
    plan: &Plan,
    state: &RunState,
    catalogue: Catalogue,
    asker: &StepId,
) -> Vec<Fence> {
    let before = ancestors(plan, asker);
    let is_fence = |step: &&Step| {
        let kind = step.action().and_then(|work| catalogue.get(work.action.as_str()));
        before.contains(&&step.id) && kind.is_some_and(|kind| kind.observed.contains(&MEANS))
    };
    let fence = |step: &Step| {
        let state = state.step(&step.id)?;
        let means = state.evidence.get(MEANS).map(ToString::to_string);
        let owed = || state.debt.clone().map(|why| StepOutcome::Owed { why });
        let outcome = state.outcome().cloned().or_else(owed);
        Some(Fence { step: step.id.clone(), outcome, means })
    };
    plan.steps.iter().filter(is_fence).filter_map(fence).collect()
}
