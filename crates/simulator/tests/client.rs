//! Our own client against the simulator: the calls that no page makes yet, and how it ends when the other side misbehaves.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use chrono::{DateTime, TimeZone, Utc};
use patchboard_gaussdb::{Client, Credentials, Error, Fate, Options};
use patchboard_simulator::{ACCESS_KEY, Act, Fault, PROJECT, SECRET_KEY, Simulator, Switches};
use secrecy::SecretString;
use std::{sync::Arc, time::Duration};
use tokio::net::TcpListener;

fn now() -> DateTime<Utc> {
    Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).single().unwrap()
}

async fn simulator(instances: usize) -> Simulator {
    let options = patchboard_simulator::Options { seed: 1, instances, switches: Switches::default(), clock: Arc::new(now) };
    Simulator::start(options, TcpListener::bind("127.0.0.1:0").await.unwrap()).unwrap()
}

fn client(simulator: &Simulator, change: impl Fn(&mut Options)) -> Client {
    let credentials =
        Credentials::Key { access: ACCESS_KEY.to_owned(), secret: SecretString::from(SECRET_KEY.to_owned()), security_token: None };
    let mut options = Options::new("ap-southeast-1", credentials, Arc::new(now));
    options.endpoint = Some(simulator.url());
    options.pauses = vec![Duration::from_millis(1); 2];
    change(&mut options);
    Client::new(options).unwrap()
}

#[tokio::test]
async fn every_reading_call_reads() {
    let simulator = simulator(250).await;
    let client = client(&simulator, |_| ());
    assert_eq!(client.project_id().await.unwrap(), PROJECT, "found by the region's name");
    let instances = client.instances(|_| ()).await.unwrap();
    assert_eq!(instances.len(), 250, "three pages");
    let ids: Vec<String> =
        instances.iter().filter(|i| i.status.as_deref() == Some("ACTIVE")).filter_map(|i| i.id.clone()).take(5).collect();
    assert!(!client.batch_candidates(&ids).await.unwrap().upgrade_type_list.is_empty());
    assert!(!client.candidates(&ids[0]).await.unwrap().upgrade_type_list.is_empty());
    assert!(client.datastore_versions().await.unwrap().iter().any(|v| !v.hotfixes.is_empty()));
    assert!(client.tags().await.unwrap().tags.iter().any(|t| t.values.len() > 1));
    assert_eq!(client.enterprise_projects().await.unwrap().len(), 3);
    let jobs = client.jobs().await.unwrap();
    let id = jobs[0].job_id.clone().unwrap();
    assert_eq!(client.job(&id).await.unwrap().id, Some(id));
    let unknown = client.job("none").await.unwrap_err();
    assert_eq!(unknown.answer().unwrap().code.as_deref(), Some("DBS.200543"));
}

#[tokio::test]
async fn reading_is_repeated_after_a_pause_and_changing_never() {
    let simulator = simulator(60).await;
    let client = client(&simulator, |_| ());
    let throttled = Act::Refuse { status: 429, code: "APIGW.0308".to_owned(), message: "slow".to_owned(), retry_after: Some(0) };
    simulator.set_faults(vec![Fault { times: 2, ..Fault::on("/tags", throttled.clone()) }]);
    assert!(client.tags().await.is_ok());
    assert_eq!(simulator.requests("/tags"), 3);
    simulator.set_faults(vec![Fault::on_create(1, throttled)]);
    let refused = client.create_schedule_task("{}".to_owned(), now()).await.unwrap_err();
    assert!(matches!(refused, Error::Throttled { retry_after: Some(_), .. }) && refused.fate() == Fate::NotSent);
    assert_eq!(simulator.requests("schedule-task"), 1);
}

#[tokio::test]
async fn a_create_call_that_was_held_up_is_refused_for_its_date_and_never_dated_anew() {
    let simulator = simulator(60).await;
    let client = client(&simulator, |_| ());
    client.prepare().await.unwrap();
    let long_ago = now() - chrono::Duration::minutes(20);
    let refused = client.create_schedule_task("{}".to_owned(), long_ago).await.unwrap_err();
    assert_eq!(refused.fate(), Fate::NotSent, "the gateway did nothing: {refused}");
    assert_eq!(simulator.requests("schedule-task"), 1, "its old date is what keeps it from acting");
    assert!(client.tags().await.is_ok(), "nothing is wrong with the credentials");
}

#[tokio::test]
async fn a_clock_that_was_far_off_and_was_mended_is_believed_again() {
    let simulator = simulator(60).await;
    let off = Arc::new(std::sync::atomic::AtomicI64::new(3600));
    let ours = off.clone();
    let clock = move || now() + chrono::Duration::seconds(ours.load(std::sync::atomic::Ordering::SeqCst));
    let client = client(&simulator, |o| o.clock = Arc::new(clock.clone()));
    assert!(client.tags().await.is_ok(), "dated by the cloud's clock");
    off.store(0, std::sync::atomic::Ordering::SeqCst);
    assert!(client.tags().await.is_ok(), "and by ours again");
}

#[tokio::test]
async fn a_refused_key_is_never_tried_again_by_itself() {
    let simulator = simulator(60).await;
    let wrong = client(&simulator, |o| {
        o.credentials =
            Credentials::Key { access: ACCESS_KEY.to_owned(), secret: SecretString::from("wrong".to_owned()), security_token: None };
        o.project_id = Some(PROJECT.to_owned());
    });
    let error = wrong.tags().await.unwrap_err();
    assert!(matches!(error, Error::Unauthorized(_)), "{error}");
    assert_eq!(simulator.requests("/tags"), 1);
    assert!(!format!("{error:?} {error}").contains("wrong"), "an error holds no secret");
}

#[tokio::test]
async fn silence_and_redirects_end_in_doubt() {
    let simulator = simulator(60).await;
    let client = client(&simulator, |o| o.deadline = Duration::from_millis(300));
    client.project_id().await.unwrap();
    for act in [Act::Hang { ms: 5_000 }, Act::DoThenDelay { ms: 5_000 }, Act::Redirect, Act::Drop, Act::DoThenEndless] {
        simulator.set_faults(vec![Fault::on_create(1, act.clone())]);
        let error = client.create_schedule_task("{}".to_owned(), now()).await.unwrap_err();
        assert_eq!(error.fate(), Fate::Unknown, "{act:?}: {error}");
    }
}

#[tokio::test]
async fn nobody_there_means_nothing_was_sent() {
    let simulator = simulator(60).await;
    let client = client(&simulator, |o| {
        o.endpoint = Some("http://127.0.0.1:9".to_owned());
        o.project_id = Some(PROJECT.to_owned());
    });
    assert_eq!(client.create_schedule_task("{}".to_owned(), now()).await.unwrap_err().fate(), Fate::NotSent);
}

#[tokio::test]
async fn ids_that_would_leave_their_place_are_not_sent() {
    let simulator = simulator(60).await;
    let client = client(&simulator, |_| ());
    for id in ["", "a/b", "..", "a\\b"] {
        assert!(matches!(client.cancel_schedule_task(id).await, Err(Error::Invalid(_))), "{id:?}");
    }
    assert_eq!(simulator.requests("/cancel"), 0);
}

#[tokio::test]
async fn an_endless_answer_is_cut_off() {
    let simulator = simulator(60).await;
    let client = client(&simulator, |o| o.pauses.clear());
    client.project_id().await.unwrap();
    simulator.set_faults(vec![Fault::on("/tags", Act::DoThenEndless)]);
    let error = client.tags().await.unwrap_err();
    assert!(matches!(&error, Error::Unreadable { reason, .. } if reason.contains("longer than")), "{error}");
}
