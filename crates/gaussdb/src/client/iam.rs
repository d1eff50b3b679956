//! IAM: tokens and projects.

use super::{Call, Client, Reply};
use crate::{
    credentials::{Credentials, RENEW_MINUTES, Token},
    error::Error,
    instant, sign, wire,
};
use chrono::Duration;
use reqwest::Method;
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

impl Client {
    /// The project of the region, by name. The SDK does the same and fails alike when none or several match.
    pub(super) async fn find_project(&self) -> Result<String, Error> {
        if matches!(self.inner.options.credentials, Credentials::Password { .. }) {
            return self.fresh_token().await?.project.ok_or_else(|| Error::Invalid("the token names no project".to_owned()));
        }
        let region = self.inner.options.region.clone();
        let call = Call {
            method: Method::GET,
            base: &self.inner.iam,
            path: "/v3/projects".to_owned(),
            query: vec![("name".to_owned(), region.clone())],
            body: None,
            project: None,
            errand: crate::Errand::Change,
            signed_at: None,
        };
        let list: wire::ProjectList = self.get(call).await?;
        let mut ids: Vec<_> = list.projects.into_iter().filter_map(|p| p.id).collect();
        match (ids.pop(), ids.len()) {
            (Some(id), 0) => Ok(id),
            (found, _) => Err(Error::Invalid(format!(
                "{} projects are called {region:?}; set the project id",
                ids.len() + usize::from(found.is_some())
            ))),
        }
    }

    /// The cached token, renewed when it has less than half an hour left.
    pub(super) async fn fresh_token(&self) -> Result<Token, Error> {
        let mut slot = self.inner.token.lock().await;
        let now = (self.inner.options.clock)();
        if let Some(token) = slot.as_ref().filter(|t| t.expires_at - now > Duration::minutes(RENEW_MINUTES)) {
            return Ok(token.clone());
        }
        let token = self.obtain_token().await?;
        *slot = Some(token.clone());
        Ok(token)
    }

    /// Whether there was a token to forget.
    pub(super) async fn forget_token(&self) -> bool {
        self.inner.token.lock().await.take().is_some()
    }

    async fn obtain_token(&self) -> Result<Token, Error> {
        let Credentials::Password { domain, user, password } = &self.inner.options.credentials else {
            return Err(Error::Invalid("a key needs no token".to_owned()));
        };
        let scope = match &self.inner.options.project_id {
            Some(id) => json!({"project": {"id": id}}),
            None => json!({"project": {"name": self.inner.options.region}}),
        };
        let body = json!({"auth": {
            "identity": {"methods": ["password"], "password": {"user": {
                "name": user, "password": password.expose_secret(), "domain": {"name": domain}}}},
            "scope": scope}});
        let mut url = self.inner.iam.clone();
        url.set_path("/v3/auth/tokens");
        url.set_query(Some(&sign::query_string(&[("nocatalog".to_owned(), "true".to_owned())])));
        let request = self.inner.http.request(Method::POST, url).header("Content-Type", "application/json;charset=utf-8");
        let reply: Reply = self.receive(request.body(body.to_string()).send().await).await?;
        let unreadable = |reason: &str| Error::Unreadable { reason: reason.to_owned(), answer: reply.answer.clone() };
        let secret = reply.headers.get("x-subject-token").and_then(|v| v.to_str().ok()).map(str::to_owned);
        let secret = secret.ok_or_else(|| unreadable("no X-Subject-Token header"))?;
        let body: wire::TokenAnswer = serde_json::from_slice(&reply.body).map_err(|e| unreadable(&e.to_string()))?;
        let token = body.token.unwrap_or_default();
        let expires_at = token.expires_at.as_deref().and_then(instant::parse).ok_or_else(|| unreadable("no expires_at"))?;
        Ok(Token { secret: SecretString::from(secret), expires_at, project: token.project.and_then(|p| p.id) })
    }
}
