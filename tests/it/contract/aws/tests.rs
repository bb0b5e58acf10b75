//! The check itself: exchanges that keep the contract, and what is told of each that breaks it in one place.

use super::{
    check,
    excerpt::EXCERPTS,
    is_meant,
    samples::*,
    shape::{LEFT_OUT, kind},
};
use http::StatusCode;
use regex::Regex;
use serde_json::Value;

#[test]
fn what_keeps_the_contract_passes() {
    let samples = [
        HEALTH, RESIZE, GONE, STATISTICS, DATUM, SERVICES, ODD_DATUM, BATCH, RECORDS, ODD_BATCH,
        CONTROL,
    ];
    for sample in samples {
        assert_eq!(check(&sample.exchange(&str::to_owned)), Ok(()), "{}", sample.call);
    }
}

fn assert_told(table: &[(Sample, &str, &str, &str)]) {
    let untold = |(sample, from, to, told): &(Sample, &str, &str, &str)| {
        let result = check(&sample.swapped(from, to));
        let is_told = result.as_ref().is_err_and(|why| why.contains(told));
        (!is_told).then(|| format!("`{from}` to `{to}`: {result:?} instead of {told:?}"))
    };
    let untold: Vec<_> = table.iter().filter_map(untold).collect();
    assert!(untold.is_empty(), "{untold:#?}");
}

#[test]
fn what_breaks_it_in_requests_of_the_query_protocol_is_told() {
    assert_told(&[
        (HEALTH, "POST", "PUT", "PUT instead of POST"),
        (HEALTH, FORM, "text/plain", "`text/plain` instead of"),
        (HEALTH, "=DescribeTargetHealth", "=DescribeTargets", "no excerpt of `DescribeTargets`"),
        (HEALTH, "Version=2015-12-01", "Version=2012-06-01", "version Some(\"2012-06-01\")"),
        (HEALTH, "TargetGroupArn=", "TargetGroup=", "sent.TargetGroup is not in the model"),
        (HEALTH, "TargetGroupArn=arn%3Atg&", "", "sent lacks `TargetGroupArn`"),
        (HEALTH, "member.2", "member.3", "`member` is not numbered from 1 on without a gap"),
        (
            HEALTH,
            "Targets.member",
            "Targets.Target",
            "Targets holds `Target.N` instead of `member.N`",
        ),
        (HEALTH, "member.1.Port", "member.1.Id", "`Targets.member.1.Id` is there twice"),
        (HEALTH, "Port=80", "Port=http", "sent.Targets[0].Port is \"http\", not a whole number"),
        (HEALTH, "Port=80", "Port=80000", "not within 1 and 65535"),
        (
            HEALTH,
            "arn%3Atg",
            "arn%3Atg&TargetGroupArn.x=1",
            "TargetGroupArn holds `x` instead of a text",
        ),
        (
            RESIZE,
            "TerminationPolicies.member.1",
            "TerminationPolicies.member",
            "holds `member` instead of `member.N`",
        ),
        (RESIZE, "Policies.member.1=", "Policies=", "TerminationPolicies holds the text `Default`"),
        (HEALTH, "<State>healthy</State>", "healthy", "TargetHealth holds the text `healthy`"),
        (RESIZE, "DesiredCapacity=4", "MixedInstancesPolicy.x=4", "is left out of the excerpt"),
        (
            STATISTICS,
            "09%3A00%3A00Z",
            "09%3A00",
            "StartTime is \"2026-11-20T09:00\", not an instant",
        ),
        (STATISTICS, "Period=60", "Period=0", "not within 1"),
    ]);
}

