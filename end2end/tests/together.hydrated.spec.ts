// Two people at one draft, each in a browser of their own.
import { draft, expect, fleetIsThere, localTime, open, signOn, test } from "../fixtures";

test.use({ demoArgs: [] });

test("each sees what the other saves, and nobody's words are overwritten", async ({ page, browser, demo }) => {
  test.setTimeout(120_000);
  await fleetIsThere(page);
  const path = await draft(page, "q=pilot&status=ACTIVE&engine=3.208.0", "Pilot ring");
  await open(page, `${path}/schedule`);
  const context = await browser.newContext({ baseURL: demo.url, locale: "en-US" });
  const other = await context.newPage();
  await signOn(other, demo, "陈静");
  await open(other, `${path}/schedule`);

  // What one does not touch takes what the other has saved; what one is writing stays.
  const writing = page.getByLabel(/Reason/);
  await writing.fill("Security fixes of this");
  await other.getByLabel(/Change ticket/).fill("CHG-7");
  const moved = localTime(8, 8);
  await other.getByLabel("Date and time").fill(moved);
  await expect(page.getByLabel(/Change ticket/)).toHaveValue("CHG-7", { timeout: 20_000 });
  await expect(page.getByLabel("Date and time")).toHaveValue(moved);
  await expect(page.getByText(/陈静.*changed this draft/)).toBeVisible();
  await writing.press("End");
  await writing.pressSequentially(" quarter");
  await expect(other.getByLabel(/Reason/)).toHaveValue("Security fixes of this quarter", { timeout: 20_000 });
  await page.reload();
  for (const each of [page, other]) {
    await expect(each.getByLabel(/Reason/)).toHaveValue("Security fixes of this quarter");
    await expect(each.getByLabel(/Change ticket/)).toHaveValue("CHG-7");
    await expect(each.getByLabel("Date and time")).toHaveValue(moved);
  }

  // Ticks too.
  await open(page, `${path}/instances?q=pilot`);
  await open(other, `${path}/instances?q=pilot`);
  await other.locator("input[data-row]:checked").first().uncheck();
  await expect(page.locator("input[data-row]:checked")).toHaveCount(0, { timeout: 20_000 });
  await expect(page.getByText("0 selected")).toBeVisible();
  await context.close();
});

test("what cannot be saved any more is said, and stays on the screen", async ({ page, browser, demo }) => {
  await fleetIsThere(page);
  const path = await draft(page, "q=pilot&status=ACTIVE&engine=3.208.0", "Pilot ring");
  await open(page, `${path}/schedule`);
  // Somebody else asks for a decision meanwhile.
  const context = await browser.newContext({ baseURL: demo.url, locale: "en-US" });
  const other = await context.newPage();
  await signOn(other, demo, "陈静");
  await open(other, path);
  await other.getByRole("button", { name: "Ask for a decision" }).click();
  await expect(other.getByText("In review").first()).toBeVisible();
  const reason = page.getByLabel(/Reason/);
  await reason.fill("Security fixes of this quarter");
  await expect(page.getByRole("alert").filter({ hasText: "Not saved" })).toBeVisible();
  await expect(reason).toHaveValue("Security fixes of this quarter");
  await expect(page).toHaveURL(/\/schedule$/);

  // A page that only shows says so when one is signed out.
  await open(page, "/plans");
  await page.context().clearCookies({ name: "patchboard" });
  await expect(page.getByText("This page is no longer kept up to date")).toBeVisible({ timeout: 20_000 });
  await expect(page.getByText("Updates by itself")).toHaveCount(0);
  await context.close();
});

test("what others save while a save is under way is not undone by the next one", async ({ page, browser, demo }) => {
  test.setTimeout(120_000);
  await fleetIsThere(page);
  const path = await draft(page, "q=pilot&status=ACTIVE&engine=3.208.0", "Pilot ring");
  const context = await browser.newContext({ baseURL: demo.url, locale: "en-US" });
  const other = await context.newPage();
  await signOn(other, demo, "陈静");
  await open(page, `${path}/schedule`);
  await open(other, `${path}/schedule`);
  let answered = 0;
  page.on("response", (response) => (answered += Number(response.url().endsWith("/api/plans/schedule"))));
  let go!: () => void;
  let arrived!: () => void;
  const held = new Promise<void>((resolve) => (go = resolve));
  const sent = new Promise<void>((resolve) => (arrived = resolve));
  await page.route("**/api/plans/schedule", async (route) => {
    const response = await route.fetch({ maxRedirects: 0 });
    arrived();
    await held;
    await route.fulfill({ response });
  }, { times: 1 });
  const reason = page.getByLabel(/Reason/);
  await reason.fill("Security");
  await sent;
  // While the answer is on its way somebody else saves, and this one types on.
  await other.getByLabel(/Change ticket/).fill("CHG-7");
  await expect(async () => {
    const twin = await context.newPage();
    await twin.goto(`${path}/schedule`);
    await expect(twin.getByLabel(/Change ticket/)).toHaveValue("CHG-7", { timeout: 500 });
    await twin.close();
  }).toPass();
  await reason.fill("Security fixes");
  go();
  await expect.poll(() => answered).toBeGreaterThanOrEqual(2);
  await expect(page.getByLabel(/Change ticket/)).toHaveValue("CHG-7", { timeout: 20_000 });
  await page.reload();
  await expect(page.getByLabel(/Change ticket/)).toHaveValue("CHG-7");
  await expect(page.getByLabel(/Reason/)).toHaveValue("Security fixes");
  await context.close();
});
