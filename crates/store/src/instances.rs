//! The fleet.

use crate::{
    Error, Store,
    error::{doc, json},
    sql::{Sql, like, plain},
    time::{instant, ms},
};
use chrono::{DateTime, Utc};
use patchboard_domain::{
    filter::{FleetFilter, PAGE_SIZE},
    fleet::Facets,
    id::{CloudName, InstanceId},
    instance::Instance,
    version::PatchVersion,
};
use std::collections::{BTreeMap, BTreeSet};

/// A complete listing of one cloud.
#[derive(Clone, Debug)]
pub struct InstanceListing {
    /// The connection.
    pub cloud: CloudName,
    /// When its first page was asked for.
    pub began_at: DateTime<Utc>,
    /// Every instance.
    pub instances: Vec<Instance>,
    /// Hot patches of the catalogue.
    pub catalogue: Vec<PatchVersion>,
    /// Enterprise projects, id and name.
    pub projects: Vec<(String, String)>,
}

type Row = (String, i64, Option<i64>);

fn read(row: &Row) -> Result<Instance, Error> {
    let (text, seen_at, gone_at) = row;
    let mut instance: Instance = doc(text, "instances", "")?;
    instance.seen_at = instant(*seen_at);
    instance.gone_at = gone_at.map(instant);
    Ok(instance)
}

/// What is kept: the same instance gives the same text whenever it was seen, so that only changes are written.
fn kept(instance: &Instance) -> String {
    json(&Instance { seen_at: DateTime::UNIX_EPOCH, gone_at: None, ..instance.clone() })
}

fn push_filter(q: &mut Sql, filter: &FleetFilter) {
    q.push(" WHERE gone_at IS NULL");
    let mut equals = |column: &str, value: &str| {
        if !value.is_empty() {
            q.push(format!(" AND {column} = ")).push_bind(value.to_owned());
        }
    };
    equals("status", &filter.status);
    equals("engine", &filter.engine);
    equals("project", &filter.project);
    equals("form", &filter.form);
    equals("cloud", &filter.cloud);
    let words = filter.q.trim().to_lowercase();
    if !words.is_empty() {
        let escaped = like(&words);
        q.push(" AND search LIKE ").push_bind(format!("%{escaped}%")).push(" ESCAPE '\\'");
    }
    if !filter.tag.is_empty() {
        q.push(" AND EXISTS (SELECT 1 FROM instance_tags t WHERE t.cloud = instances.cloud AND t.instance = instances.id AND ");
        if filter.tag.contains('=') {
            q.push("t.tag = ").push_bind(filter.tag.clone());
        } else {
            q.push("t.tag >= ").push_bind(format!("{}=", filter.tag)).push(" AND t.tag < ").push_bind(format!("{}>", filter.tag));
        }
        q.push(")");
    }
    if !filter.missing.is_empty() {
        // A text that is no patch version matches no instance, rather than all of them.
        let patch = filter.missing_patch();
        q.push(" AND engine = ").push_bind(patch.map(|p| p.engine().to_string()).unwrap_or_else(|| "?".to_owned()));
        q.push(" AND NOT EXISTS (SELECT 1 FROM instance_patches p WHERE p.cloud = instances.cloud AND p.instance = instances.id AND p.patch = ");
        q.push_bind(patch.map(|p| p.to_string()).unwrap_or_default()).push(")");
    }
}