#[test]
fn what_breaks_it_in_answers_of_the_query_protocol_is_told() {
    assert_told(&[
        (HEALTH, "text/xml", "application/json", "`application/json` instead of"),
        (HEALTH, "/doc/2015-12-01/", "/doc/2012-06-01/", "is not in the namespace"),
        (HEALTH, "HealthResponse", "HealthAnswer", "the root is `DescribeTargetHealthAnswer`"),
        (HEALTH, "HealthResult", "HealthOutcome", "DescribeTargetHealthOutcome is not known"),
        (HEALTH, "</Describe", "</Deskribe", "no XML, or it breaks off"),
        (HEALTH, "member>", "item>", "holds `item` instead of `member`"),
        (HEALTH, "State>", "Health>", "TargetHealth.Health is not in the model"),
        (
            HEALTH,
            "healthy",
            "fine",
            "answered.TargetHealthDescriptions[0].TargetHealth.State is \"fine\"",
        ),
        (HEALTH, "<State>healthy</State>", "<State><Now/></State>", "State holds `Now`"),
        (HEALTH, "<Port>80</Port>", "<Id>i-2</Id>", "Target.Id is there twice"),
        (HEALTH, "<RequestId>r-1</RequestId>", "", "the answer lacks the `RequestId`"),
        (HEALTH, "200", "202", "the status 202 Accepted is not of this operation"),
        (
            RESIZE,
            "/\"><",
            "/\"><UpdateAutoScalingGroupResult/><",
            "has a `UpdateAutoScalingGroupResult`",
        ),
        (STATISTICS, "entry>", "pair>", "no entry of a map"),
        (
            STATISTICS,
            "<value>1.0",
            "<value>much",
            "ExtendedStatistics.p99 is \"much\", not a number",
        ),
        (GONE, "DBInstanceNotFound", "DBInstanceNotFoundFault", "is not of this operation"),
        (GONE, "404", "400", "`DBInstanceNotFound` is answered with 404"),
        (GONE, "<RequestId>r-1</RequestId>", "", "it has no request id"),
        (GONE, "Sender", "Client", "whose fault"),
        (GONE, "<Message>no</Message>", "", "it has no message"),
        (GONE, "Message>", "Text>", "Error.Text is not known"),
        (GONE, "<Code>DBInstanceNotFound</Code>", "", "it has no code"),
    ]);
}

#[test]
fn what_breaks_it_over_json_is_told() {
    assert_told(&[
        (DATUM, "POST", "GET", "GET instead of POST"),
        (DATUM, "json-1.0", "json-1.1", "`application/x-amz-json-1.1` instead of"),
        (DATUM, "20100801.Put", "20110801.Put", "no excerpt of `GraniteServiceVersion20110801.Put"),
        (
            DATUM,
            "PutMetricData",
            "PutMetric",
            "no excerpt of `GraniteServiceVersion20100801.PutMetric`",
        ),
        (DATUM, "Namespace\"", "NameSpace\"", "sent lacks `Namespace`"),
        (DATUM, "\"Unit\"", "\"Units\"", "sent.MetricData[0].Units is not in the model"),
        (DATUM, "\"Web\"", "\":Web\"", "sent.Namespace is \":Web\", not like `[^:].*`"),
        (DATUM, "\"Web\"", "\"\"", "sent.Namespace is \"\""),
        (DATUM, "\"Count\"", "\"Pieces\"", "sent.MetricData[0].Unit is \"Pieces\", not one of"),
        (DATUM, "\"Count\"", "null", "sent.MetricData[0].Unit is null"),
        (DATUM, ":1.0", ":\"1.0\"", "sent.MetricData[0].Value is \"1.0\", not a number"),
        (DATUM, ":1795168800", ":\"2026-11-20T10:00:00Z\"", "not an instant"),
        (DATUM, ":60", ":60.5", "sent.MetricData[0].StorageResolution is 60.5, not a whole number"),
        (DATUM, ":60", ":0", "not within 1"),
        (DATUM, "[{", "{\"a\":{", "the body sent: "),
        (SERVICES, "[\"web\"]", "\"web\"", "sent.services is \"web\", not a list"),
        (SERVICES, "\"main\"", "7", "sent.cluster is 7, not a text"),
        (SERVICES, "\"failures\":[]", "\"failed\":[]", "answered.failed is not in the model"),
        (
            SERVICES,
            ":2,",
            ":\"2\",",
            "answered.services[0].desiredCount is \"2\", not a whole number",
        ),
        (SERVICES, ":2,", ":4294967296,", "not a whole number"),
        (
            SERVICES,
            "COMPLETED",
            "DONE",
            "answered.services[0].deployments[0].rolloutState is \"DONE\"",
        ),
        (SERVICES, "1795168800.5", "\"today\"", "answered.services[0].createdAt is \"today\""),
        (SERVICES, "[{\"rolloutState\":\"COMPLETED\"}]", "{}", "deployments is {}, not a list"),
        (
            SERVICES,
            "\"deployments\":[{\"rolloutState\":\"COMPLETED\"}]",
            "\"taskSets\":[{}]",
            "is left out of the excerpt",
        ),
        (SERVICES, "\"failures\":[]}", "", "the answer: "),
        (DATUM, "{}", "{\"Result\":1}", "where nothing is"),
        (ODD_DATUM, "ValueException", "Value", "`InvalidParameterValue` is not of this operation"),
        (
            ODD_DATUM,
            "InvalidParameterValueException",
            "ConflictException",
            "`ConflictException` is not of",
        ),
        (ODD_DATUM, "Value;Sender", "ValueException;Sender", "is `InvalidParameterValue`"),
        (ODD_DATUM, ";Sender", ";Client", "`x-amzn-query-error` is `InvalidParameterValue;Client`"),
        (ODD_DATUM, "InvalidParameterValue;Sender", "", "it lacks `x-amzn-query-error`"),
        (ODD_DATUM, "message", "why", "has no message"),
        (ODD_DATUM, "__type", "type", "it has no `__type`"),
        (ODD_DATUM, "400", "500", "is answered with 400"),
        (CONTROL, "\"On\"", "\"on\"", "RoutingControlState is \"on\", not one of"),
        (CONTROL, "arn:aws:a/1", "arn:aws:a 1", "not like"),
    ]);
}

