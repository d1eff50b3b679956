// DBA and team lead at once, in two browsers: asked, changed, approved, sent, and proved.
import { accessible, become, countOfProduction, draft, eventually, expect, fleetIsThere, hydrated, localTime, open, ready, test } from "../fixtures";
import type { Browser, Page } from "@playwright/test";
import type { Demo } from "../fixtures";

test.use({ demoArgs: [] });

async function lead(browser: Browser, demo: Demo): Promise<Page> {
  const context = await browser.newContext({ baseURL: demo.url, javaScriptEnabled: hydrated(), locale: "en-US", viewport: { width: 1360, height: 900 } });
  const page = await context.newPage();
  await become(page, demo, "wang.wei");
  return page;
}

test("asked, sent back, changed, approved by somebody else, sent", async ({ page, browser, demo }) => {
  test.setTimeout(120_000);
  await fleetIsThere(page);
  const path = await draft(page, "q=pilot&status=ACTIVE&engine=3.208.0", "Pilot ring");
  await page.getByRole("button", { name: "Ask for a decision" }).click();
  await expect(page.getByText("In review").first()).toBeVisible();
  await expect(page.getByRole("button", { name: "Approve exactly these requests" })).toHaveCount(0);

  const decider = await lead(browser, demo);
  await open(decider, "/");
  await expect(decider.getByRole("heading", { name: /Waiting for your decision/ })).toBeVisible();
  await decider.getByRole("link", { name: "Pilot ring" }).first().click();
  await ready(decider);
  await expect(decider.getByRole("heading", { name: "What it reaches" })).toBeVisible();
  await accessible(decider);
  // A no without a word is not taken, and nothing is lost by it.
  await decider.getByRole("button", { name: "Ask for changes" }).click();
  await expect(decider.getByText("a comment is needed")).toBeVisible();
  await decider.getByLabel("Comment").fill("请推迟一小时 / an hour later, please");
  await decider.getByRole("button", { name: "Ask for changes" }).click();
  await expect(decider.getByText("Changes asked").or(decider.getByText("asked for changes.")).first()).toBeVisible();

  // The DBA sees it, moves it, asks again.
  await open(page, path);
  await expect(page.getByText("an hour later, please").first()).toBeVisible();
  await open(page, `${path}/schedule`);
  await page.getByLabel("Date and time").fill(localTime(7, 8));
  await page.getByRole("button", { name: "Continue to review" }).click();
  await page.getByRole("button", { name: "Ask for a decision" }).click();
  await expect(page.getByText("In review").first()).toBeVisible();

  await open(decider, path);
  await expect(decider.getByText("Start moved from")).toBeVisible();
  const bodies = await decider.locator("details.request pre").allTextContents();
  await countOfProduction(decider);
  await decider.getByRole("button", { name: "Approve exactly these requests" }).click();
  const pending = decider.getByText("Pending").first();
  await ready(decider);
  if (hydrated()) await expect(pending).toBeVisible({ timeout: 30_000 });
  else await eventually(decider, async () => expect(pending).toBeVisible({ timeout: 500 }));
  await expect(decider.getByText("Approved by")).toBeVisible();
  expect(await decider.locator("details.request pre").allTextContents()).toEqual(bodies);

  // The record and the ledger tell the same story.
  await open(page, `${path}/record`);
  await expect(page.locator("main").getByText("王伟").first()).toBeVisible();
  await accessible(page);
  await open(page, `/ledger?subject=${encodeURIComponent(path.replace("/plans/", "plan/"))}`);
  for (const deed of ["asked for changes", "approved", "is about to send a request"]) await expect(page.getByText(deed, { exact: true }).first()).toBeVisible();
  await accessible(page);
  await decider.context().close();
});

test("each sees what is theirs, in both languages and themes", async ({ page, context, demo }) => {
  test.setTimeout(120_000);
  await fleetIsThere(page);
  const seen: [name: "li.na" | "wang.wei" | "sam" | "admin", paths: string[]][] = [
    ["wang.wei", ["/", "/account", "/ledger"]],
    ["admin", ["/people"]],
  ];
  for (const lang of ["en", "zh-CN"]) {
    for (const theme of ["light", "dark"]) {
      await context.addCookies([
        { name: "lang", value: lang, url: demo.url },
        { name: "theme", value: theme, url: demo.url },
      ]);
      for (const [name, paths] of seen) {
        await become(page, demo, name);
        for (const path of paths) {
          await open(page, path);
          await expect(page.locator("h1")).toBeVisible();
          await accessible(page);
        }
      }
    }
  }
  await context.addCookies([{ name: "lang", value: "en", url: demo.url }]);
  await become(page, demo, "sam");
  await open(page, "/instances");
  await expect(page.getByRole("link", { name: "New plan" })).toHaveCount(0);
  await become(page, demo, "wang.wei");
  await open(page, "/");
  // A plan was waiting when the demo began.
  await expect(page.getByRole("link", { name: "Trade platform, prod" }).first()).toBeVisible();
});

test("signing in by password, with the first code of somebody new", async ({ page, browser, demo }) => {
  await become(page, demo, "admin");
  await open(page, "/people");
  const name = `zhao.min-${test.info().project.name}`;
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Make the account and show its code" }).click();
  const code = (await page.locator("p.big code").textContent())!;
  if (hydrated()) await accessible(page);

  const context = await browser.newContext({ baseURL: demo.url, javaScriptEnabled: hydrated(), locale: "en-US" });
  const fresh = await context.newPage();
  await fresh.goto("/tasks?status=Pending");
  await expect(fresh).toHaveURL(/sign-in/);
  await fresh.getByRole("link", { name: "I have a one-time code" }).click();
  await fresh.getByLabel("One-time code").fill(code.toLowerCase());
  await fresh.getByLabel("New password").fill("123456789012");
  await fresh.getByRole("button", { name: "Begin" }).click();
  await expect(fresh.getByText("among the first that are tried")).toBeVisible();
  await fresh.getByLabel("One-time code").fill(code);
  await fresh.getByLabel("New password").fill("wellen brechen am kai");
  await fresh.getByRole("button", { name: "Begin" }).click();
  await expect(fresh.getByRole("heading", { name: "Overview" })).toBeVisible();
  await fresh.locator("summary", { hasText: name }).click();
  await fresh.getByRole("button", { name: "Sign out" }).click();
  await expect(fresh.getByText("You are signed out.")).toBeVisible();
  await fresh.goto("/tasks?status=Pending");
  await fresh.getByLabel("Name").fill(name);
  await fresh.getByLabel("Password").fill("wellen brechen am kai");
  await fresh.getByRole("button", { name: "Sign in" }).click();
  await expect(fresh).toHaveURL(/tasks\?status=Pending/);
  await context.close();
});
