// InstantSearch with ClickTally's tracker and no other client: each hit says what it is, and the list of hits says which
// search it answers. Works with every back end that InstantSearch has an adapter for.

// Stands for your search client (algoliasearch, typesense-instantsearch-adapter, instant-meilisearch, …).
const catalogue = ["Red shoes", "Red boots", "Scarlet sandals", "Blue hat"].map((name, n) => ({ objectID: `sku${n + 1}`, name }));
const searchClient = {
  search: async requests => ({
    results: requests.map(({ params: { query = "" } = {} }) => {
      const hits = catalogue.filter(({ name }) => name.toLowerCase().includes(query.toLowerCase()));
      return { hits, nbHits: hits.length, page: 0, nbPages: 1, hitsPerPage: 20, query, params: "", processingTimeMS: 1 };
    }),
  }),
};

// Tells the tracker which search the list shows. An id of the back end's own (Algolia's queryID) is used where there is
// one; else the tracker makes one for each query.
const clicktally = (container, given) => ({
  $$type: "clicktally.search",
  render({ results }) {
    if (!results || results.__isArtificial) return;
    const { dataset } = document.querySelector(container);
    dataset.clicktallySearch = "";
    dataset.query = results.query;
    dataset.total = results.nbHits;
    if (results.queryID) dataset.queryId = results.queryID;
    // One that was given belongs to the results before.
    else if (given && dataset.queryId === given) delete dataset.queryId;
    given = results.queryID;
  },
});

const { searchBox, hits } = instantsearch.widgets;
const search = instantsearch({ indexName: "product", searchClient });
search.addWidgets([
  searchBox({ container: "#searchbox" }),
  hits({
    container: "#hits",
    templates: {
      // `__position` is 1 for the first hit of the first page.
      item: (hit, { html }) => html`<a href="#${hit.objectID}" data-doc-id=${hit.objectID} data-rank=${hit.__position}>${hit.name}</a>`,
    },
  }),
  clicktally("#hits"),
]);
search.start();
