//! What balancers, operators and pages ask: alive, ready, and how it is going.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use prometheus_client::encoding::text::encode;
use serde::Serialize;

use crate::{EngineReport, serve::Shared};

/// Why the server takes no caller now; `None` if it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NotReady {
    Loading,
    Draining,
    Full,
}

#[derive(Serialize)]
struct Readiness {
    ready: bool,
    reason: Option<NotReady>,
}

#[derive(Serialize)]
struct Health<'a> {
    status: &'static str,
    reason: Option<NotReady>,
    version: &'static str,
    uptime_seconds: u64,
    sessions: Sessions,
    engines: &'a [EngineReport],
}

#[derive(Serialize)]
struct Sessions {
    active: usize,
    max: usize,
}

pub(crate) async fn alive() -> &'static str {
    "ok\n"
}

pub(crate) async fn ready(State(shared): State<Arc<Shared>>) -> Response {
    let reason = shared.not_ready();
    let body = Readiness { ready: reason.is_none(), reason };
    (status(reason), Json(body)).into_response()
}

pub(crate) async fn health(State(shared): State<Arc<Shared>>) -> Response {
    let reason = shared.not_ready();
    let ready = shared.ready();
    let health = Health {
        status: if matches!(reason, None | Some(NotReady::Full)) { "ok" } else { "unavailable" },
        reason,
        version: shared.version,
        uptime_seconds: shared.started.elapsed().as_secs(),
        sessions: Sessions { active: shared.admission.active(), max: shared.admission.max() },
        engines: ready.as_ref().map_or(&[], |ready| &ready.reports),
    };
    Json(health).into_response()
}

pub(crate) async fn metrics(State(shared): State<Arc<Shared>>) -> Response {
    let mut text = String::new();
    if encode(&mut text, &shared.registry).is_err() {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    }
    let media_type = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    ([(header::CONTENT_TYPE, media_type)], text).into_response()
}

fn status(reason: Option<NotReady>) -> StatusCode {
    match reason {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
