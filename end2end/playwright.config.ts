import { defineConfig } from "@playwright/test";

const args = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

const launchOptions = { executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args };

// Every spec runs twice: with islands, and with JavaScript off. What needs islands is in *.hydrated.spec.ts.
export default defineConfig({
  testDir: "tests",
  workers: 2,
  retries: 0,
  timeout: 120_000,
  expect: { timeout: 20_000 },
  reporter: [["list"]],
  use: { launchOptions, locale: "en-US", viewport: { width: 1360, height: 900 } },
  projects: [
    { name: "hydrated" },
    { name: "no-js", testIgnore: /\.hydrated\.spec\.ts/, use: { javaScriptEnabled: false } },
  ],
});
