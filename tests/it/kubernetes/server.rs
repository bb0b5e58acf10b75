//! An API server behind TLS, which wants to know who is asking: what it serves is the simulated one.

use crate::drill::run::planned;
use axum::{
    body::{Body, to_bytes},
    extract::{ConnectInfo, State, connect_info::Connected},
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
use std::{fs, io, net::SocketAddr, path::Path, sync::Arc, thread};
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
        let serves = cloud.clone();
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
        Self { cloud, port, papers, stop: Some(stop), thread: Some(thread) }
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
    State(cloud): State<Simulated>,
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
    parts.uri = format!("{GATEWAY}{}", parts.uri).parse().unwrap();
    let body = to_bytes(body, 1 << 20).await.unwrap();
    match cloud.reach(&http::Request::from_parts(parts, body)).await {
        Ok(response) => response.map(Body::from),
        Err(error) => (StatusCode::BAD_GATEWAY, error.to_string()).into_response(),
    }
}
