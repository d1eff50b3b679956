// The main job, end to end, as a DBA does it: pick, choose versions and a time, see exactly what will be sent, send it, watch
// the tasks that come back. Runs with islands and with JavaScript off.
import { accessible, eventually, expect, fleetIsThere, hydrated, localTime, open, ready, reasonAndName, send, test } from "../fixtures";

test("pick, schedule, review, send, watch, cancel", async ({ page }) => {
  await fleetIsThere(page);
  await open(page, "/instances?q=pilot&engine=3.208.0&status=ACTIVE");
  await expect(page.getByText(/\d+ match/)).toBeVisible();

  // Pick two that may be picked.
  await open(page, "/plans/new?q=prod&engine=3.208.0&status=ACTIVE");
  const boxes = page.locator("input[data-row]:enabled");
  const first = boxes.nth(0);
  const second = boxes.nth(1);
  const ids = [await first.getAttribute("value"), await second.getAttribute("value")];
  await first.check();
  await second.check();
  if (hydrated()) await expect(page.getByText("2 selected")).toBeVisible();
  await page.getByRole("button", { name: "Continue to versions and time" }).click();
  await expect(page.getByRole("heading", { name: "Versions and start time" })).toBeVisible();
  await ready(page);

  // Versions arrive one instance after the other; only what fits all can be ticked.
  const patches = page.locator("input[name='patches[]']:enabled");
  if (hydrated()) await expect(patches.first()).toBeVisible();
  else await eventually(page, async () => expect(patches.first()).toBeVisible({ timeout: 500 }));
  const version = await patches.last().getAttribute("value");
  await patches.last().check();
  await page.getByLabel("Title").fill("Night patch 夜间补丁");

  // Too near is refused with the earliest time, and what was typed is kept.
  await page.getByLabel("in time zone").fill("Asia/Shanghai");
  await page.getByLabel("Date and time").fill(localTime(0.2, 8));
  await page.getByRole("button", { name: "Continue to review" }).click();
  await expect(page.getByRole("heading", { name: "Solve before it can be sent" })).toBeVisible();
  await expect(page.getByText("at least 30 minutes away")).toBeVisible();
  await expect(page.getByRole("button", { name: /Schedule hot patches/ })).toHaveCount(0);
  await page.getByRole("link", { name: "Change: Versions and time" }).click();
  await ready(page);
  await expect(page.locator(`input[value='${version}']`)).toBeChecked();

  const start = localTime(3, 8);
  await page.getByLabel("Date and time").fill(start);
  await page.getByRole("button", { name: "Continue to review" }).click();

  // The sentence, the exact body, the confirmation.
  await expect(page.getByRole("heading", { name: "What will happen" })).toBeVisible();
  await expect(page.getByText(`${start.replace("T", " ")} (UTC+8)`).first()).toBeVisible();
  const body = JSON.parse((await page.locator(".request code").first().textContent()) ?? "");
  expect(body).toEqual({
    instance_ids: expect.arrayContaining(ids),
    start_time: `${start}:00+0800`,
    upgrade_type: "hotfix",
    upgrade_action: "upgradeAutoCommit",
    target_version: version,
  });
  await accessible(page);
  await page.getByLabel(/Type 2 to confirm/).fill("3");
  await page.getByRole("button", { name: "Schedule hot patches on 2 instances" }).click();
  await expect(page.getByRole("alert")).toContainText("Nothing was sent");
  await page.getByLabel(/Type 2 to confirm/).fill("2");
  await page.getByRole("button", { name: "Schedule hot patches on 2 instances" }).click();

  // Every instance has its row; the list of the cloud confirms it.
  await expect(page.getByRole("heading", { name: "Night patch 夜间补丁" })).toBeVisible();
  await ready(page);
  const pending = page.locator("[data-live=items] tbody tr", { hasText: "Pending" });
  if (hydrated()) await expect(pending).toHaveCount(2, { timeout: 30_000 });
  else await eventually(page, async () => expect(pending).toHaveCount(2, { timeout: 500 }));
  await accessible(page);

  // The task page names everybody who shares the id before it cancels.
  await pending.first().getByRole("link").nth(1).click();
  await expect(page.getByText("Everything listed here goes together")).toBeVisible();
  await expect(page.locator("tbody tr")).toHaveCount(2);
  await accessible(page);
  await reasonAndName(page);
  await page.getByRole("button", { name: "Cancel for 2 instances" }).click();
  await ready(page);
  const cancelled = page.locator("tbody tr", { hasText: "Cancelled" });
  if (hydrated()) await expect(cancelled).toHaveCount(2, { timeout: 30_000 });
  else await eventually(page, async () => expect(cancelled).toHaveCount(2, { timeout: 500 }));
  const confirmed = page.getByText("confirmed by the list");
  if (hydrated()) await expect(confirmed).toBeVisible();
  else await eventually(page, async () => expect(confirmed).toBeVisible({ timeout: 500 }));

  // And its record can go; our history stays.
  await reasonAndName(page);
  await page.getByRole("button", { name: "Delete the record in the cloud" }).click();
  const gone = page.locator("tbody tr", { hasText: "no longer listed" });
  if (hydrated()) await expect(gone).toHaveCount(2, { timeout: 30_000 });
  else await eventually(page, async () => expect(gone).toHaveCount(2, { timeout: 500 }));
});

test("a lost answer is shown as doubt, and settled by looking, without a second task", async ({ page, demo }) => {
  await fleetIsThere(page);
  await open(page, "/plans/new?q=create-lost");
  await page.locator("input[data-row]:enabled").first().check();
  await page.getByRole("button", { name: "Continue to versions and time" }).click();
  const patches = page.locator("input[name='patches[]']:enabled");
  await ready(page);
  if (hydrated()) await expect(patches.first()).toBeVisible();
  else await eventually(page, async () => expect(patches.first()).toBeVisible({ timeout: 500 }));
  await patches.first().check();
  await page.getByLabel("Date and time").fill(localTime(5, 8));
  await page.getByRole("button", { name: "Continue to review" }).click();
  await send(page);
  await ready(page);
  const adopted = page.getByText("found in the list");
  if (hydrated()) await expect(adopted).toBeVisible({ timeout: 40_000 });
  else await eventually(page, async () => expect(adopted).toBeVisible({ timeout: 500 }));
  await expect(page.getByText("answer lost").first()).toBeVisible();
  const id = await page.locator("[data-live=items] th code").first().textContent();
  const tasks: { instance_id: string; state: string }[] = await (await fetch(`${demo.simulator}/_simulator/tasks`)).json();
  expect(tasks.filter((t) => t.instance_id === id && t.state === "Pending")).toHaveLength(1);
});
