// Who is logged in, and how to ask. The token lives in this module: no storage, no cookie, gone with the page.

let token = null;

/** Ask something of this server; `{status, body, ms, headers}`, `body` null where there is no JSON. */
async function ask(path, body) {
  const headers = { "Content-Type": "application/json", Accept: "application/graphql-response+json, application/json" };
  if (token) headers.Authorization = `Bearer ${token}`;
  const begun = performance.now();
  const answer = await fetch(path, { method: "POST", headers, body: body && JSON.stringify(body), credentials: "omit" });
  const text = await answer.text();
  const ms = Math.round(performance.now() - begun);
  let json = null;
  try { json = JSON.parse(text); } catch { /* no JSON: the status speaks */ }
  return { status: answer.status, body: json, bytes: text.length, ms, headers: answer.headers };
}

/** What an answer refuses with, in words; null if it refuses nothing. */
export const refusal = (answer) => answer.body?.errors?.[0]?.message ?? (answer.status < 400 ? null : `the server answers ${answer.status}`);

/** Send an operation. A token that ended is forgotten. */
export async function send(operation) {
  const answer = await ask("/graphql", operation);
  if (answer.status === 401 && token) forget();
  return answer;
}

/** The example operations. */
export const operations = async () => (await fetch("/graphiql/operations.json")).json();

let types = new Map();

/** The schema as introspection tells it. */
export async function schema() {
  const told = await (await fetch("/graphiql/schema.json")).json();
  types = new Map(told.__schema.types.map((each) => [each.name, each]));
  return told;
}

let show = () => {};

function forget() {
  token = null;
  show(null);
}

/** Make the log-in form work; `tell` gets what went wrong, or null. */
export function openDoor(tell) {
  const [form, account, who] = ["log-in", "account", "who"].map((id) => document.getElementById(id));
  show = (name) => {
    form.hidden = name !== null;
    account.hidden = name === null;
    who.textContent = name ?? "";
  };
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    const { name, password } = Object.fromEntries(new FormData(form));
    const answer = await ask("/auth/login", { name, password }).catch(() => ({ status: 0, body: null }));
    const wrong = answer.status === 0 ? "the server does not answer" : refusal(answer);
    tell(wrong);
    if (wrong) {
      form.elements.password.value = "";
      form.elements.password.focus();
      return;
    }
    token = answer.body.token;
    form.reset();
    show(name);
  });
  document.getElementById("log-out").addEventListener("click", async () => {
    await ask("/auth/logout").catch(() => null);
    forget();
  });
}

/** Fill a list of the examples, in groups; `choose` gets the one that is chosen. */
export async function offerExamples(list, choose) {
  const found = await operations();
  for (const group of new Set(found.map((each) => each.group))) {
    const made = document.createElement("optgroup");
    made.label = group;
    for (const [at, each] of found.entries()) {
      if (each.group !== group) continue;
      const option = new Option(each.name, String(at));
      option.title = each.about;
      made.append(option);
    }
    list.append(made);
  }
  list.addEventListener("change", () => list.value && choose(found[Number(list.value)]));
}

/** A value to fill in where a type of this name stands: of an input what it needs, or the first of its keys. */
function blank(name, depth = 3) {
  const type = types.get(name);
  if (type?.kind === "ENUM") return type.enumValues[0].name;
  if (type?.kind !== "INPUT_OBJECT") return { Int: 1, BigInt: 1, Boolean: false }[name] ?? "";
  const needed = type.isOneOf ? type.inputFields.slice(0, 1) : type.inputFields.filter((each) => each.type.kind === "NON_NULL" && each.defaultValue === null);
  const bare = (each) => (each.kind === "NON_NULL" ? each.ofType : each);
  return Object.fromEntries(depth === 0 ? [] : needed.map((each) => [each.name, bare(each.type).kind === "LIST" ? [] : blank(bare(each.type).name, depth - 1)]));
}

/** Variables to fill in, as JSON: those of an operation's text that need a value and have no default. */
export function blanks(text) {
  const found = [...text.matchAll(/\$(\w+)\s*:\s*(\[?)(\w+)!?\]?(!?)(\s*=)?/g)];
  const needed = found.filter(([whole, , , , , isFilled]) => !isFilled && whole.trimEnd().endsWith("!"));
  return JSON.stringify(Object.fromEntries(needed.map(([, name, isList, type]) => [name, isList ? [] : blank(type)])), null, 2);
}
