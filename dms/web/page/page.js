// The query page: an editor, its answer, and the schema beside them.
import { blanks, offerExamples, openDoor, refusal, send } from "./session.js";
import { openSchema } from "./schema.js";

const at = (id) => document.getElementById(id);
const [text, paint, lines, variables, result, failures, status, notice, run] =
  ["text", "paint", "lines", "variables", "result", "failures", "status", "notice", "run"].map(at);

const GRAPHQL = /(?<c>#[^\n]*)|(?<s>"""[^]*?"""|"(?:\\.|[^"\\\n])*")|(?<v>\$\w+)|(?<d>@\w+)|(?<w>\b(?:query|mutation|fragment|on|true|false|null)\b)|(?<n>-?\b\d[\d.]*)/g;
const JSON_TEXT = /(?<k>"(?:\\.|[^"\\])*"(?=\s*:))|(?<s>"(?:\\.|[^"\\])*")|(?<w>\b(?:true|false|null)\b)|(?<n>-?\b\d[\d.eE+-]*)/g;
const MOST_PAINTED = 200_000; // characters: beyond that colours cost more than they tell

const BEGIN = `# Log in above, then press Ctrl-Enter. Examples are in the list.
query Welcome {
  viewer {
    account { name displayName }
    clearance { marking }
  }
  documents(first: 5, orderBy: { field: DATE, direction: DESC }) {
    totalCount
    nodes { id title dates }
  }
}
`;

function colour(target, words, pattern) {
  const parts = [];
  let from = 0;
  for (const found of words.length > MOST_PAINTED ? [] : words.matchAll(pattern)) {
    const span = document.createElement("span");
    span.className = Object.entries(found.groups).find(([, value]) => value !== undefined)[0];
    span.textContent = found[0];
    parts.push(words.slice(from, found.index), span);
    from = found.index + found[0].length;
  }
  target.replaceChildren(...parts, words.slice(from));
}

function repaint() {
  colour(paint, `${text.value}\n`, GRAPHQL);
  lines.textContent = text.value.split("\n").map((_, row) => row + 1).join("\n");
  follow();
}

function follow() {
  [paint.scrollTop, paint.scrollLeft, lines.scrollTop] = [text.scrollTop, text.scrollLeft, text.scrollTop];
}

/** Put an operation into the editor, with its variables to fill in. */
function put(words) {
  text.value = words;
  variables.value = blanks(words);
  text.scrollTop = 0;
  repaint();
  text.setSelectionRange(0, 0);
  text.focus();
}

function tell(words) {
  notice.hidden = !words;
  notice.textContent = words ?? "";
}

/** The name of the operation under the caret, if the text has more than one. */
function chosen() {
  const found = [...text.value.matchAll(/^\s*(?:query|mutation)\s+(\w+)/gm)];
  const before = found.filter((each) => each.index <= text.selectionStart);
  return found.length > 1 ? (before.at(-1) ?? found[0])[1] : undefined;
}

/** What went wrong: of the whole request, and of each payload. */
function wrongs(body) {
  const whole = (body?.errors ?? []).map((each) => ({ ...each, code: each.extensions?.code }));
  const payloads = Object.entries(body?.data ?? {}).flatMap(([name, value]) =>
    (value?.errors ?? []).map((each) => ({ ...each, path: [name, ...(each.path ?? [])] })));
  return [...whole, ...payloads];
}

function showWrongs(found) {
  failures.hidden = !found.length;
  failures.replaceChildren(...found.map((each) => {
    const [item, code, place] = ["li", "b", "small"].map((tag) => document.createElement(tag));
    code.textContent = each.code ?? each.__typename ?? "error";
    const spot = each.locations?.[0];
    place.textContent = [each.path?.join("."), spot && `line ${spot.line}, column ${spot.column}`].filter(Boolean).join(" · ");
    item.append(code, each.message ?? "", place);
    return item;
  }));
}

function summary(answer) {
  const cost = answer.body?.extensions?.cost;
  const words = [`${answer.status}`, `${answer.ms} ms`, `${(answer.bytes / 1024).toFixed(1)} KB`];
  if (cost) words.push(`cost ${cost.actual ?? cost.requested}`);
  if (cost?.remaining !== undefined) words.push(`${cost.remaining.toLocaleString("en")} points left`);
  return words.join(" · ");
}

async function ask() {
  let values;
  try {
    values = JSON.parse(variables.value.trim() || "{}");
  } catch (error) {
    return tell(`the variables are no JSON: ${error.message}`);
  }
  tell(null);
  run.disabled = true;
  status.textContent = "asking …";
  try {
    const answer = await send({ query: text.value, variables: values, operationName: chosen() });
    status.textContent = summary(answer);
    colour(result, answer.body === null ? "" : JSON.stringify(answer.body, null, 2), JSON_TEXT);
    result.scrollTop = 0;
    showWrongs(wrongs(answer.body));
    if (answer.status === 401) tell(`${refusal(answer)}: log in above`);
  } catch {
    status.textContent = "no answer";
    tell("the server does not answer");
  } finally {
    run.disabled = false;
  }
}

let leaves = false; // Esc was pressed: the next Tab leaves the editor

function onKey(event) {
  if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
    event.preventDefault();
    ask();
  } else if (event.key === "Escape") {
    leaves = true;
  } else if (event.key === "Tab" && event.target === text && !event.shiftKey && !leaves) {
    event.preventDefault();
    text.setRangeText("  ", text.selectionStart, text.selectionEnd, "end");
    repaint();
  } else {
    leaves = event.key === "Shift" && leaves;
  }
}

text.addEventListener("input", repaint);
text.addEventListener("scroll", follow);
text.addEventListener("focus", () => { leaves = false; });
document.addEventListener("keydown", onKey);
run.addEventListener("click", ask);
openDoor(tell);
put(BEGIN);
offerExamples(at("examples"), (each) => put(each.text)).catch(() => tell("the examples could not be read"));
openSchema(at("pages"), at("search"), put).catch(() => tell("the schema could not be read"));
