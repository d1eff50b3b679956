// What islands must not do: take the focus away, or say that something worked which did not.
import { expect, fleetIsThere, open, startDemo, test } from "../fixtures";

test("the focus stays where it was when a row under it is replaced", async ({ page }) => {
  await fleetIsThere(page);
  await open(page, "/tasks");
  const link = page.locator("[data-live] tbody a").nth(2);
  const href = await link.getAttribute("href");
  await link.focus();
  // A part that differs from what the server says is replaced at the next look.
  const marked = page.locator("[data-live] tbody tr[data-old]");
  await page.locator("[data-live] tbody tr").first().evaluate((row) => row.setAttribute("data-old", ""));
  await expect(marked).toHaveCount(0, { timeout: 20_000 });
  await expect(page.locator(":focus")).toHaveAttribute("href", href!);
});

test("a clipboard that is refused is said", async ({ page, problems }) => {
  await fleetIsThere(page);
  await open(page, "/instances");
  await page.locator("tbody th a").first().click();
  await expect(page.locator("html[data-hydrated]")).toBeAttached();
  await page.evaluate(() => {
    Object.defineProperty(navigator, "clipboard", { value: undefined });
  });
  await page.getByRole("button", { name: "Copy" }).click();
  await expect(page.getByText("The browser refused: select the text")).toBeVisible();
  problems.length = 0;
});

test("under development an open page comes again when the server was built again", async ({ page, problems }) => {
  const first = await startDemo(["--reload"]);
  const connected = page.waitForRequest("**/dev/process");
  await page.goto(`${first.demo.url}/plans`);
  await connected;
  await page.evaluate(() => document.documentElement.setAttribute("data-old", ""));
  first.child.kill("SIGTERM");
  await new Promise((ended) => first.child.once("exit", ended));
  const second = await startDemo(["--reload"], new URL(first.demo.url).host);
  await expect(page.locator("html[data-old]")).toHaveCount(0, { timeout: 20_000 });
  await expect(page.locator("html[data-hydrated]")).toBeAttached();
  second.child.kill("SIGTERM");
  problems.length = 0;
});
