// Making elements, and numbers for people. Text from models and servers enters as text only.
export const $ = (id) => document.getElementById(id);
// The page draws its pictures itself; where SVG lives is read off the page's own mark.
const SVG = $("mark").namespaceURI;

function fill(made, props, children) {
  for (const [key, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (key === "text") made.textContent = value;
    else if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children);
  return made;
}

export const el = (tag, props = {}, ...children) => fill(document.createElement(tag), props, children);
export const draw = (tag, props = {}, ...children) => fill(document.createElementNS(SVG, tag), props, children);

export function bytes(size) {
  for (const unit of ["bytes", "kB", "MB"]) {
    if (size < 1000) return `${unit === "bytes" ? Math.round(size) : size.toFixed(1)} ${unit}`;
    size /= 1000;
  }
  return `${size.toFixed(1)} GB`;
}

export function count(number) {
  for (const unit of ["", " k", " M", " G"]) {
    if (number < 1000) return unit ? `${number.toFixed(1)}${unit}` : String(Math.round(number));
    number /= 1000;
  }
  return `${number.toFixed(1)} T`;
}

export const shape = (sizes) => (sizes ? sizes.map((n) => n ?? "?").join(" × ") || "scalar" : "unknown");
export const short = (value) => (value === null ? "none" : Number(value.toPrecision(4)).toString());

/** A table in a region that scrolls; rows of texts, numbers to the right. */
export function table(label, heads, rows, numbers = []) {
  const right = (at) => (numbers.includes(at) ? "number" : undefined);
  const head = heads.map((text, at) => el("th", { scope: "col", class: right(at), text }));
  const body = rows.map((row) => el("tr", {}, ...row.map((text, at) => el("td", { class: right(at), text }))));
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": label },
    el("table", {}, el("thead", {}, el("tr", {}, ...head)), el("tbody", {}, ...body)));
}

/** What went wrong: layer, reason, remedy; one block for each finding besides. */
export function problems(problem) {
  const findings = problem.findings || [];
  // With findings the message is a heading and lists them after its first line.
  const message = findings.length ? String(problem.message).split("\n")[0] : problem.message;
  const covered = findings.some((one) => one.layer === problem.layer);
  const made = [block({ ...problem, message, where: problem.layer && !covered ? `Layer ${problem.layer}` : "" })];
  for (const one of findings) {
    made.push(block({ where: place(one), message: one.reason, remedy: one.remedy, severity: one.severity }));
  }
  return made;
}

/** Which layer a finding is about, and what the source calls it where that differs. */
export function place({ layer, op, origin }) {
  return `Layer ${layer} (${op}${origin && origin !== layer ? `, in the source ${origin}` : ""})`;
}

export function block({ where, message, remedy, severity }) {
  const made = el("div", { class: severity === "warning" ? "problem warning" : "problem" });
  if (where) made.append(el("p", { class: "where", text: where }));
  made.append(el("p", { text: String(message || "something went wrong") }));
  if (remedy) made.append(el("p", { text: `Try: ${remedy}` }));
  const here = FLAGS.filter(([flag]) => `${message} ${remedy}`.includes(flag)).map(([, field]) => field);
  if (here.length) made.append(el("p", { class: "note", text: `On this page: ${here.join(", ")}.` }));
  return made;
}

// Remedies speak the command line's language; these are its flags' fields here.
const FLAGS = [["--output", "“End at layers”"], ["--shape", "“Shape, if open”"], ["--layout", "“Its axes”"], ["--color", "“Its colours”"]];

/** Run after a pause in calls, with the last arguments. */
export function later(what, pause) {
  let timer = 0;
  return (...given) => {
    clearTimeout(timer);
    timer = setTimeout(() => what(...given), pause);
  };
}
