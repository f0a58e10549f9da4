// The panel a first visitor sees: what this is, how to begin, and the examples, which can be opened again after their tabs are closed.
import { formatShortcutForOS, KEY_MAP, pick, useGraphiQL, useGraphiQLActions, type GraphiQLPlugin } from "@graphiql/react";
import { type Example, examples } from "./examples";
import iconUrl from "./icon.svg";

export function welcomePlugin(explorer: GraphiQLPlugin): GraphiQLPlugin {
  return {
    title: "SynDB: first steps and examples",
    icon: () => <img src={iconUrl} alt="" width="20" height="20" />,
    content: () => <Welcome explorer={explorer} />,
  };
}

function Welcome({ explorer }: { explorer: GraphiQLPlugin }) {
  const { addTab, changeTab, setVisiblePlugin } = useGraphiQLActions();
  const { tabs, queryEditor, referencePlugin } = useGraphiQL(pick("tabs", "queryEditor", "referencePlugin"));

  function open({ query }: Example) {
    const index = tabs.findIndex((tab) => tab.query === query);
    if (index >= 0) {
      changeTab(index);
    } else {
      addTab();
      queryEditor?.setValue(query);
    }
  }

  return (
    <div className="syndb-welcome">
      <h1>SynDB GraphQL</h1>
      <p>
        Neurons, synapses, spines and the parts of cells, measured under the microscope and read as one graph: from a data set down to a
        single synapse, in the unit you ask for.
      </p>
      <p>
        Each tab holds a query that works as it stands. Run it with ▶ or <kbd>{formatShortcutForOS(KEY_MAP.runQuery.key, "⌘")}</kbd>,
        change it, and press <kbd>{formatShortcutForOS("Ctrl-Space")}</kbd> to see what fits where the cursor is.
      </p>
      <p>
        Every field is described in the{" "}
        <button type="button" onClick={() => setVisiblePlugin(referencePlugin ?? null)}>
          documentation of the schema
        </button>
        ; the{" "}
        <button type="button" onClick={() => setVisiblePlugin(explorer)}>
          explorer
        </button>{" "}
        puts a query together by clicks.
      </p>
      <h2>Examples</h2>
      <ul>
        {examples.map((example) => (
          <li key={example.title}>
            <button type="button" onClick={() => open(example)}>
              {example.title}
            </button>
            <p>{example.description}</p>
          </li>
        ))}
      </ul>
    </div>
  );
}
