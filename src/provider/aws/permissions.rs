//! Whether the caller may do what a step will do, as far as IAM's policy simulator says it.
//!
//! A good answer is necessary, not sufficient: the simulator knows no resource policy of another account and no
//! condition of the moment. Where it may not be asked, or does not answer, nothing is known, and that is told.

use super::{call::Call, caller::caller, client::Aws, service::IAM};
use crate::{action::Finding, wire::Element};
use std::time::Duration;

/// IAM is asked for a note, and may be in the region that is lost.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) async fn examine(aws: &Aws, region: &str, permissions: &[&str]) -> Vec<Finding> {
    let asked = aws.clients.clock.within(PATIENCE, simulate(aws, region, permissions)).await;
    let unknown = |why: &str| {
        let all = permissions.join(", ");
        vec![Finding::note(format!("unknown whether this caller may {all}: {why}"))]
    };
    match asked {
        Some(Ok(findings)) => findings,
        Some(Err(why)) => unknown(&why),
        None => unknown("IAM did not answer in time"),
    }
}

async fn simulate(aws: &Aws, region: &str, permissions: &[&str]) -> Result<Vec<Finding>, String> {
    let caller = caller(&aws.clients, region).await.map_err(|trouble| trouble.why)?;
    // The owner of the account may do everything, and has no policy to be asked about.
    let Some(principal) = principal(&caller.arn) else { return Ok(Vec::new()) };
    let names: Vec<_> =
        (1..=permissions.len()).map(|number| format!("ActionNames.member.{number}")).collect();
    let mut parameters = vec![("PolicySourceArn", principal.as_str())];
    parameters.extend(names.iter().map(String::as_str).zip(permissions.iter().copied()));
    let call = Call::query(&IAM, "", "SimulatePrincipalPolicy", parameters);
    let answer = aws.read(&call).await.map_err(|trouble| trouble.why)?;
    let answer = answer.map_err(|error| format!("{} answered {error}", call.says()))?;
    let answer = super::client::xml(&call, &answer).map_err(|trouble| trouble.why)?;
    let results = answer.find("EvaluationResults").ok_or("IAM's simulator gave no results")?;
    let refused = |result: &Element| {
        let name = result.text_of("EvalActionName")?;
        let decision = result.text_of("EvalDecision")?;
        let says = format!("{principal} may not {name} ({decision})");
        (decision != "allowed").then(|| Finding::blocker(says))
    };
    Ok(results.children.iter().filter_map(refused).collect())
}

/// Whose policies count: for a session of a role, those of the role.
fn principal(arn: &str) -> Option<String> {
    let parts: Vec<_> = arn.splitn(6, ':').collect();
    let [_, partition, _, _, account, name] = parts[..] else { return None };
    match name.split('/').collect::<Vec<_>>()[..] {
        ["root"] => None,
        ["assumed-role", role, ..] => Some(format!("arn:{partition}:iam::{account}:role/{role}")),
        _ => Some(arn.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::provider::testing::*;

    const USER: &str = "arn:aws:iam::123456789012:user/ops";

    fn identity(arn: &str) -> String {
        format!(
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>{arn}</Arn>\
             <Account>123456789012</Account></GetCallerIdentityResult></GetCallerIdentityResponse>"
        )
    }

    fn decisions(decisions: &[(&str, &str)]) -> String {
        let member = |(name, decision): &(&str, &str)| {
            format!(
                "<member><EvalActionName>{name}</EvalActionName>\
                 <EvalDecision>{decision}</EvalDecision></member>"
            )
        };
        let members: String = decisions.iter().map(member).collect();
        format!("<R><EvaluationResults>{members}</EvaluationResults></R>")
    }

    async fn examined(script: &std::sync::Arc<Script>) -> Vec<Finding> {
        let aws = Aws::new(&script.clients());
        examine(&aws, "us-west-2", &["ecs:UpdateService", "ecs:DescribeServices"]).await
    }

    #[tokio::test]
    async fn what_is_not_allowed_blocks() {
        let said = [("ecs:UpdateService", "implicitDeny"), ("ecs:DescribeServices", "allowed")];
        let script = Script::new()
            .on("POST GetCallerIdentity", ok(&identity(USER)))
            .on("POST SimulatePrincipalPolicy", ok(&decisions(&said)));
        let says = format!("{USER} may not ecs:UpdateService (implicitDeny)");
        assert_eq!(examined(&script).await, [Finding::blocker(says)]);
    }

    #[tokio::test]
    async fn what_the_simulator_may_not_be_asked_is_unknown() {
        let script = Script::new()
            .on("POST GetCallerIdentity", ok(&identity(USER)))
            .on("POST SimulatePrincipalPolicy", aws_no(403, "AccessDenied"));
        let [note] = &examined(&script).await[..] else { panic!("one note") };
        assert!(note.says.contains("ecs:UpdateService, ecs:DescribeServices"), "{}", note.says);
        assert!(note.says.contains("403 AccessDenied"), "{}", note.says);
    }

    #[tokio::test]
    async fn the_owner_of_the_account_may_do_everything() {
        let root = identity("arn:aws:iam::123456789012:root");
        let script = Script::new().on("POST GetCallerIdentity", ok(&root));
        assert_eq!(examined(&script).await, []);
    }

    #[test]
    fn a_session_has_the_policies_of_its_role() {
        let session = "arn:aws:sts::123456789012:assumed-role/failover/eva";
        let role = "arn:aws:iam::123456789012:role/failover";
        assert_eq!(principal(session).as_deref(), Some(role));
    }
}
