// Runs the server audits of graphql-http against $SERVER with $TOKEN, and prints what each found.
import { auditServer } from "graphql-http";

const results = await auditServer({
  url: process.env.SERVER + "/graphql",
  fetchFn: (url, options = {}) =>
    fetch(url, { ...options, headers: { ...options.headers, authorization: `Bearer ${process.env.TOKEN}` } }),
});
for (const result of results) await result.response?.body?.cancel();
console.log(JSON.stringify(results.map(({ id, name, status, reason }) => ({ id, name, status, reason }))));
