//! The seam to the person in charge.

use crate::{
    model::{Evidence, StepId},
    run::{Answer, Question},
};
use async_trait::async_trait;

/// A question, with all that its answer should rest on.
#[derive(Clone, Debug, PartialEq)]
pub struct Ask {
    pub step: StepId,
    pub title: Option<String>,
    pub question: Question,
    pub evidence: Evidence,
    /// Steps that are owed while this is asked.
    pub owed: Vec<StepId>,
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
