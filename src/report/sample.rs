//! A small run, for the tests of this room.

use super::Timeline;
use crate::{
    action::{Change, Handle, Mark, Sign},
    model::{ActionName, DATA_LOSS, Datum, Evidence, Mode, Node, RunId, StepId},
    plan::{ActionWork, Effect, Objectives, OnFailure, Plan, Side, Step, VERSION, Watch, Work},
    run::{Answer, Fact, Question, RunFact, RunOutcome, StepFact, StepOutcome},
};
use jiff::Timestamp;
use std::{sync::Arc, time::Duration};

/// Two in the morning, and so many seconds.
pub(crate) fn at(seconds: i64) -> Timestamp {
    let two: Timestamp = "2026-08-21T02:00:00Z".parse().unwrap();
    two + jiff::SignedDuration::from_secs(seconds)
}

fn work(action: &str, effect: Effect, usual: u64) -> Work {
    let with = match effect {
        Effect::Reads => Node::map([("url", Node::text("https://tm.example/health"))]),
        Effect::Changes | Effect::CannotBeUndone => Node::map([]),
    };
    Work::Action(Box::new(ActionWork {
        action: ActionName::new(action),
        with,
        touches: Vec::new(),
        planes: Vec::new(),
        usual: Duration::from_secs(usual),
        shows_within: Duration::from_mins(1),
        mark_valid_for: None,
        effect,
        proves_service: effect == Effect::Reads,
        timeout: Duration::from_mins(10),
    }))
}

fn step(id: &str, number: &str, needs: &[&str], work: Work) -> Step {
    Step {
        id: id.into(),
        number: number.to_owned(),
        title: None,
        work,
        needs: needs.iter().map(|id| StepId::from(*id)).collect(),
        group: None,
        confirm: None,
        on_failure: OnFailure::Stop,
        waive: None,
        is_finally: false,
    }
}

/// Fence the old side (owed if it cannot be), move the storage on a question, check.
pub(crate) fn plan() -> Plan {
    let fence = Step {
        on_failure: OnFailure::Owe,
        ..step("fence", "1", &[], work("azure.postgres.fence", Effect::Changes, 120))
    };
    let go = Step {
        confirm: Some("move the storage to westus".to_owned()),
        ..step("go", "2", &["fence"], Work::Group { children: vec!["storage".into()] })
    };
    let storage = Step {
        group: Some("go".into()),
        title: Some("Fail the videos over".to_owned()),
        ..step(
            "storage",
            "2a",
            &["fence"],
            work("azure.storage.failover", Effect::CannotBeUndone, 3_600),
        )
    };
    Plan {
        version: VERSION,
        runbook: "web".to_owned(),
        summary: "Move the web shop".to_owned(),
        path: "runbooks/web.yaml".to_owned(),
        from: "eastus".into(),
        to: "westus".into(),
        mode: Mode::Unplanned,
        lock: "web".to_owned(),
        afterwards: None,
        serving: Side::From,
        objectives: Objectives {
            rto: Some(Duration::from_hours(2)),
            rpo: Some(Duration::from_mins(15)),
        },
        azure_credential: None,
        secrets: std::collections::BTreeMap::new(),
        watch: vec![Watch {
            name: "shop".to_owned(),
            url: "https://tm.example/health".to_owned(),
            every: Duration::from_secs(1),
            contains: None,
        }],
        steps: vec![
            fence,
            go,
            storage,
            step("served", "3", &["go", "storage"], work("http.check", Effect::Reads, 10)),
        ],
        made_up: Vec::new(),
        names_from: None,
    }
}

/// An empty run of it, with an id that is always the same.
pub(crate) fn empty() -> Timeline {
    let run = RunId::parse("01990000-0000-7000-8000-000000007f3c").unwrap();
    Timeline::new(run, Arc::new(plan()))
}

pub(crate) fn told(facts: &[(i64, Fact)]) -> Timeline {
    let mut timeline = empty();
    for (seconds, fact) in facts {
        timeline.take_in(at(*seconds), fact).unwrap();
    }
    timeline
}

pub(crate) fn on(step: &str, what: StepFact) -> Fact {
    Fact::step(&step.into(), what)
}

pub(crate) fn started() -> Fact {
    Fact::Run(RunFact::Started {
        plan: "7c4109be".repeat(8),
        who: "asha".to_owned(),
        host: "bastion-2".to_owned(),
        tool: "0.1.0".to_owned(),
        identity: "sp-drill".to_owned(),
        simulated: false,
    })
}

pub(crate) fn resumed() -> Fact {
    Fact::Run(RunFact::Resumed {
        who: "ben".to_owned(),
        host: "bastion-3".to_owned(),
        tool: "0.1.0".to_owned(),
        identity: "sp-drill".to_owned(),
    })
}

pub(crate) fn saw(good: bool, says: &str) -> Fact {
    Fact::Run(RunFact::Saw { watch: "shop".to_owned(), good, says: says.to_owned() })
}

pub(crate) fn failover() -> Change {
    let mark = Mark(Evidence::new().text("primary", "eastus"));
    Change::harmless("failover", Sign::CannotBeUndone, "fail stweb over to westus").only_from(mark)
}

pub(crate) fn lag(seconds: f64) -> Evidence {
    Evidence::new().text("primary", "eastus").with(DATA_LOSS, Datum::Seconds(seconds))
}

/// A whole run that ends owing the fence: 31 s wait for a person, 70 min to recover, 252 s of data lost.
pub(crate) fn whole() -> Vec<(i64, Fact)> {
    let consent = Question::Consent { says: "move the storage to westus".to_owned() };
    let id = || Some("8f2c".to_owned());
    vec![
        (0, started()),
        (1, saw(false, "no answer")),
        (2, on("fence", StepFact::Started)),
        (
            122,
            on(
                "fence",
                StepFact::Finished {
                    outcome: StepOutcome::Owed { why: "eastus does not answer".to_owned() },
                },
            ),
        ),
        (122, on("go", StepFact::Started)),
        (122, on("storage", StepFact::Started)),
        (123, on("storage", StepFact::Observed { evidence: lag(252.0) })),
        (124, on("go", StepFact::Asked { question: consent, evidence: lag(252.0) })),
        (
            155,
            on(
                "go",
                StepFact::Answered { answer: Answer::Yes, who: "asha".to_owned(), note: None },
            ),
        ),
        (156, on("storage", StepFact::ChangeBegun { change: failover() })),
        (
            157,
            on(
                "storage",
                StepFact::OperationAccepted {
                    handle: Handle(serde_json::json!({ "url": "https://secret" })),
                    request_id: id(),
                },
            ),
        ),
        (4_000, on("storage", StepFact::ChangeSettled { request_id: None })),
        (4_001, on("storage", StepFact::Finished { outcome: StepOutcome::Succeeded })),
        (4_001, on("go", StepFact::Finished { outcome: StepOutcome::Succeeded })),
        (4_001, on("served", StepFact::Started)),
        (4_201, saw(true, "200 from westus")),
        (4_210, on("served", StepFact::Finished { outcome: StepOutcome::Succeeded })),
        (4_211, Fact::Run(RunFact::Finished { outcome: RunOutcome::Owing })),
    ]
}
