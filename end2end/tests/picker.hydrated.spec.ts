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
