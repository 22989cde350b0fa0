//! The package generator once more, in Rust: it must print what wasm-generators/package prints.
#[path = "../cortex.rs"]
mod cortex;
use cortex::{die, fill, get, text};

fn main() {
    let head = cortex::begin();
    let (params, machine) = (get(&head, "params"), get(get(&head, "facts"), "os"));
    let (system, template) = (text(get(params, "system")), text(get(params, "template")));
    let (mut os, arch) = (text(get(machine, "name")), text(get(machine, "architecture")));
    if os.is_empty() { os = "not known".to_string() } else if !arch.is_empty() { os = os + ", " + &arch }
    if template.is_empty() { die("the parameter \"template\" is empty") }
    if !system.is_empty() { cortex::prompt("system", &system) }
    while let Some(record) = cortex::next() {
        let name = package_name(get(&record, "item"));
        if !is_name(&name) {
            let id = format!("pkg_{}", if name.len() > MAX_NAME { "" } else { &name });
            cortex::fail(&id, "this is no package name: use one name an item, without spaces");
            continue;
        }
        let facts = get(get(&record, "facts"), "package");
        let user = fill(&template, &[
            ("package", &name),
            ("installed", &version(facts, "installed", "not installed")),
            ("candidate", &version(facts, "candidate", "none")),
            ("architecture", &version(facts, "architecture", "unknown")),
            ("os", &os),
        ]);
        let prompt = if system.is_empty() { "" } else { "system" };
        cortex::query(&format!("pkg_{}", name), prompt, &user, "system_operation", &[("package", &name)]);
    }
}

const MAX_NAME: usize = 200;

fn package_name(item: &str) -> String {
    if !item.starts_with('{') { return text(item).trim_matches(&[' ', '\t', '\r', '\n'][..]).to_string() }
    let name = text(get(item, "package"));
    if name.is_empty() { text(get(item, "name")) } else { name }
}

fn is_name(name: &str) -> bool {
    !name.is_empty() && name.len() <= MAX_NAME && name.bytes().all(|c| c > b' ' && c != 0x7f)
}

fn version(facts: &str, name: &str, otherwise: &str) -> String {
    let known = text(get(facts, name));
    if facts.is_empty() { "not known".to_string() } else if known.is_empty() { otherwise.to_string() } else { known }
}
