// GraphiQL for the address the page came from. What it shows first is in examples.ts and welcome.tsx; the rest is GraphiQL's own.
import "graphiql/setup-workers/vite";
import "graphiql/style.css";
import "@graphiql/plugin-explorer/style.css";
import "./page.css";

import { explorerPlugin } from "@graphiql/plugin-explorer";
import { HISTORY_PLUGIN } from "@graphiql/plugin-history";
import { createGraphiQLFetcher } from "@graphiql/toolkit";
import { GraphiQL } from "graphiql";
import { createRoot } from "react-dom/client";
import { examples } from "./examples";
import { storage } from "./storage";
import { welcomePlugin } from "./welcome";

const explorer = explorerPlugin();
const welcome = welcomePlugin(explorer);
// A list of plugins replaces GraphiQL's default one; the schema's documentation is its `referencePlugin` and stays.
const plugins = [welcome, HISTORY_PLUGIN, explorer];
const fetcher = createGraphiQLFetcher({ url: window.location.pathname });

createRoot(document.getElementById("root")!).render(
  <GraphiQL
    fetcher={fetcher}
    plugins={plugins}
    // Both only speak at the first visit: afterwards GraphiQL opens what the visitor left.
    visiblePlugin={storage.length === 0 ? welcome : undefined}
    defaultTabs={examples.map(({ query }) => ({ query }))}
    storage={storage}
    schemaDescription
    inputValueDeprecation
  >
    <GraphiQL.Logo>SynDB GraphQL</GraphiQL.Logo>
  </GraphiQL>,
);
