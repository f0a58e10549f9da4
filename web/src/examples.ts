// The example queries: the files of ../examples in the order of their numbers, part of the build. A file's name is its title,
// the comment it begins with its description.
export interface Example {
  title: string;
  description: string;
  query: string;
}

const files = import.meta.glob<string>("../examples/*.graphql", { query: "?raw", import: "default", eager: true });

export const examples: Example[] = Object.entries(files)
  .sort(([a], [b]) => a.localeCompare(b, "en", { numeric: true }))
  .map(([path, query]) => ({ title: titleOf(path), description: descriptionOf(query), query }));

/** "../examples/1-first-look.graphql" → "First look" */
function titleOf(path: string): string {
  const words = path.replace(/^.*\/\d+-|\.graphql$/g, "").replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
}

function descriptionOf(query: string): string {
  const comment = /^(#.*\n)*/.exec(query)?.[0] ?? "";
  return comment.replaceAll(/^# ?/gm, "").trim().replaceAll("\n", " ");
}