#[test]
fn what_breaks_it_over_rest_is_told() {
    let (kind, ttl) = ("<Type>A</Type>", "<TTL>60</TTL>");
    let record = "<ResourceRecord><Value>192.0.2.1</Value></ResourceRecord>";
    assert_told(&[
        (BATCH, "POST", "PUT", "no excerpt of `PUT /2013-04-01/hostedzone/Z1/rrset/`"),
        (BATCH, "2013-04-01/hosted", "2012-12-12/hosted", "no excerpt of `POST /2012-12-12"),
        (BATCH, "Request xmlns=\"https", "Request xmlns=\"http", "is not in the namespace"),
        (BATCH, "SetsRequest", "SetRequest", "the root is `ChangeResourceRecordSetRequest`"),
        (
            BATCH,
            "<ChangeBatch>",
            "<HostedZoneId>Z1</HostedZoneId><ChangeBatch>",
            "HostedZoneId is not in the model",
        ),
        (
            BATCH,
            &format!("{kind}{ttl}"),
            &format!("{ttl}{kind}"),
            "Type stands behind what follows it",
        ),
        (BATCH, record, "", "ResourceRecords is [], not within 1"),
        (BATCH, kind, "", "ResourceRecordSet lacks `Type`"),
        (BATCH, "UPSERT", "REPLACE", "Action is \"REPLACE\", not one of"),
        (BATCH, "<TTL>60", "<TTL>1m", "TTL is \"1m\", not a whole number"),
        (BATCH, "Change>", "Member>", "Changes holds `Member` instead of `Change`"),
        (
            BATCH,
            "hostedzone/Z1/",
            &format!("hostedzone/{}/", "Z".repeat(33)),
            "not within null and 32",
        ),
        (BATCH, "PENDING", "DONE", "answered.ChangeInfo.Status is \"DONE\""),
        (BATCH, ".123Z", "", "SubmittedAt is \"2026-11-20T10:00:00\", not an instant"),
        (BATCH, "<Status>PENDING</Status>", "", "answered.ChangeInfo lacks `Status`"),
        (RECORDS, "type=A", "kind=A", "the parameter `kind` is not of this operation"),
        (RECORDS, "type=A", "type=B", "sent.StartRecordType is \"B\""),
        (RECORDS, "false", "no", "answered.IsTruncated is \"no\", not true or false"),
        (RECORDS, "<MaxItems>1</MaxItems>", "", "answered lacks `MaxItems`"),
        (ODD_BATCH, "InvalidChangeBatch", "InvalidBatch", "the root is `InvalidBatch`"),
    ]);
}

