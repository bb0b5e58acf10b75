//! Whether an address answers as it should, several times in a row.
//!
//! A streak lives inside one look: good answers of an earlier look say nothing about now.

use crate::{
    action::{
        Action, Answer, Applied, Change, Clients, Default, Effect, Kind, Look, Observation,
        Parameter, Params, Plane, Shape, Trouble, Unapplied, Within,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence, span},
    provider::visit::Page,
};
use async_trait::async_trait;
use http::Uri;
use std::{sync::Arc, time::Duration};

/// How long one look may take. Who waits for it hears nothing meanwhile, and cannot be stopped in good order.
const LONGEST_LOOK: Duration = Duration::from_mins(5);

pub(crate) static HTTP_CHECK: Kind = Kind {
    name: "http.check",
    summary: "Wait until an address answers well, several times in a row",
    parameters: &[
        Parameter::required("url", Shape::Url, "The address"),
        Parameter::optional(
            "status",
            Shape::Int { least: 100, most: 599 },
            "The status of a good answer",
        )
        .or(Default::Int(200)),
        Parameter::optional("contains", Shape::Text, "A text that a good answer's body holds"),
        Parameter::optional(
            "region",
            Shape::Text,
            "The region that a good answer names: in its header X-Region, or in the member `region` of its JSON",
        ),
        Parameter::optional(
            "answers",
            Shape::Int { least: 1, most: 100 },
            "How many good answers in a row",
        )
        .or(Default::Int(3))
        .within(Within { each: "every", most: LONGEST_LOOK, what: "one look" }),
        Parameter::optional("every", Shape::Duration, "The time between two of them")
            .or(Default::Text("5s")),
    ],
    observed: &["status", "region", "good"],
    // Whoever answers must be the region that is asked for, and the one whose row the address is from.
    planes: &[Plane::Data("region"), Plane::Data("url")],
    permissions: &[],
    // Three answers, five seconds apart, when all is well.
    usual: Duration::from_secs(10),
    // It changes nothing, so there is nothing to show.
    shows_within: Duration::ZERO,
    // An app that was started cold may take minutes to warm up.
    deadline: Duration::from_mins(15),
    effect: Effect::Reads,
    proves_service: true,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    let url = params.text("url")?;
    let uri = url.parse::<Uri>().ok().filter(|uri| uri.host().is_some());
    let uri = uri.ok_or_else(|| Diagnostic::whole_file(format!("`{url}` is not a web address")))?;
    Ok(Arc::new(Check {
        page: Page { clients: clients.clone(), uri },
        status: params.int("status")?,
        contains: params.optional_text("contains"),
        region: params.optional_text("region"),
        answers: params.int("answers")?,
        every: params.duration("every")?,
    }))
}

struct Check {
    page: Page,
    status: i64,
    contains: Option<String>,
    region: Option<String>,
    answers: i64,
    every: Duration,
}

#[async_trait]
impl Action for Check {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        let mut evidence = Evidence::new();
        let look_again = self.every.min(LONGEST_LOOK);
        let until = self.page.clients.clock.now() + LONGEST_LOOK;
        for good in 0..self.answers {
            if good > 0 {
                if self.page.clients.clock.now() + self.every > until {
                    let (wanted, longest) = (self.answers, span::show(LONGEST_LOOK));
                    let why = format!(
                        "{}: {good} of {wanted} good answers fit in {longest}",
                        self.page.place()
                    );
                    return Ok(Observation::new(Answer::NotYet { why, look_again }, evidence));
                }
                self.page.clients.clock.sleep(self.every).await;
            }
            evidence.set("good", Datum::Count(good));
            if let Err(why) = self.ask(&mut evidence).await {
                let why = format!("{}: {why}", self.page.place());
                let answer = Answer::NotYet { why, look_again };
                return Ok(Observation::new(answer, evidence));
            }
        }
        evidence.set("good", Datum::Count(self.answers));
        Ok(Observation::new(Answer::AsDesired, evidence))
    }

    async fn apply(&self, _: &Change, _: &Permit) -> Result<Applied, Unapplied> {
        Err(Unapplied::Refused { why: "a check changes nothing".to_owned(), request_id: None })
    }
}

impl Check {
    /// Asks once; says what was wrong with the answer.
    async fn ask(&self, evidence: &mut Evidence) -> Result<(), String> {
        let visit = self.page.visit().await?;
        let status = i64::from(visit.status);
        evidence.set("status", Datum::Count(status));
        if let Some(region) = &visit.region {
            evidence.set("region", Datum::Text(region.clone()));
        }
        if status != self.status {
            return Err(format!("answered {status}, not {}", self.status));
        }
        if let Some(wanted) = &self.contains
            && !String::from_utf8_lossy(&visit.body).contains(wanted.as_str())
        {
            return Err(format!("answered {status}, without “{wanted}”"));
        }
        self.region.as_ref().map_or(Ok(()), |wanted| visit.is_from(wanted))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::Node,
        provider::testing::{Script, answer, bound, look, ok},
    };

    const HEALTHY: &str = r#"{"status":"ok","region":"westus"}"#;

    async fn observe(script: &Arc<Script>) -> Observation {
        let with = [
            ("url", Node::text("https://app.example/health")),
            ("status", Node::made(crate::model::Value::Int(200))),
            ("region", Node::text("westus")),
            ("answers", Node::made(crate::model::Value::Int(2))),
            ("every", Node::text("1ms")),
        ];
        bound(&HTTP_CHECK, script, with).observe(&look()).await.unwrap()
    }

    #[tokio::test]
    async fn enough_good_answers_in_a_row_are_as_desired() {
        let script = Script::new().on("GET /health", ok(HEALTHY));
        let seen = observe(&script).await;
        assert_eq!(seen.answer, Answer::AsDesired);
        assert_eq!(seen.evidence.get("good"), Some(&Datum::Count(2)));
        assert_eq!(script.sent().len(), 2);
        assert!(!script.request(0).headers().contains_key("authorization"));
    }

    #[tokio::test]
    async fn a_look_that_would_take_too_long_says_what_it_has_seen() {
        let script = Script::new().on("GET /health", ok(HEALTHY));
        let clock = crate::model::Clock::virtual_from(jiff::Timestamp::UNIX_EPOCH);
        let check = Check {
            page: Page {
                clients: Clients { clock: clock.clone(), ..script.clients() },
                uri: "https://app.example/health".parse().unwrap(),
            },
            status: 200,
            contains: None,
            region: None,
            answers: 100,
            every: Duration::from_secs(70),
        };
        let seen = check.observe(&look()).await.unwrap();
        let why = "https://app.example/health: 5 of 100 good answers fit in 5 min".to_owned();
        assert_eq!(seen.answer, Answer::NotYet { why, look_again: Duration::from_secs(70) });
        assert!(clock.now() <= jiff::Timestamp::UNIX_EPOCH + LONGEST_LOOK);
    }

    #[tokio::test]
    async fn one_bad_answer_is_told_and_ends_the_streak() {
        let table = [
            (answer(503, &[], ""), "answered 503, not 200"),
            (
                answer(200, &[("x-region", "eastus")], HEALTHY),
                "answered from eastus, not from westus",
            ),
            (ok("<html>"), "answered 200, but does not say its region"),
        ];
        for (bad, expected) in table {
            let script = Script::new().on("GET /health", ok(HEALTHY)).on("GET /health", bad);
            let Answer::NotYet { why, .. } = observe(&script).await.answer else { panic!() };
            assert_eq!(why, format!("https://app.example/health: {expected}"));
        }
    }
}
