// cortex.ts - a Cortex Host generator in AssemblyScript; the contract is sdk/generator/SPEC.md.
//
//   npm install assemblyscript @assemblyscript/wasi-shim
//   npx asc capitals.ts -O3 --runtime incremental --config ./node_modules/@assemblyscript/wasi-shim/asconfig.json -o capitals.part
//   cortex-host generator pack --manifest manifest.json -o capitals.wasm capitals.part
//
// begin reads the header and next each item's record; get finds a member of such JSON and text reads its text;
// fill puts texts into a template. prompt, query and fail print records.

/** Where the JSON value at `at` ends. What the host writes is valid, without white space: it is only walked through. */
function skip(json: string, at: i32): i32 {
  let depth = 0, text = false;
  for (; at < json.length; at++) {
    const c = json.charCodeAt(at), open = c == 0x7b || c == 0x5b, close = c == 0x7d || c == 0x5d; // {[ ]}
    if (c == 0x5c) at++; // a backslash
    else if (c == 0x22) text = !text;
    else if (text) continue;
    else if (depth == 0 && (close || c == 0x2c || c == 0x3a)) return at; // , :
    else depth += i32(open) - i32(close);
  }
  return json.length;
}

/** The member of an object, as JSON, "" if it is not there. */
export function get(object: string, name: string): string {
  for (let at = 1; object.startsWith("{") && object.charAt(at) == '"'; at++) {
    const colon = skip(object, at), end = skip(object, colon + 1);
    if (object.substring(at + 1, colon - 1) == name) return object.substring(colon + 1, end);
    at = end;
  }
  return "";
}

/** The text of a JSON string, "" of anything else. */
export function text(json: string): string {
  if (!json.startsWith('"')) return "";
  const parts = json.substring(1, json.length - 1).replaceAll("\\\\", "\\u005c").split("\\");
  for (let i = 1; i < parts.length; i++) {
    const p = parts[i], c = p.charAt(0), control = "nrt".indexOf(c);
    if (c == "u") parts[i] = String.fromCharCode(<i32>parseInt(p.substr(1, 4), 16)) + p.substring(5);
    else if (control >= 0) parts[i] = "\n\r\t".charAt(control) + p.substring(1);
  }
  return parts.join("");
}
export function member(object: string, name: string): string { return text(get(object, name)); }

/** The template with each {name} replaced by the text of that field. */
export function fill(template: string, names: string[], texts: string[]): string {
  const parts = template.split("{");
  for (let i = 1; i < parts.length; i++) {
    const end = parts[i].indexOf("}"), k = end < 0 ? -1 : names.indexOf(parts[i].substring(0, end));
    parts[i] = k < 0 ? "{" + parts[i] : texts[k] + parts[i].substring(end + 1);
  }
  return parts.join("");
}

function quote(s: string): string {
  let out = '"', from = 0;
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i);
    if (c >= 32 && c != 34 && c != 92) continue;
    out += s.substring(from, i) + "\\u" + c.toString(16).padStart(4, "0");
    from = i + 1;
  }
  return out + s.substring(from) + '"';
}

export function prompt(id: string, system: string): void {
  print('{"prompt":{"id":' + quote(id) + ',"messages":[{"role":"system","content":' + quote(system) + "}]}}");
}
export function fail(id: string, message: string): void {
  print('{"error":{"id":' + quote(id) + ',"message":' + quote(message) + "}}");
}
/** Prints a query. What is "" is left out. */
export function query(id: string, use: string, user: string, task: string = "", meta: string = "", value: string = ""): void {
  let record = '{"id":' + quote(id);
  if (use.length) record += ',"use":' + quote(use);
  if (task.length) record += ',"task_type":' + quote(task);
  if (meta.length) record += ',"metadata":{' + quote(meta) + ":" + quote(value) + "}";
  print(record + ',"messages":[{"role":"user","content":' + quote(user) + "}]}");
}
function print(record: string): void { process.stdout.write(record + "\n"); }

/** Ends the generator with an error. */
export function die(message: string): void { process.stderr.write(message + "\n"); process.exit(1); }

/** Reads the header. */
export function begin(): string {
  const head = next();
  if (get(head, "abi") != "1") die("no header of ABI 1");
  return head;
}

let input = new Uint8Array(65536), at = 0, end = 0;

/** Reads the next item's record, "" at the end. */
export function next(): string {
  for (let i = at; ; i++) {
    if (i == end) {
      const room = new Uint8Array(max(65536, 2 * (end - at))), rest = end - at;
      memory.copy(room.dataStart, input.dataStart + at, rest);
      const n = <i32>process.stdin.read(room.buffer, rest);
      if (n <= 0) return "";
      input = room, at = 0, i = rest, end = rest + n;
    }
    if (input[i] != 10) continue;
    const line = String.UTF8.decodeUnsafe(input.dataStart + at, i - at);
    at = i + 1;
    return line;
  }
}
