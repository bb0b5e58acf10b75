//! A question with all that its answer should rest on, and what each answer does.

use super::{
    text::{self, Page},
    words,
};
use crate::{
    engine::{Ask, Fence},
    model::{
        DATA_LOSS, Evidence, StepId,
        span::{clock_time, show},
    },
    plan::{Effect, Plan, Step},
    run::{Question, StepOutcome},
};
use jiff::Timestamp;

const TRIED_AGAIN: &str = "(owed, tried again while this runs)";

/// The question as it stands above the prompt, asked at this moment.
pub fn question(ask: &Ask, plan: &Plan, at: Timestamp, width: usize) -> String {
    let mut page = Page::default();
    heading(ask, width, &mut page);
    let mut facts = evidence(&ask.evidence, at);
    facts.extend(fences(&ask.fences));
    let is_other = |id: &&StepId| !ask.fences.iter().any(|fence| fence.step == **id);
    let owed: Vec<_> = ask.owed.iter().filter(is_other).collect();
    if !owed.is_empty() {
        let owed = format!("{} (tried again while this runs)", text::list(owed));
        facts.push(("owed".to_owned(), owed));
    }
    if let Some(promised) = plan.objectives.rpo.filter(|_| ask.evidence.get(DATA_LOSS).is_some()) {
        facts.push(("promised".to_owned(), format!("at most {} of data loss", show(promised))));
    }
    if matches!(ask.question, Question::Consent { .. } | Question::Again { .. })
        && cannot_be_undone(plan, &ask.step)
    {
        let way_back = "no way back but a failback, once replication is back";
        facts.push(("after this".to_owned(), way_back.to_owned()));
    }
    let names = facts.iter().map(|(name, _)| name.chars().count()).max().unwrap_or_default();
    for (name, value) in &facts {
        page.beside(&format!("    {name:<names$}   "), value, width);
    }
    page.lines(&answers(&ask.question, width));
    page.finish()
}

/// What each answer does.
pub fn answers(question: &Question, width: usize) -> String {
    let [yes, no] = match question {
        Question::Consent { .. } => {
            ["go on", "stop here; nothing of this was changed; resume later"]
        }
        Question::Attest { .. } => ["it is done", "stop here; resume later"],
        Question::Happened { .. } => {
            ["it happened; go on after it", "it did not; stop here, and a resume looks again"]
        }
        Question::Again { .. } => ["send it once more", "stop here; a resume asks again"],
        Question::Without { .. } => {
            ["leave it out and go on", "stop here; a resume tries it again"]
        }
    };
    let mut page = Page::default();
    let line = format!("  yes  {yes}      no  {no}");
    if line.chars().count() <= width {
        page.line(line);
    } else {
        page.beside("  yes  ", yes, width);
        page.beside("  no   ", no, width);
    }
    page.finish()
}

/// What was read, one line for each step of a group. What must not be shown tells nothing.
pub(super) fn evidence(read: &Evidence, at: Timestamp) -> Vec<(String, String)> {
    let at = format!("at {}", clock_time(at));
    let mut steps: Vec<(&str, Evidence)> = Vec::new();
    let mut own = Evidence::new();
    for (name, datum) in read.iter() {
        let Some((step, name)) = name.split_once(": ") else {
            own.set(name, datum.clone());
            continue;
        };
        match steps.iter_mut().find(|(known, _)| *known == step) {
            Some((_, seen)) => seen.set(name, datum.clone()),
            None => steps.push((step, Evidence::new().with(name, datum.clone()))),
        }
    }
    let mut facts: Vec<_> = steps
        .into_iter()
        .map(|(step, seen)| (step.to_owned(), of_a_step(&seen, &at)))
        .filter(|(_, says)| !says.is_empty())
        .collect();
    let loss = own.data_loss().filter(|loss| !loss.is_zero());
    for (name, value) in shown(&own) {
        let is_loss = loss.is_some() && name == words::label(DATA_LOSS);
        facts.push((name, if is_loss { format!("{value} {at}") } else { value }));
    }
    facts
}

/// What a step of a group has read: first what would be lost, and then the rest.
fn of_a_step(seen: &Evidence, at: &str) -> String {
    let losing = words::losing(seen, at);
    let is_told = |name: &str| losing.is_some() && words::OF_A_LOSS.contains(&name);
    let mut rest = Evidence::new();
    for (name, datum) in seen.iter().filter(|(name, _)| !is_told(name)) {
        rest.set(name, datum.clone());
    }
    let rest: Vec<_> = shown(&rest).map(|(name, value)| format!("{name} {value}")).collect();
    let rest = Some(rest.join(", ")).filter(|rest| !rest.is_empty());
    losing.into_iter().chain(rest).collect::<Vec<_>>().join("; ")
}

fn shown(evidence: &Evidence) -> impl Iterator<Item = (String, String)> {
    words::read(evidence).filter(|(_, value)| value != "(secret)")
}

/// Whether the old primary is fenced, and by which means.
fn fences(fences: &[Fence]) -> Vec<(String, String)> {
    let are_several = fences.len() > 1;
    let says = |fence: &Fence| {
        let means = fence.means.as_ref().filter(|means| *means != "none");
        let open = "not fenced, and may still take writes";
        let says = match (&fence.outcome, means) {
            (Some(StepOutcome::Succeeded | StepOutcome::AlreadyDone), Some(means)) => {
                format!("fenced: {means}")
            }
            (Some(StepOutcome::Succeeded | StepOutcome::AlreadyDone), None) => {
                "somebody says that it was fenced by hand".to_owned()
            }
            (Some(StepOutcome::Owed { why }), _) => format!("{open}: {why} {TRIED_AGAIN}"),
            (Some(StepOutcome::Failed { why }), _) => format!("{open}: {why}"),
            (Some(StepOutcome::Skipped { reason }), _) => format!("{open}: left out, {reason}"),
            (None, _) => format!("{open} {TRIED_AGAIN}"),
        };
        let of = if are_several { format!("{}: ", fence.step) } else { String::new() };
        ("old primary".to_owned(), format!("{of}{says}"))
    };
    fences.iter().map(says).collect()
}

