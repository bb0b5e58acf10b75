//! Fetches secrets from where the plan says that they are kept, each at most once, and keeps them in memory alone.

use super::settings::variable;
use crate::{
    action::{Secrets, Trouble},
    model::{Clock, Exit, Failure, Hint, Secret, SecretSource, span, wipe},
};
use async_trait::async_trait;
use std::{
    collections::BTreeMap,
    process::Stdio,
    sync::{MutexGuard, PoisonError},
    time::Duration,
};
use tokio::{process::Command, sync::Mutex};

/// A program may have to ask somebody's vault.
const WITHIN: Duration = Duration::from_secs(30);

/// The secrets of one plan.
pub(super) struct Vault {
    sources: BTreeMap<String, SecretSource>,
    clock: Clock,
    fetched: std::sync::Mutex<BTreeMap<String, Secret>>,
    /// Each is fetched once, whoever asks at the same time.
    turn: Mutex<()>,
}

impl Vault {
    pub(super) fn new(sources: &BTreeMap<String, SecretSource>, clock: Clock) -> Self {
        Self {
            sources: sources.clone(),
            clock,
            fetched: std::sync::Mutex::default(),
            turn: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeMap<String, Secret>> {
        self.fetched.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn fetch(&self, source: &SecretSource) -> Result<Secret, String> {
        let text = match source {
            SecretSource::Env(name) => variable(name).ok_or("it is not set")?,
            SecretSource::File(path) => {
                std::fs::read_to_string(path).map_err(|error| error.to_string())?
            }
            SecretSource::Command(argv) => self.print(argv).await?,
        };
        let text = text.strip_suffix('\n').unwrap_or(&text);
        let text = text.strip_suffix('\r').unwrap_or(text);
        if text.is_empty() { Err("it is empty".to_owned()) } else { Ok(Secret::new(text)) }
    }

    /// What a program prints. What it complains of goes to the operator, and nowhere else.
    async fn print(&self, argv: &[String]) -> Result<String, String> {
        let [program, arguments @ ..] = argv else { return Err("it names no program".to_owned()) };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::inherit()).kill_on_drop(true);
        let ended = self.clock.within(WITHIN, command.output()).await;
        let late = || format!("it did not end within {}", span::show(WITHIN));
        let output = ended.ok_or_else(late)?.map_err(|error| error.to_string())?;
        if !output.status.success() {
            return Err(format!("it failed: {}", output.status));
        }
        String::from_utf8(output.stdout).map_err(|_| "it prints no text".to_owned())
    }

    /// Fetches all of them, before anything else: a run that lacks one would stop in the middle.
    pub(super) async fn open(&self) -> Result<(), Failure> {
        for (name, source) in &self.sources {
            if let Err(trouble) = self.secret(name).await {
                let what = "a secret is not to be had; nothing was changed";
                let hint = match source {
                    SecretSource::Env(variable) => format!("export {variable}=…"),
                    SecretSource::File(_) | SecretSource::Command(_) => {
                        format!("`secrets` in the runbook says where `{name}` is kept")
                    }
                };
                return Err(Failure::new(Exit::Preflight, what)
                    .because(trouble.why)
                    .hint(Hint::says(hint)));
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Secrets for Vault {
    async fn secret(&self, name: &str) -> Result<Secret, Trouble> {
        let _turn = self.turn.lock().await;
        if let Some(secret) = self.known().get(name) {
            return Ok(secret.clone());
        }
        let unkept = || Trouble::odd(format!("this plan does not say where `{name}` is kept"));
        let source = self.sources.get(name).ok_or_else(unkept)?;
        let secret = self.fetch(source).await.map_err(|why| {
            Trouble::denied(format!("the secret `{name}` is not to be had from {source}: {why}"))
        })?;
        self.known().insert(name.to_owned(), secret.clone());
        Ok(secret)
    }

    fn wipe(&self, text: String) -> String {
        let known = self.known();
        let named = |(name, secret)| (secret, format!("(the secret {name})"));
        wipe(&text, known.iter().map(named))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn vault(source: SecretSource) -> Vault {
        Vault::new(&BTreeMap::from([("KEY".to_owned(), source)]), Clock::real())
    }

    fn prints(script: &str) -> SecretSource {
        SecretSource::Command(["sh", "-c", script].map(str::to_owned).into())
    }

    #[tokio::test]
    async fn a_secret_is_what_its_place_holds_without_the_end_of_its_line() {
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), "pass word\r\n").unwrap();
        let path = file.path().display().to_string();
        for source in [SecretSource::File(path), prints("printf 'pass word\\n'")] {
            let secret = vault(source).secret("KEY").await.unwrap();
            assert_eq!(secret.expose(), "pass word");
        }
    }

    #[tokio::test]
    async fn a_program_is_asked_once() {
        let folder = tempfile::tempdir().unwrap();
        let count = folder.path().join("count");
        let vault = vault(prints(&format!("echo x >> {0}; cat {0}", count.display())));
        for _ in 0..2 {
            assert_eq!(vault.secret("KEY").await.unwrap().expose(), "x");
        }
    }

    #[tokio::test]
    async fn what_is_not_to_be_had_is_told_without_what_is_there() {
        let table = [
            (SecretSource::Env("FAILOVER_NOT_SET".into()), "FAILOVER_NOT_SET: it is not set"),
            (SecretSource::File("/nowhere/key".into()), "/nowhere/key: No such file"),
            (prints("echo hush; exit 3"), "it failed: exit status: 3"),
            (prints("true"), "it is empty"),
            (SecretSource::Command(vec!["no-such-program".into()]), "No such file"),
        ];
        for (source, expected) in table {
            let vault = vault(source);
            let trouble = vault.secret("KEY").await.unwrap_err();
            assert!(trouble.why.contains(expected), "{trouble}");
            let failure = vault.open().await.unwrap_err();
            assert_eq!(failure.exit, Exit::Preflight);
            let shown = format!("{failure:?}");
            assert!(!shown.contains("KEY=hush") && !trouble.why.contains("hush\n"), "{shown}");
        }
    }
}
