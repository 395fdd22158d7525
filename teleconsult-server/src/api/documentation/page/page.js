"use strict";

// Shows the description beside this page. Whatever it holds becomes text, never markup.

const METHODS = ["get", "post", "patch", "delete"];
const FORM = "multipart/form-data";
let description;

function element(name, attributes, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes || {})) {
    if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== ""));
  return made;
}

// Texts in the description mark code with backticks.
function prose(text) {
  const parts = (text || "").split("`");
  return parts.map((part, n) => (n % 2 ? element("code", {}, part) : part)).filter((part) => part !== "");
}

function resolved(schema) {
  if (!schema || !schema.$ref) return schema;
  return schema.$ref.split("/").slice(1).reduce((at, key) => at[key], description);
}

function schemaName(schema) {
  return schema && schema.$ref ? schema.$ref.split("/").pop() : undefined;
}

function kind(schema) {
  const name = schemaName(schema);
  if (name) return [element("a", { href: "#schema-" + name }, name)];
  const inner = schema.allOf || schema.anyOf || schema.oneOf;
  let shown;
  if (!schema.type && inner) {
    const known = inner.filter((one) => one.$ref || one.type);
    shown = known.flatMap((one, n) => (n ? [" or ", ...kind(one)] : kind(one)));
  } else if (schema.type === "array") {
    shown = ["list of ", ...kind(schema.items || {})];
  } else {
    shown = [schema.type || "any", schema.format ? " (" + schema.format + ")" : ""];
  }
  return schema.nullable ? [...shown, " or null"] : shown;
}

function limits(schema) {
  const found = [];
  const range = (least, most, unit) => {
    if (least !== undefined && least === most) found.push(`exactly ${least}${unit}`);
    else if (least !== undefined && most !== undefined) found.push(`${least} to ${most}${unit}`);
    else if (least === 1 && unit) found.push("not empty");
    else if (least !== undefined) found.push(`at least ${least}${unit}`);
    else if (most !== undefined) found.push(`at most ${most}${unit}`);
  };
  range(schema.minimum, schema.maximum, "");
  range(schema.minLength, schema.maxLength, " characters");
  range(schema.minItems, schema.maxItems, " items");
  if (schema.enum) found.push("one of " + schema.enum.join(", "));
  if (schema.default !== undefined) found.push("default " + schema.default);
  return found.join("; ");
}

function table(head, rows) {
  const line = (cell, cells) => element("tr", {}, ...cells.map((content) => element(cell, {}, ...[content].flat())));
  return element("div", { class: "scroll" },
    element("table", {}, element("thead", {}, line("th", head)), element("tbody", {}, ...rows.map((row) => line("td", row)))));
}

function fields(schema) {
  if (!schema.properties) return element("p", {}, ...kind(schema));
  const required = schema.required || [];
  const rows = Object.entries(schema.properties || {}).map(([name, field]) => [
    [element("code", {}, name), required.includes(name) ? "" : element("span", { class: "soft" }, " optional")],
    kind(field),
    [...prose(field.description), element("div", { class: "soft" }, limits(field.type === "array" ? { ...field.items, ...field } : field))],
  ]);
  return table(["Field", "Kind", "Meaning and limits"], rows);
}

function example(value) {
  return element("pre", { tabindex: "0" }, typeof value === "string" ? value : JSON.stringify(value, null, 2));
}

function response(status, described) {
  const shown = element("details", {}, element("summary", {}, element("span", { class: "status" }, status), " ", ...prose(described.description)));
  for (const [media, content] of Object.entries(described.content || {})) {
    shown.append(element("p", { class: "soft" }, media, ": ", ...kind(content.schema)));
    if (content.example !== undefined) shown.append(example(content.example));
    for (const one of Object.values(content.examples || {})) {
      shown.append(element("p", {}, ...prose(one.summary)), example(one.value));
    }
  }
  if (!described.content) shown.append(element("p", { class: "soft" }, "No body."));
  for (const [name, header] of Object.entries(described.headers || {})) {
    shown.append(element("p", { class: "soft" }, "Header ", element("code", {}, name), ": ", header.description));
  }
  return shown;
}

// What is sent: the media type, and its schema and example.
function sent(operation) {
  return operation.requestBody ? Object.entries(operation.requestBody.content)[0] : [];
}

// Where the API is, seen from this page: a gateway may have put something before our paths.
function before() {
  const here = location.pathname.replace(/\/documentation\/.*$/, "");
  const prefix = description["x-service-prefix"];
  return prefix && here.endsWith(prefix) ? here.slice(0, -prefix.length) : here;
}

