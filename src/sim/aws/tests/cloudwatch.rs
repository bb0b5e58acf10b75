//! CloudWatch: what is published, and what the alarms make of it.

use super::*;
use serde_json::json;

const MONITORING: (&str, &str) = (WEST, "monitoring");
const ALARM: &str = "AlarmName=stop&Namespace=StopPattern&MetricName=FailoverToSecondary&Dimensions.member.1.Name=service&Dimensions.member.1.Value=stop-demo&Period=60&EvaluationPeriods=1&DatapointsToAlarm=1&Threshold=1&ComparisonOperator=GreaterThanOrEqualToThreshold&TreatMissingData=ignore&Statistic=Maximum";

fn with_alarm() -> Client {
    let mut client = Client::new();
    let (status, _) = client.query(MONITORING, &format!("Action=PutMetricAlarm&{ALARM}"));
    assert_eq!(status, 200);
    client
}

fn publish(client: &mut Client, value: &str) {
    let form = format!(
        "Action=PutMetricData&Namespace=StopPattern&MetricData.member.1.MetricName=FailoverToSecondary&MetricData.member.1.Dimensions.member.1.Name=service&MetricData.member.1.Dimensions.member.1.Value=stop-demo&MetricData.member.1.Unit=None&MetricData.member.1.Value={value}"
    );
    let (status, answer) = client.query(MONITORING, &form);
    assert_eq!((status, answer.name.as_str()), (200, "PutMetricDataResponse"));
}

fn alarm(client: &mut Client) -> Element {
    let (status, answer) =
        client.query(MONITORING, "Action=DescribeAlarms&AlarmNames.member.1=stop");
    assert_eq!(status, 200);
    answer.find("member").expect("an alarm").clone()
}

fn state(client: &mut Client) -> String {
    text(&alarm(client), "StateValue").to_owned()
}

#[test]
fn an_alarm_looks_once_a_minute_and_not_when_something_is_published() {
    let mut client = with_alarm();
    assert_eq!(state(&mut client), "INSUFFICIENT_DATA");
    publish(client.until("10:00:20"), "0.0");
    assert_eq!(state(client.until("10:00:59")), "INSUFFICIENT_DATA");
    assert_eq!(state(client.until("10:01:00")), "OK");
    publish(client.until("10:02:20"), "1.0");
    assert_eq!(state(client.until("10:02:59")), "OK");
    let shown = alarm(client.until("10:03:30"));
    assert_eq!(text(&shown, "StateValue"), "ALARM");
    assert_eq!(
        text(&shown, "StateReason"),
        "Threshold Crossed: 1 datapoint [1.0 (20/11/26 10:02:00)] was greater than or equal to the threshold (1.0)."
    );
    assert_eq!(text(&shown, "StateUpdatedTimestamp"), "2026-11-20T10:03:00Z");
    assert_eq!(text(&shown, "StateTransitionedTimestamp"), "2026-11-20T10:03:00Z");
    assert_eq!(text(&shown, "TreatMissingData"), "ignore");
    assert_eq!(text(&shown, "AlarmArn"), "arn:aws:cloudwatch:us-west-2:111122223333:alarm:stop");
}

#[test]
fn a_zero_in_the_minute_of_a_one_is_masked_and_nothing_looks_again() {
    let mut client = with_alarm();
    publish(client.until("10:00:10"), "1.0");
    publish(client.until("10:00:50"), "0.0");
    assert_eq!(state(client.until("10:01:00")), "ALARM");
    assert_eq!(state(client.until("10:31:00")), "ALARM");
    // Published until the state turns, it does.
    publish(client.until("10:31:10"), "0.0");
    assert_eq!(state(client.until("10:32:00")), "OK");
}

#[test]
fn a_missing_datapoint_is_treated_as_the_alarm_says() {
    for (treated, state_at_last) in [
        ("missing", "INSUFFICIENT_DATA"),
        ("ignore", "ALARM"),
        ("breaching", "ALARM"),
        ("notBreaching", "OK"),
    ] {
        let mut client = Client::new();
        let form = ALARM.replace("ignore", treated);
        client.query(MONITORING, &format!("Action=PutMetricAlarm&{form}"));
        publish(client.until("10:00:10"), "1.0");
        assert_eq!(state(client.until("10:01:00")), "ALARM", "{treated}");
        assert_eq!(state(client.until("10:10:00")), state_at_last, "{treated}");
    }
}

#[test]
fn dimensions_spelling_and_region_tell_metrics_apart() {
    let mut client = with_alarm();
    publish(client.until("10:00:10"), "0.0");
    client.until("10:01:30");
    for form in [
        "Namespace=StopPatten&MetricData.member.1.MetricName=FailoverToSecondary&MetricData.member.1.Dimensions.member.1.Name=service&MetricData.member.1.Dimensions.member.1.Value=stop-demo",
        "Namespace=StopPattern&MetricData.member.1.MetricName=FailoverToSecondary",
    ] {
        let form = format!("Action=PutMetricData&{form}&MetricData.member.1.Value=1.0");
        assert_eq!(client.query(MONITORING, &form).0, 200);
    }
    let elsewhere = "Action=PutMetricData&Namespace=StopPattern&MetricData.member.1.MetricName=FailoverToSecondary&MetricData.member.1.Dimensions.member.1.Name=service&MetricData.member.1.Dimensions.member.1.Value=stop-demo&MetricData.member.1.Value=1.0";
    assert_eq!(client.query((EAST, "monitoring"), elsewhere).0, 200);
    assert_eq!(state(client.until("10:05:00")), "OK");
}

