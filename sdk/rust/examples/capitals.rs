#[path = "../cortex.rs"]
mod cortex;

fn main() {
    cortex::begin();
    cortex::prompt("system", "Answer with one word.");
    while let Some(record) = cortex::next() {
        let country = cortex::text(cortex::get(&record, "item"));
        let user = cortex::fill("What is the capital of {country}?", &[("country", &country)]);
        cortex::query(&country, "system", &user, "", &[]);
    }
}
