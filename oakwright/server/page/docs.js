// The API's description (OpenAPI) as a page: endpoints by their tags, then the shapes of data.
import "./theme.js";
import { $, block, el, table } from "./dom.js";
import { get, whenLocked } from "./api.js";

const DEEPEST = 6; // of a type's text; a description that names itself must end

function typeText(schema = {}, depth = 0) {
  if (depth > DEEPEST) return "…";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if ("const" in schema) return JSON.stringify(schema.const);
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" or ");
  const some = schema.anyOf || schema.oneOf || schema.allOf;
  if (some) return [...new Set(some.map((one) => typeText(one, depth + 1)))].join(" or ");
  if (schema.type === "array") return schema.prefixItems ? `[${schema.prefixItems.map((one) => typeText(one, depth + 1)).join(", ")}]` : `list of ${typeText(schema.items, depth + 1)}`;
  if (schema.type === "object" && typeof schema.additionalProperties === "object") return `object of ${typeText(schema.additionalProperties, depth + 1)}`;
  return schema.contentMediaType ? "file" : schema.type || "anything";
}

function bounds(schema = {}) {
  const parts = [];
  const words = { minimum: "at least", exclusiveMinimum: "more than", maximum: "at most", exclusiveMaximum: "less than", maxLength: "at most this long:", maxItems: "at most this many:" };
  for (const [key, text] of Object.entries(words)) if (key in schema) parts.push(`${text} ${schema[key]}`);
  if (schema.default !== undefined && schema.default !== null && schema.default !== "") parts.push(`${JSON.stringify(schema.default)} unless said`);
  if (schema.examples) parts.push(`e.g. ${schema.examples.map((value) => JSON.stringify(value)).join(", ")}`);
  return parts.join("; ");
}

function fields(label, schema) {
  const needed = new Set(schema.required || []);
  const rows = Object.entries(schema.properties || {}).map(([name, one]) =>
    [name, typeText(one), needed.has(name) ? "yes" : "no", [one.description, bounds(one)].filter(Boolean).join("; ")]);
  return rows.length ? table(label, ["field", "type", "needed", "what"], rows) : el("p", { text: typeText(schema) });
}

function endpoint(api, path, verb, one) {
  const made = el("details", { class: "endpoint" },
    el("summary", {}, el("span", { class: "verb", text: verb.toUpperCase() }), el("code", { text: path }), el("span", { text: one.summary || "" })));
  const said = one.description || "";
  if (said) made.append(el("p", { text: said.replaceAll("`", "") }));
  if (one.parameters?.length) {
    made.append(el("h3", { text: "Parameters" }), table(`Parameters of ${verb} ${path}`, ["name", "in", "type", "needed", "what"],
      one.parameters.map((row) => [row.name, row.in, typeText(row.schema), row.required ? "yes" : "no", [row.description, bounds(row.schema)].filter(Boolean).join("; ")])));
  }
  for (const [kind, { schema }] of Object.entries(one.requestBody?.content || {})) {
    const whole = schema.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema;
    made.append(el("h3", { text: `Body, ${kind}` }), fields(`Body of ${verb} ${path}`, whole));
  }
  const answers = Object.entries(one.responses || {}).map(([status, row]) => {
    const [kind, body] = Object.entries(row.content || {})[0] || ["", {}];
    return [status, row.description || "", kind, body.schema ? typeText(body.schema) : ""];
  });
  made.append(el("h3", { text: "Answers" }), table(`Answers of ${verb} ${path}`, ["status", "what", "kind", "type"], answers));
  return made;
}

async function show() {
  const api = await get("openapi.json");
  $("about").textContent = `${api.info.title} ${api.info.version}. ${api.info.description.replaceAll("`", "")}`;
  const here = new URL(".", location.href).href;
  $("example").textContent = [
    `curl -F files=@model.onnx -F 'options={"range": "0..1", "color": "RGB->BGR"}' ${here}api/v1/jobs`,
    `curl -N ${here}api/v1/jobs/ID/events`, `curl -OJ ${here}api/v1/jobs/ID/result`].join("\n");
  const tags = new Map();
  for (const [path, verbs] of Object.entries(api.paths)) {
    for (const [verb, one] of Object.entries(verbs)) {
      const tag = one.tags?.[0] || "others";
      tags.set(tag, [...(tags.get(tag) || []), endpoint(api, path, verb, one)]);
    }
  }
  for (const [tag, made] of tags) {
    $("endpoints").append(el("section", { class: "card", "aria-labelledby": `tag-${tag}` }, el("h2", { id: `tag-${tag}`, text: tag }), ...made));
  }
  for (const [name, schema] of Object.entries(api.components?.schemas || {})) {
    $("schemas").append(el("details", { class: "endpoint" }, el("summary", {}, el("code", { text: name })),
      el("p", { text: (schema.description || "").replaceAll("`", "") }), fields(name, schema)));
  }
}

whenLocked(() => { location.href = "."; }); // where the key is asked for
show().catch((problem) => $("problem").replaceChildren(block(problem)));
