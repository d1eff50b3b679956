// What is scheduled is moved to another time: both times are seen, and the old plan leads to the new one.
import { accessible, draft, eventually, expect, localTime, open, ready, send, test } from "../fixtures";

test("moved to another time, and followed from either plan", async ({ page, context, demo }) => {
  test.setTimeout(120_000);
  const old = await draft(page, "q=pilot&status=ACTIVE&engine=3.208.0", "Pilot night");
  await send(page);
  const move = page.getByRole("button", { name: "Move the 1 that wait to another time" });
  await eventually(page, async () => expect(move).toBeVisible({ timeout: 500 }));
  await move.click();
  await ready(page);
  await expect(page.getByRole("heading", { name: "Move to another time" })).toBeVisible();
  await accessible(page);
  // The time it has is no other time.
  await page.getByRole("button", { name: "Continue to review" }).click();
  await expect(page.getByText("Choose another time")).toBeVisible();
  const moved = new URL(page.url()).pathname;
  await open(page, `${moved}/schedule`);
  await page.getByLabel("Date and time").fill(localTime(8, 8));
  await page.getByRole("button", { name: "Continue to review" }).click();
  await expect(page.getByText("Scheduled for")).toBeVisible();
  await expect(page.getByText("To be moved to")).toBeVisible();
  await accessible(page);
  await send(page);
  await eventually(page, async () => expect(page.getByText("Pending").first()).toBeVisible({ timeout: 500 }));

  await open(page, old);
  await expect(page.locator(".badge", { hasText: "Moved" }).first()).toBeVisible();
  await page.getByRole("link", { name: "Open it" }).click();
  await expect(page).toHaveURL(new RegExp(moved));
  await context.addCookies([{ name: "lang", value: "zh-CN", url: demo.url }]);
  await page.setViewportSize({ width: 320, height: 800 });
  for (const path of [old, moved]) {
    await open(page, path);
    await accessible(page);
    expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  }
});
