//! Connections: how many, for how long, and how they end. A connection that sends nothing, half a request or never reads holds nothing
//! up: not a stop, and not others when there are as many as there may be.

use super::leaving::Leaving;
use axum::{
    Router,
    body::{Body, Bytes},
    extract::{ConnectInfo, Request},
};
use hyper::{
    body::{Body as _, Frame, Incoming, SizeHint},
    server::conn::http1,
    service::service_fn,
};
use hyper_util::rt::{TokioIo, TokioTimer};
use std::{
    collections::BTreeMap,
    future::Future,
    io,
    net::SocketAddr,
    pin::{Pin, pin},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    task::{Context, Poll},
    time::Duration,
};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{Notify, watch},
    task::JoinSet,
    time::{Instant, timeout},
};
use tokio_io_timeout::TimeoutStream;
use tower::ServiceExt;

/// Longest time for the head of a request, and for a connection without one.
const HEAD_MAX: Duration = Duration::from_secs(30);

/// Longest time in which nothing of an answer is taken.
const STALLED_MAX: Duration = Duration::from_secs(30);

/// Most bytes of the head of a request; hyper answers 431 beyond.
const HEAD_BYTES: usize = 64 * 1024;

/// Pause after the system has refused a connection, for example because there are no more files.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

/// How much is served at once, and how long a stop may take.
#[derive(Clone, Copy, Debug)]
pub struct ConnectionLimits {
    /// Connections at once; at least 1.
    pub most: usize,
    /// Time from the wish to stop until everything is closed.
    pub stop: Duration,
}

impl Default for ConnectionLimits {
    fn default() -> Self {
        Self { most: 512, stop: Duration::from_secs(25) }
    }
}

/// What a connection that can be closed does, what is closed first before what is closed last.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    /// It waits for a request.
    Waiting,
    /// It takes an answer.
    Taking,
}

/// Connections that can be closed to make room, by what they do and since when.
#[derive(Clone, Default)]
struct Waiting {
    places: Arc<Mutex<BTreeMap<(Doing, Instant, u64), Arc<Close>>>>,
    /// One more has begun to wait.
    more: Arc<Notify>,
    /// How many were told to end and have not yet: they make room already.
    ending: Arc<AtomicUsize>,
}

/// How one connection is told to end.
#[derive(Default)]
struct Close {
    told: AtomicBool,
    notify: Notify,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<(Doing, Instant, u64), Arc<Close>>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes the one that waits longest, or else takes its answer longest. Returns whether there was one.
    fn close_longest(&self) -> bool {
        let Some((_, close)) = self.lock().pop_first() else { return false };
        if !close.told.swap(true, Ordering::SeqCst) {
            self.ending.fetch_add(1, Ordering::SeqCst);
        }
        close.notify.notify_one();
        true
    }
}

/// One connection among those that can be closed; taken out while a request is worked on.
struct Place {
    waiting: Waiting,
    number: u64,
    close: Arc<Close>,
    since: Mutex<Option<(Doing, Instant)>>,
    /// All of an answer was made, and may not have left yet.
    is_leaving: AtomicBool,
}

impl Place {
    fn can_be_closed(&self, doing: Doing) {
        self.work();
        let now = Instant::now();
        *self.since() = Some((doing, now));
        self.waiting.lock().insert((doing, now, self.number), self.close.clone());
        self.waiting.more.notify_one();
    }

    fn is_waiting(&self) -> bool {
        self.since().is_some()
    }

