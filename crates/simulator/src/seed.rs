//! Makes the world: the same seed and number always give the same estate.

use crate::world::{Hotfix, Instance, Switches, Task, TaskState, World};
use chrono::{DateTime, Duration, TimeZone, Utc};
use fastrand::Rng;
use std::collections::BTreeMap;

const APPS: [(&str, &str, &str); 12] = [
    ("orders", "订单库", "trade"),
    ("payments", "支付核心", "trade"),
    ("inventory", "库存中心", "supply"),
    ("crm", "客户关系", "sales"),
    ("risk", "风控引擎", "trade"),
    ("ledger", "总账", "finance"),
    ("iot", "设备接入", "supply"),
    ("search", "商品搜索", "sales"),
    ("hr", "人事系统", "office"),
    ("logistics", "物流调度", "supply"),
    ("report", "报表平台", "finance"),
    ("auth", "统一认证", "office"),
];

const ENVS: [(&str, &str); 4] = [("prod", "生产"), ("pilot", "预发"), ("test", "测试"), ("dev", "开发")];

/// Engine version, number of hot patches, share of the estate in per cent.
const ENGINES: [(&str, u32, u32); 4] = [("3.208.0", 7, 45), ("8.100.0", 3, 25), ("8.102.0", 2, 20), ("3.226.0", 4, 10)];

/// Every status but `ACTIVE`; each stands once in the first sixty instances, and rarely after that.
const STATUSES: [&str; 19] = [
    "BUILD",
    "BUILD_FAILED",
    "FAILED",
    "FROZEN",
    "MODIFYING",
    "EXPANDING",
    "REBOOTING",
    "REDUCING",
    "REDUCING REPLICATION",
    "UPGRADING",
    "RESTORING",
    "SWITCHOVER",
    "MIGRATING",
    "BACKING UP",
    "UPGRADE TO BE OBSERVED",
    "MODIFYING DATABASE PORT",
    "STORAGE FULL",
    "REPAIRING",
    "SHUTDOWN",
];

/// Names that make things fail, see `docs/simulator.md`.
const SENTINELS: [&str; 6] = ["fails-hotpatch", "create-refused", "create-lost", "create-dropped", "create-500", "create-partial"];

/// Descriptions in English and Chinese, taken in turn.
const DESCRIPTIONS: [[&str; 2]; 4] = [
    ["Fixes a memory leak of idle sessions.", "修复空闲会话的内存泄漏。"],
    ["Fixes a wrong result of hash joins on partitioned tables.", "修复分区表哈希连接结果错误。"],
    ["Fixes a deadlock between autovacuum and DDL.", "修复自动清理与 DDL 之间的死锁。"],
    ["Shortens failover when a standby lags.", "缩短备机延迟时的主备切换时间。"],
];

pub(crate) fn world(seed: u64, instances: usize, now: DateTime<Utc>, switches: Switches) -> World {
    let mut rng = Rng::with_seed(seed);
    let hotfixes = ENGINES.iter().flat_map(|(engine, patches, _)| (1..=*patches).map(|n| hotfix(engine, n))).collect();
    let mut world = World {
        instances: BTreeMap::new(),
        order: Vec::new(),
        hotfixes,
        tasks: Vec::new(),
        switches,
        enterprise_projects: vec![
            ("0".to_owned(), "default".to_owned()),
            ("9c6aa9c1-6f0a-4d5c-9f55-0d2a51b27c0e".to_owned(), "交易平台".to_owned()),
            ("4b0d2a7e-1c64-4e3b-8a0f-6a6f0c9e2f11".to_owned(), "Back office".to_owned()),
        ],
        rng: Rng::with_seed(seed ^ 0x5eed),
        window: (0, 0),
    };
    for n in 0..instances {
        let instance = instance(&mut rng, n, instances, now);
        world.order.push(instance.id.clone());
        world.instances.insert(instance.id.clone(), instance);
    }
    foreign_tasks(&mut world, &mut rng, now);
    world
}

fn hotfix(engine: &str, n: u32) -> Hotfix {
    let index = usize::try_from(n).unwrap_or_default();
    let custom = (engine, n) == ("3.208.0", 5);
    Hotfix {
        version: format!("{engine}.{n}"),
        custom,
        backup_sensitive: matches!((engine, n), ("3.208.0", 7) | ("8.100.0", 3)),
        description: DESCRIPTIONS[index % DESCRIPTIONS.len()],
        created_ms: Utc
            .with_ymd_and_hms(2026, 1, 10, 0, 0, 0)
            .single()
            .map_or(0, |t| (t + Duration::days(30 * i64::from(n))).timestamp_millis()),
    }
}

