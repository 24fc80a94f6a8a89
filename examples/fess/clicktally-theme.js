// Fess (static themes, 15.9 and later) with ClickTally's tracker. Into a copy of the bundled theme as
// assets/clicktally-theme.js; and into its index.html, before assets/app.js:
//
//   <script async src="clicktally.js" data-key="YOUR_CLICK_KEY" data-hashid="YOUR_HASHID" data-index="documents"></script>
//   <script type="module" src="{{themePath}}/assets/clicktally-theme.js"></script>
//
// Fess lets its themes load from and call nothing but their own host, so the reverse proxy before Fess leads two paths to
// ClickTally: /clicktally.js and /v1/collect (docs/guide/tracker.md).
//
// The theme's cards have `data-doc-id` and `data-query-id` already; what is missing are ranks, and which links lead to the
// document.
document.addEventListener("fess:search:after", ({ detail }) => {
  const tracker = window.clicktally ??= [];
  tracker.push(["search", {
    queryId: detail.query_id,
    query: detail.q,
    total: detail.record_count,
    docIds: (detail.data || []).map(doc => doc.doc_id),
  }]);
  document.querySelectorAll("#results li[data-doc-id]").forEach((card, place) => {
    card.dataset.rank = (detail.start_record_number || 1) + place;
    card.querySelectorAll("a:not(.link)").forEach(link => { link.dataset.docId = ""; });
  });
});
