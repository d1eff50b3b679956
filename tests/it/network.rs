//! Networks, throttling and clocks: what lies between us and the cloud.

use crate::{
    faults::settle,
    support::{TestApp, now, simulator},
};
use patchboard_backend::{
    Policy,
    clock::{Clock, TestClock},
};
use patchboard_domain::{review::ReviewPolicy, send::ItemState};
use patchboard_simulator::{
    Act, Fault,
    proxy::{Toxic, Way},
};
use std::sync::Arc;

#[tokio::test]
async fn throttling_is_not_sent_and_waits_as_long_as_asked() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(2).await;
    let throttled = Act::Refuse { status: 429, code: "APIGW.0308".to_owned(), message: "slow down".to_owned(), retry_after: Some(40) };
    app.simulator.set_faults(vec![Fault::on_create(1, throttled)]);
    app.send().await;
    app.advance(39);
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["planned"; 2], 1), "not before the cloud said");
    let page = app.get(&format!("/plans/{id}")).await.body;
    assert!(page.contains("not sent") && page.contains("APIGW.0308") && page.contains("Tried again"));
    // Up to a tenth later than asked: replicas do not all come back at once.
    app.advance(5);
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"; 2], 2, vec![1; 2]));
}

#[tokio::test]
async fn a_throttled_listing_slows_the_whole_connection() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    let throttled = Act::Refuse { status: 429, code: "APIGW.0308".to_owned(), message: "slow down".to_owned(), retry_after: Some(90) };
    app.simulator.set_faults(vec![Fault { times: 1, ..Fault::on("schedule-tasks", throttled) }]);
    app.sync().await;
    let before = app.simulator.requests("");
    app.advance(80);
    app.sync().await;
    app.send().await;
    assert_eq!(app.simulator.requests(""), before, "neither reader nor sender calls before the cloud said");
    assert_eq!(app.words(&id).await, ["planned"]);
    let page = app.get("/instances").await.body;
    assert!(page.contains("The cloud asked to wait; looked at again in ") && page.contains("APIGW.0308"), "the person sees why");
    app.advance(19);
    app.sync().await;
    app.send().await;
    assert_eq!(app.words(&id).await, ["accepted"]);
    assert!(!app.get("/instances").await.body.contains("asked to wait"));
}

#[tokio::test]
async fn a_cloud_that_cannot_be_reached_was_sent_nothing() {
    let app = TestApp::start().await;
    let (id, _) = app.confirmed(1).await;
    app.network(&[Toxic::Refuse]).await;
    app.send().await;
    app.sync().await;
    let view = app.sent(&id).await;
    assert_eq!(view.items.rows[0].0.state, ItemState::Planned);
    assert_eq!(view.attempts.rows[0].outcome.as_deref(), Some("not_sent"));
    let page = app.get("/instances").await.body;
    assert!(page.contains("could not be read") && page.contains("60 match"), "the last known fleet, with its age");
    app.network(&[]).await;
    app.advance(3);
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["accepted"], 1), "it goes on by itself");
}

/// What networks do to an answer, when the cloud has acted.
#[tokio::test]
async fn an_answer_that_the_network_eats_is_looked_for_and_never_asked_for_again() {
    for toxic in [Toxic::ResetPeer(Way::Down), Toxic::LimitData(Way::Down, 60), Toxic::Timeout(Way::Down), Toxic::Slicer(Way::Down, 50)] {
        let clock = Arc::new(TestClock::at(now()));
        let cloud = simulator(clock.clone(), 60).await;
        // Of the whole answer, not of the silence between two bytes.
        let app = TestApp::with(cloud, clock, |s| s.deadline = std::time::Duration::from_secs(1)).await;
        app.sync().await;
        let (id, instances) = app.confirmed(2).await;
        app.network(&[toxic]).await;
        app.send().await;
        app.network(&[]).await;
        assert_eq!(app.words(&id).await, ["unknown"; 2], "{toxic:?}");
        settle(&app, 4, 130).await;
        assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"; 2], 1, vec![1; 2]), "{toxic:?}");
    }
}

/// What networks do to a request that does not arrive.
#[tokio::test]
async fn a_request_that_the_network_eats_is_sent_again_once_it_is_proved_absent() {
    for toxic in [Toxic::ResetPeer(Way::Up), Toxic::Timeout(Way::Up), Toxic::LimitData(Way::Up, 100)] {
        let clock = Arc::new(TestClock::at(now()));
        let cloud = simulator(clock.clone(), 60).await;
        let app = TestApp::with(cloud, clock, |s| s.deadline = std::time::Duration::from_secs(1)).await;
        app.sync().await;
        let (id, instances) = app.confirmed(1).await;
        app.network(&[toxic]).await;
        app.send().await;
        app.network(&[]).await;
        assert_eq!((app.words(&id).await, app.creates()), (vec!["unknown"], 0), "{toxic:?}: nobody here can know that it did not arrive");
        app.sync().await;
        app.send().await;
        assert_eq!(app.creates(), 0, "{toxic:?}");
        settle(&app, 3, 130).await;
        assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"], 1, vec![1]), "{toxic:?}");
    }
}

