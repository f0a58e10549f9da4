// Builds the page into the Python package: its server gives index.html at /graphql and every file below /graphql-assets/.
import { defineConfig } from "vite";

export default defineConfig({
  base: "/graphql-assets/",
  build: {
    outDir: "../syndb_graphql/web",
    emptyOutDir: true,
    assetsDir: "",
    license: { fileName: "third-party-licenses.md" },
    // The editor (Monaco) is the bulk of the page and of no use in pieces.
    chunkSizeWarningLimit: 5000,
    rolldownOptions: { checks: { moduleLevelDirective: false } },
  },
  experimental: {
    // The page's own addresses are relative, so that it also works behind a proxy that serves it as /some/where/graphql.
    renderBuiltUrl: (file, { hostType }) => (hostType === "html" ? `graphql-assets/${file}` : { relative: true }),
  },
});
