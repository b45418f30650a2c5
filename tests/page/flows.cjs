// Clicks through the page in a headless Chromium: node flows.cjs URL FOLDER-OF-PICTURES
"use strict";

const assert = require("node:assert");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const puppeteer = require("puppeteer-core");
const axe = fs.readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const [url, pictures] = process.argv.slice(2);
const WIDTHS = [360, 768, 1440];
const faults = [];

async function open(browser, width) {
  const page = await browser.newPage();
  await page.setViewport({ width, height: 900 });
  page.on("console", (said) => {
    if (["error", "warn"].includes(said.type())) {
      faults.push(`${page.url()}: ${said.text()} ${said.location().url ?? ""}`);
    }
  });
  page.on("pageerror", (error) => faults.push(`${page.url()}: ${error.message}`));
  page.on("requestfailed", (request) => {
    // A stream of events ends with its page.
    if (!request.url().endsWith("/events")) {
      faults.push(`${request.url()} failed`);
    }
  });
  page.on("response", (response) => {
    if (response.status() >= 400) {
      faults.push(`${response.url()} has status ${response.status()}`);
    }
  });
  return page;
}

// The stream of events stays open: the network is never idle.
const go = (page, address) => page.goto(url + address, { waitUntil: "load" });

async function follow(page, selector) {
  await page.waitForSelector(selector);
  const [response] = await Promise.all([
    page.waitForNavigation({ waitUntil: "load" }),
    page.$eval(selector, (link) => link.click()),
  ]);
  assert.strictEqual(response.status(), 200, `${selector} leads to ${page.url()}`);
}

const text = (page, selector) => page.$eval(selector, (node) => node.textContent.trim());

async function check(page, name) {
  // By the DevTools protocol, which the page's policy does not bind.
  await page.evaluate(axe);
  const found = await page.evaluate(() => window.axe.run(document, {
    runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
  }));
  for (const one of found.violations) {
    const nodes = one.nodes.slice(0, 3).map((node) => `${node.html} ${node.failureSummary}`);
    faults.push(`${name}: axe ${one.id}: ${one.help}\n    ${nodes.join("\n    ")}`);
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth > window.innerWidth);
  if (wide) {
    faults.push(`${name}: the page scrolls sideways at ${await page.evaluate(() => innerWidth)} px`);
  }
  await drawn(page, name);
}

/** Faults of a drawing: words of a chart that its edges cut off. */
async function drawn(page, name) {
  const cut = await page.evaluate(() => [...document.querySelectorAll("svg.chart text")]
    .filter((text) => {
      const { x, width } = text.getBBox();
      const all = text.ownerSVGElement.viewBox.baseVal;
      return x < all.x || x + width > all.x + all.width;
    })
    .map((text) => text.textContent.trim()));
  if (cut.length > 0) {
    faults.push(`${name}: cut off at ${await page.evaluate(() => innerWidth)} px: ${cut}`);
  }
}

async function picture(page, name, fullPage = false) {
  await page.screenshot({ path: path.join(pictures, `${name}.png`), fullPage });
}

