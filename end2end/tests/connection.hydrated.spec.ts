// A page that has lost touch with the server says so and since when; its ages go on counting meanwhile.
import { expect, fleetIsThere, open, ready, test } from "../fixtures";

test("a lost connection is said once with its time, ages go on, and it is taken back", async ({ page, problems }) => {
  await fleetIsThere(page);
  await open(page, "/tasks");
  await ready(page);
  const note = page.locator(".live-note");
  await expect(note).toHaveText("Updates by itself");
  await page.context().setOffline(true);
  const lost = page.getByText(/^Connection lost at \d\d:\d\d:\d\d \(UTC\+8\), trying again/);
  await expect(lost).toBeVisible({ timeout: 40_000 });
  await expect(note).toBeHidden();
  const said = await lost.innerText();
  const age = page.locator("[data-age]").first();
  const before = await age.innerText();
  await expect(age).not.toHaveText(before, { timeout: 20_000 });
  // Tries again and again, and goes on saying the first time.
  await expect(lost).toHaveText(said);
  await page.context().setOffline(false);
  await expect(lost).toHaveCount(0, { timeout: 40_000 });
  await expect(note).toHaveText("Updates by itself");
  // The browser itself reports each request that failed.
  problems.splice(0, problems.length, ...problems.filter((text) => !text.includes("ERR_INTERNET_DISCONNECTED")));
});
