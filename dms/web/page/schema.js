// The schema as pages: root fields, types, fields, arguments; every name leads on, and a search finds them.
import { schema } from "./session.js";

const MOST_FOUND = 80;

function made(tag, ...inside) {
  const node = document.createElement(tag);
  node.append(...inside.filter((each) => each !== null && each !== undefined && each !== ""));
  return node;
}

/** A description: what stands in backticks is code. */
const prose = (words) => made("span", ...(words ?? "").split("`").map((part, at) => (at % 2 ? made("code", part) : part)));

const named = (type) => (type.ofType ? named(type.ofType) : type);
const written = (type) => (type.kind === "NON_NULL" ? `${written(type.ofType)}!` : type.kind === "LIST" ? `[${written(type.ofType)}]` : type.name);
const isLeaf = (type) => ["SCALAR", "ENUM"].includes(named(type).kind);
const isNeeded = (arg) => arg.type.kind === "NON_NULL" && arg.defaultValue === null;

function link(name, words = name) {
  const a = made("a", words);
  a.href = `#${name}`;
  return a;
}

function typeLink(type) {
  const [before, after] = written(type).split(named(type).name);
  return made("span", before, link(named(type).name), after);
}

/** Show the schema in `pages`; `put` takes the text of an operation made for a root field. */
export async function openSchema(pages, search, put) {
  const told = (await schema()).__schema;
  const types = new Map(told.types.filter((each) => !each.name.startsWith("__")).map((each) => [each.name, each]));
  const roots = [told.queryType.name, told.mutationType.name];

  function leaves(type, depth) {
    const fields = types.get(named(type).name)?.fields ?? [];
    const free = fields.filter((each) => !each.args.some(isNeeded) && !each.isDeprecated);
    const wanted = new Set(["nodes", "pageInfo", "errors"]);
    return free.flatMap((each) => {
      if (isLeaf(each.type)) return [each.name];
      const goesOn = wanted.has(each.name) || (depth > 0 && named(type).name.endsWith("Payload"));
      const below = goesOn ? leaves(each.type, depth - 1) : [];
      return below.length ? [`${each.name} { ${below.slice(0, 8).join(" ")} }`] : [];
    });
  }

  /** The text of an operation that asks a root field for what is plain in it. */
  function operation(root, field) {
    const args = field.args.filter((each) => isNeeded(each) || each.name === "first");
    const declared = args.map((each) => `$${each.name}: ${written(each.type)}${each.name === "first" ? " = 20" : ""}`);
    const passed = args.map((each) => `${each.name}: $${each.name}`);
    const brackets = (items) => (items.length ? `(${items.join(", ")})` : "");
    const inner = isLeaf(field.type) ? [] : leaves(field.type, 1);
    const body = isLeaf(field.type) ? "" : ` {\n    ${(inner.length ? inner : ["__typename"]).join("\n    ")}\n  }`;
    const name = field.name[0].toUpperCase() + field.name.slice(1);
    return `${root === roots[0] ? "query" : "mutation"} ${name}${brackets(declared)} {\n  ${field.name}${brackets(passed)}${body}\n}\n`;
  }

  function entry(owner, field, label) {
    const isRoot = roots.includes(owner);
    const name = made("span", label ?? field.name);
    if (field.isDeprecated) name.className = "old";
    const term = made("dt", name, field.type ? ": " : "", field.type && typeLink(field.type), (field.defaultValue ?? "null") === "null" ? "" : ` = ${field.defaultValue}`);
    if (isRoot) {
      const button = made("button", "use");
      button.type = "button";
      button.setAttribute("aria-label", `use ${field.name} in the editor`);
      button.addEventListener("click", () => put(operation(owner, field)));
      term.append(button);
    }
    const about = made("dd", prose(field.description), field.isDeprecated ? ` Deprecated: ${field.deprecationReason}` : "");
    if (field.args?.length) {
      const list = made("dl", ...field.args.flatMap((each) => entry("", each)));
      list.className = "args";
      about.append(isRoot ? made("details", made("summary", `arguments: ${field.args.map((each) => each.name).join(", ")}`), list) : list);
    }
    return [term, about];
  }

  const block = (title, items, show) => (items?.length ? [made("h4", title), show(items)] : []);
  const fieldList = (owner) => (items) => made("dl", ...items.flatMap((each) => entry(owner, each)));
  const linkList = (items) => made("p", ...items.flatMap((each, at) => [at ? ", " : "", link(each.name)]));

  function page(type) {
    const trail = made("p", link("", "all"), ` › ${type.name}`);
    trail.className = "trail";
    return [trail, made("h3", type.name, made("small", type.kind.toLowerCase().replace("_", " "), type.isOneOf ? ": exactly one of these" : "")), made("p", prose(type.description)),
      ...block("implements", type.interfaces, linkList),
      ...block("fields", type.fields, fieldList(type.name)),
      ...block("input fields", type.inputFields, fieldList("")),
      ...block("values", type.enumValues, fieldList("")),
      ...block("possible types", type.possibleTypes, linkList)];
  }

  function home() {
    const others = [...types.values()].filter((each) => !roots.includes(each.name));
    return [...roots.flatMap((root) => block(root === roots[0] ? "queries" : "mutations", types.get(root).fields, fieldList(root))),
      ...block("types", others, linkList)];
  }

  function found(words) {
    const fits = (name) => name.toLowerCase().includes(words);
    const kinds = [...types.values()].filter((each) => fits(each.name));
    const fields = [...types.values()].flatMap((type) => (type.fields ?? type.inputFields ?? []).filter((each) => fits(each.name)).map((each) => [type.name, each]));
    const rank = ([owner, each]) => (roots.includes(owner) ? 0 : 2) + (each.name.toLowerCase().startsWith(words) ? 0 : 1);
    fields.sort((one, other) => rank(one) - rank(other));
    const shown = fields.slice(0, MOST_FOUND).flatMap(([owner, each]) => entry(owner, { ...each, args: [] }, made("span", link(owner), `.${each.name}`)));
    const more = fields.length > MOST_FOUND ? [made("p", `and ${fields.length - MOST_FOUND} more fields`)] : [];
    const none = kinds.length + fields.length ? [] : [made("p", "nothing has this name")];
    return [...none, ...block("types", kinds.slice(0, MOST_FOUND), linkList), ...block("fields", fields, () => made("dl", ...shown)), ...more];
  }

  function show() {
    const type = types.get(decodeURIComponent(location.hash.slice(1)));
    const words = search.value.trim().toLowerCase();
    pages.replaceChildren(...(words ? found(words) : type ? page(type) : home()));
    pages.scrollTop = 0;
  }

  addEventListener("hashchange", () => { search.value = ""; show(); });
  search.addEventListener("input", show);
  show();
}
