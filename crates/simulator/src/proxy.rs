//! A TCP proxy that does to connections what networks do: for tests. The toxics are those of Shopify's Toxiproxy, by its names.

use std::{
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream, tcp},
    sync::watch,
    task::JoinHandle,
};

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// From the client: requests.
    Up,
    /// To the client: answers.
    Down,
}

/// What is done to connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Toxic {
    /// Nobody listens, and what was open is closed.
    Refuse,
    /// Each piece waits so many milliseconds.
    Latency(Way, u64),
    /// Connections are reset (RST) as soon as something goes this way; it does not arrive.
    ResetPeer(Way),
    /// Nothing goes this way any more, and nothing is closed.
    Timeout(Way),
    /// So many bytes a second.
    Bandwidth(Way, u64),
    /// One byte at a time, so many milliseconds apart.
    Slicer(Way, u64),
    /// The connection is closed after so many bytes went this way.
    LimitData(Way, usize),
    /// What the other side closes stays open for so many milliseconds.
    SlowClose(u64),
}

type Toxics = Arc<Mutex<Vec<Toxic>>>;

/// A running proxy. Dropped it closes everything.
pub struct Proxy {
    address: SocketAddr,
    target: SocketAddr,
    toxics: Toxics,
    running: Mutex<Option<Running>>,
}

struct Running {
    accepting: JoinHandle<()>,
    /// Dropped it ends every connection.
    _open: watch::Sender<()>,
}

impl Proxy {
    /// Listens on a free port of the loopback and passes everything on.
    ///
    /// # Errors
    /// No port.
    pub async fn start(target: SocketAddr) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let (address, toxics) = (listener.local_addr()?, Toxics::default());
        let running = Mutex::new(Some(run(listener, target, toxics.clone())));
        Ok(Self { address, target, toxics, running })
    }

    /// `http://…` of the proxy.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on these are at work, on open connections too.
    ///
    /// # Errors
    /// The port cannot be taken again after [`Toxic::Refuse`].
    pub async fn set(&self, toxics: Vec<Toxic>) -> std::io::Result<()> {
        let refuse = toxics.contains(&Toxic::Refuse);
        *self.toxics.lock().unwrap_or_else(PoisonError::into_inner) = toxics;
        let running = self.running.lock().unwrap_or_else(PoisonError::into_inner).take();
        let running = match (running, refuse) {
            (Some(running), true) => {
                running.accepting.abort();
                // Its end is when the listener is closed.
                let _ = running.accepting.await;
                None
            }
            (None, false) => Some(run(TcpListener::bind(self.address).await?, self.target, self.toxics.clone())),
            (as_it_was, _) => as_it_was,
        };
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
        Ok(())
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        if let Some(running) = self.running.get_mut().unwrap_or_else(PoisonError::into_inner) {
            running.accepting.abort();
        }
    }
}

fn run(listener: TcpListener, target: SocketAddr, toxics: Toxics) -> Running {
    let (open, closed) = watch::channel(());
    let accepting = tokio::spawn(async move {
        while let Ok((client, _)) = listener.accept().await {
            let (toxics, mut closed) = (toxics.clone(), closed.clone());
            tokio::spawn(async move {
                tokio::select! {
                    // How a connection ends is what the test is about.
                    _ = pass(client, target, toxics) => {}
                    _ = closed.changed() => {}
                }
            });
        }
    });
    Running { accepting, _open: open }
}

/// How a direction ended.
enum End {
    Closed,
    Reset,
}

async fn pass(client: TcpStream, target: SocketAddr, toxics: Toxics) -> std::io::Result<()> {
    let server = TcpStream::connect(target).await?;
    // A reset instead of a farewell, where one is asked for.
    let (mut from_client, mut to_client) = client.into_split();
    let (mut from_server, mut to_server) = server.into_split();
    let up = pump(&mut from_client, &mut to_server, Way::Up, &toxics);
    let down = pump(&mut from_server, &mut to_client, Way::Down, &toxics);
    let end = tokio::select! { end = up => end, end = down => end };
    match end {
        End::Reset => {
            if let Ok(client) = from_client.reunite(to_client) {
                client.set_zero_linger()?;
            }
        }
        End::Closed => {
            let slow = find(&toxics, |t| if let Toxic::SlowClose(ms) = t { Some(ms) } else { None });
            tokio::time::sleep(Duration::from_millis(slow.unwrap_or_default())).await;
        }
    }
    Ok(())
}

fn find<T>(toxics: &Toxics, pick: impl Fn(Toxic) -> Option<T>) -> Option<T> {
    toxics.lock().unwrap_or_else(PoisonError::into_inner).iter().copied().find_map(pick)
}

async fn pump(from: &mut tcp::OwnedReadHalf, to: &mut tcp::OwnedWriteHalf, way: Way, toxics: &Toxics) -> End {
    let mut piece = vec![0; 16 * 1024];
    let mut passed = 0;
    loop {
        let Ok(n) = from.read(&mut piece).await else { return End::Closed };
        if n == 0 {
            return End::Closed;
        }
        let has = |toxic: Toxic| find(toxics, |t| (t == toxic).then_some(())).is_some();
        if has(Toxic::ResetPeer(way)) {
            return End::Reset;
        }
        if has(Toxic::Timeout(way)) {
            std::future::pending::<()>().await;
        }
        if let Some(ms) = find(toxics, |t| if let Toxic::Latency(w, ms) = t { (w == way).then_some(ms) } else { None }) {
            tokio::time::sleep(Duration::from_millis(ms)).await;
        }
        let most = find(toxics, |t| if let Toxic::LimitData(w, n) = t { (w == way).then_some(n) } else { None });
        let n = most.map_or(n, |most| n.min(most.saturating_sub(passed)));
        let slice = find(toxics, |t| match t {
            Toxic::Slicer(w, ms) if w == way => Some(ms),
            Toxic::Bandwidth(w, per_second) if w == way => Some(1000 / per_second.max(1)),
            _ => None,
        });
        let written = match slice {
            None => to.write_all(&piece[..n]).await,
            Some(ms) => slowly(to, &piece[..n], ms).await,
        };
        passed += n;
        if written.is_err() || most.is_some_and(|most| passed >= most) {
            return End::Closed;
        }
    }
}

async fn slowly(to: &mut tcp::OwnedWriteHalf, bytes: &[u8], ms: u64) -> std::io::Result<()> {
    for byte in bytes {
        to.write_all(&[*byte]).await?;
        tokio::time::sleep(Duration::from_millis(ms)).await;
    }
    Ok(())
}
