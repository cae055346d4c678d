use std::time::{Duration, Instant};

use axum::body::to_bytes;
use prescale_core::decide::Action;

use super::*;
use crate::act::Status;

fn shown() -> Shown {
    Shown {
        metrics: Arc::new(Metrics::new()),
        health: Arc::new(Health::new(Duration::from_secs(15), Instant::now())),
    }
}

async fn read(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), usize::MAX).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

#[tokio::test]
async fn ready_says_why_not_and_turns_with_the_cycle() {
    let shown = shown();
    let (status, body) = read(ready(State(shown.clone())).await).await;
    assert_eq!(
        (status, body.as_str()),
        (503, r#"{"ready":false,"why":["no cycle has ended yet"]}"#)
    );
    shown.health.cycled(Ok(()));
    let (status, body) = read(ready(State(shown)).await).await;
    assert_eq!((status, body.as_str()), (200, r#"{"ready":true,"why":[]}"#));
}

#[tokio::test]
async fn a_new_loop_is_live() {
    let (status, body) = read(live(State(shown())).await).await;
    assert_eq!((status, body.as_str()), (200, r#"{"live":true,"why":[]}"#));
}

#[tokio::test]
async fn metrics_count_what_happened() {
    let shown = shown();
    shown.metrics.cycled(None, Duration::from_millis(20));
    shown.metrics.cycled(
        Some(&Error::Contract("x".to_owned())),
        Duration::from_millis(20),
    );
    shown.metrics.decided(Action::ScaleOut);
    shown.metrics.acted(Status::Conflict);
    shown.metrics.refreshed(false, Duration::from_secs(2));
    shown.metrics.leads([(0, true), (3, false)].into_iter());
    shown.metrics.saw(7, 1, Some(90_000_000));
    let (status, body) = read(metrics(State(shown)).await).await;
    assert_eq!(status, 200);
    for line in [
        "prescale_worker_cycles_total{result=\"ok\"} 1",
        "prescale_worker_cycles_total{result=\"contract\"} 1",
        "prescale_worker_cycle_seconds_count 2",
        "prescale_worker_decisions_total{action=\"scale_out\"} 1",
        "prescale_worker_acts_total{result=\"conflict\"} 1",
        "prescale_worker_refresh_seconds_count 1",
        "prescale_worker_refresh_failures_total 1",
        "prescale_worker_lease_held{shard=\"0\"} 1",
        "prescale_worker_lease_held{shard=\"3\"} 0",
        "prescale_worker_database_connected 0",
        "prescale_worker_recommendation_age_seconds 90.0",
        "prescale_worker_workloads 7",
        "prescale_worker_targets_unavailable 1",
        "# EOF",
    ] {
        assert!(
            body.lines().any(|found| found == line),
            "no line {line:?} in\n{body}"
        );
    }
    assert!(
        body.contains("prescale_worker_build_info{version="),
        "{body}"
    );
}
