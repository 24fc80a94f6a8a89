// How long the overview takes from navigation to a drawn chart, and how many bytes come over the wire, with nothing in the browser's
// cache. What it has to know comes as one JSON object on standard input. Prints one JSON object.
"use strict";

const { told: read, open, signIn } = require("./hand.cjs");

const told = read();
const ROUNDS = 10;

async function main() {
  const { browser, context, page } = await open(told.chromium);
  await signIn(page, told.url, told.key);
  await context.addInitScript(() => {
    new MutationObserver((_changes, observer) => {
      if (!document.querySelector(".chart[data-drawn]")) return;
      observer.disconnect();
      requestAnimationFrame(() => (window.drawnAt = performance.now()));
    }).observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ["data-drawn"] });
  });
  const times = [];
  let bytes = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const wire = await context.newCDPSession(page);
    await wire.send("Network.enable");
    await wire.send("Network.clearBrowserCache");
    let received = 0;
    wire.on("Network.loadingFinished", ({ encodedDataLength }) => (received += encodedDataLength));
    await page.goto(`${told.url}/${told.query ?? ""}`);
    times.push(await page.waitForFunction(() => window.drawnAt).then((drawn) => drawn.jsonValue()));
    await page.waitForLoadState("networkidle");
    bytes = Math.max(bytes, received);
    await wire.detach();
  }
  times.sort((one, other) => one - other);
  await browser.close();
  console.log(JSON.stringify({ median_ms: Math.round((times[ROUNDS / 2 - 1] + times[ROUNDS / 2]) / 2), least_ms: Math.round(times[0]), most_ms: Math.round(times.at(-1)), bytes }));
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
