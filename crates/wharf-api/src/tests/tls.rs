use std::path::PathBuf;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use rustls::ClientConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::TlsConfig;

/// What a client says to be asked nothing more.
const GET: &[u8] = b"GET /v1/models/m HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n";

/// An authority.
struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, PEM.
struct Identity {
    certificate: String,
    key: String,
}

impl Authority {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.distinguished_name.push(DnType::CommonName, name);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    fn issue(&self, alter: impl FnOnce(&mut CertificateParams)) -> Identity {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        alter(&mut params);
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap().pem();
        Identity { certificate, key: key.serialize_pem() }
    }
}

/// Files that are read again when the test says so.
fn on_request(mut config: TlsConfig) -> TlsConfig {
    config.reload_every = Duration::ZERO;
    config
}

/// The files of a server, and a client that trusts them.
struct Fixture {
    folder: TempDir,
    authority: Authority,
}

impl Fixture {
    fn new() -> Self {
        Self { folder: tempfile::tempdir().unwrap(), authority: Authority::new("servers") }
    }

    fn install(&self, identity: &Identity) {
        std::fs::write(self.folder.path().join("cert.pem"), &identity.certificate).unwrap();
        std::fs::write(self.folder.path().join("key.pem"), &identity.key).unwrap();
    }

    fn config(&self) -> TlsConfig {
        on_request(TlsConfig::new(self.path("cert.pem"), self.path("key.pem")))
    }

    fn path(&self, file: &str) -> PathBuf {
        self.folder.path().join(file)
    }

    async fn server(&self, tls: TlsConfig, limits: Limits) -> Server {
        let config = ApiConfig { limits, tls: Some(tls), ..ApiConfig::default() };
        Server::configured(&FakeEngine::free_running(), config).await
    }

    async fn running(&self) -> Server {
        self.install(&self.authority.issue(|_| {}));
        self.server(self.config(), Limits::default()).await
    }

    fn client(&self, identity: Option<&Identity>, protocols: &[&str]) -> TlsConnector {
        let mut roots = rustls::RootCertStore::empty();
        roots.add(self.authority.0.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider);
        let builder = builder.with_safe_default_protocol_versions().unwrap().with_root_certificates(roots);
        let mut config = match identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = vec![CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap()];
                let key = PrivateKeyDer::from_pem_slice(identity.key.as_bytes()).unwrap();
                builder.with_client_auth_cert(chain, key).unwrap()
            }
        };
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        TlsConnector::from(Arc::new(config))
    }
}

async fn connect(client: &TlsConnector, address: SocketAddr) -> std::io::Result<TlsStream<TcpStream>> {
    let stream = TcpStream::connect(address).await?;
    client.connect(ServerName::try_from("localhost").unwrap(), stream).await
}

/// The status of a GET, or `None` where there is no reply.
async fn get(client: &TlsConnector, address: SocketAddr) -> Option<u16> {
    let mut stream = connect(client, address).await.ok()?;
    stream.write_all(GET).await.ok()?;
    let mut reply = Vec::new();
    stream.read_to_end(&mut reply).await.ok()?;
    Some(status_of(std::str::from_utf8(&reply).unwrap()))
}

#[tokio::test]
async fn both_protocols_are_agreed_on_and_answered() {
    let fixture = Fixture::new();
    let server = fixture.running().await;
    assert_eq!(get(&fixture.client(None, &[]), server.rest()).await, Some(200));
    for (offered, agreed) in [
        (&["h2", "http/1.1"][..], "h2"),
        (&["http/1.1"], "http/1.1"),
        (&["h2"], "h2"),
        (&["http/1.1", "h2"], "h2"),
    ] {
        for address in [server.grpc(), server.rest()] {
            let stream = connect(&fixture.client(None, offered), address).await.unwrap();
            assert_eq!(stream.get_ref().1.alpn_protocol(), Some(agreed.as_bytes()), "{offered:?}");
        }
    }
    assert!(connect(&fixture.client(None, &["spdy/1"]), server.rest()).await.is_err());
}

#[tokio::test]
async fn gets_grpc_through() {
    let fixture = Fixture::new();
    let server = fixture.running().await;
    let stream = connect(&fixture.client(None, &["h2"]), server.grpc()).await.unwrap();
    let reply = super::grpc::call_over(
        stream,
        "https://localhost",
        "/grpc.health.v1.Health/Check",
        &[],
        super::grpc::framed(&[]),
    )
    .await;
    assert_eq!((reply.code, &reply.message[..]), (tonic::Code::Ok, &[8, 1][..]));
}

