// Coming in: single sign-on, a second factor, and who is kept out.
import { accessible, become, expect, hydrated, open, ready, signOn, test } from "../fixtures";
import { createHmac } from "node:crypto";

test.use({ demoArgs: [] });

/** The code that a device shows for a secret in base 32 (RFC 6238), now or so many steps later. */
function code(secret: string, steps = 0): string {
  const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = [...secret.replace(/\s/g, "")].map((l) => letters.indexOf(l).toString(2).padStart(5, "0")).join("");
  const key = Buffer.from(bits.match(/.{8}/g)!.map((b) => parseInt(b, 2)));
  const counter = Buffer.alloc(8);
  counter.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 30_000) + steps));
  const mac = createHmac("sha1", key).update(counter).digest();
  const at = mac[19]! & 15;
  return String((mac.readUInt32BE(at) & 0x7fffffff) % 1_000_000).padStart(6, "0");
}

test("single sign-on brings one to where one wanted to go", async ({ page }) => {
  await page.context().clearCookies();
  await page.goto("/tasks?page=1");
  await ready(page);
  await accessible(page);
  const way = page.getByRole("link", { name: /Sign in with/ });
  await way.focus();
  await page.keyboard.press("Enter");
  await expect(page.getByRole("heading", { name: "Simulated identity provider" })).toBeVisible();
  await page.getByRole("link", { name: /陈静/ }).click();
  await expect(page).toHaveURL(/\/tasks\?page=1$/);
  await ready(page);
  await expect(page.getByText("陈静 (DBA)").first()).toBeVisible();
  await open(page, "/account");
  await expect(page.getByText("You sign in at a provider")).toBeVisible();
  await expect(page.getByText("Operator")).toBeVisible();
  await accessible(page);
});

test("who says no, and who has no role, is told what it is about", async ({ page }) => {
  await page.context().clearCookies();
  await open(page, "/sign-in?next=/plans");
  await page.getByRole("link", { name: /Sign in with/ }).click();
  await page.getByRole("link", { name: "Do not sign in" }).click();
  await expect(page.getByRole("alert")).toContainText("The provider did not sign you in.");
  await page.getByRole("link", { name: /Sign in with/ }).click();
  await page.getByRole("link", { name: /Guest/ }).click();
  await expect(page.getByRole("alert")).toContainText("none of your groups may use this Patchboard");
  await ready(page);
  await accessible(page);
  // The way back leads to no second use of the answer.
  await page.goBack();
  await page.goto("/instances");
  await expect(page).toHaveURL(/\/sign-in/);
});

test("a second factor is set up with a device and asked for", async ({ page, browser, demo }) => {
  await become(page, demo, "admin");
  await open(page, "/people");
  const name = `factor.${test.info().project.name}`;
  await page.getByLabel("Name", { exact: true }).fill(name);
  await page.getByRole("button", { name: "Make the account and show its code" }).click();
  const once = await page.locator(".big code").textContent();

  const context = await browser.newContext({ baseURL: demo.url, javaScriptEnabled: hydrated(), locale: "en-US" });
  const own = await context.newPage();
  await open(own, "/welcome");
  await own.getByLabel("One-time code", { exact: true }).fill(once!);
  await own.getByLabel(/New password/).fill("wellen-brechen-am-kai");
  await own.getByRole("button", { name: "Begin" }).click();
  await open(own, "/account");
  await own.getByRole("button", { name: "Set one up" }).click();
  await expect(own.getByRole("img", { name: "Secret of the second factor as a QR code" })).toBeVisible();
  // The page is the answer to a form: where JavaScript is off the checker has no address to look at.
  if (hydrated()) await accessible(own);
  await own.screenshot({ path: `../target/shots/factor-${test.info().project.name}.png` });
  const secret = await own.locator("main p > code").textContent();
  await own.getByLabel("The code that it shows now").fill("000000");
  await own.keyboard.press("Enter");
  await expect(own.getByRole("alert")).toContainText("That is not the code of now");
  await own.getByLabel("The code that it shows now").fill(code(secret!));
  await own.keyboard.press("Enter");
  await expect(own.getByText("from now on signing in asks for it")).toBeVisible();

  await context.clearCookies();
  await open(own, "/sign-in?next=/plans");
  const signIn = async (factor: string) => {
    await own.getByLabel("Name", { exact: true }).fill(name);
    await own.getByLabel("Password").fill("wellen-brechen-am-kai");
    await own.getByLabel(/Code of your second factor/).fill(factor);
    await own.getByRole("button", { name: "Sign in" }).click();
  };
  await signIn("");
  await expect(own.getByRole("alert")).toContainText("do not go together");
  // The code of the step that was used for setting up does not work again; that of the next step does.
  await signIn(code(secret!, 1));
  await expect(own).toHaveURL(/\/plans$/);
  await context.close();

  // A lost device: the administrator takes it away.
  await open(page, "/people");
  const row = page.getByRole("row", { name: new RegExp(name) });
  await row.getByRole("button", { name: "Take second factor away" }).click();
  await expect(page.getByRole("row", { name: new RegExp(name) }).getByText("second factor")).toHaveCount(0);
});

test("the page that asks who it is", async ({ page, demo }) => {
  await signOn(page, demo, "陈静");
  await open(page, "/confirm?next=/plans");
  await expect(page.getByRole("link", { name: /Show it at/ })).toBeVisible();
  await accessible(page);
  await page.getByRole("link", { name: /Show it at/ }).click();
  await page.getByRole("link", { name: /陈静/ }).click();
  await expect(page).toHaveURL(/\/plans$/);
  await become(page, demo, "li.na");
  await open(page, "/confirm?next=/plans");
  await expect(page.getByLabel("Password")).toBeVisible();
  await accessible(page);
});

test("a violation of the policy is reported", async ({ page, problems }) => {
  test.skip(!hydrated(), "without JavaScript nothing can be violated by one");
  await open(page, "/plans");
  const reported = page.waitForRequest((request) => request.url().endsWith("/reports"));
  await page.evaluate(() => {
    const image = document.createElement("img");
    image.src = "https://elsewhere.example/x.png";
    document.body.append(image);
  });
  expect((await reported).postData()).toContain("img-src");
  // The browser complains about it as well, and that is what was wanted.
  problems.length = 0;
});
