//! An AWS account that nobody else has, and the real `aws` command line in it.

use super::python::{self, NOWHERE};
use crate::binary::Called;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::atomic::{AtomicU32, Ordering};

/// Accounts share nothing, so that tests may share a server and yet use the same names.
pub struct Account {
    pub endpoint: String,
    pub key: String,
    pub secret: String,
    /// Empty for keys that live on.
    pub session: String,
}

/// A number that no other account of these tests has.
pub fn number() -> String {
    static LAST: AtomicU32 = AtomicU32::new(0);
    format!("{:012}", LAST.fetch_add(1, Ordering::Relaxed) + 1)
}

impl Account {
    /// All that a program needs to work in it, and try once. It names no region: a call has to say which it means.
    pub fn environment(&self) -> Vec<(&'static str, &str)> {
        let mut environment = vec![
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", &self.key),
            ("AWS_SECRET_ACCESS_KEY", &self.secret),
            ("AWS_CONFIG_FILE", NOWHERE),
            ("AWS_SHARED_CREDENTIALS_FILE", NOWHERE),
            ("AWS_EC2_METADATA_DISABLED", "true"),
            ("AWS_MAX_ATTEMPTS", "1"),
        ];
        if !self.session.is_empty() {
            environment.push(("AWS_SESSION_TOKEN", &self.session));
        }
        environment
    }

    /// Calls the real `aws` for a region. It tries once. Its words are split at spaces, so that JSON in it must have none.
    pub fn aws(&self, region: &str, command: &str) -> Called {
        let output = python::module("awscli")
            // In some regions `aws rds` puts AWS's own host above that of the environment.
            .args(["--endpoint-url", &self.endpoint, "--region", region, "--output", "json"])
            .args(command.split_whitespace())
            .envs(self.environment())
            .output();
        Called::from(output.unwrap())
    }

    /// What `aws` says, which must succeed.
    pub fn aws_json(&self, region: &str, command: &str) -> Value {
        let called = self.aws(region, command);
        assert_eq!(called.code, Some(0), "aws {command} --region {region}\n{}", called.stderr);
        match called.stdout.trim() {
            "" => Value::Null,
            answer => serde_json::from_str(answer).unwrap(),
        }
    }

    /// Builds one of the stacks of `setup.py`, and returns the names of what is in it.
    pub(super) fn set_up<T: DeserializeOwned>(&self, stack: &str) -> T {
        let output = python::script("setup.py").arg(stack).envs(self.environment()).output();
        let called = Called::from(output.unwrap());
        assert_eq!(called.code, Some(0), "setup.py {stack}\n{}", called.stderr);
        serde_json::from_str(&called.stdout).unwrap()
    }
}
