//! What the worker tells about itself over HTTP: `/metrics`, `/live`, `/ready`.

mod health;
mod metrics;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;

pub(crate) use health::Health;
pub(crate) use metrics::Metrics;

use crate::config::HttpConfig;
use crate::error::{Error, Result};
use crate::stop::Stop;

/// What the handlers show.
#[derive(Debug, Clone)]
pub(crate) struct Shown {
    /// Counts and times.
    pub(crate) metrics: Arc<Metrics>,
    /// Whether all is well.
    pub(crate) health: Arc<Health>,
}

const OPENMETRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Listens at the configured address.
///
/// # Errors
/// `Listen`.
pub(crate) async fn listen(config: &HttpConfig) -> Result<TcpListener> {
    let HttpConfig { listen } = config;
    let bound = TcpListener::bind(listen).await;
    bound.map_err(|source| Error::Listen {
        address: listen.to_string(),
        source,
    })
}

/// Answers until the worker stops.
pub(crate) async fn serve(listener: TcpListener, shown: Shown, mut stop: Stop) {
    let stopped = async move { stop.wait().await };
    if let Err(error) = axum::serve(listener, router(shown))
        .with_graceful_shutdown(stopped)
        .await
    {
        tracing::error!(%error, "cannot serve HTTP");
    }
}

fn router(shown: Shown) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/live", get(live))
        .route("/ready", get(ready))
        .with_state(shown)
}

async fn metrics(State(shown): State<Shown>) -> Response {
    match shown.metrics.text() {
        Ok(text) => ([(header::CONTENT_TYPE, OPENMETRICS)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, error.to_string()).into_response(),
    }
}

async fn live(State(shown): State<Shown>) -> Response {
    verdict("live", shown.health.why_not_live())
}

async fn ready(State(shown): State<Shown>) -> Response {
    verdict("ready", shown.health.why_not_ready())
}

/// 200, or 503 with the reasons.
fn verdict(word: &str, why: Vec<String>) -> Response {
    let status = if why.is_empty() {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = serde_json::json!({ word: why.is_empty(), "why": why }).to_string();
    (status, [(header::CONTENT_TYPE, "application/json")], body).into_response()
}

#[cfg(test)]
mod tests;
