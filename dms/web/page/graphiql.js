// GraphiQL over the same log-in as the plain page. What it would store stays in this page's memory.
import { blanks, offerExamples, openDoor, schema, send } from "./session.js";

const BEGIN = "# Log in above, then press Ctrl-Enter. Examples are in the list.\n{ viewer { account { name displayName } clearance { marking } } }\n";

// GraphiQL's dialogs write a style element: with the nonce it is let through.
globalThis.__webpack_nonce__ = document.getElementById("boot").nonce;

const kept = new Map();
const storage = {
  getItem: (key) => kept.get(key) ?? null,
  setItem: (key, value) => { kept.set(key, value); },
  removeItem: (key) => { kept.delete(key); },
  clear: () => kept.clear(),
  get length() { return kept.size; },
};

const notice = document.getElementById("notice");

function tell(words) {
  notice.hidden = !words;
  notice.textContent = words ?? "";
}

async function fetcher({ query, variables, operationName }) {
  // GraphiQL asks for the schema by itself; the server tells it without a log-in and without an event.
  if (operationName === "IntrospectionQuery") return { data: await schema() };
  const answer = await send({ query, variables, operationName });
  return answer.body ?? { errors: [{ message: `the server answers ${answer.status}` }] };
}

const root = ReactDOM.createRoot(document.getElementById("graphiql"));

function show(query, variables) {
  root.render(React.createElement(GraphiQL, {
    fetcher, storage, query, variables, isHeadersEditorEnabled: false, showPersistHeadersSettings: false,
  }));
}

openDoor(tell);
show(BEGIN, "{}");
await offerExamples(document.getElementById("examples"), (each) => show(each.text, blanks(each.text)));
