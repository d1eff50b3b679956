// The pages of a plan in both languages and themes, and the whole way by keyboard.
import { accessible, draft, expect, fleetIsThere, open, test } from "../fixtures";

test("no accessibility violation on the pages of a plan", async ({ page, context, demo }) => {
  test.setTimeout(120_000);
  const review = await draft(page, "q=pilot&status=ACTIVE");
  const refused = await draft(page, "q=create-refused");
  await page.getByRole("button", { name: "Schedule hot patches on 1 instance" }).click();
  await expect(page.getByRole("heading", { name: "Untitled plan" })).toBeVisible();
  for (const lang of ["en", "zh-CN"]) {
    for (const theme of ["light", "dark"]) {
      await context.addCookies([
        { name: "lang", value: lang, url: demo.url },
        { name: "theme", value: theme, url: demo.url },
      ]);
      for (const path of [`${review}/instances`, `${review}/schedule`, review, refused]) {
        await open(page, path);
        await accessible(page);
      }
    }
  }
  await expect(page.getByText("DBS.200011").first()).toBeVisible();
});

test("by keyboard alone", async ({ page }) => {
  await fleetIsThere(page);
  await open(page, "/plans/new?q=test&status=ACTIVE");
  // The first Tab offers to skip the header.
  await page.keyboard.press("Tab");
  await expect(page.getByRole("link", { name: "Skip to content" })).toBeFocused();
  await page.keyboard.press("Enter");
  const tabTo = async (description: string, reached: () => Promise<boolean>) => {
    for (let presses = 0; presses < 80; presses += 1) {
      if (await reached()) return;
      await page.keyboard.press("Tab");
    }
    throw new Error(`never reached ${description}`);
  };
  const focused = page.locator(":focus");
  await tabTo("a box", async () => (await focused.getAttribute("data-row").catch(() => null)) !== null);
  await page.keyboard.press("Space");
  await page.keyboard.down("Shift");
  for (let presses = 0; presses < 40; presses += 1) {
    if ((await focused.textContent()) === "Continue to versions and time") break;
    await page.keyboard.press("Tab");
  }
  await page.keyboard.up("Shift");
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Versions and start time" })).toBeVisible();
});