    /// It has ended, or goes on because its next request has arrived.
    fn forget_close(&self) {
        if self.close.told.swap(false, Ordering::SeqCst) {
            self.waiting.ending.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// All that was written has left. When that was the end of an answer, the next request is waited for.
    fn left(&self) {
        if self.is_leaving.swap(false, Ordering::SeqCst) {
            self.can_be_closed(Doing::Waiting);
        }
    }

    fn work(&self) {
        self.is_leaving.store(false, Ordering::SeqCst);
        if let Some((doing, since)) = self.since().take() {
            self.waiting.lock().remove(&(doing, since, self.number));
        }
    }

    fn since(&self) -> MutexGuard<'_, Option<(Doing, Instant)>> {
        self.since.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.work();
        self.forget_close();
    }
}

/// A request whose body has not arrived yet. Until it has, its connection counts as one that waits: whoever sends half a form for ever
/// keeps nobody out.
#[derive(Clone)]
pub(super) struct Arriving(Arc<Place>);

impl Arriving {
    /// All of it is there.
    pub(super) fn arrived(&self) {
        self.0.work();
    }
}

/// The body of an answer. Until its end has left its connection takes an answer, and is closed after those that wait.
struct Answer {
    body: Body,
    place: Arc<Place>,
}

impl hyper::body::Body for Answer {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for Answer {
    fn drop(&mut self) {
        self.place.is_leaving.store(true, Ordering::SeqCst);
    }
}

/// Serves until `shutdown`, then lets running requests end for as long as a stop may take, and closes the rest.
///
/// # Errors
/// None today: what the listener refuses is tried again.
pub async fn serve(
    listener: TcpListener,
    app: Router,
    limits: ConnectionLimits,
    shutdown: impl Future<Output = ()> + Send,
) -> io::Result<()> {
    let (waiting, mut running, mut number) = (Waiting::default(), JoinSet::new(), 0_u64);
    let (stop, stopped) = watch::channel(false);
    let mut shutdown = pin!(shutdown);
    'accepting: loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = &mut shutdown => break,
        };
        let (stream, peer) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "a connection could not be taken");
                waiting.close_longest();
                tokio::time::sleep(REFUSED_PAUSE).await;
                continue;
            }
        };
        // Room is made when somebody comes, or the newest one would be what waits longest while all others are answered.
        loop {
            while running.try_join_next().is_some() {}
            let staying = running.len().saturating_sub(waiting.ending.load(Ordering::SeqCst));
            if staying < limits.most.max(1) {
                break;
            }
            if waiting.close_longest() {
                continue;
            }
            // Everybody is being answered: this one waits until somebody has been.
            tokio::select! {
                _ = running.join_next() => {}
                () = waiting.more.notified() => {}
                () = &mut shutdown => break 'accepting,
            }
        }
        number += 1;
        let place =
            Place { waiting: waiting.clone(), number, close: Arc::default(), since: Mutex::default(), is_leaving: AtomicBool::new(false) };
        place.can_be_closed(Doing::Waiting);
        running.spawn(connection(stream, peer, app.clone(), place, stopped.clone()));
    }
    drop(listener);
    // Nobody listening means that all have ended.
    let _ = stop.send(true);
    if timeout(limits.stop, async { while running.join_next().await.is_some() {} }).await.is_err() {
        tracing::warn!(connections = running.len(), "closed before they had ended by themselves");
        running.shutdown().await;
    }
    Ok(())
}

async fn connection(stream: TcpStream, peer: SocketAddr, app: Router, place: Place, mut stopped: watch::Receiver<bool>) {
    // A small answer is not to wait for the next one; where that cannot be had, it does.
    let _ = stream.set_nodelay(true);
    let mut stream = TimeoutStream::new(stream);
    stream.set_write_timeout(Some(STALLED_MAX));
    let place = Arc::new(place);
    let (close, held, leaving) = (place.close.clone(), place.clone(), place.clone());
    let stream = Leaving::new(Box::pin(stream), move || leaving.left());
    let service = service_fn(move |request: hyper::Request<Incoming>| {
        let (app, place) = (app.clone(), place.clone());
        async move {
            let is_whole = request.body().is_end_stream();
            let mut request: Request = request.map(Body::new);
            if is_whole {
                place.work();
            } else {
                request.extensions_mut().insert(Arriving(place.clone()));
            }
            request.extensions_mut().insert(ConnectInfo(peer));
            let response = app.oneshot(request).await;
            place.can_be_closed(Doing::Taking);
            response.map(|response| response.map(|body| Answer { body, place }))
        }
    });
    let mut builder = http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_MAX).max_buf_size(HEAD_BYTES);
    let mut served = pin!(builder.serve_connection(TokioIo::new(stream), service));
    let mut asked_to_stop = pin!(async { drop(stopped.wait_for(|stopped| *stopped).await) });
    let ended = loop {
        tokio::select! {
            ended = served.as_mut() => break ended,
            // Unless its next request has arrived in the same moment: that one is answered.
            () = close.notify.notified() => {
                if held.is_waiting() {
                    return;
                }
                held.forget_close();
            }
            () = &mut asked_to_stop => {
                served.as_mut().graceful_shutdown();
                break served.await;
            }
        }
    };
    if let Err(error) = ended {
        tracing::debug!(%error, "a connection ended before its time");
    }
}