async function flows(browser) {
  const page = await open(browser, 1440);
  await go(page, "/");
  assert.match(await text(page, "[data-live=score]"), /^\d+\.\d %/);

  // From the heat map down to what fails, why, and the resource itself.
  await follow(page, "table.heat tbody tr:first-child td.h0 a, table.heat tbody td.h1 a, table.heat tbody td.h2 a");
  assert.match(page.url(), /\/account\/\d+\/[a-z0-9-]+$/);
  const account = page.url().split("/").at(-2);
  await follow(page, "main table tbody tr:first-child th a");
  assert.match(page.url(), /\/explain\//);
  assert.match(await text(page, "main"), /The arithmetic/);
  await page.goBack({ waitUntil: "load" });
  await follow(page, "main table tbody td a[href^='/resource/']");
  assert.match(await text(page, "pre.document"), /^\{/);

  // An account: its past, and what moved it.
  await go(page, `/account/${account}`);
  await page.waitForSelector("svg.chart polyline");
  await follow(page, `a[href='/changes/${account}']`);
  assert.match(await text(page, "main h1"), /^What moved the score of/);

  // State lies in the address: sorted, filtered, paged.
  await go(page, "/accounts?rows=5");
  await follow(page, "thead th:first-child a");
  assert.match(page.url(), /sort=name/);
  const names = await page.$$eval("tbody th", (cells) => cells.map((cell) => cell.textContent.toLowerCase()));
  assert.deepStrictEqual(names, [...names].sort());
  await follow(page, ".pager a[rel=next]");
  assert.match(page.url(), /sort=name&rows=5&page=2/);
  await page.type("#filter", names[0]);
  await Promise.all([
    page.waitForNavigation({ waitUntil: "load" }),
    page.$eval("form.filter", (form) => form.requestSubmit()),
  ]);
  assert.strictEqual((await page.$$("tbody tr")).length, 1);

  // A heat map that is wider than a screen has pages across, which keep the rest of the address.
  await go(page, "/heat?rows=5&sort=account");
  const headings = () => page.$$eval("thead th", (cells) => cells.map((cell) => cell.textContent));
  const left = await headings();
  await follow(page, "nav[aria-label^=Columns] a[href*='columns=2']");
  assert.match(page.url(), /sort=account&rows=5&columns=2$/);
  const right = await headings();
  assert.deepStrictEqual(right.slice(0, 2), left.slice(0, 2));
  assert.ok(left.length === 20 && right.slice(2).every((one) => !left.includes(one)), `${left} / ${right}`);
  assert.strictEqual((await page.$$("tbody tr")).length, 5);

  // Search by what stands in a document.
  await page.type("#search", "10.");
  await Promise.all([
    page.waitForNavigation({ waitUntil: "load" }),
    page.$eval("form.search", (form) => form.requestSubmit()),
  ]);
  assert.match(page.url(), /\/search\?q=10\./);

  // The first stop of the Tab key is the way past the head.
  await go(page, "/");
  await page.keyboard.press("Tab");
  assert.strictEqual(await page.evaluate(() => document.activeElement.className), "skip");
  await page.close();
  return account;
}

async function looks(browser, account) {
  const requirement = await first(browser, `/account/${account}`, "main table a[href^='/explain/']");
  const pages = {
    overview: "/", accounts: "/accounts", requirements: "/requirements", heat: "/heat", "heat-across": "/heat?columns=2",
    actions: "/actions", executives: "/executives", exceptions: "/exceptions", trust: "/trust",
    movers: "/movers", days: "/days", search: "/search?q=role", account: `/account/${account}`,
    failing: `/failing/${account}`, explain: requirement,
    requirement: await first(browser, "/requirements", "tbody th a"),
  };
  for (const width of WIDTHS) {
    const page = await open(browser, width);
    for (const [name, address] of Object.entries(pages)) {
      await go(page, address);
      await check(page, `${name}-${width}`);
      await picture(page, `${name}-${width}`);
    }
    await page.close();
  }
  const dark = await open(browser, 1440);
  await dark.emulateMediaFeatures([{ name: "prefers-color-scheme", value: "dark" }]);
  for (const name of ["overview", "account", "accounts", "requirement"]) {
    await go(dark, pages[name]);
    await check(dark, `${name}-dark`);
    await picture(dark, `${name}-dark`);
  }
  await go(dark, "/");
  await dark.emulateMediaType("print");
  await picture(dark, "overview-print", true);
  await dark.close();
  // The pictures of docs/src/page.md.
  const small = await open(browser, 1000);
  for (const [name, address] of [["page", "/"], ["page-account", pages.account], ["page-heat", "/heat"]]) {
    await small.setViewport({ width: 1000, height: 680 });
    await go(small, address);
    await picture(small, name);
  }
  await small.close();
  const whole = await open(browser, 1440);
  for (const name of ["overview", "account", "explain"]) {
    await go(whole, pages[name]);
    await picture(whole, `${name}-whole`, true);
  }
  await whole.close();
}

async function first(browser, address, selector) {
  const page = await open(browser, 1440);
  await go(page, address);
  const href = await page.$eval(selector, (link) => link.getAttribute("href"));
  await page.close();
  return href;
}

// Everything can be read without a script.
async function plain(browser) {
  const page = await open(browser, 768);
  await page.setJavaScriptEnabled(false);
  await go(page, "/accounts");
  assert.ok((await page.$$("tbody tr")).length > 5);
  await go(page, "/heat");
  await page.click("nav[aria-label^=Columns] a[href*='columns=2']");
  await page.waitForSelector("nav[aria-label^=Columns] a[href*='columns=3']");
  await page.close();
}

async function main() {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), "chromium-"));
  const browser = await puppeteer.launch({
    executablePath: process.env.CHROMIUM,
    userDataDir: profile,
    args: ["--no-sandbox", "--disable-dev-shm-usage", "--force-color-profile=srgb"],
  });
  try {
    const account = await flows(browser);
    await plain(browser);
    await looks(browser, account);
  } finally {
    await browser.close();
    fs.rmSync(profile, { recursive: true, force: true });
  }
  assert.deepStrictEqual(faults, [], faults.join("\n"));
  console.log("all flows are done");
}

main().catch((error) => {
  console.error(error, faults.join("\n"));
  process.exit(1);
});
