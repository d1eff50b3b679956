import { AxeBuilder } from "@axe-core/playwright";
import { expect, test as base, type Page } from "@playwright/test";
import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** A demo of our own on a free port: simulated cloud, throw-away database. */
export interface Demo {
  url: string;
  simulator: string;
}

/** Starts a demo; its page is up when this returns. */
export async function startDemo(args: string[], listen = "127.0.0.1:0"): Promise<{ demo: Demo; child: ChildProcess }> {
  const binary = process.env.PATCHBOARD_BINARY ?? "../target/debug/patchboard";
  const child = spawn(binary, ["demo", "--listen", listen, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const demo: Demo = { url: "", simulator: "" };
  for await (const line of createInterface({ input: child.stdout! })) {
    demo.simulator ||= /Simulated cloud at (\S+)/.exec(line)?.[1] ?? "";
    demo.url ||= /Patchboard at (\S+)/.exec(line)?.[1] ?? "";
    if (demo.url) break;
  }
  if (!demo.url) throw new Error("the demo did not start");
  return { demo, child };
}

export const test = base.extend<{ problems: string[] }, { demo: Demo; demoArgs: string[] }>({
  // Most specs are about what a DBA does; the decisions of others have a spec of their own.
  demoArgs: [["--without-review"], { option: true, scope: "worker" }],
  demo: [
    async ({ demoArgs }, use) => {
      const { demo, child } = await startDemo(demoArgs);
      await use(demo);
      child.kill("SIGTERM");
    },
    { scope: "worker" },
  ],
  // Everybody is signed in before they look.
  page: async ({ page, demo }, use) => {
    await become(page, demo, "li.na");
    await use(page);
  },
  baseURL: async ({ demo }, use) => use(demo.url),
  // A console error or an uncaught exception fails the test that saw it.
  problems: [
    async ({ page }, use) => {
      const problems: string[] = [];
      page.on("console", (message) => message.type() === "error" && problems.push(message.text()));
      page.on("pageerror", (error) => problems.push(String(error)));
      await use(problems);
      expect(problems, "the console is clean").toEqual([]);
    },
    { auto: true },
  ],
});

/** Becomes one of the sample people of the demo. */
export async function become(page: Page, demo: Demo, name: "li.na" | "wang.wei" | "sam" | "admin"): Promise<void> {
  const answer = await page.request.post(`${demo.url}/demo/switch`, { form: { name, back: "/account" }, headers: { origin: demo.url } });
  expect(answer.ok()).toBe(true);
}

/** Comes in as one of the people of the demo's identity provider. */
export async function signOn(page: Page, demo: Demo, name: string): Promise<void> {
  await page.context().clearCookies();
  await page.goto(`${demo.url}/session/sso?next=/account`);
  await page.getByRole("link", { name: new RegExp(name) }).click();
  await page.waitForURL(/\/account$/);
}

/** Opens a page; with JavaScript, waits until its islands run. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path);
  await ready(page);
}

/** Waits until the islands of the present page run, where JavaScript is on. */
export async function ready(page: Page): Promise<void> {
  if (hydrated()) await expect(page.locator("html[data-hydrated]")).toBeAttached();
}

/** Whether this project runs JavaScript. */
export function hydrated(): boolean {
  return test.info().project.name === "hydrated";
}

/** The first sync has been read: the fleet is there. */
export async function fleetIsThere(page: Page): Promise<void> {
  await expect(async () => {
    await page.goto("/instances");
    await expect(page.getByRole("row").nth(2)).toBeVisible({ timeout: 1_000 });
  }).toPass();
}

/** Reloads until it holds: the page without islands does not update by itself. */
export async function eventually(page: Page, holds: () => Promise<void>): Promise<void> {
  await expect(async () => {
    await page.reload();
    await holds();
  }).toPass({ timeout: 45_000 });
}

/** No violation of the accessibility rules. */
export async function accessible(page: Page): Promise<void> {
  if (!hydrated()) return accessibleWithoutIslands(page);
  await check(page);
}

/** The checker itself is JavaScript: it looks at the same address in a context where only ours is kept out. */
async function accessibleWithoutIslands(page: Page): Promise<void> {
  const context = await page.context().browser()!.newContext({ javaScriptEnabled: true, viewport: page.viewportSize(), storageState: await page.context().storageState() });
  await context.route(/\.(js|wasm)$/, (route) => route.abort());
  const twin = await context.newPage();
  await twin.goto(page.url());
  await check(twin);
  await context.close();
}

async function check(page: Page): Promise<void> {
  const { violations } = await new AxeBuilder({ page }).withTags(["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]).analyze();
  expect(violations.map((v) => `${v.id}: ${v.nodes.map((n) => n.target.join(" ")).join(" | ")}`)).toEqual([]);
}

/** `datetime-local` text a number of hours from now on a clock so many hours ahead of UTC. */
export function localTime(hoursFromNow: number, offsetHours: number): string {
  return new Date(Date.now() + (hoursFromNow + offsetHours) * 3_600_000).toISOString().slice(0, 16);
}

export { expect };

/** A draft of the first instance that a query finds, complete, at its review; returns its path. */
export async function draft(page: Page, query: string, title = ""): Promise<string> {
  await fleetIsThere(page);
  await open(page, `/plans/new?${query}`);
  await page.locator("input[data-row]:enabled").first().check();
  await page.getByRole("button", { name: "Continue to versions and time" }).click();
  await ready(page);
  const patches = page.locator("input[name='patches[]']:enabled");
  if (hydrated()) await expect(patches.first()).toBeVisible();
  else await eventually(page, async () => expect(patches.first()).toBeVisible({ timeout: 500 }));
  await patches.last().check();
  await page.getByLabel("Title").fill(title);
  await page.getByLabel("Date and time").fill(localTime(6, 8));
  await page.getByRole("button", { name: "Continue to review" }).click();
  await expect(page.getByRole("heading", { name: "What will happen" })).toBeVisible();
  return new URL(page.url()).pathname;
}

/** Types the number of instances, where a plan touches production and asks for it. */
export async function countOfProduction(page: Page): Promise<void> {
  const field = page.getByLabel(/To approve, type the number of instances/);
  if ((await field.count()) === 0) return;
  const label = await page.locator("label", { hasText: "To approve, type the number" }).innerText();
  await field.fill(/instances: (\d+)/.exec(label)?.[1] ?? "");
}

/** Gives a reason and types what the page of a task asks for, where it touches production or the work of others. */
export async function reasonAndName(page: Page): Promise<void> {
  const typed = page.locator("label", { has: page.locator("input[name=typed]") });
  if ((await typed.count()) === 0) return;
  await page.getByLabel(/^Reason/).fill("wrong night");
  await typed.locator("input").fill(/Type (.+) to confirm/.exec(await typed.innerText())?.[1] ?? "");
}

/** Types the number of instances where the page asks for it, and sends. */
export async function send(page: Page): Promise<void> {
  const field = page.locator("label", { has: page.locator("input[name=count]") });
  if ((await field.count()) > 0) await field.locator("input").fill(/\d+/.exec(await field.innerText())?.[0] ?? "");
  await page.getByRole("button", { name: /^Schedule hot patches on/ }).click();
}
