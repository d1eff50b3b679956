//! TLS to the cloud: who cannot show that they are the cloud gets nothing from us.

use crate::support::simulator;
use patchboard_backend::clock::SystemClock;
use patchboard_simulator::{ACCESS_KEY, SECRET_KEY, Simulator};
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use rustls::{ServerConfig, pki_types::PrivateKeyDer};
use std::{path::Path, process::Command, sync::Arc};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

/// An authority of our own.
struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pem = params.self_signed(&key).unwrap().pem();
        Self { pem, issuer: Issuer::new(params, key) }
    }

    /// A server that shows a certificate of this authority and passes everything on to the simulator.
    async fn server(&self, simulator: &Simulator, name: &str, years: (i32, i32)) -> String {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        let private = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
        let config = ServerConfig::builder().with_no_client_auth().with_single_cert(vec![certificate.der().clone()], private).unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let behind = simulator.url().trim_start_matches("http://").to_owned();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (acceptor, behind) = (acceptor.clone(), behind.clone());
                tokio::spawn(async move {
                    // A client that refuses us ends the handshake: that is what is tested.
                    if let (Ok(mut stream), Ok(mut cloud)) = (acceptor.accept(stream).await, TcpStream::connect(behind).await) {
                        let _ = tokio::io::copy_bidirectional(&mut stream, &mut cloud).await;
                    }
                });
            }
        });
        format!("https://localhost:{port}")
    }
}

/// `patchboard check` against an endpoint, with these certificates as the system's: whether it is content, and what it says.
async fn check(endpoint: String, trusted: &Path, dir: &Path) -> (bool, String) {
    let store = format!("sqlite:{}", dir.join("tls.db").display());
    let trusted = trusted.to_owned();
    let run = move || {
        Command::new(env!("CARGO_BIN_EXE_patchboard"))
            .arg("check")
            .env("SSL_CERT_FILE", trusted)
            .env_remove("SSL_CERT_DIR")
            .env("PATCHBOARD__STORE__URL", store)
            .env("PATCHBOARD__CLOUD__REGION", "ap-southeast-1")
            .env("PATCHBOARD__CLOUD__ENDPOINT", endpoint)
            .env("PATCHBOARD__CLOUD__PROJECT_ID", patchboard_simulator::PROJECT)
            .env("HUAWEICLOUD_SDK_AK", ACCESS_KEY)
            .env("HUAWEICLOUD_SDK_SK", SECRET_KEY)
            .output()
            .unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let text = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    (output.status.success(), text)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_cannot_show_to_be_the_cloud_gets_nothing() {
    let simulator = simulator(Arc::new(SystemClock), 1).await;
    let dir = tempfile::tempdir().unwrap();
    let (ours, theirs) = (Authority::new(), Authority::new());
    let trusted = dir.path().join("trusted.pem");
    std::fs::write(&trusted, &ours.pem).unwrap();

    let good = ours.server(&simulator, "localhost", (2020, 2099)).await;
    let (fine, text) = check(good, &trusted, dir.path()).await;
    assert!(fine, "{text}");
    let seen = simulator.requests("");
    assert!(seen > 0);

    let bad = [
        ("an authority that nobody trusts", theirs.server(&simulator, "localhost", (2020, 2099)).await),
        ("a certificate that has expired", ours.server(&simulator, "localhost", (2020, 2021)).await),
        ("a certificate that is not good yet", ours.server(&simulator, "localhost", (2098, 2099)).await),
        ("a certificate of another name", ours.server(&simulator, "gaussdb.elsewhere.example", (2020, 2099)).await),
        ("no TLS at all", simulator.url().replace("http://127.0.0.1", "https://localhost")),
    ];
    for (name, endpoint) in bad {
        let (fine, text) = check(endpoint, &trusted, dir.path()).await;
        assert!(!fine && text.contains("cloud ap-southeast-1"), "{name}: {text}");
        assert!(!text.contains(SECRET_KEY), "{name}");
        assert_eq!(simulator.requests(""), seen, "{name}: nothing was asked of it");
    }
}
