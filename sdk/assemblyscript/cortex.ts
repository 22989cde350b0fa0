// cortex.ts - writes a Cortex Host generator in AssemblyScript. See sdk/generator/SPEC.md.
//
//   npm install assemblyscript @assemblyscript/wasi-shim
//   npx asc capitals.ts -O3 --runtime incremental --config ./node_modules/@assemblyscript/wasi-shim/asconfig.json -o capitals.part
//   cortex-host generator pack --manifest manifest.json -o capitals.wasm capitals.part
//
// Input.begin reads the header, Input.next each item's record; prompt, query and
// fail print records. JSON from the host is valid, so it is only walked through.

/** The length of the JSON value at `at`. */
function skip(s: string, at: i32): i32 {
  let depth = 0, text = false;
  for (let i = at; i < s.length; i++) {
    const c = s.charCodeAt(i);
    if (text) {
      if (c == 0x5c) i++;
      else if (c == 0x22) { text = false; if (depth == 0) return i + 1; }
    } else if (c == 0x22) text = true;
    else if (c == 0x7b || c == 0x5b) depth++;
    else if (c == 0x7d || c == 0x5d) { if (depth == 0) return i; if (--depth == 0) return i + 1; }
    else if (depth == 0 && (c == 0x2c || c == 0x3a)) return i;
  }
  return s.length;
}

/** The member of an object as JSON, "" if it is not there. The host writes no white space between tokens. */
export function get(object: string, name: string): string {
  if (!object.startsWith("{")) return "";
  for (let at = 1; object.charAt(at) == '"'; ) {
    const value = skip(object, at) + 1, end = skip(object, value);
    if (object.substring(at + 1, value - 2) == name) return object.substring(value, end);
    at = end + (object.charAt(end) == "," ? 1 : 0);
  }
  return "";
}

/** The text of a JSON string, "" for anything else. */
export function text(json: string): string {
  if (!json.startsWith('"')) return "";
  const s = json.substring(1, json.length - 1);
  if (!s.includes("\\")) return s;
  let out = "", from = 0;
  for (let i = s.indexOf("\\"); i >= 0; i = s.indexOf("\\", from)) {
    out += s.substring(from, i);
    const c = s.charAt(i + 1);
    from = i + 2;
    if (c == "u") { out += String.fromCharCode(<i32>parseInt(s.substr(i + 2, 4), 16)); from += 4; }
    else if (c == "n") out += "\n";
    else if (c == "t") out += "\t";
    else if (c == "r") out += "\r";
    else if (c == "b") out += "\b";
    else if (c == "f") out += "\f";
    else out += c;
  }
  return out + s.substring(from);
}

export function member(object: string, name: string): string { return text(get(object, name)); }

function quote(s: string): string {
  let out = '"', from = 0;
  for (let i = 0; i < s.length; i++) {
    const c = s.charCodeAt(i);
    if (c >= 0x20 && c != 0x22 && c != 0x5c) continue;
    out += s.substring(from, i);
    from = i + 1;
    if (c == 0x22 || c == 0x5c) out += "\\" + String.fromCharCode(c);
    else out += "\\u" + c.toString(16).padStart(4, "0");
  }
  return out + s.substring(from) + '"';
}

/** Replaces {name} in a template; what was filled in is not looked at again. */
export function fill(template: string, names: string[], texts: string[]): string {
  let out = "", from = 0;
  for (let i = template.indexOf("{"); i >= 0; i = template.indexOf("{", i)) {
    let k = 0;
    while (k < names.length && template.substr(i + 1, names[k].length + 1) != names[k] + "}") k++;
    if (k == names.length) { i++; continue; }
    out += template.substring(from, i) + texts[k];
    from = i += names[k].length + 2;
  }
  return out + template.substring(from);
}

let owed = "";
function owe(record: string): void { owed += record + "\n"; if (owed.length > 32768) flush(); }
function flush(): void {
  if (owed.length) process.stdout.write(String.UTF8.encode(owed));
  owed = "";
}
function field(before: string, s: string): string { return s.length ? before + quote(s) : ""; }

export function prompt(id: string, system: string): void {
  owe('{"prompt":{"id":' + quote(id) + ',"messages":[{"role":"system","content":' + quote(system) + "}]}}");
}
export function query(id: string, use: string, user: string, task: string = "", metaName: string = "", metaText: string = ""): void {
  owe('{"id":' + quote(id) + field(',"use":', use) + ',"messages":[{"role":"user","content":' + quote(user) + "}]" +
    field(',"task_type":', task) + (metaName.length ? ',"metadata":{' + quote(metaName) + ":" + quote(metaText) + "}" : "") + "}");
}
export function fail(id: string, message: string): void {
  owe('{"error":{"id":' + quote(id) + ',"message":' + quote(message) + "}}");
}
/** Ends the generator with an error. */
export function die(message: string): void { flush(); process.stderr.write(message + "\n"); process.exit(1); }

/** The records of the input. */
export class Input {
  private buffer: Uint8Array = new Uint8Array(65536);
  private at: i32 = 0;
  private end: i32 = 0;

  /** Reads the header. */
  begin(): string {
    const head = this.next();
    if (get(head, "abi") != "1") die("this generator speaks ABI 1");
    return head;
  }

  /** Reads the next record, "" at the end. What is owed is printed before it waits. */
  next(): string {
    let from = this.at;
    while (true) {
      for (let i = from; i < this.end; i++) {
        if (unchecked(this.buffer[i]) != 10) continue;
        const line = String.UTF8.decodeUnsafe(this.buffer.dataStart + this.at, i - this.at);
        this.at = i + 1;
        return line;
      }
      flush();
      const rest = this.end - this.at;
      let room = this.buffer;
      if (room.length - rest < 32768) room = new Uint8Array(room.length * 2);
      memory.copy(room.dataStart, this.buffer.dataStart + this.at, rest);
      this.buffer = room;
      this.at = 0;
      from = this.end = rest;
      const n = process.stdin.read(room.buffer, rest);
      if (n <= 0) break;
      this.end += <i32>n;
    }
    return "";
  }
}
