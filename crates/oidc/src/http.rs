//! Calls to the provider: never redirected, never repeated, never without end.

use crate::error::chain;
use openidconnect::{AsyncHttpClient, HttpRequest, HttpResponse};
use reqwest::redirect::Policy;
use std::{fmt, future::Future, pin::Pin, time::Duration};

/// Longest time of one call. Somebody waits in front of it.
const DEADLINE: Duration = Duration::from_secs(10);

/// Largest answer that is read; key sets of large providers have some ten kilobytes.
const ANSWER_LIMIT: usize = 1024 * 1024;

/// Why a call did not come about, in one line.
#[derive(Debug)]
pub(crate) struct CallError(String);

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for CallError {}

/// What the library calls by.
pub(crate) struct Caller(reqwest::Client);

impl<'c> AsyncHttpClient<'c> for Caller {
    type Error = CallError;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, CallError>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(call(&self.0, request))
    }
}

pub(crate) fn caller() -> Result<Caller, String> {
    // Installing twice is an error that means "already there".
    let _ = rustls::crypto::ring::default_provider().install_default();
    reqwest::Client::builder()
        .redirect(Policy::none())
        .retry(reqwest::retry::never())
        .no_proxy()
        .timeout(DEADLINE)
        .user_agent(concat!("patchboard/", env!("CARGO_PKG_VERSION")))
        .build()
        .map(Caller)
        .map_err(|e| chain(&e))
}

/// One call. The error names no address with a query: a code could stand in it.
async fn call(client: &reqwest::Client, request: HttpRequest) -> Result<HttpResponse, CallError> {
    let failed = |e: reqwest::Error| CallError(chain(&e.without_url()));
    let request = reqwest::Request::try_from(request).map_err(failed)?;
    let mut response = client.execute(request).await.map_err(failed)?;
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await.map_err(failed)? {
        if body.len() + piece.len() > ANSWER_LIMIT {
            return Err(CallError(format!("it answered with more than {ANSWER_LIMIT} bytes")));
        }
        body.extend_from_slice(&piece);
    }
    let mut answer = HttpResponse::new(body);
    *answer.status_mut() = response.status();
    *answer.headers_mut() = std::mem::take(response.headers_mut());
    Ok(answer)
}