#[tokio::test]
async fn a_clock_that_jumps_proves_no_absence() {
    let app = TestApp::start().await;
    let (id, instances) = app.confirmed(1).await;
    app.network(&[Toxic::ResetPeer(Way::Up)]).await;
    app.send().await;
    app.network(&[]).await;
    app.sync().await;
    app.clock.jump(chrono::Duration::minutes(30));
    app.sync().await;
    app.send().await;
    assert_eq!((app.words(&id).await, app.creates()), (vec!["unknown"], 0), "half an hour on the wall, a second in truth");
    settle(&app, 3, 130).await;
    assert_eq!((app.words(&id).await, app.creates(), app.tasks(&instances)), (vec!["accepted"], 1, vec![1]));
}

#[tokio::test]
async fn a_clock_that_is_far_off_is_corrected_by_the_clouds_and_said() {
    let clock = Arc::new(TestClock::at(now()));
    let (theirs, listener) = (clock.clone(), tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap());
    let ahead = move || theirs.now() + chrono::Duration::minutes(20);
    let options = patchboard_simulator::Options {
        seed: 1,
        instances: 60,
        switches: patchboard_simulator::Switches::default(),
        clock: Arc::new(ahead),
    };
    let cloud = patchboard_simulator::Simulator::start(options, listener).unwrap();
    let app = TestApp::with(cloud, clock, |_| ()).await;
    app.sync().await;
    let page = app.get("/instances").await.body;
    assert!(page.contains("60 match") && !page.contains("refused the credentials"), "the refused date was signed anew");
    assert!(page.contains("1200 s"), "and the difference is said");
    let (id, instances) = app.confirmed(1).await;
    app.simulator.set_faults(vec![Fault::on_create(1, Act::DoThenDrop)]);
    app.send().await;
    settle(&app, 3, 130).await;
    assert_eq!(
        (app.words(&id).await, app.creates(), app.tasks(&instances)),
        (vec!["accepted"], 1, vec![1]),
        "found, for all the difference"
    );
}

#[tokio::test]
async fn whatever_a_throttling_cloud_says_about_waiting_it_is_left_alone_for_a_while() {
    // Header, and the shortest and longest wait in seconds that it may come to.
    let date = "Mon, 23 Nov 2026 10:01:31 GMT";
    for (header, shortest, longest) in
        [("30", 30, 40), (date, 60, 110), ("-5", 1, 60), ("", 1, 60), ("soon", 1, 60), ("31536000", 300, 1_100)]
    {
        let app = TestApp::start().await;
        let (id, instances) = app.confirmed(1).await;
        app.simulator.set_faults(vec![Fault::on_create(1, Act::Throttle { retry_after: header.to_owned() })]);
        app.send().await;
        assert_eq!((app.words(&id).await, app.creates()), (vec!["planned"], 1), "{header:?}: nothing happened");
        let mut waited = 0;
        while app.creates() == 1 {
            assert!(waited <= longest, "{header:?}: still waiting after {waited} s");
            // Looked at all the while, as by the workers: what is known gets no older than the pause.
            app.sync().await;
            waited += 1;
            app.send().await;
        }
        assert!(waited >= shortest, "{header:?}: tried again after {waited} s");
        assert_eq!((app.words(&id).await, app.tasks(&instances)), (vec!["accepted"], vec![1]), "{header:?}");
    }
}

#[tokio::test]
async fn a_cloud_that_is_away_for_an_hour_is_not_stormed_when_it_is_back() {
    let app = TestApp::unread(400).await;
    app.sync().await;
    let (mut plans, pickable) = (Vec::new(), app.pickable(40));
    for chunk in pickable.chunks(2) {
        let id = app.draft(chunk, 180).await;
        app.confirm(&id).await;
        plans.push(id);
    }
    app.network(&[Toxic::Refuse]).await;
    for _ in 0..360 {
        app.send().await;
        app.advance(10);
    }
    app.sync().await;
    let tries = app.count("SELECT COUNT(*) FROM attempts").await;
    assert!((1..=120).contains(&tries), "it is asked with growing pauses, not by each of twenty requests: {tries} times in an hour");
    assert_eq!(app.count("SELECT COUNT(*) FROM attempts WHERE outcome <> 'not_sent'").await, 0);
    app.network(&[]).await;
    for _ in 0..60 {
        app.advance(10);
        app.sync().await;
        app.send().await;
    }
    for id in &plans {
        assert_eq!(app.words(id).await, ["accepted"; 2]);
    }
    assert_eq!((app.creates(), app.tasks(&pickable)), (20, vec![1; 40]), "each once");
}

#[tokio::test]
async fn a_look_that_lasts_longer_than_its_lease_renews_it_and_ends() {
    let policy = Policy { lease_seconds: 1, review: ReviewPolicy::none(), confirm_minutes: 0, ..Policy::default() };
    let app = TestApp::ruled_by(policy).await;
    // Every piece of an answer comes late: the look renews its lease and tells how far it is while it waits, and while it writes.
    app.network(&[Toxic::Latency(Way::Down, 700)]).await;
    tokio::time::timeout(std::time::Duration::from_secs(30), app.sync()).await.expect("it waits for nothing that waits for it");
    let status = app.services.sync_status(&app.cloud()).await.unwrap();
    assert_eq!((status.error, status.instances_at.is_some()), (None, true));
}
