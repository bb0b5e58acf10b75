//! Exchanges that keep the contract, over each protocol.

use bytes::Bytes;
use failover::sim::Exchange;
use http::{HeaderMap, HeaderValue};

pub(super) const FORM: &str = "application/x-www-form-urlencoded";
pub(super) const JSON: &str = "application/x-amz-json-1.0";

/// An exchange as texts, of which each may be spoilt.
#[derive(Clone, Default)]
pub(super) struct Sample {
    /// The region and the service that it is signed for.
    scope: &'static str,
    pub call: &'static str,
    headers: &'static [(&'static str, &'static str)],
    sent: &'static str,
    status: u16,
    answer_headers: &'static [(&'static str, &'static str)],
    answer: &'static str,
}

impl Sample {
    /// The exchange with one text in the place of another.
    pub(super) fn swapped(&self, from: &str, to: &str) -> Exchange {
        let whole = self.exchange(&|text| text.to_owned());
        let spoilt = self.exchange(&|text| text.replace(from, to));
        assert_ne!(format!("{whole:?}"), format!("{spoilt:?}"), "`{from}` is not there");
        spoilt
    }

    pub(super) fn exchange(&self, spoil: &dyn Fn(&str) -> String) -> Exchange {
        let headers = |all: &[(&'static str, &str)]| {
            let header = |(name, text): &(&'static str, &str)| {
                (name.parse().unwrap(), HeaderValue::from_str(&spoil(text)).unwrap())
            };
            all.iter().map(header).collect::<HeaderMap>()
        };
        let call = spoil(self.call);
        let (method, address) = call.split_once(' ').unwrap();
        let (host, path) = address.split_once('/').unwrap();
        let signed = format!(
            "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/{}/aws4_request, SignedHeaders=host",
            self.scope
        );
        let mut answer = http::Response::new(Bytes::from(spoil(self.answer)));
        *answer.status_mut() = spoil(&self.status.to_string()).parse().unwrap();
        *answer.headers_mut() = headers(self.answer_headers);
        answer.headers_mut().insert("x-amzn-requestid", HeaderValue::from_static("r-1"));
        let mut sent = headers(self.headers);
        sent.insert("authorization", HeaderValue::from_str(&spoil(&signed)).unwrap());
        Exchange {
            at: "2026-11-20T10:00:00Z".parse().unwrap(),
            method: method.parse().unwrap(),
            scheme: "https".to_owned(),
            host: host.to_owned(),
            path_and_query: format!("/{path}"),
            // The contract reads it out of the request by itself.
            operation: None,
            status: Some(answer.status()),
            is_read: true,
            has_changed: false,
            headers: sent,
            bodies: Some((Bytes::from(spoil(self.sent)), answer)),
        }
    }
}

/// Over the Query protocol.
pub(super) const HEALTH: Sample = Sample {
    scope: "us-west-2/elasticloadbalancing",
    call: "POST elasticloadbalancing.us-west-2.amazonaws.com/",
    headers: &[("content-type", FORM)],
    sent: "Action=DescribeTargetHealth&Version=2015-12-01&TargetGroupArn=arn%3Atg&Targets.member.1.Id=i-1&Targets.member.1.Port=80&Targets.member.2.Id=i-2",
    status: 200,
    answer_headers: &[("content-type", "text/xml")],
    answer: "<?xml version=\"1.0\"?><DescribeTargetHealthResponse xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\"><DescribeTargetHealthResult><TargetHealthDescriptions><member><Target><Id>i-1</Id><Port>80</Port></Target><TargetHealth><State>healthy</State></TargetHealth></member></TargetHealthDescriptions></DescribeTargetHealthResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></DescribeTargetHealthResponse>",
};

/// Over the Query protocol, without a result.
pub(super) const RESIZE: Sample = Sample {
    scope: "us-west-2/autoscaling",
    call: "POST autoscaling.us-west-2.amazonaws.com/",
    headers: &[("content-type", FORM)],
    sent: "Action=UpdateAutoScalingGroup&Version=2011-01-01&AutoScalingGroupName=web&DesiredCapacity=4&TerminationPolicies.member.1=Default",
    status: 200,
    answer_headers: &[("content-type", "text/xml")],
    answer: "<UpdateAutoScalingGroupResponse xmlns=\"http://autoscaling.amazonaws.com/doc/2011-01-01/\"><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></UpdateAutoScalingGroupResponse>",
};

/// A refusal over the Query protocol.
pub(super) const GONE: Sample = Sample {
    scope: "us-west-2/rds",
    call: "POST rds.us-west-2.amazonaws.com/",
    headers: &[("content-type", FORM)],
    sent: "Action=PromoteReadReplica&Version=2014-10-31&DBInstanceIdentifier=db-1",
    status: 404,
    answer_headers: &[("content-type", "text/xml")],
    answer: "<ErrorResponse xmlns=\"http://rds.amazonaws.com/doc/2014-10-31/\"><Error><Type>Sender</Type><Code>DBInstanceNotFound</Code><Message>no</Message></Error><RequestId>r-1</RequestId></ErrorResponse>",
};

/// A map in XML, of a service that speaks JSON too.
pub(super) const STATISTICS: Sample = Sample {
    scope: "us-west-2/monitoring",
    call: "POST monitoring.us-west-2.amazonaws.com/",
    headers: &[("content-type", FORM)],
    sent: "Action=GetMetricStatistics&Version=2010-08-01&Namespace=Web&MetricName=Failover&StartTime=2026-11-20T09%3A00%3A00Z&EndTime=2026-11-20T10%3A00%3A00Z&Period=60&ExtendedStatistics.member.1=p99",
    status: 200,
    answer_headers: &[("content-type", "text/xml")],
    answer: "<GetMetricStatisticsResponse xmlns=\"http://monitoring.amazonaws.com/doc/2010-08-01/\"><GetMetricStatisticsResult><Label>Failover</Label><Datapoints><member><Timestamp>2026-11-20T09:59:00Z</Timestamp><ExtendedStatistics><entry><key>p99</key><value>1.0</value></entry></ExtendedStatistics></member></Datapoints></GetMetricStatisticsResult><ResponseMetadata><RequestId>r-1</RequestId></ResponseMetadata></GetMetricStatisticsResponse>",
};

/// Over JSON, without a result.
pub(super) const DATUM: Sample = Sample {
    scope: "us-west-2/monitoring",
    call: "POST monitoring.us-west-2.amazonaws.com/",
    headers: &[
        ("content-type", JSON),
        ("x-amz-target", "GraniteServiceVersion20100801.PutMetricData"),
    ],
    sent: r#"{"Namespace":"Web","MetricData":[{"MetricName":"Failover","Value":1.0,"Timestamp":1795168800,"StorageResolution":60,"Unit":"Count"}]}"#,
    status: 200,
    answer_headers: &[("content-type", JSON)],
    answer: "{}",
};

/// Over JSON.
pub(super) const SERVICES: Sample = Sample {
    scope: "us-west-2/ecs",
    call: "POST ecs.us-west-2.amazonaws.com/",
    headers: &[
        ("content-type", "application/x-amz-json-1.1"),
        ("x-amz-target", "AmazonEC2ContainerServiceV20141113.DescribeServices"),
    ],
    sent: r#"{"cluster":"main","services":["web"]}"#,
    status: 200,
    answer_headers: &[("content-type", "application/x-amz-json-1.1")],
    answer: r#"{"services":[{"serviceName":"web","desiredCount":2,"createdAt":1795168800.5,"deployments":[{"rolloutState":"COMPLETED"}]}],"failures":[]}"#,
};

/// A refusal over JSON, of a service that keeps the codes of the Query protocol.
pub(super) const ODD_DATUM: Sample = Sample {
    status: 400,
    answer_headers: &[
        ("content-type", JSON),
        ("x-amzn-query-error", "InvalidParameterValue;Sender"),
    ],
    answer: r#"{"__type":"com.amazonaws.cloudwatch#InvalidParameterValueException","message":"no"}"#,
    ..DATUM
};

/// Over REST, with a document.
pub(super) const BATCH: Sample = Sample {
    scope: "us-east-1/route53",
    call: "POST route53.amazonaws.com/2013-04-01/hostedzone/Z1/rrset/",
    headers: &[],
    sent: "<ChangeResourceRecordSetsRequest xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeBatch><Changes><Change><Action>UPSERT</Action><ResourceRecordSet><Name>www.example.com</Name><Type>A</Type><TTL>60</TTL><ResourceRecords><ResourceRecord><Value>192.0.2.1</Value></ResourceRecord></ResourceRecords></ResourceRecordSet></Change></Changes></ChangeBatch></ChangeResourceRecordSetsRequest>",
    status: 200,
    answer_headers: &[("content-type", "text/xml")],
    answer: "<ChangeResourceRecordSetsResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ChangeInfo><Id>/change/C1</Id><Status>PENDING</Status><SubmittedAt>2026-11-20T10:00:00.123Z</SubmittedAt></ChangeInfo></ChangeResourceRecordSetsResponse>",
};

/// Over REST, with parameters.
pub(super) const RECORDS: Sample = Sample {
    call: "GET route53.amazonaws.com/2013-04-01/hostedzone/Z1/rrset?name=www.example.com&type=A&maxitems=1",
    sent: "",
    answer: "<ListResourceRecordSetsResponse xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><ResourceRecordSets></ResourceRecordSets><IsTruncated>false</IsTruncated><MaxItems>1</MaxItems></ListResourceRecordSetsResponse>",
    ..BATCH
};

/// What is wrong with a batch, as Route 53 lists it.
pub(super) const ODD_BATCH: Sample = Sample {
    status: 400,
    answer: "<InvalidChangeBatch xmlns=\"https://route53.amazonaws.com/doc/2013-04-01/\"><Messages><Message>no</Message></Messages></InvalidChangeBatch>",
    ..BATCH
};

/// To an endpoint of one's own.
pub(super) const CONTROL: Sample = Sample {
    scope: "us-west-2/route53-recovery-cluster",
    call: "POST host-bbbbbb.us-west-2.example.com/v1",
    headers: &[
        ("content-type", JSON),
        ("x-amz-target", "ToggleCustomerAPI.UpdateRoutingControlStates"),
    ],
    sent: r#"{"UpdateRoutingControlStateEntries":[{"RoutingControlArn":"arn:aws:a/1","RoutingControlState":"On"}]}"#,
    ..DATUM
};
