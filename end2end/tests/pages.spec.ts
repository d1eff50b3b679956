// Every route: accessible in both languages and themes, usable narrow, with its empty, error and missing states.
import { accessible, expect, fleetIsThere, open, test } from "../fixtures";

const missing = "/no-such-page";
const routes = ["/instances", "/", "/ledger", "/doubt", "/account", "/sign-in", "/welcome", "/instances?q=nothing-is-called-so", "/plans", "/plans/new", "/tasks", "/tasks?status=Failed&q=zzz", missing];

for (const [lang, name] of [["en", "English"], ["zh-CN", "Chinese"]]) {
  for (const theme of ["light", "dark"]) {
    test(`no accessibility violation: ${name}, ${theme}`, async ({ page, context, demo, problems }) => {
      await fleetIsThere(page);
      await context.addCookies([
        { name: "lang", value: lang!, url: demo.url },
        { name: "theme", value: theme!, url: demo.url },
      ]);
      for (const route of routes) {
        // What does not exist is answered without the islands.
        if (route === missing) await page.goto(route);
        else await open(page, route);
        await expect(page.locator("html")).toHaveAttribute("lang", lang!);
        await expect(page.locator("h1")).toBeVisible();
        await accessible(page);
      }
      await page.goto("/instances");
      await page.locator("tbody th a").first().click();
      await accessible(page);
      // The browser itself reports the 404 of the missing page.
      problems.splice(0, problems.length, ...problems.filter((p) => !p.includes("404")));
    });
  }
}

test("nothing is wider than a phone", async ({ page }) => {
  await page.setViewportSize({ width: 320, height: 700 });
  await fleetIsThere(page);
  for (const route of routes.slice(0, 9)) {
    await open(page, route);
    const body = await page.locator("body").boundingBox();
    const widest = await page.locator("main").evaluate((main) => main.scrollWidth).catch(() => 320);
    expect(body!.width, route).toBeLessThanOrEqual(320);
    expect(widest, route).toBeLessThanOrEqual(320);
  }
});

test("language, zone and theme are kept, and every time says its offset", async ({ page }) => {
  await fleetIsThere(page);
  await open(page, "/tasks");
  await page.getByRole("button", { name: "中文" }).click();
  await expect(page.getByRole("heading", { name: "定时任务" })).toBeVisible();
  await page.locator("summary", { hasText: "Asia/Shanghai" }).click();
  await page.getByLabel("时区").fill("America/New_York");
  await page.getByRole("button", { name: "保存" }).click();
  await expect(page.locator("tbody time").first()).toContainText(/\(UTC-[45]\)/);
  await page.goto("/plans");
  await expect(page.getByRole("heading", { name: "升级计划" })).toBeVisible();
});

test("filters are in the address and survive back and reload", async ({ page }) => {
  await fleetIsThere(page);
  await open(page, "/instances");
  await page.getByLabel("Engine version").selectOption("8.100.0");
  await page.getByRole("button", { name: "Apply" }).click();
  await expect(page).toHaveURL(/engine=8\.100\.0/);
  const rows = await page.locator("tbody tr").count();
  await page.reload();
  expect(await page.locator("tbody tr").count()).toBe(rows);
  await expect(page.getByLabel("Engine version")).toHaveValue("8.100.0");
  await page.locator("tbody th a").first().click();
  await page.goBack();
  await expect(page.getByLabel("Engine version")).toHaveValue("8.100.0");
});
