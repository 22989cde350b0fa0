// The package generator once more, in AssemblyScript: it must print what wasm-generators/package prints.
import { begin, die, fail, fill, get, member, next, prompt, query, text } from "../cortex";

const MAX_NAME = 200;

function packageName(item: string): string {
  if (!item.startsWith("{")) return trim(text(item));
  const name = member(item, "package");
  return name.length ? name : member(item, "name");
}

function blank(c: i32): bool { return c == 32 || c == 9 || c == 13 || c == 10; }

function trim(s: string): string {
  let from = 0, to = s.length;
  while (from < to && blank(s.charCodeAt(from))) from++;
  while (to > from && blank(s.charCodeAt(to - 1))) to--;
  return s.substring(from, to);
}

function isName(name: string): bool {
  for (let i = 0; i < name.length; i++) {
    if (name.charCodeAt(i) <= 32 || name.charCodeAt(i) == 127) return false;
  }
  return name.length > 0 && String.UTF8.byteLength(name) <= MAX_NAME;
}

function version(facts: string, name: string, otherwise: string): string {
  if (!facts.length) return "not known";
  const value = member(facts, name);
  return value.length ? value : otherwise;
}

const head = begin();
const system = member(get(head, "params"), "system");
const template = member(get(head, "params"), "template");
if (!template.length) die('the parameter "template" is empty');
if (system.length) prompt("system", system);
const osFacts = get(get(head, "facts"), "os");
const arch = member(osFacts, "architecture");
let os = member(osFacts, "name");
if (!os.length) os = "not known";
else if (arch.length) os += ", " + arch;

for (let record = next(); record.length; record = next()) {
  const name = packageName(get(record, "item"));
  if (!isName(name)) {
    fail("pkg_" + (String.UTF8.byteLength(name) > MAX_NAME ? "" : name), "this is no package name: use one name an item, without spaces");
    continue;
  }
  const facts = get(get(record, "facts"), "package");
  const user = fill(template, ["package", "installed", "candidate", "architecture", "os"], [
    name, version(facts, "installed", "not installed"), version(facts, "candidate", "none"), version(facts, "architecture", "unknown"), os]);
  query("pkg_" + name, system.length ? "system" : "", user, "system_operation", "package", name);
}
