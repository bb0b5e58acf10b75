//! Clusters and credentials from where kubectl takes them: the files of a kubeconfig, read by the `kube` crate.
//!
//! Only what a file says of a context counts: no context is current, and a plugin that signs in may ask nobody.

use crate::{
    action::{Cluster, Clusters, Trouble},
    wire::{Trust, causes},
};
use async_trait::async_trait;
use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::Empty;
use kube::{
    client::{AuthError, ConfigExt, middleware::AuthLayer},
    config::{Config, ExecInteractiveMode, KubeConfigOptions, Kubeconfig as File},
};
use std::{
    collections::BTreeMap,
    future::ready,
    path::PathBuf,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::{runtime::Handle, sync::oneshot};
use tower::{BoxError, Layer, ServiceExt, service_fn};

/// The clusters that the files of a kubeconfig name.
pub struct Kubeconfig {
    files: Vec<PathBuf>,
    kept: Mutex<BTreeMap<String, Arc<Known>>>,
    /// One signs in at a time. Whoever has a credential that holds does not wait for it.
    turn: tokio::sync::Mutex<()>,
}

/// What was made of one context.
struct Known {
    base: String,
    trust: Trust,
    config: Config,
    auth: Option<AuthLayer>,
}

impl Kubeconfig {
    /// Read when the first cluster is asked for. What several files name is as the first of them says.
    pub fn new(files: Vec<PathBuf>) -> Self {
        Self { files, kept: Mutex::default(), turn: tokio::sync::Mutex::default() }
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Known>>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn known(&self, context: &str) -> Result<Arc<Known>, Trouble> {
        let kept = || self.kept().get(context).cloned();
        if let Some(known) = kept() {
            return Ok(known);
        }
        let _turn = self.turn.lock().await;
        if let Some(known) = kept() {
            return Ok(known);
        }
        let (files, name) = (self.files.clone(), context.to_owned());
        // Reading it may run a program of the kubeconfig, and waits for it.
        let known = blocking(move |handle| handle.block_on(read(files, &name))).await??;
        let known = Arc::new(known);
        self.kept().insert(context.to_owned(), Arc::clone(&known));
        Ok(known)
    }
}

#[async_trait]
impl Clusters for Kubeconfig {
    async fn cluster(&self, context: &str, fresh: bool) -> Result<Cluster, Trouble> {
        if fresh {
            self.kept().remove(context);
        }
        let known = self.known(context).await?;
        let (base, trust) = (known.base.clone(), Some(known.trust.clone()));
        let name = context.to_owned();
        let headers = blocking(move |handle| handle.block_on(headers(&known)));
        let headers = headers.await?.map_err(|error| not_signed_in(&name, error.as_ref()))?;
        Ok(Cluster { base, headers, trust })
    }
}

/// Does what waits for programs and files on a thread that nobody waits for at the end: a program may hang.
async fn blocking<T: Send + 'static>(
    does: impl FnOnce(&Handle) -> T + Send + 'static,
) -> Result<T, Trouble> {
    let (handle, (send, receive)) = (Handle::current(), oneshot::channel());
    std::thread::spawn(move || send.send(does(&handle)).ok());
    receive.await.map_err(|_| Trouble::odd("the kubeconfig could not be read"))
}

async fn read(files: Vec<PathBuf>, context: &str) -> Result<Known, Trouble> {
    let unreadable = |why: String| Trouble::odd(format!("the kubeconfig cannot be used: {why}"));
    let mut whole = File::default();
    // As kubectl does: a file of the list that is not there says nothing.
    for path in files.iter().filter(|path| path.exists()) {
        let wrong = |why: String| unreadable(format!("{}: {why}", path.display()));
        let file = File::read_from(path).map_err(|error| wrong(causes(&error)))?;
        whole = whole.merge(file).map_err(|error| wrong(causes(&error)))?;
    }
    let mut known = whole.contexts.iter().map(|one| one.name.as_str()).peekable();
    if known.peek().is_none() {
        let files: Vec<_> = files.iter().map(|path| path.display().to_string()).collect();
        let places = files.join(", ");
        return Err(unreadable(format!("{places} names no context; KUBECONFIG says where it is")));
    }
    if !whole.contexts.iter().any(|one| one.name == context) {
        let all: Vec<_> = known.map(|name| format!("`{name}`")).collect();
        let all = all.join(", ");
        return Err(unreadable(format!("it has no context `{context}`; it has {all}")));
    }
    let of = |why: String| unreadable(format!("`{context}`: {why}"));
    let options = KubeConfigOptions { context: Some(context.to_owned()), ..Default::default() };
    let config = Config::from_custom_kubeconfig(whole, &options).await;
    let mut config = config.map_err(|error| of(causes(&error)))?;
    if config.tls_server_name.is_some() {
        return Err(of(
            "`tls-server-name` is not supported: name the server as it is certified".into()
        ));
    }
    if let Some(plugin) = &mut config.auth_info.exec {
        if plugin.interactive_mode == Some(ExecInteractiveMode::Always) {
            return Err(of("its plugin always asks somebody, and nobody can be asked here".into()));
        }
        plugin.interactive_mode = Some(ExecInteractiveMode::Never);
    }
    let auth = config.auth_layer().map_err(|error| not_signed_in(context, &error))?;
    let tls = config.rustls_client_config();
    let tls = tls.map_err(|error| not_signed_in(context, &error))?;
    let proxy = config.proxy_url.as_ref().map(ToString::to_string);
    Ok(Known {
        base: config.cluster_url.to_string().trim_end_matches('/').to_owned(),
        trust: Trust::new(tls, proxy),
        config,
        auth,
    })
}

/// What says who is asking: `kube` writes it on a request, which is sent nowhere.
async fn headers(known: &Known) -> Result<HeaderMap, BoxError> {
    let hand_back = service_fn(|request: Request<Empty<Bytes>>| {
        let mut response = Response::new(());
        *response.headers_mut() = request.into_parts().0.headers;
        ready(Ok::<_, BoxError>(response))
    });
    let request = Request::new(Empty::new());
    let dressed = known.config.extra_headers_layer()?.layer(hand_back);
    let response = match &known.auth {
        Some(auth) => auth.layer(dressed).oneshot(request).await?,
        None => dressed.oneshot(request).await?,
    };
    let mut headers = response.into_parts().0.headers;
    headers.values_mut().for_each(|value| value.set_sensitive(true));
    Ok(headers)
}

/// Why there is no credential. A plugin prints credentials, and may be given some, so of one that failed only its own
/// complaint is told.
fn not_signed_in(context: &str, error: &(dyn std::error::Error + 'static)) -> Trouble {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    let mut of_plugin = None;
    while let Some(inner) = cause {
        if let Some(AuthError::AuthExecRun { out, .. }) = inner.downcast_ref() {
            let said = String::from_utf8_lossy(&out.stderr);
            let said = said.split_whitespace().collect::<Vec<_>>().join(" ");
            let said: String = said.chars().take(300).collect();
            of_plugin = Some(format!("its plugin failed ({}): {said}", out.status));
        }
        if let Some(AuthError::AuthExecParse(_)) = inner.downcast_ref() {
            of_plugin = Some("its plugin printed no credential".to_owned());
        }
        cause = inner.source();
    }
    let why = of_plugin.unwrap_or_else(|| causes(error));
    Trouble::denied(format!("no credential for `{context}`: {why}"))
}
