//! AWS as other people emulate it, for tests that must not agree with a misreading of our own.
//!
//! Each emulator is shallow somewhere. `MiniStack` evaluates alarms and lets a change of records be pending for a while;
//! moto knows ECS, load balancers, Auto Scaling, and the promotion of a replica. Neither knows AWS's routing controls.

mod account;
mod answers;
mod capacity;
pub mod dig;
mod plane;
mod python;
mod rig;
mod route53;
mod server;
mod simulated;
mod stacks;
mod stop;

pub use account::Account;
pub use dig::{Answer, dig};
pub use stacks::{CapacityStack, StopStack};

use server::Server;
use std::{process::Command, sync::OnceLock};

pub struct Ministack(Server);

impl Ministack {
    /// One of the test's own: for what concerns all accounts, such as its end.
    pub fn start() -> Self {
        let set_port = |command: &mut Command, port: u16| {
            command.envs([
                ("BIND_HOST", "127.0.0.1"),
                ("GATEWAY_PORT", &port.to_string()),
                ("MINISTACK_HOST", "127.0.0.1"),
                // It would listen on a second port of its own choice.
                ("IOT_MTLS_ENABLED", "0"),
                // It would remove the containers of another MiniStack on this machine.
                ("DOCKER_HOST", "unix:///dev/null/docker.sock"),
            ]);
        };
        Self(Server::start("ministack", "/_ministack/health", set_port))
    }

    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Ministack> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    pub fn account(&self) -> Account {
        // It takes a key of twelve digits for the account's number.
        let (endpoint, key) = (self.0.endpoint(), account::number());
        Account { endpoint, key, secret: "secret".to_owned(), session: String::new() }
    }
}

pub struct Moto(Server);

impl Moto {
    /// One of the test's own: for what concerns all accounts, such as its end.
    pub fn start() -> Self {
        let set_port = |command: &mut Command, port: u16| {
            command.args(["-H", "127.0.0.1", "-p", &port.to_string()]);
            // A service that wants one task has it from the start; moto starts none by itself.
            command.env("MOTO_ECS_SERVICE_RUNNING", "1");
        };
        Self(Server::start("moto.server", "/moto-api/", set_port))
    }

    pub fn shared() -> &'static Self {
        static SHARED: OnceLock<Moto> = OnceLock::new();
        SHARED.get_or_init(Self::start)
    }

    pub fn account(&self) -> Account {
        // It knows an account by keys that a role of that account was given.
        let role = format!("arn:aws:iam::{}:role/tests", account::number());
        let body =
            format!("Action=AssumeRole&Version=2011-06-15&RoleArn={role}&RoleSessionName=tests");
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n\
            Authorization: AWS4-HMAC-SHA256 Credential=key/20260101/us-west-2/sts/aws4_request\r\n";
        let answer = self.0.send("POST /", headers, &body).unwrap();
        let between = |tag: &str| {
            let rest = answer.split(&format!("<{tag}>")).nth(1);
            rest.unwrap_or_else(|| panic!("{answer}")).split('<').next().unwrap().to_owned()
        };
        Account {
            endpoint: self.0.endpoint(),
            key: between("AccessKeyId"),
            secret: between("SecretAccessKey"),
            session: between("SessionToken"),
        }
    }
}