#[test]
fn no_alarm_of_a_name_is_an_empty_list() {
    let mut client = with_alarm();
    for (place, name) in [(MONITORING, "nobody"), ((EAST, "monitoring"), "stop")] {
        let form = format!("Action=DescribeAlarms&AlarmNames.member.1={name}");
        let (status, answer) = client.query(place, &form);
        assert_eq!(status, 200);
        assert_eq!(answer.find("MetricAlarms").unwrap().children, []);
    }
}

#[test]
fn a_state_that_somebody_sets_lasts_until_the_alarm_looks() {
    let mut client = with_alarm();
    publish(client.until("10:00:10"), "0.0");
    client.until("10:01:10");
    let form = "Action=SetAlarmState&AlarmName=stop&StateValue=ALARM&StateReason=because";
    assert_eq!(client.query(MONITORING, form).0, 200);
    assert_eq!(state(&mut client), "ALARM");
    assert_eq!(state(client.until("10:02:00")), "OK");
    let (_, history) = client.query(MONITORING, "Action=DescribeAlarmHistory&AlarmName=stop");
    let turns: Vec<_> = history.find("AlarmHistoryItems").unwrap().children.iter().collect();
    let summaries: Vec<_> = turns.iter().map(|turn| text(turn, "HistorySummary")).collect();
    assert_eq!(
        summaries,
        [
            "Alarm updated from ALARM to OK",
            "Alarm updated from OK to ALARM",
            "Alarm updated from INSUFFICIENT_DATA to OK"
        ]
    );
    assert_eq!(text(turns[0], "Timestamp"), "2026-11-20T10:02:00Z");
}

#[test]
fn json_is_spoken_as_well_as_forms() {
    let mut client = with_alarm();
    let target = |name: &str| format!("GraniteServiceVersion20100801.{name}");
    let datum = json!({ "MetricName": "FailoverToSecondary", "Value": 1.0, "Timestamp": 1_795_168_805,
        "Dimensions": [{ "Name": "service", "Value": "stop-demo" }] });
    let body = json!({ "Namespace": "StopPattern", "MetricData": [datum] });
    client.until("10:00:10");
    let (response, _) = client.json("monitoring", &target("PutMetricData"), &body);
    assert_eq!(response.status(), 200);
    client.until("10:01:00");
    let (response, shown) = client.json("monitoring", &target("DescribeAlarms"), &json!({}));
    assert_eq!(response.headers()["content-type"], "application/x-amz-json-1.0");
    assert_eq!(shown["MetricAlarms"][0]["StateValue"], "ALARM");
    assert_eq!(shown["MetricAlarms"][0]["StateUpdatedTimestamp"], 1_795_168_860.0);
    let (response, refused) = client.json("monitoring", &target("PutMetricData"), &json!({}));
    assert_eq!(response.status(), 400);
    assert_eq!(refused["__type"], "MissingRequiredParameterException");
    assert_eq!(response.headers()["x-amzn-query-error"], "MissingParameter;Sender");
}

#[test]
fn what_was_published_is_given_back_by_period() {
    let mut client = with_alarm();
    publish(client.until("10:00:10"), "1.0");
    publish(client.until("10:00:50"), "0.0");
    publish(client.until("10:02:10"), "3.0");
    let ask = "Action=GetMetricStatistics&Namespace=StopPattern&MetricName=FailoverToSecondary&Dimensions.member.1.Name=service&Dimensions.member.1.Value=stop-demo&StartTime=2026-11-20T10:00:00Z&EndTime=2026-11-20T10:05:00Z&Period=60&Statistics.member.1=Maximum&Statistics.member.2=SampleCount&Statistics.member.3=Average";
    let (_, answer) = client.query(MONITORING, ask);
    let points = &answer.find("Datapoints").unwrap().children;
    let of = |name: &str| points.iter().map(|point| text(point, name)).collect::<Vec<_>>();
    assert_eq!(of("Timestamp"), ["2026-11-20T10:00:00Z", "2026-11-20T10:02:00Z"]);
    assert_eq!(of("Maximum"), ["1.0", "3.0"]);
    assert_eq!(of("SampleCount"), ["2.0", "1.0"]);
    assert_eq!(of("Average"), ["0.5", "3.0"]);
}

#[test]
fn what_cannot_be_published_is_refused_as_a_whole() {
    let mut client = with_alarm();
    let value = "MetricData.member.1.MetricName=M&MetricData.member.1.Value=1";
    let named = "MetricData.member.2.MetricName=M";
    for (form, code) in [
        (value.to_owned(), "MissingParameter"),
        ("Namespace=N".to_owned(), "MissingParameter"),
        (format!("Namespace=AWS/EC2&{value}"), "InvalidParameterValue"),
        (format!("Namespace=N&{value}&{named}"), "MissingParameter"),
        (
            format!("Namespace=N&{value}&{named}&MetricData.member.2.Value=x"),
            "InvalidParameterValue",
        ),
        (
            format!("Namespace=N&{value}&MetricData.member.1.Timestamp=2026-11-20T13:00:00Z"),
            "InvalidParameterValue",
        ),
        (
            format!("Namespace=N&{value}&MetricData.member.1.Timestamp=2026-11-05T10:00:00Z"),
            "InvalidParameterValue",
        ),
    ] {
        let (status, answer) = client.query(MONITORING, &format!("Action=PutMetricData&{form}"));
        assert_eq!((status, text(&answer, "Code")), (400, code), "{form}");
    }
    let ask = "Action=GetMetricStatistics&Namespace=N&MetricName=M&StartTime=2026-11-20T09:00:00Z&EndTime=2026-11-20T11:00:00Z&Period=60&Statistics.member.1=Sum";
    let (_, answer) = client.query(MONITORING, ask);
    assert_eq!(answer.find("Datapoints").unwrap().children, []);
}