function tryIt(method, path, operation) {
  const inputs = (operation.parameters || []).map((parameter) => {
    const input = parameter.schema.type === "boolean"
      ? element("select", {}, ...["", "true", "false"].map((value) => element("option", {}, value)))
      : element("input", { value: parameter.required ? parameter.example : undefined, autocomplete: "off" });
    return { parameter, input, label: element("label", {}, `${parameter.name} (${parameter.in})`, input) };
  });
  const [media, content] = sent(operation);
  const isForm = media === FORM;
  const body = content && !isForm && element("textarea", { spellcheck: "false" });
  if (body) body.value = JSON.stringify(content.example, null, 2);
  const files = isForm ? Object.keys(resolved(content.schema).properties).map((name) => {
    const input = element("input", { type: "file" });
    return { name, input, label: element("label", {}, `${name} (file)`, input) };
  }) : [];
  const result = element("div", { "aria-live": "polite" });
  const form = element("form", {}, ...[...inputs, ...files].map((one) => one.label),
    body ? element("label", {}, "Body", body) : "", element("button", {}, "Send"), result);
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    let url = before() + path;
    const query = new URLSearchParams();
    const headers = {};
    for (const { parameter, input } of inputs) {
      if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(input.value));
      else if (input.value === "") continue;
      else if (parameter.in === "query") query.set(parameter.name, input.value);
      else headers[parameter.name] = input.value;
    }
    if (body && body.value.trim()) headers["content-type"] = "application/json";
    const options = { method: method.toUpperCase(), headers };
    if (headers["content-type"]) options.body = body.value;
    if (isForm) {
      // The browser writes the content type itself, with the boundary that it chose.
      options.body = new FormData();
      for (const { name, input } of files) if (input.files[0]) options.body.append(name, input.files[0]);
    }
    try {
      const response = await fetch(url + (query.size ? "?" + query : ""), options);
      let text = await response.text();
      try { text = JSON.stringify(JSON.parse(text), null, 2); } catch { /* No JSON: shown as it is. */ }
      result.replaceChildren(element("p", {}, element("span", { class: "status" }, String(response.status)), " ", response.statusText), text ? example(text) : "");
    } catch (error) {
      result.replaceChildren(element("p", {}, "The server cannot be reached: " + error.message));
    }
  });
  return element("details", {}, element("summary", {}, "Try it on this server"), form);
}

function article(method, path, operation) {
  const shown = element("article", { id: operation.operationId },
    element("h3", {}, operation.summary),
    element("p", { class: "address" }, element("span", { class: "method " + method }, method.toUpperCase()), path),
    element("p", {}, ...prose(operation.description)));
  if (operation.parameters.length) {
    shown.append(element("h4", {}, "Parameters"), table(["Name", "Kind", "Meaning and limits"], operation.parameters.map((parameter) => [
      [element("code", {}, parameter.name), element("span", { class: "soft" }, " " + parameter.in + (parameter.required ? "" : ", optional"))],
      kind(parameter.schema),
      [...prose(parameter.description), element("div", { class: "soft" }, limits(parameter.schema))],
    ])));
  }
  if (operation.requestBody) {
    const [media, content] = sent(operation);
    shown.append(element("h4", {}, "Body"),
      element("p", {}, element("span", { class: "soft" }, media + ": "), ...kind(content.schema), operation.requestBody.required ? ". " : ", optional. ", operation.requestBody.description),
      fields(resolved(content.schema)));
    if (media !== FORM) shown.append(element("h4", {}, "Example"), example(content.example));
  }
  shown.append(element("h4", {}, "Responses"),
    ...Object.entries(operation.responses).map(([status, described]) => response(status, described)), tryIt(method, path, operation));
  return shown;
}

function show() {
  document.title = description.info.title + " API";
  document.getElementById("title").replaceChildren(description.info.title + " ", element("small", {}, description.info.version));
  document.getElementById("about").textContent = description.info.description;
  const groups = new Map();
  for (const [path, item] of Object.entries(description.paths)) {
    for (const method of METHODS.filter((method) => item[method])) {
      const [tag] = item[method].tags;
      groups.set(tag, [...(groups.get(tag) || []), [method, path, item[method]]]);
    }
  }
  const contents = [];
  const main = [];
  for (const [tag, operations] of groups) {
    contents.push(element("h2", {}, tag));
    main.push(element("h2", {}, tag));
    for (const [method, path, operation] of operations) {
      contents.push(element("a", { href: "#" + operation.operationId }, operation.summary));
      main.push(article(method, path, operation));
    }
  }
  contents.push(element("h2", {}, "Schemas"));
  main.push(element("h2", {}, "Schemas"));
  for (const [name, schema] of Object.entries(description.components.schemas)) {
    contents.push(element("a", { href: "#schema-" + name }, name));
    main.push(element("article", { id: "schema-" + name }, element("h3", {}, name), element("p", {}, ...prose(schema.description)), fields(schema)));
  }
  document.getElementById("contents").replaceChildren(...contents);
  document.getElementById("main").replaceChildren(...main);
  if (location.hash) {
    const place = document.getElementById(location.hash.slice(1));
    if (place) place.scrollIntoView();
  }
}

fetch("json").then((response) => response.json()).then((read) => { description = read; show(); })
  .catch((error) => { document.getElementById("main").textContent = "The description cannot be read: " + error.message; });
