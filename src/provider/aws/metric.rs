//! Publishing a datapoint, until the metric shows it.

use super::{OnAws, call::Call, client::Aws, cloudwatch::Metric};
use crate::{
    action::{
        Action, Answer, Change, Clients, Effect, Kind, Look, Observation, Parameter, Params, Plane,
        Repeat, Shape, Sign, Trouble, Unapplied,
    },
    model::{Datum, Diagnostic, Evidence},
};
use async_trait::async_trait;
use std::{sync::Arc, time::Duration};

/// How often a datapoint is published while it does not show.
pub(super) const PUBLISH_EVERY: Duration = Duration::from_secs(15);
/// The shortest period that a standard metric has.
const PERIOD: Duration = Duration::from_mins(1);

pub(super) const NAMESPACE: Parameter =
    Parameter::required("namespace", Shape::Text, "The metric's namespace, letter by letter");
pub(super) const NAME: Parameter =
    Parameter::required("metric", Shape::Text, "The metric's name, letter by letter");
pub(super) const DIMENSIONS: Parameter = Parameter::optional(
    "dimensions",
    Shape::Map,
    "All of the metric's dimensions: with one more or less it is another metric",
);

pub(crate) static METRIC: Kind = Kind {
    name: "aws.cloudwatch.metric",
    summary: "Publish a datapoint to CloudWatch, until the metric shows it",
    parameters: &[
        Parameter::required("region", Shape::Region, "The region of the metric"),
        NAMESPACE,
        NAME,
        DIMENSIONS,
        Parameter::required(
            "value",
            Shape::Int { least: -1_000_000_000, most: 1_000_000_000 },
            "What is published",
        ),
    ],
    observed: &["value"],
    planes: &[Plane::Data("region")],
    permissions: &["cloudwatch:PutMetricData", "cloudwatch:GetMetricStatistics"],
    // Standard metrics are readable within two minutes (CloudWatch user guide, "Publish custom metrics").
    usual: Duration::from_secs(30),
    shows_within: PUBLISH_EVERY,
    deadline: Duration::from_mins(5),
    effect: Effect::Changes,
    proves_service: false,
    mark_valid_for: None,
    cured_by: &[],
    bind,
};

fn bind(params: &Params<'_>, clients: &Clients) -> Result<Arc<dyn Action>, Diagnostic> {
    Ok(Publish {
        aws: Aws::new(clients),
        region: params.region("region")?.to_string(),
        metric: metric(params)?,
        value: params.int("value")?,
    }
    .into_action())
}

/// The metric that a step's parameters name.
pub(super) fn metric(params: &Params<'_>) -> Result<Metric, Diagnostic> {
    Ok(Metric::new(params.text("namespace")?, params.text("metric")?, params.map("dimensions")))
}

/// The change that publishes a value, again and again.
pub(super) fn publication(metric: &Metric, value: i64, region: &str) -> Change {
    let says = format!("{} = {value}, in {region}", metric.says());
    let mut change = Change::harmless("publish", Sign::Creates, says);
    change.repeat = Repeat::Every(PUBLISH_EVERY);
    change
}

struct Publish {
    aws: Aws,
    region: String,
    metric: Metric,
    value: i64,
}

#[async_trait]
impl OnAws for Publish {
    fn aws(&self) -> &Aws {
        &self.aws
    }

    fn permissions(&self) -> &'static [&'static str] {
        METRIC.permissions
    }

    fn region(&self) -> &str {
        &self.region
    }

    async fn observe(&self, look: &Look) -> Result<Observation, Trouble> {
        let all = self.metric.extremes(&self.aws, &self.region, look.since, PERIOD).await?;
        let mut evidence = Evidence::new();
        if let Some((_, highest)) = all.last() {
            evidence.set("value", Datum::Text(highest.to_string()));
        }
        // Of one period only the extremes are kept, so a value between them may have been somebody else's.
        #[expect(clippy::cast_precision_loss, reason = "a runbook's values are small")]
        let value = self.value as f64;
        #[expect(clippy::float_cmp, reason = "whole numbers, as they were published")]
        let shows = all.iter().any(|(lowest, highest)| *lowest == value || *highest == value);
        let answer = if shows {
            Answer::AsDesired
        } else {
            Answer::Missing(vec![publication(&self.metric, self.value, &self.region)])
        };
        Ok(Observation::new(answer, evidence))
    }

    async fn request(&self, _: &Change) -> Result<Call, Unapplied> {
        Ok(self.metric.publish(&self.region, self.value, self.aws.clients.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        model::{Node, Value},
        provider::testing::*,
    };
    use serde_json::json;

    fn points(extremes: &[(i64, i64)]) -> String {
        let point = |(lowest, highest): &(i64, i64)| json!({ "Timestamp": 1_795_169_000, "Minimum": lowest, "Maximum": highest });
        let points: Vec<_> = extremes.iter().map(point).collect();
        json!({ "Datapoints": points, "Label": "FailoverToSecondary" }).to_string()
    }

    fn publish(script: &Arc<Script>) -> Arc<dyn Action> {
        let with = [
            ("region", Node::text("us-west-2")),
            ("namespace", Node::text("StopPattern")),
            ("metric", Node::text("FailoverToSecondary")),
            ("dimensions", Node::map([("service", Node::text("stop-demo"))])),
            ("value", Node::made(Value::Int(1))),
        ];
        bound(&METRIC, script, with)
    }

    #[tokio::test]
    async fn a_value_is_published_only_while_the_metric_does_not_show_it() {
        let script = Script::new()
            .on("POST GetMetricStatistics", ok(&points(&[])))
            .on("POST PutMetricData", ok("{}"));
        apply_first(&publish(&script)).await.unwrap();
        let sent = script.sent().pop().unwrap();
        let (_, body) = sent.split_once("/ ").unwrap();
        let body: serde_json::Value = serde_json::from_str(body).unwrap();
        let dimensions = json!([{ "Name": "service", "Value": "stop-demo" }]);
        assert_eq!(body["Namespace"], "StopPattern");
        let datum = &body["MetricData"][0];
        assert_eq!(datum["MetricName"], "FailoverToSecondary");
        assert_eq!((&datum["Value"], &datum["Dimensions"]), (&json!(1), &dimensions));
        let host = script.request(0).uri().host().unwrap().to_owned();
        assert_eq!(host, "monitoring.us-west-2.amazonaws.com");

        let script = Script::new().on("POST GetMetricStatistics", ok(&points(&[(0, 1)])));
        let seen = publish(&script).observe(&look()).await.unwrap();
        assert_eq!(seen.answer, Answer::AsDesired);
    }
}