fn instance(rng: &mut Rng, n: usize, total: usize, now: DateTime<Utc>) -> Instance {
    let (app, app_zh, team) = APPS[n % APPS.len()];
    let (env, env_zh) = ENVS[(n / APPS.len()) % ENVS.len()];
    let serial = n / (APPS.len() * ENVS.len()) + 1;
    // A sentinel each at the end of the estate, where nobody picks them by accident.
    let sentinel = total.checked_sub(n + 1).and_then(|from_end| SENTINELS.get(from_end)).filter(|_| total >= 30);
    let name = match sentinel {
        Some(word) => format!("z-demo-{word}-{:02}", n + 1),
        None if n.is_multiple_of(3) => format!("{app_zh}-{env_zh}-{serial:02}"),
        None => format!("{app}-{env}-{serial:02}"),
    };
    let draw = rng.u32(0..100);
    let mut share = 0;
    let (engine, patches, _) = ENGINES
        .into_iter()
        .find(|(_, _, percent)| {
            share += percent;
            draw < share
        })
        .unwrap_or(ENGINES[0]);
    let has = rng.u32(0..patches);
    let installed = (1..=has).map(|p| (format!("{engine}.{p}"), now - Duration::days(i64::from((patches - p) * 30 + 11)))).collect();
    let withheld = if n.is_multiple_of(4) { Vec::new() } else { vec!["3.208.0.5".to_owned()] };
    let status = match (sentinel, n) {
        (Some(_), _) => "ACTIVE",
        (None, n) if n < 54 && n % 3 == 1 => STATUSES[n / 3],
        (None, 53) => STATUSES[18],
        (None, n) if n >= 60 && n % 50 == 0 => STATUSES[(n / 50) % STATUSES.len()],
        _ => "ACTIVE",
    };
    let distributed = n % 5 == 2;
    let mut tags = vec![("app".to_owned(), app.to_owned()), ("env".to_owned(), env.to_owned()), ("team".to_owned(), team.to_owned())];
    if env == "prod" && (app == "payments" || app == "ledger" || app == "orders") || (env == "pilot" && app == "orders") {
        tags.push(("dr-pair".to_owned(), if app == "orders" { "orders-dr".to_owned() } else { format!("{app}-{serial}") }));
    }
    let abnormal = n % 41 == 40;
    Instance {
        id: format!("{:032x}in14", rng.u128(..)),
        name,
        status: status.to_owned(),
        distributed,
        engine: engine.to_owned(),
        installed,
        withheld,
        tags: if n % 17 == 16 { Vec::new() } else { tags },
        enterprise_project: ["0", "9c6aa9c1-6f0a-4d5c-9f55-0d2a51b27c0e", "4b0d2a7e-1c64-4e3b-8a0f-6a6f0c9e2f11"][n % 3].to_owned(),
        maintenance: ["18:00-22:00", "16:00-20:00", "22:00-02:00"][n % 3].to_owned(),
        backup: ["19:00-20:00", "17:00-18:00", "01:00-02:00"][n % 3].to_owned(),
        nodes: nodes(rng, distributed, abnormal),
        disk_usage: format!("0.{:04}", if status == "STORAGE FULL" { 9712 } else { rng.u32(900..8800) }),
        created: now - Duration::days(i64::from(rng.u32(40..900))),
        prepaid: n % 7 == 3,
    }
}

fn nodes(rng: &mut Rng, distributed: bool, abnormal: bool) -> Vec<(String, String, String, bool)> {
    let names: &[&str] = if distributed {
        &["cn_1", "cn_2", "cn_3", "dn1_0", "dn1_1", "dn1_2", "dn2_0", "dn2_1", "dn2_2"]
    } else {
        &["dn1_0", "dn1_1", "dn1_2"]
    };
    let mut out = Vec::new();
    for (i, name) in names.iter().enumerate() {
        let status = if abnormal && i == 1 { "FAILED" } else { "ACTIVE" };
        let id = format!("{:032x}no14", rng.u128(..));
        out.push((id, format!("gaussdbv5{name}"), status.to_owned(), i == 0 || name.ends_with("_0")));
    }
    out
}

/// Tasks that nobody's plan made: some past, a few to come.
fn foreign_tasks(world: &mut World, rng: &mut Rng, now: DateTime<Utc>) {
    let active: Vec<_> = world.order.iter().filter(|id| world.instances[*id].status == "ACTIVE").cloned().collect();
    for (n, id) in active.iter().enumerate().filter(|(n, _)| n % 3 == 2) {
        let made = world.tasks.len();
        if made == 9 {
            break;
        }
        let instance = world.instances[id].clone();
        let past = n % 2 == 0;
        let version = if past {
            instance.installed.last().map(|(v, _)| v.clone())
        } else {
            world.offered(&instance).first().map(|h| h.version.clone())
        };
        let Some(version) = version else { continue };
        let (start, state) = if past {
            (now - Duration::days(i64::from(rng.u32(2..25))), if made % 4 == 3 { TaskState::Failed } else { TaskState::Completed })
        } else {
            (now + Duration::hours(i64::from(rng.u32(20..90))), TaskState::Pending)
        };
        let start = start - Duration::seconds(start.timestamp() % 600);
        let id = world.uuid();
        world.tasks.push(Task {
            id,
            instance_id: instance.id,
            versions: vec![version],
            created: start.min(now) - Duration::hours(20),
            start,
            end: start + Duration::minutes(9),
            state,
            deleted: false,
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_estate_is_varied_and_repeatable() {
        let now = Utc.with_ymd_and_hms(2026, 11, 23, 10, 0, 0).single().unwrap();
        let a = world(1, 60, now, Switches::default());
        let b = world(1, 60, now, Switches::default());
        assert_eq!(a.order, b.order);
        let words: std::collections::BTreeSet<_> = a.instances.values().map(|i| i.status.as_str()).collect();
        for status in STATUSES {
            assert!(words.contains(status), "{status} is missing");
        }
        for word in SENTINELS {
            assert!(a.instances.values().any(|i| i.name.contains(word)), "{word} is missing");
        }
        assert!(a.instances.values().any(|i| i.name.contains("订单库")) && a.instances.values().any(|i| i.distributed));
        assert!(a.instances.values().any(|i| i.nodes.iter().any(|n| n.2 == "FAILED")));
        assert!(a.tasks.iter().any(|t| t.state == TaskState::Pending) && a.tasks.iter().any(|t| t.state == TaskState::Completed));
        let pairs = a.instances.values().filter(|i| i.tags.contains(&("dr-pair".to_owned(), "orders-dr".to_owned()))).count();
        assert!(pairs >= 2, "both sides of a pair: {pairs}");
    }
}