fn heading(ask: &Ask, width: usize, page: &mut Page) {
    let (says, also) = match &ask.question {
        Question::Consent { says } | Question::Attest { says, .. } => (says.clone(), None),
        Question::Happened { says, .. } => (
            format!("did this happen? {says}"),
            Some(
                "It was sent, no answer came, and the cloud does not tell. Sent a second time it could do harm."
                    .to_owned(),
            ),
        ),
        Question::Again { says, sent, .. } => (
            format!("send this once more? {says}"),
            Some(format!(
                "It was sent at {}, and does not show. If it did happen and was undone since, this does it again.",
                clock_time(*sent)
            )),
        ),
        Question::Without { why } => (format!("it failed; go on without it? {why}"), None),
    };
    page.beside("? ", &format!("{}: {says}", ask.step), width);
    if let Some(also) = also {
        page.beside("    ", &also, width);
    }
}

/// Whether the step, or one of its group, cannot be undone.
fn cannot_be_undone(plan: &Plan, id: &StepId) -> bool {
    let Some(step) = plan.step(id) else { return false };
    let is_final = |step: &Step| step.action().is_some_and(|w| w.effect == Effect::CannotBeUndone);
    is_final(step) || step.children().iter().filter_map(|child| plan.step(child)).any(is_final)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Datum,
        report::sample::{at, lag, plan},
    };

    fn asked(question: Question, evidence: Evidence) -> Ask {
        let (owed, fences) = (Vec::new(), Vec::new());
        Ask { step: "go".into(), title: None, question, evidence, owed, fences }
    }

    fn consent(says: &str) -> Question {
        Question::Consent { says: says.to_owned() }
    }

    fn fence(outcome: StepOutcome, means: Option<&str>) -> Fence {
        let means = means.map(str::to_owned);
        Fence { step: "fence".into(), outcome: Some(outcome), means }
    }

    #[test]
    fn a_question_shows_its_evidence_and_what_each_answer_does() {
        let owed = StepOutcome::Owed { why: "eastus does not answer".to_owned() };
        let ask = Ask {
            owed: vec!["fence".into(), "stop-from".into()],
            fences: vec![fence(owed, None)],
            ..asked(consent("move the storage to westus"), lag(252.0))
        };
        assert_eq!(
            question(&ask, &plan(), at(124), 80),
            "\
? go: move the storage to westus
    primary       eastus
    data loss     4 min 12 s at 02:02:04Z
    old primary   not fenced, and may still take writes: eastus does not answer
                  (owed, tried again while this runs)
    owed          stop-from (tried again while this runs)
    promised      at most 15 min of data loss
    after this    no way back but a failback, once replication is back
  yes  go on      no  stop here; nothing of this was changed; resume later
"
        );
    }

    #[test]
    fn a_fence_is_told_by_its_means_and_never_claimed_without() {
        let means = "its public network access is closed";
        let left_out = StepOutcome::Skipped { reason: "no time".to_owned() };
        let fenced = [
            fence(StepOutcome::Succeeded, Some(means)),
            fence(StepOutcome::Succeeded, Some("none")),
            fence(left_out, Some("none")),
        ];
        let told = fences(&fenced).into_iter().map(|(_, says)| says).collect::<Vec<_>>();
        assert_eq!(
            told,
            [
                "fence: fenced: its public network access is closed",
                "fence: somebody says that it was fenced by hand",
                "fence: not fenced, and may still take writes: left out, no time",
            ]
        );
    }

    #[test]
    fn each_step_of_a_group_has_a_line_of_its_own_with_what_it_loses() {
        let synced = Datum::Instant(at(-60));
        let evidence = Evidence::new()
            .text("storage: primary", "eastus")
            .with("storage: last_sync_time", synced)
            .with("storage: data_loss", Datum::Seconds(60.0))
            .with("settings: DB_HOST", Datum::Hash("9f3c".to_owned()))
            .text("promote: role", "replica")
            .with(DATA_LOSS, Datum::Seconds(60.0));
        let ask = Ask { step: "served".into(), ..asked(consent("go"), evidence) };
        assert_eq!(
            question(&ask, &plan(), at(0), 50),
            "\
? served: go
    storage     what was written after 01:59:00Z
                is lost: 1 min at 02:00:00Z;
                primary eastus
    promote     role replica
    data loss   1 min at 02:00:00Z
    promised    at most 15 min of data loss
  yes  go on
  no   stop here; nothing of this was changed;
       resume later
"
        );
    }

    #[test]
    fn an_operator_who_must_say_what_happened_is_told_why() {
        let says = "fail stweb over to westus".to_owned();
        let happened = Question::Happened { change: "failover".into(), says };
        let ask = Ask { step: "storage".into(), ..asked(happened, Evidence::new()) };
        assert_eq!(
            question(&ask, &plan(), at(0), 100),
            "\
? storage: did this happen? fail stweb over to westus
    It was sent, no answer came, and the cloud does not tell. Sent a second time it could do harm.
  yes  it happened; go on after it      no  it did not; stop here, and a resume looks again
"
        );
    }
}
