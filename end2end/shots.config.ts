import { defineConfig } from "@playwright/test";
import base from "./playwright.config";

// Not tests: pictures of every page for people to look at, in target/shots.
export default defineConfig({
  ...base,
  testDir: "shots",
  projects: [{ name: "hydrated" }, { name: "no-js", use: { javaScriptEnabled: false } }],
});