#[tokio::test]
async fn what_is_no_tls_gets_an_alert_and_disturbs_nobody() {
    let fixture = Fixture::new();
    fixture.install(&fixture.authority.issue(|_| {}));
    let limits = Limits { tls_handshake_timeout: Duration::from_millis(50), ..Limits::default() };
    let server = fixture.server(fixture.config(), limits).await;
    let client_hello_of_tls_1_1 =
        [&[22, 3, 1, 0, 45, 1, 0, 0, 41, 3, 2][..], &[7; 32], &[0, 0, 2, 0, 0x2f, 1, 0]].concat();
    let huge_record = [22, 3, 1, 0xff, 0xff, 1];
    for (what, bytes) in [
        ("HTTP/1", GET),
        ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
        ("TLS 1.1", &client_hello_of_tls_1_1),
        ("a huge record", &huge_record),
        ("SSL 2", &[0x80, 0x2e, 1, 0, 2, 0, 0x15]),
        ("zeros", &[0; 64]),
        ("silence", &[]),
        ("half a record", &[22, 3, 1, 0, 200, 1, 0]),
    ] {
        let reply = exchange(server.rest(), bytes).await;
        assert!(!reply.contains("HTTP"), "{what}: {reply}");
    }
    for _ in 0..200 {
        drop(TcpStream::connect(server.rest()).await.unwrap());
    }
    assert_eq!(get(&fixture.client(None, &[]), server.rest()).await, Some(200));
}

#[tokio::test]
async fn a_client_hello_may_come_byte_by_byte() {
    let fixture = Fixture::new();
    let server = fixture.running().await;
    let (ours, theirs) = tokio::io::duplex(1);
    let address = server.rest();
    let pump = spawn(async move {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.set_nodelay(true).unwrap();
        let mut theirs = theirs;
        let _ = tokio::io::copy_bidirectional(&mut theirs, &mut stream).await;
    });
    let name = ServerName::try_from("localhost").unwrap();
    let mut stream = fixture.client(None, &[]).connect(name, ours).await.unwrap();
    stream.write_all(GET).await.unwrap();
    stream.flush().await.unwrap();
    let mut reply = String::new();
    stream.read_to_string(&mut reply).await.unwrap();
    assert_eq!(status_of(&reply), 200);
    // The pump ends with both of its ends.
    drop(stream);
    pump.await.unwrap();
}

#[tokio::test]
async fn closing_without_notice_frees_the_connection() {
    let fixture = Fixture::new();
    fixture.install(&fixture.authority.issue(|_| {}));
    let limits = Limits { max_connections: 1, ..Limits::default() };
    let server = fixture.server(fixture.config(), limits).await;
    let client = fixture.client(None, &[]);
    for sent in [&b""[..], b"GET", b"GET /v1/models/m HTTP/1.1\r\nhost: localhost\r\n\r\n"] {
        let mut stream = connect(&client, server.rest()).await.unwrap();
        stream.write_all(sent).await.unwrap();
        drop(stream.into_inner().0);
    }
    assert_eq!(get(&client, server.rest()).await, Some(200), "the only slot is free again");
}

#[tokio::test]
async fn clients_are_known_by_their_certificates() {
    let fixture = Fixture::new();
    let own = fixture.authority.issue(|_| {});
    fixture.install(&own);
    let (friends, strangers) = (Authority::new("friends"), Authority::new("strangers"));
    std::fs::write(fixture.path("ca.pem"), friends.0.pem()).unwrap();
    let ssl_config = format!(
        "server_key: {:?} server_cert: {:?} custom_ca: {:?} client_verify: true",
        own.key,
        own.certificate,
        friends.0.pem()
    );
    std::fs::write(fixture.path("ssl.txt"), ssl_config).unwrap();
    let in_files =
        TlsConfig::mutual(fixture.path("cert.pem"), fixture.path("key.pem"), fixture.path("ca.pem"));
    for config in [in_files, TlsConfig::ssl_config(fixture.path("ssl.txt"))] {
        let server = fixture.server(on_request(config), Limits::default()).await;
        only_friends_are_answered(&fixture, &server, &friends, &strangers).await;
    }
}

