// The pages of a plan in both languages and themes, and the whole way by keyboard.
import { accessible, draft, expect, fleetIsThere, open, send, test } from "../fixtures";

// A test for each page: its limit does not depend on how many pages there are.
for (const which of ["instances", "schedule", "review", "refused"]) {
  test(`no accessibility violation on a plan's page: ${which}`, async ({ page, context, demo }) => {
    let path = await draft(page, which === "refused" ? "q=create-refused" : "q=pilot&status=ACTIVE");
    if (which === "refused") {
      await send(page);
      await expect(page.getByRole("heading", { name: "Untitled plan" })).toBeVisible();
    } else if (which !== "review") {
      path = `${path}/${which}`;
    }
    for (const lang of ["en", "zh-CN"]) {
      for (const theme of ["light", "dark"]) {
        await context.addCookies([
          { name: "lang", value: lang, url: demo.url },
          { name: "theme", value: theme, url: demo.url },
        ]);
        await open(page, path);
        await accessible(page);
      }
    }
    if (which === "refused") await expect(page.getByText("DBS.200011").first()).toBeVisible();
  });
}

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
