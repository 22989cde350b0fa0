import { begin, fill, member, next, prompt, query } from "../cortex";

begin();
prompt("system", "Answer with one word.");
for (let record = next(); record.length; record = next()) {
  const country = member(record, "item");
  query(country, "system", fill("What is the capital of {country}?", ["country"], [country]));
}
