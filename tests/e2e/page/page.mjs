// Real clicks and keys on the page of a real rfqd, in headless Chromium. page_test.py starts the appliance, gives this its
// address and tokens as JSON, and does what lines beginning with @ ask for (the appliance's death, requests of others).
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { chromium } from "playwright-core";

const given = JSON.parse(process.argv[2]); // {url, tokens: {ann, max, olga, bad}, shots}
const WAIT_MS = 30000;
const FLAGS = ["--headless=new", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync", "--disable-default-apps", "--metrics-recording-only"];

const answers = createInterface({ input: process.stdin })[Symbol.asyncIterator]();
async function ask(what) {
  console.log(`@${what}`);
  return JSON.parse((await answers.next()).value);
}

const profile = mkdtempSync(join(tmpdir(), "rfqd-page-"));
const context = await chromium.launchPersistentContext(profile, {
  executablePath: "/usr/bin/chromium", args: FLAGS, viewport: { width: 1440, height: 860 }, colorScheme: "dark",
});
context.setDefaultTimeout(WAIT_MS);

// What the page says, and what its policy was asked to let through and did not.
const said = [];
let expected = []; // of what Chromium says itself of answers that are meant to be refusals
await context.addInitScript(() => {
  window.violations = [];
  document.addEventListener("securitypolicyviolation", (e) => window.violations.push(`${e.violatedDirective} ${e.blockedURI}`));
});

async function open(address) {
  const page = await context.newPage();
  page.on("console", (m) => {
    if (["error", "warning"].includes(m.type()) && !expected.some((e) => e.test(m.text()))) said.push(`${m.type()}: ${m.text()}`);
  });
  page.on("pageerror", (e) => said.push(`exception: ${e.stack}`));
  await page.goto(address);
  return page;
}

// Waiting for conditions ---------------------------------------------------------------------------------------------

async function until(condition, what) {
  const end = Date.now() + WAIT_MS;
  for (;;) {
    const value = await condition();
    if (value) return value;
    if (Date.now() > end) throw new Error(`waited for ${what}`);
    await new Promise((done) => setTimeout(done, 20));
  }
}

const textOf = (page, selector) => page.locator(selector).innerText();
const status = (page, wanted) => until(async () => (await page.locator("#d-status").getAttribute("data-status")) === wanted, `status ${wanted}`);
const rowStatus = (page, id, wanted) => page.locator(`#row-${id} .chip[data-status=${wanted}]`).waitFor();
const toastWith = (page, text) => page.locator(".toast", { hasText: text }).first().waitFor();
const live = (page) => until(async () => (await page.locator("#stream").getAttribute("data-state")) === "live", "the stream");
const chosen = async (page) => (await textOf(page, "#d-id")).split(" ")[0];

/** The standing quotes of the ladder, as people see them. */
const ladder = (page) => page.locator("#ladder tr.stands").evaluateAll((rows) => rows.map((row) => {
  const button = [...row.querySelectorAll(".take")].find((b) => !b.hidden);
  return {
    rank: Number(row.querySelector(".q-rank").textContent), lp: row.querySelector(".q-lp").textContent,
    price: button.querySelector(".price").textContent, best: button.classList.contains("best"), may: !button.disabled,
  };
}));
const quotes = (page, count) => until(async () => {
  const list = await ladder(page);
  return list.length === count && list.every((q, i) => q.rank === i + 1) && list;
}, `${count} ranked quotes`);

async function request(page, side, quantity, open) {
  const before = await page.locator("#detail").isVisible() ? await chosen(page) : "";
  await page.locator(".sides label", { hasText: side }).click();
  await page.locator("#ticket-quantity").fill(quantity);
  await page.locator("#ticket-timeout").selectOption({ label: open });
  await page.locator("#ticket-send").click();
  return until(async () => await page.locator("#detail").isVisible() && (await chosen(page)) !== before && chosen(page), "the new RFQ");
}

// What is tested -----------------------------------------------------------------------------------------------------

async function signsIn() {
  expected = [/status of 401/];
  const page = await open(given.url);
  await page.locator("#token").fill("no token");
  await page.locator("#login-form button").click();
  await page.locator("#login-error", { hasText: "This is no token" }).waitFor();
  await page.locator("#token").fill(given.tokens.bad);
  await page.locator("#login-form button").click();
  await page.locator("#login-error", { hasText: "not signed with a key that is known" }).waitFor();
  expected = [];
  await page.locator("#token").fill(given.tokens.ann);
  await page.locator("#login-form button").click();
  await live(page);
  assert.equal(await textOf(page, "#who"), "ann · north");
  const titles = await page.locator("#heads > *").allTextContents();
  assert.deepEqual(titles, [...new Set(titles)]); // whoever tried before has left nothing
  await page.reload(); // kept for the tab
  await live(page);
  await page.locator("#sign-out").click();
  await page.locator("#login").waitFor();
  await page.reload();
  assert.ok(await page.locator("#login").isVisible());
  await page.close();
}

async function takesTheTokenOutOfTheAddress() {
  const page = await open(`${given.url}#token=${given.tokens.ann}`);
  await live(page);
  assert.equal(page.url(), given.url);
  assert.equal(await page.evaluate(() => history.length), 2); // about:blank and the page: no entry has the token
  return page;
}

async function dealsByClicks(page) {
  const id = await request(page, "Sell", "2m", "30 s");
  await page.locator(`#row-${id}`).waitFor();
  assert.equal(await textOf(page, "#d-quantity"), "2,000,000");
  const list = await quotes(page, 3);
  const prices = list.map((q) => q.price);
  assert.deepEqual(prices, [...prices].sort().reverse()); // who sells wants the highest; all have as many digits
  assert.deepEqual(list.map((q) => q.best), [true, false, false]);
  const first = page.locator("#ladder tr.stands .take.sell").first();
  await first.click();
  await page.locator(".take.armed", { hasText: "Confirm" }).click();
  await status(page, "filled");
  assert.match(await textOf(page, "#d-deal"), new RegExp(`^Sold to ${list[0].lp} at ${list[0].price}$`));
  assert.equal(await textOf(page, "#d-filled"), "2,000,000 of 2,000,000 filled");
  await rowStatus(page, id, "filled");
  for (const line of ["Completed", `${list[0].lp} wins`, "Bidding opened", "Sent to LP1", "LP2 quoted"])
    await page.locator("#timeline li", { hasText: line }).first().waitFor();
}

async function cancelsByClicks(page) {
  const id = await request(page, "Two-way", "1,000,000", "5 min");
  await quotes(page, 3);
  assert.equal(await page.locator("#ladder tr.stands .take:visible").count(), 6); // both sides of three
  await page.locator("#cancel-open").click();
  await page.locator("#cancel-reason").selectOption("duplicate_rfq");
  await page.locator("#cancel-send").click();
  await status(page, "cancelled");
  assert.equal(await textOf(page, "#d-why"), "duplicate rfq");
  await rowStatus(page, id, "cancelled");
  assert.equal(await page.locator("#d-actions").isVisible(), false);
}

async function tellsOfARefusal(page) {
  expected = [/status of 422/];
  await page.locator("#ticket-quantity").fill("500");
  await page.locator("#ticket-send").click();
  await toastWith(page, "Request refused · quantity_out_of_range");
  await toastWith(page, "quantity 500 is below 1000");
  expected = [];
  await page.locator(".toast.bad").click();
  await page.locator("#ticket-quantity").fill("much");
  await page.locator("#ticket-send").click();
  assert.match(await page.locator("#ticket-quantity").evaluate((field) => field.validationMessage), /^A quantity/);
}

async function dealsByKeys(page) {
  await page.locator("[data-filter=all]").click();
  await page.locator("#blotter").focus();
  await page.keyboard.press("Escape"); // nothing is chosen any more
  await page.locator("#detail-none").waitFor();
  await page.locator(".sides label", { hasText: "Buy" }).click();
  await page.locator("#blotter").focus();
  await page.keyboard.press("n");
  await page.keyboard.type("750k");
  await page.keyboard.press("Enter");
  await page.locator("#detail").waitFor();
  const id = await chosen(page);
  const list = await quotes(page, 3);
  await page.keyboard.press("1");
  await page.locator(".take.armed").waitFor();
  await page.keyboard.press("Escape");
  await until(async () => (await page.locator(".take.armed").count()) === 0, "the choice to be taken back");
  await page.keyboard.press("e");
  await page.keyboard.press("Enter");
  await page.locator("#timeline li", { hasText: "Extended" }).waitFor();
  await page.locator("#extend-form").waitFor({ state: "hidden" });
  await page.keyboard.press("j");
  assert.notEqual(await chosen(page), id);
  await page.keyboard.press("k");
  assert.equal(await chosen(page), id);
  await quotes(page, 3);
  await page.keyboard.press("2");
  await page.locator(".take.armed", { hasText: list[1].price }).waitFor();
  await page.keyboard.press("2");
  await status(page, "filled");
  assert.match(await textOf(page, "#d-deal"), new RegExp(`${list[1].lp} at ${list[1].price}$`));
  await page.keyboard.press("n");
  await page.keyboard.type("1m");
  await page.keyboard.press("Enter");
  await until(async () => (await chosen(page)) !== id, "the next RFQ");
  await quotes(page, 3);
  await page.keyboard.press("c");
  await page.keyboard.press("Enter");
  await status(page, "cancelled");
}

/** A key that is held repeats itself: that is one stroke, and arms only. */
async function heldKeysDoNotDeal(page) {
  await request(page, "Buy", "900k", "5 min");
  const list = await quotes(page, 3);
  const armed = page.locator(".take.armed", { hasText: list[0].price });
  const held = async (key) => {
    for (let n = 0; n < 4; n++) await page.keyboard.down(key); // all but the first one say that they are repeats
    assert.equal(await armed.count(), 1, `${key} was held: still to be confirmed`);
    await page.keyboard.up(key);
  };
  await page.locator("#blotter").focus();
  await held("1");
  await page.keyboard.press("Escape");
  await until(async () => (await page.locator(".take.armed").count()) === 0, "the choice to be taken back");
  await page.locator("#ladder tr.stands .take.buy").first().focus();
  await held("Enter");
  await page.keyboard.press("Enter"); // the second stroke
  await status(page, "filled");
}

/** Each row as the server has it. */
async function agrees(page) {
  await page.locator("[data-filter=all]").click();
  let shown, wanted;
  await until(async () => {
    const { rfqs } = await ask("list");
    shown = await page.locator("#rows .row").evaluateAll((rows) => rows.map((row) =>
      [row.id.slice(4), row.querySelector(".chip").textContent, row.querySelector(".c-quotes").textContent.split(" ")[0]].join(" ")));
    wanted = rfqs.map((r) => [r.id, r.status, r.endedAt ? "" : r.quoteCount].join(" "));
    return shown.sort().join() === wanted.sort().join();
  }, "the blotter to be as the server has it").catch((error) => {
    throw new Error(`${error.message}: shown ${shown}; wanted ${wanted}`);
  });
}

async function survivesTheServersDeath(page) {
  const id = await request(page, "Buy", "3m", "1 h");
  await quotes(page, 3);
  expected = [/ERR_CONNECTION_REFUSED|ERR_CONNECTION_RESET|ERR_EMPTY_RESPONSE|WebSocket connection to/];
  await ask("kill");
  await page.locator("#stale").waitFor();
  assert.deepEqual((await ladder(page)).map((q) => q.may), [false, false, false]); // old prices are not dealt on
  const { id: other } = await ask("restart and request"); // while nobody listens
  await live(page);
  await page.locator("#stale").waitFor({ state: "hidden" });
  expected = [];
  await page.locator(`#row-${other}`).waitFor();
  await agrees(page);
  assert.equal(await chosen(page), id);
  await quotes(page, 3);
  await page.keyboard.press("1");
  await page.locator(".take.armed").click();
  await status(page, "filled");
  await agrees(page);
}

/** A list that does not come is asked for again; until it is there the page does not call itself live. */
async function asksForTheListAgain(annsPage) {
  const before = await request(annsPage, "Buy", "1.2m", "5 min");
  let asked = 0;
  const refuse = (route) => {
    asked++;
    return route.fulfill({ status: 503, contentType: "application/problem+json", body: '{"code": "busy", "detail": "busy for once"}' });
  };
  expected = [/status of 503/];
  await context.route("**/api/v1/rfqs?limit=*", refuse);
  const page = await open(`${given.url}#token=${given.tokens.ann}`);
  await toastWith(page, "busy for once");
  await until(() => asked >= 3, "the list to be asked for again");
  assert.equal(await page.locator("#stream").getAttribute("data-state"), "resuming");
  assert.equal(await textOf(page, "#stream"), "Catching up");
  assert.equal(await page.locator(".toast").count(), 1);
  const later = await request(annsPage, "Buy", "1.3m", "5 min"); // its events come meanwhile
  await context.unroute("**/api/v1/rfqs?limit=*", refuse);
  await live(page);
  expected = [];
  for (const id of [before, later]) await page.locator(`#row-${id}`).waitFor();
  await agrees(page);
  await page.close();
}

async function showsOperatorsTheTenant(annsPage) {
  const id = await request(annsPage, "Buy", "4m", "5 min");
  const page = await open(`${given.url}#token=${given.tokens.olga}`);
  await live(page);
  const row = page.locator(`#row-${id}`);
  await row.click();
  assert.equal(await row.locator(".c-taker").innerText(), "ann");
  const list = await quotes(page, 3);
  assert.deepEqual(list.map((q) => q.may), [false, false, false]); // ops looks on
  assert.equal(await page.locator("#ticket").isVisible(), false);
  assert.equal(await page.locator("#d-actions").isVisible(), false);
  await page.close();
  const manager = await open(`${given.url}#token=${given.tokens.max}`);
  await live(manager);
  await manager.locator(`#row-${id}`).click(); // of the team
  await quotes(manager, 3);
  const later = await request(annsPage, "Buy", "5m", "5 min");
  await manager.locator(`#row-${later}`).waitFor(); // and heard of, too
  await manager.close();
}

/** With very many alive only rows in sight exist, and of these only what changed is touched. */
async function touchesOnlyWhatChanged(page) {
  const { ids } = await ask("many");
  await page.locator("[data-filter=live]").click();
  await page.locator(`#row-${ids.at(-1)}`).waitFor(); // the newest, on top
  assert.ok(Number(await textOf(page, "#count-live")) >= ids.length);
  await until(async () => (await page.locator("#rows .c-quotes").allInnerTexts()).every((t) => t === "3 / 3"), "all quotes of those in sight");
  const rows = await page.locator("#rows .row").count();
  assert.ok(rows < 60, `${rows} rows exist`);
  const touched = async (id) => {
    await page.evaluate(() => {
      window.touched = new Set();
      window.observer = new MutationObserver((list) => {
        for (const m of list) {
          const element = m.target.nodeType === 1 ? m.target : m.target.parentElement;
          const row = element?.closest("#rows .row");
          if (row && !element.closest(".c-left")) window.touched.add(row.id);
        }
      });
      window.observer.observe(document.getElementById("rows"), { subtree: true, childList: true, characterData: true, attributes: true });
    });
    const alive = Number(await textOf(page, "#count-live"));
    await ask(`cancel ${id}`);
    await until(async () => Number(await textOf(page, "#count-live")) === alive - 1, "the cancel to be seen");
    return page.evaluate(() => {
      window.observer.disconnect();
      return [...window.touched];
    });
  };
  assert.deepEqual(await touched(ids[0]), []); // far below
  assert.deepEqual(await touched(ids.at(-4)), [`row-${ids.at(-4)}`]);
  await page.locator("#blotter").evaluate((node) => node.scrollTo(0, node.scrollHeight));
  await page.locator(`#row-${ids[1]}`).waitFor();
}

async function isReadableInBothSchemes(page) {
  await page.locator("[data-filter=all]").click();
  await page.locator("#blotter").evaluate((node) => node.scrollTo(0, 0));
  const ground = {};
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    ground[colorScheme] = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    if (given.shots) await page.screenshot({ path: join(given.shots, `page-${colorScheme}.png`) });
  }
  assert.notEqual(ground.dark, ground.light);
  // Text on its ground: WCAG's contrast, 4.5 at least, wherever text is meant to be read.
  for (const colorScheme of ["dark", "light"]) {
    await page.emulateMedia({ colorScheme });
    const faint = await page.evaluate(() => {
      const parse = (text) => (text.match(/[\d.]+/g) ?? []).map(Number);
      const light = ([r, g, b]) => [r, g, b].map((v) => v / 255).map((v) => (v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4))
        .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
      const groundOf = (node) => {
        for (let at = node; at; at = at.parentElement) {
          const [r, g, b, a = 1] = parse(getComputedStyle(at).backgroundColor);
          if (a === 1) return [r, g, b];
        }
        return [255, 255, 255];
      };
      const wrong = [];
      for (const node of document.querySelectorAll(".chip, .take:not([hidden]) b, #who, #rows .row:not(.over) .c-side, .tabs button, th, .note, #timeline span")) {
        if (!node.offsetParent || !node.textContent.trim()) continue;
        const [a, b] = [light(parse(getComputedStyle(node).color)), light(groundOf(node))].sort((x, y) => y - x);
        const contrast = (a + 0.05) / (b + 0.05);
        if (contrast < 4.5) wrong.push(`${node.className || node.tagName} «${node.textContent.slice(0, 20)}»: ${contrast.toFixed(2)}`);
      }
      return [...new Set(wrong)];
    });
    assert.deepEqual(faint, [], colorScheme);
  }
}

let failure = null;
try {
  await signsIn();
  const page = await takesTheTokenOutOfTheAddress();
  for (const step of [dealsByClicks, cancelsByClicks, tellsOfARefusal, dealsByKeys, heldKeysDoNotDeal,
    survivesTheServersDeath, asksForTheListAgain, showsOperatorsTheTenant, isReadableInBothSchemes, touchesOnlyWhatChanged]) {
    console.log(step.name);
    await step(page).catch(async (error) => {
      if (given.shots) await page.screenshot({ path: join(given.shots, "failed.png") });
      throw error;
    });
  }
  assert.deepEqual(await page.evaluate(() => window.violations), []);
  assert.deepEqual(said, []);
} catch (error) {
  failure = error;
} finally {
  await context.close();
  rmSync(profile, { recursive: true, force: true });
}
if (failure) {
  console.error(failure.stack, said);
  process.exit(1);
}
process.exit(0);
