//! cortex.rs - a Cortex Host generator in Rust; the contract is sdk/generator/SPEC.md.
//!
//!     rustc -O --target wasm32-wasi -C strip=symbols -o capitals.part capitals.rs
//!     cortex-host generator pack --manifest manifest.json -o capitals.wasm capitals.part
//!
//! `begin` reads the header and `next` each item's record; `get` finds a member of such JSON and `text` reads its
//! text; `fill` puts texts into a template. `prompt`, `query` and `fail` print records. There is nothing to install:
//! a generator includes this file as a module.

use std::io;

/// The member of an object, as JSON, "" if it is not there. The host writes no white space between tokens.
pub fn get<'a>(object: &'a str, name: &str) -> &'a str {
    let mut rest = object.strip_prefix('{').unwrap_or("");
    while rest.starts_with('"') {
        let (key, after) = rest.split_at(skip(rest));
        let value = after.strip_prefix(':').unwrap_or("");
        let end = skip(value);
        if key.trim_matches('"') == name { return &value[..end]; }
        rest = value[end..].trim_start_matches(',');
    }
    ""
}

/// The text of a JSON string, "" of anything else.
pub fn text(json: &str) -> String {
    let (mut out, inner) = (String::new(), json.strip_prefix('"').and_then(|s| s.strip_suffix('"')).unwrap_or(""));
    let mut chars = inner.chars();
    while let Some(c) = chars.next() {
        out.push(if c != '\\' { c } else {
            match chars.next().unwrap_or(c) {
                'u' => char::from(u8::from_str_radix(&chars.by_ref().take(4).collect::<String>(), 16).unwrap_or(b'?')),
                'n' => '\n', 'r' => '\r', 't' => '\t', c => c,
            }
        });
    }
    out
}

/// Where a JSON value ends. What the host writes is valid, so it is only walked through.
fn skip(json: &str) -> usize {
    let (mut depth, mut text, mut escaped) = (0, false, false);
    for (i, c) in json.bytes().enumerate() {
        match c {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => text = !text,
            _ if text => {}
            b'{' | b'[' => depth += 1,
            b',' | b':' | b'}' | b']' if depth == 0 => return i,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
    }
    json.len()
}

/// The template with each {name} replaced by the text of that field.
pub fn fill(template: &str, fields: &[(&str, &str)]) -> String {
    let (mut out, mut rest) = (String::new(), template);
    while let Some(open) = rest.find('{') {
        let field = fields.iter().find(|f| rest[open + 1..].strip_prefix(f.0).map_or(false, |s| s.starts_with('}')));
        let (text, size) = field.map_or(("{", 1), |f| (f.1, f.0.len() + 2));
        out = out + &rest[..open] + text;
        rest = &rest[open + size..];
    }
    out + rest
}

fn quote(text: &str) -> String {
    let mut out = String::from("\"");
    for c in text.chars() {
        if c < ' ' || c == '"' || c == '\\' { out += &format!("\\u{:04x}", c as u32) } else { out.push(c) }
    }
    out + "\""
}

/// Ends the generator with an error.
pub fn die(message: &str) -> ! {
    eprintln!("{}", message);
    std::process::exit(1)
}

/// Reads the header.
pub fn begin() -> String {
    let head = next().unwrap_or_default();
    if get(&head, "abi") != "1" { die("no header of ABI 1") }
    head
}

/// The next item's record, None at the end.
pub fn next() -> Option<String> {
    let mut line = String::new();
    io::stdin().read_line(&mut line).ok().filter(|_| line.ends_with('\n')).map(|_| line)
}

pub fn prompt(id: &str, system: &str) {
    let (id, system) = (quote(id), quote(system));
    println!("{{\"prompt\":{{\"id\":{},\"messages\":[{{\"role\":\"system\",\"content\":{}}}]}}}}", id, system);
}

#[allow(dead_code)]
pub fn fail(id: &str, message: &str) {
    println!("{{\"error\":{{\"id\":{},\"message\":{}}}}}", quote(id), quote(message));
}

/// Prints a query. `prompt`, `task` and `metadata` may be empty.
pub fn query(id: &str, prompt: &str, user: &str, task: &str, metadata: &[(&str, &str)]) {
    let member = |name, s: &str| if s.is_empty() { String::new() } else { format!(",\"{}\":{}", name, quote(s)) };
    let (prompt, task) = (member("use", prompt), member("task_type", task));
    let fields = metadata.iter().map(|f| quote(f.0) + ":" + &quote(f.1)).collect::<Vec<_>>().join(",");
    let messages = format!("[{{\"role\":\"user\",\"content\":{}}}]", quote(user));
    println!("{{\"id\":{}{}{},\"metadata\":{{{}}},\"messages\":{}}}", quote(id), prompt, task, fields, messages);
}
