#include "../cortex.h"

int main(void) {
  cx_begin();
  cx_prompt("system", "Answer with one word.");
  for (const char *record; (record = cx_next());) {
    const char *country = cx_member(record, "item");
    const cx_field fields[] = {{"country", country}, {0}};
    cx_query(country, "system", cx_fill("What is the capital of {country}?", fields), NULL, NULL);
  }
}