impl Store {
    /// Takes a complete listing: what is not in it is marked as gone. One transaction.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn put_instances(&self, listing: &InstanceListing) -> Result<(), Error> {
        let cloud = listing.cloud.as_str();
        let at = ms(listing.began_at);
        let mut tx = self.begin().await?;
        let known: Vec<(String, String)> =
            sqlx::query_as("SELECT id, doc FROM instances WHERE cloud = $1 AND gone_at IS NULL").bind(cloud).fetch_all(&mut *tx).await?;
        let known: BTreeMap<String, String> = known.into_iter().collect();
        let mut listed = BTreeSet::new();
        for instance in &listing.instances {
            let id = instance.id.as_str();
            let text = kept(instance);
            if !listed.insert(id) || known.get(id) == Some(&text) {
                continue;
            }
            sqlx::query(
                "INSERT INTO instances (cloud, id, name, search, status, form, engine, project, seen_at, gone_at, doc)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, NULL, $10)
                 ON CONFLICT (cloud, id) DO UPDATE SET name = excluded.name, search = excluded.search, status = excluded.status,
                 form = excluded.form, engine = excluded.engine, project = excluded.project, seen_at = excluded.seen_at,
                 gone_at = NULL, doc = excluded.doc",
            )
            .bind(cloud)
            .bind(id)
            .bind(plain(&instance.name))
            .bind(plain(&format!("{} {id}", instance.name)).to_lowercase())
            .bind(&instance.status.0)
            .bind(instance.form.as_str())
            .bind(instance.engine.map(|e| e.to_string()).unwrap_or_default())
            .bind(&instance.enterprise_project)
            .bind(at)
            .bind(text)
            .execute(&mut *tx)
            .await?;
            for sql in [
                "DELETE FROM instance_patches WHERE cloud = $1 AND instance = $2",
                "DELETE FROM instance_tags WHERE cloud = $1 AND instance = $2",
            ] {
                sqlx::query(sql).bind(cloud).bind(id).execute(&mut *tx).await?;
            }
            for patch in &instance.patches {
                sqlx::query("INSERT INTO instance_patches (cloud, instance, patch) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                    .bind(cloud)
                    .bind(id)
                    .bind(patch.to_string())
                    .execute(&mut *tx)
                    .await?;
            }
            for tag in &instance.tags {
                sqlx::query("INSERT INTO instance_tags (cloud, instance, tag) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                    .bind(cloud)
                    .bind(id)
                    .bind(plain(&format!("{}={}", tag.key, tag.value)))
                    .execute(&mut *tx)
                    .await?;
            }
        }
        for id in known.keys().filter(|id| !listed.contains(id.as_str())) {
            sqlx::query("UPDATE instances SET gone_at = $1 WHERE cloud = $2 AND id = $3")
                .bind(at)
                .bind(cloud)
                .bind(id)
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query("UPDATE instances SET seen_at = $1 WHERE cloud = $2 AND gone_at IS NULL")
            .bind(at)
            .bind(cloud)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM catalogue WHERE cloud = $1").bind(cloud).execute(&mut *tx).await?;
        for patch in &listing.catalogue {
            sqlx::query("INSERT INTO catalogue (cloud, patch, engine) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(cloud)
                .bind(patch.to_string())
                .bind(patch.engine().to_string())
                .execute(&mut *tx)
                .await?;
        }
        sqlx::query("DELETE FROM projects WHERE cloud = $1").bind(cloud).execute(&mut *tx).await?;
        for (id, name) in &listing.projects {
            sqlx::query("INSERT INTO projects (cloud, id, name) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING")
                .bind(cloud)
                .bind(id)
                .bind(plain(name))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(())
    }

    /// A page of the fleet by name, and the number of all that match. `page` counts from 1.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn instances(&self, filter: &FleetFilter, page: i64) -> Result<(Vec<Instance>, i64), Error> {
        let mut count = Sql::new("SELECT COUNT(*) FROM instances");
        push_filter(&mut count, filter);
        let total: i64 = count.number(self.reader().await).await?;
        let mut q = Sql::new("SELECT doc, seen_at, gone_at FROM instances");
        push_filter(&mut q, filter);
        q.push(" ORDER BY name, id LIMIT ").push_bind(PAGE_SIZE).push(" OFFSET ").push_bind((page.max(1) - 1).saturating_mul(PAGE_SIZE));
        let rows: Vec<Row> = q.rows(self.reader().await).await?;
        Ok((rows.iter().map(read).collect::<Result<_, _>>()?, total))
    }

    /// Every instance that matches.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn all_instances(&self, filter: &FleetFilter) -> Result<Vec<Instance>, Error> {
        let mut q = Sql::new("SELECT doc, seen_at, gone_at FROM instances");
        push_filter(&mut q, filter);
        q.push(" ORDER BY name, id");
        let rows: Vec<Row> = q.rows(self.reader().await).await?;
        rows.iter().map(read).collect()
    }

    /// The instances of these ids, gone ones too, in no particular order.
    ///
    /// # Errors
    /// [`Error::Database`], [`Error::Inconsistent`].
    pub async fn instances_by_id(&self, cloud: &CloudName, ids: &[InstanceId]) -> Result<Vec<Instance>, Error> {
        let mut out = Vec::new();
        for chunk in ids.chunks(500) {
            let mut q = Sql::new("SELECT doc, seen_at, gone_at FROM instances WHERE cloud = ");
            q.push_bind(cloud.as_str()).push(" AND id IN (");
            q.push_list(chunk.iter().map(InstanceId::as_str)).push(")");
            let rows: Vec<Row> = q.rows(self.reader().await).await?;
            for row in &rows {
                out.push(read(row)?);
            }
        }
        Ok(out)
    }

    /// How many hot patches the catalogue has for each engine version.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn catalogue(&self) -> Result<Vec<PatchVersion>, Error> {
        let rows: Vec<(String,)> =
            sqlx::query_as("SELECT DISTINCT CAST(patch AS TEXT) FROM catalogue").fetch_all(self.reader().await).await?;
        let mut patches: Vec<PatchVersion> = rows.iter().filter_map(|(p,)| p.parse().ok()).collect();
        patches.sort_unstable();
        Ok(patches)
    }

    /// Values to filter by, with their numbers.
    ///
    /// # Errors
    /// [`Error::Database`].
    pub async fn facets(&self) -> Result<Facets, Error> {
        let pairs = async |sql: &'static str| -> Result<Vec<(String, i64)>, Error> {
            Ok(sqlx::query_as(sql).fetch_all(self.reader().await).await?)
        };
        let projects: Vec<(String, String, i64)> = sqlx::query_as(
            "SELECT i.project, COALESCE(MAX(p.name), i.project), COUNT(*) FROM instances i
             LEFT JOIN projects p ON p.cloud = i.cloud AND p.id = i.project WHERE i.gone_at IS NULL GROUP BY i.project ORDER BY 2",
        )
        .fetch_all(self.reader().await)
        .await?;
        let mut missing: Vec<(String, i64)> = pairs(
            "SELECT c.patch, CAST(SUM(e.n) AS BIGINT) - (SELECT COUNT(*) FROM instance_patches p JOIN instances i ON i.cloud = p.cloud AND i.id = p.instance
                 AND i.gone_at IS NULL WHERE p.patch = c.patch AND p.cloud = c.cloud) AS lacking
             FROM catalogue c JOIN (SELECT cloud, engine, COUNT(*) AS n FROM instances WHERE gone_at IS NULL GROUP BY cloud, engine) e
                 ON e.cloud = c.cloud AND e.engine = c.engine
             GROUP BY c.cloud, c.patch",
        )
        .await?;
        missing.retain(|(_, n)| *n > 0);
        missing.sort_by_key(|(patch, _)| patch.parse::<PatchVersion>().ok());
        Ok(Facets {
            status: pairs("SELECT status, COUNT(*) FROM instances WHERE gone_at IS NULL GROUP BY status ORDER BY status").await?,
            engine: pairs("SELECT engine, COUNT(*) FROM instances WHERE gone_at IS NULL AND engine <> '' GROUP BY engine ORDER BY engine")
                .await?,
            form: pairs("SELECT form, COUNT(*) FROM instances WHERE gone_at IS NULL GROUP BY form ORDER BY form").await?,
            cloud: pairs("SELECT cloud, COUNT(*) FROM instances WHERE gone_at IS NULL GROUP BY cloud ORDER BY cloud").await?,
            tag: pairs(
                "SELECT t.tag, COUNT(*) FROM instance_tags t JOIN instances i ON i.cloud = t.cloud AND i.id = t.instance
                 WHERE i.gone_at IS NULL GROUP BY t.tag ORDER BY t.tag LIMIT 500",
            )
            .await?,
            missing,
            project: projects,
        })
    }
}