async fn only_friends_are_answered(
    fixture: &Fixture,
    server: &Server,
    friends: &Authority,
    strangers: &Authority,
) {
    let expired = |params: &mut CertificateParams| params.not_after = rcgen::date_time_ymd(2020, 1, 1);
    for (what, identity, expected) in [
        ("nobody", None, None),
        ("a friend", Some(friends.issue(|_| {})), Some(200)),
        ("a stranger", Some(strangers.issue(|_| {})), None),
        ("a friend of old", Some(friends.issue(expired)), None),
    ] {
        let client = fixture.client(identity.as_ref(), &[]);
        assert_eq!(get(&client, server.rest()).await, expected, "{what}");
    }
}

#[tokio::test]
async fn new_certificates_are_taken_and_bad_ones_left() {
    let fixture = Fixture::new();
    let server = fixture.running().await;
    let presented = async || {
        let stream = connect(&fixture.client(None, &[]), server.rest()).await.unwrap();
        stream.get_ref().1.peer_certificates().unwrap()[0].to_vec()
    };
    let of = |identity: &Identity| {
        CertificateDer::from_pem_slice(identity.certificate.as_bytes()).unwrap().to_vec()
    };
    assert!(!server.handle.reload_tls().await.unwrap(), "nothing is new");
    let mut open = connect(&fixture.client(None, &[]), server.rest()).await.unwrap();
    let second = fixture.authority.issue(|_| {});
    fixture.install(&second);
    assert!(server.handle.reload_tls().await.unwrap());
    assert_eq!(presented().await, of(&second));

    let third = fixture.authority.issue(|_| {});
    let (certificate, key) = (fixture.folder.path().join("cert.pem"), fixture.folder.path().join("key.pem"));
    for (what, certificate_text, key_text) in [
        ("a key that came too early", &second.certificate, &third.key),
        ("an empty certificate", &String::new(), &third.key),
        ("no PEM", &"nonsense".to_owned(), &third.key),
        ("a key for a certificate", &third.key, &third.key),
        ("a certificate for a key", &third.certificate, &third.certificate),
        ("half a certificate", &third.certificate[..third.certificate.len() / 2].to_owned(), &third.key),
    ] {
        std::fs::write(&certificate, certificate_text).unwrap();
        std::fs::write(&key, key_text).unwrap();
        let error = server.handle.reload_tls().await.expect_err(what);
        assert!(error.to_string().contains(".pem`"), "{what}: {error}");
        assert!(!server.handle.reload_tls().await.unwrap(), "{what} is told once");
        assert_eq!(presented().await, of(&second), "{what}");
    }
    std::fs::remove_file(&key).unwrap();
    assert!(server.handle.reload_tls().await.is_err());
    fixture.install(&third);
    assert!(server.handle.reload_tls().await.unwrap());
    assert_eq!(presented().await, of(&third));
    open.write_all(GET).await.unwrap();
    let mut reply = String::new();
    open.read_to_string(&mut reply).await.unwrap();
    assert_eq!(status_of(&reply), 200, "a connection keeps what it began with");
}

#[tokio::test]
async fn changed_files_are_seen_without_being_told() {
    let fixture = Fixture::new();
    fixture.install(&fixture.authority.issue(|_| {}));
    let mut tls = fixture.config();
    tls.reload_every = Duration::from_millis(1);
    let server = fixture.server(tls, Limits::default()).await;
    let second = fixture.authority.issue(|_| {});
    fixture.install(&second);
    let expected = CertificateDer::from_pem_slice(second.certificate.as_bytes()).unwrap();
    let client = fixture.client(None, &[]);
    let seen = async {
        loop {
            let stream = connect(&client, server.rest()).await.unwrap();
            if stream.get_ref().1.peer_certificates().unwrap()[0] == expected {
                return;
            }
        }
    };
    tokio::time::timeout(PATIENCE, seen).await.unwrap();
}

#[tokio::test]
async fn a_server_does_not_start_on_bad_files() {
    let fixture = Fixture::new();
    let config = ApiConfig {
        tls: Some(fixture.config()),
        grpc_port: Some(0),
        rest_port: None,
        oip_rest_port: None,
        oip_grpc_port: None,
        http_port: None,
        ..ApiConfig::default()
    };
    let manager = ServeConfig::default().build(FakeEngine::free_running()).unwrap();
    let error = ApiServer::bind(config, manager).await.unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.starts_with("cannot read `") && source.ends_with("cert.pem`"), "{error}: {source}");
}
