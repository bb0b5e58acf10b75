//! Signing in to Azure, in the one way that was chosen: never another when that one fails.

use crate::{
    action::{Tokens, Trouble},
    model::{Clock, Secret},
};
use async_trait::async_trait;
use azure_core::credentials::TokenCredential;
use azure_identity::{
    AzureCliCredential, ClientSecretCredential, ManagedIdentityCredential,
    ManagedIdentityCredentialOptions, UserAssignedId, WorkloadIdentityCredential,
};
use jiff::{SignedDuration, Timestamp};
use std::{
    collections::HashMap,
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// A token is used until this long before its end: a request must not arrive with one that has just died.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// How to sign in. The caller read what it needs from the environment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SignIn {
    /// As whoever is signed in to the Azure CLI.
    Cli,
    /// As the identity of the machine; of one of several, when a client id is given.
    Managed { client_id: Option<String> },
    /// As the workload of a Kubernetes cluster: `azure_identity` reads `AZURE_TENANT_ID`, `AZURE_CLIENT_ID` and
    /// `AZURE_FEDERATED_TOKEN_FILE`.
    Workload,
    /// As an app, with its secret.
    ClientSecret { tenant: String, client_id: String, secret: Secret },
}

impl SignIn {
    fn name(&self) -> String {
        match self {
            Self::Cli => "the Azure CLI's user".to_owned(),
            Self::Managed { client_id: None } => "the machine's managed identity".to_owned(),
            Self::Managed { client_id: Some(id) } => format!("the managed identity {id}"),
            Self::Workload => "the workload identity".to_owned(),
            Self::ClientSecret { client_id, .. } => format!("the app {client_id}"),
        }
    }

    /// What to do when signing in fails.
    fn hint(&self) -> &'static str {
        match self {
            Self::Cli => "run `az login`",
            Self::Managed { .. } => "does this machine have that identity?",
            Self::Workload => "is the pod's service account federated with that identity?",
            Self::ClientSecret { .. } => "has the secret expired?",
        }
    }

    fn build(&self) -> azure_core::Result<Arc<dyn TokenCredential>> {
        Ok(match self {
            Self::Cli => AzureCliCredential::new(None)?,
            Self::Managed { client_id } => {
                let user_assigned_id = client_id.clone().map(UserAssignedId::ClientId);
                let options =
                    ManagedIdentityCredentialOptions { user_assigned_id, ..Default::default() };
                ManagedIdentityCredential::new(Some(options))?
            }
            Self::Workload => WorkloadIdentityCredential::new(None)?,
            Self::ClientSecret { tenant, client_id, secret } => {
                let secret = azure_core::credentials::Secret::new(secret.expose().to_owned());
                ClientSecretCredential::new(tenant, client_id.clone(), secret, None)?
            }
        })
    }
}

/// Hands out Azure's tokens. Asks for the first one only when it is needed, and keeps each until it is about to end.
pub struct Credential {
    sign_in: SignIn,
    clock: Clock,
    kept: Mutex<Kept>,
    /// One signs in at a time. Whoever has a token that holds does not wait for it.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    source: Option<Arc<dyn TokenCredential>>,
    tokens: HashMap<String, (Secret, Timestamp)>,
}

impl Credential {
    pub fn new(sign_in: SignIn, clock: Clock) -> Self {
        Self { sign_in, clock, kept: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token that was got before, and holds for a while.
    fn kept_token(&self, scope: &str) -> Option<Secret> {
        let kept = self.kept();
        let (token, ends) = kept.tokens.get(scope)?;
        (*ends - MARGIN > self.clock.now()).then(|| token.clone())
    }

    fn trouble(&self, error: &azure_core::Error) -> Trouble {
        let (who, hint) = (self.sign_in.name(), self.sign_in.hint());
        Trouble::denied(format!("cannot sign in to Azure as {who}: {error}; {hint}"))
    }
}

#[async_trait]
impl Tokens for Credential {
    async fn token(&self, scope: &str, fresh: bool) -> Result<Secret, Trouble> {
        if fresh {
            // `azure_identity` keeps tokens of its own, for as long as the credential lives.
            *self.kept() = Kept::default();
        }
        if let Some(token) = self.kept_token(scope) {
            return Ok(token);
        }
        let _turn = self.turn.lock().await;
        // Somebody else may have got it meanwhile.
        if let Some(token) = self.kept_token(scope) {
            return Ok(token);
        }
        let source = self.kept().source.clone();
        let source = match source {
            Some(source) => source,
            None => self.sign_in.build().map_err(|error| self.trouble(&error))?,
        };
        let got = source.get_token(&[scope], None).await.map_err(|error| self.trouble(&error))?;
        let token = Secret::new(got.token.secret());
        let ends = Timestamp::from_second(got.expires_on.unix_timestamp());
        let mut kept = self.kept();
        kept.source = Some(source);
        kept.tokens.insert(scope.to_owned(), (token.clone(), ends.unwrap_or(Timestamp::MIN)));
        Ok(token)
    }

    fn identity(&self) -> String {
        self.sign_in.name()
    }

    fn ends(&self) -> Option<Timestamp> {
        self.kept().tokens.values().map(|(_, ends)| *ends).min()
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Credential({})", self.sign_in.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::TroubleKind;

    #[tokio::test]
    async fn a_sign_in_that_fails_is_named_and_no_other_is_tried() {
        let sign_in = SignIn::ClientSecret {
            tenant: "not a tenant".to_owned(),
            client_id: "sp-drill".to_owned(),
            secret: Secret::new("hush"),
        };
        let credential = Credential::new(sign_in, Clock::real());
        let trouble = credential.token("https://management.azure.com/.default", false).await;
        let trouble = trouble.unwrap_err();
        assert_eq!(trouble.kind, TroubleKind::Denied);
        assert!(
            trouble.why.starts_with("cannot sign in to Azure as the app sp-drill: "),
            "{trouble}"
        );
        assert!(!trouble.why.contains("hush"));
    }
}
