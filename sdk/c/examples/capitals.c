#include "../cortex.h"

int main(void) {
  cx_text record, user;
  cx_begin();
  cx_prompt(CX("system"), CX("Answer with one word."));
  while (cx_next(&record)) {
    cx_text country = cx_get_text(record, "item");
    user = cx_fill(CX("What is the capital of {country}?"), &(cx_field){"country", country}, 1);
    cx_query(&(cx_ask){.id = country, .use = CX("system"), .user = user});
  }
}
