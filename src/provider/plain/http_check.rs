//! Whether an address answers as it should, several times in a row.

use super::streak::{ANSWERS, Asked, EVERY, Streak};
use crate::{
    action::{
        Action, Applied, Change, Clients, Default, Effect, Kind, Look, Observation, Parameter,
        Params, Plane, Shape, Trouble, Unapplied,
    },
    journal::Permit,
    model::{Datum, Diagnostic, Evidence},
    provider::visit::Page,
};
use async_trait::async_trait;
use http::Uri;
use std::{sync::Arc, time::Duration};

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
        ANSWERS,
        EVERY,
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
    let wanted = Wanted {
        page: Page { clients: clients.clone(), uri },
        status: params.int("status")?,
        contains: params.optional_text("contains"),
        region: params.optional_text("region"),
    };
    Ok(Arc::new(Check { wanted, streak: Streak::of(params, &clients.clock)? }))
}

struct Check {
    wanted: Wanted,
    streak: Streak,
}

/// A good answer.
struct Wanted {
    page: Page,
    status: i64,
    contains: Option<String>,
    region: Option<String>,
}

#[async_trait]
impl Action for Check {
    async fn observe(&self, _: &Look) -> Result<Observation, Trouble> {
        Ok(self.streak.see(&self.wanted).await)
    }

    async fn apply(&self, _: &Change, _: &Permit) -> Result<Applied, Unapplied> {
        Err(Unapplied::Refused { why: "a check changes nothing".to_owned(), request_id: None })
    }
}

#[async_trait]
impl Asked for Wanted {
    fn place(&self) -> String {
        self.page.place()
    }

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
        action::Answer,
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
        let uri = "https://app.example/health".parse().unwrap();
        let page = Page { clients: script.clients(), uri };
        let wanted = Wanted { page, status: 200, contains: None, region: None };
        let every = Duration::from_secs(70);
        let check = Check { wanted, streak: Streak { clock: clock.clone(), answers: 100, every } };
        let seen = check.observe(&look()).await.unwrap();
        let why = "https://app.example/health: 5 of 100 good answers fit in 5 min".to_owned();
        assert_eq!(seen.answer, Answer::NotYet { why, look_again: Duration::from_secs(70) });
        assert!(clock.now() <= jiff::Timestamp::UNIX_EPOCH + super::super::streak::LONGEST_LOOK);
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
