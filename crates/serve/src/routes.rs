//! The routes: each path with its handler.

use std::time::Instant;

use axum::extract::rejection::QueryRejection;
use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONNECTION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::json;

use crate::batcher::BatchItem;
use crate::body::{self, Received};
use crate::error::ApiError;
use crate::guard;
use crate::origins::{is_preflight, preflight};
use crate::page;
use crate::reply::{ListReply, Reply};
use crate::request::{self, Bounds, Inputs, Query};
use crate::stage::Stage;
use crate::state::{Access, AppState};

/// The headers of every answer: nothing is guessed, framed, fetched from or sent to anywhere else.
const SECURITY: [(&str, &str); 5] = [
    (
        "content-security-policy",
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    ("x-content-type-options", "nosniff"),
    ("x-frame-options", "DENY"),
    ("referrer-policy", "no-referrer"),
    ("cross-origin-resource-policy", "same-origin"),
];

pub(crate) fn router(state: AppState) -> Router {
    page::add_to(Router::new())
        .route("/openapi.json", get(page::openapi))
        .route("/healthz", get(async || "ok\n"))
        .route("/metrics", get(metrics))
        .route("/v1/model", get(model))
        .route("/v1/predict", post(predict))
        .fallback(async || ApiError::NotFound)
        .method_not_allowed_fallback(async || ApiError::Method)
        .layer(middleware::from_fn_with_state(state.clone(), watch))
        .with_state(state)
}

/// Refuses what no path takes, counts and logs a request, and puts the security headers on its answer.
async fn watch(State(state): State<AppState>, request: Request, next: Next) -> Response {
    let begin = Instant::now();
    let (method, path) = (request.method().to_string(), request.uri().path().to_owned());
    // Counted by the routes there are: strangers cannot make new counters.
    let route = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    let allowed = state.origins.allowed(request.headers());
    let mut response = match guard::check(&state, &request) {
        Err(problem) => problem.into_response(),
        Ok(()) if allowed.is_some() && is_preflight(request.method(), request.headers()) => preflight(),
        Ok(()) => next.run(request).await,
    };
    state.origins.mark(&mut response, allowed);
    if *state.stage.borrow() != Stage::Open {
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    }
    for (name, value) in SECURITY {
        response.headers_mut().insert(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    let (status, time) = (response.status().as_u16(), begin.elapsed());
    state.metrics.request(known(route.as_deref()), status, time);
    (state.log)(&Access { method, path, status, milliseconds: time.as_secs_f64() * 1e3 });
    response
}

fn known(route: Option<&str>) -> &'static str {
    const ROUTES: [&str; 5] = ["/openapi.json", "/healthz", "/metrics", "/v1/model", "/v1/predict"];
    page::paths().chain(ROUTES).find(|known| Some(*known) == route).unwrap_or("other")
}

async fn metrics(State(state): State<AppState>) -> Response {
    let in_flight = state.limits.in_flight - state.permits.available_permits();
    let media = "text/plain; version=0.0.4; charset=utf-8";
    ([(CONTENT_TYPE, media)], state.metrics.text(in_flight)).into_response()
}

async fn model(State(state): State<AppState>) -> Response {
    let limits = &state.limits;
    let limits = json!({
        "body_bytes": limits.body,
        "images": limits.images,
        "picture_bytes": limits.picture,
        "requests_in_flight": limits.in_flight,
        "bodies_bytes": limits.bodies,
        "connections": limits.connections,
        "pixels": limits.pixels,
        "seconds": limits.time.as_secs_f64(),
    });
    let version = env!("CARGO_PKG_VERSION");
    Json(json!({ "name": "identity-adder", "version": version, "model": *state.model, "limits": limits }))
        .into_response()
}

async fn predict(
    State(state): State<AppState>,
    headers: HeaderMap,
    query: Result<axum::extract::Query<Query>, QueryRejection>,
    request: Request,
) -> Result<Response, ApiError> {
    let _permit = state.permits.clone().try_acquire_owned().map_err(|_| ApiError::Busy)?;
    let axum::extract::Query(query) = query.map_err(|rejection| ApiError::Bad(rejection.body_text()))?;
    let answer = async {
        let length = body::announced(&headers, state.limits.body)?;
        let body = body::receive(request.into_body(), length, state.limits.body, &state.bodies).await?;
        answer(&state, headers, query, body).await
    };
    tokio::time::timeout(state.limits.time, answer).await.unwrap_or(Err(ApiError::Timeout))
}

async fn answer(
    state: &AppState,
    headers: HeaderMap,
    query: Query,
    body: Received,
) -> Result<Response, ApiError> {
    let Inputs { inputs, is_list } = read(state, headers, query, body).await?;
    let images = inputs.iter().flat_map(|input| {
        input.sight.parts().iter().map(|part| BatchItem {
            pixels: part.image.pixels().iter().map(|&byte| adder_model::normalize(f32::from(byte))).collect(),
            feature_maps: input.optional.feature_maps,
        })
    });
    let images: Vec<BatchItem> = images.collect();
    let outputs = if images.is_empty() { Vec::new() } else { state.batcher.predict(images).await? };
    let mut outputs = outputs.into_iter();
    let replies = inputs.into_iter().map(|input| Reply::new(input, &mut outputs));
    let mut replies = replies.collect::<Result<Vec<_>, _>>()?;
    // Straight from the types: by way of a JSON value each `f32` would be written as a longer `f64`.
    Ok(match is_list {
        true => Json(ListReply { answers: replies }).into_response(),
        false => Json(replies.pop()).into_response(),
    })
}

/// Reads a body; pictures are decoded on threads of their own, so many at a time, so that the others are free to answer.
async fn read(
    state: &AppState,
    headers: HeaderMap,
    query: Query,
    body: Received,
) -> Result<Inputs, ApiError> {
    if request::is_quick(&headers, body.bytes()) {
        let bounds = Bounds { limits: &state.limits, memory: &state.memory };
        return request::read(&headers, query, body.bytes(), &bounds);
    }
    let failed =
        |error: &dyn std::fmt::Display| ApiError::Internal(format!("a picture was not decoded: {error}"));
    let decoder = state.decoders.clone().acquire_owned().await.map_err(|error| failed(&error))?;
    let (limits, memory) = (state.limits.clone(), state.memory.clone());
    let reading = move || {
        let _decoder = decoder;
        request::read(&headers, query, body.bytes(), &Bounds { limits: &limits, memory: &memory })
    };
    tokio::task::spawn_blocking(reading).await.map_err(|error| failed(&error))?
}
