//! An API server behind TLS, which wants to know who is asking: what it serves is the simulated one.

use crate::drill::run::planned;
use axum::{
    body::{Body, to_bytes},
    extract::{
        ConnectInfo, FromRequestParts, State, WebSocketUpgrade,
        connect_info::Connected,
        ws::{Message, WebSocket},
    },
    response::IntoResponse,
    serve::{IncomingStream, Listener},
};
use failover::{
    model::{Clock, Mode},
    sim::{Cloud, GATEWAY, Outage, Simulated, World},
};
use http::StatusCode;
use rcgen::{Certificate, CertificateParams, Issuer, KeyPair};
use rustls::{
    RootCertStore, ServerConfig,
    pki_types::{CertificateDer, PrivateKeyDer},
    server::WebPkiClientVerifier,
};
use std::{
    fs, io,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
    thread,
};
use tokio::{
    net::{TcpListener, TcpStream},
    runtime::Builder,
    sync::oneshot,
};
use tokio_rustls::{TlsAcceptor, server::TlsStream};

/// What it lets in, beside whoever has a certificate of its authority.
pub const TOKEN: &str = "open-sesame";
/// So many times as fast as the world: pods start in a second.
const PACE: f64 = 40.0;

const V4: &str = "v4.channel.k8s.io";
const V5: &str = "v5.channel.k8s.io";

/// How what is run in a container ends.
#[derive(Clone, Copy, Default)]
pub enum Manner {
    #[default]
    Told,
    /// The same, by a server of long ago.
    Older,
    /// The program has ended, and the server hangs up before it says how.
    HungUp,
    /// The runtime could not start it (Kubernetes API, "Status"; the text is containerd's).
    NotStarted,
}

/// Its authority, and what that has certified.
struct Papers {
    authority: Certificate,
    server: (CertificateDer<'static>, PrivateKeyDer<'static>),
    client: (String, String),
}

impl Papers {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = rcgen::IsCa::Ca(rcgen::BasicConstraints::Unconstrained);
        let authority = params.self_signed(&key).unwrap();
        let issuer = Issuer::new(params, key);
        let certify = |name: &str| {
            let key = KeyPair::generate().unwrap();
            let params = CertificateParams::new(vec![name.to_owned()]).unwrap();
            (params.signed_by(&key, &issuer).unwrap(), key)
        };
        let (server, server_key) = certify("127.0.0.1");
        let (client, client_key) = certify("operator");
        let server_key = PrivateKeyDer::try_from(server_key.serialize_der()).unwrap();
        Self {
            authority,
            server: (server.der().clone(), server_key),
            client: (client.pem(), client_key.serialize_pem()),
        }
    }

    fn rules(&self) -> ServerConfig {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.der().clone()).unwrap();
        let clients = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated();
        let (certificate, key) = (self.server.0.clone(), self.server.1.clone_key());
        ServerConfig::builder()
            .with_client_cert_verifier(clients.build().unwrap())
            .with_single_cert(vec![certificate], key)
            .unwrap()
    }
}

/// A server in a thread of its own, until it is dropped.
pub struct Server {
    pub cloud: Simulated,
    manner: Arc<Mutex<Manner>>,
    port: u16,
    papers: Papers,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<thread::JoinHandle<()>>,
}

impl Server {
    /// In the world that a runbook expects.
    pub fn start(runbook: &Path) -> Self {
        let text = fs::read(runbook).unwrap();
        let plan = planned("runbook.yaml", &text, ["east", "west"], Mode::Planned);
        let clock = Clock::paced(Clock::real().now(), PACE);
        let world = World::in_memory(Cloud::seeded(&plan, Outage::None, clock.now()));
        let cloud = Simulated::new(world, clock);
        cloud.keep_bodies();
        let papers = Papers::new();
        let tls = TlsAcceptor::from(Arc::new(papers.rules()));
        let (stop, stopped) = oneshot::channel();
        let (told, port) = std::sync::mpsc::channel();
        let manner = Arc::new(Mutex::new(Manner::default()));
        let serves = (cloud.clone(), manner.clone());
        let thread = thread::spawn(move || {
            let runtime = Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
                told.send(tcp.local_addr().unwrap().port()).unwrap();
                let router = axum::Router::new().fallback(answer).with_state(serves);
                let service = router.into_make_service_with_connect_info::<Caller>();
                tokio::select! {
                    served = axum::serve(Front { tcp, tls }, service) => served.unwrap(),
                    _ = stopped => {}
                }
            });
        });
        let port = port.recv().unwrap();
        Self { cloud, manner, port, papers, stop: Some(stop), thread: Some(thread) }
    }

    /// A kubeconfig in this folder, of both clusters, whose user is this.
    pub fn kubeconfig(&self, folder: &Path, user: &str) -> std::path::PathBuf {
        let (certificate, key) = self.papers.client.clone();
        let files =
            [("ca.pem", self.papers.authority.pem()), ("me.pem", certificate), ("me.key", key)];
        for (name, text) in files {
            fs::write(folder.join(name), text).unwrap();
        }
        let cluster = |name: &str| {
            format!(
                "- name: {name}\n  cluster: {{ server: 'https://127.0.0.1:{}/{name}', certificate-authority: ca.pem }}\n",
                self.port
            )
        };
        let context = |name: &str| {
            format!("- {{ name: {name}, context: {{ cluster: {name}, user: operator }} }}\n")
        };
        let names = ["prod-east", "prod-west"];
        let text = format!(
            "apiVersion: v1\nkind: Config\nclusters:\n{}contexts:\n{}users:\n- name: operator\n  user: {user}\n",
            names.map(cluster).concat(),
            names.map(context).concat(),
        );
        let path = folder.join("config");
        fs::write(&path, text).unwrap();
        path
    }

    /// Has what is run in containers end so from now on.
    pub fn end_programs(&self, manner: Manner) {
        *self.manner.lock().unwrap() = manner;
    }

    /// The changes that it has carried out.
    pub fn changes(&self) -> Vec<String> {
        let log = self.cloud.log().into_iter().filter(|exchange| exchange.has_changed);
        log.map(|exchange| format!("{} {}", exchange.method, exchange.path_and_query)).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.take().map(|stop| stop.send(()));
        self.thread.take().map(thread::JoinHandle::join);
    }
}

