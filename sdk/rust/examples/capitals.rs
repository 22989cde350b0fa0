#[path = "../cortex.rs"]
#[allow(dead_code)]
mod cortex;

fn main() {
    cortex::run(|_, out| out.prompt("system", "Answer with one word."), |_, record, out| {
        let country = record.get("item").text();
        let user = cortex::fill("What is the capital of {country}?", &[("country", &country)]);
        out.query(&cortex::Query { id: &country, use_prompt: "system", user: &user, ..Default::default() });
    });
}
