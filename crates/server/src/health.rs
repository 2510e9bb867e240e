//! What balancers, operators and pages ask: alive, ready, and how it is going.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use engine::{Load, Pressure, Trouble, Watch, Wrong};
use prometheus_client::encoding::text::encode;
use serde::Serialize;

use crate::{EngineReport, serve::Shared};

/// Why a balancer should send callers elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NotReady {
    Loading,
    Draining,
    Full,
    /// The models have no headroom for one more.
    Overloaded,
    /// A step of an engine does not end.
    EngineStuck,
    /// A thread of an engine has ended.
    EngineLost,
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
    waiting: Waiting,
    /// How near the engines are to their limits.
    pressure: &'static str,
    loads: Vec<Fares<'a>>,
    troubles: Vec<NoAnswer<'a>>,
    engines: &'a [EngineReport],
}

#[derive(Serialize)]
struct Sessions {
    active: usize,
    max: usize,
}

#[derive(Serialize)]
struct Waiting {
    now: usize,
    max: usize,
}

/// How an engine fares, over some seconds.
#[derive(Serialize)]
struct Fares<'a> {
    engine: &'a str,
    threads: usize,
    /// The share of their time in which they are busy.
    busy: f64,
    /// How long jobs wait, over how long they can.
    late: f64,
}

/// An engine that does not answer.
#[derive(Serialize)]
struct NoAnswer<'a> {
    engine: &'a str,
    /// `stuck` or `lost`.
    what: &'static str,
    /// How long a step has been stuck.
    for_seconds: Option<u64>,
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
    let (waiting, may_wait) = shared.admission.waiting();
    let watch = ready.as_ref().map(|ready| &ready.engines.watch);
    let loads = watch.map(Watch::loads).unwrap_or_default();
    let troubles = watch.map(Watch::troubles).unwrap_or_default();
    let health = Health {
        status: status_word(reason),
        reason,
        version: shared.version,
        uptime_seconds: shared.started.elapsed().as_secs(),
        sessions: Sessions { active: shared.admission.active(), max: shared.admission.max() },
        waiting: Waiting { now: waiting, max: may_wait },
        pressure: pressure_word(shared.admission.pressure()),
        loads: loads.iter().map(fares).collect(),
        troubles: troubles.iter().map(no_answer).collect(),
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

fn fares(load: &Load) -> Fares<'_> {
    // what people read, not what is reckoned with
    let rounded = |share: f64| (share * 1_000.0).round() / 1_000.0;
    let Load { engine, threads, busy, late, .. } = load;
    Fares { engine, threads: *threads, busy: rounded(*busy), late: rounded(*late) }
}

fn no_answer(trouble: &Trouble) -> NoAnswer<'_> {
    let (what, for_seconds) = match trouble.wrong {
        Wrong::Stuck => ("stuck", Some(trouble.since.as_secs())),
        Wrong::Lost => ("lost", None),
    };
    NoAnswer { engine: &trouble.engine, what, for_seconds }
}

fn pressure_word(pressure: Pressure) -> &'static str {
    match pressure {
        Pressure::Calm => "calm",
        Pressure::Busy => "busy",
        Pressure::Strained => "strained",
        Pressure::Full => "full",
    }
}

/// A server that has as many callers as it can is well.
fn status_word(reason: Option<NotReady>) -> &'static str {
    match reason {
        None | Some(NotReady::Full | NotReady::Overloaded) => "ok",
        Some(_) => "unavailable",
    }
}

fn status(reason: Option<NotReady>) -> StatusCode {
    match reason {
        None => StatusCode::OK,
        Some(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}