#[test]
fn where_a_request_goes_and_who_answers_is_told() {
    assert_told(&[
        (HEALTH, "AWS4-HMAC-SHA256 Credential=", "Bearer ", "is not signed"),
        (
            HEALTH,
            "us-west-2/elastic",
            "us-east-1/elastic",
            "signed for us-east-1 instead of us-west-2",
        ),
        (HEALTH, "POST elasticloadbalancing.", "POST rds.", "is at elasticloadbalancing.{region}"),
        (HEALTH, "us-west-2/elasticloadbalancing", "us-west-2/s3", "no excerpt of `s3`"),
        (
            BATCH,
            "us-east-1/route53",
            "us-west-2/route53",
            "signed for us-west-2 instead of us-east-1",
        ),
        (
            SERVICES,
            "AmazonEC2ContainerServiceV20141113.DescribeServices",
            "",
            "`ecs` does not speak Query",
        ),
    ]);
    let whole = HEALTH.exchange(&str::to_owned);
    let mut one = whole.clone();
    one.bodies = None;
    assert!(check(&one).unwrap_err().contains("bodies were not kept"));
    one.status = None;
    assert_eq!(check(&one), Ok(()), "nobody answered");

    // Only refusals may come from whatever stands before a service.
    let mut one = whole.clone();
    let (_, answer) = one.bodies.as_mut().unwrap();
    answer.headers_mut().remove("x-amzn-requestid");
    assert!(check(&one).unwrap_err().contains("the answer has no request id"));
    one.status = Some(StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(check(&one), Ok(()));

    // The customers' own hosts.
    let mut one = whole;
    one.headers.clear();
    assert!(is_meant(&one));
    one.host = "web-1.us-west-2.elb.amazonaws.com".to_owned();
    assert!(!is_meant(&one));
}

#[test]
fn any_service_may_answer_with_a_common_error() {
    let throttled = GONE.swapped("DBInstanceNotFound", "Throttling");
    assert_eq!(check(&throttled), Ok(()));
    let told = check(&ODD_DATUM.swapped("InvalidParameterValueException", "Throttling"));
    assert!(told.unwrap_err().contains("`Throttling` is not of this operation"));
    let exchange = ODD_DATUM.swapped("InvalidParameterValueException", "ThrottlingException");
    assert_eq!(check(&exchange), Ok(()));
}

#[test]
fn the_excerpts_hold_together() {
    let scalars =
        ["string", "blob", "integer", "long", "float", "double", "boolean", "timestamp", LEFT_OUT];
    for service in &EXCERPTS.services {
        let shapes = &service.shapes.0;
        let is_known = |shape: &Value| {
            let shape = shape.get("shape").unwrap_or(shape).as_str().unwrap();
            assert!(
                shapes.contains_key(shape) || scalars.contains(&shape),
                "{}: no shape `{shape}`",
                service.name
            );
        };
        for (name, shape) in shapes {
            let members = shape["members"].as_object().into_iter().flatten();
            members.for_each(|(_, member)| is_known(member));
            ["list", "map", "key"].iter().filter_map(|part| shape.get(part)).for_each(is_known);
            let is_compound =
                ["members", "list", "map"].iter().any(|part| shape.get(part).is_some());
            assert!(is_compound || scalars.contains(&kind(shape)), "{name}: {shape}");
            if let Some(pattern) = shape["pattern"].as_str() {
                Regex::new(pattern).unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
        for operation in service.operations.values() {
            is_known(&Value::from(operation.input.as_str()));
            operation.output.iter().for_each(|output| is_known(&Value::from(output.as_str())));
        }
        let declared: Vec<_> = service.operations.values().flat_map(|one| &one.errors).collect();
        let unused: Vec<_> =
            service.errors.keys().filter(|name| !declared.contains(name)).collect();
        assert!(unused.is_empty(), "{}: {unused:?}", service.name);
    }
}
