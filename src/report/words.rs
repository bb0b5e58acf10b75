//! Facts in words: one line each.

use super::timeline::StepStory;
use crate::{
    model::{
        DATA_LOSS, Datum, Evidence,
        span::{clock_time, show},
    },
    plan::short_digest,
    run::{Answer, Question, RunFact, RunOutcome, StepFact, StepOutcome},
};
use jiff::Timestamp;
use std::time::Duration;

pub(super) fn run_fact(fact: &RunFact) -> String {
    match fact {
        RunFact::Started { who, host, plan, .. } => {
            format!("started by {who} on {host}, plan {}", short_digest(plan))
        }
        RunFact::Resumed { who, host, .. } => format!("resumed by {who} on {host}"),
        RunFact::Interrupted => "interrupted".to_owned(),
        RunFact::Aborted { who } => format!("ended for good by {who}"),
        RunFact::Saw { watch, good, says } => {
            format!("{watch}: {}, {says}", if *good { "good" } else { "not good" })
        }
        RunFact::Finished { outcome } => outcome_of_run(*outcome).to_owned(),
    }
}

pub(super) fn outcome_of_run(outcome: RunOutcome) -> &'static str {
    match outcome {
        RunOutcome::Done => "done",
        RunOutcome::Owing => "done, owing",
        RunOutcome::Aborted => "aborted",
    }
}

pub(super) fn step_fact(fact: &StepFact, story: Option<&StepStory>, at: Timestamp) -> String {
    let id = |request_id: &Option<String>| {
        request_id.as_ref().map_or_else(String::new, |id| format!(", request id {id}"))
    };
    match fact {
        StepFact::Started => "started".to_owned(),
        StepFact::Observed { evidence } => format!("sees {}", in_short(evidence)),
        StepFact::Asked { question, .. } => format!("asks: {}", asked(question)),
        StepFact::Answered { answer, who, note } => {
            let note = note.as_ref().map_or_else(String::new, |note| format!(": {note}"));
            format!("{who} says {}{note}", answered(*answer))
        }
        StepFact::ChangeBegun { change } => format!("{} {}", change.sign.as_str(), change.says),
        StepFact::OperationAccepted { request_id, .. } => format!("accepted{}", id(request_id)),
        StepFact::ChangeSettled { request_id } => format!("settled{}", id(request_id)),
        StepFact::ChangeRefused { why, request_id } => format!("refused: {why}{}", id(request_id)),
        StepFact::ChangeDeferred { why, until } => {
            format!("not yet: {why}; again at {}", clock_time(*until))
        }
        StepFact::ChangeDoubted { why, .. } => format!("in doubt: {why}"),
        StepFact::Finished { outcome } => {
            let took = story.and_then(|story| story.elapsed(at)).map(show).unwrap_or_default();
            match outcome {
                StepOutcome::AlreadyDone => "already so".to_owned(),
                StepOutcome::Succeeded => format!("done in {took}"),
                other => outcome_of_step(other),
            }
        }
        StepFact::Reopened => "tried again".to_owned(),
        StepFact::Skipped { reason, who } => format!("skipped by {who}: {reason}"),
        StepFact::DoneByHand { note, who } => format!("done by hand, says {who}: {note}"),
    }
}

pub(super) fn outcome_of_step(outcome: &StepOutcome) -> String {
    match outcome {
        StepOutcome::Succeeded => "done".to_owned(),
        StepOutcome::AlreadyDone => "already so".to_owned(),
        StepOutcome::Skipped { reason } => format!("skipped: {reason}"),
        StepOutcome::Owed { why } => format!("owed: {why}"),
        StepOutcome::Failed { why } => format!("failed: {why}"),
    }
}

pub(super) fn asked(question: &Question) -> String {
    match question {
        Question::Consent { says } => says.clone(),
        Question::Attest { says, .. } => format!("is this done? {says}"),
        Question::Happened { says, .. } => format!("did this happen? {says}"),
        Question::Again { says, sent, .. } => {
            format!("send this once more, sent at {} before? {says}", clock_time(*sent))
        }
        Question::Without { why } => format!("go on without it? {why}"),
    }
}

pub(super) fn answered(answer: Answer) -> &'static str {
    match answer {
        Answer::Yes => "yes",
        Answer::No => "no",
    }
}

/// What was read, as names and values of people: `last sync time 02:09:58Z`.
pub(super) fn read(evidence: &Evidence) -> impl Iterator<Item = (String, String)> {
    evidence.iter().map(|(name, datum)| {
        let value = match datum {
            Datum::Seconds(seconds) => {
                let length = Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or_default();
                if name == DATA_LOSS && length.is_zero() { "none".to_owned() } else { show(length) }
            }
            other => other.to_string(),
        };
        (name.replace('_', " "), value)
    })
}

fn in_short(evidence: &Evidence) -> String {
    let pairs: Vec<_> = read(evidence).map(|(name, value)| format!("{name} {value}")).collect();
    pairs.join(", ")
}
