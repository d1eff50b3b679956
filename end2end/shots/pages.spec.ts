import { become, countOfProduction, fleetIsThere, hydrated, localTime, open, ready, test } from "../fixtures";
import type { Page } from "@playwright/test";
import type { Demo } from "../fixtures";

const folder = "../target/shots";

test.use({ demoArgs: [] });

/** A draft ready for review, and one that was sent with a refusal and a doubt in it. */
async function plans(page: Page, demo: Demo): Promise<Record<string, string>> {
  /** Asks for a decision, and gives it as the team lead. */
  const approved = async (path: string) => {
    await page.getByRole("button", { name: "Ask for a decision" }).click();
    await become(page, demo, "wang.wei");
    await open(page, path);
    await countOfProduction(page);
    await page.getByRole("button", { name: "Approve exactly these requests" }).click();
    await become(page, demo, "li.na");
    await open(page, path);
  };
  const draft = async (query: string, ticks: number) => {
    await open(page, `/plans/new?${query}`);
    for (let n = 0; n < ticks; n += 1) await page.locator("input[data-row]:enabled").nth(n).check();
    await page.getByRole("button", { name: "Continue to versions and time" }).click();
    await ready(page);
    const patch = page.locator("input[name='patches[]']:enabled");
    for (let n = 0; n < 40 && (await patch.count()) === 0; n += 1) await page.reload();
    await ready(page);
    await patch.last().check();
    await page.getByLabel("Title").fill("Night window, 3.208.0");
    await page.getByLabel("Date and time").fill(localTime(9, 8));
    await page.getByRole("button", { name: "Continue to review" }).click();
    return new URL(page.url()).pathname;
  };
  const review = await draft("q=prod&engine=3.208.0&status=ACTIVE", 2);
  const sent = await draft("q=create-partial", 1);
  await approved(sent);
  const lost = await draft("q=create-dropped", 1);
  await approved(lost);
  await page.getByText("answer lost").waitFor({ timeout: 20_000 }).catch(() => undefined);
  // One that was scheduled, on its way to another time.
  const scheduled = await draft("q=pilot&engine=3.208.0&status=ACTIVE", 1);
  await approved(scheduled);
  await page.getByRole("button", { name: /to another time/ }).click({ timeout: 30_000 });
  await ready(page);
  await page.getByLabel("Date and time").fill(localTime(11, 8));
  await page.getByRole("button", { name: "Continue to review" }).click();
  const move = new URL(page.url()).pathname;
  await page.getByRole("button", { name: "Ask for a decision" }).click();
  await open(page, scheduled);
  await page.getByRole("button", { name: /to another time/ }).click({ timeout: 30_000 });
  await ready(page);
  const moveDraft = new URL(page.url()).pathname;
  await page.getByLabel("Date and time").fill(localTime(12, 8));
  await page.getByRole("button", { name: "Continue to review" }).click();
  return { "move-schedule": moveDraft, "move-draft": moveDraft.replace("/schedule", ""), "as-lead-move": move, "move-old": scheduled, review, schedule: `${review}/schedule`, pick: `${review}/instances`, sent, doubt: lost };
}

test("every page", async ({ page, context, demo, problems }) => {
  test.setTimeout(300_000);
  await fleetIsThere(page);
  const made = await plans(page, demo);
  await page.goto("/instances");
  const instance = await page.locator("tbody th a").first().getAttribute("href");
  await page.goto("/tasks");
  const task = await page.locator("tbody td a code").first().locator("..").getAttribute("href");
  await page.goto("/plans");
  const waiting = await page.getByRole("link", { name: "Trade platform, prod" }).getAttribute("href");
  const failed = await page.getByRole("link", { name: "Pilot of the hot patch" }).getAttribute("href");
  const pages: Record<string, string> = {
    inbox: "/", account: "/account", ledger: "/ledger", "as-lead-inbox": "/", "as-lead-review": waiting!, "as-admin-people": "/people", waiting: waiting!,
    record: `${failed}/record`, "as-nobody-sign-in": "/sign-in", "as-nobody-welcome": "/welcome",
    instances: "/instances", "instances-none": "/instances?q=nothing", instance: instance!, plans: "/plans", "plans-new": "/plans/new",
    tasks: "/tasks", task: task!, missing: "/no-such-page", "in-doubt": "/doubt", ...made,
  };
  // `SHOTS_ONLY=inbox,in-doubt cargo xtask shots` while a page is being made.
  const only = process.env.SHOTS_ONLY?.split(",");
  if (only) for (const name of Object.keys(pages)) if (!only.includes(name)) delete pages[name];
  for (const lang of ["en", "zh-CN"]) {
    for (const theme of ["light", "dark"]) {
      await context.addCookies([{ name: "lang", value: lang, url: demo.url }, { name: "theme", value: theme, url: demo.url }]);
      for (const [size, width] of [["wide", 1360], ["narrow", 320]] as const) {
        // Without islands one picture of each page is enough to see what is missing.
        if (!hydrated() && (lang !== "en" || theme !== "light")) continue;
        await page.setViewportSize({ width, height: 900 });
        for (const [name, path] of Object.entries(pages)) {
          if (name.startsWith("as-nobody")) await page.context().clearCookies({ name: "patchboard" });
          else await become(page, demo, name.startsWith("as-lead") ? "wang.wei" : name.startsWith("as-admin") ? "admin" : "li.na");
          // An address that is none is answered without scripts.
          await (name === "missing" ? page.goto(path) : open(page, path));
          const mode = hydrated() ? "" : "-nojs";
          await page.screenshot({ path: `${folder}/${name}-${size}-${lang}-${theme}${mode}.png`, fullPage: width > 400 && name !== "instances" });
        }
      }
    }
  }
  problems.length = 0;
});
