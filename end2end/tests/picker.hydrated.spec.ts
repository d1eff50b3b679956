// What the islands add to the picker: ranges, the whole page, saving as one goes.
import { expect, fleetIsThere, open, ready, test } from "../fixtures";

test("shift ticks a range, the head box the page, and a reload loses nothing", async ({ page }) => {
  await fleetIsThere(page);
  await open(page, "/plans/new?status=ACTIVE");
  const boxes = page.locator("input[data-row]:enabled");
  await boxes.nth(1).click();
  await boxes.nth(4).click({ modifiers: ["Shift"] });
  await expect(page.getByText("4 selected")).toBeVisible();
  const all = page.locator("thead input[type=checkbox]");
  expect(await all.evaluate((box: HTMLInputElement) => box.indeterminate)).toBe(true);
  // The address names the draft now: a reload, or another language, comes back to it.
  await expect(page).toHaveURL(/\/plans\/[0-9a-f-]+\/instances/);
  await page.reload();
  await ready(page);
  await expect(page.getByText("4 selected")).toBeVisible();
  await page.getByRole("button", { name: "中文" }).click();
  await ready(page);
  await expect(page.getByText("已选择 4 个")).toBeVisible();
  await page.getByRole("button", { name: "English" }).click();
  await ready(page);
  const onPage = await boxes.count();
  await all.check();
  await expect(page.getByText(`${onPage} selected`)).toBeVisible();

  // The draft is found again in the list of plans.
  await page.goto("/plans");
  await page.getByRole("link", { name: "Untitled plan" }).first().click();
  await page.getByRole("link", { name: "Instances", exact: true }).last().click();
  await ready(page);
  await expect(page.getByText(`${onPage} selected`)).toBeVisible();
});

test("the start is read on every clock while one types", async ({ page }) => {
  await fleetIsThere(page);
  await open(page, "/plans/new?status=ACTIVE");
  await page.locator("input[data-row]:enabled").first().check();
  await page.getByRole("button", { name: "Continue to versions and time" }).click();
  await ready(page);
  await page.getByLabel("in time zone").fill("America/New_York");
  await page.getByLabel("Date and time").fill("2027-03-14T02:30");
  await expect(page.getByText("Clocks go forward over this time")).toBeVisible();
  await page.getByLabel("Date and time").fill("2027-11-07T01:30");
  await expect(page.getByText("Clocks go back: this time comes twice")).toBeVisible();
  await page.getByLabel("The second").check();
  await expect(page.getByText("Sun 2027-11-07 01:30 (UTC-5)").first()).toBeVisible();
  await expect(page.getByText("Sun 2027-11-07 06:30 (UTC)").first()).toBeVisible();
});

test("quick changes on a slow line make one draft and lose nothing", async ({ page, problems }) => {
  await fleetIsThere(page);
  await open(page, "/plans/new?status=ACTIVE&engine=8.100.0");
  await page.route("**/api/plans/pick", async (route) => {
    await new Promise((resolve) => setTimeout(resolve, 1_200));
    await route.continue();
  });
  const boxes = page.locator("input[data-row]:enabled");
  for (let n = 0; n < 3; n += 1) {
    await boxes.nth(n).check();
    await page.waitForRequest("**/api/plans/pick", { timeout: 2_000 }).catch(() => undefined);
  }
  await expect(page.getByText("3 selected")).toBeVisible();
  await page.unroute("**/api/plans/pick");
  await page.reload();
  await ready(page);
  await expect(page.getByText("3 selected")).toBeVisible();

  // A server that does not answer is said, and nothing typed is lost.
  await page.route("**/api/plans/pick", (route) => route.abort());
  await boxes.nth(3).check();
  await expect(page.getByText("Not saved: the server did not answer")).toBeVisible();
  await expect(boxes.nth(3)).toBeChecked();
  problems.length = 0;
});

test("a tick that is taken back while it is being saved is taken back", async ({ page }) => {
  await fleetIsThere(page);
  await open(page, "/plans/new?status=ACTIVE");
  const boxes = page.locator("input[data-row]:enabled");
  await boxes.nth(0).check();
  await expect(page.getByText("1 selected")).toBeVisible();
  let answered = 0;
  page.on("response", (response) => (answered += Number(response.url().endsWith("/api/plans/pick"))));
  for (const ends of [false, true]) {
    const before = answered;
    let arrived!: () => void;
    let go!: () => void;
    const sent = new Promise<void>((resolve) => (arrived = resolve));
    const held = new Promise<void>((resolve) => (go = resolve));
    await page.route("**/api/plans/pick", async (route) => {
      // The answer is held back, not the request: the server has it.
      const response = await route.fetch({ maxRedirects: 0 });
      arrived();
      await held;
      await route.fulfill({ response });
    }, { times: 1 });
    const box = boxes.nth(ends ? 0 : 1);
    await box.click();
    await sent;
    await box.click();
    go();
    // The one that was held back, and the one that says how it is now.
    await expect.poll(() => answered - before).toBeGreaterThanOrEqual(2);
    await page.reload();
    await ready(page);
    await expect(boxes.nth(0)).toBeChecked();
    await expect(boxes.nth(1)).not.toBeChecked();
  }
});
