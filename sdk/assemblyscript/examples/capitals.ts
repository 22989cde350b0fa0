import { Input, fill, member, prompt, query } from "../cortex";

const input = new Input();
input.begin();
prompt("system", "Answer with one word.");
for (let record = input.next(); record.length; record = input.next()) {
  const country = member(record, "item");
  query(country, "system", fill("What is the capital of {country}?", ["country"], [country]));
}