struct Front {
    tcp: TcpListener,
    tls: TlsAcceptor,
}

impl Listener for Front {
    type Io = TlsStream<TcpStream>;
    type Addr = SocketAddr;

    async fn accept(&mut self) -> (Self::Io, Self::Addr) {
        loop {
            let (stream, from) = self.tcp.accept().await.unwrap();
            // Who does not trust it hangs up.
            if let Ok(stream) = self.tls.accept(stream).await {
                return (stream, from);
            }
        }
    }

    fn local_addr(&self) -> io::Result<Self::Addr> {
        self.tcp.local_addr()
    }
}

/// Whether whoever asks has shown a certificate.
#[derive(Clone)]
struct Caller(bool);

impl Connected<IncomingStream<'_, Front>> for Caller {
    fn connect_info(stream: IncomingStream<'_, Front>) -> Self {
        Self(stream.io().get_ref().1.peer_certificates().is_some())
    }
}

async fn answer(
    State((cloud, manner)): State<(Simulated, Arc<Mutex<Manner>>)>,
    ConnectInfo(caller): ConnectInfo<Caller>,
    request: http::Request<Body>,
) -> http::Response<Body> {
    let (mut parts, body) = request.into_parts();
    let bearer = parts.headers.get("authorization").cloned();
    let is_known = caller.0 || bearer.is_some_and(|given| given == format!("Bearer {TOKEN}"));
    parts.headers.remove("authorization");
    if is_known {
        parts.headers.insert("authorization", "Bearer known".parse().unwrap());
    }
    let asked = parts.uri.clone();
    if let Some(pod) = asked.path().strip_suffix("/exec") {
        // Whom it lets in, and whether the pod is there.
        let get = http::Request::get(format!("{GATEWAY}{pod}"));
        let get = parts.headers.iter().fold(get, |get, (name, value)| get.header(name, value));
        let found = cloud.reach(&get.body(bytes::Bytes::new()).unwrap()).await.unwrap();
        if !found.status().is_success() {
            return found.map(Body::from);
        }
        let manner = *manner.lock().unwrap();
        let upgrade = WebSocketUpgrade::from_request_parts(&mut parts, &()).await;
        let argv = url::form_urlencoded::parse(asked.query().unwrap().as_bytes())
            .filter(|(name, _)| name == "command")
            .map(|(_, word)| word.into_owned())
            .collect();
        return match upgrade {
            Ok(upgrade) => {
                let spoken = if matches!(manner, Manner::Older) { V4 } else { V5 };
                upgrade.protocols([spoken]).on_upgrade(move |socket| exec(socket, argv, manner))
            }
            Err(rejection) => rejection.into_response(),
        };
    }
    parts.uri = format!("{GATEWAY}{}", parts.uri).parse().unwrap();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    match cloud.reach(&http::Request::from_parts(parts, body)).await {
        Ok(response) => response.map(Body::from),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}

/// Runs a program here, as a container would (k8s.io/apimachinery, `pkg/util/remotecommand`: what each channel carries).
async fn exec(mut socket: WebSocket, argv: Vec<String>, manner: Manner) {
    let mut says = async |channel: u8, text: &[u8]| {
        let message = [&[channel], text].concat();
        socket.send(Message::Binary(message.into())).await.ok();
    };
    let failure = |reason: &str, message: &str, causes: serde_json::Value| {
        let details = serde_json::json!({ "causes": causes });
        let status = serde_json::json!({
            "metadata": {},
            "status": "Failure",
            "reason": reason,
            "message": message,
            "details": details,
        });
        status.to_string()
    };
    // Its way of saying that the connection stands.
    says(1, b"").await;
    if matches!(manner, Manner::NotStarted) {
        let why = "error executing command in container: failed to exec in container";
        return says(3, failure("InternalError", why, serde_json::json!([])).as_bytes()).await;
    }
    let ended = tokio::process::Command::new(&argv[0]).args(&argv[1..]).output().await.unwrap();
    says(1, &ended.stdout).await;
    if matches!(manner, Manner::HungUp) {
        socket.send(Message::Close(None)).await.ok();
        return;
    }
    let status = match ended.status.code().unwrap() {
        0 => r#"{"metadata":{},"status":"Success"}"#.to_owned(),
        code => failure(
            "NonZeroExitCode",
            "command terminated with non-zero exit code",
            serde_json::json!([{ "reason": "ExitCode", "message": code.to_string() }]),
        ),
    };
    says(3, status.as_bytes()).await;
    // The channels are carried beside each other: the last words come when they come.
    says(2, &ended.stderr).await;
}
