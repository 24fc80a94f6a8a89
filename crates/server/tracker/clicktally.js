// ClickTally's tracker, served as /clicktally.js without its comments and indentation (crates/server/src/tracker.rs).
//
//   <script async src="https://stats.example.com/clicktally.js" data-key="…" data-hashid="…" data-index="product"></script>
//
// It tells POST /v1/collect, of the host that it came from, which results were clicked and which searches were shown. It
// sets no cookie, makes no name for a visitor and asks nobody else; what it keeps in the tab's session storage are events
// that may not have arrived yet, for a day at most. docs/guide/tracker.md is what a page can rely on.
//
// Comments stand on lines of their own: the server drops whole lines, and reads no JavaScript.
(() => {
  const script = document.currentScript;
  // What the page called before this ran: a list of calls. A page that has the tag twice is tracked once. An element with
  // this id is found here too, and is neither.
  const early = window.clicktally;
  if (early?.search) return;

  const { key, hashid, index, user, session } = script.dataset;
  const url = new URL("v1/collect?key=" + key, script.src);
  // Such visitors are named in no event, and nothing is written to their disks. Whether they count is the server's to say.
  const isShy = navigator.globalPrivacyControl || navigator.doNotTrack == 1;

  // Events that are not known to have arrived, by type and id, oldest first; and which of them are on their way.
  const kept = new Map();
  const flying = new Set();
  let failures = 0;
  let retry;

  const newId = () => [...crypto.getRandomValues(new Uint32Array(4))].map(n => n.toString(36)).join("");

  // A page that is left can't hear whether its last event arrived. The next one in the tab sends it again, under the same
  // id, which counts once.
  const save = () => {
    try {
      isShy || (sessionStorage[url] = JSON.stringify([...kept]));
    } catch {}
  };

  const send = async () => {
    const ids = [];
    let body = "";
    // The latest first: it is the click that leads away from the page.
    for (const [id, { t, ...event }] of [...kept].reverse()) {
      // How long ago, not when: the difference is right on clocks that are wrong.
      event.age = Math.max(0, Date.now() - t);
      const line = JSON.stringify(event) + "\n";
      if (event.age > 864e5) kept.delete(id);
      // So many characters are less than 64 KiB in UTF-8, which is what the server reads, and what may be in flight while
      // a page goes.
      else if (!flying.has(id) && (!body || body.length + line.length < 2e4)) {
        body += line;
        ids.push(id);
        flying.add(id);
      }
    }
    if (!body) return;

    const beacon = () => navigator.sendBeacon?.(url, body);
    let status;
    try {
      window.fetch && "keepalive" in Request.prototype || beacon();
      // A text needs no preflight.
      const answer = await fetch(url, { method: "POST", body, keepalive: body.length < 2e4, credentials: "omit" });
      status = answer.status;
      // Until its answer is read, a call takes from what may be in flight.
      await answer.text();
    } catch {
      failures || beacon();
    }

    // What is refused for good is as done as what is recorded.
    const isDone = /^(2|4(?!08|29))/.test(status);
    for (const id of ids) {
      flying.delete(id);
      isDone && kept.delete(id);
    }
    save();
    if (isDone) {
      failures = 0;
      send();
    // A page's last try is a quarter of an hour after its first, or the next event.
    } else if (failures++ < 9) {
      clearTimeout(retry);
      retry = setTimeout(send, 2 ** failures * 1e3 * (0.5 + Math.random()));
    }
  };

  const recall = () => {
    try {
      for (const [id, event] of JSON.parse(sessionStorage[url])) kept.has(id) || kept.set(id, event);
    } catch {}
    send();
  };

  // Names as the API has them, numbers as numbers, all else as text; what is empty is not told.
  const put = (event, told) => {
    for (const name in told) {
      const value = told[name];
      if (value != null && value !== "") event[name.replace(/[A-Z]/g, letter => "_" + letter.toLowerCase())] =
        Array.isArray(value) ? value.slice(0, 1e3).map(String) : /^(rank|total)|at$/i.test(name) ? +value : value + "";
    }
    if (isShy) delete event.user, delete event.session;
    kept.set(event.type + event.id, { ...event, t: Date.now() });
    if (kept.size > 99) kept.delete(kept.keys().next().value);
    save();
    send();
    return event.id;
  };

  // Searches by id, with what they tell of where their clicks belong: a page may show several engines and indices.
  const registered = new Map();
  const click = told => put({ type: "click", hashid, index, user, session, id: newId() }, { ...registered.get(told.queryId), ...told });

  const search = ({ queryId, index: its = index, total: totalHits, ...told }) => {
    const id = (queryId || newId()) + "";
    registered.has(id) || put({ type: "search", hashid, indices: its && [its], user, session, id }, { totalHits, ...told });
    registered.set(id, { hashid: told.hashid, index: its });
    return id;
  };

  // Registers each search that the page shows and that is not registered yet. A container without an id for its search
  // gets one, and another when it shows other terms; the links inside find it there.
  const made = new Map();
  const scan = () => {
    for (const box of document.querySelectorAll("[data-clicktally-search]")) {
      const data = box.dataset;
      const { hashid, index, query, total } = data;
      if (!data.queryId || made.has(data.queryId) && made.get(data.queryId) != query) {
        made.set(data.queryId = newId(), query);
      }
      const docIds = new Set([...box.querySelectorAll("[data-doc-id]")].map(item => item.dataset.docId));
      docIds.delete("");
      search({ queryId: data.queryId, hashid, index, query, total, docIds: [...docIds] });
    }
  };

  let last;
  const clicked = event => {
    if (event.type == "auxclick" && event.button != 1) return;
    scan();
    // The link and what is around it, through the borders of open shadow trees too.
    const path = event.composedPath();
    while (path[0] && !path[0].matches?.("a,area,[role=link],button[data-doc-id]")) path.shift();
    const told = {};
    for (const name of ["docId", "queryId", "rank", "productType", "customResult"]) {
      told[name] = path.find(node => node.dataset?.[name] != null)?.dataset[name];
    }
    // The second half of a double click is no second choice.
    const choice = JSON.stringify(told);
    if (!told.docId || last?.choice == choice && event.timeStamp - last.at < 1e3) return;
    last = { choice, at: event.timeStamp };
    click(told);
  };

  const start = () => {
    addEventListener("click", clicked, true);
    addEventListener("auxclick", clicked, true);
    addEventListener("pagehide", scan);
    addEventListener("pageshow", recall);
    addEventListener("online", send);
    let waiting;
    new MutationObserver(() => waiting ||= setTimeout(() => { waiting = 0; scan(); }, 200)).observe(document, {
      childList: true, subtree: true, attributeFilter: ["data-clicktally-search", "data-query", "data-query-id"],
    });
    document.readyState == "loading" ? addEventListener("DOMContentLoaded", scan) : scan();
    recall();
  };

  const api = window.clicktally = { click, search, push: ([name, told]) => api[name]?.(told) };
  Array.isArray(early) && early.forEach(api.push);
  // A page that is rendered in advance has been shown to nobody.
  document.prerendering ? document.addEventListener("prerenderingchange", start) : start();
})();
