//! cortex.rs - writes a Cortex Host generator in Rust. See sdk/generator/SPEC.md.
//!
//!     rustc -O --target wasm32-wasi -C strip=symbols -o capitals.part capitals.rs
//!     cortex-host generator pack --manifest manifest.json -o capitals.wasm capitals.part
//!
//! `run` reads the header and calls a function for each item; `Out` prints records.
//! There is nothing to install: a generator includes this file as a module.

use std::io::{self, BufRead, Write};

/// A piece of JSON that the host wrote, which is therefore valid. The empty one is not there.
#[derive(Clone, Copy, Default)]
pub struct Value<'a>(pub &'a str);

impl<'a> Value<'a> {
    pub fn exists(&self) -> bool { !self.0.is_empty() && self.0 != "null" }
    pub fn is_object(&self) -> bool { self.0.starts_with('{') }

    /// The member of an object. The host writes no white space between tokens.
    pub fn get(&self, name: &str) -> Value<'a> {
        let mut rest = self.0.strip_prefix('{').unwrap_or("");
        while rest.starts_with('"') {
            let (key, after) = rest.split_at(skip(rest));
            let (value, after) = after[1..].split_at(skip(&after[1..]));
            if &key[1..key.len() - 1] == name { return Value(value); }
            rest = after.trim_start_matches(',');
        }
        Value("")
    }

    /// The text of a string, "" for anything else.
    pub fn text(&self) -> String {
        if self.0.starts_with('"') { unquote(&self.0[1..self.0.len() - 1]) } else { String::new() }
    }
}

/// How many bytes the value at the beginning takes.
fn skip(s: &str) -> usize {
    let (b, mut depth, mut text, mut i) = (s.as_bytes(), 0, false, 0);
    while i < b.len() {
        match b[i] {
            b'\\' if text => i += 1,
            b'"' if text => { text = false; if depth == 0 { return i + 1; } }
            _ if text => {}
            b'"' => text = true,
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth == 0 => return i,
            b'}' | b']' => { depth -= 1; if depth == 0 { return i + 1; } }
            b',' | b':' if depth == 0 => return i,
            _ => {}
        }
        i += 1;
    }
    i
}

fn unquote(s: &str) -> String {
    if !s.contains('\\') { return s.to_string(); }
    let (mut units, mut chars, mut two) = (Vec::with_capacity(s.len()), s.chars(), [0; 2]);
    while let Some(c) = chars.next() {
        let c = if c != '\\' { c } else {
            match chars.next().unwrap_or('\\') {
                'u' => {
                    let hex: String = chars.by_ref().take(4).collect();
                    units.push(u16::from_str_radix(&hex, 16).unwrap_or(0xFFFD));
                    continue;
                }
                'b' => '\u{8}', 'f' => '\u{c}', 'n' => '\n', 'r' => '\r', 't' => '\t', c => c,
            }
        };
        units.extend_from_slice(c.encode_utf16(&mut two));
    }
    String::from_utf16_lossy(&units)
}

fn quote(out: &mut String, s: &str) {
    out.push('"');
    for c in s.chars() {
        match c {
            '"' | '\\' => { out.push('\\'); out.push(c); }
            c if c < ' ' => out.push_str(&format!("\\u{:04x}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}

/// What many queries have and few need.
#[derive(Default)]
pub struct Query<'a> {
    pub id: &'a str,
    pub use_prompt: &'a str,
    pub user: &'a str,
    pub task: &'a str,
    pub metadata: &'a [(&'a str, &'a str)],
}

/// The way to the host. What is printed goes out before more input is waited for.
pub struct Out(String);

impl Out {
    fn member(&mut self, before: &str, text: &str) {
        if !text.is_empty() { self.0.push_str(before); quote(&mut self.0, text); }
    }
    pub fn prompt(&mut self, id: &str, system: &str) {
        self.member("{\"prompt\":{\"id\":", id);
        self.0.push_str(",\"messages\":[{\"role\":\"system\",\"content\":");
        quote(&mut self.0, system);
        self.0.push_str("}]}}\n");
    }
    pub fn query(&mut self, q: &Query) {
        self.member("{\"id\":", q.id);
        self.member(",\"use\":", q.use_prompt);
        self.0.push_str(",\"messages\":[{\"role\":\"user\",\"content\":");
        quote(&mut self.0, q.user);
        self.0.push_str("}]");
        self.member(",\"task_type\":", q.task);
        for (i, (name, text)) in q.metadata.iter().enumerate() {
            self.0.push_str(if i == 0 { ",\"metadata\":{" } else { "," });
            quote(&mut self.0, name);
            self.0.push(':');
            quote(&mut self.0, text);
        }
        self.0.push_str(if q.metadata.is_empty() { "}\n" } else { "}}\n" });
        if self.0.len() >= 65536 { self.flush(); }
    }
    pub fn fail(&mut self, id: &str, message: &str) {
        self.member("{\"error\":{\"id\":", id);
        self.member(",\"message\":", message);
        self.0.push_str("}}\n");
    }
    fn flush(&mut self) {
        let mut out = io::stdout();
        if out.write_all(self.0.as_bytes()).and_then(|_| out.flush()).is_err() { std::process::exit(1); }
        self.0.clear();
    }
}

/// Replaces {name} in a template; what was filled in is not looked at again.
pub fn fill(template: &str, fields: &[(&str, &str)]) -> String {
    let (mut out, mut rest) = (String::new(), template);
    while let Some(open) = rest.find('{') {
        out.push_str(&rest[..open]);
        rest = &rest[open..];
        let field = fields.iter().find(|(name, _)| rest[1..].starts_with(name) && rest[1 + name.len()..].starts_with('}'));
        let (text, size) = match field { Some((name, text)) => (*text, name.len() + 2), None => ("{", 1) };
        out.push_str(text);
        rest = &rest[size..];
    }
    out + rest
}

/// Ends the generator with an error.
pub fn die(message: &str) -> ! {
    eprintln!("{}", message);
    std::process::exit(1)
}

/// Reads the header, lets `begin` make of it what the items need, and calls `each` with every item's record.
pub fn run<T>(begin: impl FnOnce(Value, &mut Out) -> T, each: impl Fn(&T, Value, &mut Out)) {
    let (stdin, mut out, mut line) = (io::stdin(), Out(String::new()), String::new());
    let mut input = io::BufReader::with_capacity(65536, stdin.lock());
    if input.read_line(&mut line).unwrap_or(0) == 0 { die("no header"); }
    if Value(line.trim_end()).get("abi").0 != "1" { die("this generator speaks ABI 1"); }
    let state = begin(Value(line.trim_end()), &mut out);
    let mut text = Vec::new();
    loop {
        if !input.buffer().contains(&b'\n') { out.flush(); }
        text.clear();
        if input.read_until(b'\n', &mut text).unwrap_or(0) == 0 { break; }
        match std::str::from_utf8(&text) {
            Ok(record) => each(&state, Value(record.trim_end()), &mut out),
            Err(_) => die("a line of the input is not UTF-8"),
        }
    }
    out.flush();
}
