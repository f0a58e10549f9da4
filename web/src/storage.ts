// Where GraphiQL keeps tabs, history and theme: the browser's local storage, under a name of our own.
// Every GraphiQL on the same host and port (localhost:8000 has seen many) writes the same keys, and their tabs would hide our examples.
const prefix = "syndb:";
const ownKeys = () => Object.keys(localStorage).filter((key) => key.startsWith(prefix));

export const storage = {
  getItem: (key: string) => localStorage.getItem(prefix + key),
  setItem: (key: string, value: string) => localStorage.setItem(prefix + key, value),
  removeItem: (key: string) => localStorage.removeItem(prefix + key),
  clear: () => ownKeys().forEach((key) => localStorage.removeItem(key)),
  get length() {
    return ownKeys().length;
  },
};
