//! Facts in words: one line each.

use super::{text, timeline::StepStory};
use crate::{
    model::{
        DATA_LOSS, Datum, Evidence,
        span::{clock_time, show},
    },
    plan::short_digest,
    run::{Answer, Question, RunFact, RunOutcome, StepFact, StepOutcome},
};
use jiff::Timestamp;

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
        StepFact::Skipped { reason, who } => format!("left out by {who}: {reason}"),
        StepFact::DoneByHand { note, who } => format!("done by hand, says {who}: {note}"),
    }
}

pub(super) fn outcome_of_step(outcome: &StepOutcome) -> String {
    match outcome {
        StepOutcome::Succeeded => "done".to_owned(),
        StepOutcome::AlreadyDone => "already so".to_owned(),
        StepOutcome::Skipped { reason } => format!("left out: {reason}"),
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
        let is_no_loss =
            *datum == Datum::Seconds(0.0) && name.rsplit(": ").next() == Some(DATA_LOSS);
        let value = if is_no_loss { "none".to_owned() } else { datum.to_string() };
        (label(name), value)
    })
}

/// The name of a value in words. Its unit stands with the value, and the name of an app's setting is left as it is.
pub(super) fn label(name: &str) -> String {
    if name.contains(|c: char| c.is_uppercase()) {
        return name.to_owned();
    }
    let name =
        ["_seconds", "_bytes"].iter().find_map(|unit| name.strip_suffix(unit)).unwrap_or(name);
    name.replace('_', " ")
}

/// The names that [`losing`] puts into words.
pub(super) const OF_A_LOSS: [&str; 5] =
    [DATA_LOSS, "last_sync_time", "lag_bytes", "lag_seconds", "lag_as_of"];

/// What would be lost with what one step does, as far as it has read that; `when` says of which moment a loss is told
/// that grows. `None` where nothing is lost.
pub(super) fn losing(evidence: &Evidence, when: &str) -> Option<String> {
    if evidence.unknown_loss().is_some() {
        return Some("how much is lost is not known".to_owned());
    }
    let loss = evidence.data_loss().filter(|loss| !loss.is_zero())?;
    if let Some(sync) = evidence.get("last_sync_time") {
        let loss = show(loss);
        return Some(format!("what was written after {sync} is lost: {loss} {when}"));
    }
    let lags: Vec<_> =
        ["lag_bytes", "lag_seconds"].iter().filter_map(|name| evidence.get(name)).collect();
    if lags.is_empty() {
        return Some(format!("{} of data are lost {when}", show(loss)));
    }
    let as_of = evidence.get("lag_as_of");
    let as_of = as_of.map_or_else(String::new, |at| format!(", as of {at}"));
    Some(format!("{} behind{as_of}", text::list(lags)))
}

fn in_short(evidence: &Evidence) -> String {
    let pairs: Vec<_> = read(evidence).map(|(name, value)| format!("{name} {value}")).collect();
    pairs.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_loss_is_told_by_what_was_read_of_it() {
        let at = Datum::Instant("2026-08-21T02:09:58Z".parse().unwrap());
        let lost = Evidence::new().with(DATA_LOSS, Datum::Seconds(252.0));
        let synced = lost.clone().with("last_sync_time", at.clone());
        let behind = lost.clone().with("lag_bytes", Datum::Bytes(312_000)).with("lag_as_of", at);
        let unknown = lost.clone().with(DATA_LOSS, Datum::Text("not known".to_owned()));
        let nothing = lost.clone().with(DATA_LOSS, Datum::Seconds(0.0));
        let told = [lost, synced, behind, unknown, nothing].map(|seen| losing(&seen, "so far"));
        assert_eq!(
            told.map(Option::unwrap_or_default),
            [
                "4 min 12 s of data are lost so far",
                "what was written after 02:09:58Z is lost: 4 min 12 s so far",
                "312 kB behind, as of 02:09:58Z",
                "how much is lost is not known",
                "",
            ]
        );
    }

    #[test]
    fn a_value_is_named_in_words_and_a_setting_as_it_is_called() {
        let evidence = Evidence::new()
            .with("lag_seconds", Datum::Seconds(338.0))
            .with("promote: data_loss", Datum::Seconds(0.0))
            .with("settings: DB_HOST", Datum::Hash("9f3c".to_owned()));
        let shown: Vec<_> =
            read(&evidence).map(|(name, value)| format!("{name} {value}")).collect();
        assert_eq!(
            shown,
            ["lag 5 min 38 s", "promote: data loss none", "settings: DB_HOST (secret)"]
        );
    }
}
