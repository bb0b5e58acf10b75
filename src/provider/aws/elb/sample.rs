use super::*;
use crate::provider::testing::*;

pub(super) const BLUE: &str =
    "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/blue/73e2d6bc24d8a067";
pub(super) const GREEN: &str =
    "arn:aws:elasticloadbalancing:us-west-2:123456789012:targetgroup/green/d4b2c1a09f8e7d6c";
pub(super) const HTTPS: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:listener/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2";
pub(super) const PATH: &str = "arn:aws:elasticloadbalancing:us-west-2:123456789012:listener-rule/app/shop/50dc6c495c0c9188/f2f7dc8efc522ab2/9683b2d02a6cabee";

pub(super) fn group(arn: &str) -> Resource {
    aws_resource("AWS::ElasticLoadBalancingV2::TargetGroup", arn, Some("us-west-2"))
}

pub(super) fn listener() -> Resource {
    aws_resource("AWS::ElasticLoadBalancingV2::Listener", HTTPS, Some("us-west-2"))
}

fn answered(operation: &str, result: &str) -> Outcome {
    ok(&format!(
        "<{operation}Response xmlns=\"http://elasticloadbalancing.amazonaws.com/doc/2015-12-01/\">\
         <{operation}Result>{result}</{operation}Result><ResponseMetadata>\
         <RequestId>8f2c</RequestId></ResponseMetadata></{operation}Response>"
    ))
}

/// Targets by their ids, states and reasons.
pub(super) fn health(targets: &[(&str, &str, &str)]) -> Outcome {
    let member = |(id, state, reason): &(&str, &str, &str)| {
        let reason = match *reason {
            "" => String::new(),
            reason => format!("<Reason>{reason}</Reason><Description>because</Description>"),
        };
        format!(
            "<member><HealthCheckPort>80</HealthCheckPort><Target><Port>80</Port><Id>{id}</Id>\
             </Target><TargetHealth><State>{state}</State>{reason}</TargetHealth></member>"
        )
    };
    let members: String = targets.iter().map(member).collect();
    answered(
        "DescribeTargetHealth",
        &format!("<TargetHealthDescriptions>{members}</TargetHealthDescriptions>"),
    )
}

/// A forward to groups with weights. Of a single one AWS names the group twice.
pub(super) fn forward(groups: &[(&str, u32)]) -> String {
    let member = |(arn, weight): &(&str, u32)| {
        format!("<member><TargetGroupArn>{arn}</TargetGroupArn><Weight>{weight}</Weight></member>")
    };
    let members: String = groups.iter().map(member).collect();
    let single = match groups {
        [(arn, _)] => format!("<TargetGroupArn>{arn}</TargetGroupArn>"),
        _ => String::new(),
    };
    format!(
        "<member><Type>forward</Type>{single}<Order>2</Order><ForwardConfig>\
         <TargetGroupStickinessConfig><Enabled>true</Enabled><DurationSeconds>300</DurationSeconds>\
         </TargetGroupStickinessConfig><TargetGroups>{members}</TargetGroups></ForwardConfig></member>"
    )
}

/// A sign-in before what follows, as AWS shows it: without its secret.
pub(super) const SIGN_IN: &str = "<member><Type>authenticate-oidc</Type><Order>1</Order>\
     <AuthenticateOidcConfig><Issuer>https://login.example</Issuer><ClientId>shop</ClientId>\
     <AuthenticationRequestExtraParams><entry><key>prompt</key><value>login</value></entry>\
     </AuthenticationRequestExtraParams></AuthenticateOidcConfig></member>";

pub(super) fn listeners(protocol: &str, actions: &str) -> Outcome {
    answered(
        "DescribeListeners",
        &format!(
            "<Listeners><member><ListenerArn>{HTTPS}</ListenerArn><Protocol>{protocol}</Protocol>\
             <Port>443</Port><DefaultActions>{actions}</DefaultActions></member></Listeners>"
        ),
    )
}

/// A rule with a condition on paths.
pub(super) fn rule(priority: &str, path: &str, actions: &str) -> String {
    format!(
        "<member><IsDefault>false</IsDefault><Conditions><member><Field>path-pattern</Field>\
         <Values><member>{path}</member></Values><PathPatternConfig><Values><member>{path}</member>\
         </Values></PathPatternConfig></member></Conditions><Priority>{priority}</Priority>\
         <Actions>{actions}</Actions><RuleArn>{PATH}</RuleArn></member>"
    )
}

/// Rules, and the default one that every listener has.
pub(super) fn rules(rules: &[String], next: &str) -> Outcome {
    let default = format!(
        "<member><IsDefault>true</IsDefault><Conditions/><Priority>default</Priority><Actions>{}\
         </Actions><RuleArn>{PATH}0</RuleArn></member>",
        forward(&[(BLUE, 1)])
    );
    let rules = rules.concat();
    answered("DescribeRules", &format!("<Rules>{rules}{default}</Rules>{next}"))
}

pub(super) fn fixed(status: u16, kind: &str, body: &str) -> String {
    format!(
        "<member><Type>fixed-response</Type><FixedResponseConfig><ContentType>{kind}</ContentType>\
         <MessageBody>{body}</MessageBody><StatusCode>{status}</StatusCode></FixedResponseConfig></member>"
    )
}

#[test]
fn an_arn_has_a_short_name() {
    assert_eq!([BLUE, HTTPS, PATH, "blue"].map(short), ["blue", "shop", "shop", "blue"]);
}
