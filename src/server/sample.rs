//! What a demo begins with: sample people, plans that are over (one failed, one was rejected), and one that waits for a decision.
//! Made by the use cases themselves, on a clock that is set back for it; nothing is written into the database by hand.

use super::session::{SAMPLE_PEOPLE, make_sample_people};
use chrono::Duration;
use patchboard_backend::{Cloud, Error, Ruling, Selection, Services, clock::DemoClock};
use patchboard_domain::{
    account::Actor,
    filter::FleetFilter,
    id::{InstanceId, PlanId},
    plan::Draft,
    review::Verdict,
};

/// A fleet beyond this is for measuring; a past would only make its start slow.
const LARGEST_WITH_A_PAST: i64 = 200;

/// Makes people, and a past where there is none yet.
///
/// # Errors
/// What the use cases say.
pub(super) async fn furnish(services: &Services, clock: &DemoClock) -> Result<(), Error> {
    make_sample_people(services).await?;
    let Some(cloud) = services.clouds().first().cloned() else { return Ok(()) };
    services.sync_pass(&cloud).await?;
    let dba = actor(services, SAMPLE_PEOPLE[0].0).await?;
    let lead = actor(services, SAMPLE_PEOPLE[1].0).await?;
    let fleet = services.fleet(&dba, &FleetFilter::default(), 1).await?.page.total;
    if fleet > LARGEST_WITH_A_PAST || services.plan_rows(&dba, 1).await?.total > 0 {
        return Ok(());
    }
    let stage = Stage { services, clock, cloud, dba, lead };
    let result = stage.play().await;
    clock.set_behind(Duration::zero());
    result?;
    services.sync_pass(&stage.cloud).await
}

async fn actor(services: &Services, name: &str) -> Result<Actor, Error> {
    Ok(Actor::person(&services.user_named(name).await?, "127.0.0.1"))
}

struct Stage<'a> {
    services: &'a Services,
    clock: &'a DemoClock,
    cloud: Cloud,
    dba: Actor,
    lead: Actor,
}

impl Stage<'_> {
    async fn play(&self) -> Result<(), Error> {
        // Three days ago: done. Two days ago: failed, the cloud rolled back. Yesterday: rejected. Now: somebody waits.
        for (days, title, search, most) in
            [(3, "Test ring, night window", "test-01", 2), (2, "Pilot of the hot patch", "fails-hotpatch", 1)]
        {
            self.clock.set_behind(Duration::days(days));
            let Some(id) = self.ask(title, search, most, 3).await? else { continue };
            self.decide(&id, Verdict::Approve, "").await?;
            self.services.sync_pass(&self.cloud).await?;
            self.services.send_pass(&self.cloud).await?;
            for hours in [0, 3, 5] {
                self.clock.set_behind(Duration::days(days) - Duration::hours(hours));
                self.services.sync_pass(&self.cloud).await?;
            }
        }
        self.clock.set_behind(Duration::days(1));
        if let Some(id) = self.ask("Sales applications", "pilot-01", 1, 6).await? {
            self.decide(&id, Verdict::Reject, "月末结算，请改到下周。/ Month-end closing: please take next week.").await?;
        }
        self.clock.set_behind(Duration::zero());
        if let Some(id) = self.ask("Trade platform, prod", "prod-01", 3, 20).await? {
            self.services.comment(&self.dba, &id, "Test ring has run this patch for three days without an incident.").await?;
        }
        Ok(())
    }

    /// A plan for which a decision is asked; nothing where the fleet has no instance for it.
    async fn ask(&self, title: &str, search: &str, most: usize, hours: i64) -> Result<Option<PlanId>, Error> {
        let filter = FleetFilter { q: search.to_owned(), engine: "3.208.0".to_owned(), ..FleetFilter::default() };
        let rows = self.services.fleet(&self.dba, &filter, 1).await?.page.rows;
        let ids: Vec<InstanceId> = rows.into_iter().filter(|r| r.ineligible.is_none()).map(|r| r.instance.id).take(most).collect();
        if ids.is_empty() {
            return Ok(None);
        }
        let id = self.services.create_draft(&self.dba, self.cloud.name(), "Asia/Shanghai").await?;
        self.services.select(&self.dba, &id, Selection::Page { was: Vec::new(), ticked: ids.clone() }).await?;
        self.services.read_candidates(self.cloud.name(), &ids).await?;
        let view = self.services.draft_view(&self.dba, &id).await?;
        let patch = view.choices.iter().rev().find(|c| c.fits_all() && c.of == ids.len()).map(|c| c.version);
        let zone = patchboard_backend::zones::offset_at("Asia/Shanghai", self.services.now());
        let start = (self.services.now() + Duration::hours(hours)).with_timezone(&zone);
        let typed = Draft {
            title: title.to_owned(),
            reason: "Security fixes of this quarter".to_owned(),
            ticket: "CHG-20418".to_owned(),
            patches: patch.into_iter().collect(),
            start_local: start.format("%Y-%m-%dT%H:00").to_string(),
            zone: "Asia/Shanghai".to_owned(),
            ..Draft::default()
        };
        self.services.set_schedule(&self.dba, &id, &view.plan.draft, &typed).await?;
        let hash = self.services.draft_view(&self.dba, &id).await?.hash;
        match self.services.ask_review(&self.dba, &id, &hash).await {
            // A world of another seed may offer no patch to all of them: then it stays a draft.
            Err(Error::NotReady) => Ok(None),
            other => other.map(|()| Some(id)),
        }
    }

    async fn decide(&self, id: &PlanId, verdict: Verdict, comment: &str) -> Result<(), Error> {
        let view = self.services.review_view(&self.lead, id).await?;
        let (hash, count) = (view.review.hash, view.now.chosen.len().to_string());
        self.services.decide(&self.lead, id, Ruling { hash: &hash, verdict, comment, count: &count, shown: None }).await
    }
}
