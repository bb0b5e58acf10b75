//! Keys for AWS: from where its own tools take them, through `aws-config`.

use crate::{
    action::{AwsKeys, Keys, Trouble},
    model::{Clock, Secret},
    wire::causes,
};
use async_trait::async_trait;
use aws_config::{BehaviorVersion, Region};
use aws_credential_types::provider::{ProvideCredentials, SharedCredentialsProvider};
use jiff::{SignedDuration, Timestamp};
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Keys are used until this long before their end: a request must not arrive with some that have just died.
const MARGIN: SignedDuration = SignedDuration::from_mins(5);

/// Hands out keys from the chain that AWS's own tools use: the environment, the profile (with its SSO session, process or
/// role), web identity, the container, the machine. Asks for the first ones only when they are needed.
pub struct Chain {
    /// Where a security token service is asked, if one is: in the region that is still there.
    region: String,
    clock: Clock,
    kept: Mutex<Kept>,
    /// One asks at a time. Whoever has keys that hold does not wait for it.
    turn: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    source: Option<SharedCredentialsProvider>,
    keys: Option<(AwsKeys, Option<Timestamp>)>,
}

impl Chain {
    pub fn new(region: impl Into<String>, clock: Clock) -> Self {
        Self {
            region: region.into(),
            clock,
            kept: Mutex::default(),
            turn: tokio::sync::Mutex::default(),
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn kept_keys(&self) -> Option<AwsKeys> {
        let kept = self.kept();
        let (keys, ends) = kept.keys.as_ref()?;
        let holds = ends.is_none_or(|ends| ends - MARGIN > self.clock.now());
        holds.then(|| keys.clone())
    }

    async fn source(&self) -> Result<SharedCredentialsProvider, Trouble> {
        if let Some(source) = self.kept().source.clone() {
            return Ok(source);
        }
        let settings = aws_config::defaults(BehaviorVersion::latest())
            .region(Region::new(self.region.clone()))
            .load()
            .await;
        let source = settings.credentials_provider();
        let source = source.ok_or_else(|| Trouble::denied("no keys for AWS are set up"))?;
        self.kept().source = Some(source.clone());
        Ok(source)
    }
}

#[async_trait]
impl Keys for Chain {
    async fn keys(&self, fresh: bool) -> Result<AwsKeys, Trouble> {
        if fresh {
            // The chain keeps what it found, for as long as it lives.
            *self.kept() = Kept::default();
        }
        if let Some(keys) = self.kept_keys() {
            return Ok(keys);
        }
        let _turn = self.turn.lock().await;
        // Somebody else may have got them meanwhile.
        if let Some(keys) = self.kept_keys() {
            return Ok(keys);
        }
        let source = self.source().await?;
        let got = source.provide_credentials().await.map_err(|error| {
            Trouble::denied(format!(
                "no keys for AWS: {}; sign in (`aws sso login`), or name a profile with AWS_PROFILE",
                causes(&error)
            ))
        })?;
        let keys = AwsKeys {
            id: got.access_key_id().to_owned(),
            secret: Secret::new(got.secret_access_key()),
            token: got.session_token().map(Secret::new),
        };
        let ends = got.expiry().and_then(|ends| Timestamp::try_from(ends).ok());
        self.kept().keys = Some((keys.clone(), ends));
        Ok(keys)
    }

    fn ends(&self) -> Option<Timestamp> {
        self.kept().keys.as_ref().and_then(|(_, ends)| *ends)
    }
}
