//! The package generator once more, in Rust: it must print what wasm-generators/package prints.
#[path = "../../cortex.rs"]
#[allow(dead_code)]
mod cortex;
use cortex::{fill, Query, Value};

struct State {
    template: String,
    use_prompt: &'static str,
    os: String,
}

fn main() {
    cortex::run(
        |head, out| {
            let (system, template) = (head.get("params").get("system").text(), head.get("params").get("template").text());
            if template.is_empty() { cortex::die("the parameter \"template\" is empty"); }
            if !system.is_empty() { out.prompt("system", &system); }
            let facts = head.get("facts").get("os");
            let (mut os, arch) = (facts.get("name").text(), facts.get("architecture").text());
            if os.is_empty() { os = "not known".to_string(); } else if !arch.is_empty() { os = os + ", " + &arch; }
            State { template, use_prompt: if system.is_empty() { "" } else { "system" }, os }
        },
        |state, record, out| {
            let name = package_name(record.get("item"));
            if !is_name(&name) {
                let shown = if name.len() > MAX_NAME { "" } else { &name };
                out.fail(&format!("pkg_{}", shown), "this is no package name: use one name an item, without spaces");
                return;
            }
            let facts = record.get("facts").get("package");
            let user = fill(&state.template, &[
                ("package", &name),
                ("installed", &version(facts, "installed", "not installed")),
                ("candidate", &version(facts, "candidate", "none")),
                ("architecture", &version(facts, "architecture", "unknown")),
                ("os", &state.os),
            ]);
            out.query(&Query { id: &format!("pkg_{}", name), use_prompt: state.use_prompt, user: &user,
                task: "system_operation", metadata: &[("package", &name)] });
        },
    );
}

const MAX_NAME: usize = 200;

fn package_name(item: Value) -> String {
    if !item.is_object() {
        return item.text().trim_matches(|c| c == ' ' || c == '\t' || c == '\r' || c == '\n').to_string();
    }
    let name = item.get("package").text();
    if name.is_empty() { item.get("name").text() } else { name }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(|c| c > b' ' && c != 0x7f)
}

fn version(facts: Value, name: &str, otherwise: &str) -> String {
    if !facts.exists() { return "not known".to_string(); }
    let text = facts.get(name).text();
    if text.is_empty() { otherwise.to_string() } else { text }
}
