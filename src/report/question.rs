//! A question with all that its answer should rest on, and what each answer does.

use super::{
    text::{self, Page},
    words,
};
use crate::{
    engine::Ask,
    model::{
        DATA_LOSS, StepId,
        span::{clock_time, show},
    },
    plan::{Effect, Plan, Step},
    run::Question,
};

/// The question as it stands above the prompt.
pub fn question(ask: &Ask, plan: &Plan, width: usize) -> String {
    let mut page = Page::default();
    page.line(format_args!("? {}: {}", ask.step, heading(&ask.question)));
    let mut facts = evidence(ask);
    if !ask.owed.is_empty() {
        let owed = format!("{} (tried again while this runs)", text::list(&ask.owed));
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
        let mut name = name.as_str();
        for line in text::wrap(value, width.saturating_sub(names + 7)) {
            page.line(format_args!("    {name:<names$}   {line}"));
            name = "";
        }
    }
    page.line(answers(&ask.question));
    page.finish()
}

/// What was read, one line for each step of a group. What must not be shown tells nothing.
fn evidence(ask: &Ask) -> Vec<(String, String)> {
    let mut facts: Vec<(String, String)> = Vec::new();
    for (name, value) in words::read(&ask.evidence).filter(|(_, value)| value != "(secret)") {
        let Some((step, name)) = name.split_once(": ") else {
            facts.push((name, value));
            continue;
        };
        let said = format!("{name} {value}");
        match facts.last_mut().filter(|(known, _)| known == step) {
            Some((_, all)) => *all = format!("{all}, {said}"),
            None => facts.push((step.to_owned(), said)),
        }
    }
    facts
}

fn heading(question: &Question) -> String {
    match question {
        Question::Consent { says } | Question::Attest { says, .. } => says.clone(),
        Question::Happened { says, .. } => format!(
            "did this happen? {says}\n    It was sent, no answer came, and the cloud does not tell. Sent a \
             second time it could do harm."
        ),
        Question::Again { says, sent, .. } => format!(
            "send this once more? {says}\n    It was sent at {}, and does not show. If it did happen and was undone \
             since, this does it again.",
            clock_time(*sent)
        ),
        Question::Without { why } => format!("it failed; go on without it? {why}"),
    }
}

fn answers(question: &Question) -> &'static str {
    match question {
        Question::Consent { .. } => {
            "  yes  go on      no  stop here; nothing of this was changed; resume later"
        }
        Question::Attest { .. } => "  yes  it is done      no  stop here; resume later",
        Question::Happened { .. } => {
            "  yes  it happened; go on after it      no  it did not; stop here, and a resume looks again"
        }
        Question::Again { .. } => {
            "  yes  send it once more      no  stop here; a resume asks again"
        }
        Question::Without { .. } => {
            "  yes  leave it out and go on      no  stop here; a resume tries it again"
        }
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
        model::{Datum, Evidence},
        report::sample::{lag, plan},
    };

    #[test]
    fn a_question_shows_its_evidence_and_what_each_answer_does() {
        let ask = Ask {
            step: "go".into(),
            title: None,
            question: Question::Consent { says: "move the storage to westus".to_owned() },
            evidence: lag(252.0),
            owed: vec!["fence".into()],
        };
        assert_eq!(
            question(&ask, &plan(), 80),
            "\
? go: move the storage to westus
    primary      eastus
    data loss    4 min 12 s
    owed         fence (tried again while this runs)
    promised     at most 15 min of data loss
    after this   no way back but a failback, once replication is back
  yes  go on      no  stop here; nothing of this was changed; resume later
"
        );
    }

    #[test]
    fn each_step_of_a_group_has_a_line_of_its_own() {
        let evidence = Evidence::new()
            .text("storage: primary", "eastus")
            .text("storage: replication", "Live")
            .with("settings: DB_HOST", Datum::Hash("9f3c".to_owned()))
            .text("promote: role", "replica");
        let ask = Ask {
            step: "served".into(),
            title: None,
            question: Question::Consent { says: "go".to_owned() },
            evidence,
            owed: Vec::new(),
        };
        assert_eq!(
            question(&ask, &plan(), 40),
            "\
? served: go
    storage   primary eastus,
              replication Live
    promote   role replica
  yes  go on      no  stop here; nothing of this was changed; resume later
"
        );
    }

    #[test]
    fn an_operator_who_must_say_what_happened_is_told_why() {
        let ask = Ask {
            step: "storage".into(),
            title: None,
            question: Question::Happened {
                change: "failover".into(),
                says: "fail stweb over to westus".to_owned(),
            },
            evidence: Evidence::new(),
            owed: Vec::new(),
        };
        assert_eq!(
            question(&ask, &plan(), 80),
            "\
? storage: did this happen? fail stweb over to westus
    It was sent, no answer came, and the cloud does not tell. Sent a second time it could do harm.
  yes  it happened; go on after it      no  it did not; stop here, and a resume looks again
"
        );
    }
}
