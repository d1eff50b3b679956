// What is in doubt is seen, settled by hand with a reason, and everything can be held.
import { accessible, draft, eventually, expect, open, ready, send, test } from "../fixtures";

test("an answer that was lost is found from the first page and settled by hand", async ({ page }) => {
  test.setTimeout(120_000);
  await draft(page, "q=create-dropped", "Lost on the way");
  await send(page);
  await eventually(page, async () => expect(page.getByText("In doubt").first()).toBeVisible({ timeout: 500 }));

  await open(page, "/");
  const banner = page.getByRole("link", { name: /doubt/i }).first();
  await expect(page.getByText("nobody knows yet")).toBeVisible();
  await banner.click();
  await expect(page).toHaveURL(/\/doubt/);
  await ready(page);
  const line = page.getByRole("listitem").filter({ hasText: "Lost on the way" }).first();
  await expect(line).toBeVisible();
  await accessible(page);

  // By keyboard alone: to the form, a reason, and on. While the call may still act it is refused with the reason, and asked again.
  await expect(async () => {
    await open(page, "/doubt");
    await page.getByRole("listitem").filter({ hasText: "Lost on the way" }).first().getByRole("link", { name: "I have looked in the cloud's console" }).focus();
    await page.keyboard.press("Enter");
    await ready(page);
    await page.getByLabel("Reason").first().fill("控制台 02:10：没有任务 / console 02:10: no task");
    await page.keyboard.press("Enter");
    await expect(page.getByRole("listitem").filter({ hasText: "Lost on the way" })).toHaveCount(0, { timeout: 2_000 });
  }).toPass({ timeout: 90_000 });
  await open(page, "/ledger?what=request.resolved");
  await expect(page.getByText("settled by hand what was in doubt").first()).toBeVisible();
});

test("everything can be held with a reason, and let go on", async ({ page, context, demo }) => {
  await open(page, "/doubt");
  await page.getByLabel("Reason").last().fill("Something is wrong in the cloud");
  await page.getByRole("button", { name: "Hold" }).last().click();
  await expect(page.getByText("Something is wrong in the cloud").first()).toBeVisible();
  await open(page, "/");
  await expect(page.getByText(/on hold/i).first()).toBeVisible();
  await accessible(page);
  await context.addCookies([{ name: "lang", value: "zh-CN", url: demo.url }]);
  await page.setViewportSize({ width: 320, height: 800 });
  await open(page, "/doubt");
  await accessible(page);
  expect(await page.evaluate(() => document.documentElement.scrollWidth)).toBeLessThanOrEqual(320);
  await context.addCookies([{ name: "lang", value: "en", url: demo.url }]);
  await open(page, "/doubt");
  await page.getByRole("button", { name: "Go on sending" }).click();
  await expect(page.getByText("Something is wrong in the cloud")).toHaveCount(0);
});
